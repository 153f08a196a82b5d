//! Every bound of the agent, each with the sum that gives it.

use std::time::Duration;

/// Handshakes at the same time, unless the configuration says otherwise: a thread for each, with at most 64 KiB of
/// the peer's messages, is 4 MiB. The kernel keeps at most 50 requests more.
pub(crate) const HANDSHAKES: usize = 64;
/// Handshakes at the same time that a configuration may ask for.
pub(crate) const HANDSHAKES_MAX: usize = 1_024;
/// Bytes of a worker's stack: half of what threads have otherwise, and what is not touched costs nothing.
pub(crate) const STACK_BYTES: usize = 1 << 20;

/// How long a handshake may take where its user leaves that open.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long one may take whatever its user says, so that nobody holds a thread for longer.
pub(crate) const HANDSHAKE_MAX: Duration = Duration::from_secs(60);
/// How long handshakes under way may go on once the agent is told to end: as long as an ordinary one takes at the most.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
/// When to ask again after the kernel could not hand a request over.
pub(crate) const AGAIN: Duration = Duration::from_millis(100);

/// Bytes of a message of the kernel's: a page, as it makes them (`NLMSG_GOODSIZE` is at most 8 KiB).
pub(crate) const MESSAGE_BYTES: usize = 8 * 1024;
/// Bytes of what the kernel says of a key: its type and description have 32 and 4,095 at the most.
pub(crate) const DESCRIPTION_BYTES: usize = 4 * 1024 + 128;
/// Bytes of a key: what one of type `user` holds at the most.
pub(crate) const KEY_BYTES: usize = 32 * 1024;
/// Keys that a request names: 5 in 6.12.
pub(crate) const KEYS_NAMED: usize = 16;

/// Bytes of a configuration.
pub(crate) const CONFIG_BYTES: u64 = 1 << 20;

const _: () = assert!(HANDSHAKES <= HANDSHAKES_MAX);
const _: () = assert!(HANDSHAKE.as_secs() <= HANDSHAKE_MAX.as_secs());
