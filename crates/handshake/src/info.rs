//! What a handshake agreed on, for whoever asks: values in, nothing out. It holds no secret.

use inquic_platform::CipherSuite;

use crate::suites::KeyExchange;

/// What the two ends agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeInfo {
    /// The application protocol.
    pub alpn: Vec<u8>,
    /// The cipher suite.
    pub cipher_suite: CipherSuite,
    /// The key exchange.
    pub key_exchange: Option<KeyExchange>,
    /// Whether a ticket stood in for certificates.
    pub resumed: bool,
    /// Whether the client had to be asked for another key share, which costs a round trip.
    pub retried: bool,
    /// The server's name: the one that we asked for, or that the client did.
    pub server_name: Option<String>,
    /// Whether the peer has shown a certificate, in this handshake or in the one that is resumed.
    pub peer_has_certificate: bool,
    /// The identity of the pre-shared key that stood in for certificates.
    pub shared_key: Option<Vec<u8>>,
}
