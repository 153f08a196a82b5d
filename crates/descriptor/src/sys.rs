//! The system calls on a descriptor, each behind a safe function. Nothing else of the library talks to the system.
#![expect(unsafe_code, reason = "socket calls of libc take pointers")]

use std::ffi::{c_int, c_void};
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use inquic_uapi::flags::MSG_CTRUNC;
use inquic_uapi::structs::HandshakeInfo;
use inquic_uapi::{ControlMessage, ControlMessages, Layout, QUIC_HANDSHAKE_INFO, SOL_QUIC};

use crate::calls::Calls;
use crate::link::errno;

/// A descriptor of the program, which stays its own.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor(pub RawFd);

/// Control data of one message, aligned as C wants it.
#[repr(C, align(8))]
pub struct Control(pub [u8; CONTROL_BYTES]);

impl Descriptor {
    /// Bytes of streams that were written and have not arrived yet (SIOCOUTQ).
    ///
    /// # Errors
    ///
    /// What the socket says.
    pub fn outstanding(self) -> io::Result<usize> {
        let mut number: c_int = 0;
        // SAFETY: the request writes one number, which lives until the call returns.
        let done = unsafe { libc::ioctl(self.0, libc::TIOCOUTQ, &raw mut number) };
        checked(done as isize)?;
        Ok(usize::try_from(number).unwrap_or(0))
    }
}

impl Calls for Descriptor {
    fn getsockopt(&self, option: u32, out: &mut [u8]) -> io::Result<usize> {
        let mut len = libc::socklen_t::try_from(out.len()).unwrap_or(libc::socklen_t::MAX);
        let name = c_int::try_from(option).unwrap_or(c_int::MAX);
        // SAFETY: `out` has `len` bytes, and `len` is written to.
        let done = unsafe {
            libc::getsockopt(
                self.0,
                SOL_QUIC,
                name,
                out.as_mut_ptr().cast::<c_void>(),
                &raw mut len,
            )
        };
        checked(done as isize)?;
        Ok((len as usize).min(out.len()))
    }

    fn setsockopt(&self, option: u32, value: &[u8]) -> io::Result<()> {
        let len = libc::socklen_t::try_from(value.len()).unwrap_or(libc::socklen_t::MAX);
        let name = c_int::try_from(option).unwrap_or(c_int::MAX);
        // SAFETY: `value` has `len` bytes.
        let done = unsafe {
            libc::setsockopt(self.0, SOL_QUIC, name, value.as_ptr().cast::<c_void>(), len)
        };
        checked(done as isize).map(drop)
    }

    fn peer(&self) -> io::Result<IpAddr> {
        // SAFETY: a sockaddr_storage is plain numbers, for which zero is a value.
        let mut address: libc::sockaddr_storage = unsafe { mem::zeroed() };
        let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        // SAFETY: `address` has `len` bytes, and both are written to.
        let done = unsafe {
            libc::getpeername(
                self.0,
                (&raw mut address).cast::<libc::sockaddr>(),
                &raw mut len,
            )
        };
        checked(done as isize)?;
        match c_int::from(address.ss_family) {
            libc::AF_INET => {
                // SAFETY: the family says that it is a sockaddr_in, which is shorter and aligned alike.
                let v4 = unsafe { *(&raw const address).cast::<libc::sockaddr_in>() };
                Ok(Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes()).into())
            }
            libc::AF_INET6 => {
                // SAFETY: the family says that it is a sockaddr_in6, which is shorter and aligned alike.
                let v6 = unsafe { *(&raw const address).cast::<libc::sockaddr_in6>() };
                Ok(Ipv6Addr::from(v6.sin6_addr.s6_addr).into())
            }
            _ => Err(errno(libc::EAFNOSUPPORT)),
        }
    }

    fn send(&self, level: u8, bytes: &[u8], more: bool) -> io::Result<usize> {
        let mut control = Control([0; CONTROL_BYTES]);
        let len = handshake_control(level, &mut control);
        let flags = send_flags(more) | libc::MSG_DONTWAIT;
        sendmsg(
            self.0,
            bytes,
            control.0.get(..len).unwrap_or_default(),
            flags,
        )
    }

    fn receive(&self, out: &mut [u8]) -> io::Result<(usize, Option<u8>)> {
        let mut control = Control([0; CONTROL_BYTES]);
        let (len, control_len, flags) = recvmsg(self.0, out, &mut control.0, libc::MSG_DONTWAIT)?;
        if flags & MSG_CTRUNC as c_int != 0 {
            return Err(errno(libc::EMSGSIZE));
        }
        let control = control.0.get(..control_len).unwrap_or_default();
        Ok((len, level_in(control)))
    }

    fn wait(&self, sending: bool, at_most: Duration) -> io::Result<bool> {
        let mut one = libc::pollfd {
            fd: self.0,
            events: if sending { libc::POLLOUT } else { libc::POLLIN },
            revents: 0,
        };
        let millis = c_int::try_from(at_most.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: there is one pollfd, which is written to.
        let ready = unsafe { libc::poll(&raw mut one, 1, millis.max(1)) };
        Ok(checked(ready as isize)? > 0)
    }
}

