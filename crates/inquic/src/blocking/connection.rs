//! A connection, blocking.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use inquic_wire::Direction;

use super::{ReceiveStream, SendStream, Stream, wait};
use crate::builder::{Blocking, ConnectionBuilder};
use crate::connect::{HEAD_START, Race, Target};
use crate::connection::common_calls;
use crate::error::Error;
use crate::home::park;
use crate::home::ports::Drive;
use crate::stream::{Readiness, Receiving, Sending, halves};
use crate::transport::{Interest, Owner};

/// A connection to a peer: streams in both directions.
///
/// Clones are the same connection. When the last of them and of its streams is dropped, the connection is closed with code 0,
/// after everything that was written has arrived.
#[derive(Clone)]
pub struct Connection {
    owner: Arc<Owner>,
    nonblocking: Arc<AtomicBool>,
}

impl ConnectionBuilder<Blocking> {
    /// Connects to `host:port` and waits for the complete handshake. Every address of the host is tried.
    ///
    /// # Errors
    ///
    /// [`Error`] with the cause: unknown host, no route, no answer, a certificate that is not accepted, no common ALPN, …
    pub fn connect(&self, address: &str) -> Result<Connection, Error> {
        let target = Target::parse(address)?;
        finish(self.race(&target, target.resolve()?, Drive::Threads, false)?)
    }

    /// As [`ConnectionBuilder::connect`], and where an earlier connection of this builder left a ticket that allows it, returns
    /// at once: what is written leaves in 0-RTT, with the first packets. A server that refuses gets the same again after the
    /// handshake, without a word of ours; [`Connection::early_data_accepted`] tells.
    ///
    /// **What is sent in 0-RTT can be recorded and played again by others**, to servers that do not guard against it: send
    /// only what does no harm when it is done twice. It is not used with more than one application protocol (ALPN).
    ///
    /// # Errors
    ///
    /// As [`ConnectionBuilder::connect`]; what goes wrong after it returned is told by the calls on the connection.
    pub fn connect_early(&self, address: &str) -> Result<Connection, Error> {
        let target = Target::parse(address)?;
        finish(self.race(&target, target.resolve()?, Drive::Threads, true)?)
    }
}

/// Runs a race to its end.
fn finish(mut race: Race) -> Result<Connection, Error> {
    while race.start_next() {
        if let Some(result) = park::block_on_for(HEAD_START, |context| race.poll(context)) {
            return result.map(Connection::new);
        }
    }
    park::block_on(|context| race.poll(context)).map(Connection::new)
}

impl Connection {
    pub(super) fn new(owner: Owner) -> Self {
        Self {
            owner: Arc::new(owner),
            nonblocking: Arc::default(),
        }
    }

    /// Chooses how to connect.
    pub fn builder() -> ConnectionBuilder<Blocking> {
        ConnectionBuilder::new()
    }

    /// Opens a bidirectional stream. Waits while the peer allows no more of them.
    ///
    /// # Errors
    ///
    /// Why the connection ended.
    pub fn open(&self) -> Result<Stream, Error> {
        let id = self.wait(|context| {
            self.owner
                .entry
                .poll_open(context, Direction::Bidirectional)
        })?;
        Ok(Stream::new(halves(&self.owner, id)))
    }

    /// Opens a stream on which only we send. Waits while the peer allows no more of them.
    ///
    /// # Errors
    ///
    /// Why the connection ended.
    pub fn open_uni(&self) -> Result<SendStream, Error> {
        let id = self.wait(|context| {
            self.owner
                .entry
                .poll_open(context, Direction::Unidirectional)
        })?;
        Ok(SendStream::new(Sending::new(self.owner.clone(), id)))
    }

    /// Waits for a bidirectional stream of the peer; `None` when the peer closed the connection with code 0.
    ///
    /// # Errors
    ///
    /// Why the connection ended otherwise.
    pub fn accept(&self) -> Result<Option<Stream>, Error> {
        let id = self.wait(|context| {
            self.owner
                .entry
                .poll_accept(context, Direction::Bidirectional)
        })?;
        Ok(id.map(|id| Stream::new(halves(&self.owner, id))))
    }

    /// Waits for a stream on which only the peer sends; `None` when the peer closed the connection with code 0.
    ///
    /// # Errors
    ///
    /// Why the connection ended otherwise.
    pub fn accept_uni(&self) -> Result<Option<ReceiveStream>, Error> {
        let id = self.wait(|context| {
            self.owner
                .entry
                .poll_accept(context, Direction::Unidirectional)
        })?;
        Ok(id.map(|id| ReceiveStream::new(Receiving::new(self.owner.clone(), id))))
    }

    /// Whether the connection is used before its handshake is complete. At a server, what is read while this is so may be a
    /// replay of what somebody recorded: act on it only if doing so twice does no harm, or wait with
    /// [`Connection::established`].
    #[must_use]
    pub fn is_early(&self) -> bool {
        self.owner.entry.is_early()
    }

