use proptest::prelude::*;

use super::*;

#[test]
fn numbers_are_written_high_byte_first() {
    let mut buffer = [0; 15];
    let mut w = Writer::new(&mut buffer);
    w.u8(1).unwrap();
    w.u16(0x0203).unwrap();
    w.u32(0x0405_0607).unwrap();
    w.u64(0x0809_0a0b_0c0d_0e0f).unwrap();
    assert_eq!(w.remaining(), 0);
    assert_eq!(
        w.written(),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    );
}

#[test]
fn a_write_that_does_not_fit_writes_nothing() {
    let mut buffer = [0xee; 3];
    let mut w = Writer::new(&mut buffer);
    assert_eq!(w.u32(1), Err(Full));
    assert_eq!(w.u64(1), Err(Full));
    assert_eq!(w.varint(1 << 20), Err(Full));
    assert_eq!(w.bytes(&[1; 4]), Err(Full));
    assert_eq!(w.varint_bytes(&[1; 3]), Err(Full));
    assert_eq!(w.zeros(4), Err(Full));
    assert_eq!(w.zeros(usize::MAX), Err(Full));
    assert_eq!(w.reserve(4).err(), Some(Full));
    assert_eq!(w.position(), 0);
    assert_eq!(w.written(), []);
    w.bytes(&[1, 2, 3]).unwrap();
    assert_eq!(w.u8(4), Err(Full));
    assert_eq!(buffer, [1, 2, 3]);
}

#[test]
fn a_patch_stays_inside_what_was_written() {
    let mut buffer = [0; 8];
    let mut w = Writer::new(&mut buffer);
    w.zeros(4).unwrap();
    assert_eq!(w.patch(2, &[7, 8]), Ok(()));
    assert_eq!(w.patch(3, &[7, 8]), Err(Full));
    assert_eq!(w.patch(usize::MAX, &[7]), Err(Full));
    assert_eq!(w.written(), [0, 0, 7, 8]);
}

#[test]
fn a_reserved_place_is_filled_later() {
    let mut buffer = [0; 4];
    let mut w = Writer::new(&mut buffer);
    w.u8(1).unwrap();
    w.reserve(2).unwrap().copy_from_slice(&[2, 3]);
    w.u8(4).unwrap();
    assert_eq!(w.written(), [1, 2, 3, 4]);
}

#[test]
fn only_the_four_lengths_of_a_varint_exist() {
    let mut buffer = [0; 16];
    let mut w = Writer::new(&mut buffer);
    for len in [0, 3, 5, 6, 7, 9, usize::MAX] {
        assert_eq!(w.varint_sized(0, len), Err(Full));
    }
    for len in [1, 2, 4, 8] {
        assert_eq!(w.varint_sized(0, len), Ok(()));
    }
    assert_eq!(w.position(), 15);
}

proptest! {
    #[test]
    fn position_moves_by_what_was_written(size in 0_usize..40, steps in prop::collection::vec((0..7_u8, any::<u64>()), 0..32)) {
        let mut buffer = [0; 40];
        let mut w = Writer::new(&mut buffer[..size]);
        for (step, value) in steps {
            let before = w.position();
            let (len, done) = match step {
                0 => (1, w.u8(value as u8)),
                1 => (2, w.u16(value as u16)),
                2 => (4, w.u32(value as u32)),
                3 => (8, w.u64(value)),
                4 => (varint_len(value >> 2), w.varint(value >> 2)),
                5 => (3, w.zeros(3)),
                _ => (5, w.bytes(&[1; 5])),
            };
            prop_assert_eq!(done.is_ok(), before + len <= size);
            prop_assert_eq!(w.position(), if done.is_ok() { before + len } else { before });
            prop_assert_eq!(w.position() + w.remaining(), size);
            prop_assert_eq!(w.written().len(), w.position());
        }
    }
}
