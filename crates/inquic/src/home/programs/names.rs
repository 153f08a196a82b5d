//! Addresses of sockets in a program's memory: `struct sockaddr` in and out, as the kernel moves them.

use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::sync::Arc;

use inquic_socket::sock::address::{self, ADDRESS_LEN};
use socket2::{Domain, Protocol, Socket, Type};

use super::calls::{Failure, Outcome, number};
use super::memory::Memory;
use super::served::Served;
use super::sys;
use crate::home::udp::Udp;

/// Reads an address of `len` bytes at `place`.
pub(super) fn read(memory: &Memory, place: u64, len: u64) -> Outcome<Vec<u8>> {
    let len = usize::try_from(number(len)).map_err(|_| Failure::Errno(libc::EINVAL))?;
    if len > STORAGE {
        return Err(Failure::Errno(libc::EINVAL));
    }
    Ok(memory.read_bytes(place, len)?)
}

/// getsockname().
pub(super) fn own(memory: &Memory, served: &Arc<Served>, place: u64, len: u64) -> Outcome<i64> {
    let local = served.act(|held, _| {
        let any = address::any(held.sock.family());
        held.sock.local_address().unwrap_or(any)
    });
    write(memory, local, place, len).map(|()| 0)
}

/// getpeername(), and the address that accept() gives.
pub(super) fn peer(memory: &Memory, served: &Arc<Served>, place: u64, len: u64) -> Outcome<i64> {
    let peer = served.act(|held, _| held.sock.peer_address())?;
    write(memory, peer, place, len).map(|()| 0)
}

/// Whether a way leads from a socket to `peer`, as connect() of UDP sockets says: ENETUNREACH, or EACCES where it is everybody's.
pub(super) fn way_to(from: &Udp, peer: SocketAddr) -> Result<(), i32> {
    let errno = |error: std::io::Error| error.raw_os_error().unwrap_or(libc::ENETUNREACH);
    let peer = address::plain(peer);
    let probe = Socket::new(Domain::for_address(peer), Type::DGRAM, Some(Protocol::UDP));
    let probe = probe.map_err(errno)?;
    // The ways of the interface that the program has chosen, if it has.
    let (level, name) = (libc::SOL_SOCKET, libc::SO_BINDTODEVICE);
    let mut device = [0; libc::IFNAMSIZ];
    if let Ok(len @ 1..) = sys::get_option(from.as_fd(), level, name, &mut device) {
        sys::set_option(&probe, level, name, &device[..len]).map_err(errno)?;
    }
    probe.connect(&peer.into()).map_err(errno)
}

/// Writes as much of an address as there is room for, and how long it is.
fn write(memory: &Memory, address: SocketAddr, place: u64, len: u64) -> Outcome<()> {
    let room = i32::from_ne_bytes(memory.read_value(len)?);
    let room = usize::try_from(room).map_err(|_| Failure::Errno(libc::EINVAL))?;
    let mut bytes = [0; ADDRESS_LEN];
    let whole = address::write(address, &mut bytes);
    memory.write_bytes(place, &bytes[..whole.min(room)])?;
    memory.write_bytes(len, &(whole as u32).to_ne_bytes())?;
    Ok(())
}

/// `struct sockaddr_storage`.
const STORAGE: usize = 128;
