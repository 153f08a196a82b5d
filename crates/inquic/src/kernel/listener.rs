//! A listener: a socket that listens in; connections whose handshake is complete out. The handshakes are made by the thread that waits for
//! all sockets.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use inquic_descriptor::{Calls as _, Descriptor};
use inquic_engine::Drops;
use inquic_handshake::{ServerConfig, Session};
use inquic_uapi::option;
use socket2::{Domain, SockAddr, Socket};

use super::connection::Connection;
use super::limits;
use super::reactor::{Reactor, Ready, Registration};
use super::settings::Settings;
use super::stream::push;
use super::sys;
use crate::error::Error;
use crate::home::readiness::Level;
use crate::stream::Readiness;
use crate::transport::{Acceptor, Owner};

/// What a listener is made with.
pub(crate) struct Wishes {
    pub(crate) settings: Settings,
    pub(crate) tls: ServerConfig,
    pub(crate) protocols: Vec<Vec<u8>>,
    pub(crate) names: Vec<Vec<u8>>,
    pub(crate) backlog: usize,
    pub(crate) spreads: bool,
}

/// A listener, which stops when it is dropped.
pub(crate) struct Listener(Arc<Shared>);

/// What the thread shares with it.
pub(super) struct Shared {
    socket: Socket,
    registration: OnceLock<Registration>,
    tls: ServerConfig,
    backlog: usize,
    local: SocketAddr,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// Connections that make their handshakes.
    shaking: Vec<Arc<Connection>>,
    /// Connections that wait for accept().
    ready: VecDeque<Arc<Connection>>,
    waiting: Vec<Waker>,
    level: Option<Arc<Level>>,
    closed: bool,
}

impl Listener {
    /// Binds and listens.
    pub(crate) fn bind(address: SocketAddr, wishes: &Wishes) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::bind(address, &error);
        let reactor = Reactor::get()?;
        let socket = sys::socket(Domain::for_address(address)).map_err(failed)?;
        let calls = Descriptor(socket.as_raw_fd());
        wishes.settings.set(&calls).map_err(failed)?;
        calls
            .setsockopt(option::QUIC_SOCKOPT_ALPN, &wishes.protocols.join(&b','))
            .map_err(failed)?;
        if !wishes.names.is_empty() {
            calls
                .setsockopt(option::QUIC_SOCKOPT_SERVER_NAMES, &wishes.names.join(&b','))
                .map_err(failed)?;
        }
        socket.set_reuse_port(wishes.spreads).map_err(failed)?;
        socket.bind(&SockAddr::from(address)).map_err(failed)?;
        let backlog = i32::try_from(wishes.backlog).unwrap_or(i32::MAX);
        socket.listen(backlog).map_err(failed)?;
        let local = socket.local_addr().map_err(failed)?.as_socket();
        let shared = Arc::new(Shared {
            registration: OnceLock::new(),
            tls: wishes.tls.clone(),
            backlog: wishes.backlog,
            local: local.unwrap_or(address),
            held: Mutex::default(),
            socket,
        });
        let who: Weak<dyn Ready> = Arc::downgrade(&shared) as Weak<dyn Ready>;
        let registration = reactor.register(&shared.socket, who).map_err(failed)?;
        let _ = shared.registration.set(registration);
        shared.admit();
        Ok(Self(shared))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets clients in while there is a place for them.
    fn admit(self: &Arc<Self>) {
        loop {
            let held = self.lock();
            let under_way = held.shaking.len();
            if held.closed
                || under_way >= limits::HANDSHAKES
                || under_way + held.ready.len() >= self.backlog
            {
                return;
            }
            drop(held);
            let (socket, remote) = match self.socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // No descriptor is left, say: nobody tells when there is one.
                Err(_) => return self.admit_later(),
            };
            let Some(remote) = remote.as_socket() else {
                continue;
            };
            if socket.set_nonblocking(true).is_err() {
                continue;
            }
            let session = Session::server(&self.tls);
            let listener = Arc::downgrade(self);
            let Ok(connection) = Connection::begin(socket, remote, session, listener, None) else {
                continue;
            };
            let mut held = self.lock();
            held.shaking.push(connection.clone());
            drop(held);
            // It may have been over before it was in the list.
            self.settled(&connection);
        }
    }

    /// Lets clients in after a moment: there was no place for them when they came.
    fn admit_later(&self) {
        if let Some(registration) = self.registration.get() {
            registration.tick();
        }
    }

    /// The handshake of a connection has come to its end, one way or the other.
    pub(super) fn settled(&self, connection: &Connection) {
        let (established, over) = connection.standing();
        if !established && !over {
            return;
        }
        let mut held = self.lock();
        let place = held
            .shaking
            .iter()
            .position(|one| std::ptr::eq(&raw const **one, connection));
        let Some(place) = place else { return };
        let was_full = held.shaking.len() >= limits::HANDSHAKES;
        let connection = held.shaking.swap_remove(place);
        if was_full {
            self.admit_later();
        }
        if established && !held.closed {
            held.ready.push_back(connection);
            self.tell(held);
        } else {
            drop(held);
            drop(connection);
        }
    }

    fn tell(&self, mut held: MutexGuard<'_, Held>) {
        if let Some(level) = &held.level {
            level.set(held.closed || !held.ready.is_empty());
        }
        let waiting = std::mem::take(&mut held.waiting);
        drop(held);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Ready for Shared {
    fn ready(self: Arc<Self>) {
        self.admit();
    }
}

impl Acceptor for Listener {
    fn poll_accept(&self, context: &Context<'_>) -> Poll<Result<Owner, Error>> {
        let mut held = self.0.lock();
        let next = held.ready.pop_front();
        if let Some(level) = &held.level {
            level.set(held.closed || !held.ready.is_empty());
        }
        if let Some(entry) = next {
            drop(held);
            self.0.admit();
            return Poll::Ready(Ok(Owner { entry }));
        }
        if held.closed {
            return Poll::Ready(Err(Error::ListenerClosed));
        }
        push(&mut held.waiting, context);
        Poll::Pending
    }

    fn local_addr(&self) -> SocketAddr {
        self.0.local
    }

    /// The kernel counts them for all sockets together: /proc/net/quic/snmp.
    fn drops(&self) -> Drops {
        Drops::default()
    }

    fn close(&self) {
        let mut held = self.0.lock();
        held.closed = true;
        let (shaking, ready) = (
            std::mem::take(&mut held.shaking),
            std::mem::take(&mut held.ready),
        );
        self.0.tell(held);
        // A queue of no length stops listening.
        let _ = self.0.socket.listen(0);
        drop((shaking, ready));
    }

    fn readiness(&self) -> Result<Readiness, Error> {
        let mut held = self.0.lock();
        if let Some(level) = &held.level {
            return Ok(Readiness(level.clone()));
        }
        let level = Level::new().map_err(|error| Error::io("cannot make a descriptor", &error))?;
        level.set(held.closed || !held.ready.is_empty());
        let level = Arc::new(level);
        held.level = Some(level.clone());
        Ok(Readiness(level))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}
