//! A listener of the embedded home: a port with a place among its listeners in, what a face wants of it out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use inquic_engine::Drops;
use inquic_socket::port::ListenerId;

use super::port::Port;
use crate::error::Error;
use crate::stream::Readiness;
use crate::transport::{Acceptor, Owner};

/// One listener of a port, which it holds.
pub(crate) struct Listener {
    pub(crate) port: Arc<Port>,
    pub(crate) id: ListenerId,
}

impl Acceptor for Listener {
    fn poll_accept(&self, context: &Context<'_>) -> Poll<Result<Owner, Error>> {
        self.port.poll_accept(self.id, context)
    }

    fn local_addr(&self) -> SocketAddr {
        self.port.local_addr()
    }

    fn drops(&self) -> Drops {
        self.port.drops()
    }

    fn close(&self) {
        self.port.stop_listening(self.id);
    }

    fn readiness(&self) -> Result<Readiness, Error> {
        match self.port.acceptable(self.id) {
            Ok(level) => Ok(Readiness(level)),
            Err(error) => Err(Error::io("cannot make a descriptor", &error)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.port.stop_listening(self.id);
        self.port.release();
    }
}
