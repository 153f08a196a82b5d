//! A UDP port with its connections: routes, timers, the list of connections with something to send, and what the kernel could
//! not take yet. Everything in here is shared by the driver and the application's threads; each lock guards one thing.
//!
//! Lock order, outermost first: an entry's lock; then any one of the port's. Nobody holds two of the port's at once, and
//! nobody takes an entry's with one of the port's in hand.

mod listeners;
mod outgoing;
mod served;
mod shared;

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inquic_engine::{
    Config, Drops, EndpointKeys, Handle, HeldDatagram, Incoming, Owner as PortOwner, Path, Route,
};
use inquic_handshake::Session;
use inquic_platform::{Instant, Platform};
use inquic_socket::Socket;

use super::bell::Bell;
use super::clock;
use super::entry::Entry;
use super::limits;
use super::occupant::Occupant;
use super::programs::Served;
use super::readiness::Level;
use super::share::Share;
use super::timers::Timers;
use super::tokens::Tokens;
use super::trace::LogTo;
use super::udp::Udp;
use super::waiters::{NumberHasher, Wakes};
use crate::error::Error;
use crate::transport::Owner;

pub(crate) use listeners::Service;
use listeners::{Accepts, Listening};
use outgoing::Unsent;
pub(super) use outgoing::new_outbox;

/// A UDP port of this process.
pub(crate) struct Port {
    pub(super) udp: Box<[Udp]>,
    pub(super) bell: Bell,
    table: Mutex<Table>,
    timers: Mutex<Timers>,
    /// Connections that the driver must look at.
    listed: Mutex<Vec<u32>>,
    /// Batches that the kernel had no room for, in order.
    unsent: Mutex<VecDeque<Unsent>>,
    blocked: AtomicBool,
    /// When the driver last looked at the clock, in nanoseconds.
    looked_at: AtomicU64,
    /// Transmit buffers of application threads, which use them one at a time.
    outboxes: Mutex<Vec<Box<[u8]>>>,
    /// Readable once the port has ended: tells the other I/O threads.
    pub(super) ended: Level,
    /// Other processes that have the port, too.
    pub(super) share: Option<Arc<Share>>,
}

struct Table {
    port: inquic_socket::Port,
    entries: Vec<Option<Occupant>>,
    /// Places of `entries` that are empty.
    free: Vec<u32>,
    slots: HashMap<Handle, u32, BuildHasherDefault<NumberHasher>>,
    /// Listeners, and connects under way: the port stays while there are any.
    users: usize,
    listening: Vec<Listening>,
    /// Why nothing works any more: the port has ended.
    over: Option<Error>,
}

/// Where datagrams go.
pub(super) enum Destination {
    /// To a connection, which gets first what was kept of its client, if it is new.
    Occupant(Occupant, Vec<HeldDatagram>),
    /// Answered with so many bytes.
    Reply(usize),
    /// To another process that has the port, too.
    Member(u8),
    /// Kept until it is known whose it is: the next datagram, even of the same client, may have another destination.
    Held,
    Nowhere,
}

impl Port {
    pub(crate) fn new(
        udp: Vec<Udp>,
        bell: Bell,
        platform: Arc<dyn Platform>,
        keys: EndpointKeys,
        share: Option<Arc<Share>>,
    ) -> std::io::Result<Self> {
        let mut port = inquic_socket::Port::new(platform, keys);
        if share.as_ref().is_some_and(|share| !share.reads()) {
            port.endpoint_mut().set_admitting(false);
        }
        Ok(Self {
            udp: udp.into_boxed_slice(),
            bell,
            table: Mutex::new(Table {
                port,
                entries: Vec::new(),
                free: Vec::new(),
                slots: HashMap::default(),
                users: 1,
                listening: Vec::new(),
                over: None,
            }),
            timers: Mutex::default(),
            listed: Mutex::default(),
            unsent: Mutex::default(),
            blocked: AtomicBool::new(false),
            looked_at: AtomicU64::new(clock::now().as_nanos()),
            outboxes: Mutex::default(),
            ended: Level::new()?,
            share,
        })
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.udp[0].local()
    }

    /// The time now. Tasks get the time of the driver's last turn, which was before they ran: asking the clock at every read
    /// would cost more than the read of a small message.
    pub(super) fn recent(&self) -> Instant {
        if self.driven_by_task() {
            Instant::from_nanos(self.looked_at.load(Ordering::Relaxed))
        } else {
            clock::now()
        }
    }

