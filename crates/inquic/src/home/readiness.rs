//! Readiness as a file descriptor: a level in, an eventfd that poll, epoll or a runtime can wait on out.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// A descriptor that is readable while a level is up.
#[derive(Debug)]
pub(crate) struct Level {
    descriptor: OwnedFd,
    up: AtomicBool,
}

impl Level {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            descriptor: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            up: AtomicBool::new(false),
        })
    }

    /// Raises or lowers the level. Whoever calls holds the lock of what the level tells about.
    pub(crate) fn set(&self, up: bool) {
        if self.up.swap(up, Ordering::AcqRel) == up {
            return;
        }
        let mut count = 1_u64.to_ne_bytes();
        // Neither can fail in a way that leaves the level wrong: the counter is 0 or 1.
        let _ = if up {
            rustix::io::write(&self.descriptor, &count)
        } else {
            rustix::io::read(&self.descriptor, &mut count)
        };
    }
}

impl AsFd for Level {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
