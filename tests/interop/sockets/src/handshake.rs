//! TLS over the socket's calls. In: a session; out: a socket with keys, and whether 0-RTT was taken. It reads no stream.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use inquic_descriptor::words::{
    crypto_level, crypto_secret, install, level_of, peer_alert, version_of,
};
use inquic_descriptor::{Calls, Descriptor};
use inquic_handshake::{
    CipherSuite, HandshakeError, HandshakeSocket, KeySide, Level, Progress, Session,
    TRANSPORT_PARAMETERS_BYTES,
};
use inquic_uapi::Layout;
use inquic_uapi::error::QUIC_TRANSPORT_ERROR_CRYPTO;
use inquic_uapi::option::{
    QUIC_SOCKOPT_CONNECTION_CLOSE, QUIC_SOCKOPT_TRANSPORT_PARAM, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
};
use inquic_uapi::structs::ConnectionClose;
use inquic_wire::Version;

/// The handshake of one connection.
pub(crate) struct Handshake {
    session: Session,
    link: Link,
}

/// A socket, as TLS sees it.
struct Link {
    socket: Descriptor,
    /// The version of the client's first flight.
    original: Version,
    /// What was read for TLS and not taken yet.
    arrived: VecDeque<(Level, Vec<u8>)>,
    /// The server's transport parameters of an earlier connection, with which 0-RTT begins.
    remembered: Option<Vec<u8>>,
    early: bool,
}

impl Handshake {
    pub(crate) fn new(session: Session, socket: Descriptor, remembered: Option<Vec<u8>>) -> Self {
        let mut link = Link {
            socket,
            original: Version::V1,
            arrived: VecDeque::new(),
            remembered,
            early: false,
        };
        link.original = link.version();
        Self { session, link }
    }

    /// Sends a client's first flight, after which 0-RTT data can be written; whether there is a ticket for that.
    pub(crate) fn begin(&mut self) -> Result<bool> {
        self.session.step(&mut self.link)?;
        Ok(self.link.early)
    }

    /// Goes on until it is complete.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let mut buffer = vec![0; MESSAGE_BYTES];
        while self.session.step(&mut self.link)? == Progress::Pending {
            self.hear(&mut buffer)?;
        }
        Ok(())
    }

    /// Waits for handshake messages.
    fn hear(&mut self, buffer: &mut [u8]) -> Result<()> {
        let Link {
            socket, arrived, ..
        } = &mut self.link;
        match socket.receive(buffer) {
            Ok((len, level)) => {
                let level = level.and_then(level_of).context("no handshake message")?;
                let bytes = buffer.get(..len).unwrap_or_default();
                arrived.push_back((level, bytes.to_vec()));
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ensure!(socket.wait(false, PATIENCE)?, "the handshake took too long");
                Ok(())
            }
            Err(error) => match peer_alert(&self.link.socket) {
                Some(alert) => Err(HandshakeError::PeerAlert(alert).into()),
                None => Err(error.into()),
            },
        }
    }

    /// Gives TLS a ticket, which it keeps for the next connection.
    pub(crate) fn take_ticket(&mut self, ticket: Vec<u8>) -> Result<()> {
        self.link.arrived.push_back((Level::OneRtt, ticket));
        self.session.step(&mut self.link)?;
        Ok(())
    }

    pub(crate) fn is_resumed(&self) -> bool {
        self.session.info().is_some_and(|info| info.resumed)
    }

    /// Whether 0-RTT was offered, by us or to us, and taken.
    pub(crate) const fn is_early(&self) -> bool {
        self.link.early
    }
}

impl HandshakeSocket for Link {
    fn transport_parameters(
        &mut self,
        out: &mut [u8; TRANSPORT_PARAMETERS_BYTES],
    ) -> io::Result<usize> {
        self.socket
            .getsockopt(QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, out)
    }

    fn set_peer_transport_parameters(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket
            .setsockopt(QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, bytes)
    }

    fn begin_early_data(&mut self, _: &[u8]) -> io::Result<()> {
        // As the option has them, and not as TLS.
        let remembered = self.remembered.as_deref().ok_or(io::ErrorKind::NotFound)?;
        self.socket
            .setsockopt(QUIC_SOCKOPT_TRANSPORT_PARAM, remembered)
    }

    fn set_early_data_accepted(&mut self, accepted: bool) {
        self.early = accepted;
    }

    fn install_secret(
        &mut self,
        level: Level,
        side: KeySide,
        suite: CipherSuite,
        secret: &[u8],
    ) -> io::Result<()> {
        let secret = crypto_secret(level, side, suite, secret)?;
        install(&self.socket, &secret)?;
        self.early |= level == Level::ZeroRtt;
        Ok(())
    }

    fn send(&mut self, level: Level, bytes: &[u8]) -> io::Result<()> {
        let sent = self.socket.send(crypto_level(level), bytes, false)?;
        if sent == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }

    fn receive(&mut self, out: &mut [u8]) -> io::Result<Option<(Level, usize)>> {
        let Some((level, mut bytes)) = self.arrived.pop_front() else {
            return Ok(None);
        };
        let rest = bytes.split_off(bytes.len().min(out.len()));
        if let Some(place) = out.get_mut(..bytes.len()) {
            place.copy_from_slice(&bytes);
        }
        if !rest.is_empty() {
            self.arrived.push_front((level, rest));
        }
        Ok(Some((level, bytes.len())))
    }

    fn original_version(&self) -> Version {
        self.original
    }

    fn version(&self) -> Version {
        version_of(&self.socket).unwrap_or(Version::V1)
    }

    fn fail(&mut self, alert: u8) {
        let close = ConnectionClose {
            errcode: QUIC_TRANSPORT_ERROR_CRYPTO + u32::from(alert),
            ..ConnectionClose::default()
        };
        let mut bytes = [0; ConnectionClose::SIZE];
        close.write(&mut bytes);
        // The socket is closed next, whatever this says.
        let option = QUIC_SOCKOPT_CONNECTION_CLOSE;
        drop(self.socket.setsockopt(option, &bytes));
    }
}

/// How long the peer may say nothing.
const PATIENCE: Duration = Duration::from_secs(60);
/// What one call takes of handshake messages.
const MESSAGE_BYTES: usize = 4096;
