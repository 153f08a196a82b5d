//! A handshake without randomness in place of TLS: the same messages at the same levels, of realistic sizes, and the same order of
//! secrets. It authenticates nobody, and is for simulations only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use inquic_engine::{Connection, HandshakeError};
use inquic_platform::{CipherSuite, Instant, KeySide};
use inquic_socket::{Errno, Socket};
use inquic_wire::{Level, Role, TransportParameters, Version, Writer};

/// Whoever a handshake is made for: a connection of the engine, or a socket.
pub trait Shaking {
    /// Why something was refused.
    type Error;

    /// The version of the client's first packet.
    fn original_version(&self) -> Version;

    /// Writes our transport parameters; how many bytes they are.
    fn transport_parameters(&mut self, out: &mut [u8]) -> usize;

    /// Takes the peer's transport parameters.
    ///
    /// # Errors
    ///
    /// They break a rule; the connection is closing then.
    fn set_peer_transport_parameters(
        &mut self,
        now: Instant,
        bytes: &[u8],
    ) -> Result<(), Self::Error>;

    /// Begins to send 0-RTT by what is remembered of the server.
    ///
    /// # Errors
    ///
    /// At a wrong time, or what is remembered makes no sense.
    fn begin_early_data(&mut self, remembered: &[u8]) -> Result<(), Self::Error>;

    /// Takes note of whether 0-RTT was accepted.
    fn set_early_data_accepted(&mut self, accepted: bool);

    /// Installs a traffic secret.
    ///
    /// # Errors
    ///
    /// At a wrong time, or of a wrong length.
    fn install_secret(
        &mut self,
        now: Instant,
        level: Level,
        side: KeySide,
        suite: CipherSuite,
        secret: &[u8],
    ) -> Result<(), Self::Error>;

    /// Sends handshake messages.
    ///
    /// # Errors
    ///
    /// At a level that is over, or too many.
    fn handshake_send(&mut self, level: Level, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Takes handshake messages of the peer.
    fn handshake_receive(&mut self, out: &mut [u8]) -> Option<(Level, usize)>;
}

macro_rules! shaking {
    ($who:ty, $error:ty, $parameters:expr) => {
        impl Shaking for $who {
            type Error = $error;

            fn original_version(&self) -> Version {
                self.original_version()
            }

            fn transport_parameters(&mut self, out: &mut [u8]) -> usize {
                $parameters(self, out)
            }

            fn set_peer_transport_parameters(
                &mut self,
                now: Instant,
                bytes: &[u8],
            ) -> Result<(), Self::Error> {
                self.set_peer_transport_parameters(now, bytes)
            }

            fn begin_early_data(&mut self, remembered: &[u8]) -> Result<(), Self::Error> {
                self.begin_early_data(remembered)
            }

            fn set_early_data_accepted(&mut self, accepted: bool) {
                self.set_early_data_accepted(accepted);
            }

            fn install_secret(
                &mut self,
                now: Instant,
                level: Level,
                side: KeySide,
                suite: CipherSuite,
                secret: &[u8],
            ) -> Result<(), Self::Error> {
                self.install_secret(now, level, side, suite, secret)
            }

            fn handshake_send(&mut self, level: Level, bytes: &[u8]) -> Result<(), Self::Error> {
                self.handshake_send(level, bytes)
            }

            fn handshake_receive(&mut self, out: &mut [u8]) -> Option<(Level, usize)> {
                self.handshake_receive(out)
            }
        }
    };
}

shaking!(Connection, HandshakeError, Self::transport_parameters);
shaking!(Socket, Errno, |socket: &mut Self, out: &mut [u8]| socket
    .transport_parameters(out)
    .unwrap_or(0));

impl Early {
    /// A server that accepts once under each name.
    #[must_use]
    pub fn once() -> Self {
        Self::AcceptOnce((0..=u8::MAX).map(|_| AtomicBool::new(false)).collect())
    }

