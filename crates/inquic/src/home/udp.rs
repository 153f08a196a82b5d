//! UDP as the home uses it: batches of datagrams in and out through the kernel's GRO and GSO; it never looks into a packet.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use inquic_engine::{Path, Received};
use quinn_udp::{EcnCodepoint, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

use super::{limits, sys};

/// One UDP socket, dual stack when it is bound to an IPv6 address.
pub(crate) struct Udp {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

/// Buffers for one system call's worth of received datagrams.
pub(crate) struct Inbox {
    memory: Box<[u8]>,
    meta: [RecvMeta; limits::RECEIVE_BUFFERS],
    filled: usize,
    /// The address that the socket is bound to from which it was filled.
    bound: SocketAddr,
}

/// What became of a send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The kernel took it, or it failed as a lost packet fails.
    Done,
    /// The socket's buffer is full: try again when it is writable.
    Blocked,
    /// The kernel has no way there.
    Unreachable,
    /// The kernel sends nothing that large (EMSGSIZE).
    TooLarge,
}

impl Udp {
    /// Binds a socket. An IPv6 wildcard takes IPv4 as well.
    pub(crate) fn bind(address: SocketAddr, shared: bool) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if let SocketAddr::V6(v6) = address {
            socket.set_only_v6(!v6.ip().is_unspecified())?;
        }
        Self::adopt(socket, address, shared)
    }

    /// Binds a socket that has its options already.
    pub(crate) fn adopt(socket: Socket, address: SocketAddr, shared: bool) -> io::Result<Self> {
        if shared {
            socket.set_reuse_port(true)?;
        }
        // A kernel that permits less gives less; the engine's windows do not depend on it.
        drop(socket.set_recv_buffer_size(limits::SOCKET_BUFFER_BYTES));
        drop(socket.set_send_buffer_size(limits::SOCKET_BUFFER_BYTES));
        socket.bind(&address.into())?;
        Self::new(socket.into())
    }

    /// A socket that another process has bound.
    pub(crate) fn inherit(socket: OwnedFd) -> io::Result<Self> {
        let socket = Socket::from(socket);
        if socket.r#type()? != Type::DGRAM || socket.protocol()? != Some(Protocol::UDP) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Self::new(socket.into())
    }

    fn new(socket: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        sys::stop_timestamps(&socket)?;
        let local = socket.local_addr()?;
        Ok(Self {
            socket,
            state,
            local,
        })
    }

    /// Whether what is to leave from `local` can leave by this socket.
    pub(crate) fn serves(&self, local: Option<SocketAddr>) -> bool {
        local.is_none_or(|local| {
            let (ours, wanted) = (self.local.ip(), local.ip());
            self.local.port() == local.port()
                && (ours == wanted || ours.is_unspecified() || wanted.is_unspecified())
        })
    }

    /// The address that the socket is bound to.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Receives as many buffers as there are, up to the inbox's number. Returns whether there may be more: they
    /// were all filled, or so much came that the next train is on its way.
    pub(crate) fn receive(&self, inbox: &mut Inbox) -> io::Result<bool> {
        inbox.filled = 0;
        inbox.bound = self.local;
        let mut parts = inbox.memory.chunks_exact_mut(limits::RECEIVE_BYTES);
        let mut buffers: [IoSliceMut<'_>; limits::RECEIVE_BUFFERS] =
            std::array::from_fn(|_| IoSliceMut::new(parts.next().unwrap_or_default()));
        inbox.filled = self.state.recv(
            UdpSockRef::from(&self.socket),
            &mut buffers,
            &mut inbox.meta,
        )?;
        let received = inbox.meta.iter().take(inbox.filled).map(|meta| meta.len);
        Ok(
            inbox.filled == limits::RECEIVE_BUFFERS
                || received.sum::<usize>() >= limits::BUSY_BYTES,
        )
    }

    /// Sends datagrams of `segment` bytes to `path`: in one system call, or one by one where the kernel or the network's
    /// driver cannot cut.
    pub(crate) fn send(&self, path: &Path, bytes: &[u8], segment: usize, ecn: u8) -> Sent {
        if segment >= bytes.len() || self.state.max_gso_segments() > 1 {
            match self.try_send(path, bytes, segment, ecn) {
                Err(error) if segment < bytes.len() && cannot_cut(&error) => {}
                sent => return outcome(sent),
            }
        }
        let mut all = Sent::Done;
        for datagram in bytes.chunks(segment) {
            match outcome(self.try_send(path, datagram, datagram.len(), ecn)) {
                Sent::Done => {}
                Sent::TooLarge => all = Sent::TooLarge,
                // Those that have left leave again with the rest, and are dropped as duplicates.
                stopped => return stopped,
            }
        }
        all
    }

    fn try_send(&self, path: &Path, bytes: &[u8], segment: usize, ecn: u8) -> io::Result<()> {
        let transmit = Transmit {
            destination: self.outward(path.remote),
            ecn: EcnCodepoint::from_bits(ecn),
            contents: bytes,
            segment_size: (segment < bytes.len()).then_some(segment),
            // Only a wildcard socket has a choice of addresses to send from.
            src_ip: path
                .local
                .map(|local| local.ip())
                .filter(|ip| self.local.ip().is_unspecified() && !ip.is_unspecified())
                .map(|ip| self.outward_ip(ip)),
        };
        self.state
            .try_send(UdpSockRef::from(&self.socket), &transmit)
    }

    fn outward(&self, address: SocketAddr) -> SocketAddr {
        match (self.local, address) {
            (SocketAddr::V6(_), SocketAddr::V4(v4)) => {
                SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())
            }
            _ => address,
        }
    }

    fn outward_ip(&self, ip: IpAddr) -> IpAddr {
        match (self.local, ip) {
            (SocketAddr::V6(_), IpAddr::V4(v4)) => v4.to_ipv6_mapped().into(),
            _ => ip,
        }
    }
}

