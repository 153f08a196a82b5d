//! TLS 1.3 for QUIC sockets: handshake messages come in from a socket and go out to it, traffic secrets go into it. Nothing
//! in here protects a packet, opens a network socket, or keeps a secret after it was installed.
//!
//! A [`Session`] is driven by [`Session::step`] over a [`HandshakeSocket`], which a kernel socket and a socket of the process
//! both fill in; what it may use and trust comes from a [`ClientConfig`] or a [`ServerConfig`]; with the feature `psk` also from
//! `SharedKeys`, the only part that has `unsafe`, for a library in C.
#![deny(unsafe_code)]

pub mod cert;
mod client;
mod error;
mod fleet_tickets;
mod framing;
mod greeting;
mod info;
mod key_log;
mod limits;
mod options;
#[cfg(feature = "psk")]
mod psk;
mod secrets;
mod server;
mod session;
mod sessions;
mod shown;
mod socket;
mod suites;
mod tickets;

pub use client::{ClientConfig, ClientConfigBuilder, Roots};
pub use error::{ConfigError, HandshakeError, alert_name};
pub use info::HandshakeInfo;
pub use inquic_platform::{CipherSuite, KeySide};
pub use inquic_wire::Level;
pub use limits::{HANDSHAKE_BYTES, TICKETS, TRANSPORT_PARAMETERS_BYTES};
#[cfg(feature = "psk")]
pub use psk::{KeyHash, SharedKey, SharedKeys};
pub use server::{Certificate, ClientCertificate, ServerConfig, ServerConfigBuilder};
pub use session::{Progress, Session};
pub use socket::HandshakeSocket;
pub use suites::KeyExchange;

#[cfg(test)]
mod tests;
