//! Frames (RFC 9000 §19): in come packet payloads, out come values that keep the rules, and the other way about. What a
//! frame does to a connection is not decided here.

mod ack;
mod permitted;
mod read;
pub mod types;
mod write;

pub use ack::{Ack, AckRanges, EcnCounts, write_ack};
pub use read::{Frames, StreamFrame};
pub use write::{
    crypto_header_len, stream_header_len, write_ack_frequency, write_application_close,
    write_connection_close, write_crypto, write_crypto_header, write_data_blocked,
    write_datagram_header, write_handshake_done, write_immediate_ack, write_max_data,
    write_max_stream_data, write_max_streams, write_new_connection_id, write_new_token,
    write_padding, write_path_challenge, write_path_response, write_ping, write_reset_stream,
    write_retire_connection_id, write_stop_sending, write_stream, write_stream_data_blocked,
    write_stream_header, write_streams_blocked,
};

use crate::{
    error::Code,
    id::{ConnectionId, StreamId},
    level::Direction,
};

/// One frame, or one run of PADDING.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// `count` PADDING frames in a row.
    Padding {
        /// How many, at least 1.
        count: usize,
    },
    /// PING.
    Ping,
    /// ACK.
    Ack(Ack<'a>),
    /// RESET_STREAM.
    ResetStream {
        /// The stream that its sender gives up.
        id: StreamId,
        /// The application's reason.
        code: u64,
        /// How many bytes of the stream were sent.
        final_size: u64,
    },
    /// STOP_SENDING.
    StopSending {
        /// The stream that its receiver gives up.
        id: StreamId,
        /// The application's reason.
        code: u64,
    },
    /// CRYPTO. Its end is at most 2^62 − 1.
    Crypto {
        /// The place of the first byte.
        offset: u64,
        /// The bytes.
        data: &'a [u8],
    },
    /// NEW_TOKEN. The token is not empty.
    NewToken {
        /// The token.
        token: &'a [u8],
    },
    /// STREAM. Its end is at most 2^62 − 1.
    Stream {
        /// The stream.
        id: StreamId,
        /// The place of the first byte.
        offset: u64,
        /// The bytes.
        data: &'a [u8],
        /// Whether the stream ends after them.
        fin: bool,
    },
    /// MAX_DATA.
    MaxData(u64),
    /// MAX_STREAM_DATA.
    MaxStreamData {
        /// The stream.
        id: StreamId,
        /// The bytes that may be sent on it.
        max: u64,
    },
    /// MAX_STREAMS. At most 2^60.
    MaxStreams {
        /// The kind of stream.
        direction: Direction,
        /// The streams of the kind that may be opened.
        max: u64,
    },
    /// DATA_BLOCKED.
    DataBlocked(u64),
    /// STREAM_DATA_BLOCKED.
    StreamDataBlocked {
        /// The stream.
        id: StreamId,
        /// The limit that blocks it.
        limit: u64,
    },
    /// STREAMS_BLOCKED. At most 2^60.
    StreamsBlocked {
        /// The kind of stream.
        direction: Direction,
        /// The limit that blocks it.
        limit: u64,
    },
    /// NEW_CONNECTION_ID.
    NewConnectionId {
        /// The place of the id among those issued.
        sequence: u64,
        /// Ids before this one are to be retired; at most `sequence`.
        retire_prior_to: u64,
        /// The id, 1 to 20 bytes.
        id: ConnectionId,
        /// The token that resets a connection using the id.
        reset_token: [u8; 16],
    },
    /// RETIRE_CONNECTION_ID.
    RetireConnectionId {
        /// The place of the id among those issued.
        sequence: u64,
    },
    /// PATH_CHALLENGE.
    PathChallenge([u8; 8]),
    /// PATH_RESPONSE.
    PathResponse([u8; 8]),
    /// CONNECTION_CLOSE of type 0x1c.
    ConnectionClose {
        /// The transport error.
        code: Code,
        /// The type of the frame that caused it, 0 when unknown.
        frame_type: u64,
        /// Text for people, not to be trusted.
        reason: &'a [u8],
    },
    /// CONNECTION_CLOSE of type 0x1d.
    ApplicationClose {
        /// The application's error.
        code: u64,
        /// Text for people, not to be trusted.
        reason: &'a [u8],
    },
    /// HANDSHAKE_DONE.
    HandshakeDone,
    /// ACK_FREQUENCY: when its receiver is asked to acknowledge (draft-ietf-quic-ack-frequency §4).
    AckFrequency(AckFrequency),
    /// IMMEDIATE_ACK: an acknowledgement is asked for at once (draft-ietf-quic-ack-frequency §5).
    ImmediateAck,
    /// DATAGRAM (RFC 9221).
    Datagram {
        /// The bytes.
        data: &'a [u8],
        /// Whether the frame has a length. Without it the frame ends with its packet.
        has_len: bool,
    },
}

