//! Who has a place in a port's table: a connection of the Rust API, or a socket of another program. The driver's work on either
//! comes in and is done; nothing is decided here.

use std::sync::Arc;

use inquic_engine::Received;
use inquic_platform::Instant;

use super::entry::Entry;
use super::programs::Served;
use super::udp::Udp;
use super::waiters::Wakes;
use crate::error::Error;
use crate::transport::Transport as _;

/// A connection, by whom it is used.
#[derive(Clone)]
pub(super) enum Occupant {
    /// The Rust API.
    Entry(Arc<Entry>),
    /// A program, by socket calls.
    Served(Arc<Served>),
}

impl Occupant {
    /// Takes datagrams. Whether it is to be settled in this turn and was not before.
    pub(super) fn receive(&self, now: Instant, run: Received<'_>, wakes: &mut Wakes) -> bool {
        match self {
            Self::Entry(entry) => entry.receive(now, run, wakes),
            Self::Served(served) => served.receive(now, run),
        }
    }

    /// Its timer has come. Whether it is to be settled in this turn and was not before.
    pub(super) fn expire(&self, now: Instant) -> bool {
        match self {
            Self::Entry(entry) => entry.expire(now),
            Self::Served(served) => served.expire(now),
        }
    }

    /// It was on the port's list. Whether it is to be settled in this turn and was not before.
    pub(super) fn unlist(&self) -> bool {
        match self {
            Self::Entry(entry) => entry.unlist(),
            Self::Served(served) => served.unlist(),
        }
    }

    /// Does what follows from what it was told in this turn.
    pub(super) fn settle(&self, now: Instant, udp: &Udp, outbox: &mut [u8], wakes: &mut Wakes) {
        match self {
            Self::Entry(entry) => entry.settle_turn(now, udp, outbox, wakes),
            Self::Served(served) => served.settle_turn(now, udp, outbox, wakes),
        }
    }

    /// Nobody drives it any more.
    pub(super) fn fail(&self, error: &Error, wakes: &mut Wakes) {
        match self {
            Self::Entry(entry) => entry.fail(error.clone(), wakes),
            Self::Served(served) => served.fail(wakes),
        }
    }

    /// Closes what nobody has accepted.
    pub(super) fn close(&self) {
        match self {
            Self::Entry(entry) => entry.close(0, ""),
            Self::Served(served) => served.close(),
        }
    }
}