/// sendmsg() with control data.
pub fn sendmsg(fd: RawFd, bytes: &[u8], control: &[u8], flags: c_int) -> io::Result<usize> {
    let mut iov = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast::<c_void>(),
        iov_len: bytes.len(),
    };
    let message = message(&mut iov, control.as_ptr().cast_mut(), control.len());
    // SAFETY: the message names `bytes` and `control` with their lengths, which are only read.
    checked(unsafe { libc::sendmsg(fd, &raw const message, flags) })
}

/// recvmsg(): bytes, bytes of control data, flags.
pub fn recvmsg(
    fd: RawFd,
    out: &mut [u8],
    control: &mut [u8],
    flags: c_int,
) -> io::Result<(usize, usize, c_int)> {
    let mut iov = libc::iovec {
        iov_base: out.as_mut_ptr().cast::<c_void>(),
        iov_len: out.len(),
    };
    let mut message = message(&mut iov, control.as_mut_ptr(), control.len());
    // SAFETY: the message names `out` and `control` with their lengths, which may be written to.
    let len = checked(unsafe { libc::recvmsg(fd, &raw mut message, flags) })?;
    Ok((len, message.msg_controllen, message.msg_flags))
}

/// A message of one piece.
pub fn message(iov: &mut libc::iovec, control: *mut u8, len: usize) -> libc::msghdr {
    // SAFETY: a msghdr is pointers and numbers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = iov;
    message.msg_iovlen = 1;
    message.msg_control = control.cast::<c_void>();
    message.msg_controllen = len;
    message
}

/// Writes the control message of handshake messages; how long it is.
pub fn handshake_control(level: u8, control: &mut Control) -> usize {
    let mut info = [0; HandshakeInfo::SIZE];
    HandshakeInfo {
        crypto_level: level,
    }
    .write(&mut info);
    let message = ControlMessage {
        level: SOL_QUIC,
        kind: QUIC_HANDSHAKE_INFO,
        data: &info,
    };
    message.write(&mut control.0).unwrap_or(0)
}

/// The crypto level in control data.
pub fn level_in(control: &[u8]) -> Option<u8> {
    ControlMessages::new(control)
        .filter_map(Result::ok)
        .find(|message| message.level == SOL_QUIC && message.kind == QUIC_HANDSHAKE_INFO)
        .map(|message| HandshakeInfo::read(message.data).crypto_level)
}

/// Flags of a handshake message.
pub const fn send_flags(more: bool) -> c_int {
    if more {
        libc::MSG_NOSIGNAL | libc::MSG_MORE
    } else {
        libc::MSG_NOSIGNAL
    }
}

/// Whether a descriptor is open.
pub fn is_open(fd: RawFd) -> io::Result<()> {
    // SAFETY: F_GETFD takes no pointer.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    checked(flags as isize).map(drop)
}

/// The time now.
#[expect(
    clippy::disallowed_methods,
    reason = "a handshake that waits has a deadline"
)]
pub fn now() -> Instant {
    Instant::now()
}

fn checked(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Control data of a stream or of handshake messages: a header of 16 bytes and 16 more.
pub const CONTROL_BYTES: usize = 64;
