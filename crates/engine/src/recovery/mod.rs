//! Packets sent, acknowledgements and time come in; the fate of frames, the next deadline and what may leave now go out
//! (RFC 9002). Nothing in here sends a packet, reads a clock, or walks a packet twice for the same peer's word.

pub mod limits;

mod congestion;
mod frames;
mod loss;
mod pacing;
mod record;
mod reordering;
mod rtt;
mod sent;
mod snapshots;
mod state;
#[cfg(test)]
mod tests;
mod timer;

use inquic_platform::{Duration, Instant};
use inquic_wire::{Ack, Code, PeerError, Role, Space};

pub use self::congestion::Algorithm;
pub use self::frames::{Fate, SentFrame, SentPacket};
pub use self::rtt::{INITIAL_RTT, Rtt};
pub use self::timer::TimerContext;

use self::congestion::{Controller, Delivery};
use self::pacing::{Budget, Pacer};
use self::{reordering::Reordering, sent::Log, state::MAX_ACK_DELAY};
use crate::trace::Trace;

/// How a connection recovers and controls congestion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The congestion controller.
    pub algorithm: Algorithm,
    /// The round-trip time taken for granted before there is a sample.
    pub initial_rtt: Duration,
    /// The size of a full packet on the path, in bytes.
    pub max_datagram_size: u16,
    /// The largest congestion window, in bytes.
    pub max_window: u64,
    /// Whether slow start may end before a loss (RFC 9406).
    pub hystart: bool,
    /// Bytes for what is known of packets on their way; new data waits when they are used. See [`limits::sent_packets`].
    pub sent_bytes: usize,
}

/// What an ACK brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acked {
    /// It acknowledged a packet for the first time.
    pub newly: bool,
    /// How many it acknowledged for the first time.
    pub packets: u64,
    /// Its largest packet was among them, and a round-trip sample was taken.
    pub largest_newly: bool,
    /// One of them was ack-eliciting.
    pub any_ack_eliciting: bool,
    /// It showed that a packet in flight was lost.
    pub any_lost: bool,
}

/// What a deadline asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// It was not due.
    None,
    /// Packets were declared lost.
    Lost,
    /// Ack-eliciting packets are to be sent, whatever the congestion window says.
    Probe {
        /// The space to send them in.
        space: Space,
        /// How many, one or two.
        packets: u8,
    },
}

/// What may leave now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// So many bytes, a multiple of the datagram size and never zero.
    Bytes(u64),
    /// Nothing until something is acknowledged or lost.
    Congested,
    /// Nothing before then.
    Paced(Instant),
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets sent.
    pub packets_sent: u64,
    /// Packets acknowledged.
    pub packets_acked: u64,
    /// Packets in flight that were declared lost.
    pub packets_lost: u64,
    /// Bytes of the packets sent.
    pub bytes_sent: u64,
    /// Bytes in flight that were acknowledged.
    pub bytes_acked: u64,
    /// Bytes in flight that were declared lost.
    pub bytes_lost: u64,
    /// Times that the window was reduced.
    pub congestion_events: u64,
    /// Times that persistent congestion was found.
    pub persistent_congestions: u64,
    /// Times that such a reduction was taken back, as nothing had been lost.
    pub spurious_congestions: u64,
    /// Probe timeouts.
    pub ptos: u64,
}

/// Loss recovery and congestion control of one connection.
pub struct Recovery {
    initial: Log,
    handshake: Log,
    application: Log,
    controller: Controller,
    pacer: Pacer,
    rtt: Rtt,
    reordering: Reordering,
    max_ack_delay: Duration,
    bytes_in_flight: u64,
    /// When something last happened that sets the timer anew.
    last_event: Instant,
    /// When the present path was taken; older packets say nothing about it.
    path_since: Option<Instant>,
    /// One above the largest number of the 0-RTT packets that the server refused.
    refused_below: u64,
    pto_count: u32,
    context: TimerContext,
    role: Role,
    /// One packet may leave though the window was just reduced.
    has_rescue: bool,
    config: Config,
    /// Packets of one space that are remembered before new data has to wait, and half of the frames.
    most_sent: usize,
    stats: Stats,
    /// What happens on the connection, if somebody watches it. It is in here because losses are known here alone.
    pub(crate) trace: Trace,
}

