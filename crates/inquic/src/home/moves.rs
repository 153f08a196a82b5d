//! Connections that move to another local address (RFC 9000 §9): the address in, a socket of the connection's own out, driven for
//! its port as long as the connection lives. It decides nothing; the engine says which path is used.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use inquic_engine::MigrateError;

use super::clock;
use super::entry::{Entry, Held};
use super::limits;
use super::port::Port;
use super::ports;
use super::readiness::Level;
use super::udp::Udp;
use super::waiters::Wakes;
use crate::error::Error;

/// A UDP socket of one connection beside its port's.
pub(crate) struct Extra {
    pub(super) udp: Udp,
    /// Readable once nobody uses the socket any more: tells its driver.
    pub(super) retired: Level,
}

/// A connection's share of an [`Extra`]: its driver ends when this goes.
pub(super) struct Share(Arc<Extra>);

/// The sockets of a connection that has moved.
#[derive(Default)]
pub(super) struct Moves {
    shares: Vec<Share>,
    /// How the last move ended; none while it is under way, or when there was none.
    outcome: Option<bool>,
}

impl Extra {
    fn bind(address: SocketAddr) -> Result<Arc<Self>, Error> {
        let fail = |error: std::io::Error| Error::bind(address, &error);
        Ok(Arc::new(Self {
            udp: Udp::bind(address, false).map_err(fail)?,
            retired: Level::new().map_err(fail)?,
        }))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.retired.set(true);
    }
}

impl Share {
    /// A socket at `address`, driven for `port`.
    pub(super) fn bind(port: &Arc<Port>, address: SocketAddr) -> Result<Self, Error> {
        let extra = Extra::bind(address)?;
        ports::drive_extra(port, &extra)?;
        Ok(Self(extra))
    }

    /// The address that it is bound to.
    pub(super) fn local(&self) -> SocketAddr {
        self.0.udp.local()
    }
}

impl Moves {
    /// The socket that sends from `local`, if there is one.
    pub(super) fn find(&self, local: Option<SocketAddr>) -> Option<Arc<Extra>> {
        let found = self.shares.iter().find(|share| share.0.udp.serves(local));
        found.map(|share| share.0.clone())
    }

    /// Keeps a socket that the connection has begun to move to.
    pub(super) fn keep(&mut self, share: Share) {
        // Packets may still come where the connection was before, and nowhere else.
        if self.shares.len() >= limits::EXTRA_SOCKETS {
            self.shares.remove(0);
        }
        self.shares.push(share);
        self.outcome = None;
    }
}

impl Held {
    /// The socket of its own that sends from `local`, if there is one.
    pub(super) fn extra(&self, local: Option<SocketAddr>) -> Option<Arc<Extra>> {
        self.moves.as_ref()?.find(local)
    }

    /// A move has ended.
    pub(super) fn on_moved(&mut self, well: bool, wakes: &mut Wakes) {
        if let Some(moves) = &mut self.moves {
            moves.outcome.get_or_insert(well);
            self.waiters.on_established(wakes);
        }
    }
}

impl Entry {
    /// Begins to move a client's connection to `address`.
    pub(super) fn begin_move(&self, address: SocketAddr) -> Result<(), Error> {
        let share = Share::bind(&self.port, address)?;
        let local = share.local();
        let now = clock::now();
        let mut held = self.lock();
        if let Some(error) = held.ended() {
            return Err(error);
        }
        held.socket.migrate(now, local).map_err(refusal)?;
        held.moves.get_or_insert_default().keep(share);
        self.flush(held, 0);
        Ok(())
    }

    /// Waits for the end of a move.
    pub(super) fn poll_moved(&self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut held = self.lock();
        let outcome = held.moves.as_ref().and_then(|moves| moves.outcome);
        match outcome {
            Some(true) => Poll::Ready(Ok(())),
            Some(false) => Poll::Ready(Err(Error::NotMoved(
                "the server did not answer there".into(),
            ))),
            None => {
                if let Some(error) = held.ended() {
                    return Poll::Ready(Err(error));
                }
                held.waiters.wait_for_established(context);
                Poll::Pending
            }
        }
    }
}

fn refusal(error: MigrateError) -> Error {
    let why = match error {
        MigrateError::NotConfirmed => "the handshake is not confirmed yet",
        MigrateError::Server => "only the client of a connection can move",
        MigrateError::Forbidden => "the server does not want its clients to move",
        MigrateError::SameAddress => "it is there already",
        MigrateError::Busy => "another move is under way",
        MigrateError::NoConnectionId => "the server gave no connection id for another path",
    };
    Error::NotMoved(why.into())
}
