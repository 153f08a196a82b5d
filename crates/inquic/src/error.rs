//! What can go wrong, as typed values: causes of the engine, of TLS and of the system in, one line with the way out out.

use std::io;
use std::net::SocketAddr;

use inquic_handshake::{ConfigError, HandshakeError};

/// Why a call failed. Each message is one line that names the cause and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name has no address.
    #[error("unknown host {host:?}: check the name and the resolver ({cause})")]
    UnknownHost {
        /// The name as it was given.
        host: String,
        /// What the resolver said.
        cause: String,
    },
    /// The address is not of the form `host:port`.
    #[error("{0:?} is no address: write host:port, as in example.org:4433 or [::1]:4433")]
    BadAddress(String),
    /// Another socket has the port.
    #[error("port in use: {0} belongs to another socket; choose another port or stop its owner")]
    PortInUse(SocketAddr),
    /// The address to bind is not one of this machine's.
    #[error("{0} is no address of this machine: bind to [::] for all of them")]
    NoSuchAddress(SocketAddr),
    /// The system refused the port.
    #[error("no permission to bind {0}: ports below 1024 need CAP_NET_BIND_SERVICE")]
    NoPermission(SocketAddr),
    /// There is no way to the peer.
    #[error("no route to {0}: check the network and the address")]
    NoRoute(SocketAddr),
    /// Nobody answered the first packets.
    #[error("no answer from {peer}: no QUIC server is there, or UDP does not pass")]
    NoAnswer {
        /// Who was asked.
        peer: SocketAddr,
    },
    /// The peer was there and is silent now (RFC 9000 §10.1).
    #[error(
        "the peer is gone: nothing came from it for the idle timeout; connect again, or set a keep-alive"
    )]
    PeerGone,
    /// The peer lost the connection's state (RFC 9000 §10.3).
    #[error("the peer has restarted and does not know this connection: connect again")]
    PeerRestarted,
    /// The peer is too busy, or not willing, to take the connection.
    #[error("the server refused the connection{}: try again later", quoted(.reason))]
    Refused {
        /// What the server said.
        reason: String,
    },
    /// No version in common.
    #[error("the server speaks no version of QUIC that we do")]
    NoCommonVersion,
    /// The issuer of the server's certificate is not trusted.
    #[error("wrong CA: {0}")]
    WrongCa(String),
    /// The server's certificate is out of date.
    #[error("expired certificate: {0}")]
    CertificateExpired(String),
    /// The time of the server's certificate has not begun.
    #[error("certificate not valid yet: {0}")]
    CertificateNotYetValid(String),
    /// The server's certificate is for other names.
    #[error("wrong name: {0}")]
    WrongName(String),
    /// The server's certificate is bad in another way.
    #[error("bad certificate: {0}")]
    BadCertificate(String),
    /// The peer did not accept our certificate.
    #[error("certificate refused: {0}")]
    CertificateRefused(String),
    /// No application protocol in common (RFC 9001 §8.1).
    #[error("no common ALPN: {0}")]
    NoCommonAlpn(String),
    /// TLS failed otherwise.
    #[error("TLS handshake failed: {0}")]
    Handshake(String),
    /// What was configured cannot work.
    #[error("{0}")]
    Config(String),
    /// The peer's application closed the connection.
    #[error("closed by the peer with code {code}{}", quoted(.reason))]
    ClosedByPeer {
        /// The application's code.
        code: u64,
        /// The application's reason.
        reason: String,
    },
    /// We closed the connection.
    #[error("the connection was closed here with code {code}{}", quoted(.reason))]
    Closed {
        /// The application's code.
        code: u64,
        /// The application's reason.
        reason: String,
    },
    /// The peer says that we broke the protocol.
    #[error("the peer ended the connection with transport error {code:#x}{}: one of the two has a defect", quoted(.reason))]
    TransportByPeer {
        /// The code (RFC 9000 §20.1).
        code: u64,
        /// What the peer said.
        reason: String,
    },
    /// The peer broke the protocol.
    #[error("the peer broke the protocol, transport error {code:#x}{}: its implementation has a defect", quoted(.reason))]
    Transport {
        /// The code (RFC 9000 §20.1).
        code: u64,
        /// The rule that was broken.
        reason: String,
    },
    /// The peer takes no datagrams (RFC 9221).
    #[error("the peer takes no datagrams: it must allow them when it connects or listens")]
    NoDatagrams,
    /// The datagram is longer than the path or the peer takes.
    #[error("the datagram is too long: {most} bytes are the most now; a stream takes any number")]
    DatagramTooLarge {
        /// How many bytes would have been taken.
        most: usize,
    },
    /// The connection cannot be moved to another address, and goes on where it is.
    #[error("the connection stays where it is: {0}")]
    NotMoved(String),
    /// The call needs the complete handshake.
    #[error("the handshake is not complete yet: try again when the connection is established")]
    NotEstablished,
    /// The peer abandoned the stream it sends (RESET_STREAM).
    #[error("the peer reset the stream with code {0}: what it sent is incomplete")]
    Reset(u64),
    /// The peer does not want what we send on the stream (STOP_SENDING).
    #[error("the peer stopped the stream with code {0}: it reads no more of it")]
    Stopped(u64),
    /// The stream's half was finished, reset or stopped here.
    #[error(
        "the stream is finished here: nothing can be written or read after finish(), reset() or stop()"
    )]
    StreamFinished,
    /// The stream's half does not exist.
    #[error("the stream is unidirectional: it cannot be used in this direction")]
    WrongDirection,
    /// There is no memory for it.
    #[error("out of memory: the connection goes on; give some back and call again")]
    NoMemory,
    /// A call that would have to wait.
    #[error("not ready: wait for readiness and call again")]
    WouldBlock,
    /// The listener was closed.
    #[error("the listener is closed: no connection comes any more")]
    ListenerClosed,
    /// Whoever drove the connection has ended.
    #[error(
        "the runtime that drove this connection has stopped: keep it alive until the connection is closed"
    )]
    RuntimeStopped,
    /// The home that was asked for is not here.
    #[error(
        "INQUIC_HOME={0}: there is no such home here; use INQUIC_HOME=embedded or leave it unset"
    )]
    NoSuchHome(String),
    /// The system failed otherwise.
    #[error("{message}")]
    Io {
        /// The kind of the system's error.
        kind: io::ErrorKind,
        /// What was tried and what the system said.
        message: String,
    },
}

