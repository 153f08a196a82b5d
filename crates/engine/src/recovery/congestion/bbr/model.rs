//! Rate samples, round-trip samples and losses come in; what the path can carry goes out (draft-ietf-ccwg-bbr §5.5). It must never
//! take what the application limited for what the path can carry.

use inquic_platform::{Duration, Instant};

use super::rate::{Bandwidth, RateSample, percent_of};

/// Round trips, counted by packets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rounds {
    /// A packet sent after so many bytes were delivered ends the round.
    next: u64,
    pub(super) count: u64,
    /// Since the last time that more bandwidth was tried.
    pub(super) since_probe: u64,
    /// Whether this ACK began one.
    pub(super) started: bool,
}

impl Rounds {
    pub(super) fn update(&mut self, sample: &RateSample, delivered: u64) {
        self.started = sample.prior.is_some_and(|prior| prior >= self.next);
        if self.started {
            self.start(delivered);
            self.count = self.count.saturating_add(1);
            self.since_probe = self.since_probe.saturating_add(1);
        }
    }

    /// A round begins with the next packet sent.
    pub(super) const fn start(&mut self, delivered: u64) {
        self.next = delivered;
    }
}

/// The largest rate of this cycle and the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MaxBandwidth {
    current: Bandwidth,
    previous: Bandwidth,
}

impl MaxBandwidth {
    pub(super) fn update(&mut self, sample: &RateSample) {
        if sample.rate >= self.get() || !sample.limited {
            self.current = self.current.max(sample.rate);
        }
    }

    /// A cycle ends.
    pub(super) fn advance(&mut self) {
        if self.current > Bandwidth::ZERO {
            self.previous = self.current;
            self.current = Bandwidth::ZERO;
        }
    }

    pub(super) fn get(&self) -> Bandwidth {
        self.current.max(self.previous)
    }
}

/// Whether sending faster still brings more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FullPipe {
    baseline: Bandwidth,
    rounds: u32,
    /// Not since it was last asked.
    pub(super) now: bool,
    /// It once did not.
    pub(super) reached: bool,
}

impl FullPipe {
    /// Asks anew. Whether the pipe ever was full stays known.
    pub(super) const fn reset(&mut self, baseline: Bandwidth) {
        self.baseline = baseline;
        self.rounds = 0;
        self.now = false;
    }

    pub(super) fn update(&mut self, sample: &RateSample, round_started: bool) {
        if self.now || !round_started || sample.limited {
            return;
        }
        if sample.rate >= self.baseline.percent(FULL_GROWTH) {
            self.reset(sample.rate);
            return;
        }
        self.rounds = self.rounds.saturating_add(1);
        self.now = self.rounds >= FULL_ROUNDS;
        self.reached |= self.now;
    }
}

/// The smallest round-trip time of the last ten seconds, and of the last five.
#[derive(Clone, Copy, Debug)]
pub(super) struct MinRtt {
    value: Duration,
    since: Instant,
    recent: Duration,
    recent_since: Instant,
    /// Whether the smallest of the last five is older than that.
    pub(super) expired: bool,
}

impl MinRtt {
    pub(super) const fn new() -> Self {
        Self {
            value: Duration::MAX,
            since: Instant::ZERO,
            recent: Duration::MAX,
            recent_since: Instant::ZERO,
            expired: false,
        }
    }

    pub(super) fn update(&mut self, now: Instant, sample: Option<Duration>) {
        let is_known = self.get().is_some();
        self.expired = is_known && now > self.recent_since + PROBE_RTT_INTERVAL;
        if let Some(sample) = sample.filter(|sample| *sample < self.recent || self.expired) {
            self.recent = sample;
            self.recent_since = now;
        }
        if self.recent < self.value || now > self.since + MIN_RTT_WINDOW {
            self.value = self.recent;
            self.since = self.recent_since;
        }
    }

    /// The round-trip time was probed; the next time is due in five seconds.
    pub(super) const fn on_probed(&mut self, now: Instant) {
        self.recent_since = now;
    }

    /// The smallest; `None` before there was one.
    pub(super) fn get(&self) -> Option<Duration> {
        Some(self.value).filter(|value| *value < Duration::MAX)
    }
}

/// How much more than expected arrives at once, because something on the path collects packets or ACKs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Aggregation {
    start: Instant,
    delivered: u64,
    /// The largest excess of these rounds and of those before.
    current: u64,
    previous: u64,
    rounds: u32,
}

impl Aggregation {
    pub(super) const fn restart(&mut self, now: Instant) {
        self.start = now;
    }

