//! One connection as a socket: datagrams, time and calls in; datagrams, news, readiness and errno values out.
//!
//! The engine's connection does the protocol. What a socket adds: close() that flushes in the background, and errno values. It
//! never blocks; a home waits for what [`Socket::next_news`] tells. For programs of the C ABI there is [`crate::Sock`] around it.

mod close;
mod datagrams;
mod handshake;
mod streams;
#[cfg(test)]
mod tests;
#[cfg(feature = "trace")]
mod trace;

pub use inquic_engine::datagram::DatagramError;
pub use inquic_engine::recovery::Fate;
pub use inquic_engine::stream::{OpenError, Read, ReadError, WriteError};

use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_engine::datagram::DatagramEvent;
use inquic_engine::stream::StreamEvent;
use inquic_engine::{
    Audit, CloseReason, Connection, Event, Handle, MigrateError, Path, Received, Stats, Transmit,
};
use inquic_platform::Instant;
use inquic_platform::memory::Own;
use inquic_wire::{Direction, Role, StreamId};

use crate::port::ListenerId;
use close::Ending;

/// A connection's socket.
pub struct Socket {
    handle: Handle,
    connection: Own<Connection>,
    ending: Ending,
    /// The token of the last NEW_TOKEN frame.
    token: Vec<u8>,
    handshake_waits: bool,
    /// Where the peer's last datagrams came to.
    heard: Option<SocketAddr>,
    /// The listener that it came to; none when it was opened here.
    listener: Option<ListenerId>,
}

/// What changed on a socket. A home wakes whoever waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Handshake messages wait for TLS.
    Handshake,
    /// Data may go both ways before the handshake is complete, in 0-RTT; see [`Socket::is_early`].
    Early,
    /// The handshake is complete: connect() and accept() return.
    Established,
    /// The handshake is confirmed (RFC 9001 §4.1.2); TLS is needed for tickets only.
    Confirmed,
    /// The peer opened a stream.
    Incoming(Direction),
    /// A stream has data, an end or a reset to read.
    Readable(StreamId),
    /// A stream takes data again, or never will.
    Writable(StreamId),
    /// All that was written to a stream has arrived.
    Delivered(StreamId),
    /// Streams can be opened again after the limit was met.
    MayOpen(Direction),
    /// Datagrams can be taken.
    DatagramReceived,
    /// Datagrams are taken again, after the queue was full.
    DatagramRoom,
    /// The fate of datagrams is known.
    DatagramFates,
    /// The server gave a token for later connections.
    Token,
    /// The connection uses another path now; see [`Socket::path`].
    Migrated,
    /// The path that [`Socket::migrate`] asked for, or the server's preferred address, does not work.
    MigrationFailed,
    /// The connection has ended; [`Socket::close_reason`] says why.
    Closed,
    /// Nothing is left to do: [`crate::Port::remove`] it.
    Gone,
}

impl Socket {
    /// The socket of a connection that an endpoint knows as `handle`.
    pub(crate) fn new(handle: Handle, connection: Own<Connection>) -> Self {
        Self {
            handle,
            connection,
            ending: Ending::Open,
            token: Vec::new(),
            handshake_waits: false,
            heard: None,
            listener: None,
        }
    }

    /// The socket of a connection that came to a listener.
    pub(crate) fn accepted(
        handle: Handle,
        connection: Own<Connection>,
        listener: ListenerId,
    ) -> Self {
        Self {
            listener: Some(listener),
            ..Self::new(handle, connection)
        }
    }

    /// The listener that it came to; none when it was opened here.
    #[must_use]
    pub const fn listener(&self) -> Option<ListenerId> {
        self.listener
    }

    /// Takes datagrams of this connection.
    pub fn receive(&mut self, now: Instant, datagrams: Received<'_>) {
        self.heard = datagrams.path.local.or(self.heard);
        self.connection.receive(now, datagrams);
    }

    /// Takes note of the time.
    pub fn expire(&mut self, now: Instant) {
        self.connection.expire(now);
        self.settle_ending(now);
    }

