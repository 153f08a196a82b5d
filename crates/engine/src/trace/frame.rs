//! A frame as it is noted: numbers and lengths in, none of the bytes that its sender chose. Reset tokens, tokens and data stay out of
//! records, and with them out of every log.

use inquic_wire::frame::EcnCounts;
#[cfg(feature = "trace")]
use inquic_wire::frame::Frame;
use inquic_wire::{Code, ConnectionId, Direction, StreamId};

/// A frame without its content, or what belongs to the ACK frame before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// So many PADDING frames in a row.
    Padding(u16),
    /// PING.
    Ping,
    /// ACK, held back for so many microseconds. Its ranges follow.
    Ack(u64),
    /// Packets that the ACK frame before it acknowledges.
    AckRange {
        /// The lowest number.
        smallest: u64,
        /// The highest number.
        largest: u64,
    },
    /// The ECN counts of the ACK frame before it.
    AckEcn(EcnCounts),
    /// RESET_STREAM.
    ResetStream {
        /// The stream.
        id: StreamId,
        /// The application's error code.
        code: u64,
        /// The size of the stream.
        final_size: u64,
    },
    /// STOP_SENDING.
    StopSending {
        /// The stream.
        id: StreamId,
        /// The application's error code.
        code: u64,
    },
    /// CRYPTO.
    Crypto {
        /// First byte.
        offset: u64,
        /// How many bytes.
        len: u16,
    },
    /// NEW_TOKEN with a token of so many bytes.
    NewToken(u16),
    /// STREAM.
    Stream {
        /// The stream.
        id: StreamId,
        /// First byte.
        offset: u64,
        /// How many bytes.
        len: u16,
        /// Whether the stream ends with it.
        fin: bool,
    },
    /// MAX_DATA.
    MaxData(u64),
    /// MAX_STREAM_DATA.
    MaxStreamData {
        /// The stream.
        id: StreamId,
        /// The new limit.
        max: u64,
    },
    /// MAX_STREAMS.
    MaxStreams {
        /// Of which streams.
        direction: Direction,
        /// The new limit.
        max: u64,
    },
    /// DATA_BLOCKED at a limit.
    DataBlocked(u64),
    /// STREAM_DATA_BLOCKED.
    StreamDataBlocked {
        /// The stream.
        id: StreamId,
        /// The limit.
        limit: u64,
    },
    /// STREAMS_BLOCKED.
    StreamsBlocked {
        /// Of which streams.
        direction: Direction,
        /// The limit.
        limit: u64,
    },
    /// NEW_CONNECTION_ID.
    NewConnectionId {
        /// Its sequence number.
        sequence: u64,
        /// Those before are to be retired.
        retire_prior_to: u64,
        /// The id.
        id: ConnectionId,
    },
    /// RETIRE_CONNECTION_ID of a sequence number.
    RetireConnectionId(u64),
    /// PATH_CHALLENGE.
    PathChallenge([u8; 8]),
    /// PATH_RESPONSE.
    PathResponse([u8; 8]),
    /// CONNECTION_CLOSE of type 0x1c.
    ConnectionClose {
        /// The transport's error code.
        code: Code,
        /// The type of the frame at fault.
        frame_type: u64,
    },
    /// CONNECTION_CLOSE of type 0x1d with the application's error code.
    ApplicationClose(u64),
    /// HANDSHAKE_DONE.
    HandshakeDone,
    /// ACK_FREQUENCY with its sequence number.
    AckFrequency(u64),
    /// IMMEDIATE_ACK.
    ImmediateAck,
    /// DATAGRAM of so many bytes.
    Datagram(u16),
}

impl Seen {
    /// What is noted of a frame; `exponent` scales the delay of an ACK.
    #[cfg(feature = "trace")]
    pub(super) fn of(frame: &Frame<'_>, exponent: u8) -> Self {
        let len = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        match *frame {
            Frame::Padding { count } => Self::Padding(u16::try_from(count).unwrap_or(u16::MAX)),
            Frame::Ping => Self::Ping,
            Frame::Ack(ref ack) => {
                let delay = u128::from(ack.delay) << u32::from(exponent).min(20);
                Self::Ack(u64::try_from(delay).unwrap_or(u64::MAX))
            }
            Frame::ResetStream {
                id,
                code,
                final_size,
            } => Self::ResetStream {
                id,
                code,
                final_size,
            },
            Frame::StopSending { id, code } => Self::StopSending { id, code },
            Frame::Crypto { offset, data } => Self::Crypto {
                offset,
                len: len(data),
            },
            Frame::NewToken { token } => Self::NewToken(len(token)),
            Frame::Stream {
                id,
                offset,
                data,
                fin,
            } => Self::Stream {
                id,
                offset,
                len: len(data),
                fin,
            },
            Frame::MaxData(max) => Self::MaxData(max),
            Frame::MaxStreamData { id, max } => Self::MaxStreamData { id, max },
            Frame::MaxStreams { direction, max } => Self::MaxStreams { direction, max },
            Frame::DataBlocked(limit) => Self::DataBlocked(limit),
            Frame::StreamDataBlocked { id, limit } => Self::StreamDataBlocked { id, limit },
            Frame::StreamsBlocked { direction, limit } => Self::StreamsBlocked { direction, limit },
            Frame::NewConnectionId {
                sequence,
                retire_prior_to,
                id,
                reset_token: _,
            } => Self::NewConnectionId {
                sequence,
                retire_prior_to,
                id,
            },
            Frame::RetireConnectionId { sequence } => Self::RetireConnectionId(sequence),
            Frame::PathChallenge(data) => Self::PathChallenge(data),
            Frame::PathResponse(data) => Self::PathResponse(data),
            Frame::ConnectionClose {
                code,
                frame_type,
                reason: _,
            } => Self::ConnectionClose { code, frame_type },
            Frame::ApplicationClose { code, reason: _ } => Self::ApplicationClose(code),
            Frame::HandshakeDone => Self::HandshakeDone,
            Frame::AckFrequency(ref frequency) => Self::AckFrequency(frequency.sequence),
            Frame::ImmediateAck => Self::ImmediateAck,
            Frame::Datagram { data, has_len: _ } => Self::Datagram(len(data)),
        }
    }
}
