//! Attacks on one endpoint, each with the bound that holds against it. The attacker speaks with real keys, so that what it sends
//! is authentic; what it says is not what a peer may say.

mod acknowledgements;
mod closing;
mod connection_ids;
mod flights;
mod keys;
mod packets;
mod strangers;
