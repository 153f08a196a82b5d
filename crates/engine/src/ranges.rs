//! A bounded set of whole numbers kept as ranges: what has been received of packet numbers, or of bytes.
//!
//! It never grows past the bound it was made with; what to do when it is full is the caller's decision.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use inquic_platform::memory;

/// Ranges in ascending order, never touching each other. Nearly always one or two of them.
#[derive(Debug, Default)]
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

/// A row of numbers without a change in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Whether they are in the set.
    pub(crate) is_known: bool,
    /// How many numbers of the set are below the first of them.
    pub(crate) below: u64,
    /// The last of them.
    pub(crate) last: u64,
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
            let kept = self.ranges.len() < bound
                && memory::inserted(&mut self.ranges, from, (first, last));
            return if kept { Inserted::New } else { Inserted::Full };
        };
        let start = touched.first().map_or(first, |&(start, _)| start);
        let end = touched.last().map_or(last, |&(_, end)| end);
        if touched.len() == 1 && start <= first && last <= end {
            return Inserted::Known;
        }
        memory::cut(&mut self.ranges, from.saturating_add(1)..to);
        if let Some(joined) = self.ranges.get_mut(from) {
            *joined = (start.min(first), end.max(last));
        }
        Inserted::New
    }

    /// Bytes of memory behind it.
    pub(crate) const fn allocated_bytes(&self) -> usize {
        self.ranges
            .capacity()
            .saturating_mul(size_of::<(u64, u64)>())
    }

    /// Whether there is memory for one more range.
    pub(crate) fn has_room(&mut self) -> bool {
        self.ranges.len() < self.ranges.capacity() || self.ranges.try_reserve(1).is_ok()
    }

    /// Whether `number` is in the set.
    pub(crate) fn contains(&self, number: u64) -> bool {
        let at = self.ranges.partition_point(|&(_, end)| end < number);
        self.ranges
            .get(at)
            .is_some_and(|&(start, _)| start <= number)
    }

    /// The numbers from `number` on that are all in the set, or all not.
    pub(crate) fn stretch(&self, number: u64) -> Stretch {
        let at = self.ranges.partition_point(|&(_, end)| end < number);
        let lower = self.ranges.get(..at).unwrap_or_default();
        let below = lower.iter().fold(0, |sum: u64, &(start, end)| {
            sum.saturating_add(end.saturating_sub(start))
                .saturating_add(1)
        });
        match self.ranges.get(at) {
            Some(&(start, end)) if start <= number => Stretch {
                is_known: true,
                below: below.saturating_add(number.saturating_sub(start)),
                last: end,
            },
            Some(&(start, _)) => Stretch {
                is_known: false,
                below,
                last: start.saturating_sub(1),
            },
            None => Stretch {
                is_known: false,
                below,
                last: u64::MAX,
            },
        }
    }

    /// Takes out every number below `floor`.
    pub(crate) fn remove_below(&mut self, floor: u64) {
        let gone = self.ranges.partition_point(|&(_, end)| end < floor);
        memory::cut(&mut self.ranges, 0..gone);
        if let Some(first) = self.ranges.first_mut() {
            first.0 = first.0.max(floor);
        }
    }

    /// Takes out the lowest range.
    pub(crate) fn pop_first(&mut self) -> Option<(u64, u64)> {
        memory::taken(&mut self.ranges, 0)
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
mod tests;
