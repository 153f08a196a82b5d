//! QUIC bytes to values and back: varints, headers, frames, transport parameters.
//!
//! In come slices that a peer filled; out go values that keep the rules of RFC 9000, or the offence. Nothing in here
//! allocates, holds state between packets, touches a key, or panics.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::string_slice
    )
)]

#[cfg(test)]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod client_hello;
pub mod error;
pub mod frame;
pub mod header;
mod id;
mod level;
mod number;
mod parameters;
mod reader;
mod varint;
mod versions;
mod writer;

pub use client_hello::{ClientHello, Offer, Protocols, ServerName};
pub use error::{Code, Full, PeerError, Truncated};
pub use frame::{Ack, AckFrequency, EcnCounts, Frame, Frames};
pub use header::{
    Header, HeaderError, LongKind, LongPlan, ShortPlan, dcid_of, write_long, write_retry,
    write_retry_pseudo_packet, write_short, write_version_negotiation,
};
pub use id::{ConnectionId, StreamId, Version};
pub use level::{Direction, Level, Role, Space};
pub use number::{PacketNumber, decode_packet_number, packet_number_len};
pub use parameters::{EARLY_LIMITS, Grease, PreferredAddress, TransportParameters};
pub use reader::Reader;
pub use varint::{VARINT_MAX, varint_len};
pub use versions::{VersionInformation, Versions};
pub use writer::Writer;
