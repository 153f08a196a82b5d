//! One direction of a path: datagrams in, the same later out, or twice, or never, or damaged, as the faults and the seed say.

mod queue;
#[cfg(test)]
mod tests;

pub use queue::Discipline;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use inquic_platform::{Duration, Instant};

use crate::{Fault, Rng, Tally};
use queue::{Bottleneck, Passage};

/// What a link does to datagrams. Chances are per mille.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// One-way delay.
    pub delay: Duration,
    /// A random time up to this is added to the delay, so that datagrams overtake each other.
    pub jitter: Duration,
    /// Datagrams that are lost.
    pub loss: u32,
    /// Datagrams that are lost in bursts.
    pub bursts: Option<Bursts>,
    /// Datagrams that come twice.
    pub duplication: u32,
    /// Datagrams that up to a hundred later ones overtake.
    pub reordering: u32,
    /// Datagrams in which one bit is flipped.
    pub corruption: u32,
    /// Datagrams whose end is cut off.
    pub truncation: u32,
    /// Datagrams that bytes are added to.
    pub extension: u32,
    /// Datagrams that bring an older one along.
    pub replay: u32,
    /// Datagrams whose coalesced packets come alone.
    pub split: u32,
    /// Bytes per second; 0 is without limit.
    pub rate: u64,
    /// Datagrams that wait at a limited rate before others are dropped.
    pub queue: usize,
    /// How the queue is kept short.
    pub discipline: Discipline,
    /// Bytes of the largest datagram that passes.
    pub mtu: usize,
    /// Larger datagrams than this vanish though the MTU would let them pass.
    pub black_hole: usize,
    /// What happens to ECN marks.
    pub ecn: Marking,
    /// Which directions are cut, if any.
    pub partition: Option<Partition>,
    /// Whether the other direction loses nothing.
    pub one_way: bool,
}

/// Loss in bursts: a link that is good or bad, and loses when it is bad (Gilbert-Elliott). Chances are per mille.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bursts {
    /// Of turning bad, at each datagram.
    pub begin: u32,
    /// Of turning good again.
    pub end: u32,
    /// Of losing a datagram while bad.
    pub loss: u32,
}

/// What a link does to the ECN bits of the IP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marking {
    /// Nothing.
    #[default]
    Kept,
    /// Clears them.
    Bleached,
    /// Makes ECT(1) of ECT(0), and the other way about.
    Remarked,
    /// Says of every datagram that it met congestion.
    AllCe,
}

/// A cut through a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// This direction and the other.
    Both,
    /// Only this direction.
    OneWay,
}

/// A datagram with its addresses and its ECN bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Datagram {
    /// Who sent it, as its receiver sees.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// The two ECN bits of the IP header.
    pub ecn: u8,
    /// The UDP payload.
    pub bytes: Vec<u8>,
}

