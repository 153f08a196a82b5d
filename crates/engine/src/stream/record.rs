//! One stream's record: its two halves, its places in queues, and what it has to tell. It does nothing by itself.

use inquic_wire::{Role, StreamId};

use super::limits::STREAM_BYTES;
use super::queue::Links;
use super::receive::ReceiveHalf;
use super::send::SendHalf;

/// A live stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) links: Links,
    /// Frames to send, besides STREAM.
    pub(super) control: Control,
    /// What the application is to be told.
    pub(super) events: Events,
    pub(super) priority: i32,
    /// Whether the application knows the stream.
    pub(super) accepted: bool,
    /// Whether a read has found nothing since Readable was told, so that it may be told again.
    pub(super) tell_readable: bool,
    /// Whether Heard was told.
    pub(super) is_heard: bool,
    /// Whether a writer was told that there is no room, and not yet that there is.
    pub(super) waits: bool,
    pub(super) send: Option<SendHalf>,
    pub(super) receive: Option<ReceiveHalf>,
}

/// Makes a type that is a set of flags in one byte.
macro_rules! flags {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $flag:ident = $bit:expr;)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) struct $name(u8);

        impl $name {
            pub(super) const NONE: Self = Self(0);
            $($(#[$inner])* pub(super) const $flag: Self = Self(1 << $bit);)*

            #[inline]
            pub(super) const fn has(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            #[inline]
            pub(super) fn set(&mut self, other: Self) {
                self.0 |= other.0;
            }

            #[inline]
            pub(super) fn clear(&mut self, other: Self) {
                self.0 &= !other.0;
            }
        }
    };
}
pub(super) use flags;

flags! {
    /// Frames that one stream has to send. A flag and not an entry: however often the cause comes, one frame is pending.
    Control {
        RESET_STREAM = 0;
        STOP_SENDING = 1;
        MAX_STREAM_DATA = 2;
        STREAM_DATA_BLOCKED = 3;
    }
}

flags! {
    /// Events that one stream has for the application, each at most once.
    Events {
        READABLE = 0;
        WRITABLE = 1;
        STOPPED = 2;
        FINISHED = 3;
        HEARD = 4;
        RECEIVING = 5;
        RESET_ARRIVED = 6;
    }
}

impl Events {
    /// The events that hold even when the stream's state has gone on, and that a closed stream waits for.
    pub(super) const LASTING: Self = Self(Self::STOPPED.0 | Self::FINISHED.0 | Self::CHANGES.0);
    /// Changes of states, which are told only where that was asked for.
    pub(super) const CHANGES: Self =
        Self(Self::HEARD.0 | Self::RECEIVING.0 | Self::RESET_ARRIVED.0);
}

impl Stream {
    pub(super) fn new(
        id: StreamId,
        role: Role,
        send: Option<SendHalf>,
        receive: Option<ReceiveHalf>,
    ) -> Self {
        Self {
            id,
            links: Links::OUT,
            control: Control::NONE,
            events: Events::NONE,
            priority: 0,
            accepted: id.initiator() == role,
            tell_readable: true,
            is_heard: false,
            waits: false,
            send,
            receive,
        }
    }

    /// Whether both halves are over and the application has heard all of it.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.accepted
            && self.send.as_ref().is_none_or(SendHalf::is_over)
            && self
                .receive
                .as_ref()
                .is_none_or(|half| half.state.is_terminal())
            && !self.events.has(Events::LASTING)
    }
}

const _: () = assert!(size_of::<Stream>() <= STREAM_BYTES);
