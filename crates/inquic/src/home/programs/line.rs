//! The home's side of a page by which a program calls: calls in, one at a time; their answers out, from whatever thread finds them.
//!
//! A thread takes the call and tries it. If it has to wait, what it waits for wakes it, and it is tried again in the thread that
//! does so: an answer that the driver of a port brings goes from there to the program, with no other thread in between.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Wake, Waker};

use inquic_calls::{CALLED, CANCELLED, Call, DONE, MUST_NOT_WAIT, Patience};
use inquic_platform::Instant;
use rustix::thread::futex;
use rustix::time::Timespec;

use super::calls::{Answer, Asked, Attempt};
use super::memory::Memory;
use super::registry::Registry;
use super::sys::Mapped;
use crate::home::clock;

/// A page and who serves it.
pub(super) struct Line {
    page: Mapped,
    pub(super) process: i32,
    pub(super) memory: Memory,
    pub(super) registry: Arc<Registry>,
    desk: Mutex<Desk>,
    /// Whether the call that waits is to be tried again.
    again: AtomicBool,
    over: AtomicBool,
    patience: Patience,
}

/// What the thread and those that wake a call share.
#[derive(Default)]
struct Desk {
    asked: Option<Asked>,
    /// Data on its way, kept from call to call for its memory.
    buffer: Vec<u8>,
}

impl Line {
    /// Serves a page, in a thread of its own.
    pub(super) fn start(
        registry: Arc<Registry>,
        process: i32,
        memory: Memory,
        page: Mapped,
    ) -> io::Result<Arc<Self>> {
        let line = Arc::new(Self {
            page,
            process,
            memory,
            registry,
            desk: Mutex::default(),
            again: AtomicBool::new(false),
            over: AtomicBool::new(false),
            patience: Patience::new(),
        });
        let served = line.clone();
        std::thread::Builder::new()
            .name("inquic-line".into())
            .stack_size(STACK_BYTES)
            .spawn(move || served.serve())?;
        Ok(line)
    }

    /// The program has ended.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.page.bell.fetch_add(1, Ordering::SeqCst);
        // If it does not sleep, it sees the bell.
        let _ = futex::wake(&self.page.bell, futex::Flags::empty(), 1);
    }

    fn serve(self: Arc<Self>) {
        let waker = Waker::from(self.clone());
        loop {
            let bell = self.page.bell.load(Ordering::SeqCst);
            if self.over.load(Ordering::SeqCst) {
                self.hang_up(&waker);
                return;
            }
            let until = match self.page.state.load(Ordering::Acquire) {
                CALLED => self.take_call(),
                CANCELLED => {
                    self.give_up(&waker, libc::EINTR);
                    None
                }
                _ => None,
            };
            if self.lingers(bell) {
                continue;
            }
            self.page.home_sleeps.store(1, Ordering::SeqCst);
            if self.page.bell.load(Ordering::SeqCst) == bell {
                self.sleep(&waker, bell, until);
            }
            self.page.home_sleeps.store(0, Ordering::Relaxed);
        }
    }

    /// Lets others run for a moment, after which most programs make their next call: going to sleep and being woken takes longer.
    /// Whether the bell has rung.
    fn lingers(&self, bell: u32) -> bool {
        let rang = || self.page.bell.load(Ordering::SeqCst) != bell;
        let clock = || clock::now().as_nanos();
        self.patience.linger(rang, std::thread::yield_now, clock)
    }

    /// Sleeps until the bell rings; a call that waits is given up at its time.
    fn sleep(&self, waker: &Waker, bell: u32, until: Option<Instant>) {
        let timeout = until.map(|until| {
            let wait = clock::until(clock::now(), until);
            Timespec::try_from(wait).unwrap_or(Timespec {
                tv_sec: 1,
                tv_nsec: 0,
            })
        });
        let flags = futex::Flags::empty();
        // Whatever ends it, the bell tells what there is to do.
        let _ = futex::wait(&self.page.bell, flags, bell, timeout.as_ref());
        if until.is_some_and(|until| clock::now() >= until) {
            self.give_up(waker, libc::EAGAIN);
        }
    }

    /// Begins with what the program asks, unless that has begun. When it is given up, if it waits and may not do so for ever.
    fn take_call(self: &Arc<Self>) -> Option<Instant> {
        let mut desk = self.desk();
        if desk.asked.is_none() && self.page.state.load(Ordering::Acquire) == CALLED {
            desk.asked = Some(self.read());
            drop(desk);
            self.wake_by_ref();
            desk = self.desk();
        }
        desk.asked.as_ref()?.until
    }

    fn read(&self) -> Asked {
        let page = &*self.page;
        let call = Call::from_number(page.call.load(Ordering::Relaxed));
        let may_wait = page.how.load(Ordering::Relaxed) & MUST_NOT_WAIT == 0;
        let values = std::array::from_fn(|at| page.arguments[at].load(Ordering::Relaxed));
        let opened = self.registry.find(page.socket.load(Ordering::Relaxed));
        Asked::new(call, values, may_wait, opened)
    }

    /// The program does not wait any longer, because of `errno`: it gets what was done so far.
    fn give_up(&self, waker: &Waker, errno: i32) {
        let mut desk = self.desk();
        if let Some(asked) = desk.asked.take() {
            asked.forget_waiting(waker);
            let answer = asked.given_up(errno);
            self.reply(&answer);
        }
    }

    fn hang_up(&self, waker: &Waker) {
        if let Some(asked) = self.desk().asked.take() {
            asked.forget_waiting(waker);
        }
    }

    fn reply(&self, answer: &Answer) {
        let page = &*self.page;
        page.result.store(answer.result, Ordering::Relaxed);
        page.orders.store(answer.orders, Ordering::Relaxed);
        page.ticket.store(answer.ticket, Ordering::Relaxed);
        page.state.store(DONE, Ordering::SeqCst);
        if page.program_sleeps.load(Ordering::SeqCst) != 0 {
            // If the program has woken by itself, nobody is there to wake.
            let _ = futex::wake(&page.state, futex::Flags::empty(), 1);
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries the call; whoever holds the desk meanwhile tries it once more.
    fn retry(self: &Arc<Self>) {
        self.again.store(true, Ordering::SeqCst);
        while self.again.load(Ordering::SeqCst) {
            let mut desk = match self.desk.try_lock() {
                Ok(desk) => desk,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            let mut behind = None;
            while self.again.swap(false, Ordering::SeqCst) {
                let Desk { asked, buffer } = &mut *desk;
                let Some(call) = asked else { break };
                let waker = Waker::from(self.clone());
                if let Attempt::Answered(answer, served) = call.attempt(self, &waker, buffer) {
                    *asked = None;
                    behind = served;
                    self.reply(&answer);
                }
            }
            drop(desk);
            // The program goes on meanwhile.
            if let Some(served) = behind {
                served.catch_up();
            }
        }
    }
}

impl Wake for Line {
    fn wake(self: Arc<Self>) {
        self.retry();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.retry();
    }
}

/// A call's frames are small; its data is on the heap.
const STACK_BYTES: usize = 256 * 1024;
