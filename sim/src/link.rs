//! One direction of a path: datagrams in, the same later out, or twice, or never, or damaged, as the faults and the seed say.

use std::collections::BTreeMap;

use inquic_platform::{Duration, Instant};

use crate::Rng;

/// What a link does to datagrams. Chances are per mille.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// One-way delay.
    pub delay: Duration,
    /// A random time up to this is added to the delay, so that datagrams overtake each other.
    pub jitter: Duration,
    /// Datagrams that are lost.
    pub loss: u32,
    /// Datagrams that come twice.
    pub duplication: u32,
    /// Datagrams in which one bit is flipped.
    pub corruption: u32,
    /// Bytes per second; 0 is without limit.
    pub rate: u64,
    /// Datagrams that wait at a limited rate before others are dropped.
    pub queue: usize,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            loss: 0,
            duplication: 0,
            corruption: 0,
            rate: 0,
            queue: 100,
        }
    }
}

/// Datagrams under way in one direction, by arrival.
#[derive(Debug)]
pub struct Link {
    /// What it does.
    pub faults: Faults,
    rng: Rng,
    flying: BTreeMap<(Instant, u64), Vec<u8>>,
    sequence: u64,
    free_at: Instant,
    /// Datagrams given to it.
    pub carried: u64,
    /// Datagrams that it dropped.
    pub dropped: u64,
}

impl Link {
    /// A link for one seed.
    #[must_use]
    pub const fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            rng: Rng::new(seed),
            flying: BTreeMap::new(),
            sequence: 0,
            free_at: Instant::ZERO,
            carried: 0,
            dropped: 0,
        }
    }

    /// A datagram leaves.
    pub fn send(&mut self, now: Instant, datagram: &[u8]) {
        self.carried += 1;
        if self.rng.chance(self.faults.loss) {
            self.dropped += 1;
            return;
        }
        let mut leaves = now;
        if let Some(nanos) = (datagram.len() as u64 * 1_000_000_000).checked_div(self.faults.rate) {
            let backlog = self.free_at.since(now).as_nanos() / nanos.max(1);
            if backlog >= self.faults.queue as u64 {
                self.dropped += 1;
                return;
            }
            self.free_at = self.free_at.max(now) + Duration::from_nanos(nanos);
            leaves = self.free_at;
        }
        let mut bytes = datagram.to_vec();
        if self.rng.chance(self.faults.corruption) {
            let bit = self.rng.below(bytes.len() as u64 * 8);
            bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
        }
        for _ in 0..=u8::from(self.rng.chance(self.faults.duplication)) {
            let jitter = match self.faults.jitter.as_nanos() {
                0 => 0,
                nanos => self.rng.below(nanos),
            };
            let at = leaves + self.faults.delay + Duration::from_nanos(jitter);
            self.flying.insert((at, self.sequence), bytes.clone());
            self.sequence += 1;
        }
    }

    /// When the next datagram arrives.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Instant> {
        self.flying.first_key_value().map(|(&(at, _), _)| at)
    }

    /// The next datagram that has arrived by `now`.
    pub fn receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        let entry = self
            .flying
            .first_entry()
            .filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}
