//! ACK frames (RFC 9000 §19.3): in come ranges, out come bytes, and the other way about. A range that is handed out was
//! checked: none goes below zero or overlaps another.

use core::{iter::FusedIterator, ops::RangeInclusive};

use super::types;
use crate::{
    error::{Code, Full, PeerError},
    reader::Reader,
    varint::varint_len,
    writer::Writer,
};

/// An ACK frame whose ranges have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Ack<'a> {
    /// The largest packet number acknowledged.
    pub largest: u64,
    /// The delay as it travelled: microseconds, divided by two to the power of the sender's `ack_delay_exponent`.
    pub delay: u64,
    /// The ECN counts of a frame of type 0x03.
    pub ecn: Option<EcnCounts>,
    /// The smallest packet number of the first range.
    smallest: u64,
    /// Pairs of gap and length, checked, and nothing after them.
    more: &'a [u8],
}

/// Packets received so far with each ECN mark (RFC 9000 §19.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EcnCounts {
    /// Packets with ECT(0).
    pub ect0: u64,
    /// Packets with ECT(1).
    pub ect1: u64,
    /// Packets with CE.
    pub ce: u64,
}

impl<'a> Ack<'a> {
    /// Reads the frame after its type.
    #[inline]
    pub(super) fn read(r: &mut Reader<'a>, ecn: bool) -> Result<Self, PeerError> {
        let largest = r.varint()?;
        let delay = r.varint()?;
        let count = r.varint()?;
        let first = r.varint()?;
        let smallest = largest.checked_sub(first).ok_or(BELOW_ZERO)?;
        let more = r.peek();
        let mut lowest = smallest;
        // Each turn takes two bytes or fails, so a false count costs no more than the frame does.
        for _ in 0..count {
            let gap = r.varint()?;
            let len = r.varint()?;
            (_, lowest) = below(lowest, gap, len).ok_or(BELOW_ZERO)?;
        }
        let taken = more.len().saturating_sub(r.remaining());
        Ok(Self {
            largest,
            delay,
            smallest,
            more: more.get(..taken).unwrap_or_default(),
            ecn: if ecn { Some(EcnCounts::read(r)?) } else { None },
        })
    }

    /// The ranges acknowledged, from the largest number down.
    #[inline]
    #[must_use]
    pub const fn ranges(&self) -> AckRanges<'a> {
        AckRanges {
            next: Some((self.largest, self.smallest)),
            more: Reader::new(self.more),
        }
    }
}

/// Equal when they say the same, in whatever lengths the numbers travelled.
impl PartialEq for Ack<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.delay == other.delay && self.ecn == other.ecn && self.ranges().eq(other.ranges())
    }
}

impl Eq for Ack<'_> {}

impl EcnCounts {
    #[inline]
    fn read(r: &mut Reader<'_>) -> Result<Self, PeerError> {
        Ok(Self {
            ect0: r.varint()?,
            ect1: r.varint()?,
            ce: r.varint()?,
        })
    }

    const fn len(&self) -> usize {
        varint_len(self.ect0)
            .saturating_add(varint_len(self.ect1))
            .saturating_add(varint_len(self.ce))
    }
}

/// The ranges of an [`Ack`], from the largest number down. They do not touch.
#[derive(Clone, Debug)]
pub struct AckRanges<'a> {
    /// The highest and lowest number of the range that comes next.
    next: Option<(u64, u64)>,
    more: Reader<'a>,
}

impl Iterator for AckRanges<'_> {
    type Item = RangeInclusive<u64>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (high, low) = self.next?;
        self.next = match (self.more.varint(), self.more.varint()) {
            (Ok(gap), Ok(len)) => below(low, gap, len),
            _ => None,
        };
        Some(low..=high)
    }
}

impl FusedIterator for AckRanges<'_> {}

/// The highest and lowest number of the range below `smallest`, or `None` when it would go below zero.
#[inline]
const fn below(smallest: u64, gap: u64, len: u64) -> Option<(u64, u64)> {
    // largest = previous_smallest - gap - 2. A gap is a varint, so 2 can be added to it.
    let Some(high) = smallest.checked_sub(gap.saturating_add(2)) else {
        return None;
    };
    match high.checked_sub(len) {
        Some(low) => Some((high, low)),
        None => None,
    }
}

/// Writes an ACK frame of as many of `ranges` as fit, from the largest number down, and tells how many those are: 0,
/// and nothing is written, when there are none. Ranges must not touch and must descend; the first that breaks this ends
/// the frame. `delay` is already scaled. Errors: not even the first range fits.
pub fn write_ack(
    w: &mut Writer<'_>,
    ranges: impl Iterator<Item = RangeInclusive<u64>> + Clone,
    delay: u64,
    ecn: Option<EcnCounts>,
) -> Result<usize, Full> {
    let mut rest = ranges;
    let Some(first) = rest.next() else {
        return Ok(0);
    };
    let (largest, smallest) = (*first.end(), *first.start());
    let first_len = largest.checked_sub(smallest).ok_or(Full)?;
    let fixed = 1_usize
        .saturating_add(varint_len(largest))
        .saturating_add(varint_len(delay))
        .saturating_add(varint_len(first_len))
        .saturating_add(ecn.as_ref().map_or(0, EcnCounts::len));
    let room = w.remaining().checked_sub(fixed).ok_or(Full)?;
    let count = count_fitting(Pairs::new(smallest, rest.clone()), room);

    w.whole(|w| {
        w.u8(if ecn.is_some() {
            types::ACK_ECN
        } else {
            types::ACK
        })?;
        w.varint(largest)?;
        w.varint(delay)?;
        w.varint(count as u64)?;
        w.varint(first_len)?;
        for (gap, len) in Pairs::new(smallest, rest).take(count) {
            w.varint(gap)?;
            w.varint(len)?;
        }
        if let Some(EcnCounts { ect0, ect1, ce }) = ecn {
            w.varint(ect0)?;
            w.varint(ect1)?;
            w.varint(ce)?;
        }
        Ok(count.saturating_add(1))
    })
}

/// How many pairs fit in `room` bytes together with their count.
fn count_fitting(pairs: impl Iterator<Item = (u64, u64)>, room: usize) -> usize {
    let mut count: usize = 0;
    let mut used: usize = 0;
    for (gap, len) in pairs {
        used = used
            .saturating_add(varint_len(gap))
            .saturating_add(varint_len(len));
        let more = count.saturating_add(1);
        if used.saturating_add(varint_len(more as u64)) > room {
            break;
        }
        count = more;
    }
    count
}

/// Turns descending ranges into pairs of gap and length.
struct Pairs<I> {
    smallest: u64,
    ranges: I,
}

impl<I> Pairs<I> {
    const fn new(smallest: u64, ranges: I) -> Self {
        Self { smallest, ranges }
    }
}

impl<I: Iterator<Item = RangeInclusive<u64>>> Iterator for Pairs<I> {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<Self::Item> {
        let range = self.ranges.next()?;
        let (high, low) = (*range.end(), *range.start());
        let gap = self.smallest.checked_sub(high)?.checked_sub(2)?;
        let len = high.checked_sub(low)?;
        self.smallest = low;
        Some((gap, len))
    }
}

//= RFC 9000 §19.3.1: If any computed packet number is negative, an endpoint MUST generate a connection error of type
//= FRAME_ENCODING_ERROR.
const BELOW_ZERO: PeerError = PeerError::new(Code::FrameEncoding, "ack range below zero");
