//! One handshake by pre-shared keys: bytes of the peer come in from a socket, our bytes, the peer's transport parameters and traffic
//! secrets go out to it, as with certificates. It is never complete without a key that both ends have.

use inquic_platform::{CipherSuite, KeySide};
use inquic_wire::{Level, Version};
use s2n_tls::enums::Mode;
use s2n_tls::error::Error;

use super::SharedKeys;
use super::tls::{Said, Tls, Whose};
use crate::error::HandshakeError;
use crate::framing::{self, Framing};
use crate::greeting::{SESSION_ID_LEN_AT, parameters_in, whole_hello};
use crate::info::HandshakeInfo;
use crate::limits::{HANDSHAKE_BYTES, RECEIVE_BYTES, TRANSPORT_PARAMETERS_BYTES};
use crate::secrets::Secret;
use crate::socket::HandshakeSocket;

/// A handshake by pre-shared keys.
pub(crate) struct Shared {
    keys: SharedKeys,
    /// The name that a client asks for.
    name: Option<String>,
    stage: Stage,
}

/// What is left of a handshake that is complete.
pub(crate) struct Done {
    pub(crate) info: HandshakeInfo,
    pub(crate) framing: Framing,
    /// What the peer may still say.
    pub(crate) permits: fn(u8) -> bool,
}

enum Stage {
    /// A client that has sent nothing.
    New,
    /// A server, with what came of the ClientHello.
    Greeting(Vec<u8>),
    Running(Box<Running>),
}

struct Running {
    tls: Tls,
    is_client: bool,
    /// The version of the client's first flight.
    original: Version,
    /// Whether nothing came of the peer yet.
    untouched: bool,
    write: Level,
    read: Level,
    framing: Framing,
    /// Handshake bytes of the peer so far.
    received: usize,
    /// Flights that we sent in Initial packets.
    initial_flights: usize,
    /// What a server has told of the client's parameters.
    foretold: Option<Vec<u8>>,
    told_parameters: bool,
    /// The secret that opens Handshake packets, while there is none to answer them with.
    early: Option<Secret>,
    /// Secrets of 1-RTT packets, held back until they may be used.
    open: Option<Secret>,
    seal: Option<Secret>,
    complete: bool,
}

impl Shared {
    pub(crate) const fn client(keys: SharedKeys, name: Option<String>) -> Self {
        Self {
            keys,
            name,
            stage: Stage::New,
        }
    }

    pub(crate) const fn server(keys: SharedKeys) -> Self {
        Self {
            keys,
            name: None,
            stage: Stage::Greeting(Vec::new()),
        }
    }

    /// Does all that can be done now; says what is left when the handshake is complete.
    ///
    /// # Errors
    ///
    /// Why it failed.
    pub(crate) fn advance(
        &mut self,
        socket: &mut dyn HandshakeSocket,
    ) -> Result<Option<Done>, HandshakeError> {
        self.begin(socket)?;
        let mut buffer = [0; RECEIVE_BYTES];
        while let Some((level, len)) = socket.receive(&mut buffer)? {
            let bytes = buffer.get(..len);
            let bytes = bytes.ok_or(HandshakeError::Internal("the socket overran its buffer"))?;
            match &mut self.stage {
                Stage::Running(running) => running.take(socket, &self.keys, level, bytes)?,
                Stage::Greeting(hello) => {
                    if let Some(hello) = whole_hello(hello, level, bytes)? {
                        let running = Running::greet(socket, &self.keys, &hello)?;
                        self.stage = Stage::Running(running);
                    }
                }
                Stage::New => return Err(HandshakeError::Ended),
            }
            if let Stage::Running(running) = &mut self.stage
                && running.complete
            {
                return running.done(self.name.take()).map(Some);
            }
        }
        Ok(None)
    }

    /// Sends a client's first message, or another one when a Version Negotiation packet has asked for it.
    fn begin(&mut self, socket: &mut dyn HandshakeSocket) -> Result<(), HandshakeError> {
        let again = match &self.stage {
            Stage::New => true,
            Stage::Greeting(_) => false,
            Stage::Running(running) => {
                running.is_client
                    && running.untouched
                    && running.original != socket.original_version()
            }
        };
        if again {
            let name = self.name.as_deref();
            let mut running = Running::new(socket, &self.keys, Mode::Client, name)?;
            running.negotiate(socket, &self.keys)?;
            self.stage = Stage::Running(running);
        }
        Ok(())
    }
}

