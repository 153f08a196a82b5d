//! What clients remember of servers, from one handshake of this process to the next.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use inquic_handshake::ClientConfig;

use crate::limits;

/// Keeps what a client remembers of servers, under a name that only this process understands: rustls gives nobody what is in a
/// ticket.
pub(crate) fn keep(client: ClientConfig) -> [u8; SESSION_DATA_BYTES] {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let (next, clients) = &mut *kept;
    *next += 1;
    if clients.len() >= limits::KEPT_SESSIONS {
        clients.pop_front();
    }
    clients.push_back((*next, client));
    let mut data = [0; SESSION_DATA_BYTES];
    let number = next.to_be_bytes();
    let process = u64::from(std::process::id()).to_be_bytes();
    for (to, from) in data.iter_mut().zip(process.into_iter().chain(number)) {
        *to = from;
    }
    data
}

/// The client whose memory has this name, if it is still kept.
pub(crate) fn find(data: &[u8]) -> Option<ClientConfig> {
    let data: &[u8; SESSION_DATA_BYTES] = data.try_into().ok()?;
    let number = u64::from_be_bytes(*data.last_chunk()?);
    let process = u64::from_be_bytes(*data.first_chunk()?);
    if process != u64::from(std::process::id()) {
        return None;
    }
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut clients = kept.1.iter();
    clients
        .find(|(known, _)| *known == number)
        .map(|(_, client)| client.clone())
}

/// Bytes of the name of a session.
pub(crate) const SESSION_DATA_BYTES: usize = 16;
static KEPT: Mutex<(u64, VecDeque<(u64, ClientConfig)>)> = Mutex::new((0, VecDeque::new()));
