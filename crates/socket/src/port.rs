//! One UDP port: datagrams and `listen`, `accept`, `connect` in; routes and new sockets out. It never holds a connection.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use inquic_engine::{
    Claim, ConnectError, Endpoint, EndpointKeys, Handle, Incoming, Listen, Owner, OwnerError, Path,
    RetryPolicy, Route, Settings,
};
use inquic_platform::memory::{self, NoMemory};
use inquic_platform::{Instant, Platform};

use core::net::SocketAddr;

use crate::errno::Errno;
use crate::limits;
use crate::options::Options;
use crate::sock::{Family, Sock};
use crate::socket::Socket;

/// A UDP port, shared by its listeners and any number of connections.
pub struct Port {
    endpoint: Endpoint,
    listeners: Vec<Listener>,
    /// The number of the next listener.
    next: u32,
}

/// Names a listener of a port. Never used for another listener again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(u32);

/// What listen() made.
struct Listener {
    id: ListenerId,
    made_with: MadeWith,
    /// Connections whose handshake is complete and that nobody has accepted, oldest first.
    ready: VecDeque<Handle>,
    /// Connections turned away because the backlog was full.
    overflows: u64,
}

/// What connections of a listener are made with, and how many may wait.
struct MadeWith {
    config: Settings,
    backlog: usize,
    inherited: Option<Inherited>,
}

/// How a port listens.
#[derive(Debug)]
pub struct ListenOptions {
    /// Settings of the connections to come.
    pub config: Settings,
    /// Connections that may wait for accept().
    pub backlog: usize,
    /// Handshakes that may be under way.
    pub max_half_open: usize,
    /// When to ask a client to prove its address first.
    pub retry: RetryPolicy,
    /// The names and protocols that clients have to ask for.
    pub claim: Claim,
    /// Whether others may listen for the same, if they want that, too (SO_REUSEPORT).
    pub spreads: bool,
    /// What connections are made with whose program uses the C ABI; none for programs in Rust.
    pub inherited: Option<Inherited>,
}

/// What a listener of the C ABI hands down to its connections.
#[derive(Debug)]
pub struct Inherited {
    pub(crate) family: Family,
    pub(crate) kind: i32,
    pub(crate) local: SocketAddr,
    pub(crate) options: Options,
}

impl Inherited {
    /// The same again; `None` when there is no memory for it.
    #[must_use]
    pub fn copied(&self) -> Option<Self> {
        Some(Self {
            family: self.family,
            kind: self.kind,
            local: self.local,
            options: self.options.copied()?,
        })
    }

    /// The application protocols that the listener serves, in order.
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        self.options.alpn()
    }

    /// The server names that it serves, in order; none serves all.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.options.names()
    }
}

impl ListenOptions {
    /// How to listen for whatever comes.
    #[must_use]
    pub fn new(config: impl Into<Settings>) -> Self {
        Self {
            config: config.into(),
            backlog: limits::BACKLOG,
            max_half_open: inquic_engine::limits::HALF_OPEN,
            retry: RetryPolicy::WhenBusy,
            claim: Claim::any(),
            spreads: false,
            inherited: None,
        }
    }

    /// The same again; `None` when there is no memory for it.
    #[must_use]
    pub fn copied(&self) -> Option<Self> {
        let inherited = match &self.inherited {
            Some(inherited) => Some(inherited.copied()?),
            None => None,
        };
        Some(Self {
            config: self.config.again()?,
            backlog: self.backlog,
            max_half_open: self.max_half_open,
            retry: self.retry,
            claim: self.claim.copied()?,
            spreads: self.spreads,
            inherited,
        })
    }
}

impl Port {
    /// A port that listens to nobody yet.
    #[must_use]
    pub fn new(platform: Arc<dyn Platform>, keys: EndpointKeys) -> Self {
        Self {
            endpoint: Endpoint::new(platform, keys),
            listeners: Vec::new(),
            next: 0,
        }
    }

    /// Starts to listen.
    ///
    /// # Errors
    ///
    /// [`Errno::EADDRINUSE`] when another listener claims a part of the same and not both want to share it;
    /// [`Errno::ENOMEM`] when there are too many. [`Errno::EINVAL`] for a backlog of zero.
    pub fn listen(&mut self, options: ListenOptions) -> Result<ListenerId, Errno> {
        if options.backlog == 0 {
            return Err(Errno::EINVAL);
        }
        let id = ListenerId(self.next);
        self.listeners.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let (owner, made_with) = entered(id, options);
        self.endpoint.add_owner(owner).map_err(refusal)?;
        self.next = self.next.wrapping_add(1);
        let listener = Listener {
            id,
            made_with,
            ready: VecDeque::new(),
            overflows: 0,
        };
        memory::put(&mut self.listeners, listener);
        Ok(id)
    }

