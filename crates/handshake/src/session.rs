//! One handshake: bytes of the peer come in from a socket, our bytes, the peer's transport parameters and traffic secrets go
//! out to it. It never hands out a secret before the bytes of the level below have left, nor takes bytes of a level that ended.

mod early;
mod keys;
#[cfg(feature = "psk")]
mod shared;
mod told;

use std::sync::Arc;

use inquic_platform::{CipherSuite, KeySide};
use inquic_wire::{EARLY_LIMITS, Level, Version};
use rustls::HandshakeKind;
use rustls::pki_types::ServerName;
use rustls::quic::{self, ClientConnection, Connection, KeyChange, ServerConnection};

use crate::client::ClientConfig;
use crate::error::{ConfigError, HandshakeError};
use crate::framing::{self, Framing, Offence};
use crate::greeting::{SESSION_ID_LEN_AT, parameters_in, whole_hello};
use crate::info::HandshakeInfo;
use crate::limits::{HANDSHAKE_BYTES, RECEIVE_BYTES, TRANSPORT_PARAMETERS_BYTES};
use crate::secrets::{Secret, Secrets, collect};
use crate::server::ServerConfig;
use crate::sessions::{limits_of, with_parameters};
use crate::socket::HandshakeSocket;
use crate::suites::KeyExchange;
use crate::tickets::{Versions, within};

/// The TLS side of one connection.
pub struct Session {
    state: State,
    info: Option<Box<HandshakeInfo>>,
}

/// How far a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It waits for bytes of the peer.
    Pending,
    /// Both ends have proved themselves, and all secrets are installed.
    Complete,
}

enum State {
    /// No message left or came.
    New(Start),
    /// TLS is at work, before the end of the handshake or, at a client, for tickets after it.
    Running(Box<Running>),
    /// A handshake by pre-shared keys, until it is complete.
    #[cfg(feature = "psk")]
    Shared(Box<crate::psk::Shared>),
    /// Complete, and TLS put away; the peer has nothing to say any more but what `permits` says.
    Idle {
        framing: Framing,
        permits: fn(u8) -> bool,
    },
    Failed,
}

#[derive(Clone)]
enum Start {
    Client(Client, ServerName<'static>),
    /// With what came of the ClientHello: TLS gets it when it is whole and our parameters are known, which depend on it.
    Server(ServerConfig, Vec<u8>),
}

/// How a client begins.
#[derive(Clone)]
struct Client {
    tls: Arc<rustls::ClientConfig>,
    resumes: bool,
}

struct Running {
    tls: Connection,
    /// How a client begins again, until anything came of the server.
    again: Option<Start>,
    /// The version of the client's first flight.
    original: Version,
    /// The name that a client asked for.
    name: Option<String>,
    /// Whether tickets are to be taken after the handshake.
    resumes: bool,
    /// Where our next bytes go.
    write: Level,
    /// Where the peer's next bytes must come from, and how far they have come.
    read: Level,
    framing: Framing,
    /// Handshake bytes of the peer so far.
    received: usize,
    secrets: Secrets,
    /// What opens 1-RTT packets, held back until the handshake is complete.
    open_one_rtt: Option<Secret>,
    told_parameters: bool,
    /// What a server has told of the client's parameters before TLS had them.
    foretold: Option<Vec<u8>>,
    /// Whether 0-RTT was offered by this client, or accepted by this server.
    early: bool,
    /// The limits in a server's own transport parameters.
    limits: [u64; EARLY_LIMITS],
    complete: bool,
}

impl Session {
    /// The client's side, towards a server of this DNS name or IP address.
    ///
    /// # Errors
    ///
    /// [`ConfigError::ServerName`] when the name is neither.
    pub fn client(config: &ClientConfig, server_name: &str) -> Result<Self, ConfigError> {
        let name = ServerName::try_from(server_name.to_owned())
            .map_err(|_| ConfigError::ServerName(server_name.to_owned()))?;
        let client = Client {
            tls: config.tls.clone(),
            resumes: config.resumes,
        };
        Ok(Self::new(Start::Client(client, name)))
    }

    /// The server's side.
    #[must_use]
    pub fn server(config: &ServerConfig) -> Self {
        Self::new(Start::Server(config.clone(), Vec::new()))
    }