impl Error {
    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        Self::Io {
            kind: error.kind(),
            message: format!("{what}: {error}"),
        }
    }

    /// What binding `address` failed with.
    pub(crate) fn bind(address: SocketAddr, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::PortInUse(address),
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress(address),
            io::ErrorKind::PermissionDenied => Self::NoPermission(address),
            _ => Self::io(&format!("cannot bind {address}"), error),
        }
    }

    /// The code that the peer's application gave, if that is what ended the connection or stream.
    #[must_use]
    pub const fn peer_code(&self) -> Option<u64> {
        match self {
            Self::ClosedByPeer { code, .. } | Self::Reset(code) | Self::Stopped(code) => {
                Some(*code)
            }
            _ => None,
        }
    }

    /// What a failed handshake means.
    pub(crate) fn handshake(error: &HandshakeError) -> Self {
        let text = error.to_string();
        match error {
            HandshakeError::UntrustedAuthority { .. } => Self::WrongCa(text),
            HandshakeError::Expired { .. } => Self::CertificateExpired(text),
            HandshakeError::NotYetValid { .. } => Self::CertificateNotYetValid(text),
            HandshakeError::WrongName { .. } => Self::WrongName(text),
            HandshakeError::Certificate { .. } => Self::BadCertificate(text),
            HandshakeError::NoCommonProtocol | HandshakeError::PeerAlert(120) => {
                Self::NoCommonAlpn(text)
            }
            HandshakeError::PeerAlert(112) => Self::WrongName(text),
            HandshakeError::PeerAlert(42..=48) => Self::CertificateRefused(text),
            _ => Self::Handshake(text),
        }
    }

    const fn kind(&self) -> io::ErrorKind {
        match self {
            Self::UnknownHost { .. } | Self::NoSuchHome(_) => io::ErrorKind::NotFound,
            Self::BadAddress(_)
            | Self::Config(_)
            | Self::WrongDirection
            | Self::DatagramTooLarge { .. } => io::ErrorKind::InvalidInput,
            Self::NoDatagrams | Self::NotMoved(_) => io::ErrorKind::Unsupported,
            Self::PortInUse(_) => io::ErrorKind::AddrInUse,
            Self::NoSuchAddress(_) => io::ErrorKind::AddrNotAvailable,
            Self::NoPermission(_) => io::ErrorKind::PermissionDenied,
            Self::NoRoute(_) => io::ErrorKind::HostUnreachable,
            Self::NoAnswer { .. } | Self::PeerGone => io::ErrorKind::TimedOut,
            Self::Refused { .. } | Self::NoCommonVersion | Self::NoCommonAlpn(_) => {
                io::ErrorKind::ConnectionRefused
            }
            Self::WrongCa(_)
            | Self::CertificateExpired(_)
            | Self::CertificateNotYetValid(_)
            | Self::WrongName(_)
            | Self::BadCertificate(_)
            | Self::CertificateRefused(_)
            | Self::Handshake(_)
            | Self::Transport { .. } => io::ErrorKind::InvalidData,
            Self::PeerRestarted | Self::TransportByPeer { .. } | Self::Reset(_) => {
                io::ErrorKind::ConnectionReset
            }
            Self::ClosedByPeer { .. } | Self::RuntimeStopped => io::ErrorKind::ConnectionAborted,
            Self::Closed { .. }
            | Self::StreamFinished
            | Self::ListenerClosed
            | Self::NotEstablished => io::ErrorKind::NotConnected,
            Self::Stopped(_) => io::ErrorKind::BrokenPipe,
            Self::NoMemory => io::ErrorKind::OutOfMemory,
            Self::WouldBlock => io::ErrorKind::WouldBlock,
            Self::Io { kind, .. } => *kind,
        }
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.to_string())
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            // No allocation on a path that is taken often.
            Error::WouldBlock => io::ErrorKind::WouldBlock.into(),
            error => Self::new(error.kind(), error),
        }
    }
}

fn quoted(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(" ({reason:?})")
    }
}

#[cfg(test)]
mod tests;
