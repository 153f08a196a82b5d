//! Acknowledged bytes and losses come in, the congestion window goes out, by CUBIC or NewReno. It must never grow while it is not
//! used, nor shrink twice for one flight.

use inquic_platform::{Duration, Instant};

use super::cubic::Cubic;
use super::hystart::{GROWTH_DIVISOR, HyStart, Pace};
use super::newreno::NewReno;
use super::{Algorithm, Delivery, initial_window};
use crate::recovery::record::Growing;
use crate::recovery::{Config, limits};

/// How the window grows in congestion avoidance, and what is left of it after a loss.
#[derive(Clone, Copy, Debug)]
enum Law {
    NewReno(NewReno),
    Cubic(Cubic),
}

/// A controller that shrinks its window when packets are lost.
#[derive(Clone, Copy, Debug)]
pub(in crate::recovery) struct LossBased {
    window: u64,
    ssthresh: u64,
    window_max: u64,
    mds: u64,
    /// When the recovery period began.
    recovery_start: Option<Instant>,
    /// When the window was last full.
    full_at: Option<Instant>,
    /// When pacing last held a packet back that the window would have let go.
    paced_at: Option<Instant>,
    law: Law,
    past: Past,
}

/// What the window's history is good for.
#[derive(Clone, Copy, Debug)]
enum Past {
    /// It is in its first slow start, which may end before a loss.
    FirstSlowStart(HyStart),
    /// It was reduced, and that may still prove to have been for nothing.
    Reduced(Before),
    /// Nothing.
    Settled,
}

/// A window and its law before a reduction.
#[derive(Clone, Copy, Debug)]
struct Before {
    window: u64,
    ssthresh: u64,
    law: Law,
    /// Whether it was in the first slow start, with HyStart++.
    hystart: bool,
}

impl LossBased {
    pub(super) fn new(config: &Config) -> Self {
        let mds = u64::from(config.max_datagram_size).max(1);
        let window_min = mds.saturating_mul(limits::WINDOW_MIN_PACKETS);
        let window_max = config.max_window.clamp(window_min, limits::WINDOW_CEILING);
        Self {
            window: initial_window(mds).min(window_max),
            ssthresh: u64::MAX,
            window_max,
            mds,
            recovery_start: None,
            full_at: None,
            paced_at: None,
            past: if config.hystart {
                Past::FirstSlowStart(HyStart::new())
            } else {
                Past::Settled
            },
            law: match config.algorithm {
                Algorithm::NewReno => Law::NewReno(NewReno::default()),
                Algorithm::Cubic | Algorithm::Bbr => Law::Cubic(Cubic::default()),
            },
        }
    }

    /// A packet was sent; `in_flight` counts it. `is_dry`: the next one has to wait for the pacer.
    #[inline]
    pub(super) fn on_sent(&mut self, now: Instant, in_flight: u64, is_dry: bool) {
        if in_flight.saturating_add(self.mds) > self.window {
            self.full_at = Some(now);
        } else if is_dry {
            //= RFC 9002 §7.8: A sender SHOULD NOT consider itself application limited if it
            //= would have fully utilized the congestion window without pacing delay.
            self.paced_at = Some(now);
        }
    }

    /// The first packet after a time with nothing in flight.
    pub(super) fn on_restart(&mut self, now: Instant) {
        self.pause(now);
    }

    /// The application has nothing more to send: pacing was not what held it back.
    pub(super) const fn on_app_limited(&mut self) {
        self.paced_at = None;
    }

    /// Packets whose acknowledgement may grow the window.
    pub(super) fn growing(&self) -> Growing {
        //= RFC 9002 §7.3.2: during a recovery period, the congestion
        //= window does not change in response to new losses or increases in the
        //= ECN-CE count.
        let from = self
            .recovery_start
            .map_or(Instant::ZERO, |start| start + Duration::from_nanos(1));
        //= RFC 9002 §7.8: When this occurs, the congestion window
        //= SHOULD NOT be increased in either slow start or congestion avoidance.
        match self.full_at.max(self.paced_at) {
            Some(until) => Growing { from, until },
            None => Growing::NOTHING,
        }
    }

    /// Packets were acknowledged.
    pub(super) fn on_delivery(&mut self, now: Instant, delivery: &Delivery) {
        if self.window < self.ssthresh {
            self.slow_start(now, delivery);
        } else if delivery.growth > 0 {
            let grown = match &mut self.law {
                Law::NewReno(law) => law.grow(delivery.growth, self.window, self.mds),
                Law::Cubic(law) => law.grow(
                    now,
                    delivery.growth,
                    self.window,
                    delivery.smoothed,
                    self.mds,
                ),
            };
            self.set_window(grown);
        } else {
            self.pause(now);
        }
    }