    /// Does all that can be done now: takes the bytes that wait in the socket, gives it ours and the secrets.
    ///
    /// After [`Progress::Complete`] it is called when handshake bytes wait, to take tickets.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`]; the socket was then told the alert or the violation, if it is one, and the session does nothing any
    /// more.
    pub fn step(&mut self, socket: &mut dyn HandshakeSocket) -> Result<Progress, HandshakeError> {
        self.advance(socket).inspect_err(|error| {
            if error.is_violation() {
                socket.refuse();
            } else if let Some(alert) = error.alert() {
                socket.fail(alert);
            }
            self.state = State::Failed;
        })
    }

    /// What was agreed on, once the handshake is complete.
    #[must_use]
    pub fn info(&self) -> Option<&HandshakeInfo> {
        self.info.as_deref()
    }

    /// Whether the handshake is complete and the peer has nothing to send that is of use: a server then, and a client that
    /// takes no tickets, may be dropped and its handshake bytes ignored.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Idle { .. })
    }

    /// The tickets that a client has received.
    #[must_use]
    pub fn tickets_received(&self) -> u32 {
        match &self.state {
            State::Running(running) => match &running.tls {
                Connection::Client(client) => client.tls13_tickets_received(),
                Connection::Server(_) => 0,
            },
            _ => 0,
        }
    }

    const fn new(start: Start) -> Self {
        Self {
            state: State::New(start),
            info: None,
        }
    }

    fn advance(&mut self, socket: &mut dyn HandshakeSocket) -> Result<Progress, HandshakeError> {
        #[cfg(feature = "psk")]
        if !self.advance_shared(socket)? {
            return Ok(Progress::Pending);
        }
        self.begin(socket)?;
        let mut buffer = [0; RECEIVE_BYTES];
        while let Some((level, len)) = socket.receive(&mut buffer)? {
            let bytes = buffer.get(..len);
            let bytes = bytes.ok_or(HandshakeError::Internal("the socket overran its buffer"))?;
            match &mut self.state {
                State::Running(running) => {
                    running.take(socket, level, bytes)?;
                    self.put_away();
                }
                State::New(Start::Server(config, hello)) => {
                    if let Some(hello) = whole_hello(hello, level, bytes)? {
                        let config = config.clone();
                        self.state = State::Running(greet(socket, config, level, &hello)?);
                    }
                }
                State::Idle { framing, permits } if level == Level::OneRtt => {
                    framing.pass(bytes, *permits)?;
                }
                State::Idle { .. } => return Err(HandshakeError::UnexpectedBytes),
                _ => return Err(HandshakeError::Ended),
            }
        }
        match &self.state {
            State::Running(running) if !running.complete => Ok(Progress::Pending),
            State::New(Start::Server(..)) => Ok(Progress::Pending),
            State::Running(_) | State::Idle { .. } => Ok(Progress::Complete),
            _ => Err(HandshakeError::Ended),
        }
    }

    /// Sends a client's first message, or another one when a Version Negotiation packet has asked for it.
    fn begin(&mut self, socket: &mut dyn HandshakeSocket) -> Result<(), HandshakeError> {
        let start = match &mut self.state {
            State::New(start @ Start::Client(..)) => start.clone(),
            State::Running(running) if running.original != socket.original_version() => {
                match running.again.take() {
                    Some(start) => start,
                    None => return Ok(()),
                }
            }
            _ => return Ok(()),
        };
        let mut running = Box::new(Running::new(start, socket, None)?);
        running.flush(socket)?;
        self.state = State::Running(running);
        Ok(())
    }

    /// Keeps what was agreed on when the handshake is complete, and gives TLS back if nothing more is to come: an idle
    /// connection of a server holds no TLS state.
    fn put_away(&mut self) {
        let State::Running(running) = &mut self.state else {
            return;
        };
        if !running.complete {
            return;
        }
        if self.info.is_none() {
            self.info = running.info().map(Box::new);
        }
        let permits = match running.tls {
            Connection::Server(_) => framing::nothing,
            Connection::Client(_) if running.resumes => return,
            Connection::Client(_) => framing::ticket,
        };
        self.state = State::Idle {
            framing: std::mem::take(&mut running.framing),
            permits,
        };
    }
}

