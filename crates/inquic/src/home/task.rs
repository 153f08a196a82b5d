//! A port driven by a task of a tokio runtime: turns when its socket is readable, its bell rings or its deadline comes.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use inquic_platform::Instant;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use super::clock;
use super::driver::{Driver, Source, Turn};
use super::port::Port;
use super::readiness::Level;
use super::sys::{self, Socket};

/// Starts the task that drives `port` on the runtime of the caller.
pub(crate) fn start(port: &Arc<Port>) -> io::Result<()> {
    for index in 1..port.udp.len() {
        start_beside(port, Source::Port(index))?;
    }
    let socket = if port.reads() {
        Some(sys::watch(port, &Source::Port(0))?)
    } else {
        None
    };
    let timer = timerfd_create(
        TimerfdClockId::Monotonic,
        TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
    )?;
    let task = Task {
        driver: Driver::new(port.clone(), Source::Port(0)),
        socket,
        timer: sys::watch_timer(timer)?,
        armed: None,
    };
    tokio::spawn(task);
    Ok(())
}

/// Starts a task for another socket than the port's first.
pub(super) fn start_beside(port: &Arc<Port>, source: Source) -> io::Result<()> {
    let mut alarms = vec![watch_alarm(&port.ended)?];
    if let Source::Extra(extra) = &source {
        alarms.push(watch_alarm(&extra.retired)?);
    }
    let task = Beside {
        socket: sys::watch(port, &source)?,
        alarms,
        driver: Driver::new(port.clone(), source),
    };
    tokio::spawn(task);
    Ok(())
}

fn watch_alarm(level: &Level) -> io::Result<AsyncFd<OwnedFd>> {
    sys::watch_timer(level.as_fd().try_clone_to_owned()?)
}

/// Drives a socket beside the port's first: it has neither timers nor lists.
struct Beside {
    driver: Driver,
    socket: AsyncFd<Socket>,
    /// Readable when there is nothing to drive any more.
    alarms: Vec<AsyncFd<OwnedFd>>,
}

impl Future for Beside {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let task = &mut *self;
        if task
            .alarms
            .iter()
            .any(|alarm| alarm.poll_read_ready(context).is_ready())
        {
            return Poll::Ready(());
        }
        for _ in 0..TURNS {
            // Without its reactor the runtime is at its end.
            let Ok(mut guard) = ready!(task.socket.poll_read_ready(context)) else {
                return Poll::Ready(());
            };
            if matches!(task.driver.turn(true), Turn::Idle) {
                guard.clear_ready();
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

struct Task {
    driver: Driver,
    /// None while another process receives for us: each of its datagrams would wake us.
    socket: Option<AsyncFd<Socket>>,
    /// A timer of the kernel's: the runtime's own count milliseconds, in which a gigabit is paced a hundred packets.
    timer: AsyncFd<OwnedFd>,
    /// When `timer` ends; none when it has.
    armed: Option<Instant>,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let task = &mut *self;
        for _ in 0..TURNS {
            task.driver.port.bell.listen(context.waker());
            if task.socket.is_none() && task.driver.reads() {
                task.socket = sys::watch(&task.driver.port, &Source::Port(0)).ok();
            }
            let ready = match &task.socket {
                Some(socket) => socket.poll_read_ready(context),
                None => Poll::Pending,
            };
            let readable = match ready {
                Poll::Ready(Ok(mut guard)) => {
                    let turn = task.driver.turn(true);
                    if matches!(turn, Turn::Idle) {
                        // The kernel's queue was seen empty: what comes later makes the descriptor ready anew.
                        guard.clear_ready();
                    }
                    Some(turn)
                }
                // Without its reactor the runtime is at its end.
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => None,
            };
            let waits = readable.is_none();
            match readable.unwrap_or_else(|| task.driver.turn(false)) {
                Turn::Ended => return Poll::Ready(()),
                Turn::Idle if waits && task.poll_deadline(context).is_pending() => {
                    return Poll::Pending;
                }
                Turn::Idle => {}
                // Readers take what has come while it is still in the cache; then there is more.
                Turn::Again => break,
            }
        }
        // Others have their turn too.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Task {
    /// Ready when the port's next deadline has come.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.driver.port.next_work() else {
            return Poll::Pending;
        };
        // A timer that ends earlier is left as it is: waking too early costs one turn, setting costs as much each time.
        if self.armed.is_none_or(|armed| deadline < armed) {
            let wait = clock::until(clock::now(), deadline);
            if wait.is_zero() || set(self.timer.get_ref(), wait).is_err() {
                return Poll::Ready(());
            }
            self.armed = Some(deadline);
        }
        // Without its reactor the runtime is at its end, and drops the task.
        let Ok(mut guard) = ready!(self.timer.poll_read_ready(context)) else {
            return Poll::Pending;
        };
        let ended = rustix::io::read(self.timer.get_ref(), &mut [0; 8]).is_ok();
        guard.clear_ready();
        if ended {
            self.armed = None;
        }
        // Not ended: it was set anew after it had. The next poll waits for that.
        Poll::Ready(())
    }
}

/// Lets a timer end once, after `wait`.
fn set(timer: &OwnedFd, wait: Duration) -> io::Result<()> {
    let once = Itimerspec {
        it_interval: Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
        it_value: Timespec::try_from(wait).unwrap_or(Timespec {
            tv_sec: 3600,
            tv_nsec: 0,
        }),
    };
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &once)?;
    Ok(())
}

/// Turns that the task takes before it lets others run.
const TURNS: usize = 8;