impl Recovery {
    /// Recovery for a connection that begins.
    #[must_use]
    pub fn new(config: &Config, role: Role) -> Self {
        let mut recovery = Self {
            initial: Log::default(),
            handshake: Log::default(),
            application: Log::default(),
            controller: config.controller(),
            pacer: Pacer::new(),
            rtt: Rtt::new(config.initial_rtt),
            reordering: Reordering::new(),
            max_ack_delay: MAX_ACK_DELAY,
            bytes_in_flight: 0,
            last_event: Instant::ZERO,
            path_since: None,
            refused_below: 0,
            pto_count: 0,
            context: TimerContext::default(),
            role,
            has_rescue: false,
            config: *config,
            most_sent: 0,
            stats: Stats::default(),
            trace: Trace::default(),
        };
        recovery.fit_log();
        recovery.set_rate(Instant::ZERO);
        recovery
    }

    /// A packet is about to be sent. `frames` is what it carries, [`limits::FRAMES_PER_PACKET`] at most. `false` when there is no
    /// memory to note it: then it must not be sent.
    #[inline]
    pub fn on_packet_sent(
        &mut self,
        now: Instant,
        space: Space,
        packet: SentPacket,
        frames: &[SentFrame],
    ) -> bool {
        let size = u64::from(packet.size);
        let snapshots = self.controller.has_snapshots();
        let most = self.most_sent;
        if !self.log_mut(space).has_room(frames.len(), snapshots, most) {
            return false;
        }
        self.stats.packets_sent = self.stats.packets_sent.saturating_add(1);
        self.stats.bytes_sent = self.stats.bytes_sent.saturating_add(size);
        let is_first = self.bytes_in_flight == 0;
        if packet.in_flight {
            if is_first && self.controller.on_restart(now) {
                self.set_rate(now);
            }
            self.bytes_in_flight = self.bytes_in_flight.saturating_add(size);
        }
        let snapshot = self.controller.snapshot(self.bytes_in_flight);
        self.log_mut(space).push(now, packet, frames, snapshot);
        if !packet.in_flight {
            return true;
        }
        self.last_event = now;
        self.has_rescue = false;
        self.pacer.on_sent(now, size, is_first);
        let is_dry = self.pacer.is_dry(now);
        self.controller.on_sent(now, self.bytes_in_flight, is_dry);
        true
    }

    /// A packet was sent on a path that is not the active one. It counts for nothing but its number: whether it arrives says
    /// nothing of the active path, and there is nothing in it to send again.
    /// `false` when there is no memory for it: it is not to be sent then.
    #[must_use]
    pub fn on_probe_sent(&mut self, now: Instant, number: u64, size: u16) -> bool {
        let snapshots = self.controller.has_snapshots();
        let most = self.most_sent;
        if !self.application.has_room(0, snapshots, most) {
            return false;
        }
        self.stats.packets_sent = self.stats.packets_sent.saturating_add(1);
        self.stats.bytes_sent = self.stats.bytes_sent.saturating_add(size.into());
        let snapshot = self.controller.snapshot(self.bytes_in_flight);
        self.application.push_elsewhere(now, number, size, snapshot);
        true
    }

    /// A number was deliberately not used: an ACK of it shows a peer that acknowledges what it never received.
    pub fn on_number_skipped(&mut self, space: Space, number: u64) {
        self.log_mut(space).skip(number);
    }

    /// An ACK frame came. `ack_delay` is its delay field in time; `fates` hears of each frame that it settles.
    ///
    /// # Errors
    ///
    /// PROTOCOL_VIOLATION when it acknowledges a packet that was never sent.
    pub fn on_ack(
        &mut self,
        came: Instant,
        space: Space,
        ack: &Ack<'_>,
        ack_delay: Duration,
        handshake_confirmed: bool,
        fates: &mut dyn FnMut(Fate, SentFrame),
    ) -> Result<Acked, PeerError> {
        // For all but the round-trip time it comes now: what was sent since would look like a debt of so much time.
        let now = came.max(self.last_event);
        self.context.handshake_confirmed |= handshake_confirmed;
        self.log(space).check(ack.largest, ack.ranges())?;
        // RFC 9001 §4.6.2: a server that refuses 0-RTT processes none of it, so it has nothing to acknowledge.
        if self.refused_below > 0 && space == Space::Application {
            self.check_refused(ack)?;
        }
        if space == Space::Application && !self.reordering.is_empty() {
            self.on_late(now, ack);
        }
        let growing = self.controller.growing();
        let log = self.log_mut(space);
        let newly = log.acknowledge(ack.largest, ack.ranges(), growing, fates);
        let Some(newest_sent) = newly.newest_sent else {
            return Ok(Acked::default());
        };
        let snapshot = log.snapshot(newly.newest);
        if newly.largest_size >= self.config.max_datagram_size {
            self.log_mut(space).large_lost = 0;
        }
        let sample = self.sample(came, space, &newly, ack_delay);
        self.bytes_in_flight = self.bytes_in_flight.saturating_sub(newly.bytes);
        self.stats.packets_acked = self.stats.packets_acked.saturating_add(newly.packets);
        self.stats.bytes_acked = self.stats.bytes_acked.saturating_add(newly.bytes);
        let lost = self.detect_lost(now, space, fates);
        let reduced = self.on_lost(now, &lost);
        let delivery = Delivery {
            // Packets sent before the recovery period that just began don't grow the window.
            growth: if reduced { 0 } else { newly.growth },
            acked: newly.bytes,
            in_flight: self.bytes_in_flight,
            newest_sent,
            snapshot: snapshot.filter(|_| !self.is_older_than_path(newest_sent)),
            sample,
            smoothed: self.rtt.smoothed,
            min_rtt: self.rtt.min,
        };
        if newly.bytes > 0 {
            self.controller.on_delivery(now, &delivery);
        }
        //= RFC 9002 §6.2.1: a client does not reset
        //= the PTO backoff factor on receiving acknowledgments in Initial
        //= packets.
        if self.is_peer_validated() {
            self.pto_count = 0;
        }
        self.last_event = now;
        self.set_rate(now);
        Ok(Acked {
            newly: true,
            packets: newly.packets,
            largest_newly: sample.is_some(),
            any_ack_eliciting: newly.eliciting,
            any_lost: lost.packets > 0,
        })
    }