    /// Changes how a listener listens. A backlog of zero stops it; connections that wait already stay.
    ///
    /// # Errors
    ///
    /// As [`Port::listen`]; nothing has changed then. [`Errno::EINVAL`] when it does not listen any more.
    pub fn relisten(&mut self, id: ListenerId, options: ListenOptions) -> Result<(), Errno> {
        if options.backlog == 0 {
            self.endpoint.remove_owner(Owner::Local(id.0));
            return Ok(());
        }
        let listener = self.listeners.iter_mut().find(|one| one.id == id);
        let listener = listener.ok_or(Errno::EINVAL)?;
        let (owner, made_with) = entered(id, options);
        self.endpoint.add_owner(owner).map_err(refusal)?;
        listener.made_with = made_with;
        Ok(())
    }

    /// Stops a listener and gives back, one a call, the connections that nobody has accepted.
    pub fn stop_listening(&mut self, id: ListenerId) -> Option<Handle> {
        self.endpoint.remove_owner(Owner::Local(id.0));
        let waiting = self.listener_mut(id)?.ready.pop_front();
        if waiting.is_none() {
            self.listeners.retain(|listener| listener.id != id);
        }
        waiting
    }

    /// Where a datagram goes. `reply` takes the answer that belongs to no connection.
    pub fn route(&mut self, now: Instant, path: &Path, datagram: &[u8], reply: &mut [u8]) -> Route {
        self.endpoint.route(now, path, datagram, reply)
    }

    /// As [`Port::route`], for a datagram that came with these ECN bits.
    pub fn route_marked(
        &mut self,
        now: Instant,
        path: &Path,
        ecn: u8,
        datagram: &[u8],
        reply: &mut [u8],
    ) -> Route {
        self.endpoint.route_marked(now, path, ecn, datagram, reply)
    }

    /// Makes the socket for a connection that comes in; it is given the datagrams of [`Incoming::take_datagrams`] next, and then
    /// the one that was routed.
    ///
    /// # Errors
    ///
    /// [`Errno::EAGAIN`] when the backlog is full: the client's retransmission asks again, as with TCP.
    /// [`Errno::ENOMEM`] when there is no memory for it, likewise. [`Errno::ECONNREFUSED`] when nobody listens or the engine refuses.
    pub fn admit(&mut self, now: Instant, incoming: &Incoming) -> Result<(Handle, Socket), Errno> {
        let Owner::Local(id) = incoming.owner() else {
            return Err(Errno::ECONNREFUSED);
        };
        let id = ListenerId(id);
        let listener = self.listeners.iter_mut().find(|one| one.id == id);
        let Some(listener) = listener else {
            return Err(Errno::ECONNREFUSED);
        };
        if listener.ready.len() >= listener.made_with.backlog {
            listener.overflows = listener.overflows.saturating_add(1);
            self.endpoint.turn_away(incoming);
            return Err(Errno::EAGAIN);
        }
        let config = listener.made_with.config.again();
        let config = config.ok_or(ConnectError::Memory);
        match config.and_then(|config| self.endpoint.accept(now, incoming, config)) {
            Ok((handle, connection)) => Ok((handle, Socket::accepted(handle, connection, id))),
            Err(error) => {
                self.endpoint.turn_away(incoming);
                Err(match error {
                    ConnectError::Memory => Errno::ENOMEM,
                    ConnectError::Crypto(_) => Errno::ECONNREFUSED,
                })
            }
        }
    }

    /// As [`Port::admit`], for a listener of the C ABI.
    ///
    /// # Errors
    ///
    /// As [`Port::admit`]; [`Errno::ECONNREFUSED`] as well when the listener is a program's in Rust.
    pub fn admit_sock(
        &mut self,
        now: Instant,
        incoming: &Incoming,
    ) -> Result<(Handle, Sock), Errno> {
        let Owner::Local(id) = incoming.owner() else {
            return Err(Errno::ECONNREFUSED);
        };
        let listener = self.listener(ListenerId(id));
        let inherited = listener.and_then(|listener| listener.made_with.inherited.as_ref());
        let Some(inherited) = inherited.ok_or(Errno::ECONNREFUSED)?.copied() else {
            self.endpoint.turn_away(incoming);
            return Err(Errno::ENOMEM);
        };
        let (handle, socket) = self.admit(now, incoming)?;
        let key = self.endpoint.ticket_key();
        let sock = Sock::admitted(inherited, key, socket).map_err(|NoMemory| {
            self.give_up(incoming, handle);
            Errno::ENOMEM
        })?;
        Ok((handle, sock))
    }

