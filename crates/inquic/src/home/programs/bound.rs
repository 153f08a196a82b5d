//! Where a program's socket is: bind(), listen() and connect() come in, ports of the process or those that others have, too, go out.
//! What waits for others waits with no lock in hand.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use inquic_socket::Errno;
use inquic_socket::sock::address;
use socket2::Socket;

use super::served::{Held, Hold, Served};
use super::{names, sys};
use crate::error::Error;
use crate::home::port::Port;
use crate::home::ports;
use crate::home::share::own_user;

/// Tells a listener that somebody can be accepted.
struct Acceptable(Weak<Served>);

impl Wake for Acceptable {
    fn wake(self: Arc<Self>) {
        if let Some(served) = self.0.upgrade() {
            served.catch_up();
        }
    }
}

impl Served {
    /// bind(), by a process. It may have to wait for others that have the port; nobody waits for it.
    pub(super) fn bind(&self, process: i32, sockaddr: &[u8]) -> Result<(), i32> {
        let checked = |held: &Held| held.sock.bind(sockaddr).map_err(Errno::number);
        let (address, options) =
            self.act(|held, _| Ok::<_, i32>((checked(held)?, held.options()?)))?;
        self.bind_shared(process, address, options.as_ref(), checked)
    }

    /// Binds to `address`, which others may have, too. `check` says whether the socket is still one that is to be bound.
    fn bind_shared(
        &self,
        process: i32,
        address: SocketAddr,
        options: Option<&Socket>,
        check: impl FnOnce(&Held) -> Result<SocketAddr, i32>,
    ) -> Result<(), i32> {
        let user = sys::user_of(process).map_err(|_| libc::EACCES)?;
        if sys::is_privileged(address.port()) && user != 0 && user != own_user() {
            // The kernel asks who we are, and we are not that program.
            return Err(libc::EACCES);
        }
        let port = ports::bind_for_program(address, options, user);
        let hold = Hold(port.map_err(|error| errno_of(&error))?);
        self.act(|held, _| {
            check(held)?;
            self.keep(held, hold);
            Ok(())
        })
    }

    /// Keeps a port: the socket had none.
    fn keep(&self, held: &mut Held, hold: Hold) {
        held.sock.on_bound(hold.0.local_addr());
        // It was not bound, or `Sock::bind` had refused.
        let _ = self.port.set(hold.0.clone());
        held.hold = Some(hold);
        held.unbound = None;
    }

    /// The port; where there is none, one of its own that the system chooses, for connect().
    fn bound(&self, held: &mut Held) -> Result<&Arc<Port>, i32> {
        if self.port.get().is_none() {
            let any = address::any(held.sock.family());
            let port = ports::bind_alone(any, held.options()?.as_ref());
            self.keep(held, Hold(port.map_err(|error| errno_of(&error))?));
        }
        self.port.get().ok_or(libc::EINVAL)
    }

    /// listen(), by a process. It waits for the word of who receives for all that have the port.
    pub(super) fn listen(self: &Arc<Self>, process: i32, backlog: i32) -> Result<(), i32> {
        if self.port.get().is_none() {
            let (any, options) = self
                .act(|held, _| Ok::<_, i32>((address::any(held.sock.family()), held.options()?)))?;
            let unbound = |held: &Held| {
                held.sock
                    .local_address()
                    .map_or(Ok(any), |_| Err(libc::EINVAL))
            };
            self.bind_shared(process, any, options.as_ref(), unbound)?;
        }
        let port = self.port.get().ok_or(libc::EINVAL)?;
        let mut unaccepted = Vec::new();
        let listening = self.act(|held, _| {
            let before = held.sock.listener().and_then(|id| port.listener(id));
            let waker = Waker::from(Arc::new(Acceptable(Arc::downgrade(self))));
            let sock = &mut held.sock;
            port.serve_listener(waker, |port| {
                sock.listen(port, backlog)?;
                Ok(sock.listener())
            })
            .map_err(Errno::number)?;
            if !held.sock.is_listening() {
                unaccepted = port.unlisten(&mut held.sock);
            }
            Ok::<_, i32>(held.sock.listener().map(|id| (id, before)))
        });
        for occupant in unaccepted {
            occupant.close();
        }
        let Some((id, before)) = listening? else {
            return Ok(());
        };
        let is_new = before.is_none();
        port.claim(id, before).map_err(|errno| {
            if is_new {
                self.stop_listening(port);
            }
            errno.number()
        })
    }

    /// Stops to listen; what nobody has accepted is closed.
    fn stop_listening(&self, port: &Port) {
        for occupant in self.act(|held, _| port.unlisten(&mut held.sock)) {
            occupant.close();
        }
    }

    /// connect().
    pub(super) fn connect(self: &Arc<Self>, sockaddr: &[u8]) -> Result<(), i32> {
        self.act(|held, now| {
            let peer = held.sock.peer(sockaddr).map_err(Errno::number)?;
            let port = self.bound(held)?.clone();
            names::way_to(&port.udp[0], peer)?;
            let slot = port.connect_served(self, |socket_port| {
                held.sock.connect(now, socket_port, peer)
            });
            held.slot = Some(slot.map_err(Errno::number)?);
            held.hold = None;
            Ok(())
        })
    }
}

impl Held {
    /// The options that were set before bind(), as a socket that has them.
    fn options(&self) -> Result<Option<Socket>, i32> {
        let copied = self.unbound.as_ref().map(Socket::try_clone).transpose();
        copied.map_err(|_| libc::ENOBUFS)
    }
}

/// What bind() says about why an address is not to be had.
pub(super) fn errno_of(error: &Error) -> i32 {
    match error {
        Error::PortInUse(_) => libc::EADDRINUSE,
        Error::NoPermission(_) => libc::EACCES,
        Error::NoSuchAddress(_) => libc::EADDRNOTAVAIL,
        Error::NoMemory => libc::ENOMEM,
        Error::Io { kind, .. } => match kind {
            io::ErrorKind::OutOfMemory => libc::ENOMEM,
            // An IPv6 address without the interface that it is an address of.
            io::ErrorKind::InvalidInput => libc::EINVAL,
            // No descriptor or thread is left.
            _ => libc::ENOBUFS,
        },
        _ => libc::EINVAL,
    }
}
