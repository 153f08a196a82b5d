//! Any datagram, taken apart into packets. The first byte is the length of our connection ids. All places lie inside the
//! packet, the two looks at the destination agree, and what is read can be written and read again.
#![no_main]

use std::ops::Range;

use inquic_wire::{
    ConnectionId, Header, LongKind, Version, Writer, dcid_of, write_long, write_retry,
    write_retry_pseudo_packet, write_version_negotiation,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&first, mut datagram)) = input.split_first() else {
        return;
    };
    let short_dcid_len = usize::from(first % 24);
    // Every packet takes bytes, so the loop ends.
    while let Ok(header) = Header::parse(datagram, short_dcid_len) {
        let cheap = dcid_of(datagram, short_dcid_len);
        let end = match header {
            Header::Long {
                kind,
                version,
                dcid,
                scid,
                token,
                number_at,
                end,
            } => {
                assert_eq!(cheap, Some(&dcid[..]));
                assert!(version.is_known());
                assert!(token.end < number_at && number_at + 20 <= end && end <= datagram.len());
                assert!(token.is_empty() || kind == LongKind::Initial);
                long_again(
                    (kind, version),
                    &dcid,
                    &scid,
                    &datagram[token],
                    end - number_at,
                );
                end
            }
            Header::Retry {
                version,
                dcid,
                scid,
                token,
                tag,
            } => {
                assert_eq!(cheap, Some(&dcid[..]));
                assert!(version.is_known());
                assert_eq!(datagram[token.end..], tag);
                retry_again(version, &dcid, &scid, &datagram[token], tag);
                datagram.len()
            }
            Header::VersionNegotiation {
                dcid,
                scid,
                versions,
            } => {
                assert_eq!(cheap, Some(&datagram[dcid.clone()]));
                assert_eq!(versions.end, datagram.len());
                version_negotiation_again(datagram, dcid, scid, versions);
                datagram.len()
            }
            Header::UnknownVersion {
                version,
                dcid,
                scid,
            } => {
                assert_eq!(cheap, Some(&datagram[dcid]));
                assert!(!version.is_known() && version != Version::NEGOTIATION);
                assert!(scid.end <= datagram.len());
                datagram.len()
            }
            Header::Short {
                dcid,
                number_at,
                end,
            } => {
                assert_eq!(cheap, Some(&dcid[..]));
                assert_eq!(number_at, 1 + short_dcid_len);
                assert!(number_at + 20 <= end && end == datagram.len());
                end
            }
        };
        datagram = &datagram[end..];
    }
});

fn long_again(
    (kind, version): (LongKind, Version),
    dcid: &ConnectionId,
    scid: &ConnectionId,
    token: &[u8],
    length: usize,
) {
    if length >= 1 << 14 {
        return;
    }
    let mut buffer = vec![0; 64 + token.len() + length];
    let mut w = Writer::new(&mut buffer);
    let plan = write_long(&mut w, kind, version, dcid, scid, token, 7, 4).unwrap();
    w.zeros(length - 4).unwrap();
    let end = w.position();
    w.patch(plan.length_at, &plan.length(end).unwrap()).unwrap();
    let start = plan.length_at - token.len();
    let place = if kind == LongKind::Initial {
        start..plan.length_at
    } else {
        plan.length_at..plan.length_at
    };
    assert_eq!(&w.written()[place.clone()], token);
    let expected = Header::Long {
        kind,
        version,
        dcid: *dcid,
        scid: *scid,
        token: place,
        number_at: plan.number_at,
        end,
    };
    assert_eq!(Header::parse(w.written(), 8), Ok(expected));
}

fn retry_again(
    version: Version,
    dcid: &ConnectionId,
    scid: &ConnectionId,
    token: &[u8],
    tag: [u8; 16],
) {
    let mut buffer = vec![0; 64 + token.len() + 16];
    let mut w = Writer::new(&mut buffer);
    write_retry(&mut w, version, dcid, scid, token).unwrap();
    let token_end = w.position();
    let mut pseudo = vec![0; 1 + scid.len() + token_end];
    write_retry_pseudo_packet(&mut Writer::new(&mut pseudo), scid, w.written()).unwrap();
    w.bytes(&tag).unwrap();
    let expected = Header::Retry {
        version,
        dcid: *dcid,
        scid: *scid,
        token: token_end - token.len()..token_end,
        tag,
    };
    assert_eq!(Header::parse(w.written(), 8), Ok(expected));
}

fn version_negotiation_again(
    packet: &[u8],
    dcid: Range<usize>,
    scid: Range<usize>,
    versions: Range<usize>,
) {
    let list: Vec<_> = packet[versions.clone()]
        .chunks_exact(4)
        .map(|version| Version(u32::from_be_bytes(version.try_into().unwrap())))
        .collect();
    let mut buffer = vec![0; packet.len()];
    let mut w = Writer::new(&mut buffer);
    let (d, s) = (&packet[dcid.clone()], &packet[scid.clone()]);
    write_version_negotiation(&mut w, packet[0], d, s, &list).unwrap();
    assert_eq!(w.written()[1..], packet[1..]);
    let expected = Header::VersionNegotiation {
        dcid,
        scid,
        versions,
    };
    assert_eq!(Header::parse(w.written(), 8), Ok(expected));
}
