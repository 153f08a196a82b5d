//! Address validation tokens of servers (RFC 9000 §8.1.3): kept when a server gives one, given away to the next connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use super::limits;

/// The tokens that the connections of one builder share.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<VecDeque<(SocketAddr, Box<[u8]>)>>);

impl Tokens {
    /// Keeps a token of the server at `address`; beyond the bound the oldest goes.
    pub(crate) fn keep(&self, address: SocketAddr, token: &[u8]) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= limits::TOKENS {
            tokens.pop_front();
        }
        tokens.push_back((address, token.into()));
    }

    /// The newest token of the server at `address`; empty when there is none.
    pub(crate) fn take(&self, address: SocketAddr) -> Box<[u8]> {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = tokens.iter().rposition(|(server, _)| *server == address);
        //= RFC 9000 §8.1.3: a client SHOULD NOT reuse a token from a NEW_TOKEN frame for different connection attempts.
        let token = place.and_then(|place| tokens.remove(place));
        token.map_or_else(Box::default, |(_, token)| token)
    }
}

#[cfg(test)]
mod tests;
