//! The agent at work: the kernel's calls for help, finished handshakes and signals come in; handshakes are begun, ended and counted. It
//! takes no more requests than it may work on, and never ends because a message of the kernel's was lost.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::config::Config;
use crate::limits;
use crate::log;
use crate::service::{Job, Service};
use crate::work::{self, Outcome};

/// What the kernel calls agents by.
pub(crate) trait Notices: AsFd + Send {
    /// Takes one notice away, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` where there is none, ENOBUFS where some were lost.
    fn take(&self) -> io::Result<()>;
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Read the configuration again.
    Reload,
    /// End.
    End,
}

/// The agent.
pub(crate) struct Agent {
    notices: Box<dyn Notices>,
    shared: Arc<Shared>,
    config: Arc<Config>,
    /// A byte comes with each handshake that has ended.
    ended: UnixStream,
}

/// What workers share.
struct Shared {
    held: Mutex<Held>,
    ended: UnixStream,
}

struct Held {
    service: Service,
    /// Handshakes under way: their number, and that of the socket.
    running: BTreeMap<u64, RawFd>,
    next: u64,
}

impl Agent {
    /// An agent for a service, called by notices.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn new(
        service: Service,
        notices: Box<dyn Notices>,
        config: Config,
    ) -> io::Result<Self> {
        let (ended, worker) = UnixStream::pair()?;
        ended.set_nonblocking(true)?;
        worker.set_nonblocking(true)?;
        let held = Held {
            service,
            running: BTreeMap::new(),
            next: 0,
        };
        Ok(Self {
            notices,
            shared: Arc::new(Shared {
                held: Mutex::new(held),
                ended: worker,
            }),
            config: Arc::new(config),
            ended,
        })
    }

    /// Works until it is ordered to end. Every byte of `orders` is looked up by `order`; `reload` reads the configuration again.
    ///
    /// # Errors
    ///
    /// When the kernel hands over no sockets, or cannot call any more.
    pub(crate) fn run(
        mut self,
        orders: &UnixStream,
        reload: &dyn Fn() -> Option<Config>,
    ) -> io::Result<()> {
        orders.set_nonblocking(true)?;
        loop {
            // Requests may wait since before this agent was there, or since a notice was lost.
            let all = self.drain()?;
            let wait = if all { None } else { Some(limits::AGAIN) };
            self.wait(orders, wait)?;
            self.take_notices()?;
            self.forget_ended()?;
            match take_order(orders)? {
                None => {}
                Some(Order::Reload) => {
                    if let Some(config) = reload() {
                        self.config = Arc::new(config);
                        log::line("the configuration was read again");
                    }
                }
                Some(Order::End) => {
                    self.end(orders);
                    return Ok(());
                }
            }
        }
    }

    /// Begins as many handshakes as wait and may be; `false` where the kernel could not hand one over and is to be asked again.
    fn drain(&self) -> io::Result<bool> {
        loop {
            let mut held = self.shared.lock();
            if held.running.len() >= self.config.handshakes {
                return Ok(true);
            }
            match held.service.accept() {
                Ok(None) => return Ok(true),
                Ok(Some(job)) => self.begin(&mut held, job),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
                Err(error) => {
                    log::line(&format!(
                        "the kernel could not hand a request over: {error}"
                    ));
                    return Ok(false);
                }
            }
        }
    }

    fn begin(&self, held: &mut Held, job: Job) {
        let number = held.next;
        held.next = held.next.wrapping_add(1);
        held.running.insert(number, job.socket.as_raw_fd());
        let job = Arc::new(job);
        let (ours, shared, config) = (job.clone(), self.shared.clone(), self.config.clone());
        let worker = thread::Builder::new()
            .name(format!("handshake {number}"))
            .stack_size(limits::STACK_BYTES);
        let begun = worker.spawn(move || {
            let outcome = work::handshake(&ours, &config);
            log::line(&format!("handshake {number}: {}", outcome.line));
            shared.settle(number, &ours, &outcome);
        });
        if let Err(error) = begun {
            held.running.remove(&number);
            log::line(&format!("handshake {number}: no thread for it: {error}"));
            let status = Errno::AGAIN.raw_os_error().unsigned_abs();
            // Where that fails as well, its user's time runs out.
            let _ = held.service.done(job.socket.as_raw_fd(), status, None);
        }
    }

    fn wait(&self, orders: &UnixStream, at_most: Option<Duration>) -> io::Result<()> {
        let mut all = [
            PollFd::new(&self.notices, PollFlags::IN),
            PollFd::new(&self.ended, PollFlags::IN),
            PollFd::new(orders, PollFlags::IN),
        ];
        let at_most = at_most.and_then(|time| Timespec::try_from(time).ok());
        match poll(&mut all, at_most.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn take_notices(&self) -> io::Result<()> {
        loop {
            match self.notices.take() {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => {
                    // Notices were lost. All that they say is that requests wait, which is asked for next.
                    log::line("the kernel had no room for its notices; looking for all that waits");
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn forget_ended(&self) -> io::Result<()> {
        let mut bytes = [0; 64];
        loop {
            match (&self.ended).read(&mut bytes) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets the handshakes under way end, for a while; what goes on then, or is ordered to end once more, is given up.
    fn end(&self, orders: &UnixStream) {
        let deadline = now() + limits::GRACE;
        loop {
            let left = deadline.saturating_duration_since(now());
            let running = self.shared.lock().running.len();
            if running == 0 || left.is_zero() {
                break;
            }
            let waited = self
                .wait(orders, Some(left))
                .and_then(|()| self.forget_ended());
            if waited.is_err() || matches!(take_order(orders), Ok(Some(Order::End))) {
                break;
            }
        }
        let mut held = self.shared.lock();
        for (number, socket) in std::mem::take(&mut held.running) {
            log::line(&format!(
                "handshake {number}: given up, since the agent ends"
            ));
            let status = Errno::CANCELED.raw_os_error().unsigned_abs();
            // Its worker does not settle it any more, and has the socket open still.
            let _ = held.service.done(socket, status, None);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the kernel what became of a handshake, unless it was given up.
    fn settle(&self, number: u64, job: &Job, outcome: &Outcome) {
        let Outcome { status, key, .. } = *outcome;
        let mut held = self.lock();
        if held.running.remove(&number).is_some()
            && let Err(error) = held.service.done(job.socket.as_raw_fd(), status, key)
        {
            log::line(&format!(
                "handshake {number}: its user waits no more: {error}"
            ));
        }
        drop(held);
        // Where the pipe is full, somebody is about to look anyway.
        let _ = (&self.ended).write(&[0]);
    }
}

fn take_order(orders: &UnixStream) -> io::Result<Option<Order>> {
    let mut byte = [0];
    match (&*orders).read(&mut byte) {
        Ok(_) if byte == [RELOAD] => Ok(Some(Order::Reload)),
        // Also where nobody is left to give orders.
        Ok(_) => Ok(Some(Order::End)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "an agent that ends waits for so long and no longer"
)]
fn now() -> Instant {
    Instant::now()
}

/// The byte of [`Order::Reload`]; any other is [`Order::End`].
pub(crate) const RELOAD: u8 = b'r';
/// The byte of [`Order::End`].
pub(crate) const END: u8 = b'e';

#[cfg(test)]
mod tests;
