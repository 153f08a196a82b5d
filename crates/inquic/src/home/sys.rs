//! The one place with `unsafe` in this crate: a descriptor that its owner keeps open in, the runtime's watch over it out; and the
//! one socket option that nothing safe sets.
#![expect(
    unsafe_code,
    reason = "the runtime takes descriptors whose life it cannot check, and the kernel the address of an option's value"
)]

use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::driver::Source;
use super::port::Port;

/// A UDP socket, kept open by the shares of its port and of itself in here.
pub(super) struct Socket {
    port: Arc<Port>,
    source: Source,
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.source.udp(&self.port).as_fd().as_raw_fd()
    }
}

/// Watches a socket for datagrams, and for nothing else: each send makes a socket writable anew.
pub(super) fn watch(port: &Arc<Port>, source: &Source) -> io::Result<AsyncFd<Socket>> {
    let socket = Socket {
        port: port.clone(),
        source: source.clone(),
    };
    // SAFETY: `as_raw_fd` gives the same descriptor each time, and it is not closed before the `Socket` is dropped: neither a
    // port nor an extra socket gives its descriptor away, and the `Socket` shares both.
    let watched = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
    Ok(watched?)
}

/// Has the kernel deliver datagrams without the time of their arrival. quinn-udp asks for it and has no room for it: beside a
/// train's segment size and our address it would take the place of the ECN bits, and nobody reads it.
pub(super) fn stop_timestamps(socket: &UdpSocket) -> io::Result<()> {
    let off: libc::c_int = 0;
    // SAFETY: the socket is open as long as it is borrowed, and the value is an int that lives until the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const off).cast(),
            size_of_val(&off) as libc::socklen_t,
        )
    };
    if result == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// Watches the descriptor of a timer or an alarm.
pub(super) fn watch_timer(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` has one descriptor and closes it when it is dropped, not before.
    let watched = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) };
    Ok(watched?)
}
