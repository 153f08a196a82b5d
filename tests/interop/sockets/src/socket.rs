//! QUIC sockets. In: addresses, options, names of streams; out: sockets, and streams as files. It makes no handshake.

use std::fs::File;
use std::io;
use std::net::{Shutdown, SocketAddr, SocketAddrV4};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread;
use std::time::Duration;

use inquic_descriptor::{Calls, Descriptor};
use inquic_uapi::option::{
    QUIC_SOCKOPT_ALPN, QUIC_SOCKOPT_CONFIG, QUIC_SOCKOPT_CONNECTION_MIGRATION,
    QUIC_SOCKOPT_KEY_UPDATE, QUIC_SOCKOPT_SESSION_TICKET, QUIC_SOCKOPT_STATISTICS,
    QUIC_SOCKOPT_STREAM_DESCRIPTOR, QUIC_SOCKOPT_TRANSPORT_PARAM, SESSION_TICKET_LEN_MAX,
};
use inquic_uapi::socket::AF_INET;
use inquic_uapi::structs::{Config, Statistics, StreamDescriptor, TransportParam};
use inquic_uapi::{IPPROTO_QUIC, Layout, flags};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// A listener or a connection.
pub(crate) struct Quic(Socket);

/// One stream of a connection: a file, which ends when it is dropped.
pub(crate) struct Stream {
    pub(crate) file: File,
    /// Whether the peer opened it for itself alone.
    pub(crate) is_one_way: bool,
}

impl Quic {
    pub(crate) fn listen(
        at: SocketAddr,
        alpn: &[u8],
        config: &Config,
    ) -> io::Result<(Self, SocketAddr)> {
        let listener = Self::new(at)?;
        listener.set(QUIC_SOCKOPT_ALPN, alpn)?;
        listener.set(QUIC_SOCKOPT_CONFIG, &bytes(config))?;
        listener.0.bind(&at.into())?;
        listener.0.listen(64)?;
        let at = address(&listener.0.local_addr()?)?;
        Ok((listener, at))
    }

    /// The next client; its handshake is still to be made.
    pub(crate) fn accept(&self) -> io::Result<Self> {
        self.0.accept().map(|(socket, _)| Self(socket))
    }

