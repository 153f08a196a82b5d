//! Hellos without end, for a port with many owners: a seed in, whether each client came to its owner out. The hellos are as real
//! clients make them, cut and mixed as they and the network do it; whose they are is worked out here a second time, from the
//! written precedence alone.

mod claims;
mod client;
mod flight;
mod hello;
mod round;

pub use claims::{Wanted, expected, listeners};
pub use client::Client;
pub use flight::{Cut, Sealer, cut};
pub use hello::{Shape, hello};
pub use round::{Report, play};
