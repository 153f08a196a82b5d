//! The handshake of the simulator in arrays, so that it allocates nothing: what has come in; messages, secrets and answers out.

use inquic_engine::{Connection, HandshakeError};
use inquic_platform::{CipherSuite, Instant, KeySide};
use inquic_wire::{Level, Role, Version};

use crate::allocator::engine;

/// Encoded transport parameters.
pub(crate) type Parameters = ([u8; 512], usize);

/// One side of the handshake.
pub(crate) struct Hello {
    role: Role,
    /// What has come at Initial and Handshake level, and how much.
    read: [([u8; 2_048], usize); 2],
    /// The version of the client's first flight for which it has begun.
    began: Option<Version>,
    handshake: bool,
    done: bool,
    /// A client's with 0-RTT: what its server said the last time.
    offers: Option<Parameters>,
    /// What the server said this time.
    pub(crate) heard: Option<Parameters>,
}

impl Hello {
    pub(crate) fn new(role: Role) -> Self {
        Self {
            role,
            read: [([0; 2_048], 0); 2],
            began: None,
            handshake: false,
            done: false,
            offers: None,
            heard: None,
        }
    }

    /// A client's that offers 0-RTT if it remembers its server.
    pub(crate) fn remembering(offers: Option<Parameters>) -> Self {
        Self {
            offers,
            ..Self::new(Role::Client)
        }
    }

    /// Goes on as far as what has come allows.
    pub(crate) fn step(
        &mut self,
        now: Instant,
        connection: &mut Connection,
    ) -> Result<(), HandshakeError> {
        let original = connection.original_version();
        if self.role == Role::Client && self.began != Some(original) {
            // 0-RTT is over when the handshake begins again.
            let offers = self.offers.take().filter(|_| self.began.is_none());
            self.began = Some(original);
            let early = match offers {
                Some(remembered) => self.offer(now, connection, &remembered)?,
                None => false,
            };
            say(connection, Level::Initial, 250, true, early)?;
        }
        let mut buffer = [0; 2_048];
        while let Some((level, count)) = engine(|| connection.handshake_receive(&mut buffer)) {
            let (bytes, len) = &mut self.read[usize::from(level != Level::Initial)];
            if let Some(place) = bytes.get_mut(*len..*len + count) {
                place.copy_from_slice(&buffer[..count]);
                *len += count;
            }
        }
        match self.role {
            Role::Client => self.step_client(now, connection),
            Role::Server => self.step_server(now, connection),
        }
    }

    /// Whether there is 0-RTT: without memory for what is remembered the handshake goes on without it.
    fn offer(
        &self,
        now: Instant,
        connection: &mut Connection,
        (remembered, count): &Parameters,
    ) -> Result<bool, HandshakeError> {
        match engine(|| connection.begin_early_data(&remembered[..*count])) {
            Ok(()) => self
                .install(now, connection, Level::ZeroRtt, KeySide::Seal)
                .map(|()| true),
            Err(HandshakeError::Memory) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn step_client(
        &mut self,
        now: Instant,
        connection: &mut Connection,
    ) -> Result<(), HandshakeError> {
        if !self.handshake && self.take(0).is_some() {
            self.handshake = true;
            self.install(now, connection, Level::Handshake, KeySide::Seal)?;
            self.install(now, connection, Level::Handshake, KeySide::Open)?;
        }
        if self.handshake
            && !self.done
            && let Some((parameters, accepted)) = self.take(1)
        {
            self.done = true;
            self.heard = Some(parameters);
            engine(|| connection.set_early_data_accepted(accepted));
            let parameters = &parameters.0[..parameters.1];
            engine(|| connection.set_peer_transport_parameters(now, parameters))?;
            say(connection, Level::Handshake, 36, false, false)?;
            self.install(now, connection, Level::OneRtt, KeySide::Seal)?;
            self.install(now, connection, Level::OneRtt, KeySide::Open)?;
        }
        Ok(())
    }

    fn step_server(
        &mut self,
        now: Instant,
        connection: &mut Connection,
    ) -> Result<(), HandshakeError> {
        if self.began.is_none()
            && let Some((parameters, offered)) = self.take(0)
        {
            self.began = Some(connection.original_version());
            let parameters = &parameters.0[..parameters.1];
            engine(|| connection.set_peer_transport_parameters(now, parameters))?;
            say(connection, Level::Initial, 90, false, false)?;
            if offered {
                self.install(now, connection, Level::ZeroRtt, KeySide::Open)?;
            }
            self.install(now, connection, Level::Handshake, KeySide::Seal)?;
            self.install(now, connection, Level::Handshake, KeySide::Open)?;
            say(connection, Level::Handshake, 900, true, offered)?;
            self.install(now, connection, Level::OneRtt, KeySide::Seal)?;
        }
        if self.began.is_some() && !self.done && self.take(1).is_some() {
            self.done = true;
            self.install(now, connection, Level::OneRtt, KeySide::Open)?;
        }
        Ok(())
    }

    /// The parameters of a whole message, if it is there, and whether it speaks of 0-RTT.
    fn take(&mut self, level: usize) -> Option<(Parameters, bool)> {
        let (bytes, len) = &mut self.read[level];
        let number = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let early = number(0) & EARLY != 0;
        let (count, padding) = (usize::from(number(0) & !EARLY), usize::from(number(2)));
        let whole = 4 + count + padding;
        if *len < 4 || *len < whole {
            return None;
        }
        let mut parameters = [0; 512];
        parameters[..count].copy_from_slice(&bytes[4..4 + count]);
        bytes.copy_within(whole..*len, 0);
        *len -= whole;
        Some(((parameters, count), early))
    }

    fn install(
        &self,
        now: Instant,
        connection: &mut Connection,
        level: Level,
        side: KeySide,
    ) -> Result<(), HandshakeError> {
        let sender = if side == KeySide::Seal {
            self.role
        } else {
            self.role.peer()
        };
        let suite = CipherSuite::Aes128GcmSha256;
        engine(|| connection.install_secret(now, level, side, suite, &secret(sender, level)))
    }
}

/// The traffic secret of what `sender` sends at `level`: bytes that are nowhere else.
pub(crate) fn secret(sender: Role, level: Level) -> [u8; 32] {
    let which = level.index() as u8 * 2 + u8::from(sender == Role::Client);
    std::array::from_fn(|at| (at as u8).wrapping_mul(37) ^ 0xa5 ^ which)
}

fn say(
    connection: &mut Connection,
    level: Level,
    padding: usize,
    parameters: bool,
    early: bool,
) -> Result<(), HandshakeError> {
    let mut message = [0x5a; 2_048];
    let mut body = [0; 512];
    let count = if parameters {
        engine(|| connection.transport_parameters(&mut body))
    } else {
        0
    };
    let flag = if early { EARLY } else { 0 };
    message[..2].copy_from_slice(&(count as u16 | flag).to_be_bytes());
    message[2..4].copy_from_slice(&(padding as u16).to_be_bytes());
    message[4..4 + count].copy_from_slice(&body[..count]);
    engine(|| connection.handshake_send(level, &message[..4 + count + padding]))
}

/// In the length of the transport parameters: 0-RTT is offered or accepted.
const EARLY: u16 = 0x8000;
