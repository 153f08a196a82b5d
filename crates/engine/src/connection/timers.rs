//! Time: what is due when, and what happens then. One deadline for the whole connection.

use inquic_platform::{Duration, Instant};
use inquic_wire::{Level, Role, Space};

use super::Connection;
use super::close::CloseReason;
use super::state::{OneRttKeys, State};
use crate::limits;
use crate::recovery::{Timeout, TimerContext};
use crate::space::Received;

impl Connection {
    /// When [`Connection::expire`] must be called at the latest; `None` when never.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Gone => None,
            State::Closing(closing) => Some(closing.until),
            State::Draining { until } => Some(*until),
            State::Handshaking { until } => earliest([Some(*until), self.living_deadline()]),
            State::Connected { confirm_by } => earliest([*confirm_by, self.living_deadline()]),
        }
    }

    fn living_deadline(&self) -> Option<Instant> {
        let keys = match &self.keys.one_rtt {
            OneRttKeys::Ready(keys) => keys.deadline(),
            OneRttKeys::Waiting { .. } => None,
        };
        // Without credit nothing can be sent, whatever is due, until the peer sends more.
        let can_send = !self.timer.at_amplification_limit;
        // A server may read 0-RTT before its TLS gives it the keys to acknowledge it with.
        let can_acknowledge = can_send && self.keys.can_seal(Level::OneRtt);
        earliest([
            self.recovery.deadline(),
            self.idle_deadline(),
            self.keep_alive_deadline(),
            self.carried
                .received
                .get(Space::Application.index())
                .and_then(Received::deadline)
                .filter(|_| can_acknowledge && !self.is_starved),
            self.pace_at.filter(|_| can_send),
            self.rest_deadline(),
            self.patience_deadline().filter(|_| can_send),
            self.carried.paths.deadline(),
            keys,
            self.keys.early.as_ref().and_then(|early| early.until()),
        ])
    }

    pub(super) fn idle_deadline(&self) -> Option<Instant> {
        Some(self.active_at + self.idle_timeout()?)
    }

    /// Silence after which the connection is given up.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        //= RFC 9000 §10.1: Each endpoint advertises a max_idle_timeout, but the effective value at an endpoint is computed as
        //= the minimum of the two advertised values
        let ours = self.config.idle_timeout;
        let theirs = Duration::from_millis(self.peer.max_idle_timeout_ms);
        let timeout = match (ours.is_zero(), theirs.is_zero()) {
            (true, true) => return None,
            (true, false) => theirs,
            (false, true) => ours,
            (false, false) => ours.min(theirs),
        };
        //= RFC 9000 §10.1: To avoid excessively small idle timeout periods, endpoints MUST increase the idle timeout period to
        //= be at least three times the current Probe Timeout (PTO).
        Some(timeout.max(self.pto().saturating_mul(3)))
    }

    fn keep_alive_deadline(&self) -> Option<Instant> {
        let interval = self.config.keep_alive?;
        (self.is_connected() && !self.ping && !self.sent_since_heard)
            .then(|| self.active_at + interval)
    }

    /// Time has come to [`Connection::next_deadline`]. Harmless when called early.
    pub fn expire(&mut self, now: Instant) {
        self.recovery.trace.at(now);
        match &self.state {
            State::Gone => return,
            State::Closing(closing) if closing.until > now => return,
            State::Draining { until } if *until > now => return,
            State::Closing(_) | State::Draining { .. } => {
                self.state = State::Gone;
                self.pending.gone = true;
                return;
            }
            State::Handshaking { until }
            | State::Connected {
                confirm_by: Some(until),
            } if *until <= now => {
                return self.abandon(CloseReason::HandshakeTimeout);
            }
            State::Handshaking { .. } | State::Connected { .. } => {}
        }
        //= RFC 9000 §10.1: the connection is silently closed and its state is discarded when it
        //= remains idle for longer than the minimum of the max_idle_timeout value advertised by
        //= both endpoints.
        if self.idle_deadline().is_some_and(|at| at <= now) {
            return self.abandon(CloseReason::IdleTimeout);
        }
        if self.keep_alive_deadline().is_some_and(|at| at <= now) {
            self.ping = true;
        }
        if self.pace_at.is_some_and(|at| at <= now) {
            self.pace_at = None;
            self.is_starved = false;
        }
        if let Some(keys) = self.keys.one_rtt() {
            keys.expire(now);
        }
        if self.patience_deadline().is_some_and(|at| at <= now)
            && let Some(streams) = self.carried.streams_mut()
        {
            streams.hurry();
        }
        self.expire_early(now);
        if self.recovery.deadline().is_some_and(|at| at <= now) {
            self.on_recovery_timeout(now);
        }
        if self.carried.paths.deadline().is_some_and(|at| at <= now) {
            self.expire_paths(now);
        }
        self.refresh_timer();
        if self.rest_deadline().is_some_and(|at| at <= now) {
            self.rest(now);
        }
    }

    /// When memory is to be given back. What an application does on an idle connection may leave some as well.
    fn rest_deadline(&self) -> Option<Instant> {
        let surplus = self.rest_at.is_none()
            && self
                .carried
                .data
                .as_ref()
                .is_some_and(|data| data.streams.has_surplus() || data.datagrams.has_surplus());
        let late = surplus.then(|| self.active_at + limits::REST);
        self.rest_at.or(late)
    }

    /// When a frame that waits for another packet makes one of its own.
    fn patience_deadline(&self) -> Option<Instant> {
        let data = self.carried.data.as_ref();
        data.is_some_and(|data| data.streams.is_patient())
            .then(|| self.active_at + limits::PATIENCE)
    }

    fn on_recovery_timeout(&mut self, now: Instant) {
        let carried = &mut self.carried;
        let timeout = self.recovery.on_timeout(now, &mut |space, fate, frame| {
            carried.on_fate(space, fate, frame);
        });
        self.note_metrics();
        let Timeout::Probe { space, packets } = timeout else {
            return self.follow_path(now);
        };
        self.send_again(space, packets);
        self.on_silence(now);
    }

    /// Has what was sent first in a space leave again in so many packets, which is worth more than a PING, and what the other space
    /// of the handshake has under way with it. The window is not asked.
    fn send_again(&mut self, space: Space, packets: u8) {
        for other in Space::ALL {
            //= RFC 9002 §6.2.4: In addition to sending data in the packet number space for which the
            //= timer expired, the sender SHOULD send ack-eliciting packets from
            //= other packet number spaces with in-flight data, coalescing packets if
            //= possible.
            // 1-RTT data has a timer of its own as soon as anybody can acknowledge it.
            if other != space
                && (other == Space::Application || !self.recovery.in_flight_ack_eliciting(other))
            {
                continue;
            }
            let carried = &mut self.carried;
            self.recovery.probe_frames(other, &mut |frame| {
                carried.on_fate(other, crate::recovery::Fate::Lost, frame);
            });
            if let Some(probes) = self.probes.get_mut(other.index()) {
                *probes = packets;
            }
        }
    }

    /// A client whose Initial packet asks for an answer once the server's hello is on its way has not got that: it goes again
    /// with the answer. Most of a handshake's time over a link that loses much would be the wait for two probe timeouts.
    pub(super) fn answer_with_hello(&mut self, now: Instant) {
        let [received, ..] = &self.carried.received;
        let [hello, ..] = &self.carried.crypto_send;
        let asks = self.is_open() && received.ack_is_due(now) && hello.is_awaited();
        if self.role == Role::Client || !asks || self.hello.repeated >= limits::EARLY_HELLOS {
            return;
        }
        let sent = self.recovery.eliciting_since(Space::Initial);
        if sent.is_some_and(|sent| now.since(sent) >= limits::EARLY_HELLO_APART) {
            //= RFC 9002 §6.2.3: To speed up handshake completion under these conditions, an
            //= endpoint MAY, for a limited number of times per connection, send a
            //= packet containing unacknowledged CRYPTO data earlier than the PTO
            //= expiry, subject to the address validation limits in Section 8.1 of
            //= [QUIC-TRANSPORT].
            self.hello.repeated = self.hello.repeated.saturating_add(1);
            self.send_again(Space::Initial, 1);
        }
    }

    /// Tells the recovery what its timer depends on, when that has changed.
    pub(super) fn refresh_timer(&mut self) {
        let limited = !self.carried.paths.active().is_validated()
            && self.carried.paths.active().budget() < self.max_datagram as u64;
        let context = TimerContext {
            handshake_confirmed: self.is_confirmed(),
            has_handshake_keys: self.keys.handshake.seal.is_some(),
            peer_validated: self.timer.peer_validated
                || self.role == Role::Server
                || self.is_confirmed(),
            at_amplification_limit: limited,
            application_ready: self.is_connected(),
        };
        if context != self.timer {
            self.timer = context;
            self.recovery.set_timer_context(context);
        }
    }

    /// Gives back memory that a busy moment needed and an idle connection does not, once it has been idle for a while.
    fn rest(&mut self, now: Instant) {
        let rested = self.active_at + limits::REST;
        if rested > now {
            self.rest_at = Some(rested);
            return;
        }
        // What is still under way may end by a timeout alone, and leaves its room.
        let busy = self.recovery.bytes_in_flight() > 0;
        self.rest_at = busy.then(|| now + limits::REST);
        self.recovery.shrink();
        self.scratch = alloc::vec::Vec::new();
        if let Some(data) = &mut self.carried.data {
            data.streams.shrink();
            data.datagrams.shrink();
        }
    }
}

fn earliest<const N: usize>(deadlines: [Option<Instant>; N]) -> Option<Instant> {
    deadlines.into_iter().flatten().min()
}
