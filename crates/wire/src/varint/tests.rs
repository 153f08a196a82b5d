use proptest::prelude::*;

use super::*;
use crate::{Full, Reader, Truncated, Writer};

fn decode(bytes: &[u8]) -> Result<u64, Truncated> {
    Reader::new(bytes).varint()
}

fn encode(value: u64) -> std::vec::Vec<u8> {
    let mut buffer = [0; 8];
    let mut w = Writer::new(&mut buffer);
    w.varint(value).unwrap();
    w.written().to_vec()
}

/// RFC 9000 §A.1.
const SAMPLES: [(&[u8], u64); 4] = [
    (
        &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c],
        151_288_809_941_952_652,
    ),
    (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
    (&[0x7b, 0xbd], 15_293),
    (&[0x25], 37),
];

#[test]
fn the_samples_of_the_rfc_decode() {
    for (bytes, value) in SAMPLES {
        assert_eq!(decode(bytes), Ok(value));
    }
    assert_eq!(decode(&[0x40, 0x25]), Ok(37));
}

#[test]
fn the_samples_of_the_rfc_encode() {
    for (bytes, value) in SAMPLES {
        assert_eq!(encode(value), bytes);
    }
}

#[test]
fn each_length_begins_where_the_shorter_one_ends() {
    for (len, max) in [(1, 0x3f), (2, 0x3fff), (4, 0x3fff_ffff), (8, VARINT_MAX)] {
        assert_eq!(varint_len(max), len);
        assert_eq!(encode(max).len(), len);
        assert_eq!(decode(&encode(max)), Ok(max));
        if max < VARINT_MAX {
            assert!(varint_len(max + 1) > len);
        }
    }
}

#[test]
fn a_number_above_the_largest_is_not_written() {
    let mut buffer = [0; 16];
    let mut w = Writer::new(&mut buffer);
    assert_eq!(w.varint(VARINT_MAX + 1), Err(Full));
    assert_eq!(w.varint(u64::MAX), Err(Full));
    assert_eq!(w.position(), 0);
}

#[test]
fn every_first_byte_asks_for_as_many_bytes_as_it_says() {
    let mut bytes = [0xff; 8];
    for first in 0..=255_u8 {
        bytes[0] = first;
        let needed = 1 << (first >> 6);
        for len in 0..=8 {
            assert_eq!(decode(&bytes[..len]).is_ok(), len >= needed);
        }
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(value in 0..=VARINT_MAX) {
        let bytes = encode(value);
        prop_assert_eq!(bytes.len(), varint_len(value));
        prop_assert_eq!(decode(&bytes), Ok(value));
        for cut in 0..bytes.len() {
            prop_assert_eq!(decode(&bytes[..cut]), Err(Truncated));
        }
    }

    #[test]
    fn a_longer_encoding_means_the_same(shift in 2_u32..64, bits in any::<u64>(), len in prop::sample::select(&[1, 2, 4, 8][..])) {
        let value = bits >> shift;
        let mut buffer = [0; 8];
        let mut w = Writer::new(&mut buffer);
        let written = w.varint_sized(value, len);
        if len < varint_len(value) {
            prop_assert_eq!(written, Err(Full));
            prop_assert_eq!(w.position(), 0);
        } else {
            prop_assert_eq!(written, Ok(()));
            prop_assert_eq!(w.position(), len);
            prop_assert_eq!(decode(w.written()), Ok(value));
        }
    }
}
