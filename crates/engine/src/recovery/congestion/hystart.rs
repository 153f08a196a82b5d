//! Round-trip samples of slow start come in, the moment to leave it goes out (HyStart++, RFC 9406). It must never act on less
//! than eight samples of a round.

use inquic_platform::{Duration, Instant};

/// HyStart++ in the first slow start of a path.
#[derive(Clone, Copy, Debug)]
pub(super) struct HyStart {
    /// When the round began; the first packet sent later and acknowledged ends it.
    round_start: Option<Instant>,
    last_min: Option<Duration>,
    current_min: Option<Duration>,
    samples: u32,
    /// Conservative slow start, once the delay has grown.
    conservative: Option<Conservative>,
}

#[derive(Clone, Copy, Debug)]
struct Conservative {
    baseline: Duration,
    rounds: u32,
}

/// How slow start goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// The window grows by what is acknowledged.
    Full,
    /// The window grows by a quarter of it.
    Quarter,
    /// Slow start is over.
    Leave,
}

impl HyStart {
    pub(super) const fn new() -> Self {
        Self {
            round_start: None,
            last_min: None,
            current_min: None,
            samples: 0,
            conservative: None,
        }
    }

    /// Takes an acknowledgement: when its newest packet was sent, and its sample if it gave one.
    pub(super) fn on_ack(
        &mut self,
        now: Instant,
        newest_sent: Instant,
        sample: Option<Duration>,
    ) -> Pace {
        if self.round_start.is_none_or(|start| newest_sent > start) && self.ends_in_leaving(now) {
            return Pace::Leave;
        }
        if let Some(sample) = sample {
            self.samples = self.samples.saturating_add(1);
            self.current_min = Some(self.current_min.map_or(sample, |min| min.min(sample)));
        }
        self.judge();
        match self.conservative {
            None => Pace::Full,
            Some(_) => Pace::Quarter,
        }
    }

    /// Ends a round and begins the next. Says whether it was the last one of slow start.
    fn ends_in_leaving(&mut self, now: Instant) -> bool {
        self.round_start = Some(now);
        self.last_min = self.current_min;
        self.current_min = None;
        self.samples = 0;
        // The round in which the delay grew counts, though it was a part of one.
        self.conservative.as_mut().is_some_and(|conservative| {
            conservative.rounds = conservative.rounds.saturating_add(1);
            conservative.rounds >= CSS_ROUNDS
        })
    }

    fn judge(&mut self) {
        let Some(current) = self.current_min else {
            return;
        };
        if self.samples < SAMPLES {
            return;
        }
        match (self.conservative, self.last_min) {
            (None, Some(last)) if current >= last + threshold(last) => {
                self.conservative = Some(Conservative {
                    baseline: current,
                    rounds: 0,
                });
            }
            // The delay has gone again: it was jitter, and slow start goes on.
            (Some(conservative), _) if current < conservative.baseline => self.conservative = None,
            _ => {}
        }
    }
}

/// Growth of the delay that says a queue is building.
fn threshold(last_min: Duration) -> Duration {
    last_min
        .div(RTT_DIVISOR)
        .clamp(RTT_THRESHOLD_MIN, RTT_THRESHOLD_MAX)
}

/// CSS_GROWTH_DIVISOR (RFC 9406 §4.3).
pub(super) const GROWTH_DIVISOR: u64 = 4;
/// CSS_ROUNDS.
const CSS_ROUNDS: u32 = 5;
/// N_RTT_SAMPLE.
const SAMPLES: u32 = 8;
/// MIN_RTT_DIVISOR.
const RTT_DIVISOR: u64 = 8;
/// MIN_RTT_THRESH.
const RTT_THRESHOLD_MIN: Duration = Duration::from_millis(4);
/// MAX_RTT_THRESH.
const RTT_THRESHOLD_MAX: Duration = Duration::from_millis(16);
