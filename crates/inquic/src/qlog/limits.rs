//! Every bound of the logs in the qlog format, each with the sum that gives it. A peer decides how much happens on a connection, so
//! none of these may be its to choose.

/// Connections that are logged at once; others go on without a log. Each has a file, and records of 64 KiB in the engine.
pub(crate) const LOGS: usize = 256;
/// Bytes of one file: some 100,000 packets. What comes later is not written.
pub(crate) const FILE_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of all files that one process writes: 128 full ones.
pub(crate) const TOTAL_BYTES: u64 = 128 * FILE_BYTES;
/// Files that one process makes: with [`TOTAL_BYTES`] 256 KiB for each, ten times what a short connection needs.
pub(crate) const FILES: usize = 16 * 1024;
/// Files of one name that are told apart by a number: a client chooses the id that the name comes from.
pub(crate) const SAME_NAMES: u32 = 16;
/// Notes on their way to the thread that writes: what 60 MB of transfer leave, at 80 bytes 20 MiB.
pub(crate) const NOTES: usize = 256 * 1024;
