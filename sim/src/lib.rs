//! Virtual time and a virtual network around the engine that ships: seeds in, the same run out on every machine.
//!
//! [`World`] holds a client and a server [`Host`], each with the real endpoint and connections, and a [`Link`] each way that delays,
//! loses, duplicates, reorders and corrupts. TLS is replaced by [`Hello`], which moves the same messages and secrets
//! without any randomness. Nothing here reads a clock.
//!
//! A [`Duel`] has one host and an [`Attacker`] in the place of its peer, who sends authentic packets with any frames in them.
//! [`NullCipher`] takes the place of packet protection where a fuzzer is to reach the frames.
#![forbid(unsafe_code)]

mod attacker;
mod bulk;
mod crossing;
mod duel;
mod fault;
mod feature;
mod hello;
pub mod hellos;
mod host;
mod keys;
mod link;
mod null;
mod repeated;
mod rng;
pub mod swarm;
mod world;

pub use attacker::{Attacker, Bits, Opened, frames};
pub use bulk::Bulk;
pub use crossing::Crossing;
pub use duel::Duel;
pub use fault::Fault;
pub use feature::{Feature, Tally};
pub use hello::{Early, Hello, Shaking};
pub use host::{Host, Settings};
pub use link::{Bursts, Datagram, Discipline, Faults, Link, Marking, Partition};
pub use null::NullCipher;
pub use repeated::{FULL, repeated};
pub use rng::Rng;
pub use world::World;
