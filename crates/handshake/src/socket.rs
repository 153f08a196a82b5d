//! The socket calls that a handshake makes, as a trait. It says what each call must do and does nothing itself.

use std::io;

use inquic_platform::{CipherSuite, KeySide};
use inquic_wire::{Level, Version};

use crate::limits::TRANSPORT_PARAMETERS_BYTES;

/// The socket calls a handshake needs; a kernel socket and a socket of the process both fill it in.
pub trait HandshakeSocket {
    /// Writes our encoded transport parameters to `out` and says how many bytes they are (`getsockopt`,
    /// `TRANSPORT_PARAM_EXT`). Asked once for each first message; by a server after it has told those of the client.
    ///
    /// # Errors
    ///
    /// What the socket says.
    fn transport_parameters(
        &mut self,
        out: &mut [u8; TRANSPORT_PARAMETERS_BYTES],
    ) -> io::Result<usize>;

    /// Takes the peer's encoded transport parameters (`setsockopt`, `TRANSPORT_PARAM_EXT`). Told once, by a server as soon
    /// as the ClientHello is there, by a client when the server has answered; they are authentic only when the handshake is
    /// complete.
    ///
    /// # Errors
    ///
    /// What the socket says, and an error when it refuses them: it then closes the connection itself.
    fn set_peer_transport_parameters(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// A client's ticket allows 0-RTT: takes the transport parameters that the server had when it gave the ticket. The secret
    /// of [`Level::ZeroRtt`] follows (`setsockopt`, `TRANSPORT_PARAM` with `remote`).
    ///
    /// # Errors
    ///
    /// When there will be no 0-RTT; the handshake goes on.
    fn begin_early_data(&mut self, remembered: &[u8]) -> io::Result<()>;

    /// Whether the server takes a client's 0-RTT packets. Told once, before the server's transport parameters are, and only
    /// after [`HandshakeSocket::begin_early_data`].
    fn set_early_data_accepted(&mut self, accepted: bool);

    /// Takes the traffic secret of a level and a direction (`setsockopt`, `CRYPTO_SECRET`).
    ///
    /// # Errors
    ///
    /// What the socket says.
    fn install_secret(
        &mut self,
        level: Level,
        side: KeySide,
        suite: CipherSuite,
        secret: &[u8],
    ) -> io::Result<()>;

    /// Sends handshake bytes at a level (`sendmsg` with `HANDSHAKE_INFO`). All of them are taken, or it is an error.
    ///
    /// # Errors
    ///
    /// What the socket says.
    fn send(&mut self, level: Level, bytes: &[u8]) -> io::Result<()>;

    /// The next handshake bytes in order, as many as fit into `out`, and their level; nothing when none wait (`recvmsg`
    /// with `HANDSHAKE_INFO`). One call never mixes two levels.
    ///
    /// # Errors
    ///
    /// What the socket says, the peer's close included; `io::Error::other(HandshakeError::PeerAlert(alert))` when it closed
    /// with a TLS alert.
    fn receive(&mut self, out: &mut [u8]) -> io::Result<Option<(Level, usize)>>;

    /// The version of the client's first flight. When it changes before anything came of the server, a client begins again:
    /// a Version Negotiation packet asked for it (RFC 9368 §2.1).
    fn original_version(&self) -> Version;

    /// The version in use, which a server may have changed when it was told the client's parameters.
    fn version(&self) -> Version;

    /// Closes the connection with the transport error CRYPTO_ERROR, 0x0100 + `alert`.
    fn fail(&mut self, alert: u8);

    /// Closes the connection with the transport error PROTOCOL_VIOLATION: the peer's messages break a rule of QUIC and none of
    /// TLS. A socket that can tell of alerts alone says unexpected_message.
    fn refuse(&mut self) {
        self.fail(10);
    }
}
