//! What can be wrong with bytes: in come rules that were broken, out go small `Copy` values. No text is built at run time.

use core::fmt;

/// A peer's offence: the code that the connection closes with, and the rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerError {
    /// The transport error code.
    pub code: Code,
    /// The type of the frame that offended, 0 when no frame did.
    pub frame_type: u64,
    /// The rule, in a few words.
    pub reason: &'static str,
}

impl PeerError {
    /// An offence outside any frame.
    #[must_use]
    pub const fn new(code: Code, reason: &'static str) -> Self {
        Self {
            code,
            frame_type: 0,
            reason,
        }
    }

    /// The same offence, in a frame of this type unless it names one already.
    #[inline]
    #[must_use]
    pub const fn or_in_frame(self, frame_type: u64) -> Self {
        if self.frame_type == 0 {
            self.in_frame(frame_type)
        } else {
            self
        }
    }

    /// The same offence, committed in a frame of this type.
    #[inline]
    #[must_use]
    pub const fn in_frame(self, frame_type: u64) -> Self {
        Self { frame_type, ..self }
    }
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:#x})", self.reason, self.code.to_u64())
    }
}

impl core::error::Error for PeerError {}

impl From<Truncated> for PeerError {
    fn from(Truncated: Truncated) -> Self {
        Self::new(Code::FrameEncoding, "truncated")
    }
}

/// A transport error code (RFC 9000 §20.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The connection closes without an error.
    NoError,
    /// The endpoint cannot go on.
    Internal,
    /// The server refuses the connection.
    ConnectionRefused,
    /// More data than was allowed.
    FlowControl,
    /// More streams than were allowed.
    StreamLimit,
    /// A frame that the stream's state does not allow.
    StreamState,
    /// A final size that changed, or data beyond it.
    FinalSize,
    /// A frame that is badly formed.
    FrameEncoding,
    /// Transport parameters that are badly formed or not allowed.
    TransportParameter,
    /// More connection ids than were allowed.
    ConnectionIdLimit,
    /// An offence that no other code names.
    ProtocolViolation,
    /// A server received a token that is not valid.
    InvalidToken,
    /// The application closed the connection.
    Application,
    /// More CRYPTO data than can be kept.
    CryptoBufferExceeded,
    /// A key update that breaks the rules.
    KeyUpdate,
    /// The packet protection's limits are reached.
    AeadLimitReached,
    /// No path can carry QUIC.
    NoViablePath,
    /// Version negotiation failed (RFC 9368).
    VersionNegotiation,
    /// The TLS handshake failed with this alert.
    Crypto(u8),
    /// A code that this list does not name.
    Other(u64),
}

impl Code {
    /// The code as it travels.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        match self {
            Self::NoError => 0x0,
            Self::Internal => 0x1,
            Self::ConnectionRefused => 0x2,
            Self::FlowControl => 0x3,
            Self::StreamLimit => 0x4,
            Self::StreamState => 0x5,
            Self::FinalSize => 0x6,
            Self::FrameEncoding => 0x7,
            Self::TransportParameter => 0x8,
            Self::ConnectionIdLimit => 0x9,
            Self::ProtocolViolation => 0xa,
            Self::InvalidToken => 0xb,
            Self::Application => 0xc,
            Self::CryptoBufferExceeded => 0xd,
            Self::KeyUpdate => 0xe,
            Self::AeadLimitReached => 0xf,
            Self::NoViablePath => 0x10,
            Self::VersionNegotiation => 0x11,
            // The alert fills the low byte, which 0x100 leaves empty.
            Self::Crypto(alert) => 0x100 | alert as u64,
            Self::Other(code) => code,
        }
    }

    /// The code that travelled as this number.
    #[must_use]
    pub const fn from_u64(code: u64) -> Self {
        match code {
            0x0 => Self::NoError,
            0x1 => Self::Internal,
            0x2 => Self::ConnectionRefused,
            0x3 => Self::FlowControl,
            0x4 => Self::StreamLimit,
            0x5 => Self::StreamState,
            0x6 => Self::FinalSize,
            0x7 => Self::FrameEncoding,
            0x8 => Self::TransportParameter,
            0x9 => Self::ConnectionIdLimit,
            0xa => Self::ProtocolViolation,
            0xb => Self::InvalidToken,
            0xc => Self::Application,
            0xd => Self::CryptoBufferExceeded,
            0xe => Self::KeyUpdate,
            0xf => Self::AeadLimitReached,
            0x10 => Self::NoViablePath,
            0x11 => Self::VersionNegotiation,
            0x100..=0x1ff => Self::Crypto((code & 0xff) as u8),
            _ => Self::Other(code),
        }
    }
}

/// The buffer ended before the value did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated;

impl fmt::Display for Truncated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("truncated")
    }
}

impl core::error::Error for Truncated {}

/// The value does not fit where it should be written, or no encoding can hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("does not fit")
    }
}

impl core::error::Error for Full {}

#[cfg(test)]
mod tests;
