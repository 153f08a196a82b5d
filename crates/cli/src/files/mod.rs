//! Files over streams: inquic-files/1, as docs/files.md has it. Comes in: streams and a directory. Goes out: files.
//! Must never show or touch anything outside the directory, nor put half a file under a final name.

mod channel;
mod client;
mod digest;
mod limits;
mod message;
mod name;
mod partial;
mod refusal;
mod root;
mod server;
mod source;
mod transfer;

pub(crate) use client::{Client, Report};
pub(crate) use digest::{Digest, Hasher};
pub(crate) use limits::{CONNECTIONS_AT_ONCE, STREAMS_MAX};
pub(crate) use name::Name;
pub(crate) use root::Root;
pub(crate) use server::Share;

/// The protocol's name in the handshake.
pub(crate) const ALPN: &str = "inquic-files/1";

#[cfg(test)]
mod tests;
