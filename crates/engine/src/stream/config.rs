//! What a connection is told about its streams before it begins.

use inquic_wire::{Direction, Role, TransportParameters};

use super::limits;

/// How a connection keeps its streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which side we are.
    pub role: Role,
    /// How much the peer may send on one stream ahead of the reader.
    pub stream_window: Window,
    /// How much the peer may send on all streams ahead of the readers.
    pub connection_window: Window,
    /// Bidirectional streams that the peer may have open at once, if the window pays for so many: [`limits::streams_at_once`].
    pub max_streams_bidi: u64,
    /// Unidirectional streams that the peer may have open at once, if the window pays for so many: [`limits::streams_at_once`].
    pub max_streams_uni: u64,
    /// Bytes of memory for what was written and not acknowledged, at least [`limits::PIECE_MIN`]. More streams of ours than
    /// [`limits::local_streams`] are not paid for by it.
    pub send_buffer: usize,
    /// Bytes of one stream that may be written and not acknowledged.
    pub stream_send_buffer: usize,
    /// Where the windows of some kinds of streams do not begin as `stream_window` says.
    pub initial: Initial,
    /// Whether the peer is told of each stream that it may open in the place of one that is over, with the next packet or
    /// [`crate::limits::PATIENCE`] later, and not only once it has used half of those that it may open.
    pub is_prompt: bool,
    /// Whether changes of streams' states are told; see [`super::StreamEvent::Changed`].
    pub tells_states: bool,
}

/// The windows with which the kinds of streams begin, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Initial {
    /// Bidirectional streams that we open.
    pub bidi_local: Option<u64>,
    /// Bidirectional streams that the peer opens.
    pub bidi_remote: Option<u64>,
    /// Unidirectional streams that the peer opens.
    pub uni: Option<u64>,
}

/// A receive window, which grows from `initial` to `ceiling` when the reader is faster than the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Bytes at the start.
    pub initial: u64,
    /// Bytes at most.
    pub ceiling: u64,
}

/// The windows with which streams begin: bidirectional ones of ours, those of the peer, and unidirectional ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstWindows {
    bidi_local: u64,
    bidi_remote: u64,
    uni: u64,
}

impl Config {
    /// The defaults, for this side of the connection.
    #[must_use]
    pub const fn new(role: Role) -> Self {
        Self {
            role,
            stream_window: Window {
                initial: limits::STREAM_WINDOW,
                ceiling: limits::STREAM_WINDOW_MAX,
            },
            connection_window: Window {
                initial: limits::CONNECTION_WINDOW,
                ceiling: limits::CONNECTION_WINDOW_MAX,
            },
            max_streams_bidi: limits::STREAMS,
            max_streams_uni: limits::STREAMS,
            send_buffer: limits::SEND_BUFFER,
            stream_send_buffer: limits::STREAM_SEND_BUFFER,
            initial: Initial {
                bidi_local: None,
                bidi_remote: None,
                uni: None,
            },
            is_prompt: false,
            tells_states: false,
        }
    }

    /// Writes the limits into the transport parameters that we send.
    pub fn fill(&self, parameters: &mut TransportParameters) {
        let FirstWindows {
            bidi_local,
            bidi_remote,
            uni,
        } = self.first_windows();
        parameters.initial_max_data = self.connection_window.initial.min(inquic_wire::VARINT_MAX);
        parameters.initial_max_stream_data_bidi_local = bidi_local;
        parameters.initial_max_stream_data_bidi_remote = bidi_remote;
        parameters.initial_max_stream_data_uni = uni;
        let [bidirectional, unidirectional] = self.streams_at_once();
        parameters.initial_max_streams_bidi = bidirectional;
        parameters.initial_max_streams_uni = unidirectional;
    }

    /// The streams of each type that the peer may have open at the start.
    pub(super) const fn streams_at_once(&self) -> [u64; 2] {
        let most = [self.max_streams_bidi, self.max_streams_uni];
        limits::streams_at_once(self.connection_window.initial, most)
    }

    /// The windows with which streams begin.
    pub(super) fn first_windows(&self) -> FirstWindows {
        let window = |own: Option<u64>| {
            let window = own.unwrap_or(self.stream_window.initial);
            window.min(inquic_wire::VARINT_MAX)
        };
        FirstWindows {
            bidi_local: window(self.initial.bidi_local),
            bidi_remote: window(self.initial.bidi_remote),
            uni: window(self.initial.uni),
        }
    }
}

impl FirstWindows {
    /// Of a stream that we opened, or the peer.
    pub(super) const fn of(&self, ours: bool, direction: Direction) -> u64 {
        match (direction, ours) {
            (Direction::Unidirectional, _) => self.uni,
            (Direction::Bidirectional, true) => self.bidi_local,
            (Direction::Bidirectional, false) => self.bidi_remote,
        }
    }
}
