//! Streams, blocking: `Read` and `Write`.

use std::io::{self, Read, Write};

use super::wait;
use crate::error::Error;
use crate::stream::{Readiness, Receiving, Sending, receiving_calls, sending_calls};

/// A bidirectional stream.
///
/// Dropping it before [`Stream::finish`] resets what we send; dropping it before its end was read tells the peer to stop.
#[derive(Debug)]
pub struct Stream {
    send: SendStream,
    receive: ReceiveStream,
}

/// The half of a stream that sends.
pub struct SendStream {
    half: Sending,
    nonblocking: bool,
}

/// The half of a stream that receives.
pub struct ReceiveStream {
    half: Receiving,
    nonblocking: bool,
}

impl Stream {
    pub(super) fn new((send, receive): (Sending, Receiving)) -> Self {
        Self {
            send: SendStream::new(send),
            receive: ReceiveStream::new(receive),
        }
    }

    sending_calls!(send);
    receiving_calls!(receive);

    /// Whether calls return [`Error::WouldBlock`] in place of waiting.
    pub const fn set_nonblocking(&mut self, nonblocking: bool) {
        self.send.set_nonblocking(nonblocking);
        self.receive.set_nonblocking(nonblocking);
    }

    /// A descriptor that is readable while `read` would not have to wait.
    ///
    /// # Errors
    ///
    /// When the system has no descriptor left.
    pub fn read_readiness(&self) -> Result<Readiness, Error> {
        self.receive.readiness()
    }

    /// A descriptor that is readable while `write` would not have to wait.
    ///
    /// # Errors
    ///
    /// When the system has no descriptor left.
    pub fn write_readiness(&self) -> Result<Readiness, Error> {
        self.send.readiness()
    }

    /// The two halves, for two threads.
    #[must_use]
    pub fn split(self) -> (SendStream, ReceiveStream) {
        (self.send, self.receive)
    }
}

impl SendStream {
    pub(super) const fn new(half: Sending) -> Self {
        Self {
            half,
            nonblocking: false,
        }
    }

    sending_calls!(half);

    /// Whether calls return [`Error::WouldBlock`] in place of waiting.
    pub const fn set_nonblocking(&mut self, nonblocking: bool) {
        self.nonblocking = nonblocking;
    }

    /// A descriptor that is readable while `write` would not have to wait.
    ///
    /// # Errors
    ///
    /// When the system has no descriptor left.
    pub fn readiness(&self) -> Result<Readiness, Error> {
        self.half.readiness()
    }
}

impl ReceiveStream {
    pub(super) const fn new(half: Receiving) -> Self {
        Self {
            half,
            nonblocking: false,
        }
    }

    /// The stream's number (RFC 9000 §2.1).
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.half.id()
    }

    receiving_calls!(half);

    /// Whether calls return [`Error::WouldBlock`] in place of waiting.
    pub const fn set_nonblocking(&mut self, nonblocking: bool) {
        self.nonblocking = nonblocking;
    }

    /// A descriptor that is readable while `read` would not have to wait.
    ///
    /// # Errors
    ///
    /// When the system has no descriptor left.
    pub fn readiness(&self) -> Result<Readiness, Error> {
        self.half.readiness()
    }
}

impl Write for SendStream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let Self { half, nonblocking } = self;
        Ok(wait(*nonblocking, |context| {
            half.poll_write(context, data)
        })?)
    }

    /// What was written is on its way already.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for ReceiveStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Self { half, nonblocking } = self;
        Ok(wait(*nonblocking, |context| half.poll_read(context, out))?)
    }
}

impl Write for Stream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.send.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.receive.read(out)
    }
}

impl std::fmt::Debug for SendStream {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SendStream")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ReceiveStream {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ReceiveStream")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
