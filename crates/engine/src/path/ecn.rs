//! Whether the path carries ECN marks (RFC 9000 §13.4.2). Packets sent and the peer's counts come in; whether to mark, and which
//! counts tell of congestion, go out. A count is never believed that the packets acknowledged do not bear out.

use core::ops::RangeInclusive;

use inquic_wire::Space;
use inquic_wire::frame::EcnCounts;

use crate::limits;

/// ECN on the way to the peer: the test of the present path, and what was sent and reported over all paths.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ecn {
    state: EcnState,
    /// Packets marked in the test of this path.
    marked: u64,
    /// The first number of this path's 1-RTT packets.
    from: u64,
    /// Packets reported in a row as having met congestion.
    congested_run: u64,
    spaces: [Marks; 3],
    failures: EcnFailures,
}

/// How far the test of a path has come (RFC 9000 §A.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EcnState {
    /// The path is new, and packets of the one before are still open: nothing is marked yet.
    Waiting,
    /// Packets are marked to see what becomes of the marks.
    #[default]
    Testing,
    /// The test is over and its outcome open: nothing is marked.
    Unknown,
    /// Marks arrive and are reported: packets are marked.
    Capable,
    /// They do not, for this reason: nothing is marked.
    Failed(EcnFailure),
}

impl EcnState {
    /// As a number of the socket ABI.
    #[must_use]
    pub const fn to_u32(self) -> u32 {
        match self {
            Self::Waiting => 0,
            Self::Testing => 1,
            Self::Unknown => 2,
            Self::Capable => 3,
            Self::Failed(why) => FAILED | why as u32,
        }
    }

    /// From a number of the socket ABI; one that is none is taken for unknown.
    #[must_use]
    pub fn from_u32(number: u32) -> Self {
        match number {
            0 => Self::Waiting,
            1 => Self::Testing,
            3 => Self::Capable,
            _ => {
                let mut reasons = EcnFailure::ALL.into_iter();
                let why = reasons.find(|why| FAILED | *why as u32 == number);
                why.map_or(Self::Unknown, Self::Failed)
            }
        }
    }
}

/// What the numbers of failures have beside the reason.
const FAILED: u32 = 16;

/// Why ECN was turned off on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcnFailure {
    /// Marked packets were acknowledged without counts: the peer does not report, or the marks were erased.
    Missing,
    /// Fewer marks were reported than marked packets acknowledged.
    TooFew,
    /// More marks were reported than sent.
    TooMany,
    /// A count went down.
    Decreased,
    /// ECT(1) was reported, which we never send.
    Remarked,
    /// Every packet was said to have met congestion.
    AllCongested,
    /// Not one of the marked packets arrived.
    Lost,
}

/// How often ECN was turned off, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EcnFailures([u32; EcnFailure::ALL.len()]);

/// What an ACK frame acknowledged for the first time, and what it says about marks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported {
    /// Packets acknowledged for the first time.
    pub(crate) newly: u64,
    /// The largest acknowledged number.
    pub(crate) largest: u64,
    /// Whether that is larger than in every frame before.
    pub(crate) is_newest: bool,
    /// The oldest packet of the space that is neither acknowledged nor lost, now that the frame was taken.
    pub(crate) oldest_open: Option<u64>,
    pub(crate) counts: Option<EcnCounts>,
}

/// One packet number space.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// Packets sent with ECT(0), ever.
    sent: u64,
    /// The counts of the newest ACK.
    ect0: u64,
    ce: u64,
    /// The newest packet marked in the test, unless its fate is known.
    newest_marked: Option<u64>,
    /// Packets without a mark that may be acknowledged yet, and the first and the newest of them.
    unmarked: u64,
    first_unmarked: u64,
    newest_unmarked: u64,
}

impl Ecn {
    /// The bits for the IP header of the next packets.
    pub(crate) const fn mark(&self) -> u8 {
        match self.state {
            EcnState::Testing | EcnState::Capable => ECT0,
            EcnState::Waiting | EcnState::Unknown | EcnState::Failed(_) => 0,
        }
    }

    /// Packets that may leave together, since a batch has one mark.
    pub(crate) fn batch(&self) -> usize {
        if self.state != EcnState::Testing {
            return usize::MAX;
        }
        let left = limits::ECN_TEST.saturating_sub(self.marked);
        usize::try_from(left).unwrap_or(usize::MAX).max(1)
    }

    pub(crate) const fn state(&self) -> EcnState {
        self.state
    }

