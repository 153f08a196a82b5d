//! What the last ACK told the model comes in, the next state goes out (draft-ietf-ccwg-bbr §5.3). More must never be tried for longer
//! than it takes to see that there is no more, or that it costs losses.

use inquic_platform::{Duration, Instant};

use super::model::BETA;
use super::rate::percent_of;
use super::{Bbr, is_too_high};

/// What the controller is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Double the rate each round.
    Startup,
    /// Drain the queue that this made, from that round on.
    Drain { since: u64 },
    /// Send less than the path carries.
    Down,
    /// As much.
    Cruise,
    /// As much, with everything that losses said for the moment forgotten.
    Refill,
    /// More.
    Up,
    /// Send so little that the queue is empty: until then, and for a round at least.
    ProbeRtt {
        until: Option<Instant>,
        round_done: bool,
    },
}

/// What acknowledgements that come now tell about the last look for more bandwidth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing.
    #[default]
    Nothing,
    /// The pipe is being filled for it.
    Refilling,
    /// It has begun.
    Starting,
    /// They show what it does.
    Feedback,
    /// It has ended, and they still do.
    Stopping,
}

/// The search for more bandwidth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pub(super) phase: Phase,
    /// Losses now are of packets sent while looking for more.
    pub(super) is_sample: bool,
    /// The last look cost too many losses.
    too_high: bool,
    /// The last look ended early, before it could.
    precautionary: bool,
    /// When the cycle began, and how long it takes until the next look at most.
    cycle: Instant,
    wait: Duration,
    /// Bytes acknowledged for which the bound in flight has not grown, and how many it takes for one packet.
    acked: u64,
    acked_for_one: u64,
    rounds: u32,
}

impl State {
    /// The pace in percent of the bandwidth.
    pub(super) const fn pacing_gain(self) -> u64 {
        match self {
            Self::Startup => 277,
            Self::Drain { .. } => 50,
            Self::Down => 90,
            Self::Up => 125,
            Self::Cruise | Self::Refill | Self::ProbeRtt { .. } => 100,
        }
    }

    /// The window in percent of what fills the path.
    pub(super) const fn window_gain(self) -> u64 {
        match self {
            Self::Up => 225,
            Self::ProbeRtt { .. } => super::PROBE_RTT_GAIN,
            Self::Startup | Self::Drain { .. } | Self::Down | Self::Cruise | Self::Refill => 200,
        }
    }

    /// Whether it is one of the four of the cycle.
    pub(super) const fn is_cycle(self) -> bool {
        matches!(self, Self::Down | Self::Cruise | Self::Refill | Self::Up)
    }

    pub(super) const fn is_looking_for_more(self) -> bool {
        matches!(self, Self::Startup | Self::Refill | Self::Up)
    }

    pub(super) const fn is_probe_rtt(self) -> bool {
        matches!(self, Self::ProbeRtt { .. })
    }
}

impl Bbr {
    pub(in crate::recovery) const fn is_starting(&self) -> bool {
        matches!(self.state, State::Startup)
    }

    /// Moves on to the next state, if it is time.
    pub(super) fn advance(&mut self, now: Instant, in_flight: u64) {
        self.check_startup_losses();
        if self.state == State::Startup && self.pipe.reached {
            self.state = State::Drain {
                since: self.rounds.count,
            };
        }
        if let State::Drain { since } = self.state
            && (in_flight <= self.quantized(self.bdp_percent(self.bandwidth, 100))
                || self.rounds.count > since.saturating_add(DRAIN_ROUNDS))
        {
            self.start_down(now);
        }
        if !self.pipe.reached || self.adapt_long_term() {
            return;
        }
        match self.state {
            State::Down => {
                if self.is_time_to_look(now) {
                    self.start_refill();
                } else if self.is_time_to_cruise(in_flight) {
                    self.state = State::Cruise;
                }
            }
            State::Cruise if self.is_time_to_look(now) => self.start_refill(),
            State::Refill if self.rounds.started => {
                self.probe.is_sample = true;
                self.start_up();
            }
            State::Up => {
                if self.is_time_to_go_down(in_flight) {
                    self.probe.too_high = false;
                    self.start_down(now);
                }
            }
            State::Startup
            | State::Drain { .. }
            | State::Cruise
            | State::Refill
            | State::ProbeRtt { .. } => {}
        }
    }

