//! The `inquic` command: files over QUIC sockets, a demonstration, and measurements.
#![forbid(unsafe_code)]
mod failure;
mod files;
mod perf;
mod progress;
mod transport;
fn main() {}
