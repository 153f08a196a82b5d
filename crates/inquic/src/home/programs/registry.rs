//! What the home keeps of all programs: open descriptors by their cookies, descriptors that wait to be fetched, and connections
//! that deliver what was written before close().

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rustix::event::epoll;

use super::opened::Opened;
use super::served::Served;
use crate::home::waiters::NumberHasher;

/// The table of one home.
pub(super) struct Registry {
    tables: Mutex<Tables>,
    /// Told when a descriptor is closed or a connection has ended.
    quieter: Condvar,
    tickets: AtomicU64,
    /// Watches the home's ends of descriptors, and what else the porter waits for.
    watch: OwnedFd,
}

#[derive(Default)]
struct Tables {
    opened: HashMap<u64, Arc<Opened>, std::hash::BuildHasherDefault<NumberHasher>>,
    waiting: HashMap<u64, Ticket>,
    /// Their ports keep them until they are over, and nobody longer: what they have would stay.
    closing: Vec<Weak<Served>>,
}

/// A descriptor that a program is to fetch.
struct Ticket {
    descriptor: OwnedFd,
    opened: Arc<Opened>,
    /// The process that is to fetch it.
    process: i32,
}

impl Registry {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            tables: Mutex::default(),
            quieter: Condvar::new(),
            tickets: AtomicU64::new(1),
            watch: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        })
    }

    /// What the porter waits on.
    pub(super) const fn watcher(&self) -> &OwnedFd {
        &self.watch
    }

    /// Watches a descriptor under a number: for its end, and for what is written to it, once for each time.
    pub(super) fn watch(&self, number: u64, watched: impl AsFd) -> io::Result<()> {
        let events = epoll::EventFlags::IN | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
        let data = epoll::EventData::new_u64(number);
        Ok(epoll::add(&self.watch, watched, data, events)?)
    }

    pub(super) fn insert(&self, opened: Arc<Opened>) {
        self.tables().opened.insert(opened.cookie, opened);
    }

    pub(super) fn find(&self, cookie: u64) -> Option<Arc<Opened>> {
        self.tables().opened.get(&cookie).cloned()
    }

    /// Keeps a descriptor for `process` to fetch.
    pub(super) fn leave(&self, process: i32, opened: Arc<Opened>, descriptor: OwnedFd) -> u64 {
        let number = self.tickets.fetch_add(1, Ordering::Relaxed);
        let ticket = Ticket {
            descriptor,
            opened,
            process,
        };
        self.tables().waiting.insert(number, ticket);
        number
    }

    /// The descriptor of a ticket, and its cookie.
    pub(super) fn fetch(&self, ticket: u64, process: i32) -> Option<(OwnedFd, u64)> {
        let mut tables = self.tables();
        let mine = tables.waiting.get(&ticket)?.process == process;
        let found = tables.waiting.remove(&ticket).filter(|_| mine)?;
        Some((found.descriptor, found.opened.cookie))
    }

    /// What a process that has ended did not fetch is closed by that.
    pub(super) fn forget_process(&self, process: i32) {
        let mut tables = self.tables();
        tables.waiting.retain(|_, ticket| ticket.process != process);
    }

    /// Nobody has a descriptor any more.
    pub(super) fn close(&self, cookie: u64) {
        let Some(opened) = self.tables().opened.remove(&cookie) else {
            return;
        };
        opened.close();
        if opened.stream.is_none() && !opened.served.is_delivered() {
            let mut tables = self.tables();
            tables.closing.retain(|served| served.strong_count() > 0);
            tables.closing.push(Arc::downgrade(&opened.served));
        }
        self.quieter.notify_all();
    }

    /// Waits until no program has a QUIC socket, and all has been delivered that was written.
    pub(super) fn wait_until_quiet(&self) {
        let mut tables = self.tables();
        loop {
            let closing = std::mem::take(&mut tables.closing);
            drop(tables);
            // Without this lock: theirs come before it.
            let closing: Vec<_> = closing
                .into_iter()
                .filter(|served| {
                    served
                        .upgrade()
                        .is_some_and(|served| !served.is_delivered())
                })
                .collect();
            tables = self.tables();
            tables.closing.extend(closing);
            if tables.opened.is_empty() && tables.closing.is_empty() {
                return;
            }
            let waited = self.quieter.wait_timeout(tables, LOOK_AGAIN);
            tables = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a program's end is held back at most after its last byte was delivered.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
