//! Packets sent, acknowledged and lost come in, samples of the delivery rate go out (draft-ietf-ccwg-bbr §4.1). A sample must
//! never be above the rate at which its packets were sent.

use inquic_platform::{Duration, Instant};

/// A rate in bytes for each 2^30 ns, which are a second and 7 %: rates meet times by a product and a shift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::recovery) struct Bandwidth(u64);

/// What the sampler knew when a packet was sent; kept beside its record until its fate is known.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::recovery) struct Snapshot {
    /// Bytes delivered until then, and in the highest bit whether the application had been what limited.
    delivered: u64,
    /// When the newest of these were.
    delivered_at: Instant,
    /// When the first packet of its flight was sent.
    first_sent: Instant,
    /// Bytes in flight with it.
    in_flight: u32,
    /// Bytes lost until then; wraps.
    lost: u32,
}

/// What is counted for the samples of one path.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sampler {
    /// Bytes delivered.
    pub(super) delivered: u64,
    delivered_at: Instant,
    first_sent: Instant,
    /// Bytes lost, and the size of what was marked.
    lost: u64,
    /// The application limits until so many bytes are delivered; zero when it does not.
    limited_until: u64,
}

/// What one ACK tells of the rate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RateSample {
    /// Bytes that it acknowledged for the first time.
    pub(super) acked: u64,
    /// The delivery rate; zero when there is none.
    pub(super) rate: Bandwidth,
    /// Bytes delivered since its newest packet was sent; zero without one.
    pub(super) delivered: u64,
    /// Bytes delivered before its newest packet was sent.
    pub(super) prior: Option<u64>,
    /// Bytes in flight when its newest packet was sent.
    pub(super) in_flight: u64,
    /// Bytes lost since its newest packet was sent.
    pub(super) lost: u64,
    /// Whether the application limited the sample.
    pub(super) limited: bool,
}

impl Bandwidth {
    /// No rate at all.
    pub(super) const ZERO: Self = Self(0);
    /// No bound.
    pub(super) const UNBOUNDED: Self = Self(u64::MAX);

    /// So many bytes in such a time; zero for no time.
    pub(super) fn of(bytes: u64, length: Duration) -> Self {
        let scaled = bytes.min(BYTES_MAX) << SHIFT;
        Self(scaled.checked_div(length.as_nanos()).unwrap_or(0))
    }

    /// The bytes in a time.
    pub(super) fn over(self, length: Duration) -> u64 {
        // The product of two numbers of 64 bits has 128.
        let product = u128::from(self.0).wrapping_mul(u128::from(length.as_nanos()));
        u64::try_from(product >> SHIFT).unwrap_or(u64::MAX)
    }

    pub(super) const fn percent(self, percent: u64) -> Self {
        Self(percent_of(self.0, percent))
    }
}

impl Sampler {
    /// The first packet after a time with nothing in flight is sent.
    pub(super) const fn on_restart(&mut self, now: Instant) {
        self.first_sent = now;
        self.delivered_at = now;
    }

    /// What a packet that is sent now has to remember; `in_flight` counts it.
    pub(super) fn snapshot(&self, in_flight: u64) -> Snapshot {
        let limited = if self.is_limited() { LIMITED } else { 0 };
        Snapshot {
            delivered: self.delivered & !LIMITED | limited,
            delivered_at: self.delivered_at,
            first_sent: self.first_sent,
            in_flight: u32::try_from(in_flight).unwrap_or(u32::MAX),
            lost: self.lost as u32,
        }
    }

    /// Bytes were acknowledged; `newest` is the one of their packets that was sent last.
    pub(super) fn on_acked(
        &mut self,
        now: Instant,
        bytes: u64,
        newest: Option<(Instant, Snapshot)>,
        min_rtt: Duration,
    ) -> RateSample {
        self.delivered = self.delivered.saturating_add(bytes);
        self.delivered_at = now;
        if self.delivered > self.limited_until {
            self.limited_until = 0;
        }
        let Some((sent, snapshot)) = newest else {
            return RateSample {
                acked: bytes,
                ..RateSample::default()
            };
        };
        let sending = sent.since(snapshot.first_sent);
        let acking = now.since(snapshot.delivered_at);
        self.first_sent = sent;
        let delivered = self.delivered.saturating_sub(snapshot.delivered());
        let interval = sending.max(acking);
        let rate = if interval < min_rtt {
            Bandwidth::ZERO
        } else {
            Bandwidth::of(delivered, interval)
        };
        RateSample {
            acked: bytes,
            rate,
            delivered,
            prior: Some(snapshot.delivered()),
            ..self.loss_since(&snapshot)
        }
    }

    /// Bytes were lost or marked.
    pub(super) const fn on_lost(&mut self, bytes: u64) {
        self.lost = self.lost.saturating_add(bytes);
    }

    /// What was lost since a packet was sent, and what was in flight with it.
    pub(super) fn loss_since(&self, snapshot: &Snapshot) -> RateSample {
        RateSample {
            in_flight: snapshot.in_flight.into(),
            lost: (self.lost as u32).wrapping_sub(snapshot.lost).into(),
            limited: snapshot.delivered & LIMITED != 0,
            ..RateSample::default()
        }
    }

    /// Samples are limited by the application until what is in flight is delivered.
    pub(super) const fn limit(&mut self, in_flight: u64) {
        let until = self.delivered.saturating_add(in_flight);
        self.limited_until = if until == 0 { 1 } else { until };
    }

    pub(super) const fn is_limited(&self) -> bool {
        self.limited_until != 0
    }
}

impl Snapshot {
    /// Whether it is one, and not the place of one. With nothing in flight there is nothing to tell.
    pub(in crate::recovery) const fn is_kept(&self) -> bool {
        self.in_flight > 0
    }

    #[cfg(test)]
    pub(in crate::recovery) fn in_flight(&self) -> u64 {
        self.in_flight.into()
    }

    const fn delivered(&self) -> u64 {
        self.delivered & !LIMITED
    }
}

/// `percent` of a number; it saturates.
pub(super) const fn percent_of(number: u64, percent: u64) -> u64 {
    match number.checked_mul(percent) {
        Some(product) => product / 100,
        None => (number / 100).saturating_mul(percent),
    }
}

/// 2^30 ns.
const SHIFT: u32 = 30;
/// Sixteen gigabytes: a sample of more, shifted, would not fit 64 bits.
const BYTES_MAX: u64 = (1 << (64 - SHIFT)) - 1;
/// The bit of [`Snapshot::delivered`] that no count of bytes reaches.
const LIMITED: u64 = 1 << 63;

const _: () = assert!(
    size_of::<Snapshot>() == crate::recovery::limits::SNAPSHOT_BYTES,
    "kept for each packet in flight"
);
