//! Numbers of the socket options at level [`crate::SOL_QUIC`].

/// Turn an event on or off, [`crate::structs::EventOption`].
pub const QUIC_SOCKOPT_EVENT: u32 = 0;
/// Open a stream, [`crate::structs::StreamInfo`].
pub const QUIC_SOCKOPT_STREAM_OPEN: u32 = 1;
/// RESET_STREAM, [`crate::structs::ErrInfo`].
pub const QUIC_SOCKOPT_STREAM_RESET: u32 = 2;
/// STOP_SENDING, [`crate::structs::ErrInfo`].
pub const QUIC_SOCKOPT_STREAM_STOP_SENDING: u32 = 3;
/// Connection identifiers, [`crate::structs::ConnectionIdInfo`].
pub const QUIC_SOCKOPT_CONNECTION_ID: u32 = 4;
/// How the connection is or was closed, [`crate::structs::ConnectionClose`].
pub const QUIC_SOCKOPT_CONNECTION_CLOSE: u32 = 5;
/// Move to another address, `sockaddr_in` or `sockaddr_in6`.
pub const QUIC_SOCKOPT_CONNECTION_MIGRATION: u32 = 6;
/// Start a key update.
pub const QUIC_SOCKOPT_KEY_UPDATE: u32 = 7;
/// Transport parameters, [`crate::structs::TransportParam`].
pub const QUIC_SOCKOPT_TRANSPORT_PARAM: u32 = 8;
/// Configuration, [`crate::structs::Config`].
pub const QUIC_SOCKOPT_CONFIG: u32 = 9;
/// Address validation token, bytes.
pub const QUIC_SOCKOPT_TOKEN: u32 = 10;
/// Application protocols, a list separated by commas.
pub const QUIC_SOCKOPT_ALPN: u32 = 11;
/// TLS session ticket or its key, bytes.
pub const QUIC_SOCKOPT_SESSION_TICKET: u32 = 12;
/// A traffic secret, [`crate::structs::CryptoSecret`].
pub const QUIC_SOCKOPT_CRYPTO_SECRET: u32 = 13;
/// Transport parameters as TLS carries them, bytes.
pub const QUIC_SOCKOPT_TRANSPORT_PARAM_EXT: u32 = 14;

/// The first number of this project's own options.
pub const FIRST_OWN: u32 = 64;
/// Server names of a listener, a list separated by commas; set and get.
pub const QUIC_SOCKOPT_SERVER_NAMES: u32 = 64;
/// Statistics of a connection, [`crate::structs::Statistics`]; get only.
pub const QUIC_SOCKOPT_STATISTICS: u32 = 65;
/// Priority of a stream, [`crate::structs::StreamPriority`]; set and get.
pub const QUIC_SOCKOPT_STREAM_PRIORITY: u32 = 66;
/// Whether recvmsg says 0 where the peer has closed in order, in place of ENOTCONN; an `int`, set and get.
pub const QUIC_SOCKOPT_EOF: u32 = 67;
/// How many microseconds close() goes on to deliver what was written; a `u32`, set and get.
pub const QUIC_SOCKOPT_LINGER: u32 = 68;
/// A descriptor of a stream's own, [`crate::structs::StreamDescriptor`]; get only.
pub const QUIC_SOCKOPT_STREAM_DESCRIPTOR: u32 = 69;
/// Whether the fates of datagrams sent from now on are kept, a `u32`, to be set; get takes the next, [`crate::structs::DatagramFate`].
pub const QUIC_SOCKOPT_DATAGRAM_FATES: u32 = 70;

/// The longest value that setsockopt takes.
pub const VALUE_LEN_MAX: usize = 4096;
/// The longest ALPN list.
pub const ALPN_LEN_MAX: usize = 128;
/// The longest token.
pub const TOKEN_LEN_MAX: usize = 120;
/// The longest encoded transport parameters.
pub const TRANSPORT_PARAM_EXT_LEN_MAX: usize = 512;
/// The longest list of server names.
pub const SERVER_NAMES_LEN_MAX: usize = 2048;
/// The shortest TLS session ticket, or key for tickets.
pub const SESSION_TICKET_LEN_MIN: usize = 64;
/// The longest TLS session ticket, or key for tickets.
pub const SESSION_TICKET_LEN_MAX: usize = 4096;