    /// Forgets a connection that was let in and for which its home has no memory after all: the client's retransmission asks again.
    pub fn give_up(&mut self, incoming: &Incoming, handle: Handle) {
        self.endpoint.remove(handle);
        self.endpoint.turn_away(incoming);
    }

    /// How many connections may wait for accept().
    #[must_use]
    pub fn backlog(&self, id: ListenerId) -> usize {
        self.listener(id)
            .map_or(0, |listener| listener.made_with.backlog)
    }

    /// Queues a connection whose handshake is complete for accept(). `false` when its listener is gone, or there is no memory to
    /// queue it: the connection is to be closed.
    pub fn on_established(&mut self, listener: Option<ListenerId>, handle: Handle) -> bool {
        let listener = listener.and_then(|id| self.listener_mut(id));
        let Some(listener) = listener else {
            return false;
        };
        memory::queued(&mut listener.ready, handle)
    }

    /// The connection that has waited longest for a listener's accept().
    pub fn accept(&mut self, id: ListenerId) -> Option<Handle> {
        self.listener_mut(id)?.ready.pop_front()
    }

    /// Whether accept() would give a connection.
    #[must_use]
    pub fn is_acceptable(&self, id: ListenerId) -> bool {
        self.listener(id)
            .is_some_and(|listener| !listener.ready.is_empty())
    }

    /// Whether a listener is there.
    #[must_use]
    pub fn is_listening(&self, id: ListenerId) -> bool {
        self.listener(id).is_some()
    }

    /// Connections turned away because the backlog was full.
    #[must_use]
    pub fn overflows(&self, id: ListenerId) -> u64 {
        self.listener(id).map_or(0, |listener| listener.overflows)
    }

    /// Opens a connection to `path.remote`. As in the ABI it sends nothing: the handshake's first message does.
    ///
    /// # Errors
    ///
    /// [`Errno::ENOMEM`] when the home cannot make the keys or the endpoint is full.
    pub fn connect(
        &mut self,
        now: Instant,
        config: impl Into<Settings>,
        path: Path,
        token: &[u8],
    ) -> Result<(Handle, Socket), Errno> {
        let (handle, connection) = self
            .endpoint
            .connect(now, config, path, token)
            .map_err(|_| Errno::ENOMEM)?;
        Ok((handle, Socket::new(handle, connection)))
    }

    /// Lets the endpoint know the connection ids that a socket has issued and retired.
    pub fn service(&mut self, now: Instant, socket: &mut Socket) {
        self.endpoint
            .service(now, socket.handle(), socket.connection_mut());
    }

    /// Forgets a connection that is gone.
    pub fn remove(&mut self, socket: &Socket) {
        let listener = socket.listener().and_then(|id| self.listener_mut(id));
        if let Some(listener) = listener {
            memory::keep(&mut listener.ready, |&handle| handle != socket.handle());
        }
        self.endpoint.remove(socket.handle());
    }

    /// The engine's endpoint, for its counters.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The engine's endpoint, for who else has the port.
    pub const fn endpoint_mut(&mut self) -> &mut Endpoint {
        &mut self.endpoint
    }

    fn listener(&self, id: ListenerId) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.id == id)
    }

    fn listener_mut(&mut self, id: ListenerId) -> Option<&mut Listener> {
        self.listeners.iter_mut().find(|listener| listener.id == id)
    }
}

impl ListenerId {
    /// Its number, the same as that of [`Owner::Local`].
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// A listener as the engine knows it, and as the port does.
fn entered(id: ListenerId, options: ListenOptions) -> (inquic_engine::Listener, MadeWith) {
    let owner = inquic_engine::Listener {
        owner: Owner::Local(id.0),
        listen: Listen {
            max_half_open: options.max_half_open,
            retry: options.retry,
            versions: options.config.versions,
        },
        claim: options.claim,
        spreads: options.spreads,
    };
    let made_with = MadeWith {
        config: options.config,
        backlog: options.backlog.min(limits::BACKLOG),
        inherited: options.inherited,
    };
    (owner, made_with)
}

const fn refusal(error: OwnerError) -> Errno {
    match error {
        OwnerError::Overlap => Errno::EADDRINUSE,
        OwnerError::Full => Errno::ENOMEM,
    }
}
