//! One UDP port: datagrams and `listen`, `accept`, `connect` in; routes and new sockets out. It never holds a connection.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use inquic_engine::{
    Config, Endpoint, EndpointKeys, Handle, Incoming, Listen, Path, RetryPolicy, Route,
};
use inquic_platform::{Instant, Platform};

use core::net::SocketAddr;

use crate::errno::Errno;
use crate::limits;
use crate::options::Options;
use crate::sock::{Family, Sock};
use crate::socket::Socket;

/// A UDP port, shared by a listener and any number of connections.
pub struct Port {
    endpoint: Endpoint,
    listener: Option<Listener>,
}

/// What listen() made.
struct Listener {
    config: Arc<Config>,
    backlog: usize,
    /// Connections whose handshake is complete and that nobody has accepted, oldest first.
    ready: VecDeque<Handle>,
    /// Connections turned away because the backlog was full.
    overflows: u64,
    inherited: Option<Arc<Inherited>>,
}

/// How a port listens.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// Settings of the connections to come.
    pub config: Arc<Config>,
    /// Connections that may wait for accept().
    pub backlog: usize,
    /// Handshakes that may be under way.
    pub max_half_open: usize,
    /// When to ask a client to prove its address first.
    pub retry: RetryPolicy,
    /// What connections are made with whose program uses the C ABI; none for programs in Rust.
    pub inherited: Option<Arc<Inherited>>,
}

/// What a listener of the C ABI hands down to its connections.
#[derive(Clone, Debug)]
pub struct Inherited {
    pub(crate) family: Family,
    pub(crate) kind: i32,
    pub(crate) local: SocketAddr,
    pub(crate) options: Options,
}

impl Inherited {
    /// The application protocols that the listener serves, in order.
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        self.options.alpn()
    }

    /// The server names that it serves, in order; none serves all.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.options.names()
    }
}

impl Port {
    /// A port that listens to nobody yet.
    #[must_use]
    pub fn new(platform: Arc<dyn Platform>, keys: EndpointKeys) -> Self {
        Self {
            endpoint: Endpoint::new(platform, keys),
            listener: None,
        }
    }

    /// Starts to listen, or changes how. A backlog of zero stops it; connections that wait already stay.
    pub fn listen(&mut self, options: ListenOptions) {
        if options.backlog == 0 {
            self.stop_listening();
            return;
        }
        let ready = self
            .listener
            .take()
            .map_or_else(VecDeque::new, |before| before.ready);
        self.endpoint.set_listening(Some(Listen {
            max_half_open: options.max_half_open,
            retry: options.retry,
            versions: options.config.versions,
        }));
        self.listener = Some(Listener {
            config: options.config,
            backlog: options.backlog.min(limits::BACKLOG),
            ready,
            overflows: 0,
            inherited: options.inherited,
        });
    }

    /// Stops to listen and gives back, one a call, the connections that nobody has accepted.
    pub fn stop_listening(&mut self) -> Option<Handle> {
        self.endpoint.set_listening(None);
        let waiting = self.listener.as_mut()?.ready.pop_front();
        if waiting.is_none() {
            self.listener = None;
        }
        waiting
    }

    /// Where a datagram goes. `reply` takes the answer that belongs to no connection.
    pub fn route(&mut self, now: Instant, path: &Path, datagram: &[u8], reply: &mut [u8]) -> Route {
        self.endpoint.route(now, path, datagram, reply)
    }

    /// Makes the socket for a connection that comes in; it is given the same datagram next.
    ///
    /// # Errors
    ///
    /// [`Errno::EAGAIN`] when the backlog is full: the client's retransmission asks again, as with TCP.
    /// [`Errno::ECONNREFUSED`] when nobody listens or the engine refuses.
    pub fn admit(&mut self, now: Instant, incoming: &Incoming) -> Result<(Handle, Socket), Errno> {
        let Some(listener) = &mut self.listener else {
            return Err(Errno::ECONNREFUSED);
        };
        if listener.ready.len() >= listener.backlog {
            listener.overflows = listener.overflows.saturating_add(1);
            self.endpoint.turn_away(incoming);
            return Err(Errno::EAGAIN);
        }
        let (handle, connection) = self
            .endpoint
            .accept(now, incoming, &listener.config)
            .map_err(|_| Errno::ECONNREFUSED)?;
        Ok((handle, Socket::new(handle, connection)))
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
        let inherited = self
            .listener
            .as_ref()
            .and_then(|listener| listener.inherited.clone())
            .ok_or(Errno::ECONNREFUSED)?;
        let (handle, socket) = self.admit(now, incoming)?;
        let key = self.endpoint.ticket_key();
        Ok((handle, Sock::admitted(&inherited, key, socket)))
    }

    /// How many connections may wait for accept().
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.listener
            .as_ref()
            .map_or(0, |listener| listener.backlog)
    }

    /// Queues a connection whose handshake is complete for accept(). `false` when nobody listens any more.
    pub fn on_established(&mut self, handle: Handle) -> bool {
        let Some(listener) = &mut self.listener else {
            return false;
        };
        listener.ready.push_back(handle);
        true
    }

    /// The connection that has waited longest for accept().
    pub fn accept(&mut self) -> Option<Handle> {
        self.listener.as_mut()?.ready.pop_front()
    }

    /// Whether accept() would give a connection.
    #[must_use]
    pub fn is_acceptable(&self) -> bool {
        self.listener
            .as_ref()
            .is_some_and(|listener| !listener.ready.is_empty())
    }

    /// Whether the port listens.
    #[must_use]
    pub const fn is_listening(&self) -> bool {
        self.listener.is_some()
    }

    /// Connections turned away because the backlog was full.
    #[must_use]
    pub fn overflows(&self) -> u64 {
        self.listener
            .as_ref()
            .map_or(0, |listener| listener.overflows)
    }

    /// Opens a connection to `path.remote`. As in the ABI it sends nothing: the handshake's first message does.
    ///
    /// # Errors
    ///
    /// [`Errno::ENOMEM`] when the home cannot make the keys or the endpoint is full.
    pub fn connect(
        &mut self,
        now: Instant,
        config: &Arc<Config>,
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
        if let Some(listener) = &mut self.listener {
            listener.ready.retain(|&handle| handle != socket.handle());
        }
        self.endpoint.remove(socket.handle());
    }

    /// The engine's endpoint, for its counters.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}