    /// Packets sent with a mark, on all paths.
    pub(crate) fn marked(&self) -> u64 {
        self.spaces
            .iter()
            .fold(0, |sum, marks| sum.saturating_add(marks.sent))
    }

    /// How often ECN was turned off.
    pub(crate) const fn failures(&self) -> EcnFailures {
        self.failures
    }

    /// `packets` packets of a space left with `mark`; their numbers are among `numbers`.
    pub(crate) fn on_sent(
        &mut self,
        space: Space,
        packets: u64,
        numbers: RangeInclusive<u64>,
        mark: u8,
    ) {
        let Some(marks) = self.spaces.get_mut(space.index()) else {
            return;
        };
        if mark != ECT0 {
            if marks.unmarked == 0 {
                marks.first_unmarked = *numbers.start();
            }
            marks.unmarked = marks.unmarked.saturating_add(packets);
            marks.newest_unmarked = *numbers.end();
            return;
        }
        marks.sent = marks.sent.saturating_add(packets);
        if self.state == EcnState::Testing {
            marks.newest_marked = Some(*numbers.end());
            self.marked = self.marked.saturating_add(packets);
            if self.marked >= limits::ECN_TEST {
                self.state = EcnState::Unknown;
            }
        }
    }

    /// An ACK frame came. Gives the count of packets that met congestion when it has grown and can be believed.
    pub(crate) fn on_ack(&mut self, space: Space, reported: &Reported) -> Option<u64> {
        //= RFC 9000 §13.4.2.1: An endpoint MUST NOT fail ECN validation as a result of
        //= processing an ACK frame that does not increase the largest
        //= acknowledged packet number.
        if !reported.is_newest {
            return None;
        }
        let marks = self.spaces.get_mut(space.index())?;
        let checked = marks.check(reported);
        let new = marks.take(reported);
        let total = marks.ce;
        match self.state {
            EcnState::Failed(_) => return None,
            EcnState::Waiting => {
                if space == Space::Application {
                    self.begin(reported.oldest_open);
                }
                return None;
            }
            EcnState::Testing | EcnState::Unknown | EcnState::Capable => {}
        }
        if let Err(failure) = checked {
            self.fail(failure);
            return None;
        }
        let was_capable = self.state == EcnState::Capable;
        self.judge(new);
        let grew = new.ce > 0 || !was_capable && total > 0;
        (self.state == EcnState::Capable && grew).then_some(total)
    }

    /// A probe timeout: if no marked packet has arrived, marking may be why.
    pub(crate) fn on_timeout(&mut self) {
        if self.state == EcnState::Testing && self.marked > 0 {
            self.state = EcnState::Unknown;
        }
    }

    /// The keys of a space are gone, and nothing in it will be acknowledged any more.
    pub(crate) fn on_discarded(&mut self, space: Space) {
        if let Some(marks) = self.spaces.get_mut(space.index()) {
            marks.settle(None);
        }
    }

    /// The connection moved to another path. Its 1-RTT packets have the numbers from `next` on; the oldest open one is of the
    /// path before.
    //= RFC 9000 §13.4.2: An endpoint thus attempts to use ECN and validates this for each new
    //= connection, when switching to a server's preferred address, and on
    //= active connection migration to a new path.
    pub(crate) fn on_path_changed(&mut self, next: u64, oldest_open: Option<u64>) {
        self.state = EcnState::Waiting;
        self.from = next;
        self.marked = 0;
        self.congested_run = 0;
        for marks in &mut self.spaces {
            marks.newest_marked = None;
        }
        self.begin(oldest_open);
    }

    /// Begins the test once no packet of another path is open.
    fn begin(&mut self, oldest_open: Option<u64>) {
        if oldest_open.is_none_or(|oldest| oldest >= self.from) {
            self.state = EcnState::Testing;
        }
    }

    /// Decides what valid counts say about the path.
    fn judge(&mut self, new: New) {
        if new.ect0 > 0 {
            self.congested_run = 0;
        } else {
            self.congested_run = self.congested_run.saturating_add(new.ce);
        }
        match self.state {
            EcnState::Testing | EcnState::Unknown if new.ect0 > 0 => self.state = EcnState::Capable,
            EcnState::Testing | EcnState::Unknown => {
                let is_over = self.state == EcnState::Unknown
                    && self
                        .spaces
                        .iter()
                        .all(|marks| marks.newest_marked.is_none());
                if self.congested_run >= limits::ECN_TEST || is_over && self.congested_run > 0 {
                    self.fail(EcnFailure::AllCongested);
                } else if is_over {
                    self.fail(EcnFailure::Lost);
                }
            }
            EcnState::Capable if self.congested_run >= limits::ECN_ALL_CE => {
                self.fail(EcnFailure::AllCongested);
            }
            EcnState::Capable | EcnState::Waiting | EcnState::Failed(_) => {}
        }
    }

