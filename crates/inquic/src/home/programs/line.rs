//! The home's side of a page by which a program calls: calls in, one at a time; their answers out, from whatever thread finds them.
//!
//! A thread takes the call and tries it. If it has to wait, what it waits for wakes it, and it is tried again in the thread that
//! does so: an answer that the driver of a port brings goes from there to the program, with no other thread in between.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::{Wake, Waker};

use inquic_calls::{CALLED, CANCELLED, Call, DONE, MUST_NOT_WAIT, PROGRAM_SLEEPS, Patience};
use inquic_platform::Instant;
use rustix::thread::futex;
use rustix::time::Timespec;

use super::calls::{Answer, Asked, Attempt};
use super::desk::Desk;
use super::memory::Memory;
use super::registry::Registry;
use super::sys::{Keeper, Mapped};
use crate::home::clock;

/// A page and who serves it.
pub(super) struct Line {
    page: Mapped,
    pub(super) process: i32,
    pub(super) memory: Memory,
    pub(super) registry: Arc<Registry>,
    desk: Desk<Papers>,
    over: AtomicBool,
    patience: Patience,
}

/// What the thread and those that wake a call share.
#[derive(Default)]
struct Papers {
    asked: Option<Asked>,
    /// Data on its way, kept from call to call for its memory.
    buffer: Vec<u8>,
}

impl Line {
    /// Serves a page, in a thread of its own, from before this returns.
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
            desk: Desk::default(),
            over: AtomicBool::new(false),
            patience: Patience::new(),
        });
        let served = line.clone();
        let (ready, readiness) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("inquic-line".into())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let keeper = Keeper::new(&served.page);
                let begun = keeper.as_ref().map(drop);
                // Whoever waits for it waits until it is said.
                let _ = ready.send(begun.map_err(|error| io::Error::from(error.kind())));
                if keeper.is_ok() {
                    served.serve();
                }
            })?;
        readiness
            .recv()
            .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
        Ok(line)
    }

    /// The program has ended.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.page.bell.fetch_add(1, Ordering::SeqCst);
        // If it does not sleep, it sees the bell.
        let _ = futex::wake(&self.page.bell, futex::Flags::empty(), 1);
    }

    fn serve(self: &Arc<Self>) {
        let waker = Waker::from(self.clone());
        loop {
            let bell = self.page.bell.load(Ordering::SeqCst);
            if self.over.load(Ordering::SeqCst) {
                self.hang_up(&waker);
                return;
            }
            let mut until = self.take_call();
            // Only now: the signal may have come before the call was seen here.
            if self.page.state.load(Ordering::Acquire) == CANCELLED {
                self.give_up(&waker, libc::EINTR);
                until = None;
            }
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
    fn sleep(self: &Arc<Self>, waker: &Waker, bell: u32, until: Option<Instant>) {
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
        let asks = || matches!(self.page.state.load(Ordering::Acquire), CALLED | CANCELLED);
        if !asks() {
            return None;
        }
        let is_new = self.look(|papers| {
            // What was answered does not ask any more, for whoever answers is at the desk.
            let is_new = papers.asked.is_none() && asks();
            if is_new {
                papers.asked = Some(self.read());
            }
            is_new
        });
        if is_new {
            self.retry();
        }
        self.look(|papers| papers.asked.as_ref()?.until)
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
    fn give_up(self: &Arc<Self>, waker: &Waker, errno: i32) {
        self.look(|papers| {
            if let Some(asked) = papers.asked.take() {
                asked.forget_waiting(waker);
                let answer = asked.given_up(errno);
                self.reply(&answer);
            }
        });
    }

    fn hang_up(self: &Arc<Self>, waker: &Waker) {
        self.look(|papers| {
            if let Some(asked) = papers.asked.take() {
                asked.forget_waiting(waker);
            }
        });
    }

    fn reply(&self, answer: &Answer) {
        let page = &*self.page;
        page.result.store(answer.result, Ordering::Relaxed);
        page.orders.store(answer.orders, Ordering::Relaxed);
        page.ticket.store(answer.ticket, Ordering::Relaxed);
        page.state.store(DONE, Ordering::SeqCst);
        if page.keeper.load(Ordering::SeqCst) & PROGRAM_SLEEPS != 0 {
            page.keeper.fetch_and(!PROGRAM_SLEEPS, Ordering::SeqCst);
            // If the program has woken by itself, nobody is there to wake.
            let _ = futex::wake(&page.keeper, futex::Flags::empty(), 1);
        }
    }

    /// Looks at what the program asks; whoever came to try it meanwhile has it tried.
    fn look<R>(self: &Arc<Self>, look: impl FnOnce(&mut Papers) -> R) -> R {
        self.desk.look(look, |papers| self.attempt(papers))
    }

    /// Tries the call; whoever is at the desk meanwhile tries it once more.
    fn retry(self: &Arc<Self>) {
        self.desk.tell(|papers| self.attempt(papers));
    }

    /// Tries the call, if there is one; what is to be done once the program has its answer.
    fn attempt(self: &Arc<Self>, papers: &mut Papers) -> Option<impl FnOnce() + use<>> {
        let Papers { asked, buffer } = papers;
        let call = asked.as_mut()?;
        let waker = Waker::from(self.clone());
        let Attempt::Answered(answer, served) = call.attempt(self, &waker, buffer) else {
            return None;
        };
        *asked = None;
        self.reply(&answer);
        // The program goes on meanwhile.
        served.map(|served| move || served.catch_up())
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

#[cfg(test)]
mod tests;