impl Running {
    fn new(
        socket: &mut dyn HandshakeSocket,
        keys: &SharedKeys,
        mode: Mode,
        name: Option<&str>,
    ) -> Result<Box<Self>, HandshakeError> {
        let mut parameters = [0; TRANSPORT_PARAMETERS_BYTES];
        let len = socket.transport_parameters(&mut parameters)?;
        let parameters = parameters.get(..len);
        let parameters =
            parameters.ok_or(HandshakeError::Internal("the socket overran its buffer"))?;
        let tls = Tls::new(mode, keys, name, parameters)
            .map_err(|error| HandshakeError::Internal(error.message()))?;
        Ok(Box::new(Self {
            tls,
            is_client: mode == Mode::Client,
            original: socket.original_version(),
            untouched: true,
            write: Level::Initial,
            read: Level::Initial,
            framing: Framing::default(),
            received: 0,
            initial_flights: 0,
            foretold: None,
            told_parameters: false,
            early: None,
            open: None,
            seal: None,
            complete: false,
        }))
    }

    /// Begins a server's handshake: the socket is told the parameters in the ClientHello, on which ours depend, and TLS begins.
    fn greet(
        socket: &mut dyn HandshakeSocket,
        keys: &SharedKeys,
        hello: &[u8],
    ) -> Result<Box<Self>, HandshakeError> {
        if hello.get(SESSION_ID_LEN_AT).is_some_and(|len| *len > 0) {
            return Err(HandshakeError::CompatibilityMode);
        }
        let foretold = parameters_in(hello).map(<[u8]>::to_vec);
        if let Some(parameters) = &foretold {
            socket.set_peer_transport_parameters(parameters)?;
        }
        let mut running = Self::new(socket, keys, Mode::Server, None)?;
        running.told_parameters = foretold.is_some();
        running.foretold = foretold;
        running.take(socket, keys, Level::Initial, hello)?;
        Ok(running)
    }

    /// Takes bytes of the peer and does what follows from them.
    fn take(
        &mut self,
        socket: &mut dyn HandshakeSocket,
        keys: &SharedKeys,
        level: Level,
        bytes: &[u8],
    ) -> Result<(), HandshakeError> {
        if level != self.read {
            return Err(HandshakeError::UnexpectedBytes);
        }
        self.received = self.received.saturating_add(bytes.len());
        if self.received > HANDSHAKE_BYTES {
            return Err(HandshakeError::TooManyBytes);
        }
        self.framing.pass(bytes, framing::any)?;
        self.untouched = false;
        self.tls.feed(bytes);
        self.negotiate(socket, keys)
    }

    fn negotiate(
        &mut self,
        socket: &mut dyn HandshakeSocket,
        keys: &SharedKeys,
    ) -> Result<(), HandshakeError> {
        let negotiated = self.tls.negotiate();
        let complete = negotiated.map_err(|error| self.failed(&error))?;
        if self.tls.has_leftovers(complete) {
            return Err(HandshakeError::UnexpectedBytes);
        }
        self.judge(keys, complete)?;
        self.tell_parameters(socket)?;
        for said in self.tls.take_said() {
            match said {
                Said::Message(bytes) => {
                    self.initial_flights += usize::from(self.write == Level::Initial);
                    socket.send(self.write, &bytes)?;
                }
                Said::Secret(whose, secret) => self.change(socket, whose, secret)?,
            }
        }
        if complete {
            self.complete(socket)?;
        }
        Ok(())
    }

    /// Whether what was agreed on will do, as soon as it is known and before a secret is used.
    fn judge(&self, keys: &SharedKeys, complete: bool) -> Result<(), HandshakeError> {
        if (complete || self.tls.changes_keys()) && self.is_keyless() {
            return Err(if self.is_client {
                HandshakeError::SharedKeyNotTaken
            } else {
                HandshakeError::UnknownSharedKey
            });
        }
        //= RFC 9001 §8.1: When using ALPN, endpoints MUST immediately close a connection (see
        //= Section 10.2 of [QUIC-TRANSPORT]) with a no_application_protocol TLS
        //= alert (QUIC error code 0x0178; see Section 4.8) if an application
        //= protocol is not negotiated.
        let known = complete || !self.is_client && self.tls.changes_keys();
        let offered = |name: &[u8]| keys.alpn.iter().any(|known| known == name);
        if known && !self.tls.alpn().is_some_and(offered) {
            return Err(HandshakeError::NoCommonProtocol);
        }
        Ok(())
    }

    fn tell_parameters(&mut self, socket: &mut dyn HandshakeSocket) -> Result<(), HandshakeError> {
        let parameters = self.tls.parameters();
        if parameters.is_empty() {
            return Ok(());
        }
        if let Some(told) = &self.foretold
            && parameters != told
        {
            return Err(HandshakeError::ParametersChanged);
        }
        if !self.told_parameters {
            socket.set_peer_transport_parameters(parameters)?;
            self.told_parameters = true;
        }
        Ok(())
    }

