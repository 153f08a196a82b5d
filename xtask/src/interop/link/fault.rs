//! In: packets at the far end of a link, in order. Out: what becomes of each. The same seed gives the same answers.

use std::time::Duration;

use super::header;
use super::record::{Direction, Fate};

/// What a link does to packets beside carrying them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Loses some of both directions.
    Loss(Share),
    /// Changes one of the first 50 bytes of some.
    Corruption(Share),
    /// Loses these on the way to the server, counted from one.
    Listed(Vec<u64>),
    /// Loses everything for a while, once.
    BlackHole { after: Duration, length: Duration },
}

/// Some packets, drawn at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// How many of a hundred.
    pub(crate) percent: u64,
    /// After so many in a row, one packet is let through.
    pub(crate) burst: u64,
}

/// The fault of one direction.
pub(super) struct Faults {
    fault: Fault,
    direction: Direction,
    random: u64,
    count: u64,
    row: u64,
}

impl Faults {
    pub(super) fn new(fault: Fault, direction: Direction, seed: u64) -> Self {
        let other = u64::from(direction == Direction::ToClient);
        Self {
            fault,
            direction,
            random: seed.wrapping_mul(2).wrapping_add(other),
            count: 0,
            row: 0,
        }
    }

    /// What becomes of the next packet; a corrupted one is changed in place. `age` is counted from the first packet.
    pub(super) fn next(&mut self, age: Duration, packet: &mut [u8]) -> Fate {
        self.count += 1;
        let lost = match &self.fault {
            Fault::None => false,
            Fault::Loss(share) => {
                let share = *share;
                self.hits(share)
            }
            Fault::Corruption(share) => {
                let share = *share;
                if self.hits(share) {
                    return self.corrupt(packet);
                }
                false
            }
            Fault::Listed(numbers) => {
                self.direction == Direction::ToServer && numbers.contains(&self.count)
            }
            Fault::BlackHole { after, length } => age >= *after && age < *after + *length,
        };
        if lost { Fate::Lost } else { Fate::Arrived }
    }

    fn hits(&mut self, share: Share) -> bool {
        let hit = self.draw(100) < share.percent && self.row < share.burst;
        self.row = if hit { self.row + 1 } else { 0 };
        hit
    }

    fn corrupt(&mut self, packet: &mut [u8]) -> Fate {
        if header::is_version_negotiation(packet) || packet.is_empty() {
            return Fate::Arrived;
        }
        let at = self.draw(packet.len().min(51) as u64);
        let flip = u8::try_from(1 + self.draw(255)).unwrap_or(1);
        if let Some(byte) = usize::try_from(at).ok().and_then(|at| packet.get_mut(at)) {
            *byte ^= flip;
        }
        Fate::Corrupted
    }

    /// A number below `below` (SplitMix64).
    fn draw(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}
