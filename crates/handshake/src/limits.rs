//! What a peer can make a handshake hold or do, in numbers. Nothing else sets a limit in this crate.

/// Handshake bytes that a peer may send before the handshake is complete, and in one message after it: the longest
/// certificate chain that TLS stacks accept is 64 KiB, and rustls buffers no more for a message.
pub const HANDSHAKE_BYTES: usize = 64 * 1024;

/// Bytes of encoded transport parameters that we send: all of RFC 9000 §18.2 take less than 256, a grease and the extensions
/// the rest.
pub const TRANSPORT_PARAMETERS_BYTES: usize = 512;

/// Bytes taken from the socket at a time; a flight of 4 KiB holds an ordinary certificate chain.
pub(crate) const RECEIVE_BYTES: usize = 4096;

/// Tickets that a server sends after each handshake, unless told otherwise: one for the next connection and one for a race.
pub const TICKETS: usize = 2;

/// Sessions that a server which accepts 0-RTT keeps for its tickets: two for each connection, at 512 bytes 4 MiB. Beyond it the
/// oldest goes, and its client makes a full handshake.
pub(crate) const SESSIONS: usize = 8_192;

/// Seconds for which tickets under a shared key are good at least, and half of what they are good at most: as rustls has it for
/// keys of its own.
pub(crate) const EPOCH: u64 = 12 * 3600;

/// Server names whose tickets a client keeps, unless told otherwise; rustls keeps at most 8 tickets for each.
pub(crate) const RESUMPTION_NAMES: usize = 256;

/// Pre-shared keys of one end. A ClientHello of 64 KiB is compared with the identity of each, in constant time: 16 MiB at most,
/// some 10 ms, for a client that has sent 55 packets.
#[cfg(feature = "psk")]
pub(crate) const SHARED_KEYS: usize = 256;

/// Bytes in the name of a pre-shared key: five of them leave a ClientHello short.
#[cfg(feature = "psk")]
pub(crate) const SHARED_IDENTITY_BYTES: usize = 1024;

/// Bytes in a pre-shared key: 128 bits at least (RFC 9257 §6), and no more than a hash makes use of many times over.
#[cfg(feature = "psk")]
pub(crate) const SHARED_KEY_BYTES: usize = 1024;
/// The least of them.
#[cfg(feature = "psk")]
pub(crate) const SHARED_KEY_BYTES_LEAST: usize = 16;

/// Bytes of a file of pre-shared keys: 256 of them with identities and keys of 128 bytes.
#[cfg(feature = "psk")]
pub(crate) const SHARED_FILE_BYTES: usize = 128 * 1024;

const _: () = assert!(RECEIVE_BYTES <= HANDSHAKE_BYTES);
