//! What was sent, as the sent log keeps it and as its owners hear of it again. Nothing in here decides a fate.

use inquic_wire::{Direction, StreamId};

/// What a sent packet carried, so that its fate can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentFrame {
    /// An ACK frame whose largest acknowledged number was this.
    Ack {
        /// The largest number it acknowledged.
        largest: u64,
    },
    /// A CRYPTO frame.
    Crypto {
        /// First byte.
        offset: u64,
        /// How many bytes.
        len: u16,
    },
    /// A STREAM frame.
    Stream {
        /// The stream.
        id: StreamId,
        /// First byte.
        offset: u64,
        /// How many bytes.
        len: u16,
        /// Whether the stream ended with it.
        fin: bool,
    },
    /// A RESET_STREAM frame.
    ResetStream {
        /// The stream.
        id: StreamId,
    },
    /// A STOP_SENDING frame.
    StopSending {
        /// The stream.
        id: StreamId,
    },
    /// A MAX_DATA frame.
    MaxData,
    /// A MAX_STREAM_DATA frame.
    MaxStreamData {
        /// The stream.
        id: StreamId,
    },
    /// A MAX_STREAMS frame.
    MaxStreams(Direction),
    /// A DATA_BLOCKED frame.
    DataBlocked,
    /// A STREAM_DATA_BLOCKED frame.
    StreamDataBlocked {
        /// The stream.
        id: StreamId,
    },
    /// A STREAMS_BLOCKED frame.
    StreamsBlocked(Direction),
    /// A NEW_CONNECTION_ID frame.
    NewConnectionId {
        /// The identifier's sequence number.
        sequence: u64,
    },
    /// A RETIRE_CONNECTION_ID frame.
    RetireConnectionId {
        /// The identifier's sequence number.
        sequence: u64,
    },
    /// A NEW_TOKEN frame.
    NewToken,
    /// A HANDSHAKE_DONE frame.
    HandshakeDone,
    /// A PING frame.
    Ping,
    /// An ACK_FREQUENCY frame.
    AckFrequency {
        /// Its sequence number.
        sequence: u64,
    },
    /// A DATAGRAM frame (RFC 9221).
    Datagram {
        /// The number under which its sender wants to hear of its fate; 0 when it does not.
        number: u64,
    },
    /// The packet with this number was a probe of the path's MTU. Its loss says nothing of congestion.
    MtuProbe {
        /// The packet's number.
        number: u64,
    },
}

/// What became of a sent frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The peer has it.
    Acknowledged,
    /// It has to be taken as lost.
    Lost,
}

/// A packet as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentPacket {
    /// Its number; larger than every one before it in its space.
    pub number: u64,
    /// Its bytes, header and tag included.
    pub size: u16,
    /// Whether the peer has to acknowledge it.
    pub ack_eliciting: bool,
    /// Whether it counts as in flight: ack-eliciting, or padded.
    pub in_flight: bool,
}

const _: () = assert!(
    size_of::<SentFrame>() <= 24,
    "kept for each frame in flight"
);
