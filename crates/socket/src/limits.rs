//! Every bound of the socket layer, each with the sum that gives it.

use inquic_platform::Duration;

/// Events that wait for recvmsg; later ones are dropped and counted, as a slow reader cannot make us hold more: 256 of 73
/// bytes and their 24-byte headers are 25 KiB.
pub const EVENTS: usize = 256;
/// How long a closed socket keeps trying to deliver what was written, as TCP does after close().
pub const LINGER: Duration = Duration::from_secs(30);
/// Connections that wait for accept(), at most; what listen() asks for beyond it is cut, as net.core.somaxconn does.
pub const BACKLOG: usize = 4_096;
/// Bytes of a reason phrase that the ABI carries.
pub const PHRASE: usize = inquic_uapi::QUIC_CLOSE_PHRASE_BUFFER_SIZE;
