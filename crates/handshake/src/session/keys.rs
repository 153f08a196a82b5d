//! Secrets of each level on their way from TLS to the socket, in the order in which the socket may have them.

use inquic_platform::KeySide;
use inquic_wire::Level;
use rustls::quic::Connection;

use super::{MISSING, Running};
use crate::error::HandshakeError;
use crate::secrets::{Secret, Secrets};
use crate::socket::HandshakeSocket;

impl Running {
    /// Installs the last secret when the peer has proved itself, which completes the handshake.
    //= RFC 9001 §5.7: A server MUST NOT process
    //= incoming 1-RTT protected packets before the TLS handshake is
    //= complete.
    pub(super) fn complete(
        &mut self,
        socket: &mut dyn HandshakeSocket,
    ) -> Result<(), HandshakeError> {
        if self.tls.is_handshaking() {
            return Ok(());
        }
        let Some(open) = self.open_one_rtt.take() else {
            return Ok(());
        };
        self.install(socket, Level::OneRtt, KeySide::Open, &open)?;
        self.complete = true;
        self.read_from(Level::OneRtt)
    }

    /// The secrets that open and seal at a level.
    pub(super) fn by_side(&mut self, level: Level) -> Result<(Secret, Secret), HandshakeError> {
        let Secrets {
            client_early: _,
            client_handshake,
            server_handshake,
            client_traffic,
            server_traffic,
        } = &mut self.secrets;
        let (client, server) = match level {
            Level::OneRtt => (client_traffic, server_traffic),
            Level::Initial | Level::ZeroRtt | Level::Handshake => {
                (client_handshake, server_handshake)
            }
        };
        let client = client.take().ok_or(MISSING)?;
        let server = server.take().ok_or(MISSING)?;
        Ok(match self.tls {
            Connection::Client(_) => (server, client),
            Connection::Server(_) => (client, server),
        })
    }

    pub(super) fn install(
        &self,
        socket: &mut dyn HandshakeSocket,
        level: Level,
        side: KeySide,
        secret: &Secret,
    ) -> Result<(), HandshakeError> {
        let suite = self.suite().ok_or(MISSING)?;
        Ok(socket.install_secret(level, side, suite, secret.as_bytes())?)
    }
}