    /// The deadline may have passed.
    pub fn on_timeout(
        &mut self,
        now: Instant,
        fates: &mut dyn FnMut(Space, Fate, SentFrame),
    ) -> Timeout {
        if let Some((at, space)) = self.loss_deadline() {
            if at > now {
                return Timeout::None;
            }
            let lost = self.detect_lost(now, space, &mut |fate, frame| fates(space, fate, frame));
            self.on_lost(now, &lost);
            self.last_event = now;
            self.set_rate(now);
            return Timeout::Lost;
        }
        let Some((_, space)) = self.probe_deadline().filter(|(at, _)| *at <= now) else {
            return Timeout::None;
        };
        //= RFC 9002 §6.2.4: An endpoint
        //= MAY send up to two full-sized datagrams containing ack-eliciting
        //= packets to avoid an expensive consecutive PTO expiration
        let packets = match self.log(space).eliciting() {
            0 => 1,
            1 if self.pto_count == 0 => 1,
            _ => limits::PROBES,
        };
        //= RFC 9002 §6.2.1: When a PTO timer expires, the PTO backoff MUST be increased,
        //= resulting in the PTO period being set to twice its current value.
        self.pto_count = self.pto_count.saturating_add(1);
        self.stats.ptos = self.stats.ptos.saturating_add(1);
        self.last_event = now;
        Timeout::Probe { space, packets }
    }

    /// Tells the frames of the oldest packets whose fate is open, to be sent again in a probe. They are not declared lost.
    ///
    /// Whoever hears of a frame owns its repetition: if the packet is lost later, that is not told again. The next probe
    /// tells the packets after these.
    pub fn probe_frames(&mut self, space: Space, fates: &mut dyn FnMut(SentFrame)) {
        self.log_mut(space)
            .retell(usize::from(limits::PROBES), fates);
    }

    /// The keys of a space were discarded: nothing in it can be acknowledged or lost any more.
    pub fn discard_space(&mut self, space: Space) {
        //= RFC 9002 §6.4: The sender MUST discard all recovery state
        //= associated with those packets and MUST remove them from the count of
        //= bytes in flight.
        let bytes = self.log(space).bytes_in_flight();
        *self.log_mut(space) = Log::default();
        self.bytes_in_flight = self.bytes_in_flight.saturating_sub(bytes);
        self.pto_count = 0;
    }

    /// A Retry came: everything sent so far is to be sent again, and nothing is known of the path.
    pub fn retry(&mut self, fates: &mut dyn FnMut(Space, Fate, SentFrame)) {
        //= RFC 9002 §6.3: Clients that receive a Retry packet reset congestion control and loss
        //= recovery state, including resetting any pending timers.
        for space in Space::ALL {
            self.log_mut(space)
                .forget(&mut |frame| fates(space, Fate::Lost, frame));
        }
        self.bytes_in_flight = 0;
        self.reset_path();
    }

    #[cold]
    fn check_refused(&self, ack: &Ack<'_>) -> Result<(), PeerError> {
        let smallest = ack.ranges().last().map(|range| *range.start());
        if smallest.is_some_and(|number| number < self.refused_below) {
            return Err(PeerError::new(
                Code::ProtocolViolation,
                "acknowledged 0-RTT that it had refused",
            ));
        }
        Ok(())
    }

