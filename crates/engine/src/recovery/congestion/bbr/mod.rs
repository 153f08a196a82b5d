//! Deliveries and losses come in, the window and the pace of BBR version 3 go out (draft-ietf-ccwg-bbr-06), in integers. A loss must
//! never pass without an answer, and the application's silence must never count as the path's.
//!
//! The names of the draft are kept where they say what they mean; `rate` has its §4.1, `model` §5.5, `cycle` §5.3, this file §5.2 and
//! §5.6. Bounds of [`u64::MAX`] are its infinities, and gains are in percent.

mod cycle;
mod model;
mod rate;
#[cfg(test)]
mod tests;

use inquic_platform::{Duration, Instant};

pub(in crate::recovery) use self::rate::Snapshot;

use self::cycle::{Probe, State};
use self::model::{Aggregation, Bounds, FullPipe, Losses, MaxBandwidth, MinRtt, Rounds};
use self::rate::{Bandwidth, RateSample, Sampler, percent_of};
use super::{Delivery, LostPacket, initial_window};
use crate::recovery::{Config, limits};

/// BBR on one path.
pub(in crate::recovery) struct Bbr {
    window: u64,
    window_max: u64,
    mds: u64,
    /// The rate at which packets leave.
    pace: Bandwidth,
    /// The smaller of what the path was seen to carry and what losses leave of it.
    bandwidth: Bandwidth,
    used: Used,
    recovery_start: Option<Instant>,
    /// When the newest acknowledged packet was sent.
    newest_acked: Instant,
    sampler: Sampler,
    /// What the last ACK told.
    sample: RateSample,
    rounds: Rounds,
    max_bandwidth: MaxBandwidth,
    pipe: FullPipe,
    min_rtt: MinRtt,
    aggregation: Aggregation,
    bounds: Bounds,
    losses: Losses,
    state: State,
    probe: Probe,
    before: Before,
    /// The last window that neither a recovery nor the probing of the round-trip time had changed.
    prior_window: u64,
    /// The application has just begun to send again.
    restarting: bool,
}

/// Whether the window was full in this round and in the last one.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    now: bool,
    before: bool,
}

/// What was before the losses of a round, while these may still prove to have been none.
#[derive(Clone, Copy, Debug)]
struct Before {
    bounds: Bounds,
    /// The state that they ended, if they ended one.
    state: Option<State>,
}

impl Bbr {
    pub(super) fn new(config: &Config) -> Self {
        let mds = u64::from(config.max_datagram_size).max(1);
        let window_min = mds.saturating_mul(limits::WINDOW_MIN_PACKETS);
        let window_max = config.max_window.clamp(window_min, limits::WINDOW_CEILING);
        let window = initial_window(mds).min(window_max);
        let nominal = Bandwidth::of(window, NOMINAL_RTT);
        Self {
            window,
            window_max,
            mds,
            pace: nominal.percent(State::Startup.pacing_gain()),
            bandwidth: Bandwidth::ZERO,
            used: Used::default(),
            recovery_start: None,
            newest_acked: Instant::ZERO,
            sampler: Sampler::default(),
            sample: RateSample::default(),
            rounds: Rounds::default(),
            max_bandwidth: MaxBandwidth::default(),
            pipe: FullPipe::default(),
            min_rtt: MinRtt::new(),
            aggregation: Aggregation::default(),
            bounds: Bounds::NONE,
            losses: Losses::default(),
            state: State::Startup,
            probe: Probe::default(),
            before: Before {
                bounds: Bounds::NONE,
                state: None,
            },
            prior_window: 0,
            restarting: false,
        }
    }

    /// The first packet after a time with nothing in flight. Says whether the pace changed.
    pub(super) fn on_restart(&mut self, now: Instant) -> bool {
        self.sampler.on_restart(now);
        if !self.sampler.is_limited() {
            return false;
        }
        self.restarting = true;
        self.aggregation.restart(now);
        if let State::ProbeRtt { .. } = self.state {
            self.check_probe_rtt_done(now);
        }
        if self.state.is_cycle() {
            self.set_pace(100);
        }
        true
    }