    fn accepts(&self, name: Option<u8>) -> bool {
        match self {
            Self::Accept => true,
            Self::AcceptOnce(used) => {
                name.is_some_and(|name| !used[usize::from(name)].swap(true, Ordering::Relaxed))
            }
            Self::Off | Self::Offer(_) => false,
        }
    }
}

/// One side of the handshake.
#[derive(Debug)]
pub struct Hello {
    role: Role,
    suite: CipherSuite,
    /// Bytes of the server's certificate message.
    certificate: usize,
    read: [Vec<u8>; 4],
    /// The version of the client's first flight for which it has begun.
    began: Option<Version>,
    handshake: bool,
    done: bool,
    /// What the padding of messages is made of, and what the peer's is: a name for the connection that both ends know.
    name: u8,
    peer_name: Option<u8>,
    early: Early,
}

/// What a side does about 0-RTT.
#[derive(Clone, Debug, Default)]
pub enum Early {
    /// Nothing.
    #[default]
    Off,
    /// A client that remembers these transport parameters of the server.
    Offer(Vec<u8>),
    /// A server that accepts what is offered.
    Accept,
    /// A server that accepts once what is offered under each name, as one does that keeps the sessions of its tickets.
    AcceptOnce(Arc<[AtomicBool]>),
}

impl Hello {
    /// A side of the handshake that has not begun.
    #[must_use]
    pub fn new(role: Role, suite: CipherSuite, certificate: usize) -> Self {
        Self {
            role,
            suite,
            certificate,
            read: Default::default(),
            began: None,
            handshake: false,
            done: false,
            name: PADDING,
            peer_name: None,
            early: Early::Off,
        }
    }

    /// The same with 0-RTT.
    #[must_use]
    pub fn with_early(self, early: Early) -> Self {
        Self { early, ..self }
    }

    /// The same under a name, which the peer hears of.
    #[must_use]
    pub const fn named(mut self, name: u8) -> Self {
        self.name = name;
        self
    }

    /// The name in the peer's messages.
    #[must_use]
    pub const fn peer_name(&self) -> Option<u8> {
        self.peer_name
    }

    /// Bytes of heap that it holds.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let remembered = match &self.early {
            Early::Offer(remembered) => remembered.capacity(),
            Early::Off | Early::Accept | Early::AcceptOnce(_) => 0,
        };
        self.read.iter().map(Vec::capacity).sum::<usize>() + remembered
    }

    /// Goes on as far as the messages that have come allow.
    ///
    /// # Errors
    ///
    /// What the connection answers; it is closing then.
    pub fn step<C: Shaking>(&mut self, now: Instant, connection: &mut C) -> Result<(), C::Error> {
        let mut buffer = [0; 2048];
        let original = connection.original_version();
        if self.role == Role::Client && self.began != Some(original) {
            // 0-RTT is over when the handshake begins again.
            let early = self.began.is_none();
            self.began = Some(original);
            let offers = if let (Early::Offer(remembered), true) = (&self.early, early) {
                connection.begin_early_data(remembered)?;
                let seal = self.secret(KeySide::Seal, Level::ZeroRtt);
                connection.install_secret(now, Level::ZeroRtt, KeySide::Seal, self.suite, &seal)?;
                true
            } else {
                false
            };
            self.say(connection, Level::Initial, CLIENT_HELLO, true, offers)?;
        }
        while let Some((level, count)) = connection.handshake_receive(&mut buffer) {
            self.read[level.index()].extend_from_slice(&buffer[..count]);
        }
        match self.role {
            Role::Client => self.step_client(now, connection),
            Role::Server => self.step_server(now, connection),
        }
    }

    fn step_client<C: Shaking>(
        &mut self,
        now: Instant,
        connection: &mut C,
    ) -> Result<(), C::Error> {
        if !self.handshake && self.take(Level::Initial).is_some() {
            self.handshake = true;
            self.install(now, connection, Level::Handshake)?;
        }
        if self.handshake
            && !self.done
            && let Some((parameters, accepted)) = self.take(Level::Handshake)
        {
            self.done = true;
            connection.set_early_data_accepted(accepted);
            connection.set_peer_transport_parameters(now, &parameters)?;
            self.say(connection, Level::Handshake, FINISHED, false, false)?;
            self.install(now, connection, Level::OneRtt)?;
        }
        Ok(())
    }

    fn step_server<C: Shaking>(
        &mut self,
        now: Instant,
        connection: &mut C,
    ) -> Result<(), C::Error> {
        if self.began.is_none()
            && let Some((parameters, offered)) = self.take(Level::Initial)
        {
            self.began = Some(connection.original_version());
            connection.set_peer_transport_parameters(now, &parameters)?;
            self.say(connection, Level::Initial, SERVER_HELLO, false, false)?;
            let accepts = offered && self.early.accepts(self.peer_name);
            if accepts {
                let open = self.secret(KeySide::Open, Level::ZeroRtt);
                connection.install_secret(now, Level::ZeroRtt, KeySide::Open, self.suite, &open)?;
            }
            self.install(now, connection, Level::Handshake)?;
            self.say(
                connection,
                Level::Handshake,
                self.certificate,
                true,
                accepts,
            )?;
            let seal = self.secret(KeySide::Seal, Level::OneRtt);
            connection.install_secret(now, Level::OneRtt, KeySide::Seal, self.suite, &seal)?;
        }
        if self.began.is_some() && !self.done && self.take(Level::Handshake).is_some() {
            self.done = true;
            let open = self.secret(KeySide::Open, Level::OneRtt);
            connection.install_secret(now, Level::OneRtt, KeySide::Open, self.suite, &open)?;
        }
        Ok(())
    }

    /// Sends a message of `len` bytes of padding behind its length and, if asked, our transport parameters.
    fn say<C: Shaking>(
        &self,
        connection: &mut C,
        level: Level,
        len: usize,
        parameters: bool,
        early: bool,
    ) -> Result<(), C::Error> {
        let mut body = [0; 512];
        let count = if parameters {
            connection.transport_parameters(&mut body)
        } else {
            0
        };
        let mut message = Vec::with_capacity(len + count + 4);
        let flag = if early { EARLY } else { 0 };
        message.extend_from_slice(&(count as u16 | flag).to_be_bytes());
        message.extend_from_slice(&(len as u16).to_be_bytes());
        message.extend_from_slice(&body[..count]);
        message.resize(message.len() + len, self.name);
        connection.handshake_send(level, &message)
    }

    /// A whole message of the peer, if it is there: the transport parameters in it, and whether it speaks of 0-RTT.
    fn take(&mut self, level: Level) -> Option<(Vec<u8>, bool)> {
        let read = &mut self.read[level.index()];
        let (head, _) = read.split_at_checked(4)?;
        let count = u16::from_be_bytes([head[0], head[1]]);
        let early = count & EARLY != 0;
        let count = usize::from(count & !EARLY);
        let whole = 4 + count + usize::from(u16::from_be_bytes([head[2], head[3]]));
        if read.len() < whole {
            return None;
        }
        let parameters = read[4..4 + count].to_vec();
        self.peer_name = self
            .peer_name
            .or_else(|| read[4 + count..whole].first().copied());
        read.drain(..whole);
        Some((parameters, early))
    }

    fn install<C: Shaking>(
        &self,
        now: Instant,
        connection: &mut C,
        level: Level,
    ) -> Result<(), C::Error> {
        for side in [KeySide::Seal, KeySide::Open] {
            connection.install_secret(now, level, side, self.suite, &self.secret(side, level))?;
        }
        Ok(())
    }

    /// Both sides know every secret; each differs by level and sender, and after the hello by what the server is named, as keys do by
    /// what is random in it: what one connection of a server sent is never another's.
    fn secret(&self, side: KeySide, level: Level) -> Vec<u8> {
        let sender = if side == KeySide::Seal {
            self.role
        } else {
            self.role.peer()
        };
        let mut secret = secret(sender, level, self.suite);
        if level != Level::ZeroRtt {
            let server = match self.role {
                Role::Server => self.name,
                Role::Client => self.peer_name.unwrap_or(PADDING),
            };
            secret[1] ^= server ^ PADDING;
        }
        secret
    }
}

