//! Virtual time and a virtual network around the engine that ships: seeds in, the same run out on every machine.
//!
//! [`World`] holds a client and a server [`Host`], each with the real endpoint and connections, and a [`Link`] each way that delays,
//! loses, duplicates, reorders and corrupts. TLS is replaced by [`Hello`], which moves the same messages and secrets
//! without any randomness. Nothing here reads a clock.
#![forbid(unsafe_code)]

mod hello;
mod host;
mod link;
mod rng;
mod world;

pub use hello::Hello;
pub use host::{Host, Settings};
pub use link::{Faults, Link};
pub use rng::Rng;
pub use world::World;
