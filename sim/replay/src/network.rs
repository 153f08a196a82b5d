//! The network between two hosts: datagrams in; the same later out, or never, or twice, or damaged, as its seed says.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_platform::{Duration, Instant};

use crate::rng::Rng;

/// A datagram with its addresses and its ECN bits.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) ecn: u8,
    pub(crate) bytes: Vec<u8>,
}

/// Datagrams under way.
pub(crate) struct Network {
    rng: Rng,
    flying: BTreeMap<(Instant, u64), Datagram>,
    carried: u64,
    /// An address, and the one under which others see it from now on. What is sent to the first does not arrive any more.
    nat: Option<(SocketAddr, SocketAddr)>,
    /// The last datagram that had only a short header and went there, for somebody to send again.
    last_short: Option<Datagram>,
}

impl Network {
    pub(crate) const fn new(rng: Rng) -> Self {
        Self {
            rng,
            flying: BTreeMap::new(),
            carried: 0,
            nat: None,
            last_short: None,
        }
    }

    /// Others see `inside` as `outside` from now on.
    pub(crate) const fn translate(&mut self, inside: SocketAddr, outside: SocketAddr) {
        self.nat = Some((inside, outside));
    }

    /// The last datagram of an established connection.
    pub(crate) const fn last_short(&mut self) -> Option<Datagram> {
        self.last_short.take()
    }

    /// Nothing is under way any more.
    pub(crate) fn clear(&mut self) {
        self.flying.clear();
    }

    /// A datagram leaves.
    pub(crate) fn send(&mut self, now: Instant, mut datagram: Datagram) {
        if let Some((inside, outside)) = self.nat {
            if datagram.from == inside {
                datagram.from = outside;
            }
            if datagram.to == inside {
                return;
            }
            if datagram.to == outside {
                datagram.to = inside;
            }
        }
        if datagram
            .bytes
            .first()
            .is_some_and(|first| first & 0x80 == 0)
        {
            self.last_short = Some(datagram.clone());
        }
        if self.rng.chance(LOST) {
            return;
        }
        if datagram.ecn == ECT_0 && self.rng.chance(MARKED) {
            datagram.ecn = CE;
        }
        if self.rng.chance(REPEATED) {
            self.fly(now, datagram.clone());
        }
        if self.rng.chance(DAMAGED) {
            let at = self.rng.below(datagram.bytes.len().max(1) as u64);
            let bit = self.rng.below(8);
            if let Some(byte) = datagram.bytes.get_mut(at as usize) {
                *byte ^= 1 << bit;
            }
        }
        self.fly(now, datagram);
    }

    /// When the next one arrives.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        let ((at, _), _) = self.flying.first_key_value()?;
        Some(*at)
    }

    /// A datagram that has arrived by now.
    pub(crate) fn receive(&mut self, now: Instant) -> Option<Datagram> {
        let first = self.flying.first_entry()?;
        let (at, _) = *first.key();
        (at <= now).then(|| first.remove())
    }

    fn fly(&mut self, now: Instant, datagram: Datagram) {
        let mut delay = DELAY + Duration::from_micros(self.rng.below(JITTER_US));
        if self.rng.chance(LATE) {
            delay += LATER;
        }
        self.carried += 1;
        self.flying.insert((now + delay, self.carried), datagram);
    }
}

/// Per mille of datagrams that are lost, come twice, are damaged, come late, are marked.
const LOST: u64 = 25;
const REPEATED: u64 = 10;
const DAMAGED: u64 = 10;
const LATE: u64 = 20;
const MARKED: u64 = 5;
const DELAY: Duration = Duration::from_millis(10);
/// Less than this is added to the delay, in microseconds.
const JITTER_US: u64 = 400;
/// How much later some come.
const LATER: Duration = Duration::from_millis(7);
/// ECN bits (RFC 3168 §5).
const ECT_0: u8 = 2;
const CE: u8 = 3;
