//! The socket calls that a handshake makes, on a socket of this process: the session's calls in, the socket's answers out.

use std::io;

use inquic_handshake::{HandshakeSocket, KeySide, Level, TRANSPORT_PARAMETERS_BYTES};
use inquic_platform::{CipherSuite, Instant};
use inquic_socket::{Errno, Socket};
use inquic_wire::Version;

/// A socket during one step of its handshake.
pub(super) struct Handshaking<'a> {
    pub(super) socket: &'a mut Socket,
    pub(super) now: Instant,
}

impl HandshakeSocket for Handshaking<'_> {
    fn transport_parameters(
        &mut self,
        out: &mut [u8; TRANSPORT_PARAMETERS_BYTES],
    ) -> io::Result<usize> {
        self.socket.transport_parameters(out).map_err(errno)
    }

    fn set_peer_transport_parameters(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket
            .set_peer_transport_parameters(self.now, bytes)
            .map_err(errno)
    }

    fn begin_early_data(&mut self, remembered: &[u8]) -> io::Result<()> {
        self.socket.begin_early_data(remembered).map_err(errno)
    }

    fn set_early_data_accepted(&mut self, accepted: bool) {
        self.socket.set_early_data_accepted(accepted);
    }

    fn install_secret(
        &mut self,
        level: Level,
        side: KeySide,
        suite: CipherSuite,
        secret: &[u8],
    ) -> io::Result<()> {
        self.socket
            .install_secret(self.now, level, side, suite, secret)
            .map_err(errno)
    }

    fn send(&mut self, level: Level, bytes: &[u8]) -> io::Result<()> {
        self.socket.handshake_send(level, bytes).map_err(errno)
    }

    fn receive(&mut self, out: &mut [u8]) -> io::Result<Option<(Level, usize)>> {
        Ok(self.socket.handshake_receive(out))
    }

    fn original_version(&self) -> Version {
        self.socket.original_version()
    }

    fn version(&self) -> Version {
        self.socket.version()
    }

    fn fail(&mut self, alert: u8) {
        self.socket.fail_handshake(self.now, alert);
    }

    fn refuse(&mut self) {
        self.socket.refuse_handshake(self.now);
    }
}

fn errno(number: Errno) -> io::Error {
    io::Error::from_raw_os_error(number.number())
}
