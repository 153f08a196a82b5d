//! Comes in: a stream. Goes out: messages and file data, framed as kind (1 byte), length (4 bytes), body.
//! Must never read a body longer than its kind may be.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::limits::{DATA_MAX, MESSAGE_MAX, STALL_TIMEOUT};
use super::message::{Malformed, Message};
use super::refusal;
use crate::failure::{Exit, Failure};

/// One request's stream, as messages.
#[derive(Debug)]
pub(crate) struct Channel<S> {
    stream: S,
    scratch: Vec<u8>,
}

/// What came.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A message.
    Message(Message),
    /// File data, which is now in the buffer given.
    Data,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Channel<S> {
    /// Frames what goes over `stream`.
    pub(crate) const fn new(stream: S) -> Self {
        Self {
            stream,
            scratch: Vec::new(),
        }
    }

    /// The stream, to say on it what no message says.
    #[cfg(test)]
    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    /// Sends one message.
    pub(crate) async fn send(&mut self, message: &Message) -> Result<(), Failure> {
        self.scratch.clear();
        self.scratch.extend([message.kind(), 0, 0, 0, 0]);
        message.encode(&mut self.scratch);
        seal(&mut self.scratch);
        let sending = self.stream.write_all(&self.scratch);
        within(STALL_TIMEOUT, sending).await
    }

    /// Sends file data that stands in `frame` behind `HEAD` bytes left free.
    pub(crate) async fn send_data(&mut self, frame: &mut [u8]) -> Result<(), Failure> {
        if let Some(kind) = frame.first_mut() {
            *kind = DATA_KIND;
        }
        seal(frame);
        within(STALL_TIMEOUT, self.stream.write_all(frame)).await
    }

    /// Receives a message, or file data into `data`.
    pub(crate) async fn receive_any(&mut self, data: &mut Vec<u8>) -> Result<Incoming, Failure> {
        let mut head = [0; HEAD];
        within(STALL_TIMEOUT, self.stream.read_exact(&mut head)).await?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        let (body, max) = if kind == DATA_KIND {
            (data, DATA_MAX)
        } else {
            (&mut self.scratch, MESSAGE_MAX)
        };
        if length > max {
            return Err(Failure::protocol(Malformed::TooLong(length)));
        }
        body.resize(length, 0);
        within(STALL_TIMEOUT, self.stream.read_exact(body)).await?;
        if kind == DATA_KIND {
            return Ok(Incoming::Data);
        }
        Message::decode(kind, &self.scratch)
            .map(Incoming::Message)
            .map_err(Failure::protocol)
    }

    /// Receives a message where file data cannot be. A refusal comes back as the failure that it tells of.
    pub(crate) async fn receive(&mut self) -> Result<Message, Failure> {
        match self.receive_any(&mut Vec::new()).await? {
            Incoming::Message(Message::Failed { reason, text }) => {
                Err(refusal::heard(reason, &text))
            }
            Incoming::Message(message) => Ok(message),
            Incoming::Data => Err(unexpected()),
        }
    }

    /// Says that nothing more will be sent. A peer that has stopped listening by then has what it needs, or says why.
    pub(crate) async fn finish(&mut self) {
        drop(within(STALL_TIMEOUT, self.stream.shutdown()).await);
    }

    /// Finishes, and waits for the peer to do so: leaving earlier would tell it to stop what it has done already.
    pub(crate) async fn finish_both(&mut self) {
        self.finish().await;
        drop(timeout(END_TIMEOUT, self.stream.read_u8()).await);
    }

    /// Tells the peer why this ends.
    pub(crate) async fn refuse(&mut self, failure: &Failure) -> Result<(), Failure> {
        let (reason, text) = refusal::told(failure);
        self.send(&Message::Failed { reason, text }).await?;
        self.finish().await;
        Ok(())
    }

    /// When sending broke, the peer may have said why before it stopped listening.
    pub(crate) async fn explain(&mut self, broken: Failure) -> Failure {
        if broken.exit() != Exit::Network {
            return broken;
        }
        match timeout(EXPLAIN_TIMEOUT, self.receive_any(&mut Vec::new())).await {
            Ok(Ok(Incoming::Message(Message::Failed { reason, text }))) => {
                refusal::heard(reason, &text)
            }
            _ => broken,
        }
    }
}

/// A message that has no place where it came.
pub(crate) fn unexpected() -> Failure {
    Failure::protocol("a message where it has no place")
}

/// Writes the length of the body into the head before it.
fn seal(frame: &mut [u8]) {
    let length = u32::try_from(frame.len().saturating_sub(HEAD)).unwrap_or(u32::MAX);
    if let Some(field) = frame.get_mut(1..HEAD) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = std::io::Result<T>>,
) -> Result<(), Failure> {
    match timeout(limit, work).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Failure::broken(&error)),
        Err(_) => Err(Failure::broken(&std::io::ErrorKind::TimedOut.into())),
    }
}

/// Kind and length.
pub(crate) const HEAD: usize = 5;
/// The kind of file data, which no `Message` has.
const DATA_KIND: u8 = 21;
/// A peer that has its answer has finished or will at once.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// What the peer said before it stopped listening is on its way already.
const EXPLAIN_TIMEOUT: Duration = Duration::from_secs(2);
