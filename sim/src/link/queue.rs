//! The bottleneck of a link: when a datagram leaves it, or that it never does. A queue that is first in, first out knows at
//! arrival how long each datagram will have waited, so CoDel decides there what it would decide at departure.

use inquic_platform::{Duration, Instant};

/// How a full queue is kept short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discipline {
    /// What does not fit is dropped.
    #[default]
    TailDrop,
    /// The same, and CoDel (RFC 8289) keeps the wait short.
    CoDel,
}

/// What became of a datagram at the bottleneck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It leaves then.
    At(Instant),
    /// The same, marked as having met congestion.
    Marked(Instant),
    /// The queue was full.
    Full,
    /// CoDel dropped it.
    Shortened,
}

/// The queue of one link.
#[derive(Debug)]
pub(super) struct Bottleneck {
    free_at: Instant,
    /// When the wait will have been too long for a whole interval.
    above_until: Option<Instant>,
    /// While dropping: how often so far, and when next.
    dropping: Option<(u64, Instant)>,
}

impl Bottleneck {
    pub(super) const fn new() -> Self {
        Self {
            free_at: Instant::ZERO,
            above_until: None,
            dropping: None,
        }
    }

    /// A datagram of `bytes` arrives at a link of `rate` bytes a second and a queue of so many datagrams.
    pub(super) fn pass(
        &mut self,
        now: Instant,
        bytes: usize,
        (rate, queue, discipline): (u64, usize, Discipline),
        can_mark: bool,
    ) -> Passage {
        let time = |bytes: usize| (bytes as u64 * 1_000_000_000).checked_div(rate);
        let (Some(nanos), Some(place)) = (time(bytes), time(bytes.max(PLACE))) else {
            return Passage::At(now);
        };
        let wait = self.free_at.since(now);
        // A small datagram needs a place like any other; it does not find more of them taken because it is small.
        if wait.as_nanos() / place.max(1) >= queue as u64 {
            return Passage::Full;
        }
        let leaves = self.free_at.max(now);
        let too_long = discipline == Discipline::CoDel && self.is_due(leaves, wait);
        if too_long && !can_mark {
            return Passage::Shortened;
        }
        self.free_at = leaves + Duration::from_nanos(nanos);
        if too_long {
            Passage::Marked(self.free_at)
        } else {
            Passage::At(self.free_at)
        }
    }

    /// Whether CoDel drops what leaves at `at` after `wait`.
    fn is_due(&mut self, at: Instant, wait: Duration) -> bool {
        if wait < TARGET {
            self.above_until = None;
            self.dropping = None;
            return false;
        }
        if let Some((count, next)) = self.dropping {
            if at < next {
                return false;
            }
            self.dropping = Some((count + 1, next + INTERVAL.div((count + 1).isqrt())));
            return true;
        }
        if at < *self.above_until.get_or_insert(at + INTERVAL) {
            return false;
        }
        self.dropping = Some((1, at + INTERVAL));
        true
    }
}

/// Bytes of the datagrams by which the queue is measured, if the one that comes is not larger.
const PLACE: usize = 1_200;
const TARGET: Duration = Duration::from_millis(5);
const INTERVAL: Duration = Duration::from_millis(100);
