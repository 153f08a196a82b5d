//! A listener, blocking.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};

use inquic_engine::Drops;

use super::{Connection, wait};
use crate::builder::{Blocking, ListenerBuilder};
use crate::error::Error;
use crate::home::ports::Drive;
use crate::stream::Readiness;
use crate::transport::Acceptor;

/// A UDP port that takes connections.
///
/// Any number of threads may accept from it. Dropping it stops it; connections that were accepted live on.
pub struct Listener {
    acceptor: Box<dyn Acceptor>,
    nonblocking: AtomicBool,
}

impl ListenerBuilder<Blocking> {
    /// Binds to an address and listens. `[::]:4433` takes IPv4 and IPv6; port 0 is any free one.
    ///
    /// # Errors
    ///
    /// [`Error`] with the cause: port in use, no permission, no certificate, …
    pub fn bind(self, address: impl ToSocketAddrs) -> Result<Listener, Error> {
        let acceptor = self.listen(address, Drive::Threads)?;
        Ok(Listener {
            acceptor,
            nonblocking: AtomicBool::new(false),
        })
    }
}

impl Listener {
    /// Chooses how to listen.
    pub fn builder() -> ListenerBuilder<Blocking> {
        ListenerBuilder::new()
    }

    /// Waits for a connection, with its handshake complete; with [`crate::ListenerBuilder::early_data`], perhaps before that.
    ///
    /// # Errors
    ///
    /// [`Error::ListenerClosed`] after [`Listener::close`].
    pub fn accept(&self) -> Result<Connection, Error> {
        let owner = wait(self.nonblocking.load(Ordering::Relaxed), |context| {
            self.acceptor.poll_accept(context)
        })?;
        Ok(Connection::new(owner))
    }

    /// The address that is listened on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.acceptor.local_addr()
    }

    /// Datagrams that came to the port, belonged to no connection and were dropped, by reason.
    #[must_use]
    pub fn drops(&self) -> Drops {
        self.acceptor.drops()
    }

    /// Takes no more connections and wakes whoever waits in [`Listener::accept`]. Those accepted live on.
    pub fn close(&self) {
        self.acceptor.close();
    }

    /// Whether [`Listener::accept`] returns [`Error::WouldBlock`] in place of waiting.
    pub fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    /// A descriptor that is readable while [`Listener::accept`] would not have to wait.
    ///
    /// # Errors
    ///
    /// When the system has no descriptor left.
    pub fn readiness(&self) -> Result<Readiness, Error> {
        self.acceptor.readiness()
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Listener")
            .field("local", &self.local_addr())
            .finish_non_exhaustive()
    }
}