    /// The driver has looked at the clock.
    pub(super) fn look(&self) -> Instant {
        let now = clock::now();
        self.looked_at.store(now.as_nanos(), Ordering::Relaxed);
        now
    }

    pub(crate) const fn driven_by_task(&self) -> bool {
        matches!(self.bell, Bell::Task(_))
    }

    /// Datagrams that belonged to no connection and were not answered, by reason.
    pub(crate) fn drops(&self) -> Drops {
        *self.table().port.endpoint().drops()
    }

    /// Somebody uses the port and wants it to stay. Fails when it has ended.
    pub(crate) fn hold(&self) -> bool {
        let mut table = self.table();
        if table.over.is_some() {
            return false;
        }
        table.users += 1;
        true
    }

    /// The opposite of [`Port::hold`], and of what [`Port::new`] began with.
    pub(crate) fn release(&self) {
        let mut table = self.table();
        table.users = table.users.saturating_sub(1);
        let is_unused = table.is_unused();
        drop(table);
        self.end_if(is_unused);
    }

    /// Has the driver take a turn, in which it finds that the port has ended. One that is about to sleep looks at its list a last time,
    /// not at the users.
    fn end_if(&self, is_unused: bool) {
        if is_unused {
            self.list(NOBODY);
        }
    }

    /// Opens a connection; the handshake's first flight leaves at once.
    pub(crate) fn connect(
        self: &Arc<Self>,
        config: &Arc<Config>,
        remote: SocketAddr,
        session: Session,
        tokens: &Arc<Tokens>,
        log_to: &LogTo,
    ) -> Result<Owner, Error> {
        let now = clock::now();
        let path = Path {
            local: Some(self.local_addr()),
            remote,
        };
        let token = tokens.take((remote, config.version));
        let mut table = self.table();
        if let Some(error) = &table.over {
            return Err(error.clone());
        }
        let (handle, socket) = table
            .port
            .connect(now, config, path, &token)
            .map_err(|errno| {
                Error::io(
                    "cannot open a connection",
                    &std::io::Error::from_raw_os_error(errno.number()),
                )
            })?;
        let slot = table.vacancy();
        let entry = Entry::new(self.clone(), slot, socket, session)
            .with_tokens(tokens.clone(), remote)
            .with_trace(log_to, now);
        let entry = Arc::new(entry);
        table.occupy(slot, handle, Occupant::Entry(entry.clone()));
        drop(table);
        entry.begin(now);
        Ok(Owner { entry })
    }

    /// Where a run of datagrams with one destination id goes; a new connection is made for a client's first.
    pub(super) fn route(
        self: &Arc<Self>,
        now: Instant,
        path: &Path,
        ecn: u8,
        datagram: &[u8],
        reply: &mut [u8],
    ) -> Destination {
        let mut table = self.table();
        match table.port.route_marked(now, path, ecn, datagram, reply) {
            Route::Connection(handle) => match table.find(handle) {
                Some(occupant) => Destination::Occupant(occupant, Vec::new()),
                None => Destination::Nowhere,
            },
            Route::Incoming(incoming) => match incoming.owner() {
                PortOwner::Local(_) => self.admit(table, now, incoming),
                PortOwner::Remote(member) => {
                    drop(table);
                    self.introduce(member, now, ecn, datagram, incoming);
                    Destination::Held
                }
            },
            Route::Reply(bytes) => Destination::Reply(bytes),
            Route::Held => Destination::Held,
            Route::Forward(member) => Destination::Member(member),
            Route::Drop(_) => Destination::Nowhere,
        }
    }

    fn admit(
        self: &Arc<Self>,
        mut table: MutexGuard<'_, Table>,
        now: Instant,
        mut incoming: Incoming,
    ) -> Destination {
        let PortOwner::Local(number) = incoming.owner() else {
            return Destination::Nowhere;
        };
        let mut listening = table.listening.iter();
        let found = listening.find(|one| one.id.number() == number);
        let session = match found.map(|one| &one.accepts) {
            None => return Destination::Nowhere,
            Some(Accepts::Tls(tls, log_to)) => Some((Session::server(tls), log_to.clone())),
            Some(Accepts::Program(_)) => None,
        };
        let held = incoming.take_datagrams();
        // Its time begins with the first that came of it.
        let begun = held.first().map_or(now, |first| first.at);
        let slot = table.vacancy();
        let admitted = match session {
            Some((session, log_to)) => {
                table.port.admit(begun, &incoming).map(|(handle, socket)| {
                    let entry =
                        Entry::new(self.clone(), slot, socket, session).with_trace(&log_to, begun);
                    (handle, Occupant::Entry(Arc::new(entry)))
                })
            }
            None => table
                .port
                .admit_sock(begun, &incoming)
                .map(|(handle, sock)| {
                    let served = Served::admitted(sock, self.clone(), slot);
                    (handle, Occupant::Served(Arc::new(served)))
                }),
        };
        let Ok((handle, occupant)) = admitted else {
            table.free.push(slot);
            return Destination::Nowhere;
        };
        table.occupy(slot, handle, occupant.clone());
        Destination::Occupant(occupant, held)
    }

