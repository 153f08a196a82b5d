//! The handshake as TLS sees it: messages and secrets of each level in and out, transport parameters checked against what was
//! seen on the wire (RFC 9000 §7, RFC 9001 §4). TLS itself is outside.

use alloc::vec::Vec;

use inquic_platform::{CipherSuite, CryptoError, Instant, KeySide, NoMemory, Own};
use inquic_wire::{
    Code, ConnectionId, Grease, Level, PeerError, PreferredAddress, Role, Space,
    TransportParameters, Version, Writer,
};

use super::peer::Peer;
use super::state::{OneRttKeys, State};
use super::tokens::Tokens;
use super::{Connection, Start};
use crate::handshake::CryptoReceive;
use crate::protect::{DirectionKeys, OneRtt, Secret};
use crate::trace::What;

/// What only the handshake needs to remember.
pub(super) struct Hello {
    pub(super) local_id: ConnectionId,
    pub(super) reset_token: Option<[u8; 16]>,
    /// The version of the client's first flight; of its second after a Version Negotiation packet.
    pub(super) original_version: Version,
    /// What is random in our transport parameters, once they have gone to TLS, and with them what they say about versions: a second
    /// ClientHello has the same (RFC 8446 §4.1.2).
    pub(super) parameters_random: Option<[u8; Grease::RANDOM]>,
    /// The destination id of the client's very first packet.
    pub(super) original_id: ConnectionId,
    /// The source id of the Retry packet, when there was one.
    pub(super) retry_id: Option<ConnectionId>,
    /// The source id of the peer's first packet.
    pub(super) peer_id: Option<ConnectionId>,
    /// Client: goes into each Initial.
    pub(super) token: Vec<u8>,
    pub(super) receive: [CryptoReceive; 3],
    pub(super) parameters_known: bool,
    /// Whether any packet of the peer was authentic; ends what Retry and version negotiation may do.
    pub(super) heard: bool,
    pub(super) version_negotiated: bool,
    /// Server: another version was chosen, and no packet of it has left.
    pub(super) announces_version: bool,
    /// Server: how often its hello left again because the client asked.
    pub(super) repeated: u8,
    /// Client: tokens of NEW_TOKEN frames.
    pub(super) tokens: Tokens,
}

/// Why a call of the handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeError {
    /// The connection is closing or closed.
    Closed,
    /// No handshake messages are sent at this level, or not any more.
    Level,
    /// More handshake messages than are buffered.
    Full,
    /// There is no memory for the keys or the messages.
    Memory,
    /// The secret does not fit the suite, or the home could not make the keys.
    Crypto(CryptoError),
    /// The peer's transport parameters break a rule; the connection is closing.
    Parameters(PeerError),
}

impl Hello {
    pub(super) fn new(start: Start) -> Self {
        Self {
            local_id: start.local_id,
            reset_token: start.reset_token,
            original_version: start.version,
            parameters_random: None,
            original_id: start.original_id,
            retry_id: start.retry_id,
            peer_id: match start.role {
                Role::Client => None,
                Role::Server => Some(start.peer_id),
            },
            token: start.token,
            receive: Default::default(),
            parameters_known: false,
            heard: false,
            version_negotiated: false,
            announces_version: false,
            repeated: 0,
            tokens: Tokens::default(),
        }
    }
}

impl Connection {
    /// Sends handshake messages of TLS at `level`.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Level`] when the level is over or carries none, [`HandshakeError::Full`] beyond
    /// [`crate::limits::CRYPTO_BUFFER`], [`HandshakeError::Memory`], [`HandshakeError::Closed`]. Nothing of it is taken then.
    pub fn handshake_send(&mut self, level: Level, bytes: &[u8]) -> Result<(), HandshakeError> {
        if !self.is_open() {
            return Err(HandshakeError::Closed);
        }
        let discarded = match level {
            Level::Initial => self.keys.initial_discarded,
            Level::Handshake => self.keys.handshake_discarded,
            Level::ZeroRtt => true,
            Level::OneRtt => false,
        };
        match self.carried.crypto_send.get_mut(level.space().index()) {
            Some(send) if !discarded => match send.write(bytes) {
                Ok(true) => Ok(()),
                Ok(false) => Err(HandshakeError::Full),
                Err(NoMemory) => Err(HandshakeError::Memory),
            },
            _ => Err(HandshakeError::Level),
        }
    }