    pub(super) fn snapshot(&self, in_flight: u64) -> Snapshot {
        self.sampler.snapshot(in_flight)
    }

    /// A packet was sent; `in_flight` counts it.
    #[inline]
    pub(super) const fn on_sent(&mut self, in_flight: u64) {
        if in_flight.saturating_add(self.mds) > self.window {
            self.used.now = true;
        }
    }

    pub(super) const fn on_app_limited(&mut self, in_flight: u64) {
        self.sampler.limit(in_flight);
    }

    pub(super) fn on_delivery(&mut self, now: Instant, delivery: &Delivery) {
        self.newest_acked = self.newest_acked.max(delivery.newest_sent);
        let newest = delivery.snapshot.map(|kept| (delivery.newest_sent, kept));
        self.sample = self
            .sampler
            .on_acked(now, delivery.acked, newest, delivery.min_rtt);
        let delivered = self.sampler.delivered;
        self.losses.update(&self.sample, delivered);
        self.rounds.update(&self.sample, delivered);
        if self.rounds.started {
            self.used = Used {
                now: false,
                before: self.used.now,
            };
            self.aggregation.on_round(self.pipe.reached);
        }
        self.max_bandwidth.update(&self.sample);
        if self.losses.round_ended {
            self.adapt_bounds();
        }
        self.aggregation
            .update(now, delivery.acked, self.bandwidth, self.window);
        self.pipe.update(&self.sample, self.rounds.started);
        self.advance(now, delivery.in_flight);
        self.update_min_rtt(now, delivery.sample);
        self.check_probe_rtt(now, delivery.in_flight);
        self.losses.advance(&self.sample);
        self.bandwidth = self.max_bandwidth.get().min(self.bounds.bandwidth);
        self.set_pace(self.state.pacing_gain());
        self.grow_window(delivery.acked);
    }

    /// One packet was lost (§5.5.10.2).
    pub(super) fn on_lost_packet(&mut self, now: Instant, lost: &LostPacket) {
        let size = u64::from(lost.size);
        self.sampler.on_lost(size);
        self.note_loss();
        self.losses.count(lost.number);
        let Some(snapshot) = lost.snapshot.filter(|_| self.probe.is_sample) else {
            return;
        };
        let sample = self.sampler.loss_since(&snapshot);
        if is_too_high(&sample) {
            let in_flight = in_flight_at_loss(&sample, size);
            self.on_too_high(now, in_flight, sample.limited);
        }
    }

    /// Says whether a recovery period began (RFC 9002 §7.3.2).
    pub(super) fn on_congestion(&mut self, now: Instant, sent: Instant) -> bool {
        if Some(sent) <= self.recovery_start {
            return false;
        }
        self.recovery_start = Some(now);
        true
    }

    /// The path marked packets. The draft asks to treat that as congestion: they count as lost.
    pub(super) fn on_mark(&mut self, now: Instant, packets: u64) {
        let bytes = packets.saturating_mul(self.mds);
        self.sampler.on_lost(bytes);
        self.note_loss();
        self.losses.rows = self.losses.rows.saturating_add(packets);
        self.before = Before {
            bounds: self.bounds,
            state: None,
        };
        self.sample.lost = self.sample.lost.saturating_add(bytes);
        if self.probe.is_sample && is_too_high(&self.sample) {
            self.on_too_high(now, self.sample.in_flight, self.sample.limited);
            self.before.state = None;
        }
    }