impl AsFd for Udp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Inbox {
    /// Buffers that take memory only once they are used.
    pub(crate) fn new() -> Self {
        Self {
            memory: vec![0; limits::RECEIVE_BUFFERS * limits::RECEIVE_BYTES].into_boxed_slice(),
            meta: [RecvMeta::default(); limits::RECEIVE_BUFFERS],
            filled: 0,
            bound: SocketAddr::from(([0, 0, 0, 0], 0)),
        }
    }

    /// What the last call of [`Udp::receive`] brought, a buffer at a time: the datagrams in it are of one path.
    pub(crate) fn trains(&mut self) -> impl Iterator<Item = Received<'_>> {
        let bound = self.bound;
        self.memory
            .chunks_exact_mut(limits::RECEIVE_BYTES)
            .zip(&self.meta)
            .take(self.filled)
            .filter_map(move |(buffer, meta)| {
                let bytes = buffer.get_mut(..meta.len)?;
                Some(Received {
                    path: Path {
                        local: Some(SocketAddr::new(
                            meta.dst_ip.map_or(bound.ip(), canonical_ip),
                            bound.port(),
                        )),
                        remote: canonical(meta.addr),
                    },
                    segment: meta.stride.clamp(1, meta.len.max(1)),
                    ecn: meta.ecn.map_or(0, |ecn| ecn as u8),
                    bytes,
                })
            })
    }
}

/// What a send's result means.
fn outcome(sent: io::Result<()>) -> Sent {
    let Err(error) = sent else {
        return Sent::Done;
    };
    if rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::MSGSIZE) {
        return Sent::TooLarge;
    }
    match error.kind() {
        io::ErrorKind::WouldBlock => Sent::Blocked,
        io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::PermissionDenied => Sent::Unreachable,
        // Everything else is a packet lost: the peer's acknowledgements tell.
        _ => Sent::Done,
    }
}

/// Whether a send may have failed because the batch had to be cut.
fn cannot_cut(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    matches!(
        errno,
        Some(rustix::io::Errno::IO | rustix::io::Errno::INVAL)
    )
}

/// An IPv4 address that an IPv6 socket reports, as itself; scope and flow label are the kernel's business.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(v4.into(), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

fn canonical_ip(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// The address to bind for connections to anywhere: both families, or IPv4 alone where there is no IPv6.
pub(crate) fn bind_anywhere() -> io::Result<Udp> {
    Udp::bind(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0), false)
        .or_else(|_| Udp::bind(SocketAddr::from(([0, 0, 0, 0], 0)), false))
}

#[cfg(test)]
mod tests;
