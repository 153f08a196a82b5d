//! In: when things began and ended. Out: rates and percentiles. Never waits.

use std::time::{Duration, Instant};

/// Measures from its making.
#[derive(Clone, Copy, Debug)]
pub struct Timer(Instant);

impl Timer {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// How long each of many things took.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, took: Duration) {
        self.0
            .push(u32::try_from(took.as_nanos() / 10).unwrap_or(u32::MAX));
    }

    /// Adds another's.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest latency that at least `part` of all do not exceed, in microseconds.
    pub fn percentile_us(&mut self, part: f64) -> f64 {
        self.0.sort_unstable();
        let rank = ((self.0.len() as f64 * part).ceil() as usize).saturating_sub(1);
        self.0
            .get(rank)
            .map_or(0.0, |&tens| f64::from(tens) / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let mut all = Latencies::default();
        (1..=100)
            .rev()
            .for_each(|us| all.add(Duration::from_micros(us)));
        assert_eq!(
            (
                all.percentile_us(0.5),
                all.percentile_us(0.99),
                all.percentile_us(1.0)
            ),
            (50.0, 99.0, 100.0)
        );
        assert_eq!(Latencies::default().percentile_us(0.5), 0.0);
    }
}
