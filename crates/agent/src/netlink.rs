//! Generic netlink of the system: questions to the kernel and its notices, by `netlink-sys`. What does not come from the kernel itself is
//! not looked at.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_GENERIC;

use crate::agent::Notices;
use crate::limits;
use crate::service::Channel;

/// A socket for questions.
pub(crate) struct Questions(Socket);

/// A socket that hears a group.
pub(crate) struct Group(Socket);

impl Questions {
    /// Opens one.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        Ok(Self(socket))
    }
}

impl Channel for Questions {
    fn send(&self, message: &[u8]) -> io::Result<()> {
        // To nobody in particular is to the kernel.
        self.0.send(message, 0).map(drop)
    }

    fn receive(&self, out: &mut [u8]) -> io::Result<usize> {
        receive(&self.0, out)
    }
}

impl Group {
    /// Joins a group.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn join(group: u32) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        socket.set_non_blocking(true)?;
        socket.add_membership(group)?;
        Ok(Self(socket))
    }
}

impl Notices for Group {
    fn take(&self) -> io::Result<()> {
        // All that one says is that requests wait.
        receive(&self.0, &mut [0; limits::MESSAGE_BYTES]).map(drop)
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The next message of the kernel's; others may write to a netlink socket, too.
fn receive(socket: &Socket, out: &mut [u8]) -> io::Result<usize> {
    loop {
        let (len, sender) = socket.recv_from(&mut &mut *out, 0)?;
        if sender.port_number() == 0 {
            return Ok(len);
        }
    }
}
