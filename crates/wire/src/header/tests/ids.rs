//! All pairs of connection id lengths × packet types × cuts: the answer comes from a table and is never a panic.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Type {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
    VersionNegotiation,
    UnknownVersion,
}

const TYPES: [Type; 6] = [
    Type::Initial,
    Type::ZeroRtt,
    Type::Handshake,
    Type::Retry,
    Type::VersionNegotiation,
    Type::UnknownVersion,
];

const TOKEN: usize = 3;
const BODY: usize = 21;

/// A packet with ids of these lengths, and the offsets where its fields end.
fn packet(kind: Type, dcid: usize, scid: usize) -> (Vec<u8>, Vec<usize>) {
    let (first, version) = match kind {
        Type::Initial => (0xc0, 1),
        Type::ZeroRtt => (0xd0, 1),
        Type::Handshake => (0xe0, 1),
        Type::Retry => (0xf0, 1_u32),
        Type::VersionNegotiation => (0x80, 0),
        Type::UnknownVersion => (0x80, 0x709a_50c4),
    };
    let mut bytes = std::vec![first];
    let mut ends = std::vec![1];
    let mut field = |field: &[u8]| {
        bytes.extend_from_slice(field);
        ends.push(bytes.len());
    };
    field(&version.to_be_bytes());
    field(&[dcid as u8]);
    field(&[0xdd; 255][..dcid]);
    field(&[scid as u8]);
    field(&[0x55; 255][..scid]);
    match kind {
        Type::Initial => {
            field(&[TOKEN as u8]);
            field(&[0x70; TOKEN]);
            field(&[0x40, BODY as u8]);
            field(&[0; BODY]);
        }
        Type::ZeroRtt | Type::Handshake => {
            field(&[0x40, BODY as u8]);
            field(&[0; BODY]);
        }
        Type::Retry => {
            field(&[0x70; TOKEN]);
            field(&[0x7a; 16]);
        }
        Type::VersionNegotiation => {
            field(&[0, 0, 0, 1]);
            field(&[0x6b, 0x33, 0x43, 0xcf]);
        }
        Type::UnknownVersion => field(&[1, 2, 3]),
    }
    (bytes, ends)
}

/// The answer that the RFCs give for the first `cut` bytes of such a packet.
fn answer(kind: Type, d: usize, s: usize, cut: usize) -> Result<Header, HeaderError> {
    let v1 = !matches!(kind, Type::VersionNegotiation | Type::UnknownVersion);
    let ids_end = 7 + d + s;
    if cut < 6 {
        return Err(HeaderError::Truncated);
    }
    if v1 && d > 20 {
        return Err(HeaderError::CidTooLong);
    }
    if cut < 7 + d {
        return Err(HeaderError::Truncated);
    }
    if v1 && s > 20 {
        return Err(HeaderError::CidTooLong);
    }
    if cut < ids_end {
        return Err(HeaderError::Truncated);
    }
    let (dcid, scid) = (6..6 + d, 7 + d..ids_end);
    let rest = cut - ids_end;
    let long = |kind, token: Range<usize>| {
        if cut < token.end + 2 {
            return Err(HeaderError::Truncated);
        }
        if cut < token.end + 2 + BODY {
            return Err(HeaderError::LengthTooLong);
        }
        Ok(Header::Long {
            kind,
            version: Version::V1,
            dcid: cid(&[0xdd; 20][..d]),
            scid: cid(&[0x55; 20][..s]),
            number_at: token.end + 2,
            end: token.end + 2 + BODY,
            token,
        })
    };
    match kind {
        Type::Initial => long(LongKind::Initial, ids_end + 1..ids_end + 1 + TOKEN),
        Type::ZeroRtt => long(LongKind::ZeroRtt, ids_end..ids_end),
        Type::Handshake => long(LongKind::Handshake, ids_end..ids_end),
        Type::Retry if rest < 16 => Err(HeaderError::Truncated),
        Type::Retry if rest == 16 => Err(HeaderError::EmptyToken),
        Type::Retry => {
            let (packet, _) = packet(kind, d, s);
            Ok(Header::Retry {
                version: Version::V1,
                dcid: cid(&[0xdd; 20][..d]),
                scid: cid(&[0x55; 20][..s]),
                token: ids_end..cut - 16,
                tag: packet[cut - 16..cut].try_into().unwrap(),
            })
        }
        Type::VersionNegotiation if rest == 0 || !rest.is_multiple_of(4) => {
            Err(HeaderError::Versions)
        }
        Type::VersionNegotiation => Ok(Header::VersionNegotiation {
            dcid,
            scid,
            versions: ids_end..cut,
        }),
        Type::UnknownVersion => Ok(Header::UnknownVersion {
            version: Version(0x709a_50c4),
            dcid,
            scid,
        }),
    }
}

/// Every cut of an optimised build; in others, where that takes minutes, the cuts around the ends of the fields.
fn cuts(len: usize, ends: &[usize]) -> Vec<usize> {
    if !cfg!(debug_assertions) {
        return (0..=len).collect();
    }
    let around = ends.iter().flat_map(|&end| [end - 1, end, end + 1]);
    let mut cuts: Vec<_> = around.chain([0]).filter(|&cut| cut <= len).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

#[test]
fn every_pair_of_id_lengths_in_every_type_of_packet_at_every_cut_has_its_answer() {
    let mut looked_at = 0_u64;
    for dcid in 0..=255 {
        for scid in 0..=255 {
            for kind in TYPES {
                let (bytes, ends) = packet(kind, dcid, scid);
                for cut in cuts(bytes.len(), &ends) {
                    let header = Header::parse(&bytes[..cut], 8);
                    let answer = answer(kind, dcid, scid, cut);
                    assert_eq!(header, answer, "{kind:?} {dcid} {scid} {cut}");
                    looked_at += 1;
                }
            }
        }
    }
    assert!(looked_at > 256 * 256 * 6 * 10, "{looked_at}");
}

#[test]
fn every_length_of_a_short_header_id_at_every_cut_has_its_answer() {
    for dcid in 0..=255 {
        let bytes = [0x40; 1 + 255 + 20];
        for cut in 0..=bytes.len() {
            let header = Header::parse(&bytes[..cut], dcid);
            let expected = if cut < 1 + dcid {
                Err(HeaderError::Truncated)
            } else if dcid > 20 {
                Err(HeaderError::CidTooLong)
            } else if cut < 1 + dcid + 20 {
                Err(HeaderError::Truncated)
            } else {
                Ok(Header::Short {
                    dcid: cid(&[0x40; 20][..dcid]),
                    number_at: 1 + dcid,
                    end: cut,
                })
            };
            assert_eq!(header, expected, "{dcid} {cut}");
        }
    }
}

#[test]
fn the_id_for_demultiplexing_is_found_in_every_version() {
    for kind in TYPES {
        for dcid in [0, 1, 8, 20, 21, 255] {
            let (bytes, _) = packet(kind, dcid, 4);
            assert_eq!(dcid_of(&bytes, 8), Some(&[0xdd; 255][..dcid]));
            assert_eq!(dcid_of(&bytes[..6 + dcid], 8), Some(&[0xdd; 255][..dcid]));
            assert_eq!(dcid_of(&bytes[..5 + dcid], 8), None);
        }
    }
    assert_eq!(dcid_of(&[0x40, 1, 2, 3], 2), Some(&[1, 2][..]));
    assert_eq!(dcid_of(&[0x40, 1, 2, 3], 4), None);
    assert_eq!(dcid_of(&[], 0), None);
}
