//! Numbers of Linux's socket calls that QUIC sockets have in common with others, as on x86-64 and arm64.

/// IPv4 addresses.
pub const AF_INET: u16 = 2;
/// IPv6 addresses.
pub const AF_INET6: u16 = 10;
/// No address: connect() would dissolve a connection.
pub const AF_UNSPEC: u16 = 0;

/// A socket of streams; QUIC makes no difference.
pub const SOCK_STREAM: i32 = 1;
/// A socket of datagrams; QUIC makes no difference.
pub const SOCK_DGRAM: i32 = 2;

/// `shutdown()`: nothing more is read.
pub const SHUT_RD: i32 = 0;
/// `shutdown()`: nothing more is sent.
pub const SHUT_WR: i32 = 1;
/// `shutdown()`: both.
pub const SHUT_RDWR: i32 = 2;

/// The level of options that all sockets have.
pub const SOL_SOCKET: i32 = 1;
/// `SOCK_STREAM` or `SOCK_DGRAM`; read only.
pub const SO_TYPE: i32 = 3;
/// Why the connection ended; read only, once.
pub const SO_ERROR: i32 = 4;
/// Bytes that may be written and not acknowledged.
pub const SO_SNDBUF: i32 = 7;
/// Bytes that may be received and not read.
pub const SO_RCVBUF: i32 = 8;
/// Several sockets may have one port.
pub const SO_REUSEPORT: i32 = 15;
/// How long receiving calls wait, `struct timeval`.
pub const SO_RCVTIMEO: i32 = 20;
/// How long sending calls wait, `struct timeval`.
pub const SO_SNDTIMEO: i32 = 21;
/// Whether the socket listens; read only.
pub const SO_ACCEPTCONN: i32 = 30;
/// The protocol; read only.
pub const SO_PROTOCOL: i32 = 38;
/// The address family; read only.
pub const SO_DOMAIN: i32 = 39;
/// Bytes a second at most.
pub const SO_MAX_PACING_RATE: i32 = 47;

/// ioctl: bytes that can be read.
pub const SIOCINQ: u32 = 0x541b;
/// ioctl: bytes written and not acknowledged.
pub const SIOCOUTQ: u32 = 0x5411;
/// ioctl: bytes written and not sent.
pub const SIOCOUTQNSD: u32 = 0x894b;
