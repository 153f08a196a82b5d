//! The C library's socket calls, each behind a function that cannot be misused.
#![expect(
    unsafe_code,
    clippy::multiple_unsafe_ops_per_block,
    reason = "socket calls take addresses, and C's macros work with them"
)]

use std::io;
use std::net::SocketAddr;
use std::ptr;

use libc::{c_int, c_void};
use socket2::SockAddr;

pub(crate) const SOL_QUIC: c_int = 288;
const IPPROTO_QUIC: c_int = 261;

/// A descriptor, closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Fd(pub(crate) c_int);

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: no address is given.
        unsafe { libc::close(self.0) };
    }
}

/// What recvmsg gave.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) bytes: usize,
    /// Its stream and `MSG_QUIC_STREAM_*`.
    pub(crate) stream: Option<(i64, u32)>,
    /// The level of handshake data.
    pub(crate) level: Option<u8>,
}

fn checked(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn done(result: c_int) -> io::Result<c_int> {
    checked(result as isize).map(|_| result)
}

pub(crate) fn socket(address: SocketAddr, flags: c_int) -> io::Result<Fd> {
    let family = if address.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    // SAFETY: no address is given.
    done(unsafe { libc::socket(family, libc::SOCK_STREAM | flags, IPPROTO_QUIC) }).map(Fd)
}

pub(crate) fn bind(socket: &Fd, address: SocketAddr) -> io::Result<()> {
    let address = SockAddr::from(address);
    // SAFETY: the address lives until the call returns.
    done(unsafe { libc::bind(socket.0, address.as_ptr().cast(), address.len()) }).map(drop)
}

pub(crate) fn listen(socket: &Fd) -> io::Result<()> {
    // SAFETY: no address is given.
    done(unsafe { libc::listen(socket.0, 64) }).map(drop)
}

pub(crate) fn accept(socket: &Fd, flags: c_int) -> io::Result<Fd> {
    // SAFETY: no address is asked for.
    done(unsafe { libc::accept4(socket.0, ptr::null_mut(), ptr::null_mut(), flags) }).map(Fd)
}

pub(crate) fn connect(socket: &Fd, address: SocketAddr) -> io::Result<()> {
    let address = SockAddr::from(address);
    // SAFETY: the address lives until the call returns.
    done(unsafe { libc::connect(socket.0, address.as_ptr().cast(), address.len()) }).map(drop)
}

pub(crate) fn local_address(socket: &Fd) -> io::Result<SocketAddr> {
    // SAFETY: the function gets a place for an address and its length.
    let ((), address) = unsafe {
        SockAddr::try_init(|place, len| {
            done(libc::getsockname(socket.0, place.cast(), len)).map(drop)
        })
    }?;
    address
        .as_socket()
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

pub(crate) fn peer_address(socket: &Fd) -> io::Result<SocketAddr> {
    // SAFETY: the function gets a place for an address and its length.
    let ((), address) = unsafe {
        SockAddr::try_init(|place, len| {
            done(libc::getpeername(socket.0, place.cast(), len)).map(drop)
        })
    }?;
    address
        .as_socket()
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// What SO_ERROR says.
pub(crate) fn pending_error(socket: &Fd) -> io::Result<c_int> {
    let mut error = 0;
    let mut len = size_of_val(&error) as libc::socklen_t;
    let (level, name) = (libc::SOL_SOCKET, libc::SO_ERROR);
    // SAFETY: the value and its length live until the call returns.
    done(unsafe {
        libc::getsockopt(socket.0, level, name, (&raw mut error).cast(), &raw mut len)
    })?;
    Ok(error)
}

/// Lets others have the same port, and the same names, if they say so, too.
pub(crate) fn reuse_port(socket: &Fd) -> io::Result<()> {
    let (level, on): (c_int, c_int) = (libc::SOL_SOCKET, 1);
    let len = size_of_val(&on) as libc::socklen_t;
    // SAFETY: the value lives until the call returns.
    done(unsafe {
        libc::setsockopt(
            socket.0,
            level,
            libc::SO_REUSEPORT,
            (&raw const on).cast(),
            len,
        )
    })
    .map(drop)
}

pub(crate) fn set_option(socket: &Fd, name: c_int, value: &[u8]) -> io::Result<()> {
    let len = value.len() as libc::socklen_t;
    // SAFETY: the value lives until the call returns.
    done(unsafe { libc::setsockopt(socket.0, SOL_QUIC, name, value.as_ptr().cast(), len) })
        .map(drop)
}

pub(crate) fn get_option(socket: &Fd, name: c_int, value: &mut [u8]) -> io::Result<usize> {
    let mut len = value.len() as libc::socklen_t;
    // SAFETY: the value and its length live until the call returns.
    done(unsafe {
        libc::getsockopt(
            socket.0,
            SOL_QUIC,
            name,
            value.as_mut_ptr().cast(),
            &raw mut len,
        )
    })?;
    Ok(len as usize)
}

/// SO_ERROR: why the connection has ended, once.
pub(crate) fn error(socket: &Fd) -> io::Result<Option<io::Error>> {
    let (mut number, mut len): (c_int, libc::socklen_t) = (0, 4);
    let (level, name) = (libc::SOL_SOCKET, libc::SO_ERROR);
    // SAFETY: the number and its length live until the call returns.
    done(unsafe {
        libc::getsockopt(
            socket.0,
            level,
            name,
            (&raw mut number).cast(),
            &raw mut len,
        )
    })?;
    Ok((number != 0).then(|| io::Error::from_raw_os_error(number)))
}

pub(crate) fn send(socket: &Fd, data: &[u8], flags: c_int) -> io::Result<usize> {
    // SAFETY: the data lives until the call returns.
    checked(unsafe { libc::send(socket.0, data.as_ptr().cast(), data.len(), flags) })
}

/// A call with an address that is nobody's: what errno it gives.
pub(crate) fn with_bad_address(call: &str, socket: &Fd) -> io::Result<usize> {
    let bad: *mut c_void = ptr::without_provenance_mut(8);
    let mut len: libc::socklen_t = 64;
    // SAFETY: the address is never followed in this process, or these functions are broken: that is what is tested.
    let result = unsafe {
        match call {
            "send" => libc::send(socket.0, bad, 10, 0),
            "write" => libc::write(socket.0, bad, 10),
            "recv" => libc::recv(socket.0, bad, 10, libc::MSG_DONTWAIT),
            "sendmsg" => libc::sendmsg(socket.0, bad.cast(), 0),
            "recvmsg" => libc::recvmsg(socket.0, bad.cast(), libc::MSG_DONTWAIT),
            "writev" => libc::writev(socket.0, bad.cast(), 2),
            "bind" => libc::bind(socket.0, bad.cast(), 16) as isize,
            "connect" => libc::connect(socket.0, bad.cast(), 16) as isize,
            "getsockname" => libc::getsockname(socket.0, bad.cast(), &raw mut len) as isize,
            "setsockopt" => libc::setsockopt(socket.0, SOL_QUIC, 9, bad, 28) as isize,
            "getsockopt" => libc::getsockopt(socket.0, SOL_QUIC, 9, bad, &raw mut len) as isize,
            "getsockopt-len" => {
                libc::getsockopt(socket.0, SOL_QUIC, 9, (&raw mut len).cast(), bad.cast()) as isize
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
    };
    checked(result)
}

/// sendmsg with one control message of QUIC.
pub(crate) fn send_with(
    socket: &Fd,
    data: &[u8],
    kind: c_int,
    control: &[u8],
) -> io::Result<usize> {
    let mut space = [0_u64; 8];
    let mut part = libc::iovec {
        iov_base: data.as_ptr().cast_mut().cast(),
        iov_len: data.len(),
    };
    // SAFETY: all zero is an empty message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = space.as_mut_ptr().cast();
    // SAFETY: it has no conditions.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(control.len() as u32) } as usize;
    // SAFETY: the message has room for one control message.
    let header = unsafe { &mut *libc::CMSG_FIRSTHDR(&raw const message) };
    header.cmsg_level = SOL_QUIC;
    header.cmsg_type = kind;
    // SAFETY: it has no conditions.
    header.cmsg_len = unsafe { libc::CMSG_LEN(control.len() as u32) } as usize;
    // SAFETY: the space is large enough for both.
    unsafe { ptr::copy_nonoverlapping(control.as_ptr(), libc::CMSG_DATA(header), control.len()) };
    // SAFETY: the message and all that it points to live until the call returns.
    checked(unsafe { libc::sendmsg(socket.0, &raw const message, libc::MSG_NOSIGNAL) })
}

/// recvmsg with the control messages of QUIC.
pub(crate) fn receive(socket: &Fd, out: &mut [u8], flags: c_int) -> io::Result<Received> {
    let mut space = [0_u64; 8];
    let mut part = libc::iovec {
        iov_base: out.as_mut_ptr().cast(),
        iov_len: out.len(),
    };
    // SAFETY: all zero is an empty message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = space.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&space);
    // SAFETY: the message and all that it points to live until the call returns.
    let bytes = checked(unsafe { libc::recvmsg(socket.0, &raw mut message, flags) })?;
    let mut received = Received {
        bytes,
        ..Received::default()
    };
    // SAFETY: the call has filled the message in.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message).as_ref() };
    if let Some(header) = header.filter(|header| header.cmsg_level == SOL_QUIC) {
        // SAFETY: the header is one of the message's.
        let data = unsafe { libc::CMSG_DATA(header) };
        if header.cmsg_type == 0 {
            // SAFETY: a stream's information begins with its number.
            let id = unsafe { data.cast::<i64>().read_unaligned() };
            // SAFETY: and goes on with its flags.
            let flags = unsafe { data.wrapping_add(8).cast::<u32>().read_unaligned() };
            received.stream = Some((id, flags));
        } else {
            // SAFETY: a level is one byte.
            received.level = Some(unsafe { data.read() });
        }
    }
    Ok(received)
}

/// Waits for `events`; what came.
pub(crate) fn poll(socket: &Fd, events: i16, timeout_ms: c_int) -> io::Result<i16> {
    let mut polled = libc::pollfd {
        fd: socket.0,
        events,
        revents: 0,
    };
    // SAFETY: one place is given, which lives until the call returns.
    done(unsafe { libc::poll(&raw mut polled, 1, timeout_ms) })?;
    Ok(polled.revents)
}

/// read(), of whatever the descriptor is.
pub(crate) fn read(descriptor: &Fd, out: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer lives until the call returns.
    checked(unsafe { libc::read(descriptor.0, out.as_mut_ptr().cast(), out.len()) })
}

/// write(), to whatever the descriptor is.
pub(crate) fn write(descriptor: &Fd, data: &[u8]) -> io::Result<usize> {
    // SAFETY: the data lives until the call returns.
    checked(unsafe { libc::write(descriptor.0, data.as_ptr().cast(), data.len()) })
}

pub(crate) fn shutdown(socket: &Fd, how: c_int) -> io::Result<()> {
    // SAFETY: no address is given.
    done(unsafe { libc::shutdown(socket.0, how) }).map(drop)
}

/// Another number for the same socket.
pub(crate) fn copy(socket: &Fd) -> io::Result<Fd> {
    // SAFETY: no address is given.
    done(unsafe { libc::dup(socket.0) }).map(Fd)
}

/// writev() of two parts.
pub(crate) fn write_two(socket: &Fd, parts: [&[u8]; 2]) -> io::Result<usize> {
    let parts = parts.map(|part| libc::iovec {
        iov_base: part.as_ptr().cast_mut().cast(),
        iov_len: part.len(),
    });
    // SAFETY: the parts live until the call returns, which only reads them.
    checked(unsafe { libc::writev(socket.0, parts.as_ptr(), 2) })
}

/// readv() into two parts.
pub(crate) fn read_two(socket: &Fd, parts: [&mut [u8]; 2]) -> io::Result<usize> {
    let parts = parts.map(|part| libc::iovec {
        iov_base: part.as_mut_ptr().cast(),
        iov_len: part.len(),
    });
    // SAFETY: the parts live until the call returns.
    checked(unsafe { libc::readv(socket.0, parts.as_ptr(), 2) })
}

/// sendmmsg() of two messages, which go on with the same stream.
pub(crate) fn send_two(socket: &Fd, data: [&[u8]; 2]) -> io::Result<(usize, [u32; 2])> {
    let mut parts = data.map(|part| libc::iovec {
        iov_base: part.as_ptr().cast_mut().cast(),
        iov_len: part.len(),
    });
    // SAFETY: all zero is an empty message.
    let mut messages: [libc::mmsghdr; 2] = unsafe { std::mem::zeroed() };
    for (message, part) in messages.iter_mut().zip(&mut parts) {
        message.msg_hdr.msg_iov = part;
        message.msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: the messages and all that they point to live until the call returns.
    let sent = unsafe { libc::sendmmsg(socket.0, messages.as_mut_ptr(), 2, 0) };
    Ok((
        checked(sent as isize)?,
        messages.map(|message| message.msg_len),
    ))
}

/// How many bytes FIONREAD says.
pub(crate) fn waiting(socket: &Fd) -> io::Result<c_int> {
    let mut bytes = 0;
    // SAFETY: the number lives until the call returns.
    done(unsafe { libc::ioctl(socket.0, libc::FIONREAD, &raw mut bytes) })?;
    Ok(bytes)
}

/// sendfile() to a socket.
pub(crate) fn send_file(socket: &Fd, file: &Fd) -> io::Result<usize> {
    // SAFETY: no place is given.
    checked(unsafe { libc::sendfile(socket.0, file.0, ptr::null_mut(), 10) })
}

/// How long receiving calls wait.
pub(crate) fn set_receive_timeout(socket: &Fd, millis: i64) -> io::Result<()> {
    let time = libc::timeval {
        tv_sec: millis / 1000,
        tv_usec: millis % 1000 * 1000,
    };
    let len = size_of_val(&time) as libc::socklen_t;
    let (level, name) = (libc::SOL_SOCKET, libc::SO_RCVTIMEO);
    // SAFETY: the value lives until the call returns.
    done(unsafe { libc::setsockopt(socket.0, level, name, (&raw const time).cast(), len) })
        .map(drop)
}

/// Has a signal come again and again, whose handler does nothing, 0 never; after it calls begin again if they may `restart`.
pub(crate) fn interrupt_every(millis: i64, restart: bool) -> io::Result<()> {
    extern "C" fn nothing(_: c_int) {}
    on_signal(libc::SIGALRM, nothing, restart)?;
    alarm_every(millis)
}

/// Sets what a signal does from now on: no more than a handler may. After it waiting calls begin again if they may `restart`.
pub(crate) fn on_signal(
    signal: c_int,
    handler: extern "C" fn(c_int),
    restart: bool,
) -> io::Result<()> {
    // SAFETY: all zero is an action.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = if restart { libc::SA_RESTART } else { 0 };
    // SAFETY: the action lives until the call returns.
    done(unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) }).map(drop)
}

/// Has SIGALRM come again and again, so soon each time; 0 ends it.
pub(crate) fn alarm_every(millis: i64) -> io::Result<()> {
    let time = libc::timeval {
        tv_sec: millis / 1000,
        tv_usec: millis % 1000 * 1000,
    };
    let often = libc::itimerval {
        it_interval: time,
        it_value: time,
    };
    // SAFETY: the time lives until the call returns.
    done(unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const often, ptr::null_mut()) }).map(drop)
}

/// Forks: true in the child.
pub(crate) fn fork() -> io::Result<bool> {
    // SAFETY: this program has one thread.
    done(unsafe { libc::fork() }).map(|child| child == 0)
}

/// A pair of Unix sockets, to pass descriptors.
pub(crate) fn pair() -> io::Result<(Fd, Fd)> {
    let mut pair = [0; 2];
    // SAFETY: there is room for two.
    done(unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, pair.as_mut_ptr()) })?;
    Ok((Fd(pair[0]), Fd(pair[1])))
}