impl Running {
    fn new(
        start: Start,
        socket: &mut dyn HandshakeSocket,
        foretold: Option<Vec<u8>>,
    ) -> Result<Self, HandshakeError> {
        let mut parameters = [0; TRANSPORT_PARAMETERS_BYTES];
        let len = socket.transport_parameters(&mut parameters)?;
        let parameters = parameters.get(..len);
        let parameters =
            parameters.ok_or(HandshakeError::Internal("the socket overran its buffer"))?;
        let parameters = parameters.to_vec();
        let limits = limits_of(&parameters);
        let mut secrets = Secrets::default();
        let versions = Versions::of(socket);
        // rustls derives packet keys by it, and they are not used.
        let any = quic::Version::V1;
        let (tls, name, resumes) = match &start {
            Start::Client(config, name) => {
                let text = name.to_str().into_owned();
                let (tls, name) = (config.tls.clone(), name.clone());
                let tls = within(versions, || {
                    collect(&mut secrets, || {
                        ClientConnection::new(tls, any, name, parameters)
                    })
                });
                (tls.map(Connection::Client), Some(text), config.resumes)
            }
            Start::Server(config, _) => {
                let tls = ServerConnection::new(config.tls.clone(), any, parameters);
                (tls.map(Connection::Server), None, false)
            }
        };
        let mut running = Self {
            again: matches!(start, Start::Client(..)).then_some(start),
            original: versions.original,
            tls: tls.map_err(|cause| HandshakeError::from_tls(cause, Some(80), name.as_deref()))?,
            name,
            resumes,
            write: Level::Initial,
            read: Level::Initial,
            framing: Framing::default(),
            received: 0,
            secrets,
            open_one_rtt: None,
            told_parameters: foretold.is_some(),
            foretold,
            early: false,
            limits,
            complete: false,
        };
        running.offer_early(socket)?;
        Ok(running)
    }

    /// Takes bytes of the peer.
    fn take(
        &mut self,
        socket: &mut dyn HandshakeSocket,
        level: Level,
        bytes: &[u8],
    ) -> Result<(), HandshakeError> {
        //= RFC 9001 §4.1.3: If the packet is from a previously installed encryption level, it
        //= MUST NOT contain data that extends past the end of previously
        //= received data in that flow.
        if level != self.read {
            return Err(HandshakeError::UnexpectedBytes);
        }
        if !self.complete {
            //= RFC 9001 §8.4: A server SHOULD treat the receipt of a
            //= TLS ClientHello with a non-empty legacy_session_id field as a
            //= connection error of type PROTOCOL_VIOLATION.
            let identifier = SESSION_ID_LEN_AT.checked_sub(self.received);
            let identifier = identifier.and_then(|at| bytes.get(at));
            if matches!(self.tls, Connection::Server(_)) && identifier.is_some_and(|len| *len > 0) {
                return Err(HandshakeError::CompatibilityMode);
            }
            self.received = self.received.saturating_add(bytes.len());
            if self.received > HANDSHAKE_BYTES {
                return Err(HandshakeError::TooManyBytes);
            }
        }
        let permits = match self.tls {
            Connection::Client(_) if self.complete => framing::no_request,
            _ => framing::any,
        };
        let passed = self.framing.pass(bytes, permits);
        if let Err(Offence::TooLong(before)) = passed {
            // The first message that is wrong is told of, however the bytes are cut.
            self.read(socket, bytes.get(..before).unwrap_or(bytes))?;
        }
        passed?;
        self.read(socket, bytes)
    }

    /// Lets TLS read bytes of the peer, and does what follows from them.
    fn read(
        &mut self,
        socket: &mut dyn HandshakeSocket,
        bytes: &[u8],
    ) -> Result<(), HandshakeError> {
        self.again = None;
        let Self {
            tls,
            secrets,
            limits,
            ..
        } = self;
        let read = within(Versions::of(socket), || {
            with_parameters(limits, || collect(secrets, || tls.read_hs(bytes)))
        });
        read.map_err(|cause| {
            let alert = self.tls.alert().map(u8::from);
            HandshakeError::from_tls(cause, alert, self.name.as_deref())
        })?;
        if matches!(self.tls, Connection::Server(_)) {
            self.tell_parameters(socket)?;
            self.accept_early(socket)?;
        }
        self.flush(socket)
    }

    fn tell_parameters(&mut self, socket: &mut dyn HandshakeSocket) -> Result<(), HandshakeError> {
        if let (Some(parameters), Some(told)) =
            (self.tls.quic_transport_parameters(), self.foretold.take())
            && parameters != told
        {
            return Err(HandshakeError::ParametersChanged);
        }
        if !self.told_parameters
            && let Some(parameters) = self.tls.quic_transport_parameters()
        {
            // A server found none in the ClientHello. rustls also takes those under the extension's number in the drafts.
            if matches!(self.tls, Connection::Server(_)) {
                return Err(HandshakeError::NoTransportParameters);
            }
            socket.set_peer_transport_parameters(parameters)?;
            self.told_parameters = true;
        }
        Ok(())
    }

