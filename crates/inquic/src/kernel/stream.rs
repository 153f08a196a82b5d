//! A stream's descriptor: reads and writes in, what the socket says out; and who waits for it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use rustix::event::epoll;
use socket2::Socket;

use super::reactor::{Reactor, Ready, Registration};

/// One stream.
pub(super) struct Stream {
    pub(super) socket: Socket,
    waiting: Mutex<Vec<Waker>>,
    /// From its beginning until it goes.
    registration: OnceLock<Registration>,
}

impl Stream {
    pub(super) fn new(reactor: &'static Reactor, socket: Socket) -> io::Result<Arc<Self>> {
        let stream = Arc::new(Self {
            socket,
            waiting: Mutex::default(),
            registration: OnceLock::new(),
        });
        let who = Arc::downgrade(&stream);
        let registration = reactor.register(&stream.socket, who)?;
        let _ = stream.registration.set(registration);
        Ok(stream)
    }

    /// Makes a call until it does not have to wait. Another try after the waker is known closes the gap between the two.
    pub(super) fn poll<T>(
        &self,
        context: &Context<'_>,
        mut call: impl FnMut(&Socket) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        for is_last in [false, true] {
            match call(&self.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if is_last {
                        break;
                    }
                    push(&mut self.lock(), context);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                answer => return Poll::Ready(answer),
            }
        }
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has everybody look again. They may do so at once: the lock is not held.
    pub(super) fn wake(&self) {
        let waiting = std::mem::take(&mut *self.lock());
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Ready for Stream {
    fn ready(self: Arc<Self>) {
        self.wake();
    }
}

/// Keeps a waker, once.
pub(super) fn push(waiting: &mut Vec<Waker>, context: &Context<'_>) {
    if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
        waiting.push(context.waker().clone());
    }
}

/// A descriptor that is readable while a stream can be read from, or written to: another one that waits for the stream's.
pub(super) struct Watched {
    epoll: OwnedFd,
    /// Its descriptor stays open as long.
    _stream: Arc<Stream>,
}

impl Watched {
    pub(super) fn new(stream: Arc<Stream>, writable: bool) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let flags = if writable {
            epoll::EventFlags::OUT
        } else {
            epoll::EventFlags::IN | epoll::EventFlags::RDHUP
        };
        epoll::add(&epoll, &stream.socket, epoll::EventData::new_u64(0), flags)?;
        Ok(Self {
            epoll,
            _stream: stream,
        })
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Watched").field(&self.epoll).finish()
    }
}

#[cfg(test)]
mod tests;