/// Datagrams under way in one direction, by arrival.
#[derive(Debug)]
pub struct Link {
    /// What it does.
    pub faults: Faults,
    rng: Rng,
    flying: BTreeMap<(Instant, u64), Datagram>,
    sequence: u64,
    bottleneck: Bottleneck,
    is_bad: bool,
    /// Datagrams held back until so many were carried, and where they are in `flying`.
    held: Vec<(u64, (Instant, u64))>,
    /// Datagrams of the past, to come again.
    past: VecDeque<Datagram>,
    /// Datagrams given to it.
    pub carried: u64,
    /// Datagrams that it dropped.
    pub dropped: u64,
    /// The faults that happened on it.
    pub tally: Tally,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            loss: 0,
            bursts: None,
            duplication: 0,
            reordering: 0,
            corruption: 0,
            truncation: 0,
            extension: 0,
            replay: 0,
            split: 0,
            rate: 0,
            queue: 100,
            discipline: Discipline::TailDrop,
            mtu: usize::MAX,
            black_hole: usize::MAX,
            ecn: Marking::Kept,
            partition: None,
            one_way: false,
        }
    }
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
            bottleneck: Bottleneck::new(),
            is_bad: false,
            held: Vec::new(),
            past: VecDeque::new(),
            carried: 0,
            dropped: 0,
            tally: Tally::new(),
        }
    }

    /// A datagram leaves.
    pub fn send(&mut self, now: Instant, mut datagram: Datagram) {
        self.carried += 1;
        self.release(now);
        if let Some(fault) = self.cause_to_drop(datagram.bytes.len()) {
            return self.drop_for(fault);
        }
        let limits = (self.faults.rate, self.faults.queue, self.faults.discipline);
        let can_mark = matches!(datagram.ecn, 1 | 2);
        let leaves = match self
            .bottleneck
            .pass(now, datagram.bytes.len(), limits, can_mark)
        {
            Passage::At(at) => at,
            Passage::Marked(at) => {
                self.tally.note(Fault::CoDel);
                datagram.ecn = CE;
                at
            }
            Passage::Full => return self.drop_for(Fault::TailDrop),
            Passage::Shortened => return self.drop_for(Fault::CoDel),
        };
        if leaves > now {
            self.tally.note(Fault::Rate);
        }
        self.mark(&mut datagram);
        if self.roll(self.faults.replay)
            && let Some(old) = self.pick_past()
        {
            self.tally.note(Fault::Replay);
            self.fly(leaves, old);
        }
        if self.faults.replay > 0 {
            self.keep(&datagram);
        }
        self.damage(&mut datagram);
        if self.roll(self.faults.duplication) {
            self.tally.note(Fault::Duplication);
            self.fly(leaves, datagram.clone());
        }
        if self.roll(self.faults.split) {
            return self.fly_split(leaves, &datagram);
        }
        self.fly(leaves, datagram);
    }

    /// When the next datagram arrives.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Instant> {
        self.flying.first_key_value().map(|(&(at, _), _)| at)
    }

    /// The next datagram that has arrived by `now`.
    pub fn receive(&mut self, now: Instant) -> Option<Datagram> {
        let entry = self
            .flying
            .first_entry()
            .filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// Everything under way arrives nowhere.
    pub fn clear(&mut self) {
        self.flying.clear();
        self.held.clear();
    }

    /// Rolls the dice, if there is any chance at all.
    const fn roll(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.rng.chance(per_mille)
    }

    fn drop_for(&mut self, fault: Fault) {
        self.tally.note(fault);
        self.dropped += 1;
    }

    /// Why a datagram never gets as far as the bottleneck, if so.
    fn cause_to_drop(&mut self, len: usize) -> Option<Fault> {
        if let Some(partition) = self.faults.partition {
            return Some(match partition {
                Partition::Both => Fault::Partition,
                Partition::OneWay => Fault::HalfPartition,
            });
        }
        if len > self.faults.mtu {
            return Some(Fault::Mtu);
        }
        if len > self.faults.black_hole {
            return Some(Fault::BlackHole);
        }
        if let Some(bursts) = self.faults.bursts {
            let turn = if self.is_bad {
                bursts.end
            } else {
                bursts.begin
            };
            self.is_bad ^= self.roll(turn);
            if self.is_bad && self.roll(bursts.loss) {
                return Some(Fault::BurstLoss);
            }
        }
        let lost = self.roll(self.faults.loss);
        lost.then_some(if self.faults.one_way {
            Fault::OneWayLoss
        } else {
            Fault::Loss
        })
    }

    fn mark(&mut self, datagram: &mut Datagram) {
        let (ecn, fault) = match self.faults.ecn {
            Marking::Kept => return,
            Marking::Bleached => (NOT_ECT, Fault::EcnBleach),
            Marking::Remarked if matches!(datagram.ecn, 1 | 2) => {
                (datagram.ecn ^ 3, Fault::EcnRemark)
            }
            Marking::Remarked => return,
            Marking::AllCe => (CE, Fault::EcnAllCe),
        };
        if datagram.ecn != ecn {
            self.tally.note(fault);
            datagram.ecn = ecn;
        }
    }

    fn damage(&mut self, datagram: &mut Datagram) {
        let bytes = &mut datagram.bytes;
        if bytes.is_empty() {
            return;
        }
        if self.roll(self.faults.corruption) {
            let bit = self.rng.below(bytes.len() as u64 * 8);
            bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
            self.tally.note(Fault::Corruption);
        }
        if self.roll(self.faults.truncation) {
            bytes.truncate(self.rng.below(bytes.len() as u64) as usize);
            self.tally.note(Fault::Truncation);
        }
        if self.roll(self.faults.extension) {
            let more = 1 + self.rng.below(EXTENDED_BY);
            bytes.extend((0..more).map(|_| self.rng.next_u64() as u8));
            self.tally.note(Fault::Extension);
        }
    }

    /// Puts a datagram on its way, to arrive after the delay.
    fn fly(&mut self, leaves: Instant, datagram: Datagram) {
        let mut at = leaves + self.faults.delay;
        if self.faults.delay >= LONG {
            self.tally.note(Fault::LongDelay);
        }
        if !self.faults.jitter.is_zero() {
            at = at + Duration::from_nanos(self.rng.below(self.faults.jitter.as_nanos()));
            self.tally.note(Fault::Jitter);
        }
        if self.roll(self.faults.reordering) {
            // If too few others come, it is only late.
            at = at + HELD;
            let until = self.carried + 1 + self.rng.below(REORDERED_BY);
            self.held.push((until, (at, self.sequence)));
            self.tally.note(Fault::Reordering);
        }
        self.flying.insert((at, self.sequence), datagram);
        self.sequence += 1;
    }

    /// Lets go of what was held back long enough.
    fn release(&mut self, now: Instant) {
        if self.held.is_empty() {
            return;
        }
        let (carried, delay) = (self.carried, self.faults.delay);
        let flying = &mut self.flying;
        self.held.retain(|&(until, key)| {
            if until > carried {
                return true;
            }
            if let Some(datagram) = flying.remove(&key) {
                flying.insert((key.0.min(now + delay), key.1), datagram);
            }
            false
        });
    }

    /// Each long-header packet of the datagram, and what follows them, alone.
    fn fly_split(&mut self, leaves: Instant, datagram: &Datagram) {
        let mut rest = &datagram.bytes[..];
        let mut parts = 0;
        while !rest.is_empty() {
            let end = match inquic_wire::Header::parse(rest, 8) {
                Ok(inquic_wire::Header::Long { end, .. }) => end.clamp(1, rest.len()),
                _ => rest.len(),
            };
            let (part, others) = rest.split_at(end);
            rest = others;
            parts += 1;
            self.fly(
                leaves,
                Datagram {
                    bytes: part.to_vec(),
                    from: datagram.from,
                    to: datagram.to,
                    ecn: datagram.ecn,
                },
            );
        }
        if parts > 1 {
            self.tally.note(Fault::Split);
        }
    }

    fn pick_past(&mut self) -> Option<Datagram> {
        let count = self.past.len() as u64;
        (count > 0).then(|| self.past[self.rng.below(count) as usize].clone())
    }

    /// Keeps a copy for later; in the end the past is a sample of everything.
    fn keep(&mut self, datagram: &Datagram) {
        if self.past.len() < PAST {
            self.past.push_back(datagram.clone());
        } else if self.roll(100) {
            let place = self.rng.below(PAST as u64) as usize;
            self.past[place] = datagram.clone();
        }
    }
}

/// Later datagrams that overtake one at most.
const REORDERED_BY: u64 = 100;
/// How long a datagram is held back when few others come.
const HELD: Duration = Duration::from_millis(500);
/// A delay that counts as a fault.
const LONG: Duration = Duration::from_millis(500);
/// Bytes added to a datagram at most.
const EXTENDED_BY: u64 = 64;
/// Datagrams of the past that are kept.
const PAST: usize = 64;
const NOT_ECT: u8 = 0;
const CE: u8 = 3;
