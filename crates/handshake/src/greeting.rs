//! The ClientHello as a server sees it before TLS does: pieces come in, the whole message goes out. It holds one message of
//! bounded length and judges nothing that TLS judges.

use inquic_wire::{ClientHello, Level};

use crate::error::HandshakeError;
use crate::limits::HANDSHAKE_BYTES;

/// Adds bytes of the peer to what is there of its ClientHello. Gives all of it when it is whole, or when TLS has to say what is
/// wrong with it.
pub(crate) fn whole_hello(
    hello: &mut Vec<u8>,
    level: Level,
    bytes: &[u8],
) -> Result<Option<Vec<u8>>, HandshakeError> {
    if level != Level::Initial {
        return Err(HandshakeError::UnexpectedBytes);
    }
    hello.extend_from_slice(bytes);
    if let [_, high, middle, low, ..] = **hello
        && u32::from_be_bytes([0, high, middle, low]) as usize > HANDSHAKE_BYTES - HEADER
    {
        return Err(HandshakeError::TooManyBytes);
    }
    match ClientHello::look(hello) {
        ClientHello::Part if hello.get(SESSION_ID_LEN_AT).is_some_and(|len| *len > 0) => {
            Err(HandshakeError::CompatibilityMode)
        }
        ClientHello::Part => Ok(None),
        ClientHello::Other | ClientHello::Whole(_) => Ok(Some(std::mem::take(hello))),
    }
}

/// The transport parameters in a whole ClientHello.
pub(crate) fn parameters_in(hello: &[u8]) -> Option<&[u8]> {
    match ClientHello::look(hello) {
        ClientHello::Whole(offer) => offer.transport_parameters,
        ClientHello::Part | ClientHello::Other => None,
    }
}

/// Where the first ClientHello says how long its session identifier is: after the header, the version and the random bytes.
pub(crate) const SESSION_ID_LEN_AT: usize = HEADER + 2 + 32;
/// Type and length of a handshake message.
const HEADER: usize = 4;
