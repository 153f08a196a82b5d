//! What calls on streams answer with.

use core::fmt;

use inquic_wire::{Direction, StreamId};

/// Bytes that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// How many.
    pub bytes: usize,
    /// Whether nothing comes after them.
    pub fin: bool,
}

/// Why nothing was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// Nothing is there yet; a `Readable` event follows.
    Blocked,
    /// The peer abandoned the stream with this code.
    Reset(u64),
    /// We asked the peer to stop.
    Stopped,
    /// There is no such stream, or nothing comes from it.
    Unknown,
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The buffer is full; a `Writable` event follows.
    Blocked,
    /// The peer asked us to stop, with this code.
    Stopped(u64),
    /// The stream was finished or reset before.
    Finished,
    /// There is no such stream, or nothing can be sent on it.
    Unknown,
    /// There is no memory. No event follows.
    Memory,
}

/// Why no stream was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// As many streams are open as the peer allows; a `MaxStreams` event follows.
    Limit,
    /// There is no memory. No event follows.
    Memory,
}

/// What became of a frame.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStream {
    /// The packet may be acknowledged.
    Taken,
    /// There was no room or no memory for it: the packet is not to be acknowledged, so that the peer sends it again.
    Refused,
}

/// Something that the application may want to act on. Each is told once until it was acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// The peer opened streams; `accept` gives them.
    Incoming(Direction),
    /// `read` gives bytes, the end or a reset.
    Readable(StreamId),
    /// `write` takes bytes again.
    Writable(StreamId),
    /// The peer asked us to send no more; the stream is reset.
    Stopped {
        /// The stream.
        id: StreamId,
        /// The peer's reason.
        code: u64,
    },
    /// The peer has all data and the end.
    Finished(StreamId),
    /// The state of a stream has changed; told where [`super::Config::tells_states`] asks for it.
    Changed {
        /// The stream.
        id: StreamId,
        /// What it has come to.
        change: Change,
    },
    /// `open` may succeed again.
    MaxStreams(Direction),
}

/// A change of a stream's state. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something has come from the peer, for the first time.
    Heard,
    /// The peer's end is known, and data is missing.
    Sized(u64),
    /// All data of the peer is here.
    Arrived(u64),
    /// The peer abandoned what it sends.
    Reset {
        /// The peer's reason.
        code: u64,
        /// As far as it had sent.
        size: u64,
    },
    /// The peer knows that we abandoned what we send.
    ResetArrived {
        /// Our reason.
        code: u64,
        /// As far as we had sent.
        size: u64,
    },
}

/// Numbers about a connection's streams since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Streams that are alive.
    pub open: u64,
    /// Streams that we opened.
    pub opened_local: u64,
    /// Streams that the peer opened.
    pub opened_remote: u64,
    /// Streams that are over.
    pub closed: u64,
    /// Bytes of streams sent, the first time.
    pub bytes_sent: u64,
    /// Bytes of streams sent again.
    pub bytes_resent: u64,
    /// Bytes of streams that the peer sent, each counted once; what the connection's limit is checked against.
    pub bytes_received: u64,
    /// Bytes that the application took.
    pub bytes_read: u64,
    /// Bytes that came and were thrown away after a reset or stop.
    pub bytes_discarded: u64,
    /// STREAM frames whose data could not be kept.
    pub frames_refused: u64,
    /// Frames for streams that are over.
    pub frames_late: u64,
}

/// One value for each direction of streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Both<T> {
    pub(super) bidirectional: T,
    pub(super) unidirectional: T,
}

impl<T> Both<T> {
    #[inline]
    pub(super) const fn get(&self, direction: Direction) -> &T {
        match direction {
            Direction::Bidirectional => &self.bidirectional,
            Direction::Unidirectional => &self.unidirectional,
        }
    }

    #[inline]
    pub(super) const fn get_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Bidirectional => &mut self.bidirectional,
            Direction::Unidirectional => &mut self.unidirectional,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocked => f.write_str("nothing to read yet"),
            Self::Reset(code) => write!(f, "the peer reset the stream with code {code}"),
            Self::Stopped => f.write_str("reading was stopped"),
            Self::Unknown => f.write_str("no such stream to read"),
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocked => f.write_str("the send buffer is full"),
            Self::Stopped(code) => write!(f, "the peer stopped the stream with code {code}"),
            Self::Finished => f.write_str("the stream was finished or reset"),
            Self::Unknown => f.write_str("no such stream to write"),
            Self::Memory => f.write_str("no memory for what was written"),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit => f.write_str("the peer allows no more streams"),
            Self::Memory => f.write_str("no memory for a stream"),
        }
    }
}

impl core::error::Error for ReadError {}
impl core::error::Error for WriteError {}
impl core::error::Error for OpenError {}
