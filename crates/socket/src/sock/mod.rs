//! A socket as programs know it: raw calls and datagrams in; bytes, errno values and datagrams out (socket-abi 1 and 2).
//!
//! A [`Sock`] is what a descriptor of `socket(family, type, IPPROTO_QUIC)` stands for, from its making to its end: unbound,
//! bound, listening, or one connection that is set up by its program's handshake, used and closed. It takes option numbers,
//! structures and control messages as bytes. It never waits: a call that would block says what for ([`Stop::Blocked`]). It
//! performs no I/O, reads no clock, takes no lock.
//!
//! # What a home does
//!
//! It has one lock for each `Sock` and one for each [`crate::Port`], in that order, as for [`crate::Socket`], and a table by
//! [`Handle`] of the `Sock`s that are connections.
//!
//! 1. `bind`: [`Sock::bind`] checks the address; the home binds UDP there and tells [`Sock::on_bound`]. Before `listen` and
//!    `connect` it does the same for a socket that is not bound ([`Sock::local_address`] is none), at port 0.
//! 2. A datagram that [`crate::Port::route`] calls incoming goes to [`crate::Port::admit_sock`], and the new `Sock` into the
//!    table.
//! 3. After datagrams ([`Sock::receive`]), time ([`Sock::expire`]) and calls:
//!    - [`Sock::take_changes`]; when it says so, everybody who waits for this socket is woken, and poll is asked again;
//!    - if [`Sock::needs_port`], [`crate::Port::settle`], whose answer says whom to wake and what to forget;
//!    - unless [`Sock::is_corked`] after a call, [`Sock::transmit`] until there is nothing, then [`Sock::take_changes`] again;
//!    - a timer for [`Sock::next_deadline`].
//! 4. `accept`: [`Sock::accept`] names a connection of the table. Its handshake is its program's to make.
//! 5. `close` of the last descriptor: [`Sock::close`]. The `Sock` stays in the table until [`crate::Port::settle`] says that it
//!    is gone.

pub mod address;
mod answer;
mod connect;
mod drive;
mod end;
mod events;
mod general;
mod inbox;
mod link;
mod options;
mod poll;
mod receive;
mod send;
mod settings;
mod streams;
#[cfg(test)]
mod tests;
mod tls;

pub use answer::{Got, Message, Part, Sent, Set, Stop, Wait};

use core::net::SocketAddr;

use inquic_engine::{CloseReason, Handle, Stats};
use inquic_platform::{Duration, Own};
use inquic_uapi::socket::{AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM};

use crate::errno::Errno;
use crate::options::Options;
use crate::port::ListenerId;

use general::General;
use link::Link;

/// The address family of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `AF_INET`.
    V4,
    /// `AF_INET6`, which reaches IPv4 as well.
    V6,
}

/// A socket of `IPPROTO_QUIC`.
pub struct Sock {
    family: Family,
    /// `SOCK_STREAM` or `SOCK_DGRAM`, between which there is no difference.
    kind: i32,
    general: General,
    /// What was set, before there was a connection or on it; a listener's is for the connections to come.
    options: Options,
    state: State,
    /// What the port knows it by while it listens, and until nobody waits in its queue.
    listener: Option<ListenerId>,
}

enum State {
    /// Neither connected nor listening; bound to an address or not.
    Idle(Option<SocketAddr>),
    Listening {
        local: SocketAddr,
        /// Options have changed that the port does not know.
        changed: bool,
    },
    /// From connect() or the listener's queue on, whatever becomes of it.
    Connection(Own<Link>),
}

impl Sock {
    /// socket().
    ///
    /// # Errors
    ///
    /// [`Errno::EAFNOSUPPORT`] for another family than `AF_INET` and `AF_INET6`, [`Errno::EPROTONOSUPPORT`] for another type than
    /// `SOCK_STREAM` and `SOCK_DGRAM`.
    pub fn new(family: u16, kind: i32) -> Result<Self, Errno> {
        let family = match family {
            AF_INET => Family::V4,
            AF_INET6 => Family::V6,
            _ => return Err(Errno::EAFNOSUPPORT),
        };
        if kind != SOCK_STREAM && kind != SOCK_DGRAM {
            return Err(Errno::EPROTONOSUPPORT);
        }
        Ok(Self {
            family,
            kind,
            general: General::default(),
            options: Options::default(),
            state: State::Idle(None),
            listener: None,
        })
    }

    /// The address family that it was made with.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// Whether other sockets that say so too may have the same port: SO_REUSEPORT.
    #[must_use]
    pub const fn shares_port(&self) -> bool {
        self.general.reuse_port
    }

    /// How long a blocking call waits that receives: SO_RCVTIMEO. None is for ever.
    #[must_use]
    pub const fn receive_timeout(&self) -> Option<Duration> {
        self.general.receive_timeout
    }

    /// How long a blocking call waits that sends: SO_SNDTIMEO. None is for ever.
    #[must_use]
    pub const fn send_timeout(&self) -> Option<Duration> {
        self.general.send_timeout
    }

    /// Under what the port knows the connection, if it is one.
    #[must_use]
    pub fn handle(&self) -> Option<Handle> {
        self.link().map(|link| link.socket.handle())
    }

    /// What the engine has counted, if it is a connection.
    #[must_use]
    pub fn stats(&self) -> Option<Stats> {
        self.link().map(|link| link.socket.stats())
    }

    /// Why the connection has ended, if it has.
    #[must_use]
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.link().and_then(|link| link.socket.close_reason())
    }

    /// Whether it listens.
    #[must_use]
    pub const fn is_listening(&self) -> bool {
        matches!(self.state, State::Listening { .. })
    }

    /// Under what the port knows it as a listener, while it is one or somebody waits in its queue.
    #[must_use]
    pub const fn listener(&self) -> Option<ListenerId> {
        self.listener
    }

    /// The listener that a connection has come to.
    #[must_use]
    pub fn came_to(&self) -> Option<ListenerId> {
        self.link().and_then(|link| link.socket.listener())
    }

    fn link(&self) -> Option<&Link> {
        match &self.state {
            State::Connection(link) => Some(link),
            State::Idle(_) | State::Listening { .. } => None,
        }
    }

    fn link_mut(&mut self) -> Option<&mut Link> {
        match &mut self.state {
            State::Connection(link) => Some(link),
            State::Idle(_) | State::Listening { .. } => None,
        }
    }
}
