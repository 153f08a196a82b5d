//! What a socket's options say of its handshake: their bytes come in, protocols and demands go out. It changes nothing.

use inquic_uapi::structs::Config;
use inquic_uapi::{Layout as _, option};

use crate::limits;
use inquic_descriptor::Calls;

/// What a socket says of certificates of clients: 0 for nothing, 1 to ask for them, 2 to demand them.
#[must_use]
pub fn certificate_request(calls: &dyn Calls) -> u8 {
    let mut config = [0; Config::SIZE];
    match calls.getsockopt(option::QUIC_SOCKOPT_CONFIG, &mut config) {
        Ok(_) => Config::read(&config).certificate_request,
        Err(_) => 0,
    }
}

/// The application protocols that a socket names.
#[must_use]
pub fn protocols(calls: &dyn Calls) -> Vec<Vec<u8>> {
    let mut list = [0; limits::ALPN_BYTES];
    let read = calls.getsockopt(option::QUIC_SOCKOPT_ALPN, &mut list);
    let list = read.ok().and_then(|len| list.get(..len));
    names(list.unwrap_or_default())
}

/// The names of a list with commas, spaces around them left out.
pub(crate) fn names(list: &[u8]) -> Vec<Vec<u8>> {
    list.split(|byte| *byte == b',')
        .map(|name| name.iter().copied().filter(|byte| *byte > b' ').collect())
        .filter(|name: &Vec<u8>| !name.is_empty())
        .collect()
}
