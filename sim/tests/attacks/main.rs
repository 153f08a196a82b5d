//! Attacks on one endpoint, each with the bound that holds against it. The attacker speaks with real keys, so that what it sends
//! is authentic; what it says is not what a peer may say.

mod acknowledgements;
mod closing;
mod connection_ids;
mod ecn;
mod flights;
mod keys;
mod mtu;
mod packets;
mod paths;
mod strangers;

/// How often an attack is repeated: as often as the table of attacks asks in an optimised build, which the proofs make, and
/// less in others.
const fn times(brief: u32, full: u32) -> u32 {
    if cfg!(debug_assertions) { brief } else { full }
}