    /// Keys change: those of the handshake are used at once, those of 1-RTT packets when they may be. What waits for a secret that opens
    /// is opened with it at once, and a peer that breaks a rule there is told under the secret that seals.
    fn change(
        &mut self,
        socket: &mut dyn HandshakeSocket,
        whose: Whose,
        secret: Secret,
    ) -> Result<(), HandshakeError> {
        let of_client = matches!(whose, Whose::ClientHandshake | Whose::ClientTraffic);
        let is_ours = of_client == self.is_client;
        match (whose, is_ours) {
            (Whose::ClientHandshake | Whose::ServerHandshake, false) => {
                if !self.framing.is_between_messages() {
                    return Err(HandshakeError::UnexpectedBytes);
                }
                self.early = Some(secret);
                self.read = Level::Handshake;
            }
            (Whose::ClientHandshake | Whose::ServerHandshake, true) => {
                self.install(socket, Level::Handshake, KeySide::Seal, &secret)?;
                self.write = Level::Handshake;
            }
            (Whose::ClientTraffic | Whose::ServerTraffic, false) => self.open = Some(secret),
            (Whose::ClientTraffic | Whose::ServerTraffic, true) => self.seal = Some(secret),
        }
        if self.write == Level::Handshake
            && let Some(secret) = self.early.take()
        {
            self.install(socket, Level::Handshake, KeySide::Open, &secret)?;
        }
        Ok(())
    }

    /// Installs the last secrets when the peer has proved itself.
    fn complete(&mut self, socket: &mut dyn HandshakeSocket) -> Result<(), HandshakeError> {
        if !self.framing.is_between_messages() {
            return Err(HandshakeError::UnexpectedBytes);
        }
        if !self.told_parameters {
            return Err(HandshakeError::NoTransportParameters);
        }
        let (seal, open) = (self.seal.take(), self.open.take());
        let (seal, open) = seal.zip(open).ok_or(MISSING)?;
        self.install(socket, Level::OneRtt, KeySide::Seal, &seal)?;
        self.install(socket, Level::OneRtt, KeySide::Open, &open)?;
        self.complete = true;
        Ok(())
    }

    fn install(
        &self,
        socket: &mut dyn HandshakeSocket,
        level: Level,
        side: KeySide,
        secret: &Secret,
    ) -> Result<(), HandshakeError> {
        let suite: CipherSuite = self.tls.suite().ok_or(MISSING)?;
        Ok(socket.install_secret(level, side, suite, secret.as_bytes())?)
    }

    fn done(&mut self, name: Option<String>) -> Result<Done, HandshakeError> {
        let permits = if self.is_client {
            framing::ticket
        } else {
            framing::nothing
        };
        let server_name = if self.is_client {
            name
        } else {
            self.tls.server_name().map(str::to_owned)
        };
        let group = self.tls.key_exchange();
        Ok(Done {
            info: HandshakeInfo {
                alpn: self.tls.alpn().ok_or(MISSING)?.to_vec(),
                cipher_suite: self.tls.suite().ok_or(MISSING)?,
                key_exchange: group.and_then(|name| name.parse().ok()),
                resumed: false,
                retried: self.initial_flights > 1,
                server_name,
                peer_has_certificate: false,
                shared_key: Some(self.tls.identity()),
            },
            framing: std::mem::take(&mut self.framing),
            permits,
        })
    }

    fn is_keyless(&self) -> bool {
        self.tls.identity().is_empty()
    }

    /// Whether the server has answered with keys.
    fn has_answer(&self) -> bool {
        self.read == Level::Handshake || self.tls.changes_keys()
    }

    /// What s2n-tls' error is for this end.
    fn failed(&self, error: &Error) -> HandshakeError {
        match (error.name(), error.alert()) {
            ("S2N_ERR_BAD_PSK_BINDER", _) => HandshakeError::WrongSharedKey,
            ("S2N_ERR_NO_APPLICATION_PROTOCOL", _) => HandshakeError::NoCommonProtocol,
            // It would have to show a certificate, and has none.
            (_, None | Some(HANDSHAKE_FAILURE)) if !self.is_client && self.is_keyless() => {
                HandshakeError::UnknownSharedKey
            }
            // It looks at the server's certificate then, which nobody here trusts.
            _ if self.is_client && self.is_keyless() && self.has_answer() => {
                HandshakeError::SharedKeyNotTaken
            }
            (_, alert) => HandshakeError::Peer {
                cause: rustls::Error::General(error.message().to_owned()),
                alert: alert.unwrap_or(HANDSHAKE_FAILURE),
            },
        }
    }
}

/// s2n-tls promises a suite, secrets and a protocol at the end.
const MISSING: HandshakeError = HandshakeError::Internal("TLS changed keys without secrets");
/// The alert where nothing says what is wrong.
const HANDSHAKE_FAILURE: u8 = 40;