    /// Installs a traffic secret of TLS. With both 1-RTT secrets in, the handshake is complete.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Crypto`] for a secret of the wrong length, [`HandshakeError::Level`] for a level that takes none,
    /// [`HandshakeError::Closed`].
    pub fn install_secret(
        &mut self,
        now: Instant,
        level: Level,
        side: KeySide,
        suite: CipherSuite,
        secret: &[u8],
    ) -> Result<(), HandshakeError> {
        if !self.is_open() {
            return Err(HandshakeError::Closed);
        }
        self.recovery.trace.at(now);
        let secret = Secret::new(suite, secret).map_err(HandshakeError::Crypto)?;
        match level {
            Level::ZeroRtt if self.is_handshaking() => {
                self.make_data()
                    .map_err(|NoMemory| HandshakeError::Memory)?;
                self.install_early(side, suite, &secret)?;
            }
            Level::Handshake if !self.keys.handshake_discarded => {
                self.refuse_early();
                let keys =
                    DirectionKeys::derive(&*self.platform, self.version, suite, side, &secret)
                        .map_err(HandshakeError::Crypto)?;
                match side {
                    KeySide::Open => self.keys.handshake.open = Some(keys),
                    KeySide::Seal => self.keys.handshake.seal = Some(keys),
                }
            }
            Level::OneRtt => {
                if side == KeySide::Seal && self.role == Role::Server {
                    self.install_half(suite, &secret)?;
                }
                let kept = self.keys.keep_secret(side, suite, secret);
                if kept.map_err(|NoMemory| HandshakeError::Memory)? {
                    self.make_data()
                        .map_err(|NoMemory| HandshakeError::Memory)?;
                    self.make_one_rtt_keys()?;
                    self.on_handshake_complete(now);
                }
            }
            Level::Handshake | Level::Initial | Level::ZeroRtt => {
                return Err(HandshakeError::Level);
            }
        }
        self.refresh_timer();
        if self.keys.can_open(level) {
            self.receive_held(now, level);
        }
        Ok(())
    }

    fn make_one_rtt_keys(&mut self) -> Result<(), HandshakeError> {
        let OneRttKeys::Waiting {
            seal: Some((suite, seal)),
            open: Some((_, open)),
        } = &self.keys.one_rtt
        else {
            return Ok(());
        };
        let keys = OneRtt::new(&self.platform, self.version, *suite, seal, open)
            .map_err(HandshakeError::Crypto)?;
        let mut keys = Own::new(keys).ok_or(HandshakeError::Memory)?;
        if let Some(half) = self.keys.early.as_mut().and_then(|early| early.take_half()) {
            keys.continue_sealing(half.sealed, half.first);
        }
        self.keys.one_rtt = OneRttKeys::Ready(keys);
        Ok(())
    }

    fn on_handshake_complete(&mut self, now: Instant) {
        if !self.hello.parameters_known {
            //= RFC 9001 §8.2: Endpoints MUST send the quic_transport_parameters extension; endpoints that receive ClientHello
            //= or EncryptedExtensions messages without the quic_transport_parameters extension MUST close the connection
            self.close_with(
                now,
                PeerError::new(Code::Crypto(MISSING_EXTENSION), "no transport parameters"),
            );
            return;
        }
        if self.keys.in_clear
            && let Some(keys) = self.keys.one_rtt()
        {
            keys.leave_unused();
        }
        self.end_early(now);
        self.counts.on_complete(now);
        self.recovery.trace.note(|| What::Complete);
        self.pending.connected = true;
        let confirm_by = match self.state {
            State::Handshaking { until } => Some(until),
            _ => None,
        };
        self.state = State::Connected { confirm_by };
        self.settle_crypto();
        self.carried
            .local_ids
            .set_peer_limit(self.peer.active_connection_id_limit);
        if self.role == Role::Server {
            self.carried.owes_handshake_done = true;
            self.pending.new_token_wanted = true;
            self.on_confirmed(now);
        }
    }

    /// The handshake is confirmed: Handshake keys have done their work.
    pub(super) fn on_confirmed(&mut self, now: Instant) {
        if self.is_confirmed() {
            return;
        }
        self.state = State::Connected { confirm_by: None };
        self.pending.confirmed = true;
        self.recovery.trace.note(|| What::Confirmed);
        self.discard(Space::Initial);
        //= RFC 9001 §4.9.2: An endpoint MUST discard its Handshake keys when the TLS handshake is confirmed
        self.discard(Space::Handshake);
        // TLS has what it needs; nothing can fill a hole before other pieces any more.
        let [initial, handshake, _] = &mut self.hello.receive;
        (*initial, *handshake) = Default::default();
        self.settle_crypto();
        self.hello.token = Vec::new();
        self.follow_preferred(now);
        self.refresh_timer();
    }

