use proptest::prelude::*;

use super::*;

#[test]
fn numbers_are_read_high_byte_first() {
    let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut r = Reader::new(&bytes);
    assert_eq!(r.u8(), Ok(1));
    assert_eq!(r.u16(), Ok(0x0203));
    assert_eq!(r.u32(), Ok(0x0405_0607));
    assert_eq!(r.u64(), Ok(0x0809_0a0b_0c0d_0e0f));
    assert!(r.is_empty());
    assert_eq!(r.position(), 15);
}

#[test]
fn a_read_that_fails_reads_nothing() {
    let bytes = [0xc0, 1, 2];
    let mut r = Reader::new(&bytes);
    assert_eq!(r.varint(), Err(Truncated));
    assert_eq!(r.u32(), Err(Truncated));
    assert_eq!(r.u64(), Err(Truncated));
    assert_eq!(r.bytes(4), Err(Truncated));
    assert_eq!(r.bytes(usize::MAX), Err(Truncated));
    assert_eq!(r.array::<4>(), Err(Truncated));
    assert_eq!(r.position(), 0);
    assert_eq!(r.rest(), &bytes);
}

#[test]
fn a_counted_string_that_is_cut_reads_nothing() {
    let mut r = Reader::new(&[3, 1, 2]);
    assert_eq!(r.varint_bytes(), Err(Truncated));
    assert_eq!(r.position(), 0);
    assert_eq!(
        Reader::new(&[3, 1, 2, 3, 4]).varint_bytes(),
        Ok(&[1, 2, 3][..])
    );
    assert_eq!(Reader::new(&[0xff; 8]).varint_bytes(), Err(Truncated));
}

#[test]
fn rest_takes_all() {
    let mut r = Reader::new(&[1, 2, 3]);
    assert_eq!(r.u8(), Ok(1));
    assert_eq!(r.peek(), &[2, 3]);
    assert_eq!(r.remaining(), 2);
    assert_eq!(r.rest(), &[2, 3]);
    assert_eq!(r.rest(), &[]);
    assert_eq!(r.u8(), Err(Truncated));
    assert_eq!(r.position(), 3);
}

proptest! {
    #[test]
    fn position_and_remaining_add_up(bytes in prop::collection::vec(any::<u8>(), 0..64), steps in prop::collection::vec(0..8_u8, 0..32)) {
        let mut r = Reader::new(&bytes);
        for step in steps {
            let before = r.position();
            let read = match step {
                0 => r.u8().is_ok(),
                1 => r.u16().is_ok(),
                2 => r.u32().is_ok(),
                3 => r.u64().is_ok(),
                4 => r.varint().is_ok(),
                5 => r.varint_bytes().is_ok(),
                6 => r.array::<3>().is_ok(),
                _ => r.bytes(5).is_ok(),
            };
            prop_assert_eq!(read, r.position() > before);
            prop_assert_eq!(r.position() + r.remaining(), bytes.len());
            prop_assert_eq!(r.peek(), &bytes[r.position()..]);
        }
    }
}
