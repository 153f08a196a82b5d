//! 0-RTT (RFC 9001 §4.6, RFC 9000 §7.4.1): what a client remembers of its server, keys from before the handshake, and whether the
//! server took what was sent with them. Nothing is sent in 0-RTT that a rejection could not send again.

use inquic_platform::{CipherSuite, Instant, KeySide, Own};
use inquic_wire::{Code, Level, PeerError, Role, Space, TransportParameters, Version};

use super::Connection;
use super::hello::HandshakeError;
use super::state::State;
use crate::counters::Drop;
use crate::protect::{DirectionKeys, Secret};

/// How far 0-RTT is, on connections that try it.
pub(super) struct Early {
    outcome: Outcome,
    /// Client: the server's limits on the connection that gave the ticket. In memory of their own: where a server has none, bytes that
    /// mean nothing would be given back with it, and those could be of a secret which was on the stack before.
    remembered: Option<Own<TransportParameters>>,
    /// What seals a client's 0-RTT packets, or opens them at the server; gone when their time is over.
    keys: Option<DirectionKeys>,
    /// Server: what seals 1-RTT packets before the client has proved itself.
    half: Option<Half>,
    /// Server: when `keys` are to be forgotten.
    until: Option<Instant>,
}

/// Whether the server takes 0-RTT packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The client has asked.
    Offered,
    Accepted,
    Rejected,
}

/// The 1-RTT keys of a server that has only those to seal with yet.
pub(super) struct Half {
    keys: DirectionKeys,
    /// Packets that it may seal (RFC 9001 §6.6).
    most: u64,
    /// Packets sealed, and the number of the first.
    pub(super) sealed: u64,
    pub(super) first: Option<u64>,
}

impl Early {
    const fn new(outcome: Outcome, remembered: Option<Own<TransportParameters>>) -> Self {
        Self {
            outcome,
            remembered,
            keys: None,
            half: None,
            until: None,
        }
    }

    pub(super) const fn keys(&self) -> Option<&DirectionKeys> {
        self.keys.as_ref()
    }

    pub(super) const fn half(&self) -> Option<&Half> {
        self.half.as_ref()
    }

    /// Whether this is a client's, which alone remembers; and no more once the handshake is over.
    pub(super) const fn is_client(&self) -> bool {
        self.remembered.is_some()
    }

    pub(super) const fn until(&self) -> Option<Instant> {
        self.until
    }

    pub(super) fn take_half(&mut self) -> Option<Half> {
        self.half.take()
    }

    /// Counts a 1-RTT packet about to be sealed; `Err` when the key may seal no more.
    pub(super) fn on_half_seal(&mut self, number: u64) -> Result<(), ()> {
        let half = self.half.as_mut().ok_or(())?;
        if half.sealed >= half.most {
            return Err(());
        }
        half.sealed = half.sealed.saturating_add(1);
        half.first.get_or_insert(number);
        Ok(())
    }
}

impl Half {
    pub(super) const fn keys(&self) -> &DirectionKeys {
        &self.keys
    }
}

impl Connection {
    /// A client has a ticket that allows 0-RTT: `remembered` are the transport parameters of the server that gave it, encoded.
    /// The 0-RTT secret follows, then what the application sends leaves at once.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Level`] at a server or too late, [`HandshakeError::Parameters`] when the bytes are none,
    /// [`HandshakeError::Memory`]; the connection goes on without 0-RTT.
    pub fn begin_early_data(&mut self, remembered: &[u8]) -> Result<(), HandshakeError> {
        let may = self.role == Role::Client
            && self.is_handshaking()
            && !self.hello.parameters_known
            && self.keys.early.is_none();
        if !may {
            return Err(HandshakeError::Level);
        }
        let remembered = TransportParameters::parse(remembered, Role::Server)
            .map_err(HandshakeError::Parameters)?;
        //= RFC 9000 §7.4.1: A client MUST NOT use remembered values for the following parameters: ack_delay_exponent,
        //= max_ack_delay, initial_source_connection_id, original_destination_connection_id, preferred_address,
        //= retry_source_connection_id, and stateless_reset_token.
        let kept = Own::new(remembered.clone()).ok_or(HandshakeError::Memory)?;
        let early = Early::new(Outcome::Offered, Some(kept));
        let early = Own::new(early).ok_or(HandshakeError::Memory)?;
        //= RFC 9000 §7.4.1: A client that attempts to send 0-RTT data MUST remember all other transport parameters used by the
        //= server that it is able to process.
        self.carried.set_peer_limits(&remembered);
        self.carried
            .mtu
            .set_peer_limit(remembered.max_udp_payload_size);
        self.fit_path();
        self.keys.early = Some(early);
        Ok(())
    }

