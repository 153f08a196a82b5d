//! The state of the three spaces comes in, the one deadline of loss recovery goes out (RFC 9002 A.8). It must never be set
//! for a packet that may not be sent.

use inquic_platform::{Duration, Instant};
use inquic_wire::{Role, Space};

use super::{Recovery, limits};

/// What the conductor knows and the timer depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimerContext {
    /// The handshake is confirmed (RFC 9001 §4.1.2).
    pub handshake_confirmed: bool,
    /// There are Handshake keys to send with.
    pub has_handshake_keys: bool,
    /// The peer is known to have validated our address; always so at a server.
    pub peer_validated: bool,
    /// Nothing can be sent until the peer sends more (RFC 9000 §8.1).
    pub at_amplification_limit: bool,
    /// There are 1-RTT keys to send with.
    pub application_ready: bool,
}

impl Recovery {
    /// Tells what the timer depends on.
    pub fn set_timer_context(&mut self, context: TimerContext) {
        self.context = context;
    }

    /// When [`Recovery::on_timeout`] is due; may lie in the past.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        //= RFC 9002 §6.2.1: The PTO timer MUST NOT be set if a timer is set for time threshold
        //= loss detection;
        match self.loss_deadline() {
            Some((at, _)) => Some(at),
            None => self.probe_deadline().map(|(at, _)| at),
        }
    }

    /// The probe timeout of a space, without backoff.
    #[must_use]
    pub fn pto(&self, space: Space) -> Duration {
        let base = self.rtt.pto_base();
        match space {
            //= RFC 9002 §6.2.1: When the PTO is armed for Initial or Handshake packet number spaces,
            //= the max_ack_delay in the PTO period computation is set to 0,
            Space::Initial | Space::Handshake => base,
            Space::Application => base + self.max_ack_delay,
        }
    }

    /// The space whose oldest packet is the first to count as lost by age, and when.
    pub(super) fn loss_deadline(&self) -> Option<(Instant, Space)> {
        let times = Space::ALL.into_iter().filter_map(|space| {
            let at = self.log(space).loss_time?;
            Some((at, space))
        });
        times.min_by_key(|(at, _)| *at)
    }

    /// The space that a probe is due in, and when.
    pub(super) fn probe_deadline(&self) -> Option<(Instant, Space)> {
        //= RFC 9002 §6.2.2.1: If no additional data can be sent, the server's PTO timer MUST NOT be
        //= armed until datagrams have been received from the client
        if self.context.at_amplification_limit {
            return None;
        }
        let probes = Space::ALL.into_iter().filter_map(|space| {
            if self.log(space).eliciting() == 0 || !self.may_probe(space) {
                return None;
            }
            let period = self.backed_off(self.pto(space));
            Some((self.log(space).last_eliciting + period, space))
        });
        let earliest = probes.min_by_key(|(at, _)| *at);
        // A client that has sent nothing waits for its own TLS, not for the server.
        if earliest.is_some() || self.is_peer_validated() || self.stats.packets_sent == 0 {
            return earliest;
        }
        //= RFC 9002 §6.2.2.1: the client MUST set the PTO timer if the client has not received an
        //= acknowledgment for any of its Handshake packets and the handshake is
        //= not confirmed (see Section 4.1.2 of [QUIC-TLS]), even if there are no
        //= packets in flight.
        let space = if self.context.has_handshake_keys {
            Space::Handshake
        } else {
            Space::Initial
        };
        let period = self.backed_off(self.pto(space));
        Some((self.last_event + period, space))
    }

    /// Whether the peer is known to be able to send to us freely.
    pub(super) fn is_peer_validated(&self) -> bool {
        self.role == Role::Server
            || self.context.peer_validated
            || self.context.handshake_confirmed
            || self.handshake.largest_acked().is_some()
    }

    /// Whether an ack-eliciting packet in a space would have armed the timer.
    pub(super) fn is_probe_armed(&self, space: Space) -> bool {
        !self.context.at_amplification_limit && self.may_probe(space)
    }

    /// A probe timeout after those that expired without an answer.
    pub(super) fn backed_off(&self, period: Duration) -> Duration {
        let doublings = self.pto_count.min(limits::PTO_DOUBLINGS);
        period.saturating_mul(1_u64.wrapping_shl(doublings))
    }

    fn may_probe(&self, space: Space) -> bool {
        match space {
            Space::Initial | Space::Handshake => true,
            //= RFC 9002 §6.2.1: An endpoint MUST NOT set its PTO timer for the Application Data
            //= packet number space until the handshake is confirmed.
            Space::Application => {
                self.context.handshake_confirmed && self.context.application_ready
            }
        }
    }
}