/// What an ACK_FREQUENCY frame asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckFrequency {
    /// Larger in each later frame; one that is not larger than those before is out of date.
    pub sequence: u64,
    /// Ack-eliciting packets that may come without an acknowledgement.
    pub threshold: u64,
    /// The longest that an acknowledgement may be held back, in microseconds.
    pub max_ack_delay_us: u64,
    /// How far packets may be out of order before that is told at once; 0 for never.
    pub reordering: u64,
}

impl Frame<'_> {
    /// Whether a packet with this frame has to be acknowledged.
    #[inline]
    #[must_use]
    pub const fn is_ack_eliciting(&self) -> bool {
        //= RFC 9000 §1.2: A QUIC packet that contains frames other than ACK, PADDING, and CONNECTION_CLOSE.
        !matches!(
            self,
            Self::Padding { .. }
                | Self::Ack(_)
                | Self::ConnectionClose { .. }
                | Self::ApplicationClose { .. }
        )
    }

    /// Whether a packet of such frames only probes a path.
    #[inline]
    #[must_use]
    pub const fn is_probing(&self) -> bool {
        //= RFC 9000 §9.1: PATH_CHALLENGE, PATH_RESPONSE, NEW_CONNECTION_ID, and PADDING frames are "probing frames",
        //= and all other frames are "non-probing frames".
        matches!(
            self,
            Self::Padding { .. }
                | Self::NewConnectionId { .. }
                | Self::PathChallenge(_)
                | Self::PathResponse(_)
        )
    }

    /// The type. Of a STREAM frame, whether it had a length is forgotten and that bit is 0.
    #[inline]
    #[must_use]
    pub const fn frame_type(&self) -> u64 {
        let frame_type = match self {
            Self::Padding { .. } => types::PADDING,
            Self::Ping => types::PING,
            Self::Ack(ack) if ack.ecn.is_none() => types::ACK,
            Self::Ack(_) => types::ACK_ECN,
            Self::ResetStream { .. } => types::RESET_STREAM,
            Self::StopSending { .. } => types::STOP_SENDING,
            Self::Crypto { .. } => types::CRYPTO,
            Self::NewToken { .. } => types::NEW_TOKEN,
            Self::Stream { offset, fin, .. } => types::stream(*offset, *fin),
            Self::MaxData(_) => types::MAX_DATA,
            Self::MaxStreamData { .. } => types::MAX_STREAM_DATA,
            Self::MaxStreams { direction, .. } => match direction {
                Direction::Bidirectional => types::MAX_STREAMS_BIDI,
                Direction::Unidirectional => types::MAX_STREAMS_UNI,
            },
            Self::DataBlocked(_) => types::DATA_BLOCKED,
            Self::StreamDataBlocked { .. } => types::STREAM_DATA_BLOCKED,
            Self::StreamsBlocked { direction, .. } => match direction {
                Direction::Bidirectional => types::STREAMS_BLOCKED_BIDI,
                Direction::Unidirectional => types::STREAMS_BLOCKED_UNI,
            },
            Self::NewConnectionId { .. } => types::NEW_CONNECTION_ID,
            Self::RetireConnectionId { .. } => types::RETIRE_CONNECTION_ID,
            Self::PathChallenge(_) => types::PATH_CHALLENGE,
            Self::PathResponse(_) => types::PATH_RESPONSE,
            Self::ConnectionClose { .. } => types::CONNECTION_CLOSE,
            Self::ApplicationClose { .. } => types::APPLICATION_CLOSE,
            Self::HandshakeDone => types::HANDSHAKE_DONE,
            Self::AckFrequency(_) => types::ACK_FREQUENCY,
            Self::ImmediateAck => types::IMMEDIATE_ACK,
            Self::Datagram { has_len: false, .. } => types::DATAGRAM,
            Self::Datagram { has_len: true, .. } => types::DATAGRAM_LEN,
        };
        frame_type as u64
    }
}

/// Streams of one kind that a connection can ever have: the ids of more would not fit a varint.
pub(crate) const MAX_STREAMS_LIMIT: u64 = 1 << 60;

#[cfg(test)]
mod tests;
