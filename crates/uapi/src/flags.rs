//! Message flags of sendmsg and recvmsg, as QUIC sockets use them; they alias flags that other protocols own.

/// On send: open the stream (`MSG_SYN`).
pub const MSG_QUIC_STREAM_NEW: u32 = 0x400;
/// On send and receive: the stream ends after this message (`MSG_FIN`).
pub const MSG_QUIC_STREAM_FIN: u32 = 0x200;
/// With stream identifier -1: a unidirectional stream (`MSG_CONFIRM`).
pub const MSG_QUIC_STREAM_UNI: u32 = 0x800;
/// Do not block on the limit of streams (`MSG_WAITFORONE`).
pub const MSG_QUIC_STREAM_DONTWAIT: u32 = 0x1_0000;
/// Tell the peer when flow control or the limit of streams blocks (`MSG_ERRQUEUE`).
pub const MSG_QUIC_STREAM_SNDBLOCK: u32 = 0x2000;
/// The message is a datagram (`MSG_RST`).
pub const MSG_QUIC_DATAGRAM: u32 = 0x1000;
/// On receive: the message is an event (`MSG_MORE`).
pub const MSG_QUIC_NOTIFICATION: u32 = 0x8000;

/// The flags that may stand in [`crate::structs::StreamInfo::stream_flags`].
pub const STREAM_FLAGS: u32 = MSG_QUIC_STREAM_NEW
    | MSG_QUIC_STREAM_FIN
    | MSG_QUIC_STREAM_UNI
    | MSG_QUIC_STREAM_DONTWAIT
    | MSG_QUIC_STREAM_SNDBLOCK;

/// Look without taking.
pub const MSG_PEEK: u32 = 0x2;
/// On receive: what does not fit is thrown away, and the length of all of it told.
pub const MSG_TRUNC: u32 = 0x20;
/// Read the queue of errors, which QUIC sockets do not have.
pub const MSG_ERRQUEUE: u32 = 0x2000;
/// Control data did not fit.
pub const MSG_CTRUNC: u32 = 0x8;
/// Do not block.
pub const MSG_DONTWAIT: u32 = 0x40;
/// The end of a complete message.
pub const MSG_EOR: u32 = 0x80;
/// Wait for all of it.
pub const MSG_WAITALL: u32 = 0x100;
/// No SIGPIPE.
pub const MSG_NOSIGNAL: u32 = 0x4000;
/// On send: more follows, wait with the packet.
pub const MSG_MORE: u32 = 0x8000;
/// More messages follow in this call.
pub const MSG_BATCH: u32 = 0x4_0000;

/// Everything that sendmsg takes; any other flag is EINVAL.
pub const SEND_FLAGS: u32 = STREAM_FLAGS
    | MSG_QUIC_DATAGRAM
    | MSG_BATCH
    | MSG_MORE
    | MSG_DONTWAIT
    | MSG_NOSIGNAL
    | MSG_WAITALL;

/// There is something to read.
pub const POLLIN: u32 = 0x1;
/// There is room to write.
pub const POLLOUT: u32 = 0x4;
/// An error is pending.
pub const POLLERR: u32 = 0x8;
/// Both directions are closed.
pub const POLLHUP: u32 = 0x10;
/// Normal data may be read.
pub const POLLRDNORM: u32 = 0x40;
/// Normal data may be written.
pub const POLLWRNORM: u32 = 0x100;
/// The peer sends no more.
pub const POLLRDHUP: u32 = 0x2000;
