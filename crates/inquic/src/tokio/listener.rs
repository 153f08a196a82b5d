//! A listener, for tasks.

use std::future::poll_fn;
use std::net::{SocketAddr, ToSocketAddrs};

use inquic_engine::Drops;

use super::Connection;
use crate::builder::{ListenerBuilder, Tokio};
use crate::error::Error;
use crate::home::ports::Drive;
use crate::transport::Acceptor;

/// A UDP port that takes connections.
///
/// Any number of tasks may accept from it. Dropping it stops it; connections that were accepted live on.
pub struct Listener {
    acceptor: Box<dyn Acceptor>,
}

impl ListenerBuilder<Tokio> {
    /// Binds to an address and listens. `[::]:4433` takes IPv4 and IPv6; port 0 is any free one. A name that must be
    /// resolved first is, while the calling thread waits.
    ///
    /// # Errors
    ///
    /// [`Error`] with the cause: port in use, no permission, no certificate, …
    pub fn bind(self, address: impl ToSocketAddrs) -> Result<Listener, Error> {
        let acceptor = self.listen(address, Drive::here())?;
        Ok(Listener { acceptor })
    }
}

impl Listener {
    /// Chooses how to listen.
    pub fn builder() -> ListenerBuilder<Tokio> {
        ListenerBuilder::new()
    }

    /// Waits for a connection, with its handshake complete; with [`crate::ListenerBuilder::early_data`], perhaps before that.
    ///
    /// # Errors
    ///
    /// [`Error::ListenerClosed`] after [`Listener::close`].
    pub async fn accept(&self) -> Result<Connection, Error> {
        let owner = poll_fn(|context| self.acceptor.poll_accept(context)).await?;
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
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Listener")
            .field("local", &self.local_addr())
            .finish_non_exhaustive()
    }
}
