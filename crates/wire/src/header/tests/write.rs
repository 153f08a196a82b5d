//! What we send.

use proptest::prelude::*;

use super::*;
use crate::error::Full;

#[test]
fn the_client_initial_of_the_rfc_is_written() {
    // RFC 9001 §A.2, before protection.
    let bytes = written(|w| {
        let dcid = cid(&hex("8394c8f03e515708"));
        let plan = write_long(
            w,
            LongKind::Initial,
            Version::V1,
            &dcid,
            &ConnectionId::EMPTY,
            &[],
            2,
            4,
        )?;
        assert_eq!(
            plan,
            LongPlan {
                start: 0,
                length_at: 16,
                number_at: 18,
                payload_at: 22
            }
        );
        w.patch(plan.length_at, &plan.length(18 + 0x49e)?)
    });
    assert_eq!(bytes, hex("c300000001088394c8f03e5157080000449e00000002"));
}

#[test]
fn the_server_initial_of_the_rfc_is_written() {
    // RFC 9001 §A.3, before protection.
    let bytes = written(|w| {
        let scid = cid(&hex("f067a5502a4262b5"));
        let plan = write_long(
            w,
            LongKind::Initial,
            Version::V1,
            &ConnectionId::EMPTY,
            &scid,
            &[],
            1,
            2,
        )?;
        w.patch(plan.length_at, &plan.length(18 + 0x75)?)
    });
    assert_eq!(bytes, hex("c1000000010008f067a5502a4262b50040750001"));
}

#[test]
fn the_short_header_of_the_rfc_is_written() {
    // RFC 9001 §A.5, before protection.
    let bytes = written(|w| write_short(w, &ConnectionId::EMPTY, false, false, 654_360_564, 3));
    assert_eq!(bytes, hex("4200bff4"));
}

#[test]
fn the_retry_of_the_rfc_is_written() {
    // RFC 9001 §A.4.
    let scid = cid(&hex("f067a5502a4262b5"));
    let retry = written(|w| write_retry(w, Version::V1, &ConnectionId::EMPTY, &scid, b"token"));
    assert_eq!(retry, hex("ff000000010008f067a5502a4262b5746f6b656e"));
    let mut pseudo = [0; 64];
    let mut w = Writer::new(&mut pseudo);
    write_retry_pseudo_packet(&mut w, &cid(&hex("8394c8f03e515708")), &retry).unwrap();
    let pseudo = w.written();
    assert_eq!(
        pseudo,
        hex("088394c8f03e515708 ff000000010008f067a5502a4262b5746f6b656e")
    );
}

#[test]
fn the_initials_of_version_2_are_written() {
    // RFC 9369 §A.2 and §A.3, before protection.
    let client = written(|w| {
        let dcid = cid(&hex("8394c8f03e515708"));
        let (initial, none) = (LongKind::Initial, ConnectionId::EMPTY);
        let plan = write_long(w, initial, Version::V2, &dcid, &none, &[], 2, 4)?;
        w.patch(plan.length_at, &plan.length(18 + 0x49e)?)
    });
    assert_eq!(client, hex("d36b3343cf088394c8f03e5157080000449e00000002"));
    let server = written(|w| {
        let scid = cid(&hex("f067a5502a4262b5"));
        let (initial, none) = (LongKind::Initial, ConnectionId::EMPTY);
        let plan = write_long(w, initial, Version::V2, &none, &scid, &[], 1, 2)?;
        w.patch(plan.length_at, &plan.length(18 + 0x75)?)
    });
    assert_eq!(server, hex("d16b3343cf0008f067a5502a4262b50040750001"));
}

#[test]
fn the_retry_of_version_2_is_written() {
    // RFC 9369 §A.4.
    let scid = cid(&hex("f067a5502a4262b5"));
    let retry = written(|w| write_retry(w, Version::V2, &ConnectionId::EMPTY, &scid, b"token"));
    assert_eq!(retry, hex("cf6b3343cf0008f067a5502a4262b5746f6b656e"));
}

#[test]
fn types_of_version_2_are_those_of_version_1_moved_on() {
    for (kind, first) in [
        (LongKind::Initial, 0xd0),
        (LongKind::ZeroRtt, 0xe0),
        (LongKind::Handshake, 0xf0),
    ] {
        let none = ConnectionId::EMPTY;
        let bytes = written(|w| write_long(w, kind, Version::V2, &none, &none, &[], 0, 1));
        assert_eq!(bytes[0], first, "{kind:?}");
    }
}

#[test]
fn a_retry_without_token_is_not_written() {
    let mut buffer = [0; 64];
    let mut w = Writer::new(&mut buffer);
    let none = ConnectionId::EMPTY;
    assert_eq!(
        write_retry(&mut w, Version::V1, &none, &none, &[]),
        Err(Full)
    );
    assert_eq!(w.position(), 0);
}

