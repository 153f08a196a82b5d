//! The two halves of a stream, as both faces use them: calls in, calls on the connection's entry out. Dropping a half that is
//! not at its end tells the peer.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use inquic_wire::{Direction, StreamId};

use crate::error::Error;
use crate::transport::{Interest, Owner};

/// The calls of a half that sends which never wait, for every type that has one in the given field.
macro_rules! sending_calls {
    ($half:tt) => {
        /// The stream's number (RFC 9000 §2.1).
        #[must_use]
        pub const fn id(&self) -> u64 {
            self.$half.id()
        }

        /// Ends what we send: the peer reads all of it and then the end. Does not wait for that.
        ///
        /// # Errors
        ///
        /// When the peer stopped the stream or the connection is over.
        pub fn finish(&mut self) -> Result<(), $crate::Error> {
            self.$half.finish()
        }

        /// Abandons what we send, with a code of the application.
        ///
        /// # Errors
        ///
        /// When there is nothing to abandon any more.
        pub fn reset(&mut self, code: u64) -> Result<(), $crate::Error> {
            self.$half.reset(code)
        }

        /// Among streams with data to send, those with the higher priority go first; each begins with 0.
        pub fn set_priority(&self, priority: i32) {
            self.$half.set_priority(priority);
        }
    };
}
pub(crate) use sending_calls;

/// The calls of a half that receives which never wait, for every type that has one in the given field.
macro_rules! receiving_calls {
    ($half:tt) => {
        /// Tells the peer that we read no more, with a code of the application.
        ///
        /// # Errors
        ///
        /// When there is nothing to stop any more.
        pub fn stop(&mut self, code: u64) -> Result<(), $crate::Error> {
            self.$half.stop(code)
        }
    };
}
pub(crate) use receiving_calls;

/// The half that sends.
pub(crate) struct Sending {
    owner: Arc<Owner>,
    id: StreamId,
    /// Whether finish() or reset() was called.
    ended: bool,
}

/// The half that receives.
pub(crate) struct Receiving {
    owner: Arc<Owner>,
    id: StreamId,
    /// Whether the end was read, or stop() called.
    ended: bool,
}

/// A file descriptor that is readable while a call would not have to wait, for poll, epoll and their like.
///
/// It only tells; it is never read or written. With `set_nonblocking(true)` the call then returns what there is, and
/// [`Error::WouldBlock`] when the descriptor is not readable.
#[derive(Clone, Debug)]
pub struct Readiness(pub(crate) Arc<dyn Descriptor>);

/// What has a descriptor that a [`Readiness`] tells by.
pub(crate) trait Descriptor: AsFd + std::fmt::Debug + Send + Sync {}

impl<T: AsFd + std::fmt::Debug + Send + Sync> Descriptor for T {}

impl AsFd for Readiness {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Sending {
    pub(crate) const fn new(owner: Arc<Owner>, id: StreamId) -> Self {
        Self {
            owner,
            id,
            ended: false,
        }
    }

    pub(crate) const fn id(&self) -> u64 {
        self.id.to_u64()
    }

    pub(crate) fn poll_write(
        &mut self,
        context: &Context<'_>,
        data: &[u8],
    ) -> Poll<Result<usize, Error>> {
        if self.ended {
            return Poll::Ready(Err(Error::StreamFinished));
        }
        self.owner.entry.poll_write(context, self.id, data)
    }

    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        self.owner.entry.finish(self.id)
    }

    pub(crate) fn reset(&mut self, code: u64) -> Result<(), Error> {
        self.ended = true;
        self.owner.entry.reset(self.id, code)
    }

    pub(crate) fn set_priority(&self, priority: i32) {
        self.owner.entry.set_priority(self.id, priority);
    }

    pub(crate) fn readiness(&self) -> Result<Readiness, Error> {
        self.owner.entry.readiness(Interest::Writable(self.id))
    }
}

impl Receiving {
    pub(crate) const fn new(owner: Arc<Owner>, id: StreamId) -> Self {
        Self {
            owner,
            id,
            ended: false,
        }
    }

    pub(crate) const fn id(&self) -> u64 {
        self.id.to_u64()
    }

    /// Reads; 0 is the end.
    pub(crate) fn poll_read(
        &mut self,
        context: &Context<'_>,
        out: &mut [u8],
    ) -> Poll<Result<usize, Error>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let read = ready!(self.owner.entry.poll_read(context, self.id, out));
        // After an error there is nobody to tell either.
        self.ended = read.as_ref().map_or(true, |&(_, end)| end);
        Poll::Ready(read.map(|(bytes, _)| bytes))
    }

    pub(crate) fn stop(&mut self, code: u64) -> Result<(), Error> {
        self.ended = true;
        self.owner.entry.stop(self.id, code)
    }

    pub(crate) fn readiness(&self) -> Result<Readiness, Error> {
        self.owner.entry.readiness(Interest::Readable(self.id))
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.ended {
            // What was written is incomplete, and the peer must not take it for complete.
            drop(self.reset(0));
        }
        self.owner.entry.forget(Interest::Writable(self.id));
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if !self.ended {
            drop(self.stop(0));
        }
        self.owner.entry.forget(Interest::Readable(self.id));
    }
}

/// The halves of a stream that this end opened or accepted, bidirectional.
pub(crate) fn halves(owner: &Arc<Owner>, id: StreamId) -> (Sending, Receiving) {
    debug_assert!(
        id.direction() == Direction::Bidirectional,
        "a unidirectional stream has one half on each side"
    );
    (
        Sending::new(owner.clone(), id),
        Receiving::new(owner.clone(), id),
    )
}
