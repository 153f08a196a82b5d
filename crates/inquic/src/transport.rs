//! The seam between the faces and the homes: what a connection and a listener can do, wherever the protocol runs. Calls in, answers and
//! wake-ups out; it must never know a home.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use inquic_engine::Drops;
use inquic_handshake::HandshakeInfo;
use inquic_wire::{Direction, StreamId, Version};

use crate::error::Error;
use crate::stats::Stats;
use crate::stream::Readiness;

/// What a descriptor tells about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Interest {
    /// A stream that accept() gives.
    Incoming(Direction),
    /// A stream's read().
    Readable(StreamId),
    /// A stream's write().
    Writable(StreamId),
    /// A datagram that can be taken.
    Datagrams,
}

/// An application's share of a connection. The last one to go closes it.
pub(crate) struct Owner {
    pub(crate) entry: Arc<dyn Transport>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.entry.close(0, "");
    }
}

/// A connection. What has to wait is asked again when the waker is woken.
pub(crate) trait Transport: Send + Sync {
    /// Where the protocol runs.
    fn home(&self) -> &'static str;

    /// connect(): waits for the complete handshake.
    fn poll_established(&self, context: &Context<'_>) -> Poll<Result<(), Error>>;

    /// connect() with 0-RTT: waits until data can be sent, or for the complete handshake.
    fn poll_usable(&self, context: &Context<'_>) -> Poll<Result<(), Error>>;

    /// Waits for the complete handshake and says whether the server took what was sent before it.
    fn poll_early_accepted(&self, context: &Context<'_>) -> Poll<Result<bool, Error>>;

    /// Whether it is used before the handshake is complete.
    fn is_early(&self) -> bool;

    /// Opens a stream, as soon as the peer allows one more.
    fn poll_open(
        &self,
        context: &Context<'_>,
        direction: Direction,
    ) -> Poll<Result<StreamId, Error>>;

    /// The next stream that the peer opens; none when it closed the connection with code 0.
    fn poll_accept(
        &self,
        context: &Context<'_>,
        direction: Direction,
    ) -> Poll<Result<Option<StreamId>, Error>>;

    /// Reads; the second value says whether the stream ends there.
    fn poll_read(
        &self,
        context: &Context<'_>,
        id: StreamId,
        out: &mut [u8],
    ) -> Poll<Result<(usize, bool), Error>>;

    /// Writes what the stream takes, at least one byte.
    fn poll_write(
        &self,
        context: &Context<'_>,
        id: StreamId,
        data: &[u8],
    ) -> Poll<Result<usize, Error>>;

    /// Ends a stream.
    fn finish(&self, id: StreamId) -> Result<(), Error>;

    /// Abandons what is sent on a stream.
    fn reset(&self, id: StreamId, code: u64) -> Result<(), Error>;

    /// Abandons what is received on a stream.
    fn stop(&self, id: StreamId, code: u64) -> Result<(), Error>;

    /// Among streams with data to send, those with the higher priority go first.
    fn set_priority(&self, id: StreamId, priority: i32);

    /// A half of a stream is not used any more: no call names it after this.
    fn forget(&self, interest: Interest);

    /// Begins a key update.
    fn key_update(&self) -> Result<(), Error>;

    /// Closes the connection once what was written has arrived; does not wait for that.
    fn close(&self, code: u64, reason: &str);

    /// Waits for the connection's end.
    fn poll_closed(&self, context: &Context<'_>) -> Poll<Error>;

    /// The descriptor that is readable while `interest` can be served.
    fn readiness(&self, interest: Interest) -> Result<Readiness, Error>;

    /// The peer's address.
    fn peer_addr(&self) -> SocketAddr;

    /// Our own address, as far as it is known.
    fn local_addr(&self) -> SocketAddr;

    /// What it has done so far.
    fn stats(&self) -> Stats;

    /// The version of QUIC in use.
    fn version(&self) -> Version;

    /// What TLS agreed on.
    fn info(&self) -> Option<HandshakeInfo>;

    /// Sends a datagram as soon as there is room for it; gives its number if its fate is to be told.
    fn poll_send_datagram(
        &self,
        context: &Context<'_>,
        data: &[u8],
        told: bool,
    ) -> Poll<Result<Option<u64>, Error>>;

    /// The next datagram of the peer; none when it closed the connection with code 0.
    fn poll_receive_datagram(&self, context: &Context<'_>) -> Poll<Result<Option<Vec<u8>>, Error>>;

    /// The next fate of a datagram: its number, and whether it was acknowledged.
    fn poll_datagram_fate(&self, context: &Context<'_>) -> Poll<Result<(u64, bool), Error>>;

    /// Bytes of the longest datagram that can be sent now; none when the peer takes none.
    fn max_datagram_size(&self) -> Option<usize>;

    /// Begins to move a client's connection to `address`.
    fn begin_move(&self, address: SocketAddr) -> Result<(), Error>;

    /// Waits for the end of a move.
    fn poll_moved(&self, context: &Context<'_>) -> Poll<Result<(), Error>>;
}

/// A listener. It stops when it is dropped.
pub(crate) trait Acceptor: Send + Sync {
    /// The next connection whose handshake is complete.
    fn poll_accept(&self, context: &Context<'_>) -> Poll<Result<Owner, Error>>;

    /// The address that is listened on.
    fn local_addr(&self) -> SocketAddr;

    /// Datagrams that belonged to no connection, by reason.
    fn drops(&self) -> Drops;

    /// Takes no more connections.
    fn close(&self);

    /// A descriptor that is readable while a connection waits, and when the listener is closed.
    fn readiness(&self) -> Result<Readiness, Error>;
}
