//! The one errno table of the project: what went wrong by name in, the number that a socket call returns out.

use inquic_engine::{CloseReason, HandshakeError};
use inquic_platform::CryptoError;
use inquic_wire::Code;

/// An error number as Linux counts them, by its name in errno(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Errno {
    /// Try again.
    EAGAIN = 11,
    /// Out of memory.
    ENOMEM = 12,
    /// Permission denied.
    EACCES = 13,
    /// Bad address.
    EFAULT = 14,
    /// Invalid argument.
    EINVAL = 22,
    /// Not a request of this socket.
    ENOTTY = 25,
    /// No space left: the stream's or the connection's window or the send buffer is full.
    ENOSPC = 28,
    /// Broken pipe: the connection is closed, or listens.
    EPIPE = 32,
    /// Out of the range of numbers.
    EDOM = 33,
    /// Not a stream: the stream is closed.
    ENOSTR = 60,
    /// Protocol error.
    EPROTO = 71,
    /// Message too long.
    EMSGSIZE = 90,
    /// Unknown option.
    ENOPROTOOPT = 92,
    /// Protocol not supported: the peer speaks no version of ours.
    EPROTONOSUPPORT = 93,
    /// Operation not supported.
    EOPNOTSUPP = 95,
    /// Address family not supported.
    EAFNOSUPPORT = 97,
    /// Address in use.
    EADDRINUSE = 98,
    /// Cannot assign the address.
    EADDRNOTAVAIL = 99,
    /// Network unreachable.
    ENETUNREACH = 101,
    /// Connection reset.
    ECONNRESET = 104,
    /// Already connected.
    EISCONN = 106,
    /// Not connected.
    ENOTCONN = 107,
    /// Timed out.
    ETIMEDOUT = 110,
    /// Connection refused.
    ECONNREFUSED = 111,
}

impl Errno {
    /// The number itself, positive.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }
}

impl core::fmt::Display for Errno {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self, out)
    }
}

impl core::error::Error for Errno {}

/// What a failed call of the handshake returns.
#[must_use]
pub const fn of_handshake(error: HandshakeError) -> Errno {
    match error {
        HandshakeError::Closed => Errno::EPIPE,
        HandshakeError::Level
        | HandshakeError::Parameters(_)
        | HandshakeError::Crypto(CryptoError::Misuse) => Errno::EINVAL,
        HandshakeError::Full => Errno::EAGAIN,
        HandshakeError::Memory | HandshakeError::Crypto(CryptoError::Unavailable) => Errno::ENOMEM,
    }
}

/// Why a connection has ended, for SO_ERROR; none when it was closed in order.
#[must_use]
pub const fn of_close(reason: &CloseReason) -> Option<Errno> {
    Some(match reason {
        CloseReason::Application { .. } => return None,
        CloseReason::PeerApplication { code: 0, .. }
        | CloseReason::PeerTransport {
            code: Code::NoError,
            ..
        } => return None,
        CloseReason::PeerApplication { .. } | CloseReason::StatelessReset => Errno::ECONNRESET,
        CloseReason::PeerTransport {
            code: Code::ConnectionRefused,
            ..
        } => Errno::ECONNREFUSED,
        CloseReason::PeerTransport { .. } | CloseReason::Transport(_) => Errno::EPROTO,
        CloseReason::IdleTimeout | CloseReason::HandshakeTimeout => Errno::ETIMEDOUT,
        CloseReason::VersionNegotiation => Errno::EPROTONOSUPPORT,
    })
}
