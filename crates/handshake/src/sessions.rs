//! The sessions that a server's tickets stand for, when it accepts 0-RTT: sessions of rustls in, each out once and never again.
//! It must never give one session twice, nor to a connection that allows less than the ticket's did.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use inquic_wire::{EARLY_LIMITS, Role, TransportParameters, Version};
use rustls::server::StoresServerSessions;

use crate::limits::SESSIONS;
use crate::tickets;

/// What 0-RTT packets may use of a server's transport parameters.
type Limits = [u64; EARLY_LIMITS];

/// Sessions by their tickets, in the memory of this process.
///
//= RFC 8446 §8.1: The simplest form of anti-replay defense is for the server to only allow each session ticket to be used once.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    sessions: HashMap<Vec<u8>, Session>,
    /// Their tickets in the order in which they were given, used ones among them.
    order: VecDeque<Vec<u8>>,
}

#[derive(Debug)]
struct Session {
    /// The version of QUIC that its ticket is good in (RFC 9369 §5).
    version: Version,
    limits: Limits,
    value: Vec<u8>,
}

/// Runs `call`, which calls rustls, for a connection with these encoded transport parameters of ours.
pub(crate) fn with_parameters<T>(parameters: &Limits, call: impl FnOnce() -> T) -> T {
    let before = CURRENT.replace(*parameters);
    let result = call();
    CURRENT.set(before);
    result
}

/// The limits in a server's encoded transport parameters.
pub(crate) fn limits_of(parameters: &[u8]) -> Limits {
    TransportParameters::parse(parameters, Role::Server)
        .unwrap_or_default()
        .early_limits()
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.order.len() >= SESSIONS
            && let Some(oldest) = held.order.pop_front()
        {
            held.sessions.remove(&oldest);
        }
        held.order.push_back(key.clone());
        let session = Session {
            version: tickets::current().negotiated,
            limits: CURRENT.get(),
            value,
        };
        held.sessions.insert(key, session);
        true
    }

    /// TLS 1.3 takes, and nobody else is served.
    fn get(&self, _key: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Session {
            version,
            limits: then,
            value,
        } = held.sessions.remove(key)?;
        //= RFC 9000 §7.4.1: A server MUST reject 0-RTT data if the restored values for transport parameters cannot be supported.
        let now = CURRENT.get();
        let supported = now.iter().zip(&then).all(|(now, then)| now >= then);
        (supported && version == tickets::current().original).then_some(value)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

thread_local! {
    /// The limits of the connection whose handshake this thread is in. rustls hands its stores nothing of the connection.
    static CURRENT: Cell<Limits> = const { Cell::new([0; EARLY_LIMITS]) };
}

#[cfg(test)]
mod tests;