    /// Nothing was lost since the last recovery period began (§5.5.11.2).
    pub(super) fn on_spurious(&mut self) -> bool {
        self.window = self.window.max(self.prior_window).min(self.window_max);
        self.recovery_start = None;
        self.losses.any = false;
        self.pipe.reset(Bandwidth::ZERO);
        self.bounds.raise(&self.before.bounds);
        match self.before.state.take() {
            Some(State::Startup) if self.state != State::Startup => {
                self.pipe.reached = false;
                if !self.state.is_probe_rtt() {
                    self.state = State::Startup;
                }
            }
            Some(State::Up) if self.state.is_cycle() && self.state != State::Up => {
                self.start_refill();
            }
            _ => {}
        }
        true
    }

    pub(super) fn on_persistent_congestion(&mut self) {
        //= RFC 9002 §7.6.2: When persistent congestion is declared, the sender's congestion
        //= window MUST be reduced to the minimum congestion window
        self.window = self.mds.saturating_mul(limits::WINDOW_MIN_PACKETS);
        self.prior_window = self.window;
        self.recovery_start = None;
    }

    pub(super) fn set_mds(&mut self, mds: u16) {
        let is_initial = self.window == initial_window(self.mds) && self.sampler.delivered == 0;
        self.mds = u64::from(mds).max(1);
        let window = if is_initial {
            initial_window(self.mds)
        } else {
            self.window
        };
        self.set_window(window);
    }

    #[inline]
    pub(super) const fn window(&self) -> u64 {
        self.window
    }

    #[inline]
    pub(super) const fn mds(&self) -> u64 {
        self.mds
    }

    pub(super) fn paced_bytes(&self, smoothed: Duration) -> u64 {
        self.pace.over(smoothed).max(1)
    }

    /// The first loss of a round keeps what was before it.
    fn note_loss(&mut self) {
        if self.losses.note(self.sampler.delivered) {
            self.save_window();
            self.before = Before {
                bounds: self.bounds,
                state: None,
            };
        }
    }

    fn save_window(&mut self) {
        let in_recovery = self
            .recovery_start
            .is_some_and(|start| self.newest_acked <= start);
        self.prior_window = if in_recovery || self.state.is_probe_rtt() {
            self.prior_window.max(self.window)
        } else {
            self.window
        };
    }

    /// A round ended. When not looking for more, losses in it lower what is taken for the moment (§5.5.10.3).
    fn adapt_bounds(&mut self) {
        if self.losses.any && !self.state.is_looking_for_more() {
            self.bounds
                .lower(&self.losses, self.max_bandwidth.get(), self.window);
        }
        self.losses.any = false;
    }

    fn update_min_rtt(&mut self, now: Instant, sample: Option<Duration>) {
        if self.min_rtt.get().is_none()
            && let Some(sample) = sample
        {
            let nominal = Bandwidth::of(initial_window(self.mds), sample);
            self.pace = nominal.percent(State::Startup.pacing_gain());
        }
        self.min_rtt.update(now, sample);
    }

    /// The pace is a share of the bandwidth, and 1 % less so that queues drain; while the pipe was never full, it only grows.
    fn set_pace(&mut self, gain: u64) {
        if self.bandwidth == Bandwidth::ZERO {
            return;
        }
        let pace = self.bandwidth.percent(gain).percent(PACING_MARGIN);
        if self.pipe.reached || pace > self.pace {
            self.pace = pace.max(Bandwidth::of(self.mds, PACE_MIN));
        }
    }

    /// The window follows the model: down at once, up by what is acknowledged (§5.6.4.6).
    fn grow_window(&mut self, acked: u64) {
        let gain = self.state.window_gain();
        let wanted = self.quantized(
            self.bdp_percent(self.bandwidth, gain)
                .saturating_add(self.aggregation.get()),
        );
        let grown = self.window.saturating_add(acked);
        let window = if self.pipe.reached {
            grown.min(wanted)
        } else if self.window < wanted || self.sampler.delivered < initial_window(self.mds) {
            grown
        } else {
            self.window
        };
        let mut window = window.max(self.pipe_min());
        if self.state.is_probe_rtt() {
            window = window.min(self.probe_rtt_window());
        }
        let cap = match self.state {
            State::Cruise | State::ProbeRtt { .. } => self.with_headroom(),
            State::Down | State::Refill | State::Up => self.bounds.inflight_long,
            State::Startup | State::Drain { .. } => u64::MAX,
        };
        let cap = cap.min(self.bounds.inflight).max(self.pipe_min());
        self.set_window(window.min(cap));
    }

