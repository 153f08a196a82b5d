//! Every bound of the kernel's home in the process, each with the sum that gives it.

use inquic_platform::Duration;

/// Events of descriptors that are taken at once: more are taken with the next call.
pub(super) const EVENTS: usize = 256;
/// How often is looked at what no descriptor tells: half the time in which people notice nothing.
pub(super) const TICK: Duration = Duration::from_millis(10);
/// How long a connection that was closed goes on to deliver what was written: as in the embedded home.
pub(super) const LINGER: Duration = inquic_socket::limits::LINGER;
/// How long a move to another address may take: as long as a handshake.
pub(super) const MOVE: Duration = Duration::from_secs(10);
/// Bytes of datagrams that wait for `recv_datagram`, and 24 more for each: as many as in the embedded home.
pub(super) const DATAGRAM_BYTES: usize = inquic_engine::limits::DATAGRAM_QUEUE;
/// Bytes that one recvmsg takes: what the engine keeps of one level of a handshake at most, and the longest datagram.
pub(super) const RECEIVE_BYTES: usize = 64 * 1024;
/// Codes of streams that were reset or stopped and are still asked for: those of two kinds of streams that the peer may have open at once.
pub(super) const CODES: usize = 1_024;
/// Handshakes of one listener under way, each with a descriptor, of which programs have 1,024 unless they ask for more.
pub(super) const HANDSHAKES: usize = 256;
