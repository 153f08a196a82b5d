//! Packet number spaces: numbers given out and numbers received, one space each for Initial, Handshake and application data
//! (RFC 9000 §12.3).

mod numbers;
mod received;

pub(crate) use numbers::Numbers;
pub(crate) use received::Received;