    /// Names the peer, to which nothing is sent before the handshake is made; `only` speaks the version that it begins with and no other.
    pub(crate) fn connect(to: SocketAddr, only: bool) -> io::Result<Self> {
        let socket = Self::new(to)?;
        let versions = TransportParam {
            disable_compatible_version: u8::from(only),
            ..TransportParam::default()
        };
        socket.set(QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&versions))?;
        socket.0.connect(&to.into())?;
        Ok(socket)
    }

    fn new(family: SocketAddr) -> io::Result<Self> {
        let protocol = Some(Protocol::from(IPPROTO_QUIC));
        let socket = Socket::new(Domain::for_address(family), Type::STREAM, protocol);
        let socket = Self(socket?);
        // Waits longer than usual for a peer behind a link that loses much.
        let patient = TransportParam {
            max_idle_timeout: 60_000_000,
            ..TransportParam::default()
        };
        socket.set(QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&patient))?;
        Ok(socket)
    }

    /// For calls of the handshake.
    pub(crate) fn descriptor(&self) -> Descriptor {
        Descriptor(self.0.as_raw_fd())
    }

    pub(crate) fn peer(&self) -> io::Result<SocketAddr> {
        address(&self.0.peer_addr()?)
    }

    /// Why there is no connection any more, if it is over. It is told once.
    pub(crate) fn end(&self) -> Option<anyhow::Error> {
        let cause = self.0.take_error().ok().flatten()?;
        // The C library has words for the errno, which name no version.
        let is_version = cause.raw_os_error() == Some(libc::EPROTONOSUPPORT);
        let error = anyhow::Error::from(cause);
        Some(if is_version {
            error.context("no version in common")
        } else {
            error
        })
    }

    /// Where we are; it is another address once the connection has moved.
    pub(crate) fn here(&self) -> io::Result<SocketAddr> {
        address(&self.0.local_addr()?)
    }

    /// Asks the client of a connection whose handshake is still to be made to go to this address of ours.
    pub(crate) fn prefer(&self, there: SocketAddrV4) -> io::Result<()> {
        // `struct sockaddr_in`.
        let there = [
            AF_INET.to_ne_bytes().as_slice(),
            &there.port().to_be_bytes(),
            &there.ip().octets(),
            &[0; 8],
        ]
        .concat();
        self.set(QUIC_SOCKOPT_CONNECTION_MIGRATION, &there)
    }

    /// A stream of our own.
    pub(crate) fn open(&self, one_way: bool) -> io::Result<Stream> {
        let kind = if one_way {
            flags::MSG_QUIC_STREAM_UNI
        } else {
            0
        };
        self.stream(flags::MSG_QUIC_STREAM_NEW | kind)
    }

    /// The next stream that the peer opens; an error when the connection is over.
    pub(crate) fn next_stream(&self) -> io::Result<Stream> {
        self.stream(0)
    }

    fn stream(&self, stream_flags: u32) -> io::Result<Stream> {
        let mut value = bytes(&StreamDescriptor {
            stream_id: -1,
            stream_flags,
            ..StreamDescriptor::default()
        });
        self.descriptor()
            .getsockopt(QUIC_SOCKOPT_STREAM_DESCRIPTOR, &mut value)?;
        let got = StreamDescriptor::read(&value);
        Ok(Stream {
            file: owned(got.descriptor)?,
            is_one_way: got.stream_id & 2 != 0,
        })
    }

    /// The peer's transport parameters, as a later connection can be told them for 0-RTT.
    pub(crate) fn peer_parameters(&self) -> io::Result<Vec<u8>> {
        let mut value = vec![0; TransportParam::SIZE];
        if let Some(remote) = value.first_mut() {
            *remote = 1;
        }
        self.get(QUIC_SOCKOPT_TRANSPORT_PARAM, value)
    }

    /// The last ticket that came; empty before one did.
    pub(crate) fn ticket(&self) -> io::Result<Vec<u8>> {
        self.get(QUIC_SOCKOPT_SESSION_TICKET, vec![0; SESSION_TICKET_LEN_MAX])
    }

    /// Updates the keys. The first update has to wait until the peer has acknowledged something under the first keys
    /// (RFC 9001 §6.1), which the application cannot see.
    pub(crate) fn update_keys(&self) -> io::Result<()> {
        for _ in 0..400 {
            if self.set(QUIC_SOCKOPT_KEY_UPDATE, &[]).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.set(QUIC_SOCKOPT_KEY_UPDATE, &[])
    }

    /// Key updates so far, begun by either end.
    pub(crate) fn key_updates(&self) -> io::Result<u64> {
        let value = self.get(QUIC_SOCKOPT_STATISTICS, vec![0; Statistics::SIZE])?;
        Ok(Statistics::read(&value).key_updates)
    }

    fn set(&self, option: u32, value: &[u8]) -> io::Result<()> {
        self.descriptor().setsockopt(option, value)
    }

    fn get(&self, option: u32, mut value: Vec<u8>) -> io::Result<Vec<u8>> {
        let len = self.descriptor().getsockopt(option, &mut value)?;
        value.truncate(len);
        Ok(value)
    }
}

impl Stream {
    /// Nothing follows what was written.
    pub(crate) fn finish(&self) -> io::Result<()> {
        SockRef::from(&self.file).shutdown(Shutdown::Write)
    }
}

fn address(address: &socket2::SockAddr) -> io::Result<SocketAddr> {
    address
        .as_socket()
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn bytes<T: Layout>(value: &T) -> Vec<u8> {
    let mut bytes = vec![0; T::SIZE];
    value.write(&mut bytes);
    bytes
}

/// A descriptor that a socket has made for us.
#[expect(unsafe_code, reason = "a socket option gives a number")]
fn owned(descriptor: i32) -> io::Result<File> {
    if descriptor < 0 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // SAFETY: the socket has opened it for the caller of the option and for nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }.into())
}