    /// A round of startup that lost too much was the last one (§5.3.1.3).
    fn check_startup_losses(&mut self) {
        if !self.losses.round_ended {
            return;
        }
        let many = self.losses.rows >= STARTUP_LOSS_ROWS;
        self.losses.rows = 0;
        if many && self.state == State::Startup && !self.pipe.reached && is_too_high(&self.sample) {
            self.before.state = Some(State::Startup);
            self.pipe.reached = true;
            self.pipe.now = true;
            self.bounds.inflight_long = self
                .bdp_percent(self.bandwidth, 100)
                .max(self.losses.inflight);
        }
    }

    /// Learns from the last look for more. Says whether another one began.
    fn adapt_long_term(&mut self) -> bool {
        if self.probe.phase == Phase::Starting && self.rounds.started {
            self.probe.phase = Phase::Feedback;
        }
        if self.probe.phase == Phase::Stopping && self.rounds.started {
            self.probe.is_sample = false;
            self.probe.phase = Phase::Nothing;
            if self.state.is_cycle() {
                if !self.sample.limited {
                    self.max_bandwidth.advance();
                }
                if self.probe.precautionary && !self.probe.too_high {
                    self.start_refill();
                    return true;
                }
            }
        }
        if !is_too_high(&self.sample) && self.bounds.inflight_long != u64::MAX {
            let bound = self.bounds.inflight_long;
            self.bounds.inflight_long = bound.max(self.sample.in_flight);
            if self.state == State::Up {
                self.raise_bound();
            }
        }
        false
    }

    /// Raises the bound in flight, by 1, 2, 4, … packets in a round, while it is what limits.
    fn raise_bound(&mut self) {
        if !self.is_window_limited() || self.window < self.bounds.inflight_long {
            return;
        }
        self.probe.acked = self.probe.acked.saturating_add(self.sample.acked);
        let price = self.probe.acked_for_one;
        let packets = self.probe.acked.checked_div(price).unwrap_or(0);
        self.probe.acked = self
            .probe
            .acked
            .saturating_sub(packets.saturating_mul(price));
        self.bounds.inflight_long = self
            .bounds
            .inflight_long
            .saturating_add(packets.saturating_mul(self.mds))
            .min(self.window_max);
        if self.rounds.started {
            self.raise_slope();
        }
    }

    fn raise_slope(&mut self) {
        let growth = 1_u64.wrapping_shl(self.probe.rounds);
        self.probe.rounds = self.probe.rounds.saturating_add(1).min(SLOPE_ROUNDS);
        let share = self.window.checked_div(growth).unwrap_or(0);
        self.probe.acked_for_one = share.max(self.mds);
    }

    /// Looking for more cost too many losses.
    pub(super) fn on_too_high(&mut self, now: Instant, in_flight: u64, limited: bool) {
        self.probe.too_high = true;
        // One look is answered once.
        self.probe.is_sample = false;
        if !limited {
            self.bounds.inflight_long = in_flight.max(percent_of(self.target(), BETA));
        }
        if self.state == State::Up {
            self.before.state = Some(State::Up);
            self.start_down(now);
        }
    }

    fn start_down(&mut self, now: Instant) {
        self.losses.reset();
        self.probe.acked_for_one = u64::MAX;
        let chance = mixed(now.as_nanos() ^ self.sampler.delivered.rotate_left(32));
        self.rounds.since_probe = chance & 1;
        // Up to 2^30 ns more than two seconds: a second and 7 %.
        self.probe.wait = WAIT_MIN + Duration::from_nanos(chance >> 34);
        self.probe.cycle = now;
        self.probe.phase = Phase::Stopping;
        self.rounds.start(self.sampler.delivered);
        self.state = State::Down;
    }

    pub(super) fn start_refill(&mut self) {
        self.bounds.reset_short();
        self.probe.rounds = 0;
        self.probe.acked = 0;
        self.probe.precautionary = false;
        self.probe.phase = Phase::Refilling;
        self.rounds.start(self.sampler.delivered);
        self.state = State::Refill;
    }

