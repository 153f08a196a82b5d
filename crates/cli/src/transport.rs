//! Comes in: a connection of whatever kind. Goes out: the two things that the commands need of it.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::failure::Failure;

/// Bidirectional streams over a connection: inquic's in the command, memory in the tests.
pub(crate) trait Streams: Clone + Send + Sync + 'static {
    /// One stream. Shutting it down sends FIN; dropping it before gives it up.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Opens a stream.
    fn open(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Waits for a stream that the peer opened; nothing when the peer closed in order.
    fn accept(&self) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;

    /// Closes the connection in order, with an application's code. Does not wait.
    fn close(&self, code: u64, reason: &str);

    /// Waits until a connection that was closed here is over, but not long.
    fn gone(&self) -> impl Future<Output = ()> + Send;
}

/// What makes connections.
pub(crate) trait Dial: Clone + Send + Sync + 'static {
    /// What it makes.
    type Connection: Streams;

    /// Connects, and is done when the handshake is.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Failure>> + Send;
}

#[cfg(test)]
pub(crate) mod memory;
