//! Address validation tokens of servers (RFC 9000 §8.1.3): kept when a server gives one, given away to the next connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use inquic_wire::Version;

use super::limits;

/// The tokens that the connections of one builder share.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<VecDeque<(Server, Box<[u8]>)>>);

/// Where a server is, and the version of QUIC that it was spoken to in: a token is good in no other (RFC 9369 §5).
type Server = (SocketAddr, Version);

impl Tokens {
    /// Keeps a token of `server`; beyond the bound the oldest goes.
    pub(crate) fn keep(&self, server: Server, token: &[u8]) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= limits::TOKENS {
            tokens.pop_front();
        }
        tokens.push_back((server, token.into()));
    }

    /// The newest token of `server`; empty when there is none.
    pub(crate) fn take(&self, server: Server) -> Box<[u8]> {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = tokens.iter().rposition(|(of, _)| *of == server);
        //= RFC 9000 §8.1.3: a client SHOULD NOT reuse a token from a NEW_TOKEN frame for different connection attempts.
        let token = place.and_then(|place| tokens.remove(place));
        token.map_or_else(Box::default, |(_, token)| token)
    }
}

#[cfg(test)]
mod tests;
