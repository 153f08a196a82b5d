//! In: command lines, the bytes of streams. Out: settings, answers, measurements. Never knows which QUIC it serves.

mod cli;
mod measure;
mod perf;
mod report;

pub use cli::{
    Cipher, ClientArgs, Command, Mode, PerfClientArgs, PerfCommand, PerfServerArgs, ServerArgs,
};
pub use measure::{Latencies, Timer};
pub use perf::{PerfConnection, PerfDialer, request, run_perf};
pub use report::{FetchReport, say};

pub use inquic_interop_http as http;

use std::net::{SocketAddr, UdpSocket};

/// The ALPN token of the performance protocol.
pub const PERF: &[u8] = b"perf";
/// Flow control that does not limit, benches/PROTOCOL.md.
pub const STREAM_WINDOW: u32 = 8 << 20;
/// The same for the whole connection.
pub const CONNECTION_WINDOW: u32 = 16 << 20;
/// What a sender keeps.
pub const SEND_BUFFER: u32 = 8 << 20;
/// What a server gives the peer to open at once.
pub const STREAMS: u32 = 100;
/// The idle timeout of the performance programs.
pub const IDLE: std::time::Duration = std::time::Duration::from_secs(60);

/// A bound socket with buffers of 4 MiB.
///
/// # Errors
///
/// What the system says.
pub fn udp_socket(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::DGRAM,
        Some(socket2::Protocol::UDP),
    )?;
    socket.set_recv_buffer_size(4 << 20)?;
    socket.set_send_buffer_size(4 << 20)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The address to bind so that `peer` can be reached.
#[must_use]
pub fn unspecified(peer: SocketAddr) -> SocketAddr {
    if peer.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0_u16; 8], 0).into()
    }
}