/// The traffic secret of what `sender` sends at `level`, to or from a server without a name.
pub(crate) fn secret(sender: Role, level: Level, suite: CipherSuite) -> Vec<u8> {
    vec![level.index() as u8 * 2 + u8::from(sender == Role::Client); suite.hash_len()]
}

/// A message of `padding` bytes behind transport parameters, if there are any.
pub(crate) fn message(parameters: Option<&TransportParameters>, padding: usize) -> Vec<u8> {
    let mut body = [0; 512];
    let mut writer = Writer::new(&mut body);
    if let Some(parameters) = parameters {
        parameters.encode(&mut writer).expect("they fit");
    }
    let count = writer.position();
    framed(&body[..count], padding)
}

fn framed(parameters: &[u8], padding: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(parameters.len() + padding + 4);
    message.extend_from_slice(&(parameters.len() as u16).to_be_bytes());
    message.extend_from_slice(&(padding as u16).to_be_bytes());
    message.extend_from_slice(parameters);
    message.resize(message.len() + padding, PADDING);
    message
}

/// In the length of the transport parameters: 0-RTT is offered or accepted.
const EARLY: u16 = 0x8000;
/// What messages are padded with when nobody cares.
const PADDING: u8 = 0x5a;
/// Sizes of a handshake with X25519 and a P-256 certificate.
pub(crate) const CLIENT_HELLO: usize = 250;
pub(crate) const SERVER_HELLO: usize = 90;
pub(crate) const FINISHED: usize = 36;
