//! What must hold after every simulated step, and what it looks like when it does not.

use std::fmt;

use inquic_platform::Instant;

/// A rule that no run may break. The numbers are those of the list that the project is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Bytes delivered on a stream are a prefix of the bytes written to it, each delivered once, and FIN comes last.
    Prefix,
    /// After a reset, a stop or the end nothing more is delivered.
    NothingAfterEnd,
    /// No limit that the peer set is exceeded: of data, streams, connection ids, datagrams.
    Limits,
    /// An address that is not validated gets three times what came from it at most.
    Amplification,
    /// No packet number is used twice with one key, and what is sent are frames.
    Numbers,
    /// What is acknowledged was received; bytes in flight are the sum over the sent log; the window has two packets or more.
    Accounts,
    /// Each change of state is in the table.
    States,
    /// Memory is within the budget, what is charged is what is held, and nothing is left at the end.
    Memory,
    /// Drains return within their count, and no call seals or opens more packets than its bound.
    Drains,
    /// Datagrams received are processed or dropped for a reason.
    Counters,
    /// If there is something to send or something unacknowledged, a deadline exists.
    Deadline,
    /// Deadlines move forward.
    Progress,
    /// When the faults stop, everything completes or closes.
    Completion,
    /// The same seed gives the same run.
    Determinism,
}

impl Invariant {
    /// Every rule, in order.
    pub const ALL: [Self; 14] = [
        Self::Prefix,
        Self::NothingAfterEnd,
        Self::Limits,
        Self::Amplification,
        Self::Numbers,
        Self::Accounts,
        Self::States,
        Self::Memory,
        Self::Drains,
        Self::Counters,
        Self::Deadline,
        Self::Progress,
        Self::Completion,
        Self::Determinism,
    ];

    /// Its number, from 1.
    #[must_use]
    pub const fn number(self) -> usize {
        self as usize + 1
    }
}

/// A rule that a run broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When, in virtual time.
    pub at: Instant,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invariant {} ({:?}) at {} ms: {}",
            self.invariant.number(),
            self.invariant,
            self.at.as_nanos() / 1_000_000,
            self.what
        )
    }
}