#[test]
fn spin_and_key_phase_have_their_bits() {
    for (spin, key_phase, bits) in [
        (false, false, 0),
        (true, false, 0x20),
        (false, true, 0x04),
        (true, true, 0x24),
    ] {
        let bytes = written(|w| write_short(w, &cid(&[9]), spin, key_phase, 0x0102_0304, 4));
        assert_eq!(bytes, [0x43 | bits, 9, 1, 2, 3, 4]);
    }
}

#[test]
fn a_packet_number_is_cut_to_its_length() {
    for (len, number) in [
        (1, &[5][..]),
        (2, &[4, 5]),
        (3, &[3, 4, 5]),
        (4, &[2, 3, 4, 5]),
    ] {
        let bytes =
            written(|w| write_short(w, &ConnectionId::EMPTY, false, false, 0x01_0203_0405, len));
        assert_eq!(bytes[0], 0x40 | (len as u8 - 1));
        assert_eq!(&bytes[1..], number);
    }
}

#[test]
fn a_length_has_two_bytes_up_to_16383() {
    let mut buffer = std::vec![0; 20_000];
    let mut w = Writer::new(&mut buffer);
    let none = ConnectionId::EMPTY;
    let plan = write_long(
        &mut w,
        LongKind::Handshake,
        Version::V1,
        &none,
        &none,
        &[],
        0,
        1,
    )
    .unwrap();
    assert_eq!(plan.length(plan.number_at - 1), Err(Full));
    assert_eq!(plan.length(plan.number_at + 16_384), Err(Full));
    assert_eq!(plan.length(plan.number_at + 16_383), Ok([0x7f, 0xff]));
}

#[test]
fn a_header_that_does_not_fit_is_not_written() {
    let (dcid, scid) = (cid(&[1; 8]), cid(&[2; 4]));
    let long = 1 + 4 + 1 + 8 + 1 + 4 + 1 + 3 + 2 + 4;
    for room in 0..=long {
        let mut buffer = std::vec![0; room];
        let mut w = Writer::new(&mut buffer);
        let plan = write_long(
            &mut w,
            LongKind::Initial,
            Version::V1,
            &dcid,
            &scid,
            b"abc",
            7,
            4,
        );
        assert_eq!(plan.is_ok(), room == long);
        assert_eq!(w.position(), if room == long { long } else { 0 });
    }
    for room in 0..=1 + 8 + 2 {
        let mut buffer = std::vec![0; room];
        let mut w = Writer::new(&mut buffer);
        let plan = write_short(&mut w, &dcid, false, false, 7, 2);
        assert_eq!(plan.is_ok(), room == 11);
        assert_eq!(w.position(), if room == 11 { 11 } else { 0 });
    }
}

#[test]
fn version_negotiation_echoes_ids_of_any_length() {
    let (dcid, scid) = ([3; 255], [4; 21]);
    let versions = [Version::V1, Version(0x1a2a_3a4a)];
    let bytes = written(|w| write_version_negotiation(w, 0x15, &dcid, &scid, &versions));
    assert_eq!(bytes[0], 0xd5);
    let expected = Header::VersionNegotiation {
        dcid: 6..261,
        scid: 262..283,
        versions: 283..291,
    };
    assert_eq!(Header::parse(&bytes, 8), Ok(expected));
    assert_eq!(bytes[283..], hex("00000001 1a2a3a4a"));

    let mut buffer = [0; 1024];
    let mut w = Writer::new(&mut buffer);
    assert_eq!(
        write_version_negotiation(&mut w, 0, &[0; 256], &scid, &versions),
        Err(Full)
    );
    assert_eq!(w.position(), 0);
}

proptest! {
    #[test]
    fn a_long_header_is_read_as_it_was_written(
        kind in prop::sample::select(&[LongKind::Initial, LongKind::ZeroRtt, LongKind::Handshake][..]),
        dcid in prop::collection::vec(any::<u8>(), 0..=20),
        scid in prop::collection::vec(any::<u8>(), 0..=20),
        mut token in prop::collection::vec(any::<u8>(), 0..100),
        v2 in any::<bool>(),
        number in 0_u64..1 << 62,
        number_len in 1_usize..=4,
        payload in 20_usize..1200,
        behind in 0_usize..100,
    ) {
        if kind != LongKind::Initial {
            token.clear();
        }
        let (dcid, scid) = (cid(&dcid), cid(&scid));
        let version = if v2 { Version::V2 } else { Version::V1 };
        let mut buffer = [0; 2048];
        let mut w = Writer::new(&mut buffer);
        let plan = write_long(&mut w, kind, version, &dcid, &scid, &token, number, number_len).unwrap();
        prop_assert_eq!(w.position(), plan.payload_at);
        w.zeros(payload).unwrap();
        let end = w.position();
        w.patch(plan.length_at, &plan.length(end).unwrap()).unwrap();
        w.zeros(behind).unwrap();
        let Ok(Header::Long { token: place, .. }) = Header::parse(w.written(), 8) else { panic!() };
        prop_assert_eq!(&w.written()[place.clone()], &token[..]);
        let expected = Header::Long { kind, version, dcid, scid, token: place, number_at: plan.number_at, end };
        prop_assert_eq!(Header::parse(w.written(), 8), Ok(expected));
    }
}