    /// Gives the socket all that TLS has for it: at each change of keys first the bytes of the old level, then the secrets.
    fn flush(&mut self, socket: &mut dyn HandshakeSocket) -> Result<(), HandshakeError> {
        self.complete(socket)?;
        let mut bytes = Vec::new();
        loop {
            let tls = &mut self.tls;
            let change = within(Versions::of(socket), || tls.write_hs(&mut bytes));
            if matches!(change, Some(KeyChange::OneRtt { .. })) {
                if let (true, Connection::Client(client)) = (self.early, &self.tls) {
                    socket.set_early_data_accepted(client.is_early_data_accepted());
                }
                // Until the server has answered, a client that resumes has only those of the ticket.
                self.tell_parameters(socket)?;
            }
            if !bytes.is_empty() {
                socket.send(self.write, &bytes)?;
                bytes.clear();
            }
            match change {
                Some(KeyChange::Handshake { .. }) => {
                    let (open, seal) = self.by_side(Level::Handshake)?;
                    // What waits is opened at once, and a peer that breaks a rule there has put the Initial keys away: it is told under
                    // the new ones.
                    self.install(socket, Level::Handshake, KeySide::Seal, &seal)?;
                    self.install(socket, Level::Handshake, KeySide::Open, &open)?;
                    self.write = Level::Handshake;
                    self.read_from(Level::Handshake)?;
                }
                Some(KeyChange::OneRtt { .. }) => {
                    let (open, seal) = self.by_side(Level::OneRtt)?;
                    self.install(socket, Level::OneRtt, KeySide::Seal, &seal)?;
                    self.write = Level::OneRtt;
                    self.open_one_rtt = Some(open);
                    self.complete(socket)?;
                }
                None => return Ok(()),
            }
        }
    }

    /// The peer's bytes come from another level from now on.
    //= RFC 9001 §4.1.3: When TLS
    //= provides keys for a higher encryption level, if there is data from
    //= a previous encryption level that TLS has not consumed, this MUST
    //= be treated as a connection error of type PROTOCOL_VIOLATION.
    fn read_from(&mut self, level: Level) -> Result<(), HandshakeError> {
        if !self.framing.is_between_messages() {
            return Err(HandshakeError::UnexpectedBytes);
        }
        self.read = level;
        Ok(())
    }

    fn suite(&self) -> Option<CipherSuite> {
        let suite = self.tls.negotiated_cipher_suite()?;
        CipherSuite::from_tls(u16::from(suite.suite()))
    }

    fn info(&self) -> Option<HandshakeInfo> {
        let kind = self.tls.handshake_kind();
        let group = self.tls.negotiated_key_exchange_group();
        Some(HandshakeInfo {
            alpn: self.tls.alpn_protocol()?.to_vec(),
            cipher_suite: self.suite()?,
            key_exchange: group.and_then(|group| KeyExchange::from_named_group(group.name())),
            resumed: kind == Some(HandshakeKind::Resumed),
            retried: kind == Some(HandshakeKind::FullWithHelloRetryRequest),
            server_name: match &self.tls {
                Connection::Client(_) => self.name.clone(),
                Connection::Server(server) => server.server_name().map(str::to_owned),
            },
            peer_has_certificate: self.tls.peer_certificates().is_some(),
            shared_key: None,
        })
    }
}

/// Begins a server's handshake: the socket is told the parameters in the ClientHello, on which ours depend, and TLS begins.
fn greet(
    socket: &mut dyn HandshakeSocket,
    config: ServerConfig,
    level: Level,
    hello: &[u8],
) -> Result<Box<Running>, HandshakeError> {
    let foretold = parameters_in(hello).map(<[u8]>::to_vec);
    if let Some(parameters) = &foretold {
        socket.set_peer_transport_parameters(parameters)?;
    }
    let start = Start::Server(config, Vec::new());
    let mut running = Box::new(Running::new(start, socket, foretold)?);
    running.take(socket, level, hello)?;
    Ok(running)
}

/// What an idle connection keeps for us, and the agreement behind a pointer.
const _: () = assert!(size_of::<Session>() <= 56);

/// rustls promises a suite and its secrets at each change of keys.
const MISSING: HandshakeError = HandshakeError::Internal("TLS changed keys without secrets");
