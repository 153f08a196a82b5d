//! 0-RTT in a handshake (RFC 9001 §4.6): the secret that TLS makes of a ticket comes in, and goes out to the socket when both
//! ends want it.

use inquic_platform::KeySide;
use inquic_wire::Level;

use super::{Running, Session};
use crate::client::ClientConfig;
use crate::error::{ConfigError, HandshakeError};
use crate::secrets::Secret;
use crate::socket::HandshakeSocket;

impl Session {
    /// The client's side with 0-RTT, if a ticket allows it. With more than one application protocol it never does.
    ///
    /// # Errors
    ///
    /// As [`Session::client`].
    pub fn client_early(config: &ClientConfig, server_name: &str) -> Result<Self, ConfigError> {
        let tls = config.early.as_ref().unwrap_or(&config.tls).clone();
        let early = ClientConfig {
            tls,
            ..config.clone()
        };
        Self::client(&early, server_name)
    }
}

impl Running {
    /// A client whose ticket allows 0-RTT begins with it.
    pub(super) fn offer_early(
        &mut self,
        socket: &mut dyn HandshakeSocket,
    ) -> Result<(), HandshakeError> {
        let Some(secret) = self.early_secret() else {
            return Ok(());
        };
        let remembered = self.tls.quic_transport_parameters();
        if remembered.is_some_and(|remembered| socket.begin_early_data(remembered).is_ok()) {
            self.early = true;
            self.install(socket, Level::ZeroRtt, KeySide::Seal, &secret)?;
        }
        Ok(())
    }

    /// A server that takes what a client offered opens it.
    pub(super) fn accept_early(
        &mut self,
        socket: &mut dyn HandshakeSocket,
    ) -> Result<(), HandshakeError> {
        if !self.early
            && let Some(secret) = self.early_secret()
        {
            self.early = true;
            self.install(socket, Level::ZeroRtt, KeySide::Open, &secret)?;
        }
        Ok(())
    }

    /// The secret of 0-RTT, if there is any: TLS makes one for every ticket.
    fn early_secret(&mut self) -> Option<Secret> {
        let secret = self.secrets.client_early.take();
        secret.filter(|_| self.tls.zero_rtt_keys().is_some())
    }
}