    fn set_window(&mut self, window: u64) {
        let window_min = self.mds.saturating_mul(limits::WINDOW_MIN_PACKETS);
        self.window = window.min(self.window_max).max(window_min);
    }

    /// So much in flight, and what it takes to send in quanta.
    fn quantized(&self, in_flight: u64) -> u64 {
        let quantum = self
            .pace
            .over(QUANTUM_TIME)
            .min(QUANTUM_MAX)
            .max(self.mds.saturating_mul(2));
        let in_flight = in_flight.max(quantum).max(self.pipe_min());
        if self.state == State::Up {
            in_flight.saturating_add(self.mds.saturating_mul(2))
        } else {
            in_flight
        }
    }

    /// A share of what fills the path at a rate.
    fn bdp_percent(&self, bandwidth: Bandwidth, percent: u64) -> u64 {
        match self.min_rtt.get() {
            Some(min_rtt) => percent_of(bandwidth.over(min_rtt), percent),
            None => initial_window(self.mds),
        }
    }

    fn probe_rtt_window(&self) -> u64 {
        self.bdp_percent(self.bandwidth, PROBE_RTT_GAIN)
            .max(self.pipe_min())
    }

    /// The bound in flight, less some room for others.
    fn with_headroom(&self) -> u64 {
        if self.bounds.inflight_long == u64::MAX {
            return u64::MAX;
        }
        let room = percent_of(self.bounds.inflight_long, HEADROOM).max(self.mds);
        self.bounds
            .inflight_long
            .saturating_sub(room)
            .max(self.pipe_min())
    }

    /// MinPipeCwnd.
    const fn pipe_min(&self) -> u64 {
        self.mds.saturating_mul(PIPE_MIN_PACKETS)
    }

    /// What should be in flight, unless congestion cut the window.
    fn target(&self) -> u64 {
        self.bdp_percent(self.bandwidth, 100).min(self.window)
    }
}

/// Whether more was lost of what was in flight than probing may cost.
const fn is_too_high(sample: &RateSample) -> bool {
    sample.lost > percent_of(sample.in_flight, LOSS_THRESHOLD)
}

/// What was in flight when the losses became too many, perhaps within the packet.
fn in_flight_at_loss(sample: &RateSample, size: u64) -> u64 {
    let before = sample.in_flight.saturating_sub(size);
    let lost_before = sample.lost.saturating_sub(size);
    let allowed = percent_of(before, LOSS_THRESHOLD).saturating_sub(lost_before);
    let prefix = allowed.saturating_mul(100) / (100 - LOSS_THRESHOLD);
    before.saturating_add(prefix)
}

/// LossThresh, in percent.
const LOSS_THRESHOLD: u64 = 2;
/// Headroom, in percent.
const HEADROOM: u64 = 15;
/// 100 less PacingMarginPercent.
const PACING_MARGIN: u64 = 99;
/// ProbeRTTCwndGain, in percent.
const PROBE_RTT_GAIN: u64 = 50;
/// MinPipeCwnd in packets: two on their way, and the acknowledgements of two.
const PIPE_MIN_PACKETS: u64 = 4;
/// The round-trip time for the first pace, before one was measured.
const NOMINAL_RTT: Duration = Duration::from_millis(1);
/// A packet in this time is the slowest pace.
const PACE_MIN: Duration = Duration::from_secs(1);
/// What leaves in this time is a quantum,
const QUANTUM_TIME: Duration = Duration::from_millis(1);
/// unless it is more than this.
const QUANTUM_MAX: u64 = 64 * 1024;