    /// TLS of a client knows whether the server takes the 0-RTT packets. Told before the server's transport parameters are.
    pub fn set_early_data_accepted(&mut self, accepted: bool) {
        let Some(early) = &mut self.keys.early else {
            return;
        };
        if early.outcome != Outcome::Offered {
            return;
        }
        if accepted {
            early.outcome = Outcome::Accepted;
            return;
        }
        early.outcome = Outcome::Rejected;
        early.keys = None;
        let carried = &mut self.carried;
        self.recovery.on_zero_rtt_rejected(&mut |fate, frame| {
            carried.on_fate(Space::Application, fate, frame);
        });
        self.refresh_timer();
    }

    /// Whether the server took what was sent in 0-RTT; nothing before that is known, and on connections without 0-RTT.
    #[must_use]
    pub fn early_data_accepted(&self) -> Option<bool> {
        match self.keys.early.as_ref()?.outcome {
            Outcome::Offered => None,
            Outcome::Accepted => Some(true),
            Outcome::Rejected => Some(false),
        }
    }

    /// Whether data can go both ways though the handshake is not complete. At a server, whatever is read while this holds
    /// may be a replay, by somebody who recorded it (RFC 8446 §8).
    #[must_use]
    pub fn is_early(&self) -> bool {
        let State::Handshaking { .. } = self.state else {
            return false;
        };
        self.keys
            .early
            .as_ref()
            .is_some_and(|early| early.keys.is_some() && early.outcome != Outcome::Rejected)
    }

    /// Whether 0-RTT was tried and the handshake is not complete.
    #[must_use]
    pub const fn awaits_early(&self) -> bool {
        self.is_handshaking() && self.keys.early.is_some()
    }

    /// TLS has the 0-RTT secret: a client's to seal with, a server's to open with, which accepts 0-RTT.
    pub(super) fn install_early(
        &mut self,
        side: KeySide,
        suite: CipherSuite,
        secret: &Secret,
    ) -> Result<(), HandshakeError> {
        // RFC 9369 §4.1: 0-RTT packets are of the version of the first flight, whatever the two ends go over to.
        let version = self.hello.original_version;
        let keys = DirectionKeys::derive(&*self.platform, version, suite, side, secret)
            .map_err(HandshakeError::Crypto)?;
        match (self.role, side, &mut self.keys.early) {
            (Role::Client, KeySide::Seal, Some(early)) if early.outcome == Outcome::Offered => {
                early.keys = Some(keys);
            }
            (Role::Server, KeySide::Open, early @ None) if !self.keys.early_refused => {
                let mut accepted = Early::new(Outcome::Accepted, None);
                accepted.keys = Some(keys);
                *early = Some(Own::new(accepted).ok_or(HandshakeError::Memory)?);
            }
            _ => return Err(HandshakeError::Level),
        }
        self.pending.early = true;
        Ok(())
    }

    /// A server that accepted 0-RTT answers at once, with the 1-RTT keys that it seals with.
    pub(super) fn install_half(
        &mut self,
        suite: CipherSuite,
        secret: &Secret,
    ) -> Result<(), HandshakeError> {
        let Some(early) = &mut self.keys.early else {
            return Ok(());
        };
        let keys =
            DirectionKeys::derive(&*self.platform, self.version, suite, KeySide::Seal, secret)
                .map_err(HandshakeError::Crypto)?;
        early.half = Some(Half {
            keys,
            most: self.platform.aead_limits(suite).confidentiality,
            sealed: 0,
            first: None,
        });
        Ok(())
    }