    /// A packet sent then was lost or marked. Says whether that began a recovery period.
    pub(super) fn on_congestion(&mut self, now: Instant, sent: Instant) -> bool {
        //= RFC 9002 §7.3.2: A
        //= sender that is already in a recovery period stays in it and does not
        //= reenter it.
        if Some(sent) <= self.recovery_start {
            return false;
        }
        self.recovery_start = Some(now);
        self.past = Past::Reduced(Before {
            window: self.window,
            ssthresh: self.ssthresh,
            law: self.law,
            hystart: matches!(self.past, Past::FirstSlowStart(_)),
        });
        self.ssthresh = match &mut self.law {
            Law::NewReno(law) => law.reduce(self.window),
            Law::Cubic(law) => law.reduce(self.window),
        };
        self.set_window(self.ssthresh);
        true
    }

    /// Nothing was lost for which the window was last reduced. Says whether that was taken back.
    ///
    /// RFC 9438 §4.9.2: the values from before come back if the window is still below them. They come back once, so a peer that
    /// acknowledges late gains no more than one that acknowledges in time.
    pub(super) fn on_spurious(&mut self) -> bool {
        let Past::Reduced(before) = self.past else {
            return false;
        };
        self.past = Past::Settled;
        if self.window >= before.window {
            return false;
        }
        self.ssthresh = before.ssthresh;
        self.law = before.law;
        if before.hystart {
            self.past = Past::FirstSlowStart(HyStart::new());
        }
        self.recovery_start = None;
        self.set_window(before.window);
        true
    }

    /// The path marked packets: the last reduction stands.
    pub(super) const fn on_mark(&mut self) {
        self.let_stand();
    }

    /// Everything sent for a long time was lost.
    pub(super) fn on_persistent_congestion(&mut self) {
        //= RFC 9002 §7.6.2: When persistent congestion is declared, the sender's congestion
        //= window MUST be reduced to the minimum congestion window
        self.set_window(0);
        self.recovery_start = None;
        self.let_stand();
        if let Law::Cubic(law) = &mut self.law {
            law.reset();
        }
    }

    /// The last reduction is not taken back any more.
    const fn let_stand(&mut self) {
        if let Past::Reduced(_) = self.past {
            self.past = Past::Settled;
        }
    }

    /// Takes another datagram size.
    pub(super) fn set_mds(&mut self, mds: u16) {
        let is_initial = self.window == initial_window(self.mds) && self.ssthresh == u64::MAX;
        self.mds = u64::from(mds).max(1);
        //= RFC 9002 §7.2: If the maximum datagram size changes during the connection, the
        //= initial congestion window SHOULD be recalculated with the new size.
        let window = if is_initial {
            initial_window(self.mds)
        } else {
            self.window
        };
        self.set_window(window);
    }

    pub(super) const fn window(&self) -> u64 {
        self.window
    }

    pub(super) const fn ssthresh(&self) -> u64 {
        self.ssthresh
    }

    pub(super) const fn mds(&self) -> u64 {
        self.mds
    }

    pub(super) const fn in_slow_start(&self) -> bool {
        self.window < self.ssthresh
    }

    /// 5/4 of the window in a round trip, twice the window in slow start.
    pub(super) const fn paced_bytes(&self) -> u64 {
        if self.in_slow_start() {
            self.window.saturating_mul(2)
        } else {
            self.window.saturating_add(self.window >> 2)
        }
    }

    fn slow_start(&mut self, now: Instant, delivery: &Delivery) {
        let pace = match &mut self.past {
            Past::FirstSlowStart(hystart) => {
                hystart.on_ack(now, delivery.newest_sent, delivery.sample)
            }
            Past::Reduced(_) | Past::Settled => Pace::Full,
        };
        let growth = match pace {
            Pace::Full => delivery.growth,
            Pace::Quarter => delivery.growth / GROWTH_DIVISOR,
            Pace::Leave => {
                self.past = Past::Settled;
                self.ssthresh = self.window;
                return;
            }
        };
        self.set_window(self.window.saturating_add(growth));
    }

    fn pause(&mut self, now: Instant) {
        match &mut self.law {
            Law::NewReno(_) => {}
            Law::Cubic(law) => law.pause(now),
        }
    }

    pub(super) fn set_window(&mut self, window: u64) {
        let window_min = self.mds.saturating_mul(limits::WINDOW_MIN_PACKETS);
        self.window = window.min(self.window_max).max(window_min);
    }
}
