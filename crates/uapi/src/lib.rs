//! The socket ABI of QUIC on Linux as programs see it: numbers, flags and C layouts in; nothing out, no behaviour.
//!
//! Every constant and layout is a fact of the ABI that programs are compiled against and must never change. What this
//! project adds takes option numbers from [`option::FIRST_OWN`] up.
#![no_std]
#![forbid(unsafe_code)]

#[macro_use]
mod layout;

pub mod control;
pub mod error;
pub mod event;
pub mod flags;
pub mod option;
pub mod socket;
pub mod structs;

pub use control::{ControlMessage, ControlMessages};
pub use event::EventType;
pub use layout::Layout;

/// The protocol number of QUIC sockets, `socket(AF_INET, SOCK_STREAM, IPPROTO_QUIC)`.
pub const IPPROTO_QUIC: i32 = 261;
/// The level of QUIC's socket options and control messages.
pub const SOL_QUIC: i32 = 288;

/// Control message carrying [`structs::StreamInfo`].
pub const QUIC_STREAM_INFO: i32 = 0;
/// Control message carrying [`structs::HandshakeInfo`].
pub const QUIC_HANDSHAKE_INFO: i32 = 1;

/// Set in the identifier of a stream that the server opened.
pub const QUIC_STREAM_TYPE_SERVER_MASK: u64 = 0x01;
/// Set in the identifier of a unidirectional stream.
pub const QUIC_STREAM_TYPE_UNI_MASK: u64 = 0x02;
/// The bits of a stream identifier that tell its type.
pub const QUIC_STREAM_TYPE_MASK: u64 = 0x03;

/// QUIC version 1 (RFC 9000).
pub const QUIC_VERSION_V1: u32 = 0x1;
/// QUIC version 2 (RFC 9369).
pub const QUIC_VERSION_V2: u32 = 0x6b33_43cf;

/// Application data: 1-RTT keys.
pub const QUIC_CRYPTO_APP: u8 = 0;
/// Initial keys.
pub const QUIC_CRYPTO_INITIAL: u8 = 1;
/// Handshake keys.
pub const QUIC_CRYPTO_HANDSHAKE: u8 = 2;
/// 0-RTT keys.
pub const QUIC_CRYPTO_EARLY: u8 = 3;
/// One past the last level.
pub const QUIC_CRYPTO_MAX: u8 = 4;

/// NewReno.
pub const QUIC_CONG_ALG_RENO: u8 = 0;
/// CUBIC.
pub const QUIC_CONG_ALG_CUBIC: u8 = 1;
/// One past the last congestion controller of the ABI.
pub const QUIC_CONG_ALG_MAX: u8 = 2;
/// BBR version 3. What is ours and not the ABI's begins at 64.
pub const QUIC_CONG_ALG_BBR: u8 = 64;

/// `TLS_CIPHER_AES_GCM_128` of linux/tls.h.
pub const TLS_CIPHER_AES_GCM_128: u32 = 51;
/// `TLS_CIPHER_AES_GCM_256` of linux/tls.h.
pub const TLS_CIPHER_AES_GCM_256: u32 = 52;
/// `TLS_CIPHER_AES_CCM_128` of linux/tls.h.
pub const TLS_CIPHER_AES_CCM_128: u32 = 53;
/// `TLS_CIPHER_CHACHA20_POLY1305` of linux/tls.h.
pub const TLS_CIPHER_CHACHA20_POLY1305: u32 = 54;

/// Bytes of a traffic secret in [`structs::CryptoSecret`].
pub const QUIC_CRYPTO_SECRET_BUFFER_SIZE: usize = 48;
/// Bytes of a reason phrase in [`structs::ConnectionClose`].
pub const QUIC_CLOSE_PHRASE_BUFFER_SIZE: usize = 64;

#[cfg(test)]
mod tests;
