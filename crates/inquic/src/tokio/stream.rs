//! Streams, for tasks: `AsyncRead` and `AsyncWrite`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::Error;
use crate::stream::{Receiving, Sending};

/// A bidirectional stream.
///
/// Dropping it before [`Stream::finish`] resets what we send; dropping it before its end was read tells the peer to stop.
#[derive(Debug)]
pub struct Stream {
    send: SendStream,
    receive: ReceiveStream,
}

/// The half of a stream that sends. Shutting it down finishes it.
pub struct SendStream(Sending);

/// The half of a stream that receives.
pub struct ReceiveStream(Receiving);

impl Stream {
    pub(super) fn new((send, receive): (Sending, Receiving)) -> Self {
        Self {
            send: SendStream(send),
            receive: ReceiveStream(receive),
        }
    }

    /// The stream's number (RFC 9000 §2.1).
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.send.id()
    }

    /// Ends what we send: the peer reads all of it and then the end. Does not wait for that.
    ///
    /// # Errors
    ///
    /// When the peer stopped the stream or the connection is over.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.send.finish()
    }

    /// Abandons what we send, with a code of the application.
    ///
    /// # Errors
    ///
    /// When there is nothing to abandon any more.
    pub fn reset(&mut self, code: u64) -> Result<(), Error> {
        self.send.reset(code)
    }

    /// Tells the peer that we read no more, with a code of the application.
    ///
    /// # Errors
    ///
    /// When there is nothing to stop any more.
    pub fn stop(&mut self, code: u64) -> Result<(), Error> {
        self.receive.stop(code)
    }

    /// Among streams with data to send, those with the higher priority go first; each begins with 0.
    pub fn set_priority(&self, priority: i32) {
        self.send.set_priority(priority);
    }

    /// The two halves, for two tasks.
    #[must_use]
    pub fn split(self) -> (SendStream, ReceiveStream) {
        (self.send, self.receive)
    }
}

impl SendStream {
    pub(super) const fn new(half: Sending) -> Self {
        Self(half)
    }

    /// The stream's number (RFC 9000 §2.1).
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.0.id()
    }

    /// Ends the stream: the peer reads all of it and then the end. Does not wait for that.
    ///
    /// # Errors
    ///
    /// When the peer stopped the stream or the connection is over.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.0.finish()
    }

    /// Abandons the stream, with a code of the application.
    ///
    /// # Errors
    ///
    /// When there is nothing to abandon any more.
    pub fn reset(&mut self, code: u64) -> Result<(), Error> {
        self.0.reset(code)
    }

    /// Among streams with data to send, those with the higher priority go first; each begins with 0.
    pub fn set_priority(&self, priority: i32) {
        self.0.set_priority(priority);
    }
}

impl ReceiveStream {
    pub(super) const fn new(half: Receiving) -> Self {
        Self(half)
    }

    /// The stream's number (RFC 9000 §2.1).
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.0.id()
    }

    /// Tells the peer that we read no more, with a code of the application.
    ///
    /// # Errors
    ///
    /// When there is nothing to stop any more.
    pub fn stop(&mut self, code: u64) -> Result<(), Error> {
        self.0.stop(code)
    }
}

impl AsyncWrite for SendStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(context, data).map_err(io::Error::from)
    }

    /// What was written is on its way already.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.finish().map_err(io::Error::from))
    }
}

impl AsyncRead for ReceiveStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = ready!(self.0.poll_read(context, out.initialize_unfilled()))?;
        out.advance(bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.send).poll_write(context, data)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.send).poll_shutdown(context)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.receive).poll_read(context, out)
    }
}

impl std::fmt::Debug for SendStream {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("SendStream").field(&self.id()).finish()
    }
}

impl std::fmt::Debug for ReceiveStream {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("ReceiveStream").field(&self.id()).finish()
    }
}
