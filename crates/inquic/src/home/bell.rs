//! What wakes a driver: a ring in, an eventfd or a task's waker out; nothing at all while the driver is awake.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

use rustix::event::{EventfdFlags, eventfd};

/// Wakes the driver of a port.
pub(crate) enum Bell {
    /// A thread that sleeps in poll(2).
    Thread {
        descriptor: OwnedFd,
        asleep: AtomicBool,
    },
    /// A task of a runtime.
    Task(Mutex<Option<Waker>>),
}

impl Bell {
    pub(crate) fn for_thread() -> io::Result<Self> {
        Ok(Self::Thread {
            descriptor: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            asleep: AtomicBool::new(false),
        })
    }

    pub(crate) const fn for_task() -> Self {
        Self::Task(Mutex::new(None))
    }

    /// Wakes the driver if it sleeps. Call it after the work was put where the driver looks.
    pub(crate) fn ring(&self) {
        match self {
            Self::Thread { descriptor, asleep } => {
                if asleep.swap(false, Ordering::SeqCst) {
                    // It can only fail when the counter is full, and then the driver is being woken anyway.
                    let _ = rustix::io::write(descriptor, &1_u64.to_ne_bytes());
                }
            }
            Self::Task(waker) => {
                let waker = waker.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
        }
    }

    /// A task's driver is about to look for work: rings from now on must wake it again.
    pub(crate) fn listen(&self, waker: &Waker) {
        if let Self::Task(place) = self {
            let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
            if !place.as_ref().is_some_and(|old| old.will_wake(waker)) {
                *place = Some(waker.clone());
            }
        }
    }

    /// A thread's driver is about to look for work a last time before it sleeps.
    pub(crate) fn fall_asleep(&self) {
        if let Self::Thread { asleep, .. } = self {
            asleep.store(true, Ordering::SeqCst);
        }
    }

    /// A thread's driver is awake again; `rung` says whether its descriptor was readable.
    pub(crate) fn wake_up(&self, rung: bool) {
        if let Self::Thread { descriptor, asleep } = self {
            asleep.store(false, Ordering::SeqCst);
            if rung {
                let _ = rustix::io::read(descriptor, &mut [0; 8]);
            }
        }
    }

    /// What a thread polls.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Thread { descriptor, .. } => Some(descriptor.as_fd()),
            Self::Task(_) => None,
        }
    }
}
