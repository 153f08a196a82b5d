//! Handshake messages between TLS and packets, one stream of bytes per level (RFC 9000 §7.5, RFC 9001 §4). It carries bytes
//! and never looks into them.

mod receive;
mod send;

pub(crate) use receive::{CryptoReceive, EXCEEDED, Kept};
pub(crate) use send::CryptoSend;
