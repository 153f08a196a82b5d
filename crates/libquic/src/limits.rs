//! Every bound of the C library, each with the sum that gives it.

use std::time::Duration;

/// How long a handshake may take, unless the program says otherwise: as long as the engine gives it.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);
/// Bytes of handshake messages that one recvmsg takes: what the engine keeps of one level at most.
pub(crate) const RECEIVE_BYTES: usize = 64 * 1024;
/// Bytes of a list of application protocols, as the ABI has it.
pub(crate) const ALPN_BYTES: usize = inquic_uapi::option::ALPN_LEN_MAX;
/// Pre-shared keys that a client offers, the first of its file: as many as the reference reads of one.
pub(crate) const SHARED_KEYS_OFFERED: usize = 5;
/// Clients' tickets that `quic_session_get_data` has given out and can be given back; the oldest go first.
pub(crate) const KEPT_SESSIONS: usize = 256;