    /// 0-RTT was refused: what was sent in it is to be sent again, and says nothing of the path.
    pub fn on_zero_rtt_rejected(&mut self, fates: &mut dyn FnMut(Fate, SentFrame)) {
        self.refused_below = self.application.sent_below;
        let bytes = self
            .application
            .forget(&mut |frame| fates(Fate::Lost, frame));
        self.bytes_in_flight = self.bytes_in_flight.saturating_sub(bytes);
    }

    /// The connection moved to another path, of which nothing is known.
    pub fn on_path_changed(&mut self, now: Instant) {
        //= RFC 9000 §9.4: Packets sent on the old path MUST NOT contribute to congestion control or
        //= RTT estimation for the new path.
        for space in Space::ALL {
            let bytes = self.log_mut(space).ground();
            self.bytes_in_flight = self.bytes_in_flight.saturating_sub(bytes);
        }
        self.path_since = Some(now);
        self.reset_path();
    }

    /// How long a challenge and its response took on a new path, in the place of the configured guess.
    pub fn guess_rtt(&mut self, took: Duration) {
        //= RFC 9002 §6.2.2: A connection MAY use the delay between sending a PATH_CHALLENGE and
        //= receiving a PATH_RESPONSE to set the initial RTT (see kInitialRtt in
        //= Appendix A.2) for a new path, but the delay SHOULD NOT be considered an
        //= RTT sample.
        self.rtt = Rtt::new(took);
        self.set_rate(self.last_event);
    }

    /// The connection moved back to the path that it had left and of which everything is known; what was sent elsewhere meanwhile
    /// says nothing of it.
    pub fn on_path_regained(&mut self, now: Instant) {
        for space in Space::ALL {
            let bytes = self.log_mut(space).ground();
            self.bytes_in_flight = self.bytes_in_flight.saturating_sub(bytes);
        }
        self.path_since = Some(now);
        self.pto_count = 0;
    }

    /// What may leave now. Probes and packets that only acknowledge do not ask.
    #[must_use]
    pub fn allowance(&self, now: Instant) -> Allowance {
        let mds = self.controller.mds();
        let left = self
            .controller
            .window()
            .saturating_sub(self.bytes_in_flight);
        //= RFC 9002 §7.3.2: If the congestion window is reduced immediately, a
        //= single packet can be sent prior to reduction.
        let left = if self.has_rescue { left.max(mds) } else { left };
        // Less than a full packet waits for more, or a window would end up in crumbs.
        if left < mds || self.application.is_full(self.most_sent) {
            return Allowance::Congested;
        }
        let bytes = match self.pacer.budget(now, self.bytes_in_flight == 0) {
            Budget::Unlimited => left,
            Budget::Bytes(bytes) => left.min(bytes),
            Budget::Until(at) => return Allowance::Paced(at),
        };
        let packets = bytes.checked_div(mds).unwrap_or(1).max(1);
        Allowance::Bytes(packets.saturating_mul(mds))
    }

    /// There was nothing to send though the window was open.
    pub fn on_app_limited(&mut self) {
        self.controller.on_app_limited(self.bytes_in_flight);
    }

    /// The peer's count of ECN-CE marks in a space, after the ACK that reported it was processed.
    pub fn on_ecn_ce(&mut self, now: Instant, space: Space, count: u64) {
        let log = self.log_mut(space);
        if count <= log.ecn_ce {
            return;
        }
        let marks = count.saturating_sub(log.ecn_ce);
        log.ecn_ce = count;
        let sent = log.newest_acked_sent;
        if let Some(sent) = sent.filter(|sent| !self.is_older_than_path(*sent)) {
            // The path asked for it: losses that turn out to be none take nothing back.
            self.reordering.close();
            self.on_congestion(now, sent);
            self.controller.on_mark(now, marks);
            self.set_rate(now);
        }
    }

    /// The peer's max_ack_delay.
    pub const fn set_peer_max_ack_delay(&mut self, delay: Duration) {
        self.max_ack_delay = delay;
    }

    /// The size of a full packet on the path.
    pub fn set_max_datagram_size(&mut self, size: u16) {
        self.config.max_datagram_size = size;
        for space in Space::ALL {
            self.log_mut(space).resize();
        }
        self.controller.set_mds(size);
        self.set_rate(self.last_event);
    }

    /// Gives back the memory that is not used now.
    pub fn shrink(&mut self) {
        for space in Space::ALL {
            self.log_mut(space).shrink();
        }
        self.reordering.shrink();
    }
}
