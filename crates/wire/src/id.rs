//! Identifiers: in come raw bytes and numbers, out come ids that cannot be wrong.

use core::{fmt, hash::Hash, ops::Deref};

use crate::{
    level::{Direction, Role},
    varint::VARINT_MAX,
};

/// A connection id of version 1: 0 to 20 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    // The bytes after `len` are zero, so that equal ids are equal values.
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl ConnectionId {
    /// The longest id of version 1.
    pub const MAX_LEN: usize = 20;

    /// The id of no bytes.
    pub const EMPTY: Self = Self {
        bytes: [0; Self::MAX_LEN],
        len: 0,
    };

    /// An id of these bytes; `None` when there are more than 20.
    #[inline]
    #[must_use]
    pub fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::MAX_LEN];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self {
            bytes,
            len: u8::try_from(id.len()).ok()?,
        })
    }

    /// How many bytes it has.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether it has no bytes.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its bytes.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }
}

impl Default for ConnectionId {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Deref for ConnectionId {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for ConnectionId {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice()
            .iter()
            .try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A stream id (RFC 9000 §2.1): who opened the stream, which way it flows, and the how-manieth of its type it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u64);

impl StreamId {
    /// The stream number `index` of its type; `None` above 2^60 − 1.
    #[inline]
    #[must_use]
    pub const fn new(initiator: Role, direction: Direction, index: u64) -> Option<Self> {
        if index > VARINT_MAX >> 2 {
            return None;
        }
        Some(Self(
            index << 2 | (direction as u64) << 1 | initiator as u64,
        ))
    }

    /// The stream with this id; `None` above 2^62 − 1.
    #[inline]
    #[must_use]
    pub const fn from_u64(id: u64) -> Option<Self> {
        if id > VARINT_MAX {
            return None;
        }
        Some(Self(id))
    }

    /// A stream id that came as a varint, and so is in range.
    #[inline]
    pub(crate) const fn from_varint(id: u64) -> Self {
        Self(id & VARINT_MAX)
    }

    /// The id as it travels.
    #[inline]
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// Who opened the stream.
    #[inline]
    #[must_use]
    pub const fn initiator(self) -> Role {
        if self.0 & 1 == 0 {
            Role::Client
        } else {
            Role::Server
        }
    }

    /// Which way the stream flows.
    #[inline]
    #[must_use]
    pub const fn direction(self) -> Direction {
        if self.0 & 2 == 0 {
            Direction::Bidirectional
        } else {
            Direction::Unidirectional
        }
    }

    /// The place among the streams of its type, from 0.
    #[inline]
    #[must_use]
    pub const fn index(self) -> u64 {
        self.0 >> 2
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A QUIC version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u32);

impl Version {
    /// RFC 9000.
    pub const V1: Self = Self(1);
    /// RFC 9369.
    pub const V2: Self = Self(0x6b33_43cf);
    /// The version of a Version Negotiation packet.
    pub const NEGOTIATION: Self = Self(0);

    /// Whether packets of the version can be read and written.
    #[inline]
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self, Self::V1 | Self::V2)
    }

    /// One of the versions kept to exercise negotiation, by a random byte.
    #[inline]
    #[must_use]
    pub const fn reserved(random: u8) -> Self {
        Self(u32::from_be_bytes([random; 4]) & 0xf0f0_f0f0 | 0x0a0a_0a0a)
    }

    /// Whether the version is one of those kept to exercise negotiation, 0x?a?a?a?a.
    #[inline]
    #[must_use]
    pub const fn is_reserved(self) -> bool {
        self.0 & 0x0f0f_0f0f == 0x0a0a_0a0a
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

#[cfg(test)]
mod tests;
