//! Ranges of numbers against a plain set.

use super::*;
use alloc::vec;

fn set(ranges: &[(u64, u64)]) -> RangeSet {
    let mut set = RangeSet::default();
    for &(first, last) in ranges {
        assert_eq!(set.insert(first, last, 32), Inserted::New);
    }
    set
}

#[test]
fn neighbours_are_joined() {
    assert_eq!(set(&[(0, 1), (4, 5), (2, 3)]).ranges, vec![(0, 5)]);
    assert_eq!(set(&[(4, 5), (0, 1), (1, 7)]).ranges, vec![(0, 7)]);
    assert_eq!(set(&[(7, 7), (6, 6)]).ranges, vec![(6, 7)]);
}

#[test]
fn known_numbers_are_told_from_new_ones() {
    let mut set = set(&[(0, 9)]);
    assert_eq!(set.insert(3, 9, 32), Inserted::Known);
    assert_eq!(set.insert(3, 10, 32), Inserted::New);
    assert!(set.contains(10) && !set.contains(11));
}

#[test]
fn the_bound_is_met_and_not_passed() {
    let mut set = RangeSet::default();
    for index in 0..4 {
        assert_eq!(set.insert(index * 2, index * 2, 4), Inserted::New);
    }
    assert_eq!(set.insert(100, 100, 4), Inserted::Full);
    assert_eq!(set.insert(1, 1, 4), Inserted::New);
    assert_eq!(set.insert(100, 100, 4), Inserted::New);
}

#[test]
fn removing_below_cuts_a_range() {
    let mut set = set(&[(0, 3), (6, 9)]);
    set.remove_below(8);
    assert_eq!(set.ranges, vec![(8, 9)]);
}

#[test]
fn it_agrees_with_a_plain_set() {
    use alloc::collections::BTreeSet;
    let mut seed = 1_u64;
    let mut plain = BTreeSet::new();
    let mut set = RangeSet::default();
    for _ in 0..5_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let first = (seed >> 33) % 500;
        let last = first + (seed >> 20) % 4;
        let new = (first..=last).any(|number| !plain.contains(&number));
        plain.extend(first..=last);
        let expected = if new { Inserted::New } else { Inserted::Known };
        assert_eq!(set.insert(first, last, 1_000), expected);
        assert!((0..510).all(|number| set.contains(number) == plain.contains(&number)));
    }
}

#[test]
fn a_stretch_ends_where_the_set_changes() {
    let set = set(&[(2, 3), (6, 9)]);
    let stretch = |number| {
        let Stretch {
            is_known,
            below,
            last,
        } = set.stretch(number);
        (is_known, below, last)
    };
    assert_eq!(stretch(0), (false, 0, 1));
    assert_eq!(stretch(3), (true, 1, 3));
    assert_eq!(stretch(4), (false, 2, 5));
    assert_eq!(stretch(7), (true, 3, 9));
    assert_eq!(stretch(10), (false, 6, u64::MAX));
}
