//! The handshake's view of a socket: what TLS says goes out as socket calls, in the order in which TLS said it; what recvmsg gave
//! comes in.
//!
//! A secret is installed only when the messages before it have been given to the socket: the reference installs it earlier, and
//! packets may then leave that depend on messages which have not.

use std::collections::VecDeque;
use std::io;

use inquic_handshake::{
    CipherSuite, HandshakeSocket, KeySide, Level, TRANSPORT_PARAMETERS_BYTES, alert_name,
};
use inquic_uapi::error::QUIC_TRANSPORT_ERROR_CRYPTO;
use inquic_uapi::structs::{ConnectionClose, CryptoSecret};
use inquic_uapi::{Layout, option};
use inquic_wire::Version;

use crate::calls::Calls;
use crate::words::{crypto_level, crypto_secret, install, level_of, peer_alert, version_of};

/// A socket during its handshake.
pub struct Link {
    /// The socket.
    pub calls: Box<dyn Calls>,
    todo: VecDeque<Todo>,
    arrived: VecDeque<(Level, Vec<u8>)>,
    /// The version of the client's first flight.
    original: Version,
}

/// What TLS wants done, in order.
enum Todo {
    Send { level: u8, bytes: Vec<u8> },
    Secret(Box<CryptoSecret>),
}

/// Handshake messages to send next.
pub struct Outgoing {
    /// `QUIC_CRYPTO_*`.
    pub level: u8,
    /// The messages.
    pub bytes: Vec<u8>,
    /// Others follow.
    pub more: bool,
}

impl Link {
    /// For a socket that is connected or was accepted.
    #[must_use]
    pub fn new(calls: Box<dyn Calls>) -> Self {
        let original = version_of(&*calls).unwrap_or(Version::V1);
        Self {
            calls,
            todo: VecDeque::new(),
            arrived: VecDeque::new(),
            original,
        }
    }

    /// Installs the secrets whose turn it is, and gives the messages that follow them; none when nothing is left to do.
    ///
    /// # Errors
    ///
    /// What the socket says about a secret.
    pub fn outgoing(&mut self) -> io::Result<Option<Outgoing>> {
        while let Some(todo) = self.todo.pop_front() {
            match todo {
                Todo::Secret(secret) => install(&*self.calls, &secret)?,
                Todo::Send { level, bytes } => {
                    let more = matches!(self.todo.front(), Some(Todo::Send { .. }));
                    return Ok(Some(Outgoing { level, bytes, more }));
                }
            }
        }
        Ok(None)
    }

    /// The TLS alert that the peer has ended the connection with.
    #[must_use]
    pub fn peer_alert(&self) -> Option<u8> {
        peer_alert(&*self.calls)
    }

    /// Takes what recvmsg gave.
    ///
    /// # Errors
    ///
    /// `ECONNRESET` for nothing, `EBADMSG` for what is no handshake message.
    pub fn arrive(&mut self, bytes: &[u8], level: Option<u8>) -> io::Result<()> {
        if bytes.is_empty() {
            return Err(errno(libc::ECONNRESET));
        }
        let level = level
            .and_then(level_of)
            .ok_or_else(|| errno(libc::EBADMSG))?;
        self.arrived.push_back((level, bytes.to_vec()));
        Ok(())
    }
}

impl HandshakeSocket for Link {
    fn transport_parameters(
        &mut self,
        out: &mut [u8; TRANSPORT_PARAMETERS_BYTES],
    ) -> io::Result<usize> {
        self.calls
            .getsockopt(option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, out)
    }

    fn set_peer_transport_parameters(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.calls
            .setsockopt(option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, bytes)
    }

    fn begin_early_data(&mut self, _remembered: &[u8]) -> io::Result<()> {
        // The program would have to say what it sends before the handshake, for which there is no call.
        Err(errno(libc::EOPNOTSUPP))
    }

    fn set_early_data_accepted(&mut self, _accepted: bool) {}

    fn install_secret(
        &mut self,
        level: Level,
        side: KeySide,
        suite: CipherSuite,
        secret: &[u8],
    ) -> io::Result<()> {
        let secret = crypto_secret(level, side, suite, secret)?;
        self.todo.push_back(Todo::Secret(Box::new(secret)));
        Ok(())
    }

    fn send(&mut self, level: Level, bytes: &[u8]) -> io::Result<()> {
        self.todo.push_back(Todo::Send {
            level: crypto_level(level),
            bytes: bytes.to_vec(),
        });
        Ok(())
    }

    fn receive(&mut self, out: &mut [u8]) -> io::Result<Option<(Level, usize)>> {
        let Some((level, bytes)) = self.arrived.front_mut() else {
            return Ok(None);
        };
        let (level, len) = (*level, bytes.len().min(out.len()));
        for (to, from) in out.iter_mut().zip(bytes.drain(..len)) {
            *to = from;
        }
        if bytes.is_empty() {
            self.arrived.pop_front();
        }
        Ok(Some((level, len)))
    }

    fn original_version(&self) -> Version {
        self.original
    }

    /// Asked anew each time: the server may have gone over to another, in which its tickets are good.
    fn version(&self) -> Version {
        version_of(&*self.calls).unwrap_or(self.original)
    }

    /// The socket tells the peer when the program closes it.
    fn fail(&mut self, alert: u8) {
        let mut close = ConnectionClose {
            errcode: QUIC_TRANSPORT_ERROR_CRYPTO | u32::from(alert),
            ..ConnectionClose::default()
        };
        let name = alert_name(alert).as_bytes();
        for (to, from) in close.phrase.iter_mut().zip(name) {
            *to = *from;
        }
        let mut value = [0; ConnectionClose::SIZE];
        close.write(&mut value);
        // A connection that is over already needs no reason.
        let _ = self
            .calls
            .setsockopt(option::QUIC_SOCKOPT_CONNECTION_CLOSE, &value);
    }
}

/// An errno as an error.
#[must_use]
pub fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}
