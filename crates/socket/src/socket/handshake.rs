//! The handshake's socket calls: transport parameters, secrets and messages between whoever runs TLS and the engine.

use inquic_engine::{HandshakeError, KeyUpdateError};
use inquic_platform::{CipherSuite, Instant, KeySide};
use inquic_wire::{Level, Version};

use super::Socket;
use crate::errno::Errno;

impl Socket {
    /// Writes our transport parameters, as the TLS extension has them, into `out`; returns how many bytes they are.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] when they do not fit.
    pub fn transport_parameters(&mut self, out: &mut [u8]) -> Result<usize, Errno> {
        match self.connection_mut().transport_parameters(out) {
            0 => Err(Errno::EINVAL),
            bytes => Ok(bytes),
        }
    }

    /// Takes the peer's transport parameters.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] when they break a rule; the connection is then closing.
    pub fn set_peer_transport_parameters(
        &mut self,
        now: Instant,
        bytes: &[u8],
    ) -> Result<(), Errno> {
        Ok(self
            .connection_mut()
            .set_peer_transport_parameters(now, bytes)?)
    }

    /// The version in use.
    #[must_use]
    pub fn version(&self) -> Version {
        self.connection().version()
    }

    /// The version of the client's first flight. When it changes before anything came of the server, a client's handshake
    /// begins again.
    #[must_use]
    pub fn original_version(&self) -> Version {
        self.connection().original_version()
    }

    /// A client's ticket allows 0-RTT: takes the encoded transport parameters of the server that gave it. The secret follows.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] at a server, too late, or when the parameters are none.
    pub fn begin_early_data(&mut self, remembered: &[u8]) -> Result<(), Errno> {
        Ok(self.connection_mut().begin_early_data(remembered)?)
    }

    /// Whether the server takes a client's 0-RTT packets. Told before the server's transport parameters are.
    pub fn set_early_data_accepted(&mut self, accepted: bool) {
        self.connection_mut().set_early_data_accepted(accepted);
    }

    /// Installs a traffic secret.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] for a level or length that does not fit.
    pub fn install_secret(
        &mut self,
        now: Instant,
        level: Level,
        side: KeySide,
        suite: CipherSuite,
        secret: &[u8],
    ) -> Result<(), Errno> {
        Ok(self
            .connection_mut()
            .install_secret(now, level, side, suite, secret)?)
    }

    /// Sends handshake messages.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] when the level is over or carries none, [`Errno::EAGAIN`] when too many wait, [`Errno::ENOMEM`]. Nothing of it
    /// is taken then.
    pub fn handshake_send(&mut self, level: Level, bytes: &[u8]) -> Result<(), Errno> {
        Ok(self.connection_mut().handshake_send(level, bytes)?)
    }

    /// The next handshake bytes of the peer, of one level.
    pub fn handshake_receive(&mut self, out: &mut [u8]) -> Option<(Level, usize)> {
        // If there is more, the engine tells it anew.
        self.handshake_waits = false;
        self.connection_mut().handshake_receive(out)
    }

    /// Whether handshake messages of the peer wait.
    #[must_use]
    pub const fn handshake_waits(&self) -> bool {
        self.handshake_waits
    }

    /// Whether there are keys to send packets of a level with.
    #[must_use]
    pub fn can_send(&self, level: Level) -> bool {
        self.connection().can_send(level)
    }

    /// Closes with CRYPTO_ERROR 0x0100 + `alert`.
    pub fn fail_handshake(&mut self, now: Instant, alert: u8) {
        self.connection_mut().fail_handshake(now, alert);
    }

    /// The peer's handshake messages break a rule of QUIC and none of TLS: closes the connection with PROTOCOL_VIOLATION.
    pub fn refuse_handshake(&mut self, now: Instant) {
        self.connection_mut().refuse_handshake(now);
    }

    /// Begins a key update.
    ///
    /// # Errors
    ///
    /// [`Errno::EPIPE`] before the handshake is complete or after the end, [`Errno::EINVAL`] while one is under way, [`Errno::ENOMEM`].
    pub fn key_update(&mut self, now: Instant) -> Result<(), Errno> {
        if !self.is_established() {
            return Err(Errno::EPIPE);
        }
        let begun = self.connection_mut().initiate_key_update(now);
        begun.map_err(|error| match error {
            KeyUpdateError::NotNow => Errno::EINVAL,
            KeyUpdateError::Memory => Errno::ENOMEM,
        })
    }
}

impl From<HandshakeError> for Errno {
    fn from(error: HandshakeError) -> Self {
        crate::errno::of_handshake(error)
    }
}