    /// Waits for the complete handshake, after which nothing that was read is a replay.
    ///
    /// # Errors
    ///
    /// Why the connection ended.
    pub fn established(&self) -> Result<(), Error> {
        self.wait(|context| self.owner.entry.poll_established(context))
    }

    /// Waits for the complete handshake and says whether the server took what was sent in 0-RTT; `false` as well when there
    /// was no 0-RTT.
    ///
    /// # Errors
    ///
    /// Why the connection ended.
    pub fn early_data_accepted(&self) -> Result<bool, Error> {
        self.wait(|context| self.owner.entry.poll_early_accepted(context))
    }

    /// Sends a datagram (RFC 9221): once, and whole or not at all; it may be lost or overtaken. Waits while 64 KiB of
    /// datagrams wait to be sent.
    ///
    /// # Errors
    ///
    /// [`Error::DatagramTooLarge`] beyond [`Connection::max_datagram_size`], [`Error::NoDatagrams`], why the connection ended.
    pub fn send_datagram(&self, data: &[u8]) -> Result<(), Error> {
        self.wait(|context| self.owner.entry.poll_send_datagram(context, data, false))
            .map(drop)
    }

    /// As [`Connection::send_datagram`], and gives the number under which [`Connection::datagram_fate`] will tell what became
    /// of it. Waits too while 256 of them have fates that were not asked for.
    ///
    /// # Errors
    ///
    /// As [`Connection::send_datagram`].
    pub fn send_datagram_told(&self, data: &[u8]) -> Result<u64, Error> {
        self.wait(|context| self.owner.entry.poll_send_datagram(context, data, true))
            .map(Option::unwrap_or_default)
    }

    /// Waits for a fate of the datagrams that were sent with [`Connection::send_datagram_told`]: the number, and whether it
    /// was acknowledged. One that was not may have arrived all the same.
    ///
    /// # Errors
    ///
    /// Why the connection ended.
    pub fn datagram_fate(&self) -> Result<(u64, bool), Error> {
        self.wait(|context| self.owner.entry.poll_datagram_fate(context))
    }

    /// Waits for a datagram of the peer; `None` when the peer closed the connection with code 0. 64 KiB of them are kept for
    /// us, then the oldest are thrown away. [`crate::TransportConfig::datagrams`] allows them.
    ///
    /// # Errors
    ///
    /// Why the connection ended otherwise.
    pub fn recv_datagram(&self) -> Result<Option<Vec<u8>>, Error> {
        self.wait(|context| self.owner.entry.poll_receive_datagram(context))
    }

    /// A descriptor that is readable while [`Connection::recv_datagram`] would not have to wait.
    ///
    /// # Errors
    ///
    /// When the system has no descriptor left.
    pub fn datagram_readiness(&self) -> Result<Readiness, Error> {
        self.owner.entry.readiness(Interest::Datagrams)
    }

    /// Moves the connection to another local address or port of this machine, and waits until it has: the path from there is
    /// probed first, and nothing is lost on the way. Port 0 and the addresses `0.0.0.0` and `[::]` let the system choose. Only
    /// the client of a connection can move; a server follows.
    ///
    /// # Errors
    ///
    /// [`Error::NotMoved`] with the reason, [`Error::NoSuchAddress`] and the like when the address cannot be bound. The connection
    /// goes on where it was.
    pub fn migrate(&self, local: SocketAddr) -> Result<(), Error> {
        self.owner.entry.begin_move(local)?;
        park::block_on(|context| self.owner.entry.poll_moved(context))
    }

    /// Waits for the end of the connection and says why it came. After [`Connection::close`], what was written has arrived
    /// by then, or cannot any more.
    pub fn closed(&self) -> Error {
        park::block_on(|context| self.owner.entry.poll_closed(context))
    }

    /// As [`Connection::closed`], for `limit` at most; `None` when the connection is still there.
    pub fn closed_within(&self, limit: Duration) -> Option<Error> {
        park::block_on_for(limit, |context| self.owner.entry.poll_closed(context))
    }

    /// Whether calls return [`Error::WouldBlock`] in place of waiting.
    pub fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    /// A descriptor that is readable while [`Connection::accept`] would not have to wait.
    ///
    /// # Errors
    ///
    /// When the system has no descriptor left.
    pub fn accept_readiness(&self) -> Result<Readiness, Error> {
        let interest = Interest::Incoming(Direction::Bidirectional);
        self.owner.entry.readiness(interest)
    }

    /// A descriptor that is readable while [`Connection::accept_uni`] would not have to wait.
    ///
    /// # Errors
    ///
    /// When the system has no descriptor left.
    pub fn accept_uni_readiness(&self) -> Result<Readiness, Error> {
        let interest = Interest::Incoming(Direction::Unidirectional);
        self.owner.entry.readiness(interest)
    }

    common_calls!();

    fn wait<T>(
        &self,
        poll: impl FnMut(&mut std::task::Context<'_>) -> std::task::Poll<Result<T, Error>>,
    ) -> Result<T, Error> {
        wait(self.nonblocking.load(Ordering::Relaxed), poll)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Connection")
            .field("peer", &self.peer_addr())
            .finish_non_exhaustive()
    }
}
