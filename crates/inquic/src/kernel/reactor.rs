//! The thread that waits for all of a process's QUIC sockets: descriptors in, calls of who has them out. It waits with epoll, and is there
//! from the first socket on.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;

use rustix::event::{Timespec, epoll};

use super::limits;
use crate::error::Error;

/// What has a descriptor.
pub(super) trait Ready: Send + Sync {
    /// Something may be possible now that was not before.
    fn ready(self: Arc<Self>);
}

/// A place among those who are told; it goes with its owner.
pub(super) struct Registration {
    reactor: &'static Reactor,
    number: u64,
}

/// The thread, as others see it.
pub(super) struct Reactor {
    epoll: OwnedFd,
    known: Mutex<HashMap<u64, Weak<dyn Ready>>>,
    next: AtomicU64,
    /// Who wants to be asked again after a moment, whatever the descriptors say.
    ticking: Mutex<Vec<u64>>,
    /// Wakes the thread when the first of them comes.
    bell: OwnedFd,
}

/// The number that stands for the bell.
const BELL: u64 = 0;

impl Reactor {
    /// The one of this process.
    pub(super) fn get() -> Result<&'static Self, Error> {
        static REACTOR: OnceLock<Result<Reactor, Error>> = OnceLock::new();
        static THREAD: OnceLock<Result<(), Error>> = OnceLock::new();
        let made = REACTOR.get_or_init(|| {
            Self::new().map_err(|error| Error::io("cannot wait for QUIC sockets", &error))
        });
        let reactor = made.as_ref().map_err(Clone::clone)?;
        let started = THREAD.get_or_init(|| {
            let thread = thread::Builder::new().name("inquic-sockets".into());
            match thread.spawn(move || reactor.run()) {
                Ok(_) => Ok(()),
                Err(error) => Err(Error::io("cannot start a thread", &error)),
            }
        });
        started.as_ref().map_err(Clone::clone)?;
        Ok(reactor)
    }

    fn new() -> io::Result<Self> {
        let this = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            known: Mutex::default(),
            next: AtomicU64::new(BELL + 1),
            ticking: Mutex::default(),
            bell: rustix::event::eventfd(
                0,
                rustix::event::EventfdFlags::NONBLOCK | rustix::event::EventfdFlags::CLOEXEC,
            )?,
        };
        let bell = epoll::EventData::new_u64(BELL);
        epoll::add(&this.epoll, &this.bell, bell, epoll::EventFlags::IN)?;
        Ok(this)
    }

    /// Tells `who` of each change of a descriptor, which it keeps open until the registration goes.
    pub(super) fn register(
        &'static self,
        descriptor: impl AsFd,
        who: Weak<dyn Ready>,
    ) -> io::Result<Registration> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.known).insert(number, who);
        let registration = Registration {
            reactor: self,
            number,
        };
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        epoll::add(
            &self.epoll,
            descriptor,
            epoll::EventData::new_u64(number),
            flags,
        )?;
        Ok(registration)
    }

    fn run(&self) -> ! {
        let mut events = [MaybeUninit::uninit(); limits::EVENTS];
        let tick = Timespec::try_from(std::time::Duration::from(limits::TICK)).ok();
        loop {
            let ticks = !lock(&self.ticking).is_empty();
            let timeout = tick.as_ref().filter(|_| ticks);
            let numbers = match epoll::wait(&self.epoll, &mut events, timeout) {
                Ok((events, _)) => events.iter().map(|event| event.data.u64()).collect(),
                // A signal came.
                Err(_) => Vec::new(),
            };
            for number in numbers {
                if number == BELL {
                    let _ = rustix::io::read(&self.bell, &mut [0; 8]);
                } else {
                    self.tell(number);
                }
            }
            let ticking = std::mem::take(&mut *lock(&self.ticking));
            for number in ticking {
                self.tell(number);
            }
        }
    }

    fn tell(&self, number: u64) {
        let who = lock(&self.known).get(&number).and_then(Weak::upgrade);
        if let Some(who) = who {
            who.ready();
        }
    }
}

impl Registration {
    /// Has its owner asked again after a moment.
    pub(super) fn tick(&self) {
        let mut ticking = lock(&self.reactor.ticking);
        if !ticking.contains(&self.number) {
            ticking.push(self.number);
        }
        let is_first = ticking.len() == 1;
        drop(ticking);
        if is_first {
            let _ = rustix::io::write(&self.reactor.bell, &1_u64.to_ne_bytes());
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        lock(&self.reactor.known).remove(&self.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
