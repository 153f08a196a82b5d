//! The listeners of a port: who accepts what comes in; connections that are accepted out. Each has a queue and wakers of its own.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use inquic_handshake::ServerConfig;
use inquic_socket::port::{ListenOptions, ListenerId};
use inquic_socket::{Errno, Socket};

use super::{Port, Table};
use crate::error::Error;
use crate::home::occupant::Occupant;
use crate::home::readiness::Level;
use crate::home::trace::LogTo;
use crate::home::waiters::Wakes;
use crate::transport::Owner;

/// What a listener of this process is made with.
pub(crate) struct Service {
    pub(crate) tls: ServerConfig,
    pub(crate) log_to: LogTo,
    pub(crate) options: ListenOptions,
}

/// A listener of this process.
pub(super) struct Listening {
    pub(super) id: ListenerId,
    pub(super) accepts: Accepts,
    pub(super) accepters: Vec<Waker>,
    pub(super) acceptable: Option<Arc<Level>>,
}

/// Who accepts what comes in.
pub(super) enum Accepts {
    /// The Rust API, once the handshake is complete.
    Tls(ServerConfig, LogTo),
    /// A program, which makes the handshake itself. It is woken for each.
    Program(Waker),
}

impl Port {
    /// Begins to listen. The caller holds the port for as long. Waits for the word of who receives for all that have the port.
    pub(crate) fn listen(&self, service: &Service) -> Result<ListenerId, Errno> {
        let options = service.options.copied().ok_or(Errno::ENOMEM)?;
        let mut table = self.table();
        let id = table.port.listen(options)?;
        table.listening.push(Listening {
            id,
            accepts: Accepts::Tls(service.tls.clone(), service.log_to.clone()),
            accepters: Vec::new(),
            acceptable: None,
        });
        drop(table);
        match self.claim(id, None) {
            Ok(()) => Ok(id),
            Err(errno) => {
                self.stop_listening(id);
                Err(errno)
            }
        }
    }

    /// Stops listening; connections that nobody accepted are closed, the others live on.
    pub(crate) fn stop_listening(&self, id: ListenerId) {
        let mut wakes = Wakes::default();
        loop {
            let mut table = self.table();
            let waiting = table.port.stop_listening(id);
            let place = table.listening.iter().position(|one| one.id == id);
            if let Some(mut gone) = place.map(|place| table.listening.remove(place)) {
                for waker in gone.accepters.drain(..) {
                    wakes.push(waker);
                }
                if let Some(level) = &gone.acceptable {
                    level.set(true);
                }
            }
            let Some(handle) = waiting else { break };
            let waiting = table.find(handle);
            drop(table);
            if let Some(waiting) = waiting {
                waiting.close();
            }
        }
        if let Some(share) = &self.share {
            share.unlisten();
        }
        wakes.wake();
    }

    /// The next connection of a listener whose handshake is complete.
    pub(crate) fn poll_accept(
        &self,
        id: ListenerId,
        context: &Context<'_>,
    ) -> Poll<Result<Owner, Error>> {
        let mut table = self.table();
        while let Some(handle) = table.port.accept(id) {
            table.level_acceptable(id);
            if let Some(Occupant::Entry(entry)) = table.find(handle) {
                return Poll::Ready(Ok(Owner { entry }));
            }
        }
        if let Some(error) = &table.over {
            return Poll::Ready(Err(error.clone()));
        }
        table.level_acceptable(id);
        let Some(listening) = table.listening_mut(id) else {
            return Poll::Ready(Err(Error::ListenerClosed));
        };
        if !listening
            .accepters
            .iter()
            .any(|waker| waker.will_wake(context.waker()))
        {
            listening.accepters.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// A descriptor that is readable while accept() has a connection, and when the listener is closed.
    pub(crate) fn acceptable(&self, id: ListenerId) -> std::io::Result<Arc<Level>> {
        let mut table = self.table();
        let Some(listening) = table.listening_mut(id) else {
            let level = Arc::new(Level::new()?);
            level.set(true);
            return Ok(level);
        };
        if let Some(level) = &listening.acceptable {
            return Ok(level.clone());
        }
        let level = Arc::new(Level::new()?);
        listening.acceptable = Some(level.clone());
        table.level_acceptable(id);
        Ok(level)
    }

    /// Queues a connection for accept(). `false` when nobody listens any more.
    pub(in crate::home) fn on_established(&self, socket: &Socket, wakes: &mut Wakes) -> bool {
        let mut table = self.table();
        if !table
            .port
            .on_established(socket.listener(), socket.handle())
        {
            return false;
        }
        let Some(id) = socket.listener() else {
            return false;
        };
        table.level_acceptable(id);
        if let Some(listening) = table.listening_mut(id) {
            for waker in listening.accepters.drain(..) {
                wakes.push(waker);
            }
        }
        true
    }
}

impl Table {
    pub(super) fn listening_mut(&mut self, id: ListenerId) -> Option<&mut Listening> {
        self.listening.iter_mut().find(|one| one.id == id)
    }

    pub(super) fn level_acceptable(&self, id: ListenerId) {
        let mut listening = self.listening.iter();
        let level = listening.find_map(|one| one.acceptable.as_ref().filter(|_| one.id == id));
        if let Some(level) = level {
            level.set(self.port.is_acceptable(id));
        }
    }
}
