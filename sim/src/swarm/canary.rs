//! Bugs made on purpose, between the engine and those who check it: a checker that has stopped looking is found by them. The engine
//! itself is never touched.

use super::Invariant;

/// A bug made on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// One range of delivered bytes does not reach the application.
    LostBytes,
    /// One range of delivered bytes reaches the application twice.
    RepeatedBytes,
    /// A datagram loses its last byte.
    CutDatagram,
    /// A datagram is delivered twice.
    RepeatedDatagram,
    /// A stream delivers after it was reset.
    DataAfterReset,
    /// A stream is sent further than the peer allowed.
    Overrun,
    /// Seven connection ids more are in use.
    TooManyIds,
    /// A server says everything four times to an address that it does not know.
    Amplification,
    /// A packet number is used twice.
    RepeatedNumber,
    /// A packet is acknowledged that never came.
    UnseenAcknowledged,
    /// Bytes in flight are forgotten.
    ForgottenFlight,
    /// A connection that is closed comes back to life.
    BackToLife,
    /// The two ends are led to a version that they like less.
    Downgrade,
    /// Memory is taken and never given back.
    Leak,
    /// A drain has no end.
    EndlessDrain,
    /// A call does a hundred times the work.
    Overwork,
    /// A dropped packet is not counted.
    UncountedDrop,
    /// A deadline is not told.
    SwallowedDeadline,
    /// A deadline that has passed is asked for again and again.
    SameInstant,
    /// The end of a stream is never told.
    Stall,
    /// Something depends on more than the seed.
    Dice,
}

impl Canary {
    /// Every one.
    pub const ALL: [Self; 21] = [
        Self::LostBytes,
        Self::RepeatedBytes,
        Self::CutDatagram,
        Self::RepeatedDatagram,
        Self::DataAfterReset,
        Self::Overrun,
        Self::TooManyIds,
        Self::Amplification,
        Self::RepeatedNumber,
        Self::UnseenAcknowledged,
        Self::ForgottenFlight,
        Self::BackToLife,
        Self::Downgrade,
        Self::Leak,
        Self::EndlessDrain,
        Self::Overwork,
        Self::UncountedDrop,
        Self::SwallowedDeadline,
        Self::SameInstant,
        Self::Stall,
        Self::Dice,
    ];

    /// The rule that it breaks.
    #[must_use]
    pub const fn breaks(self) -> Invariant {
        match self {
            Self::LostBytes | Self::RepeatedBytes | Self::CutDatagram | Self::RepeatedDatagram => {
                Invariant::Prefix
            }
            Self::DataAfterReset => Invariant::NothingAfterEnd,
            Self::Overrun | Self::TooManyIds => Invariant::Limits,
            Self::Amplification => Invariant::Amplification,
            Self::RepeatedNumber => Invariant::Numbers,
            Self::UnseenAcknowledged | Self::ForgottenFlight => Invariant::Accounts,
            Self::BackToLife | Self::Downgrade => Invariant::States,
            Self::Leak => Invariant::Memory,
            Self::EndlessDrain | Self::Overwork => Invariant::Drains,
            Self::UncountedDrop => Invariant::Counters,
            Self::SwallowedDeadline => Invariant::Deadline,
            Self::SameInstant => Invariant::Progress,
            Self::Stall => Invariant::Completion,
            Self::Dice => Invariant::Determinism,
        }
    }
}
