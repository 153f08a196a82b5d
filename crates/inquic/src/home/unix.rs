//! Unix sockets that messages go over, each whole or not at all, with a descriptor beside it where there is one. It reads no
//! message.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, bind, listen,
    recvmsg, sendmsg, socket_with,
};

/// A socket that never waits.
pub(super) fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        flags,
        None,
    )?)
}

/// An abstract name: no file's, of this network namespace, and over with its last socket.
pub(super) fn name(name: &str) -> io::Result<SocketAddrUnix> {
    Ok(SocketAddrUnix::new_abstract_name(name.as_bytes())?)
}

/// A socket that others connect to under this name, so many at once.
pub(super) fn listener(named: &str, backlog: i32) -> io::Result<OwnedFd> {
    let socket = socket()?;
    bind(&socket, &name(named)?)?;
    listen(&socket, backlog)?;
    Ok(socket)
}

/// Sends the parts as one message, and a copy of a descriptor. Never waits.
pub(super) fn send(
    socket: &OwnedFd,
    parts: &[&[u8]],
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if let Some(descriptor) = &descriptor {
        let passed = std::slice::from_ref(descriptor);
        let pushed = control.push(SendAncillaryMessage::ScmRights(passed));
        debug_assert!(pushed, "there is room for one");
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(socket, &slices, &mut control, flags)?;
    Ok(())
}

/// The next message: its bytes, none when the other end is gone, and the descriptor that came with it.
pub(super) fn receive(
    socket: &OwnedFd,
    buffer: &mut [u8],
    flags: RecvFlags,
) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(buffer)];
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(socket, &mut slices, &mut control, flags)?;
    let mut descriptor = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut list) = message {
            descriptor = list.next();
        }
    }
    Ok((received.bytes, descriptor))
}
