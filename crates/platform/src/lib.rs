//! What a home gives the engine: time, randomness and packet protection, as types and traits, and memory that it may refuse.
//!
//! Nothing in here does I/O or knows a protocol state. The engine, the socket layer and the simulator see a home only
//! through [`Platform`]; the kernel, the process and the simulator each fill it in.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "aws-lc")]
pub mod aws_lc;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod crypto;
pub mod memory;
mod table;
pub mod time;

pub use crypto::{
    AeadLimits, CipherSuite, CryptoError, HeaderKey, KeySide, NoTails, OpenJob, PacketKey,
    Platform, SealJob, Tail, Tails,
};
pub use memory::{NoMemory, Own};
pub use table::Table;
pub use time::{Duration, Instant};
