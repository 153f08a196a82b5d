//! Packet headers (RFC 9000 §17, RFC 8999): in comes the rest of a datagram, out comes the outermost view of its first
//! packet, or the reason to drop it. Header protection is still on, so nothing here may look at the packet number.

mod read;
mod write;

use core::{fmt, ops::Range};

pub use read::dcid_of;
pub use write::{
    LongPlan, ShortPlan, write_long, write_retry, write_retry_pseudo_packet, write_short,
    write_version_negotiation,
};

use crate::{
    error::Truncated,
    id::{ConnectionId, Version},
    level::Level,
};

/// The outermost view of one packet, before header protection is removed. Offsets count from the start of the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Header {
    /// A packet with a long header and a packet number.
    Long {
        /// Which.
        kind: LongKind,
        /// One that is known.
        version: Version,
        /// Destination connection id.
        dcid: ConnectionId,
        /// Source connection id.
        scid: ConnectionId,
        /// Where the token is; empty but in an Initial packet.
        token: Range<usize>,
        /// Where the packet number begins. At least 20 bytes of the packet follow.
        number_at: usize,
        /// Where the packet ends and the next of the datagram begins.
        end: usize,
    },
    /// A Retry packet. It takes the rest of the datagram.
    Retry {
        /// One that is known.
        version: Version,
        /// Destination connection id.
        dcid: ConnectionId,
        /// Source connection id.
        scid: ConnectionId,
        /// Where the token is; not empty.
        token: Range<usize>,
        /// The integrity tag.
        tag: [u8; 16],
    },
    /// A Version Negotiation packet. It takes the rest of the datagram.
    VersionNegotiation {
        /// Where the destination connection id is, up to 255 bytes.
        dcid: Range<usize>,
        /// Where the source connection id is, up to 255 bytes.
        scid: Range<usize>,
        /// Where the versions are, four bytes each, at least one.
        versions: Range<usize>,
    },
    /// A packet of a version we do not speak. Where it ends cannot be known.
    UnknownVersion {
        /// The version.
        version: Version,
        /// Where the destination connection id is, up to 255 bytes.
        dcid: Range<usize>,
        /// Where the source connection id is, up to 255 bytes.
        scid: Range<usize>,
    },
    /// A 1-RTT packet. It takes the rest of the datagram.
    Short {
        /// Destination connection id.
        dcid: ConnectionId,
        /// Where the packet number begins. At least 20 bytes of the packet follow.
        number_at: usize,
        /// Where the packet ends.
        end: usize,
    },
}

/// The kinds of long-header packet that carry a packet number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LongKind {
    /// Initial.
    Initial,
    /// 0-RTT.
    ZeroRtt,
    /// Handshake.
    Handshake,
}

impl LongKind {
    /// The level of the frames inside.
    #[inline]
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::Initial => Level::Initial,
            Self::ZeroRtt => Level::ZeroRtt,
            Self::Handshake => Level::Handshake,
        }
    }

    /// The kind whose type bits in packets of `version` are these; `None` for Retry.
    #[inline]
    const fn of_bits(version: Version, bits: u8) -> Option<Self> {
        match bits.wrapping_sub(first_type(version)) & TYPE_MASK {
            0 => Some(Self::Initial),
            1 => Some(Self::ZeroRtt),
            2 => Some(Self::Handshake),
            _ => None,
        }
    }

    /// The type bits in packets of `version`.
    #[inline]
    const fn bits(self, version: Version) -> u8 {
        let kind = match self {
            Self::Initial => 0,
            Self::ZeroRtt => 1,
            Self::Handshake => 2,
        };
        kind_bits(version, kind)
    }
}

/// The type bits, at their place in the first byte, of the kind with this number in version 1 (RFC 9000 §17.2; RFC 9369 §3.2
/// moves each on by one).
#[inline]
const fn kind_bits(version: Version, kind: u8) -> u8 {
    (kind.wrapping_add(first_type(version)) & TYPE_MASK) << TYPE_SHIFT
}

/// The type bits of an Initial packet, as a number.
#[inline]
const fn first_type(version: Version) -> u8 {
    if matches!(version, Version::V2) { 1 } else { 0 }
}

/// Why a packet is dropped before anything is known of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderError {
    /// The datagram ends before the header, or leaves too little to take a header protection sample from.
    Truncated,
    /// The fixed bit is 0.
    FixedBit,
    /// A connection id of version 1 is longer than 20 bytes.
    CidTooLong,
    /// The Length field says more than the datagram has.
    LengthTooLong,
    /// A Retry packet has no token.
    EmptyToken,
    /// A Version Negotiation packet has no version, or a part of one.
    Versions,
}

impl HeaderError {
    /// The reason in a few words.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Truncated => "packet too short",
            Self::FixedBit => "fixed bit is 0",
            Self::CidTooLong => "connection id longer than 20 bytes",
            Self::LengthTooLong => "length beyond the datagram",
            Self::EmptyToken => "retry without a token",
            Self::Versions => "version negotiation without whole versions",
        }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl core::error::Error for HeaderError {}

impl From<Truncated> for HeaderError {
    fn from(Truncated: Truncated) -> Self {
        Self::Truncated
    }
}

/// A long header, in the first byte (RFC 8999 §5.1).
const LONG: u8 = 0x80;
/// The fixed bit, in the first byte.
const FIXED: u8 = 0x40;
/// Where the two type bits of a long header begin.
const TYPE_SHIFT: u32 = 4;
const TYPE_MASK: u8 = 0x03;
/// The number of Retry among the kinds of version 1.
const RETRY: u8 = 3;
/// The longest packet number, and the sample that header protection takes after it.
const NUMBER_AND_SAMPLE: usize = 4 + 16;

#[cfg(test)]
mod tests;
