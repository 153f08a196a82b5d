//! Events that a socket queues for a program that asked for them: one type byte, then the payload structure unaligned.

/// An event's type, the first byte of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EventType {
    /// A stream changed its state; [`crate::structs::StreamUpdate`].
    StreamUpdate = 1,
    /// The peer raised a blocked stream's window; [`crate::structs::StreamMaxData`].
    StreamMaxData = 2,
    /// The peer raised the limit of streams; the highest stream identifier, 8 bytes.
    StreamMaxStream = 3,
    /// Connection identifiers were replaced; [`crate::structs::ConnectionIdInfo`].
    ConnectionId = 4,
    /// The peer closed; [`crate::structs::ConnectionClose`].
    ConnectionClose = 5,
    /// The path changed; 1 byte, 1 when it was our doing.
    ConnectionMigration = 6,
    /// The key phase changed; 1 byte.
    KeyUpdate = 7,
    /// NEW_TOKEN arrived; the token.
    NewToken = 8,
    /// A TLS session ticket arrived; the TLS message.
    NewSessionTicket = 9,
}

impl EventType {
    /// The event with this number.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::StreamUpdate),
            2 => Some(Self::StreamMaxData),
            3 => Some(Self::StreamMaxStream),
            4 => Some(Self::ConnectionId),
            5 => Some(Self::ConnectionClose),
            6 => Some(Self::ConnectionMigration),
            7 => Some(Self::KeyUpdate),
            8 => Some(Self::NewToken),
            9 => Some(Self::NewSessionTicket),
            _ => None,
        }
    }

    /// The bit of this event in a set of enabled events.
    #[must_use]
    pub const fn bit(self) -> u16 {
        1 << (self as u8)
    }
}

/// Send side: nothing sent yet.
pub const QUIC_STREAM_SEND_STATE_READY: u8 = 0;
/// Send side: data sent.
pub const QUIC_STREAM_SEND_STATE_SEND: u8 = 1;
/// Send side: FIN sent.
pub const QUIC_STREAM_SEND_STATE_SENT: u8 = 2;
/// Send side: everything acknowledged.
pub const QUIC_STREAM_SEND_STATE_RECVD: u8 = 3;
/// Send side: RESET_STREAM sent.
pub const QUIC_STREAM_SEND_STATE_RESET_SENT: u8 = 4;
/// Send side: RESET_STREAM acknowledged.
pub const QUIC_STREAM_SEND_STATE_RESET_RECVD: u8 = 5;
/// Receive side: data comes in.
pub const QUIC_STREAM_RECV_STATE_RECV: u8 = 6;
/// Receive side: the final size is known.
pub const QUIC_STREAM_RECV_STATE_SIZE_KNOWN: u8 = 7;
/// Receive side: all data is here.
pub const QUIC_STREAM_RECV_STATE_RECVD: u8 = 8;
/// Receive side: all data was read.
pub const QUIC_STREAM_RECV_STATE_READ: u8 = 9;
/// Receive side: the peer reset the stream.
pub const QUIC_STREAM_RECV_STATE_RESET_RECVD: u8 = 10;
/// Receive side: the reset was read.
pub const QUIC_STREAM_RECV_STATE_RESET_READ: u8 = 11;

/// The longest event: its type and [`crate::structs::ConnectionClose`]. Tokens and tickets may be longer.
pub const EVENT_LEN: usize = 1 + 72;
