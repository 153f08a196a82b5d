//! What anybody may send.

use proptest::prelude::*;

use super::*;

/// A Handshake packet with empty ids and this Length field before `body` bytes.
fn handshake(length: &[u8], body: usize) -> Vec<u8> {
    let mut packet = std::vec![0xe0, 0, 0, 0, 1, 0, 0];
    packet.extend_from_slice(length);
    packet.resize(packet.len() + body, 0xbb);
    packet
}

fn end_of(packet: &[u8]) -> Result<usize, HeaderError> {
    match Header::parse(packet, 8)? {
        Header::Long { end, .. } | Header::Short { end, .. } => Ok(end),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_packet_without_the_fixed_bit_is_dropped() {
    for first in 0..=255_u8 {
        let mut packet = handshake(&[0x14], 20);
        packet[0] = first;
        // Read as a short header, or as a long one of some type: the bit decides before anything else.
        let dropped = Header::parse(&packet, 0) == Err(HeaderError::FixedBit);
        assert_eq!(dropped, first & 0x40 == 0, "{first:#x}");
    }
}

#[test]
fn a_packet_without_the_fixed_bit_is_read_by_who_takes_greased_ones() {
    let packet = handshake(&[0x14], 20);
    for first in 0..=255_u8 {
        let (mut clear, mut set) = (packet.clone(), packet.clone());
        clear[0] = first & !0x40;
        set[0] = first | 0x40;
        assert_eq!(
            Header::parse_greased(&clear, 0),
            Header::parse(&set, 0),
            "{first:#x}"
        );
    }
}

#[test]
fn the_fixed_bit_means_nothing_in_other_versions() {
    for version in [0_u32, 2, 0x0a0a_0a0a] {
        let mut packet = handshake(&[], 4);
        packet[1..5].copy_from_slice(&version.to_be_bytes());
        for first in [0x80, 0xc0, 0xff] {
            packet[0] = first;
            assert!(Header::parse(&packet, 8).is_ok());
        }
    }
}

#[test]
fn a_packet_ends_where_its_length_says() {
    for length in [
        &[20][..],
        &[0x40, 20],
        &[0x80, 0, 0, 20],
        &[0xc0, 0, 0, 0, 0, 0, 0, 20],
    ] {
        assert_eq!(end_of(&handshake(length, 20)), Ok(7 + length.len() + 20));
        assert_eq!(end_of(&handshake(length, 500)), Ok(7 + length.len() + 20));
    }
}

#[test]
fn a_length_beyond_the_datagram_is_dropped() {
    assert_eq!(
        end_of(&handshake(&[0x40, 101], 100)),
        Err(HeaderError::LengthTooLong)
    );
    assert_eq!(
        end_of(&handshake(&[0xff; 8], 100)),
        Err(HeaderError::LengthTooLong)
    );
}

#[test]
fn a_packet_without_room_for_number_and_sample_is_dropped() {
    // Number and sample must lie inside the packet; that the datagram goes on does not help.
    for length in 0..20 {
        assert_eq!(
            end_of(&handshake(&[length], 100)),
            Err(HeaderError::Truncated)
        );
    }
    assert_eq!(end_of(&handshake(&[20], 100)), Ok(28));
    assert_eq!(Header::parse(&[0x40; 28], 8), Err(HeaderError::Truncated));
    assert_eq!(end_of(&[0x40; 29]), Ok(29));
}

#[test]
fn a_token_may_be_empty_and_may_not_pass_the_end() {
    let mut packet = hex("c0 00000001 00 00 00 14");
    packet.resize(packet.len() + 20, 0);
    let Ok(Header::Long {
        token, number_at, ..
    }) = Header::parse(&packet, 8)
    else {
        panic!()
    };
    assert_eq!((token, number_at), (8..8, 9));
    packet[7] = 0x3f;
    assert_eq!(Header::parse(&packet, 8), Err(HeaderError::Truncated));
    packet[7] = 0xff;
    assert_eq!(Header::parse(&packet, 8), Err(HeaderError::Truncated));
}

#[test]
fn coalesced_packets_are_found_one_after_the_other() {
    let mut datagram = handshake(&[0x14], 20);
    let second = datagram.len();
    datagram.extend(handshake(&[0x40, 0x1e], 30));
    let third = datagram.len();
    datagram.extend([0x40; 40]);
    assert_eq!(end_of(&datagram), Ok(second));
    assert_eq!(end_of(&datagram[second..]), Ok(third - second));
    assert_eq!(end_of(&datagram[third..]), Ok(40));
}

#[test]
fn the_client_initial_of_the_rfc_is_read() {
    // RFC 9001 §A.2, protected.
    let mut packet = hex("c000000001088394c8f03e5157080000449e7b9aec34");
    packet.resize(1200, 0);
    let expected = Header::Long {
        kind: LongKind::Initial,
        version: Version::V1,
        dcid: cid(&hex("8394c8f03e515708")),
        scid: ConnectionId::EMPTY,
        token: 16..16,
        number_at: 18,
        end: 1200,
    };
    assert_eq!(Header::parse(&packet, 8), Ok(expected));
}

#[test]
fn the_client_initial_of_version_2_is_read() {
    // RFC 9369 §A.2, protected.
    let mut packet = hex("d76b3343cf088394c8f03e5157080000449ea0c95e82");
    packet.resize(1200, 0);
    let expected = Header::Long {
        kind: LongKind::Initial,
        version: Version::V2,
        dcid: cid(&hex("8394c8f03e515708")),
        scid: ConnectionId::EMPTY,
        token: 16..16,
        number_at: 18,
        end: 1200,
    };
    assert_eq!(Header::parse(&packet, 8), Ok(expected));
}

#[test]
fn the_retry_of_version_2_is_read() {
    // RFC 9369 §A.4.
    let packet = hex("cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6");
    let expected = Header::Retry {
        version: Version::V2,
        dcid: ConnectionId::EMPTY,
        scid: cid(&hex("f067a5502a4262b5")),
        token: 15..20,
        tag: hex("c8646ce8bfe33952d955543665dcc7b6").try_into().unwrap(),
    };
    assert_eq!(Header::parse(&packet, 8), Ok(expected));
}

#[test]
fn the_retry_of_the_rfc_is_read() {
    // RFC 9001 §A.4.
    let packet = hex("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba");
    let expected = Header::Retry {
        version: Version::V1,
        dcid: ConnectionId::EMPTY,
        scid: cid(&hex("f067a5502a4262b5")),
        token: 15..20,
        tag: hex("04a265ba2eff4d829058fb3f0f2496ba").try_into().unwrap(),
    };
    assert_eq!(Header::parse(&packet, 8), Ok(expected));
    assert_eq!(&packet[15..20], b"token");
}

const VERSIONS: [u32; 4] = [0, 1, 2, Version::V2.0];

proptest! {
    #[test]
    fn any_bytes_give_places_inside_them(mut packet in prop::collection::vec(any::<u8>(), 0..120), version in prop::sample::select(&VERSIONS[..]), short in 0_usize..30) {
        // Half of all random packets would be of unknown versions otherwise.
        if let Some(place) = packet.get_mut(1..5) {
            place.copy_from_slice(&version.to_be_bytes());
        }
        let len = packet.len();
        match Header::parse(&packet, short) {
            Ok(Header::Long { token, number_at, end, .. }) => {
                prop_assert!(token.start <= token.end && token.end < number_at && number_at + 20 <= end && end <= len);
            }
            Ok(Header::Short { number_at, end, .. }) => {
                prop_assert!(number_at == 1 + short && number_at + 20 <= end && end == len);
            }
            Ok(Header::Retry { token, .. }) => prop_assert!(!token.is_empty() && token.end + 16 == len),
            Ok(Header::VersionNegotiation { dcid, scid, versions }) => {
                prop_assert!(dcid.end < scid.start + 1 && scid.end == versions.start && versions.end == len);
                prop_assert!(versions.len() >= 4 && versions.len() % 4 == 0);
            }
            Ok(Header::UnknownVersion { dcid, scid, version }) => {
                prop_assert!(!version.is_known() && dcid.end < scid.start + 1 && scid.end <= len);
            }
            Err(_) => {}
        }
    }

    #[test]
    fn the_cheap_look_and_the_whole_look_agree(mut packet in prop::collection::vec(any::<u8>(), 1..80), version in prop::sample::select(&VERSIONS[..]), short in 0_usize..21) {
        if let Some(place) = packet.get_mut(1..5) {
            place.copy_from_slice(&version.to_be_bytes());
        }
        let cheap = dcid_of(&packet, short);
        match Header::parse(&packet, short) {
            Ok(Header::Long { dcid, .. } | Header::Retry { dcid, .. } | Header::Short { dcid, .. }) => {
                prop_assert_eq!(cheap, Some(dcid.as_slice()));
            }
            Ok(Header::VersionNegotiation { dcid, .. } | Header::UnknownVersion { dcid, .. }) => {
                prop_assert_eq!(cheap, Some(&packet[dcid]));
            }
            Err(_) => {}
        }
    }
}
