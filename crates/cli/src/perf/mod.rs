//! The performance protocol of benches/PROTOCOL.md. Comes in: connections. Goes out: how fast they are.
//! Must never allocate for a request what the one before can leave behind: it is the library that is measured.

mod buffers;
mod client;
mod exchange;
mod report;
mod server;

pub(crate) use buffers::Buffers;
pub(crate) use client::{Plan, Work, run};
pub(crate) use server::serve;

/// The protocol's name in the handshake, as draft-banks-quic-performance has it.
pub(crate) const ALPN: &str = "perf";

#[cfg(test)]
mod tests;