    /// Forgets a space of the handshake: keys, packets in flight, messages not yet acknowledged.
    pub(super) fn discard(&mut self, space: Space) {
        let (keys, gone) = match space {
            Space::Initial => (&mut self.keys.initial, &mut self.keys.initial_discarded),
            Space::Handshake => (&mut self.keys.handshake, &mut self.keys.handshake_discarded),
            Space::Application => return,
        };
        if core::mem::replace(gone, true) {
            return;
        }
        keys.discard();
        if space == Space::Initial {
            self.keys.other_initial = None;
        }
        self.recovery.discard_space(space);
        self.recovery.trace.note(|| What::Discarded(space));
        self.carried.discard(space);
        self.ecn.on_discarded(space);
        if let Some(probes) = self.probes.get_mut(space.index()) {
            *probes = 0;
        }
    }

    /// Writes our transport parameters for TLS into `out` and returns how many bytes they are; 0 when they do not fit.
    ///
    /// A server can go over to another version only before this, so it asks once it has told what the client's are.
    pub fn transport_parameters(&mut self, out: &mut [u8]) -> usize {
        let random = self.hello.parameters_random.unwrap_or_else(|| {
            let mut random = [0; Grease::RANDOM];
            self.platform.random(&mut random);
            random
        });
        self.hello.parameters_random = Some(random);
        let mut parameters = TransportParameters {
            max_idle_timeout_ms: self.config.idle_timeout.as_millis(),
            max_udp_payload_size: self.config.max_udp_payload_size.into(),
            ack_delay_exponent: self.config.ack_delay_exponent.min(20),
            max_ack_delay_ms: u16::try_from(self.config.max_ack_delay.as_millis()).unwrap_or(25),
            disable_active_migration: self.config.disable_active_migration,
            active_connection_id_limit: self.config.ids_kept() as u64,
            initial_source_connection_id: Some(self.hello.local_id),
            max_datagram_frame_size: self.config.max_datagram_frame_size.into(),
            version_information: Some(self.version_information(&random)),
            grease_quic_bit: self.config.grease_quic_bit,
            disable_1rtt_encryption: self.config.insecure_disable_1rtt_encryption,
            min_ack_delay_us: self.config.min_ack_delay_us(),
            grease: Some(Grease::from_random(random)),
            ..TransportParameters::default()
        };
        self.config.streams.fill(&mut parameters);
        if self.role == Role::Server {
            parameters.original_destination_connection_id = Some(self.hello.original_id);
            parameters.retry_source_connection_id = self.hello.retry_id;
            parameters.stateless_reset_token = self.hello.reset_token;
            parameters.preferred_address = self.preferred_address();
        }
        let mut writer = Writer::new(out);
        match parameters.encode(&mut writer) {
            Ok(()) => writer.position(),
            Err(_) => 0,
        }
    }

    /// Whether there is an id for the server's preferred address.
    pub(super) fn has_preferred_id(&self) -> bool {
        self.carried.local_ids.get(PREFERRED_ID).is_some()
    }

    /// Whether TLS has our transport parameters, or we have the peer's: then what they say stays.
    pub(super) fn parameters_are_settled(&self) -> bool {
        self.hello.parameters_random.is_some() || self.hello.parameters_known
    }

    /// Where a server would rather be reached, with the id that the endpoint made for it.
    fn preferred_address(&self) -> Option<PreferredAddress> {
        let (v4, v6) = (self.config.preferred_v4, self.config.preferred_v6);
        let (id, reset_token) = self
            .carried
            .local_ids
            .get(PREFERRED_ID)
            .filter(|_| v4.is_some() || v6.is_some())?;
        Some(PreferredAddress {
            v4,
            v6,
            id,
            reset_token,
        })
    }

