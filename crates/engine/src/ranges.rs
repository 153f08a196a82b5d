//! A bounded set of whole numbers kept as ranges: what has been received of packet numbers, or of bytes.
//!
//! It never grows past the bound it was made with; what to do when it is full is the caller's decision.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// Ranges in ascending order, never touching each other. Nearly always one or two of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RangeSet {
    ranges: Vec<(u64, u64)>,
}

/// What became of a range that was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// At least one number was new.
    New,
    /// All of it was there already.
    Known,
    /// It would have made one range more than the bound.
    Full,
}

impl RangeSet {
    /// Puts `first..=last` in, joining what it touches; at most `bound` ranges are kept.
    pub(crate) fn insert(&mut self, first: u64, last: u64, bound: usize) -> Inserted {
        // The newest range is at the end, and nearly every number extends it.
        if let Some(end) = self.ranges.last_mut()
            && first == end.1.saturating_add(1)
        {
            end.1 = end.1.max(last);
            return Inserted::New;
        }
        let from = self
            .ranges
            .partition_point(|&(_, end)| end.saturating_add(1) < first);
        let to = self
            .ranges
            .partition_point(|&(start, _)| start <= last.saturating_add(1));
        let Some(touched) = self.ranges.get(from..to).filter(|found| !found.is_empty()) else {
            if self.ranges.len() >= bound {
                return Inserted::Full;
            }
            self.ranges.insert(from, (first, last));
            return Inserted::New;
        };
        let start = touched.first().map_or(first, |&(start, _)| start);
        let end = touched.last().map_or(last, |&(_, end)| end);
        if touched.len() == 1 && start <= first && last <= end {
            return Inserted::Known;
        }
        self.ranges.drain(from.saturating_add(1)..to);
        if let Some(joined) = self.ranges.get_mut(from) {
            *joined = (start.min(first), end.max(last));
        }
        Inserted::New
    }

    /// Whether `number` is in the set.
    pub(crate) fn contains(&self, number: u64) -> bool {
        let at = self.ranges.partition_point(|&(_, end)| end < number);
        self.ranges
            .get(at)
            .is_some_and(|&(start, _)| start <= number)
    }

    /// Takes out every number below `floor`.
    pub(crate) fn remove_below(&mut self, floor: u64) {
        let gone = self.ranges.partition_point(|&(_, end)| end < floor);
        self.ranges.drain(..gone);
        if let Some(first) = self.ranges.first_mut() {
            first.0 = first.0.max(floor);
        }
    }

    /// Takes out the lowest range.
    pub(crate) fn pop_first(&mut self) -> Option<(u64, u64)> {
        if self.ranges.is_empty() {
            None
        } else {
            Some(self.ranges.remove(0))
        }
    }

    /// The lowest range.
    pub(crate) fn first(&self) -> Option<(u64, u64)> {
        self.ranges.first().copied()
    }

    /// The highest number in the set.
    pub(crate) fn largest(&self) -> Option<u64> {
        self.ranges.last().map(|&(_, end)| end)
    }

    /// How many ranges there are.
    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there is nothing in the set.
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges from the highest to the lowest, as an ACK frame has them.
    pub(crate) fn descending(&self) -> impl Iterator<Item = RangeInclusive<u64>> + Clone + '_ {
        self.ranges.iter().rev().map(|&(start, end)| start..=end)
    }

    /// Forgets everything and gives the memory back.
    pub(crate) fn clear(&mut self) {
        self.ranges = Vec::new();
    }
}

#[cfg(test)]
mod tests {
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
}