    fn start_up(&mut self) {
        self.probe.phase = Phase::Starting;
        self.rounds.start(self.sampler.delivered);
        self.pipe.reset(self.sample.rate);
        self.state = State::Up;
        self.raise_slope();
    }

    /// Whether to look for more: after two to three seconds, or when Reno would have grown by as much as the path holds.
    fn is_time_to_look(&self, now: Instant) -> bool {
        let packets = self.target().checked_div(self.mds).unwrap_or(0);
        now > self.probe.cycle + self.probe.wait
            || self.rounds.since_probe >= packets.min(RENO_ROUNDS)
    }

    fn is_time_to_cruise(&self, in_flight: u64) -> bool {
        let bdp = self.bdp_percent(self.max_bandwidth.get(), 100);
        in_flight <= self.with_headroom() && in_flight <= self.quantized(bdp)
    }

    fn is_time_to_go_down(&mut self, in_flight: u64) -> bool {
        if self.probe.too_high && in_flight >= self.bounds.inflight_long {
            self.probe.precautionary = true;
            return true;
        }
        if self.is_window_limited() && self.window >= self.bounds.inflight_long {
            // The bound limits and not the path: nothing can be seen of it.
            self.pipe.reset(self.sample.rate);
            return false;
        }
        self.pipe.now
    }

    /// Begins, holds and ends the probing of the round-trip time (§5.3.4.3).
    pub(super) fn check_probe_rtt(&mut self, now: Instant, in_flight: u64) {
        if !self.state.is_probe_rtt() && self.min_rtt.expired && !self.restarting {
            self.save_window();
            self.probe.phase = Phase::Stopping;
            self.rounds.start(self.sampler.delivered);
            self.state = State::ProbeRtt {
                until: None,
                round_done: false,
            };
        }
        if let State::ProbeRtt { until, round_done } = self.state {
            // So little in flight says nothing of the bandwidth.
            self.sampler.limit(in_flight);
            match until {
                None if in_flight <= self.probe_rtt_window() => {
                    self.rounds.start(self.sampler.delivered);
                    self.state = State::ProbeRtt {
                        until: Some(now + PROBE_RTT_TIME),
                        round_done: false,
                    };
                }
                None => {}
                Some(_) => {
                    let round_done = round_done || self.rounds.started;
                    self.state = State::ProbeRtt { until, round_done };
                    if round_done {
                        self.check_probe_rtt_done(now);
                    }
                }
            }
        }
        if self.sample.delivered > 0 {
            self.restarting = false;
        }
    }

    pub(super) fn check_probe_rtt_done(&mut self, now: Instant) {
        let State::ProbeRtt {
            until: Some(until), ..
        } = self.state
        else {
            return;
        };
        if now <= until {
            return;
        }
        self.min_rtt.on_probed(now);
        self.set_window(self.window.max(self.prior_window));
        self.bounds.reset_short();
        if self.pipe.reached {
            self.start_down(now);
            self.state = State::Cruise;
        } else {
            self.state = State::Startup;
        }
    }

    const fn is_window_limited(&self) -> bool {
        self.used.now || self.used.before
    }
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            phase: Phase::Nothing,
            is_sample: false,
            too_high: false,
            precautionary: false,
            cycle: Instant::ZERO,
            wait: Duration::ZERO,
            acked: 0,
            acked_for_one: u64::MAX,
            rounds: 0,
        }
    }
}

/// Numbers that look random, so that flows do not look for more in step. Nobody gains by guessing them.
const fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Rounds after which Drain ends whatever is in flight.
const DRAIN_ROUNDS: u64 = 3;
/// BBRStartupFullLossCnt: rows of lost packets in a round that say that the pipe is full.
const STARTUP_LOSS_ROWS: u64 = 6;
/// The shortest time between two looks for more.
const WAIT_MIN: Duration = Duration::from_secs(2);
/// The most rounds between two looks for more.
const RENO_ROUNDS: u64 = 63;
/// The bound in flight grows by up to 2^30 packets a round.
const SLOPE_ROUNDS: u32 = 30;
/// ProbeRTTDuration.
const PROBE_RTT_TIME: Duration = Duration::from_millis(200);