    pub(super) fn update(&mut self, now: Instant, acked: u64, bandwidth: Bandwidth, most: u64) {
        let mut expected = bandwidth.over(now.since(self.start));
        if self.delivered <= expected {
            self.delivered = 0;
            self.start = now;
            expected = 0;
        }
        self.delivered = self.delivered.saturating_add(acked);
        let excess = self.delivered.saturating_sub(expected).min(most);
        self.current = self.current.max(excess);
    }

    /// A round began. While the pipe was never full, one round is remembered, then ten.
    pub(super) const fn on_round(&mut self, full: bool) {
        self.rounds = self.rounds.saturating_add(1);
        if !full || self.rounds >= EXCESS_ROUNDS {
            self.previous = if full { self.current } else { 0 };
            self.current = 0;
            self.rounds = 0;
        }
    }

    pub(super) fn get(&self) -> u64 {
        self.current.max(self.previous)
    }
}

/// What losses say about the path: for the moment, until more is tried, and for longer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) bandwidth: Bandwidth,
    pub(super) inflight: u64,
    pub(super) inflight_long: u64,
}

impl Bounds {
    pub(super) const NONE: Self = Self {
        bandwidth: Bandwidth::UNBOUNDED,
        inflight: u64::MAX,
        inflight_long: u64::MAX,
    };

    /// Forgets what was for the moment.
    pub(super) const fn reset_short(&mut self) {
        self.bandwidth = Bandwidth::UNBOUNDED;
        self.inflight = u64::MAX;
    }

    /// A round with a loss ended.
    pub(super) fn lower(&mut self, losses: &Losses, bandwidth: Bandwidth, window: u64) {
        if self.bandwidth == Bandwidth::UNBOUNDED {
            self.bandwidth = bandwidth;
        }
        if self.inflight == u64::MAX {
            self.inflight = window;
        }
        self.bandwidth = losses.bandwidth.max(self.bandwidth.percent(BETA));
        self.inflight = losses.inflight.max(percent_of(self.inflight, BETA));
    }

    /// The larger of each.
    pub(super) fn raise(&mut self, others: &Self) {
        self.bandwidth = self.bandwidth.max(others.bandwidth);
        self.inflight = self.inflight.max(others.inflight);
        self.inflight_long = self.inflight_long.max(others.inflight_long);
    }
}

/// The losses of a round, and what was delivered in it nevertheless.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    /// A packet sent after so many bytes were delivered ends the round.
    next: u64,
    /// Whether this ACK ended it.
    pub(super) round_ended: bool,
    pub(super) any: bool,
    /// Rows of lost numbers.
    pub(super) rows: u64,
    last: u64,
    /// The largest rate.
    bandwidth: Bandwidth,
    /// The most that was delivered from a packet's sending to its acknowledgement.
    pub(super) inflight: u64,
}

impl Losses {
    /// Says whether this is the first loss of the round.
    pub(super) const fn note(&mut self, delivered: u64) -> bool {
        let first = !self.any;
        if first {
            self.next = delivered;
        }
        self.any = true;
        first
    }

    /// Counts rows of lost numbers.
    pub(super) const fn count(&mut self, number: u64) {
        if self.rows == 0 || number != self.last.saturating_add(1) {
            self.rows = self.rows.saturating_add(1);
        }
        self.last = number;
    }

    /// At the start of an ACK.
    pub(super) fn update(&mut self, sample: &RateSample, delivered: u64) {
        self.bandwidth = self.bandwidth.max(sample.rate);
        self.inflight = self.inflight.max(sample.delivered);
        self.round_ended = sample.prior.is_some_and(|prior| prior >= self.next);
        if self.round_ended {
            self.next = delivered;
        }
    }

    /// At the end of an ACK.
    pub(super) const fn advance(&mut self, sample: &RateSample) {
        if self.round_ended {
            self.bandwidth = sample.rate;
            self.inflight = sample.delivered;
        }
    }

    /// Another phase begins.
    pub(super) const fn reset(&mut self) {
        self.any = false;
        self.bandwidth = Bandwidth::ZERO;
        self.inflight = 0;
    }
}

/// Beta: what a round with losses leaves of the bounds at least, in percent.
pub(super) const BETA: u64 = 70;
/// Growth of the rate in a round that says there is more, in percent of what it was.
const FULL_GROWTH: u64 = 125;
/// Rounds without it that say there is no more.
const FULL_ROUNDS: u32 = 3;
/// Half of ExtraAckedFilterLen: two such windows are kept.
const EXCESS_ROUNDS: u32 = 5;
/// MinRTTFilterLen.
const MIN_RTT_WINDOW: Duration = Duration::from_secs(10);
/// ProbeRTTInterval.
const PROBE_RTT_INTERVAL: Duration = Duration::from_secs(5);
