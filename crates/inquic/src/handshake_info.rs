//! What the two ends of a connection agreed on, as an application wants to know it.

use std::time::Duration;

use inquic_handshake::{CipherSuite, KeyExchange};

/// What the handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandshakeInfo {
    /// The version of QUIC: 1, or 0x6b3343cf for version 2.
    pub version: u32,
    /// The application protocol (ALPN).
    pub alpn: Vec<u8>,
    /// The cipher suite.
    pub cipher_suite: CipherSuite,
    /// The key exchange; none in a handshake that resumed without one.
    pub key_exchange: Option<KeyExchange>,
    /// From the first datagram to the complete handshake.
    pub duration: Duration,
    /// Whether a ticket of an earlier connection stood in for certificates.
    pub resumed: bool,
    /// The server's name as the client asked for it.
    pub server_name: Option<String>,
}