/// Passes a descriptor, or takes one where there is none to pass.
pub(crate) fn pass(by: &Fd, passed: Option<&Fd>) -> io::Result<Option<Fd>> {
    let mut space = [0_u64; 4];
    let mut byte = 0_u8;
    let mut part = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    // SAFETY: all zero is an empty message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = space.as_mut_ptr().cast();
    // SAFETY: it has no conditions.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(4) } as usize;
    // SAFETY: the message has room for one control message.
    let header = unsafe { &mut *libc::CMSG_FIRSTHDR(&raw const message) };
    // SAFETY: the header is one of the message's.
    let place = unsafe { libc::CMSG_DATA(header) }.cast::<c_int>();
    let Some(passed) = passed else {
        // SAFETY: the message and all that it points to live until the call returns.
        checked(unsafe { libc::recvmsg(by.0, &raw mut message, 0) })?;
        if message.msg_controllen == 0 {
            return Ok(None);
        }
        // SAFETY: there is one descriptor.
        return Ok(Some(Fd(unsafe { place.read_unaligned() })));
    };
    header.cmsg_level = libc::SOL_SOCKET;
    header.cmsg_type = libc::SCM_RIGHTS;
    // SAFETY: it has no conditions.
    header.cmsg_len = unsafe { libc::CMSG_LEN(4) } as usize;
    // SAFETY: there is room for one descriptor.
    unsafe { place.write_unaligned(passed.0) };
    // SAFETY: the message and all that it points to live until the call returns.
    checked(unsafe { libc::sendmsg(by.0, &raw const message, 0) })?;
    Ok(None)
}

/// An epoll, with descriptors that are waited for to become readable.
pub(crate) struct Epoll(Fd);

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no address is given.
        done(unsafe { libc::epoll_create1(0) }).map(|epoll| Self(Fd(epoll)))
    }

    pub(crate) fn add(&self, socket: &Fd) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: socket.0 as u64,
        };
        // SAFETY: the event lives until the call returns.
        done(unsafe { libc::epoll_ctl(self.0.0, libc::EPOLL_CTL_ADD, socket.0, &raw mut event) })
            .map(drop)
    }

    /// The next descriptor with something to do.
    pub(crate) fn wait(&self) -> io::Result<c_int> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: there is room for one event.
        done(unsafe { libc::epoll_wait(self.0.0, &raw mut event, 1, -1) })?;
        Ok(event.u64 as c_int)
    }
}
