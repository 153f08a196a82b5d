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
/// Handshake bytes that a recvmsg with MSG_PEEK takes out of the engine, at most: what libraries read at a time.
pub const PEEK: usize = 64 * 1024;
/// The least that it takes, whatever the buffer: a call that only wants to know what comes next must not cut it to pieces, each of
/// which the next calls give alone.
pub const PEEK_LEAST: usize = 4 * 1024;
/// How long packets wait for what MSG_MORE has announced, as with TCP.
pub const CORK: Duration = Duration::from_millis(200);
/// How soon memory is asked for again for streams of the peer that there was none for: as a timer of the scheduler, so that a machine
/// without memory is not kept busy by that.
pub const RETRY: Duration = Duration::from_millis(10);
/// The least that SO_SNDBUF gives: as with other sockets, room for two packets and what it costs to keep them.
pub const SEND_BUFFER_MIN: usize = 4_608;
/// The least that SO_RCVBUF gives: half of it, as with other sockets.
pub const RECEIVE_BUFFER_MIN: usize = 2_304;
/// Bytes of EncryptedExtensions that a client which has tried 0-RTT looks into: 256 of transport parameters, and the rest.
pub const ENCRYPTED_EXTENSIONS: usize = 4 * 1024;
