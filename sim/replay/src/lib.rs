//! One script for every home: a seed and a home's cryptography in, a record of every datagram that the engine sends out. Two homes with
//! the same engine give the same record, byte for byte, since all else is in the script: time, random bytes, calls, and what the network
//! does to datagrams. It reads no clock and needs no operating system, so that it runs in the kernel as well.
//!
//! The two ends are sockets of the C ABI ([`inquic_socket::Sock`]) on ports of their own, driven as a home drives them. TLS is
//! replaced by messages of the same sizes and secrets from the seed. In each round the network loses, repeats, delays, damages and
//! marks datagrams; data flows on streams both ways; keys are updated; the client's address changes behind its back and by its will; the
//! path takes only datagrams of some size; and the connection is closed and forgotten. The rounds differ in cipher suite, version,
//! congestion control and Retry.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod calls;
mod flows;
mod host;
mod network;
mod record;
mod rng;
mod round;
mod seeded;
#[cfg(test)]
mod tests;

use alloc::sync::Arc;

use inquic_platform::Platform;

pub use record::{Difference, Played, compare};

use network::Network;
use record::Recorder;
use rng::Rng;
use round::{ROUNDS, Stage};
use seeded::Seeded;

/// What the script found not to be as it must.
pub type Wrong = &'static str;

/// Plays all rounds with a home's cryptography; the record goes to `out`, piece by piece.
///
/// # Errors
///
/// What a round could not do: then the engine is broken, on whichever home.
pub fn play(
    home: &Arc<dyn Platform>,
    seed: u64,
    out: &mut dyn FnMut(&[u8]),
) -> Result<Played, Wrong> {
    let mut rng = Rng::new(seed);
    let mut recorder = Recorder::new(out);
    for round in &ROUNDS {
        let [network, flows, client, server] = [(); 4].map(|()| rng.next_u64());
        let network = Network::new(Rng::new(network));
        let platforms = [client, server].map(|seed| Seeded::on(home, seed));
        Stage::set(round, platforms, network, Rng::new(flows), &mut recorder)?.play()?;
    }
    Ok(recorder.played())
}
