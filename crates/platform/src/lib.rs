//! What a home gives the engine: time, randomness and packet protection, as types and traits.
//!
//! Nothing in here does I/O or knows a protocol state. The engine, the socket layer and the simulator see a home only
//! through [`Platform`]; the kernel, the process and the simulator each fill it in.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "aws-lc")]
pub mod aws_lc;
pub mod crypto;
pub mod time;

pub use crypto::{
    AeadLimits, CipherSuite, CryptoError, HeaderKey, KeySide, NoTails, OpenJob, PacketKey,
    Platform, SealJob, Tail, Tails,
};
pub use time::{Duration, Instant};