    /// A server's TLS went on without 0-RTT: packets of it are not waited for.
    pub(super) fn refuse_early(&mut self) {
        if self.role == Role::Server && self.keys.early.is_none() && !self.keys.early_refused {
            self.keys.early_refused = true;
            //= RFC 9001 §4.6.2: When rejecting 0-RTT, a server MUST NOT process any 0-RTT packets, even if it could.
            while self.held.take(Level::ZeroRtt).is_some() {
                self.drop_packet(Drop::KeysDiscarded);
            }
        }
    }

    /// Both 1-RTT keys are in.
    pub(super) fn end_early(&mut self, now: Instant) {
        let keep = self.pto().saturating_mul(3);
        let Some(early) = &mut self.keys.early else {
            return;
        };
        match self.role {
            //= RFC 9001 §4.9.3: a client SHOULD discard 0-RTT keys as soon as it installs 1-RTT keys as they have no use after
            //= that moment.
            Role::Client => {
                early.keys = None;
                early.remembered = None;
                self.follow_limits();
            }
            //= RFC 9001 §4.9.3: After receiving a 1-RTT packet, servers MUST discard 0-RTT keys within a short time; the
            //= RECOMMENDED time period is three times the Probe Timeout
            Role::Server => early.until = Some(now + keep),
        }
    }

    /// The time of a server's 0-RTT keys is over.
    pub(super) fn expire_early(&mut self, now: Instant) {
        if let Some(early) = &mut self.keys.early
            && early.until.is_some_and(|until| until <= now)
        {
            early.until = None;
            early.keys = None;
            self.keys.early_refused = true;
        }
    }

    /// A client begins again in another version: 0-RTT was for the one before, and what it carried waits for the handshake.
    pub(super) fn stop_early(&mut self) {
        if let Some(early) = &mut self.keys.early {
            early.keys = None;
            early.outcome = Outcome::Rejected;
        }
    }

    /// What opens 0-RTT packets of a version at a server, if it is there yet.
    pub(super) fn keys_of_early(&self, version: Version) -> Result<Option<&DirectionKeys>, Drop> {
        if self.keys.early_refused {
            return Err(Drop::KeysDiscarded);
        }
        if version != self.hello.original_version {
            return Err(Drop::UnknownVersion);
        }
        Ok(self.keys.early.as_ref().and_then(|early| early.keys()))
    }

    /// The limits of the server in this handshake take the place of those that a client remembered.
    pub(super) fn replace_remembered(
        &mut self,
        now: Instant,
        peer: &TransportParameters,
    ) -> Result<(), PeerError> {
        let early = self.keys.early.as_deref();
        let remembered = early.and_then(|early| early.remembered.as_deref());
        match (self.early_data_accepted(), remembered) {
            (Some(false), Some(_)) => {
                if let Some(data) = &mut self.carried.data {
                    data.datagrams.restart();
                }
                let streams = self.carried.streams_mut();
                if !streams.is_none_or(|streams| streams.restart(peer)) {
                    // The streams that the application has opened cannot all be sent again; it must begin anew.
                    self.close(now, 0, TOO_MANY);
                }
                Ok(())
            }
            //= RFC 9000 §7.4.1: If 0-RTT data is accepted by the server, the server MUST NOT reduce any limits or alter any values
            //= that might be violated by the client with its 0-RTT data.
            //= RFC 9221 §3: if not, the client MUST terminate the connection with error PROTOCOL_VIOLATION.
            (_, Some(remembered)) if !peer.keeps(remembered) => Err(PeerError::new(
                Code::ProtocolViolation,
                "0-RTT accepted with smaller limits than before",
            )),
            _ => Ok(()),
        }
    }

    /// The peer's own limits are in force from here on, unless 0-RTT packets are still sent.
    pub(super) fn follow_limits(&mut self) {
        //= RFC 9000 §7.4.1: it MUST NOT use updated values that it learns from the server's updated transport parameters or
        //= from frames received in 1-RTT packets.
        if self.keys.early_seal().is_some() {
            return;
        }
        let peer = self.peer.whole(self.role, &self.hello);
        self.carried.set_peer_limits(&peer);
        self.carried
            .mtu
            .set_peer_limit(self.peer.max_udp_payload_size);
        self.fit_path();
    }
}

const TOO_MANY: &[u8] = b"0-RTT was refused, and it used more streams than the server allows now";