    //= RFC 9000 §13.4.2.2: If validation fails, then the endpoint MUST disable ECN.
    fn fail(&mut self, failure: EcnFailure) {
        self.state = EcnState::Failed(failure);
        self.failures.count(failure);
    }
}

/// What an ACK frame added to the counts.
#[derive(Clone, Copy, Debug)]
struct New {
    ect0: u64,
    ce: u64,
}

impl Marks {
    /// Whether the counts of an ACK frame can be true.
    fn check(&self, reported: &Reported) -> Result<(), EcnFailure> {
        let excused = if reported.largest < self.first_unmarked {
            0
        } else {
            self.unmarked
        };
        let Some(counts) = reported.counts else {
            //= RFC 9000 §13.4.2.1: If an ACK frame newly acknowledges a packet that the endpoint sent
            //= with either the ECT(0) or ECT(1) codepoint set, ECN validation fails
            //= if the corresponding ECN counts are not present in the ACK frame.
            return if reported.newly > excused {
                Err(EcnFailure::Missing)
            } else {
                Ok(())
            };
        };
        //= RFC 9000 §13.4.2.1: In particular, validation will fail
        //= when an endpoint receives a non-zero ECN count corresponding to an
        //= ECT codepoint that it never applied.
        if counts.ect1 > 0 {
            return Err(EcnFailure::Remarked);
        }
        if counts.ect0 < self.ect0 || counts.ce < self.ce {
            return Err(EcnFailure::Decreased);
        }
        //= RFC 9000 §13.4.2.1: ECN validation can fail if the received total count for either ECT(0)
        //= or ECT(1) exceeds the total number of packets sent with each
        //= corresponding ECT codepoint.
        if counts.ect0.saturating_add(counts.ce) > self.sent {
            return Err(EcnFailure::TooMany);
        }
        //= RFC 9000 §13.4.2.1: ECN validation also fails if the sum of the increase in ECT(0) and
        //= ECN-CE counts is less than the number of newly acknowledged packets
        //= that were originally sent with an ECT(0) marking.
        if self.missing(reported) > excused {
            return Err(EcnFailure::TooFew);
        }
        Ok(())
    }

    /// Newly acknowledged packets of which no mark was reported.
    fn missing(&self, reported: &Reported) -> u64 {
        let new = self.added(reported);
        reported
            .newly
            .saturating_sub(new.ect0)
            .saturating_sub(new.ce)
    }

    fn added(&self, reported: &Reported) -> New {
        let counts = reported.counts.unwrap_or_default();
        New {
            ect0: counts.ect0.saturating_sub(self.ect0),
            ce: counts.ce.saturating_sub(self.ce),
        }
    }

    /// Takes the counts over, true or not, and says what is new in them.
    fn take(&mut self, reported: &Reported) -> New {
        let new = self.added(reported);
        self.unmarked = self.unmarked.saturating_sub(self.missing(reported));
        if let Some(counts) = reported.counts {
            self.ect0 = counts.ect0;
            self.ce = counts.ce;
        }
        self.settle(reported.oldest_open);
        new
    }

    /// Forgets what was sent before the oldest open packet.
    fn settle(&mut self, oldest_open: Option<u64>) {
        let is_settled = |number: u64| oldest_open.is_none_or(|oldest| oldest > number);
        if is_settled(self.newest_unmarked) {
            self.unmarked = 0;
        }
        self.newest_marked = self.newest_marked.filter(|&number| !is_settled(number));
    }
}

impl EcnFailure {
    /// Every reason, in the order of the counters.
    pub const ALL: [Self; 7] = [
        Self::Missing,
        Self::TooFew,
        Self::TooMany,
        Self::Decreased,
        Self::Remarked,
        Self::AllCongested,
        Self::Lost,
    ];
}

impl EcnFailures {
    /// How often ECN was turned off for `reason`.
    #[must_use]
    pub fn of(&self, reason: EcnFailure) -> u32 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// How often it was turned off.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, &count| sum.saturating_add(u64::from(count)))
    }

    fn count(&mut self, reason: EcnFailure) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count = count.saturating_add(1);
        }
    }
}

/// ECT(0): the sender understands marks.
const ECT0: u8 = 0b10;

#[cfg(test)]
mod tests;
