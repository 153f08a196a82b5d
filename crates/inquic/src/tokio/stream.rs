//! Streams, for tasks: `AsyncRead` and `AsyncWrite`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::stream::{Receiving, Sending, receiving_calls, sending_calls};

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

    sending_calls!(send);
    receiving_calls!(receive);

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

    sending_calls!(0);
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

    receiving_calls!(0);
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
