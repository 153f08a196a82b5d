//! The socket calls that nothing safe makes: what a stream's descriptor is fetched with. Nothing else of this home has `unsafe`.
#![expect(
    unsafe_code,
    reason = "the socket says which descriptor it has made, and the compiler cannot know"
)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use inquic_descriptor::{Calls, Descriptor};
use inquic_uapi::option::QUIC_SOCKOPT_STREAM_DESCRIPTOR;
use inquic_uapi::structs::StreamDescriptor;
use inquic_uapi::{IPPROTO_QUIC, Layout};
use inquic_wire::StreamId;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// A QUIC socket whose calls do not wait.
pub(super) fn socket(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::from(IPPROTO_QUIC)))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A stream with a descriptor of its own, whose calls do not wait.
pub(super) fn stream(connection: &Socket, flags: u32) -> io::Result<(StreamId, Socket)> {
    let mut value = [0; StreamDescriptor::SIZE];
    StreamDescriptor {
        stream_id: -1,
        stream_flags: flags,
        descriptor: -1,
    }
    .write(&mut value);
    Descriptor(connection.as_raw_fd()).getsockopt(QUIC_SOCKOPT_STREAM_DESCRIPTOR, &mut value)?;
    let given = StreamDescriptor::read(&value);
    // SAFETY: the call has succeeded, so this is a descriptor that it has made for us, and nobody else has it.
    let socket = Socket::from(unsafe { OwnedFd::from_raw_fd(given.descriptor) });
    socket.set_nonblocking(true)?;
    let id = u64::try_from(given.stream_id).ok();
    let id = id.and_then(StreamId::from_u64);
    Ok((id.ok_or(io::ErrorKind::InvalidData)?, socket))
}

/// An address as the value of a socket option.
pub(super) fn bytes_of(address: &SockAddr) -> &[u8] {
    let len = address.len() as usize;
    // SAFETY: the system's structure of an address is numbers alone, and so many bytes of it have a value.
    unsafe { std::slice::from_raw_parts(address.as_ptr().cast::<u8>(), len) }
}
