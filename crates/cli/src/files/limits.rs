//! The bounds of inquic-files/1. Nothing a peer sends can make either end keep more than these say.

use std::time::Duration;

/// A path on the wire, as POSIX has it (PATH_MAX).
pub(crate) const NAME_MAX: usize = 4096;
/// One component of a path, as every common file system has it.
pub(crate) const COMPONENT_MAX: usize = 255;
/// How deep a tree may be: one open directory a level while it is listed.
pub(crate) const DEPTH_MAX: usize = 64;
/// Names in one listing: at 300 bytes each, 300 MB at the client that asked for it.
pub(crate) const ENTRIES_MAX: usize = 1_000_000;
/// The body of a message that is not file data.
pub(crate) const MESSAGE_MAX: usize = 32 * 1024;
/// The text of a refusal: a path twice and words around it.
pub(crate) const TEXT_MAX: usize = 2 * NAME_MAX + 1024;
/// File data in one message, and the size of one buffer. Two are in use for each transfer.
pub(crate) const DATA_MAX: usize = 256 * 1024;
/// The largest file: ext4's limit. Offsets below it cannot overflow.
pub(crate) const FILE_MAX: u64 = 16 << 40;
/// Requests a server answers at once on one connection: 128 × 2 × 256 KiB = 64 MiB of buffers at most.
pub(crate) const REQUESTS_AT_ONCE: usize = 128;
/// Connections a server holds at once.
pub(crate) const CONNECTIONS_AT_ONCE: usize = 256;
/// Streams a client may be told to keep in flight.
pub(crate) const STREAMS_MAX: usize = 64;
/// Tries to take a partial file that another transfer has, or keeps renaming away.
pub(crate) const LOCK_TRIES: usize = 8;
/// Between two of them: 8 × 50 ms, and a transfer that was cut off has let go of its file.
pub(crate) const LOCK_WAIT: Duration = Duration::from_millis(50);
/// A request that has not arrived whole by then will not arrive.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a transfer may stand still. A resumed transfer's other end may be hashing for this long.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(300);

const _: () = assert!(
    STREAMS_MAX <= REQUESTS_AT_ONCE,
    "a client's own streams must not wait for each other"
);
const _: () = assert!(MESSAGE_MAX >= TEXT_MAX + 16, "a refusal fits one message");
const _: () = assert!(
    MESSAGE_MAX >= NAME_MAX + 128,
    "every request fits one message"
);
const _: () = assert!(DEPTH_MAX * 2 <= NAME_MAX, "the deepest path can be named");
