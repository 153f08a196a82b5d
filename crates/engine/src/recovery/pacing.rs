//! The pace, the round-trip time and packets sent come in; how much may leave now goes out. Pacing must never hold a packet
//! back for less than a timer can measure.
//!
//! The bucket is kept as a time: the moment at which what was sent is paid for at the present rate. It may lie ahead of now
//! by as much as one burst takes.

use inquic_platform::{Duration, Instant};

use super::limits;
use super::rtt::GRANULARITY;

/// The pacer of one path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pacer {
    /// When everything sent is paid for.
    paid_at: Instant,
    /// Nanoseconds that a byte costs, with [`SCALE`] bits of fraction; zero when pacing is off.
    cost: u64,
    /// How far `paid_at` may lie ahead.
    burst: Duration,
    /// Bytes that may still leave at once because nothing was on its way.
    fresh: u32,
    mds: u32,
}

/// What the rate follows from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Bytes in a round trip.
    pub(super) bytes: u64,
    pub(super) smoothed: Duration,
    /// How much time worth of packets makes a train, if that is not more than a burst.
    pub(super) train: Duration,
    pub(super) mds: u64,
}

/// What pacing allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Budget {
    /// Pacing does not matter.
    Unlimited,
    /// So many bytes, one packet or more.
    Bytes(u64),
    /// Nothing before then.
    Until(Instant),
}

impl Pacer {
    pub(super) const fn new() -> Self {
        Self {
            paid_at: Instant::ZERO,
            cost: 0,
            burst: Duration::ZERO,
            fresh: 0,
            mds: 0,
        }
    }

    /// Sets the rate that the congestion controller asks for.
    pub(super) fn set_rate(&mut self, now: Instant, rate: &Rate) {
        self.mds = u32::try_from(rate.mds).unwrap_or(u32::MAX);
        let old = self.cost;
        // A window that leaves within one tick anyway is not paced: the timer could only be late.
        if rate.smoothed <= GRANULARITY {
            self.cost = 0;
            return;
        }
        let round = rate.smoothed.min(ROUND_MAX).as_nanos();
        self.cost = (round << SCALE).checked_div(rate.bytes).unwrap_or(0).max(1);
        let packets = |count| self.price(rate.mds.saturating_mul(count));
        self.burst = packets(limits::BURST_PACKETS.into())
            .min(rate.train)
            .max(packets(limits::TRAIN_PACKETS))
            .max(limits::BURST_TIME);
        // What is owed is owed in bytes: a debt from the slow guess before the first sample must not be paid in its time.
        let owed = self.paid_at.since(now);
        if old != self.cost && !owed.is_zero() {
            self.paid_at = now + self.price(bytes_for(owed, old));
        }
    }

    /// Takes the price of a packet. `is_first`: nothing was on its way.
    #[inline]
    pub(super) fn on_sent(&mut self, now: Instant, size: u64, is_first: bool) {
        if is_first {
            self.fresh = self.burst_bytes();
        }
        if self.cost == 0 {
            return;
        }
        if self.fresh > 0 {
            self.fresh = self
                .fresh
                .saturating_sub(u32::try_from(size).unwrap_or(u32::MAX));
            self.paid_at = now + self.burst;
        } else {
            self.paid_at = self.paid_at.max(now) + self.price(size);
        }
    }

    /// Whether a full packet would have to wait.
    #[inline]
    pub(super) fn is_dry(&self, now: Instant) -> bool {
        self.cost != 0
            && self.fresh == 0
            && self.paid_at + self.price(self.mds.into()) > now + self.burst
    }

    /// How much may leave now. `is_first`: nothing is on its way.
    pub(super) fn budget(&self, now: Instant, is_first: bool) -> Budget {
        if self.cost == 0 {
            return Budget::Unlimited;
        }
        if is_first {
            return Budget::Bytes(self.burst_bytes().into());
        }
        if self.fresh > 0 {
            return Budget::Bytes(self.fresh.max(self.mds).into());
        }
        if self.is_dry(now) {
            let ready = self.paid_at + self.price(self.mds.into()) - self.burst;
            // What becomes due within a tick leaves with what is due at its end.
            return Budget::Until(ready.max(now + GRANULARITY));
        }
        let left = self.burst - self.paid_at.since(now);
        Budget::Bytes(bytes_for(left, self.cost).max(self.mds.into()))
    }

    const fn burst_bytes(&self) -> u32 {
        self.mds.saturating_mul(limits::BURST_PACKETS)
    }

    #[inline]
    fn price(&self, bytes: u64) -> Duration {
        Duration::from_nanos(self.cost.saturating_mul(bytes) >> SCALE)
    }
}

/// How many bytes `length` pays for at `cost`.
fn bytes_for(length: Duration, cost: u64) -> u64 {
    let scaled = length.as_nanos().min(LENGTH_MAX) << SCALE;
    scaled.checked_div(cost).unwrap_or(0)
}

/// Bits of fraction in the cost of a byte.
const SCALE: u32 = 20;
/// Longer round trips are paced as this one: 2^40 ns are 18 minutes.
const ROUND_MAX: Duration = Duration::from_nanos(1 << 40);
/// So that a shift by [`SCALE`] fits 64 bits.
const LENGTH_MAX: u64 = 1 << 43;
