//! Round-trip samples come in, the estimate of RFC 9002 §5 goes out. A peer's word must never bring it below the minimum seen.

use inquic_platform::{Duration, Instant};

/// The round-trip time of the path as RFC 9002 §5 estimates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtt {
    /// The newest sample; zero before the first.
    pub latest: Duration,
    /// The smoothed round-trip time; the configured guess before the first sample.
    pub smoothed: Duration,
    /// The variation of the samples.
    pub variance: Duration,
    /// The smallest sample, acknowledgement delay not taken off; zero before the first.
    pub min: Duration,
    /// When the first sample was taken.
    pub first_sample: Option<Instant>,
}

impl Rtt {
    pub(super) const fn new(initial: Duration) -> Self {
        Self {
            latest: Duration::ZERO,
            smoothed: initial,
            variance: initial.div(2),
            min: Duration::ZERO,
            first_sample: None,
        }
    }

    /// The probe timeout without acknowledgement delay and backoff: smoothed_rtt + max(4 * rttvar, kGranularity).
    #[must_use]
    pub fn pto_base(&self) -> Duration {
        self.smoothed + self.variance.saturating_mul(4).max(GRANULARITY)
    }

    /// Takes a sample. `ack_delay` is what the caller believes of the peer's delay.
    pub(super) fn on_sample(&mut self, now: Instant, sample: Duration, ack_delay: Duration) {
        self.latest = sample;
        if self.first_sample.is_none() {
            self.first_sample = Some(now);
            self.min = sample;
            self.smoothed = sample;
            self.variance = sample.div(2);
            return;
        }
        //= RFC 9002 §5.2: min_rtt MUST be set to the lesser of min_rtt and latest_rtt
        //= (Section 5.1) on all other samples.
        self.min = self.min.min(sample);
        //= RFC 9002 §5.3: MUST NOT subtract the acknowledgment delay from the RTT sample if
        //= the resulting value is smaller than the min_rtt.
        let adjusted = if sample >= self.min + ack_delay {
            sample - ack_delay
        } else {
            sample
        };
        let deviation = self.smoothed.abs_diff(adjusted);
        self.variance = self.variance.saturating_mul(3).div(4) + deviation.div(4);
        self.smoothed = self.smoothed.saturating_mul(7).div(8) + adjusted.div(8);
    }
}

/// The granularity of timers (RFC 9002 §6.1.2).
pub(super) const GRANULARITY: Duration = Duration::from_millis(1);
/// The round-trip time taken for granted before there is a sample (RFC 9002 §6.2.2).
pub const INITIAL_RTT: Duration = Duration::from_millis(333);
