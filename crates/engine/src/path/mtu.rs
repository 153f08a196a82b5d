//! How large a datagram the path carries (RFC 8899, RFC 9000 §14.3). The fates of probes and signs of trouble come in, the size of
//! full packets and of the next probe go out. It never goes below 1,200 bytes, and never above what the peer acknowledged.

use inquic_platform::{Duration, Instant};

use crate::limits;

/// The search for the largest size on one path. It has no timer: nobody needs an answer while nothing is sent, so it is asked
/// when there is something to send.
//= RFC 8899 §4.3: A PL MAY inhibit sending probe packets when no application data has
//= been sent since the previous probe packet.
#[derive(Clone, Debug)]
pub(crate) struct Mtu {
    /// The UDP payload of a full packet.
    size: u16,
    /// No probe is larger.
    ceiling: u16,
    /// How long it rests after a search: PMTU_RAISE_TIMER (RFC 8899 §5.1.1).
    raise: Duration,
    state: State,
    /// The last probe sent, if its acknowledgement would still tell something.
    probe: Option<Probe>,
    /// Times in a row that a size stopped passing, and when last.
    holes: u32,
    hole_at: Option<Instant>,
    counts: MtuCounts,
}

/// What the search has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MtuCounts {
    /// Probes sent.
    pub(crate) probes: u64,
    /// Probes of which no acknowledgement came, or that the system refused to send.
    pub(crate) probes_lost: u64,
    /// Times that a size which had passed stopped passing.
    pub(crate) black_holes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Searching(Search),
    /// A router is said to have refused what passed before: a probe of that size will tell. Then it rests as before.
    Confirming {
        tries: u8,
        until: Instant,
    },
    /// Nothing to find out before then.
    Resting {
        until: Instant,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Search {
    /// The size to probe next.
    next: u16,
    /// The smallest size that is taken not to pass.
    fails: u16,
    /// Probes of the size `next` that were lost.
    tries: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    /// The number of its packet, which names it for ever.
    number: u64,
    size: u16,
    /// Neither acknowledged nor lost.
    is_open: bool,
}

impl Mtu {
    /// A path that is known to carry `size`, to be searched up to `ceiling`. There is no search when that is not larger.
    pub(crate) fn new(size: u16, ceiling: u16) -> Self {
        let size = size.clamp(BASE, MAX);
        let ceiling = ceiling.clamp(size, MAX);
        Self {
            size,
            ceiling,
            raise: limits::MTU_RAISE,
            state: State::Searching(Search::up_to(ceiling, ceiling)),
            probe: None,
            holes: 0,
            hole_at: None,
            counts: MtuCounts::default(),
        }
    }

    /// The same, to be searched again after `raise`.
    pub(crate) const fn raised_after(self, raise: Duration) -> Self {
        Self { raise, ..self }
    }

    /// The connection moved to another path, which is known to carry the smallest size alone.
    pub(crate) fn on_path_changed(&mut self, ceiling: u16, peer_limit: u64) {
        let counts = self.counts;
        *self = Self::new(BASE, ceiling).raised_after(self.raise);
        self.counts = counts;
        self.set_peer_limit(peer_limit);
    }

    /// The peer takes no larger datagrams than this.
    pub(crate) fn set_peer_limit(&mut self, limit: u64) {
        let limit = u16::try_from(limit).unwrap_or(u16::MAX).max(BASE);
        if limit >= self.ceiling {
            return;
        }
        self.ceiling = limit;
        self.size = self.size.min(limit);
        self.probe = None;
        self.state = State::Searching(Search::up_to(limit, limit));
    }

    /// The UDP payload of a full packet, in bytes.
    pub(crate) const fn size(&self) -> u16 {
        self.size
    }

    /// What the search has done so far.
    pub(crate) const fn counts(&self) -> MtuCounts {
        self.counts
    }

    /// The size of the probe to send now, if any: a datagram of its own, of PING and PADDING.
    pub(crate) fn next_probe(&mut self, now: Instant) -> Option<u16> {
        if self.probe.is_some_and(|probe| probe.is_open) {
            return None;
        }
        if let State::Resting { until } = self.state {
            if until > now {
                return None;
            }
            self.state = State::Searching(Search::up_to(self.ceiling, self.ceiling));
        }
        self.settle(now);
        match self.state {
            State::Confirming { .. } => Some(self.size),
            State::Searching(search) => Some(search.next),
            State::Resting { .. } => None,
        }
    }

    /// The probe that [`Mtu::next_probe`] asked for left in the packet `number`.
    pub(crate) const fn on_probe_sent(&mut self, number: u64, size: u16) {
        self.counts.probes = self.counts.probes.saturating_add(1);
        self.probe = Some(Probe {
            number,
            size,
            is_open: true,
        });
    }

    /// The peer has the probe in the packet `number`.
    pub(crate) fn on_probe_acknowledged(&mut self, number: u64) {
        // One that was taken as lost tells as much when it comes late.
        let Some(probe) = self.probe.take_if(|probe| probe.number == number) else {
            return;
        };
        self.size = self.size.max(probe.size.min(self.ceiling));
        match &mut self.state {
            State::Searching(search) => {
                if search.fails <= self.size {
                    search.fails = self.ceiling.saturating_add(1);
                }
                search.aim(self.size);
            }
            State::Confirming { until, .. } => self.state = State::Resting { until: *until },
            State::Resting { .. } => {}
        }
    }

    /// The probe in the packet `number` did not arrive, as far as can be known.
    pub(crate) fn on_probe_lost(&mut self, number: u64) {
        if let Some(probe) = &mut self.probe
            && probe.number == number
            && probe.is_open
        {
            probe.is_open = false;
            self.on_failed(1);
        }
    }

    /// Draws the conclusions from what the probes' fates were.
    pub(crate) fn settle(&mut self, now: Instant) {
        match self.state {
            State::Searching(search) if search.next <= self.size => {
                self.state = State::Resting {
                    until: now + self.raise,
                };
            }
            State::Confirming { tries, .. } if tries >= limits::MTU_PROBES => {
                self.on_black_hole(now);
            }
            State::Searching(_) | State::Confirming { .. } | State::Resting { .. } => {}
        }
    }

    /// [`limits::MTU_LOSSES`] packets larger than 1,200 bytes were lost, and none that was not.
    pub(crate) fn on_black_hole(&mut self, now: Instant) {
        if self.size == BASE {
            return;
        }
        self.counts.black_holes = self.counts.black_holes.saturating_add(1);
        let again = self
            .hole_at
            .is_some_and(|last| now.since(last) < limits::MTU_RAISE);
        self.holes = if again {
            self.holes.saturating_add(1)
        } else {
            1
        };
        self.hole_at = Some(now);
        self.lower();
        // Where paths of several sizes take turns, each search would end in the next hole.
        if let Some(doublings) = self.holes.checked_sub(2) {
            let pause = limits::MTU_PAUSE.saturating_mul(1_u64.wrapping_shl(doublings.min(16)));
            self.state = State::Resting {
                until: now + pause.min(self.raise),
            };
        }
    }

    /// A probe timeout came before the handshake was over. The size that the path was said to carry may be why.
    pub(crate) fn on_handshake_timeout(&mut self) {
        if self.size > BASE {
            self.lower();
        }
    }

    /// The system refused to send a datagram of `size` bytes (EMSGSIZE).
    pub(crate) fn on_refused(&mut self, now: Instant, size: usize) {
        if let Some(probe) = &mut self.probe
            && probe.is_open
            && usize::from(probe.size) == size
        {
            // It won't pass the next time either.
            probe.is_open = false;
            self.on_failed(limits::MTU_PROBES);
            self.settle(now);
        } else if size <= usize::from(self.size) && size > usize::from(BASE) {
            self.on_black_hole(now);
        }
    }

    /// An ICMP message says that the path carries no more than `size` bytes of UDP payload. Anybody can send one.
    pub(crate) fn on_too_big(&mut self, size: usize) {
        //= RFC 9000 §14.2.1: An endpoint MUST ignore an ICMP message that claims the PMTU has
        //= decreased below QUIC's smallest allowed maximum datagram size.
        //= RFC 9000 §14.2.1: An endpoint MUST NOT increase the PMTU based on ICMP messages
        let is_plausible = size >= usize::from(BASE) && size < usize::from(self.size);
        if let State::Resting { until } = self.state
            && is_plausible
        {
            self.state = State::Confirming { tries: 0, until };
        }
    }

    /// Another `count` probes of the same size came to nothing.
    fn on_failed(&mut self, count: u8) {
        self.counts.probes_lost = self.counts.probes_lost.saturating_add(1);
        match &mut self.state {
            State::Searching(search) => {
                search.tries = search.tries.saturating_add(count);
                if search.tries >= limits::MTU_PROBES {
                    search.fails = search.next;
                    search.aim(self.size);
                }
            }
            State::Confirming { tries, .. } => {
                *tries = tries.saturating_add(count);
            }
            State::Resting { .. } => {}
        }
    }

    /// Back to what every path carries. What passed until now is looked at first: if that was a mistake, it is soon found out.
    fn lower(&mut self) {
        let first = self.size;
        self.size = BASE;
        self.probe = None;
        self.state = State::Searching(Search::up_to(first, self.ceiling));
    }
}

impl Search {
    /// A search up to `ceiling` that tries `first` before it halves.
    const fn up_to(first: u16, ceiling: u16) -> Self {
        Self {
            next: first,
            fails: ceiling.saturating_add(1),
            tries: 0,
        }
    }

    /// Sets the next size: the middle between what passes and what does not, or `passes` itself when that is near enough.
    fn aim(&mut self, passes: u16) {
        self.tries = 0;
        let gap = self.fails.saturating_sub(passes);
        self.next = if gap > limits::MTU_STEP {
            passes.saturating_add(gap / 2)
        } else {
            passes
        };
    }
}

/// BASE_PLPMTU and MIN_PLPMTU of RFC 8899.
//= RFC 9000 §14.3: Endpoints SHOULD set the initial value of BASE_PLPMTU (Section 5.1 of
//= [DPLPMTUD]) to be consistent with QUIC's smallest allowed maximum datagram size.
const BASE: u16 = limits::DATAGRAM_MIN as u16;
const MAX: u16 = limits::DATAGRAM_MAX as u16;

#[cfg(test)]
mod tests;
