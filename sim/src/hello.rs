//! A handshake without randomness in place of TLS: the same messages at the same levels, of realistic sizes, and the same order of
//! secrets. It authenticates nobody, and is for simulations only.

use inquic_engine::{Connection, HandshakeError};
use inquic_platform::{CipherSuite, Instant, KeySide};
use inquic_wire::{Level, Role, TransportParameters, Version, Writer};

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
            early: Early::Off,
        }
    }

    /// The same with 0-RTT.
    #[must_use]
    pub fn with_early(self, early: Early) -> Self {
        Self { early, ..self }
    }

    /// Goes on as far as the messages that have come allow.
    ///
    /// # Errors
    ///
    /// What the connection answers; it is closing then.
    pub fn step(
        &mut self,
        now: Instant,
        connection: &mut Connection,
    ) -> Result<(), HandshakeError> {
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

    fn step_client(
        &mut self,
        now: Instant,
        connection: &mut Connection,
    ) -> Result<(), HandshakeError> {
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

    fn step_server(
        &mut self,
        now: Instant,
        connection: &mut Connection,
    ) -> Result<(), HandshakeError> {
        if self.began.is_none()
            && let Some((parameters, offered)) = self.take(Level::Initial)
        {
            self.began = Some(connection.original_version());
            connection.set_peer_transport_parameters(now, &parameters)?;
            self.say(connection, Level::Initial, SERVER_HELLO, false, false)?;
            let accepts = offered && matches!(self.early, Early::Accept);
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
    fn say(
        &self,
        connection: &mut Connection,
        level: Level,
        len: usize,
        parameters: bool,
        early: bool,
    ) -> Result<(), HandshakeError> {
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
        message.resize(message.len() + len, 0x5a);
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
        read.drain(..whole);
        Some((parameters, early))
    }

    fn install(
        &self,
        now: Instant,
        connection: &mut Connection,
        level: Level,
    ) -> Result<(), HandshakeError> {
        for side in [KeySide::Seal, KeySide::Open] {
            connection.install_secret(now, level, side, self.suite, &self.secret(side, level))?;
        }
        Ok(())
    }

    /// Both sides know every secret; each differs by level and sender.
    fn secret(&self, side: KeySide, level: Level) -> Vec<u8> {
        let sender = if side == KeySide::Seal {
            self.role
        } else {
            self.role.peer()
        };
        secret(sender, level, self.suite)
    }
}

/// The traffic secret of what `sender` sends at `level`.
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
    message.resize(message.len() + padding, 0x5a);
    message
}

/// In the length of the transport parameters: 0-RTT is offered or accepted.
const EARLY: u16 = 0x8000;
/// Sizes of a handshake with X25519 and a P-256 certificate.
pub(crate) const CLIENT_HELLO: usize = 250;
pub(crate) const SERVER_HELLO: usize = 90;
pub(crate) const FINISHED: usize = 36;
