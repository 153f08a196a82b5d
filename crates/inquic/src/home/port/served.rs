//! A port as sockets of programs use it: their listeners, connects and ends in; places in the table and wakes out.

use std::sync::Arc;
use std::task::Waker;

use inquic_engine::Handle;
use inquic_platform::Instant;
use inquic_socket::Errno;
use inquic_socket::port::ListenerId;
use inquic_socket::sock::{Sock, Stop};

use super::Port;
use super::listeners::{Accepts, Listening};
use crate::home::occupant::Occupant;
use crate::home::programs::Served;
use crate::home::waiters::Wakes;

impl Port {
    /// Looks at the port under its lock.
    pub(in crate::home) fn with<T>(&self, look: impl FnOnce(&inquic_socket::Port) -> T) -> T {
        look(&self.table().port)
    }

    /// Lets a program's socket begin to listen, or change how; `waker` is woken for each connection that comes.
    pub(in crate::home) fn serve_listener(
        &self,
        waker: Waker,
        listen: impl FnOnce(&mut inquic_socket::Port) -> Result<Option<ListenerId>, Errno>,
    ) -> Result<(), Errno> {
        let mut table = self.table();
        let Some(id) = listen(&mut table.port)? else {
            return Ok(());
        };
        let accepts = Accepts::Program(waker);
        match table.listening_mut(id) {
            Some(listening) => listening.accepts = accepts,
            None => table.listening.push(Listening {
                id,
                accepts,
                accepters: Vec::new(),
                acceptable: None,
            }),
        }
        Ok(())
    }

    /// A program's listener stops: the connections that nobody accepted.
    pub(in crate::home) fn unlisten(&self, sock: &mut Sock) -> Vec<Occupant> {
        let mut table = self.table();
        let id = sock.listener();
        table.listening.retain(|listening| Some(listening.id) != id);
        let mut unaccepted = Vec::new();
        while let Some(handle) = sock.unlisten(&mut table.port) {
            unaccepted.extend(table.find(handle));
        }
        drop(table);
        if let Some(share) = &self.share {
            share.unlisten();
        }
        unaccepted
    }

    /// The connection that has waited longest for a program's listener.
    pub(in crate::home) fn accept_served(&self, sock: &Sock) -> Result<Arc<Served>, Stop> {
        let mut table = self.table();
        loop {
            let handle = sock.accept(&mut table.port)?;
            // One that has ended while it waited has no place any more.
            if let Some(Occupant::Served(served)) = table.find(handle) {
                return Ok(served);
            }
        }
    }

    /// Gives a program's socket its place, when `connect` has made it a connection.
    pub(in crate::home) fn connect_served(
        &self,
        served: &Arc<Served>,
        connect: impl FnOnce(&mut inquic_socket::Port) -> Result<Handle, Errno>,
    ) -> Result<u32, Errno> {
        let mut table = self.table();
        let handle = connect(&mut table.port)?;
        let slot = table.vacancy();
        table.occupy(slot, handle, Occupant::Served(served.clone()));
        Ok(slot)
    }

    /// Does for a program's socket what it cannot do alone. Whether it has lost its place, `slot`, because it is over.
    pub(in crate::home) fn settle_served(
        &self,
        now: Instant,
        slot: Option<u32>,
        sock: &mut Sock,
        wakes: &mut Wakes,
    ) -> bool {
        let mut table = self.table();
        let settled = table.port.settle(now, sock);
        if settled.acceptable
            && let Some(id) = sock.came_to()
            && let Some(listening) = table.listening_mut(id)
            && let Accepts::Program(waker) = &listening.accepts
        {
            wakes.push(waker.clone());
        }
        if let Some(id) = sock.listener().filter(|_| sock.is_listening()) {
            drop(table);
            self.amend(id);
            return false;
        }
        let (Some(handle), Some(slot)) = (settled.gone, slot) else {
            return false;
        };
        self.vacate(table, handle, slot);
        true
    }
}
