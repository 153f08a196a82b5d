//! What socket calls answer with besides their values: an errno, what to wait for, or what is left to the home.

use core::net::SocketAddr;

use inquic_uapi::flags::{POLLIN, POLLOUT};
use inquic_wire::{Direction, StreamId};

use crate::errno::Errno;

/// Why a call has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The call fails with this errno.
    Failed(Errno),
    /// The call fails with EPIPE, and the program gets SIGPIPE.
    Pipe,
    /// The call would block. A blocking one is made again when [`super::Sock::take_changes`] has told of a change; one that
    /// must not block, or has waited for as long as it may, fails with `errno`.
    Blocked {
        /// What it waits for.
        on: Wait,
        /// What a call that must not block returns.
        errno: Errno,
    },
}

/// What a call that would block waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Something to receive.
    Receive,
    /// Room to send.
    Send,
    /// The peer allows one more stream.
    Open(Direction),
    /// A connection to accept.
    Accept,
    /// The peer opens a stream.
    Incoming,
    /// Something to read from a stream that has a descriptor.
    StreamRead(StreamId),
    /// Room to write on a stream that has a descriptor.
    StreamWrite(StreamId),
}

impl Stop {
    /// What a call that must not block returns.
    #[must_use]
    pub const fn errno(self) -> Errno {
        match self {
            Self::Failed(errno) | Self::Blocked { errno, .. } => errno,
            Self::Pipe => Errno::EPIPE,
        }
    }
}

impl Wait {
    /// Whether it is a receiving call that waits, so that SO_RCVTIMEO says for how long, or a sending one with SO_SNDTIMEO.
    #[must_use]
    pub const fn is_receiving(self) -> bool {
        match self {
            Self::Receive | Self::Accept | Self::Incoming | Self::StreamRead(_) => true,
            Self::Send | Self::Open(_) | Self::StreamWrite(_) => false,
        }
    }

    /// The bit of poll(2) that is set when the wait is over.
    #[must_use]
    pub const fn poll_bit(self) -> u32 {
        if self.is_receiving() { POLLIN } else { POLLOUT }
    }
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno)
    }
}

/// What setsockopt() leaves to the home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Nothing: it is done.
    Done,
    /// To receive at this address too, and then to call [`super::Sock::on_receiving`]. If that cannot be, its errno is the call's.
    Receive(SocketAddr),
    /// All of it: the option is not of QUIC sockets, and goes to the UDP socket.
    Pass,
}

/// What getsockopt() gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// So many bytes of the value.
    Bytes(usize),
    /// A stream, for which the home makes a descriptor; [`inquic_uapi::structs::StreamDescriptor`] is then written by
    /// [`super::Sock::write_descriptor`].
    Stream(StreamId),
    /// Nothing: the option is not of QUIC sockets, and goes to the UDP socket.
    Pass,
}

/// What sendmsg() took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Bytes.
    pub bytes: usize,
    /// The stream that they went to, which the rest of the message follows; see [`Part`].
    pub stream: Option<StreamId>,
}

/// Which part of a message [`super::Sock::send_part`] is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The stream that what was taken before went to; none while nothing was.
    pub stream: Option<StreamId>,
    /// Others follow it. The message's FIN goes with the last.
    pub more: bool,
}

/// What recvmsg() gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Bytes of the buffer that were filled; with `MSG_TRUNC` asked for, bytes of the whole message.
    pub bytes: usize,
    /// `msg_flags`.
    pub flags: u32,
    /// Bytes of the control buffer that were filled.
    pub control: usize,
}
