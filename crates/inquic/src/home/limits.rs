//! Every bound of the embedded home, each with the sum that gives it.

/// Bytes of one receive buffer: the longest train that the kernel's GRO joins.
pub(crate) const RECEIVE_BYTES: usize = 64 * 1024;
/// Receive buffers filled by one system call. Four trains are 180 packets, and 256 KiB stay in the cache of one core.
pub(crate) const RECEIVE_BUFFERS: usize = 4;
/// From this many bytes in one system call on, another is tried before the driver sleeps: what they cost to process is as long
/// as a sender takes for the next, and a call that finds nothing costs less than going to sleep.
pub(crate) const BUSY_BYTES: usize = RECEIVE_BYTES / 2;
/// Bytes that one send takes at most: the largest UDP payload over IPv4.
pub(crate) const TRANSMIT_BYTES: usize = inquic_engine::limits::TRANSMIT_BYTES;
/// Batches that one connection sends in a turn before others have theirs: at most 256 KiB, 0.1 ms of a core.
pub(crate) const TRANSMIT_BATCHES: usize = 4;
/// Batches kept while the kernel's send buffer is full, each of a different connection or thread.
pub(crate) const UNSENT_BATCHES: usize = 64;
/// When a task tries again to send what the kernel had no room for: 4 MiB leave at 10 Gbit/s in 3 ms.
pub(crate) const RETRY_SEND: inquic_platform::Duration = inquic_platform::Duration::from_millis(1);
/// Kernel buffers asked for: 4 MiB hold 10 Gbit/s for 3 ms, as long as a scheduler keeps a thread waiting.
pub(crate) const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of an answer that belongs to no connection: version negotiation, Retry, stateless reset.
pub(crate) const REPLY_BYTES: usize = 1_500;
/// Connections that wait in a listener for accept(), unless it says otherwise.
pub(crate) const BACKLOG: usize = 1_024;
/// Address validation tokens that one builder's connections keep: two of each of 128 servers, at 512 bytes 128 KiB.
pub(crate) const TOKENS: usize = 256;
/// Sockets of its own that one connection has after it moved: as many as it has paths.
pub(crate) const EXTRA_SOCKETS: usize = inquic_engine::limits::PATHS;
/// Processes that have a port together, at most, beside the one that receives for all.
pub(crate) const MEMBERS: usize = 32;
/// Processes that are asking to be one of them.
pub(crate) const JOINING: i32 = 16;
/// Bytes of one message between them: a train of datagrams, and where it came from.
pub(crate) const LINK_MESSAGE: usize = RECEIVE_BYTES + 1024;
/// Kernel buffers asked for between two of them: as for UDP.
pub(crate) const LINK_BYTES: usize = SOCKET_BUFFER_BYTES;
/// Messages that are taken before connections answer: as many trains as one system call takes from UDP.
pub(crate) const LINK_BATCH: usize = RECEIVE_BUFFERS;
/// How long an answer of the process that receives may take: it has little else to do.
pub(crate) const ANSWER: inquic_platform::Duration = inquic_platform::Duration::from_millis(500);
/// How often somebody asks to have a port, too: with [`JOIN_PAUSE`] between, for 2 s, twice [`SUCCESSION`].
pub(crate) const JOIN_TRIES: u32 = 40;
/// Between two of those attempts.
pub(crate) const JOIN_PAUSE: inquic_platform::Duration = inquic_platform::Duration::from_millis(50);
/// How often somebody tries who finds a port taken and nobody at its door: 500 ms, a hundred times [`SUCCEED_PAUSE`].
pub(crate) const DOOR_TRIES: u32 = 10;
/// How long a new receiver waits for those who were there before, until it takes others.
pub(crate) const SUCCESSION: inquic_platform::Duration = inquic_platform::Duration::from_secs(1);
/// How long it leaves the port unread meanwhile: four times what those need who try every [`SUCCEED_PAUSE`].
pub(crate) const RETURN: inquic_platform::Duration = inquic_platform::Duration::from_millis(20);
/// Between two attempts to become the receiver, or to find it: two hundred in the second that it may take.
pub(crate) const SUCCEED_PAUSE: inquic_platform::Duration =
    inquic_platform::Duration::from_millis(5);
/// I/O threads of one port.
pub(crate) const IO_THREADS: usize = 64;
/// Calls that programs of one `inquic run` can have under way, each with a thread of the home.
pub(crate) const LINES: usize = 1_024;
/// Bytes of a program's data that one call holds in the home at a time. What fits into a stream's send buffer is four times
/// as much, and it stays in the cache of one core.
pub(crate) const CALL_BYTES: usize = 256 * 1024;
/// Bytes of control messages that a program may give, as net.core.optmem_max bounds them.
pub(crate) const CONTROL_BYTES: usize = 128 * 1024;

const _: () = assert!(
    RECEIVE_BUFFERS <= quinn_udp::BATCH_SIZE,
    "one system call fills them all"
);
