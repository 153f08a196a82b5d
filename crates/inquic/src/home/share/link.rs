//! The Unix sockets between the processes of a port: messages in and out, each whole or not at all, with descriptors beside them; who
//! is at the other end. It never blocks, and it reads no message.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{RecvFlags, SocketFlags, accept_with, connect, sockopt};

use crate::home::{limits, unix};

/// One end of a conversation.
pub(crate) struct Link(OwnedFd);

/// Where a dispatcher is found.
pub(crate) struct Door(OwnedFd);

impl Link {
    /// To the dispatcher of a port.
    pub(super) fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = unix::socket()?;
        connect(&socket, &unix::name(&name(address))?)?;
        Self::new(socket)
    }

    fn new(socket: OwnedFd) -> io::Result<Self> {
        // A kernel that permits less gives less, and more is lost.
        let _ = sockopt::set_socket_send_buffer_size(&socket, limits::LINK_BYTES);
        Ok(Self(socket))
    }

    /// Sends the parts as one message.
    pub(super) fn send(&self, parts: &[&[u8]]) -> io::Result<()> {
        self.send_with(parts, None)
    }

    /// Sends the parts as one message, and a copy of a descriptor.
    pub(super) fn send_with(
        &self,
        parts: &[&[u8]],
        descriptor: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        unix::send(&self.0, parts, descriptor)
    }

    /// The next message; none when the other end is gone. Errors: [`io::ErrorKind::WouldBlock`] when there is no message now.
    pub(super) fn receive(
        &self,
        buffer: &mut [u8],
    ) -> io::Result<Option<(usize, Option<OwnedFd>)>> {
        let (bytes, descriptor) = unix::receive(&self.0, buffer, RecvFlags::DONTWAIT)?;
        Ok((bytes > 0).then_some((bytes, descriptor)))
    }

    /// The user of the process at the other end, when it connected or opened its door.
    pub(super) fn user(&self) -> io::Result<u32> {
        Ok(sockopt::socket_peercred(&self.0)?.uid.as_raw())
    }
}

impl Door {
    /// Opens the one door of a port. Errors: [`io::ErrorKind::AddrInUse`] when somebody has it.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        unix::listener(&name(address), limits::JOINING).map(Self)
    }

    /// Somebody at the door. Errors: [`io::ErrorKind::WouldBlock`] when nobody is.
    pub(super) fn accept(&self) -> io::Result<Link> {
        Link::new(accept_with(
            &self.0,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        )?)
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsFd for Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The user that this process acts for.
pub(in crate::home) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Abstract names belong to a network namespace, as UDP ports do.
fn name(address: SocketAddr) -> String {
    format!("inquic/port/{address}")
}
