//! The performance protocol (benches/PROTOCOL.md), as far as bulk transfers and requests go.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use inquic_uapi::Layout;
use inquic_uapi::option::QUIC_SOCKOPT_STATISTICS;
use inquic_uapi::structs::Statistics;

use crate::client::connect;
use crate::sys::{self, Fd};
use crate::tls;

const NEW: i32 = 0x400;
const FIN: i32 = 0x200;
const STREAM_INFO: i32 = 0;

/// Measures against the server at `address`; `chunk` is how many bytes one call sends or takes.
pub(crate) fn run(
    address: SocketAddr,
    ca: &str,
    mode: &str,
    amount: &str,
    chunk: &str,
) -> io::Result<()> {
    let amount: u64 = amount.parse().map_err(io::Error::other)?;
    let mut buffer = vec![0; chunk.parse().map_err(io::Error::other)?];
    let socket = connect(address, ca, "perf")?;
    exchange(&socket, 0, 0, &mut buffer)?;
    let start = now();
    match mode {
        "bulk-down" | "bulk-up" => {
            let (up, down) = if mode == "bulk-up" {
                (amount, 0)
            } else {
                (0, amount)
            };
            exchange(&socket, up, down, &mut buffer)?;
            let seconds = start.elapsed().as_secs_f64();
            let gbit_s = amount as f64 * 8.0 / seconds / 1e9;
            let packets = packets(&socket)?;
            println!(
                "{{\"mode\":\"{mode}\",\"gbit_s\":{gbit_s:.3},\"seconds\":{seconds:.3},\"packets\":{packets}}}"
            );
        }
        _ => {
            let mut times = Vec::new();
            for _ in 0..amount {
                let begun = now();
                exchange(&socket, 1016, 1024, &mut buffer)?;
                times.push(begun.elapsed().as_micros());
            }
            times.sort_unstable();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            let rate = amount as f64 / start.elapsed().as_secs_f64();
            println!("{{\"mode\":\"rr\",\"rate\":{rate:.0},\"p50_us\":{median}}}");
        }
    }
    Ok(())
}

/// Packets that went either way.
fn packets(socket: &Fd) -> io::Result<u64> {
    let mut bytes = [0; Statistics::SIZE];
    sys::get_option(socket, QUIC_SOCKOPT_STATISTICS as i32, &mut bytes)?;
    let statistics = Statistics::read(&bytes);
    Ok(statistics.packets_sent + statistics.packets_received)
}

/// One stream: so many bytes up, so many down.
fn exchange(socket: &Fd, up: u64, down: u64, buffer: &mut [u8]) -> io::Result<()> {
    if up + 8 <= 4096 {
        let mut request = [0; 4096];
        request[..8].copy_from_slice(&down.to_be_bytes());
        sys::send(socket, &request[..8 + up as usize], NEW | FIN)?;
    } else {
        sys::send(socket, &down.to_be_bytes(), NEW)?;
        let mut left = up;
        while left > 0 {
            let part = left.min(buffer.len() as u64) as usize;
            let last = if part as u64 == left { FIN } else { 0 };
            let sent = sys::send(socket, &buffer[..part], last)?;
            left -= sent as u64;
        }
    }
    let mut got = 0;
    loop {
        let received = sys::receive(socket, buffer, 0)?;
        let Some((_, flags)) = received.stream else {
            continue;
        };
        got += received.bytes as u64;
        if flags & FIN as u32 != 0 {
            break;
        }
    }
    if got == down {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Serves one connection after the other, so many bytes a call.
pub(crate) fn serve(
    address: SocketAddr,
    certificate: &str,
    key: &str,
    chunk: &str,
) -> io::Result<()> {
    let mut buffer = vec![0; chunk.parse().map_err(io::Error::other)?];
    let config = tls::server(certificate, key, "perf")?;
    let listener = sys::socket(address, 0)?;
    sys::bind(&listener, address)?;
    sys::listen(&listener)?;
    println!("listening {}", sys::local_address(&listener)?);
    loop {
        let connection = sys::accept(&listener, 0)?;
        // The end of the client is the end of this, and the client knows why there was no handshake.
        if tls::accept(&connection, &config).is_ok() {
            drop(answer(&connection, &mut buffer));
        }
    }
}

/// Streams one after the other, as these clients send them.
fn answer(connection: &Fd, buffer: &mut [u8]) -> io::Result<()> {
    loop {
        let mut wanted = Vec::new();
        let (id, _) = loop {
            let received = sys::receive(connection, buffer, 0)?;
            let Some((id, flags)) = received.stream else {
                continue;
            };
            if wanted.len() < 8 {
                wanted.extend_from_slice(&buffer[..received.bytes.min(8)]);
            }
            if flags & FIN as u32 != 0 {
                break (id, flags);
            }
        };
        let mut down = [0; 8];
        down.copy_from_slice(&wanted[..8]);
        let mut left = u64::from_be_bytes(down);
        loop {
            let part = left.min(buffer.len() as u64) as usize;
            let flags = if part as u64 == left { FIN } else { 0 };
            let mut info = [0; 16];
            info[..8].copy_from_slice(&id.to_ne_bytes());
            info[8..12].copy_from_slice(&flags.to_ne_bytes());
            left -= sys::send_with(connection, &buffer[..part], STREAM_INFO, &info)? as u64;
            if left == 0 {
                break;
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn now() -> Instant {
    Instant::now()
}
