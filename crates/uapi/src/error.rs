//! Error codes of the transport (RFC 9000 §20.1), as [`crate::structs::ConnectionClose`] carries them.

/// Closed without an error.
pub const QUIC_TRANSPORT_ERROR_NONE: u32 = 0x00;
/// An internal error.
pub const QUIC_TRANSPORT_ERROR_INTERNAL: u32 = 0x01;
/// The server refuses connections.
pub const QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED: u32 = 0x02;
/// More data than a limit allows.
pub const QUIC_TRANSPORT_ERROR_FLOW_CONTROL: u32 = 0x03;
/// More streams than a limit allows.
pub const QUIC_TRANSPORT_ERROR_STREAM_LIMIT: u32 = 0x04;
/// A frame for a stream that may not have it.
pub const QUIC_TRANSPORT_ERROR_STREAM_STATE: u32 = 0x05;
/// The final size of a stream changed.
pub const QUIC_TRANSPORT_ERROR_FINAL_SIZE: u32 = 0x06;
/// A frame that cannot be read.
pub const QUIC_TRANSPORT_ERROR_FRAME_ENCODING: u32 = 0x07;
/// A transport parameter that cannot be.
pub const QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM: u32 = 0x08;
/// More connection identifiers than a limit allows.
pub const QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT: u32 = 0x09;
/// Any other breach of the protocol.
pub const QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION: u32 = 0x0a;
/// A token of a Retry packet that is not valid.
pub const QUIC_TRANSPORT_ERROR_INVALID_TOKEN: u32 = 0x0b;
/// The application closed while the handshake was under way.
pub const QUIC_TRANSPORT_ERROR_APPLICATION: u32 = 0x0c;
/// More handshake data than is buffered.
pub const QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED: u32 = 0x0d;
/// A key update that may not be.
pub const QUIC_TRANSPORT_ERROR_KEY_UPDATE: u32 = 0x0e;
/// A key has protected as many packets as it may.
pub const QUIC_TRANSPORT_ERROR_AEAD_LIMIT_REACHED: u32 = 0x0f;
/// No path to the peer is left.
pub const QUIC_TRANSPORT_ERROR_NO_VIABLE_PATH: u32 = 0x10;
/// The versions that were negotiated contradict each other (RFC 9368).
pub const QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION: u32 = 0x11;
/// TLS failed with the alert that is added to this.
pub const QUIC_TRANSPORT_ERROR_CRYPTO: u32 = 0x100;
