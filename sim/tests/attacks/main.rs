//! Attacks on one endpoint, each with the bound that holds against it. The attacker speaks with real keys, so that what it sends
//! is authentic; what it says is not what a peer may say.

mod acknowledgements;
mod closing;
mod collapsed;
mod connection_ids;
mod ecn;
mod flights;
mod keys;
mod mtu;
mod packets;
mod paths;
mod strangers;
#[cfg(feature = "trace")]
mod tracing;