    pub(super) fn find(&self, slot: u32) -> Option<Occupant> {
        self.table().entries.get(slot as usize)?.clone()
    }

    pub(super) fn service(&self, now: Instant, socket: &mut Socket) {
        self.table().port.service(now, socket);
    }

    /// Forgets a connection that is gone.
    pub(super) fn remove(&self, slot: u32, socket: &Socket) {
        let mut table = self.table();
        table.port.remove(socket);
        self.vacate(table, socket.handle(), slot);
    }

    /// Gives the place of a connection to others, and forgets its timer.
    fn vacate(&self, mut table: MutexGuard<'_, Table>, handle: Handle, slot: u32) {
        if table.slots.remove(&handle).is_some() {
            table.entries[slot as usize] = None;
            table.free.push(slot);
        }
        let is_unused = table.is_unused();
        drop(table);
        self.timers().set(slot, None);
        self.end_if(is_unused);
    }

    /// Puts a connection on the driver's list.
    pub(super) fn list(&self, slot: u32) {
        lock(&self.listed).push(slot);
        self.bell.ring();
    }

    pub(super) fn take_listed(&self, into: &mut Vec<u32>) {
        into.append(&mut lock(&self.listed));
    }

    pub(super) fn has_listed(&self) -> bool {
        !lock(&self.listed).is_empty()
    }

    pub(super) fn arm(&self, slot: u32, deadline: Instant) {
        let nearer = self.timers().set(slot, Some(deadline));
        if nearer {
            self.bell.ring();
        }
    }

    /// When a task must look again, if nothing wakes it before: the next deadline, or soon when the kernel's buffer is full.
    pub(super) fn next_work(&self) -> Option<Instant> {
        let deadline = self.timers().next();
        if !self.is_blocked() {
            return deadline;
        }
        let retry = clock::now() + limits::RETRY_SEND;
        Some(deadline.map_or(retry, |deadline| deadline.min(retry)))
    }

    pub(super) fn timers(&self) -> MutexGuard<'_, Timers> {
        lock(&self.timers)
    }

    /// Whether nobody uses the port and nothing is left to do. From then on it takes no connection.
    pub(super) fn try_end(&self) -> bool {
        let mut table = self.table();
        if !table.is_unused() {
            return false;
        }
        table.over = Some(Error::ListenerClosed);
        drop(table);
        self.ended.set(true);
        true
    }

    /// Whoever drove the port has stopped: every call on it fails with `error`.
    pub(super) fn stop(&self, error: &Error) {
        let mut wakes = Wakes::default();
        let mut table = self.table();
        table.over.get_or_insert_with(|| error.clone());
        let entries: Vec<_> = table.entries.iter_mut().filter_map(Option::take).collect();
        table.slots.clear();
        for listening in &mut table.listening {
            for waker in listening.accepters.drain(..) {
                wakes.push(waker);
            }
            if let Some(level) = &listening.acceptable {
                level.set(true);
            }
        }
        drop(table);
        for entry in entries {
            entry.fail(error, &mut wakes);
        }
        self.ended.set(true);
        wakes.wake();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }
}

impl Table {
    /// Whether nobody listens or is about to, and no connection is there.
    fn is_unused(&self) -> bool {
        self.users == 0 && self.slots.is_empty()
    }

    /// A place for a connection.
    fn vacancy(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
        })
    }

    fn occupy(&mut self, slot: u32, handle: Handle, occupant: Occupant) {
        self.entries[slot as usize] = Some(occupant);
        self.slots.insert(handle, slot);
    }

    fn find(&self, handle: Handle) -> Option<Occupant> {
        let slot = *self.slots.get(&handle)?;
        self.entries.get(slot as usize)?.clone()
    }
}

/// A place that no connection has.
const NOBODY: u32 = u32::MAX;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
