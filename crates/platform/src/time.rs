//! Time as the engine sees it: a number of nanoseconds that a home passes in. Nothing here reads a clock.

use core::fmt;
use core::num::NonZeroU64;
use core::ops::{Add, AddAssign, Sub};

/// A moment on the home's monotonic clock, in nanoseconds since a start that the home chose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(
    // One more than the nanoseconds, so that a moment which may be missing takes no more memory than one that is there.
    NonZeroU64,
);

/// A length of time in nanoseconds. All arithmetic saturates.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

impl Instant {
    /// The start of the home's clock.
    pub const ZERO: Self = Self(NonZeroU64::MIN);

    /// A moment, from nanoseconds since the start of the home's clock.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(nanos))
    }

    /// Nanoseconds since the start of the home's clock.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0.get().wrapping_sub(1)
    }

    /// The time from `earlier` to here; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Default for Instant {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Instant").field(&self.as_nanos()).finish()
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// More time than any connection lives.
    pub const MAX: Self = Self(u64::MAX);

    /// A duration of whole nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A duration of whole microseconds.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// A duration of whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A duration of whole seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Whole nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds, rounded down.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole milliseconds, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// `factor` times as long.
    #[must_use]
    pub const fn saturating_mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// One `divisor`th, rounded down; a divisor of zero counts as one.
    #[must_use]
    pub const fn div(self, divisor: u64) -> Self {
        match self.0.checked_div(divisor) {
            Some(nanos) => Self(nanos),
            None => self,
        }
    }

    /// The time between two lengths, whichever is longer.
    #[must_use]
    pub const fn abs_diff(self, other: Self) -> Self {
        Self(self.0.abs_diff(other.0))
    }

    /// Whether there is no time in it.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, length: Duration) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, length: Duration) -> Self {
        Self::from_nanos(self.as_nanos().saturating_sub(length.0))
    }
}

impl Add for Duration {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Duration {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Debug for Duration {
    /// In the largest unit that leaves nothing over.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (length, unit) = match self.0 {
            0 => (0, "ns"),
            nanos if nanos % 1_000_000_000 == 0 => (nanos / 1_000_000_000, "s"),
            nanos if nanos % 1_000_000 == 0 => (nanos / 1_000_000, "ms"),
            nanos if nanos % 1_000 == 0 => (nanos / 1_000, "µs"),
            nanos => (nanos, "ns"),
        };
        write!(out, "{length}{unit}")
    }
}

impl From<Duration> for core::time::Duration {
    fn from(length: Duration) -> Self {
        Self::from_nanos(length.0)
    }
}

#[cfg(test)]
mod tests;