    /// Builds a batch of datagrams into `out`; call it until there is none.
    pub fn transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        self.settle_ending(now);
        self.connection.transmit(now, out)
    }

    /// The system refused to send datagrams of `bytes` bytes because of their size: EMSGSIZE.
    pub fn on_refused(&mut self, now: Instant, bytes: usize) {
        self.connection.on_refused(now, bytes);
    }

    /// An ICMP message says that datagrams to `remote` may have no more than `bytes` bytes. It is checked, not believed.
    pub fn on_too_big(&mut self, remote: SocketAddr, bytes: usize) {
        self.connection.on_too_big(remote, bytes);
    }

    /// When [`Socket::expire`] must be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let linger = self.ending.until();
        match (self.connection.next_deadline(), linger) {
            (Some(engine), Some(linger)) => Some(engine.min(linger)),
            (engine, linger) => engine.or(linger),
        }
    }

    /// What changed, one piece a call, until there is nothing more.
    pub fn next_news(&mut self) -> Option<News> {
        Some(match self.next_event()? {
            Event::Handshake => News::Handshake,
            Event::Early => News::Early,
            Event::Connected => News::Established,
            Event::Confirmed => News::Confirmed,
            Event::Token => News::Token,
            Event::Migrated => News::Migrated,
            Event::MigrationFailed => News::MigrationFailed,
            Event::Stream(StreamEvent::Incoming(direction)) => News::Incoming(direction),
            Event::Stream(StreamEvent::Readable(id)) => News::Readable(id),
            Event::Stream(StreamEvent::Writable(id) | StreamEvent::Stopped { id, .. }) => {
                News::Writable(id)
            }
            Event::Stream(StreamEvent::Finished(id)) => News::Delivered(id),
            // Only the C ABI has these told.
            Event::Stream(StreamEvent::Changed { id, .. }) => News::Readable(id),
            Event::Stream(StreamEvent::MaxStreams(direction)) => News::MayOpen(direction),
            Event::Datagram(DatagramEvent::Received) => News::DatagramReceived,
            Event::Datagram(DatagramEvent::Room) => News::DatagramRoom,
            Event::Datagram(DatagramEvent::Fates) => News::DatagramFates,
            Event::Closed => News::Closed,
            Event::Gone => News::Gone,
        })
    }

    /// The engine's next event, of which the socket has taken note.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        let event = self.connection.next_event()?;
        match event {
            Event::Handshake => self.handshake_waits = true,
            Event::Token => self.token = self.connection.take_token().unwrap_or_default(),
            Event::Closed => self.ending = Ending::Closed,
            _ => {}
        }
        Some(event)
    }

    /// Whether the endpoint must be told of this connection's ids; see [`crate::Port::service`].
    #[must_use]
    pub fn needs_port(&self) -> bool {
        self.connection.needs_endpoint()
    }

    /// The name under which the endpoint knows the connection.
    #[must_use]
    pub const fn handle(&self) -> Handle {
        self.handle
    }

    /// Which end of the connection this is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.connection.role()
    }

    /// The addresses in use: getsockname() and getpeername().
    #[must_use]
    pub fn path(&self) -> Path {
        self.connection.path()
    }

    /// Our address, as far as it is known. Where the system chooses it, the engine knows no more than that it does, and the peer's
    /// datagrams tell.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        let used = self.path().local;
        let of_port = |heard: &SocketAddr| used.is_none_or(|used| used.port() == heard.port());
        match used {
            Some(used) if !used.ip().is_unspecified() => Some(used),
            _ => self.heard.filter(of_port).or(used),
        }
    }

    /// Moves a client's connection to another local address or port, which the home receives at. [`News::Migrated`] or
    /// [`News::MigrationFailed`] says how it went.
    ///
    /// # Errors
    ///
    /// As [`Connection::migrate`].
    pub fn migrate(&mut self, now: Instant, local: SocketAddr) -> Result<(), MigrateError> {
        self.connection.migrate(now, local)
    }

    /// Whether the handshake is complete and the connection not over.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.connection.is_connected()
    }

    /// Whether the handshake is under way.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether data can go both ways though the handshake is not complete. At a server, what is read while this holds may be
    /// a replay by somebody who recorded it.
    #[must_use]
    pub fn is_early(&self) -> bool {
        self.connection.is_early()
    }

    /// Whether the server took what was sent in 0-RTT, once that is known.
    #[must_use]
    pub fn early_data_accepted(&self) -> Option<bool> {
        self.connection.early_data_accepted()
    }

    /// Statistics of the connection.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.connection.stats()
    }

    /// What the connection holds and waits for, for whoever checks it from outside.
    #[must_use]
    pub fn audit(&self) -> Audit {
        self.connection.audit()
    }

    /// Why the connection ended, once it has.
    #[must_use]
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.connection.close_reason()
    }

    /// The address validation token that the server gave for later connections; empty before it came.
    #[must_use]
    pub fn token(&self) -> &[u8] {
        &self.token
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}