    /// Takes the peer's transport parameters from TLS.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Parameters`] with the offence, after which the connection is closing.
    pub fn set_peer_transport_parameters(
        &mut self,
        now: Instant,
        bytes: &[u8],
    ) -> Result<(), HandshakeError> {
        if !self.is_open() {
            return Err(HandshakeError::Closed);
        }
        let checked = TransportParameters::parse(bytes, self.role.peer())
            .and_then(|peer| self.authenticate_ids(peer))
            .and_then(|peer| self.settle_version(peer))
            .and_then(|peer| self.keep_preferred_id(peer))
            .and_then(|peer| self.replace_remembered(now, &peer).map(|()| peer));
        let checked =
            checked.and_then(|peer| Peer::known(&peer).map(|kept| (peer, kept)).ok_or(NO_MEMORY));
        let (peer, kept) = match checked {
            Ok(peer) => peer,
            Err(offence) => {
                self.close_with(now, offence);
                return Err(HandshakeError::Parameters(offence));
            }
        };
        self.recovery
            .set_peer_max_ack_delay(inquic_platform::Duration::from_millis(u64::from(
                peer.max_ack_delay_ms,
            )));
        self.carried
            .peer_ids
            .set_first_token(peer.stateless_reset_token);
        self.hello.parameters_known = true;
        //= RFC 9287 §3.1: An endpoint MUST NOT set the QUIC Bit to 0 without knowing whether the peer supports the extension.
        if let Some(shortest) = peer.min_ack_delay_us.filter(|_| self.config.ack_frequency) {
            let longest = u64::from(peer.max_ack_delay_ms).saturating_mul(1_000);
            self.carried.frequency.allow(shortest, longest);
        }
        if peer.grease_quic_bit && self.config.grease_quic_bit {
            self.quic_bit.set_free();
        }
        // draft-banks-quic-disable-encryption: only if both ends ask. TLS has authenticated what the peer says before 1-RTT keys
        // come from it.
        self.keys.in_clear =
            peer.disable_1rtt_encryption && self.config.insecure_disable_1rtt_encryption;
        self.peer = kept;
        self.follow_limits();
        self.recovery.trace.at(now);
        self.recovery.trace.note(|| What::Parameters);
        self.refresh_timer();
        Ok(())
    }

    fn authenticate_ids(
        &self,
        peer: TransportParameters,
    ) -> Result<TransportParameters, PeerError> {
        //= RFC 9000 §7.3: An endpoint MUST treat the following as a connection error of type TRANSPORT_PARAMETER_ERROR or
        //= PROTOCOL_VIOLATION:
        if peer.initial_source_connection_id.is_none()
            || peer.initial_source_connection_id != self.hello.peer_id
        {
            return Err(parameter(
                "initial_source_connection_id is not the id of the first packet",
            ));
        }
        if self.role == Role::Client {
            if peer.original_destination_connection_id != Some(self.hello.original_id) {
                return Err(parameter(
                    "original_destination_connection_id is not the id of our first packet",
                ));
            }
            if peer.retry_source_connection_id != self.hello.retry_id {
                return Err(parameter(
                    "retry_source_connection_id is not the id of the Retry packet",
                ));
            }
        }
        Ok(peer)
    }

    fn keep_preferred_id(
        &mut self,
        peer: TransportParameters,
    ) -> Result<TransportParameters, PeerError> {
        if let Some(preferred) = &peer.preferred_address {
            //= RFC 9000 §18.2: A server that chooses a zero-length connection ID MUST NOT provide a preferred address.
            let ids = &mut self.carried.peer_ids;
            let kept = ids
                .on_new(PREFERRED_ID, 0, preferred.id, preferred.reset_token)
                .map_err(|_| parameter("preferred_address with a connection id that cannot be"))?;
            if !kept {
                return Err(NO_MEMORY);
            }
        }
        Ok(peer)
    }

    /// The peer's handshake messages break a rule of QUIC and none of TLS: closes with PROTOCOL_VIOLATION.
    pub fn refuse_handshake(&mut self, now: Instant) {
        self.close_with(
            now,
            PeerError::new(Code::ProtocolViolation, "handshake messages against QUIC"),
        );
    }

    /// TLS failed with `alert`: closes with CRYPTO_ERROR 0x0100 + alert (RFC 9001 §4.8).
    pub fn fail_handshake(&mut self, now: Instant, alert: u8) {
        self.close_with(
            now,
            PeerError::new(Code::Crypto(alert), "the TLS handshake failed"),
        );
    }

    /// The newest address validation token that the server gave us for a later connection.
    pub fn take_token(&mut self) -> Option<Vec<u8>> {
        self.hello.tokens.take()
    }
}

/// The connection cannot go on without something that there is no memory for.
const NO_MEMORY: PeerError = PeerError::new(Code::Internal, "no memory");

const fn parameter(reason: &'static str) -> PeerError {
    PeerError::new(Code::TransportParameter, reason)
}

/// The sequence number of the connection id in preferred_address (RFC 9000 §18.2).
const PREFERRED_ID: u64 = 1;
/// The levels that carry handshake messages, with their spaces.
/// TLS alert missing_extension (RFC 8446 §6).
const MISSING_EXTENSION: u8 = 109;
