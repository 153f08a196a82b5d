//! ACK ranges: descending, apart, and never below zero.

use std::ops::RangeInclusive;

use proptest::prelude::*;

use super::*;
use crate::{frame::write_ack, varint::VARINT_MAX};

fn ranges(payload: &[u8]) -> Vec<RangeInclusive<u64>> {
    match read_one(payload).unwrap() {
        Frame::Ack(ack) => ack.ranges().collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn ranges_follow_the_formulas_of_the_rfc() {
    // Largest 100, first range 4; then gap 2, range 1; then gap 0, range 0.
    assert_eq!(
        ranges(&[2, 0x40, 100, 0, 2, 4, 2, 1, 0, 0]),
        [96..=100, 91..=92, 89..=89]
    );
}

#[test]
fn a_range_reaches_zero_and_no_further() {
    assert_eq!(ranges(&[2, 5, 0, 0, 5]), [0..=5]);
    assert_eq!(ranges(&[2, 5, 0, 1, 0, 2, 1]), [5..=5, 0..=1]);
    for payload in [
        &[2, 5, 0, 0, 6][..],
        &[2, 5, 0, 1, 0, 2, 2],
        &[2, 5, 0, 1, 0, 4, 0],
        &[2, 5, 0, 1, 5, 0, 0],
        &[2, 5, 0, 1, 4, 0, 0],
        &[2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[
            2, 5, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,
        ],
    ] {
        let error = PeerError::new(Code::FrameEncoding, "ack range below zero");
        assert_eq!(read_one(payload), Err(error.in_frame(2)), "{payload:?}");
    }
}

#[test]
fn a_count_of_ranges_that_are_not_there_is_truncated_at_once() {
    let payload = [
        2, 0x3f, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0,
    ];
    let truncated = PeerError::new(Code::FrameEncoding, "truncated");
    assert_eq!(read_one(&payload), Err(truncated.in_frame(2)));
}

#[test]
fn counts_of_ecn_come_with_type_3_only() {
    let Ok(Frame::Ack(ack)) = read_one(&[3, 9, 7, 0, 1, 1, 2, 3]) else {
        panic!()
    };
    assert_eq!((ack.largest, ack.delay), (9, 7));
    assert_eq!(
        ack.ecn,
        Some(EcnCounts {
            ect0: 1,
            ect1: 2,
            ce: 3
        })
    );
    let Some(Ok(Frame::Ack(ack))) = read(&[2, 9, 7, 0, 1, 1]).into_iter().next() else {
        panic!()
    };
    assert_eq!(ack.ecn, None);
}

#[test]
fn equal_acks_may_travel_in_different_lengths() {
    assert_eq!(
        read_one(&[2, 9, 7, 1, 1, 2, 3]),
        read_one(&[2, 0x40, 9, 7, 1, 1, 0x40, 2, 3])
    );
    assert_ne!(
        read_one(&[2, 9, 7, 1, 1, 2, 3]),
        read_one(&[2, 9, 7, 1, 1, 2, 2])
    );
}

#[test]
fn no_ranges_write_nothing() {
    let mut buffer = [0; 64];
    let mut w = Writer::new(&mut buffer);
    assert_eq!(write_ack(&mut w, std::iter::empty(), 0, None), Ok(0));
    assert_eq!(w.position(), 0);
}

#[test]
fn a_range_out_of_order_ends_the_frame() {
    for second in [8..=12, 9..=9, 7..=8, 20..=30] {
        let mut buffer = [0; 64];
        let mut w = Writer::new(&mut buffer);
        let wrong = [9..=10, second, 0..=1];
        assert_eq!(write_ack(&mut w, wrong.into_iter(), 0, None), Ok(1));
        assert_eq!(ranges(w.written()), [9..=10]);
    }
}

/// Descending ranges that do not touch, from steps of gap and length.
fn descending(top: u64, steps: &[(u64, u64)]) -> Vec<RangeInclusive<u64>> {
    let mut ranges = Vec::new();
    let mut below = Some(top);
    for &(gap, len) in steps {
        let Some(high) = below.and_then(|below| below.checked_sub(gap)) else {
            break;
        };
        let low = high.saturating_sub(len);
        ranges.push(low..=high);
        below = low.checked_sub(2);
    }
    ranges
}

fn step() -> impl Strategy<Value = (u64, u64)> {
    let number = prop_oneof![0_u64..4, 0_u64..100, 0_u64..1 << 20, 0..VARINT_MAX / 8];
    (number.clone(), number)
}

proptest! {
    #[test]
    fn as_many_ranges_are_written_as_fit(
        top in prop_oneof![0_u64..1000, 0..=VARINT_MAX],
        steps in prop::collection::vec(step(), 1..100),
        room in 0_usize..600,
        delay in 0..=VARINT_MAX,
        ecn in prop::option::of((0..=VARINT_MAX, 0..=VARINT_MAX, 0..=VARINT_MAX)),
    ) {
        let wanted = descending(top, &steps);
        prop_assume!(!wanted.is_empty());
        let ecn = ecn.map(|(ect0, ect1, ce)| EcnCounts { ect0, ect1, ce });
        let mut buffer = std::vec![0; room];
        let mut w = Writer::new(&mut buffer);
        let Ok(count) = write_ack(&mut w, wanted.iter().cloned(), delay, ecn) else {
            prop_assert_eq!(w.position(), 0);
            // Not even one range fits.
            let mut buffer = [0; 64];
            let mut w = Writer::new(&mut buffer);
            write_ack(&mut w, wanted.iter().take(1).cloned(), delay, ecn).unwrap();
            prop_assert!(w.position() > room);
            return Ok(());
        };
        let Ok(Frame::Ack(ack)) = read_one(w.written()) else { panic!() };
        prop_assert_eq!(ack.largest, top.min(*wanted[0].end()));
        prop_assert_eq!((ack.delay, ack.ecn), (delay, ecn));
        prop_assert_eq!(ack.ranges().collect::<Vec<_>>(), &wanted[..count]);
        if count < wanted.len() {
            let mut buffer = [0; 4096];
            let mut w = Writer::new(&mut buffer);
            write_ack(&mut w, wanted.iter().take(count + 1).cloned(), delay, ecn).unwrap();
            prop_assert!(w.position() > room, "one more would have fitted");
        }
    }

    #[test]
    fn ranges_that_are_read_descend_and_do_not_touch(mut payload in prop::collection::vec(0_u8..8, 4..40), largest in 0..=VARINT_MAX, count in 0_u8..12) {
        let mut head = written(|w| { w.u8(2)?; w.varint(largest)?; w.u8(0)?; w.u8(count) });
        head.append(&mut payload);
        if let Some(Ok(Frame::Ack(ack))) = read(&head).into_iter().next() {
            let ranges: Vec<_> = ack.ranges().collect();
            prop_assert_eq!(ranges.len(), usize::from(count) + 1);
            prop_assert_eq!(*ranges[0].end(), largest);
            prop_assert!(ranges.iter().all(|range| range.start() <= range.end()));
            prop_assert!(ranges.windows(2).all(|pair| *pair[1].end() + 1 < *pair[0].start()));
        }
    }
}
