//! The Unix sockets between the processes of a port: messages in and out, each whole or not at all, with descriptors beside them; who
//! is at the other end. It never blocks, and it reads no message.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind,
    connect, listen, recvmsg, sendmsg, socket_with, sockopt,
};

use crate::home::limits;

/// One end of a conversation.
pub(crate) struct Link(OwnedFd);

/// Where a dispatcher is found.
pub(crate) struct Door(OwnedFd);

impl Link {
    /// To the dispatcher of a port.
    pub(super) fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = socket()?;
        connect(&socket, &name(address)?)?;
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
        let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors: Vec<_> = descriptor.into_iter().collect();
        if !descriptors.is_empty() {
            let pushed = control.push(SendAncillaryMessage::ScmRights(&descriptors));
            debug_assert!(pushed, "there is room for one");
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        sendmsg(&self.0, &slices, &mut control, flags)?;
        Ok(())
    }

    /// The next message; none when the other end is gone. Errors: [`io::ErrorKind::WouldBlock`] when there is no message now.
    pub(super) fn receive(
        &self,
        buffer: &mut [u8],
    ) -> io::Result<Option<(usize, Option<OwnedFd>)>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let mut slices = [IoSliceMut::new(buffer)];
        let received = recvmsg(&self.0, &mut slices, &mut control, flags)?;
        let mut descriptor = None;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(mut list) = message {
                descriptor = list.next();
            }
        }
        Ok((received.bytes > 0).then_some((received.bytes, descriptor)))
    }

    /// The user of the process at the other end, when it connected or opened its door.
    pub(super) fn user(&self) -> io::Result<u32> {
        Ok(sockopt::socket_peercred(&self.0)?.uid.as_raw())
    }
}

impl Door {
    /// Opens the one door of a port. Errors: [`io::ErrorKind::AddrInUse`] when somebody has it.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = socket()?;
        bind(&socket, &name(address)?)?;
        listen(&socket, limits::JOINING)?;
        Ok(Self(socket))
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
pub(super) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    Ok(socket)
}

/// Abstract names belong to a network namespace, as UDP ports do, and end with their last socket.
fn name(address: SocketAddr) -> io::Result<SocketAddrUnix> {
    let name = format!("inquic/port/{address}");
    Ok(SocketAddrUnix::new_abstract_name(name.as_bytes())?)
}
