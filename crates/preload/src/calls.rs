//! The socket calls of programs: QUIC sockets' go to the home, all others on to the C library.
//!
//! An address that a program gives is only handed on: to the home, which reads there through the kernel, or to the C library.
#![expect(
    unsafe_code,
    reason = "these functions have the C library's names and types, and hand the program's addresses on to it"
)]

use core::ffi::{c_char, c_int, c_uint, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use inquic_calls::{Call, Wish};
use libc::{iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t, timespec};

use crate::descriptors::{self, quic};
use crate::gone;
use crate::home;
use crate::next::Next;
use crate::own;
use crate::quic::{failed, opened};

/// Calls the C library's function of the same name.
macro_rules! next {
    ($name:literal, ($($type:ty),*) -> $result:ty, $($value:expr),*) => {{
        static NEXT: Next = Next::new($name);
        // SAFETY: this is the type that the C library's function of this name has.
        match unsafe { NEXT.function::<unsafe extern "C" fn($($type),*) -> $result>() } {
            // SAFETY: the program gave these values to this function.
            Some(next) => unsafe { next($($value),*) },
            None => failed(libc::ENOSYS),
        }
    }};
}
pub(crate) use next;

/// Declares functions that the program gets in place of the C library's: what is done for a QUIC socket stands after the arrow.
macro_rules! replaced {
    ($($name:literal fn $function:ident($descriptor:ident: c_int $(, $value:ident: $type:ty)*) -> $result:ty => |$quic:ident| $call:expr;)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $function($descriptor: c_int $(, $value: $type)*) -> $result {
            match quic($descriptor) {
                Some($quic) => $crate::quic::Returned::of($call),
                None => $crate::calls::next!($name, (c_int $(, $type)*) -> $result, $descriptor $(, $value)*),
            }
        }
    )*};
}
pub(crate) use replaced;

/// An address of the program's, for the home.
pub(crate) fn at<T>(pointer: *const T) -> u64 {
    pointer.expose_provenance() as u64
}

/// An `int` of the program's, for the home.
pub(crate) fn int(value: c_int) -> u64 {
    u64::from(value.cast_unsigned())
}

/// Whether the kernel was asked for a QUIC socket and has none.
static NOT_IN_KERNEL: AtomicBool = AtomicBool::new(false);

#[unsafe(no_mangle)]
unsafe extern "C" fn socket(family: c_int, kind: c_int, protocol: c_int) -> c_int {
    let with = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let plain = kind & !with;
    // Raw sockets of every protocol are the kernel's.
    let ours = protocol == IPPROTO_QUIC && plain != libc::SOCK_RAW && home::is_present();
    if !ours || !NOT_IN_KERNEL.load(Ordering::Relaxed) {
        let before = own::errno();
        let socket = next!(c"socket", (c_int, c_int, c_int) -> c_int, family, kind, protocol);
        if !ours || socket >= 0 || own::errno() != libc::EPROTONOSUPPORT {
            return socket;
        }
        own::set_errno(before);
        NOT_IN_KERNEL.store(true, Ordering::Relaxed);
    }
    if family != libc::AF_INET && family != libc::AF_INET6 {
        return failed(libc::EPROTONOSUPPORT);
    }
    if plain != libc::SOCK_STREAM && plain != libc::SOCK_DGRAM {
        return failed(if plain & !SOCK_TYPE_MASK == 0 {
            libc::ESOCKTNOSUPPORT
        } else {
            libc::EINVAL
        });
    }
    let wish = Wish::Socket {
        family: int(family),
        kind: int(plain),
    };
    opened(wish, kind & with).unwrap_or_else(|failure| failed(gone::of_socket(failure)))
}

replaced! {
    c"bind" fn bind(socket: c_int, address: *const sockaddr, len: socklen_t) -> c_int =>
        |quic| quic.call(Call::Bind, [at(address), u64::from(len)]);
    c"listen" fn listen(socket: c_int, backlog: c_int) -> c_int =>
        |quic| quic.call(Call::Listen, [int(backlog)]);
    c"accept" fn accept(socket: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int =>
        |quic| quic.accept(at(address), at(len), 0) as isize;
    c"accept4" fn accept4(socket: c_int, address: *mut sockaddr, len: *mut socklen_t, with: c_int) -> c_int =>
        |quic| quic.accept(at(address), at(len), with) as isize;
    c"connect" fn connect(socket: c_int, address: *const sockaddr, len: socklen_t) -> c_int =>
        |quic| quic.waiting_call(Call::Connect, 0, [at(address), u64::from(len)]);
    c"send" fn send(socket: c_int, data: *const c_void, len: size_t, with: c_int) -> ssize_t =>
        |quic| quic.waiting_call(Call::Send, with, [at(data), len as u64, int(with)]);
    c"sendto" fn sendto(socket: c_int, data: *const c_void, len: size_t, with: c_int, address: *const sockaddr, address_len: socklen_t) -> ssize_t =>
        |quic| quic.waiting_call(Call::Send, with, [at(data), len as u64, int(with)]);
    c"sendmsg" fn sendmsg(socket: c_int, message: *const msghdr, with: c_int) -> ssize_t =>
        |quic| quic.waiting_call(Call::SendMessage, with, [at(message), int(with), 0]);
    c"recv" fn recv(socket: c_int, data: *mut c_void, len: size_t, with: c_int) -> ssize_t =>
        |quic| quic.waiting_call(Call::Receive, with, [at(data), len as u64, int(with), 0, 0]);
    c"recvfrom" fn recvfrom(socket: c_int, data: *mut c_void, len: size_t, with: c_int, address: *mut sockaddr, address_len: *mut socklen_t) -> ssize_t =>
        |quic| quic.waiting_call(Call::Receive, with, [at(data), len as u64, int(with), at(address), at(address_len)]);
    c"__recv_chk" fn __recv_chk(socket: c_int, data: *mut c_void, len: size_t, room: size_t, with: c_int) -> ssize_t =>
        |quic| checked_receive(quic, [at(data), len as u64, int(with), 0, 0], room, with);
    c"__recvfrom_chk" fn __recvfrom_chk(socket: c_int, data: *mut c_void, len: size_t, room: size_t, with: c_int, address: *mut sockaddr, address_len: *mut socklen_t) -> ssize_t =>
        |quic| checked_receive(quic, [at(data), len as u64, int(with), at(address), at(address_len)], room, with);
    c"read" fn read(descriptor: c_int, data: *mut c_void, len: size_t) -> ssize_t =>
        |quic| quic.waiting_call(Call::Receive, 0, [at(data), len as u64, READ, 0, 0]);
    c"__read_chk" fn __read_chk(descriptor: c_int, data: *mut c_void, len: size_t, room: size_t) -> ssize_t =>
        |quic| checked_receive(quic, [at(data), len as u64, READ, 0, 0], room, 0);
    c"write" fn write(descriptor: c_int, data: *const c_void, len: size_t) -> ssize_t =>
        |quic| quic.waiting_call(Call::Send, 0, [at(data), len as u64, 0]);
    c"readv" fn readv(descriptor: c_int, parts: *const iovec, count: c_int) -> ssize_t =>
        |quic| quic.waiting_call(Call::Read, 0, [at(parts), int(count)]);
    c"writev" fn writev(descriptor: c_int, parts: *const iovec, count: c_int) -> ssize_t =>
        |quic| quic.waiting_call(Call::Write, 0, [at(parts), int(count)]);
    c"getsockopt" fn getsockopt(socket: c_int, level: c_int, option: c_int, value: *mut c_void, len: *mut socklen_t) -> c_int =>
        |quic| quic.get_option([int(level), int(option), at(value), at(len)]) as isize;
    c"setsockopt" fn setsockopt(socket: c_int, level: c_int, option: c_int, value: *const c_void, len: socklen_t) -> c_int =>
        |quic| quic.call(Call::SetOption, [int(level), int(option), at(value), u64::from(len)]);
    c"getsockname" fn getsockname(socket: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int =>
        |quic| quic.call(Call::OwnName, [at(address), at(len)]);
    c"getpeername" fn getpeername(socket: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int =>
        |quic| quic.call(Call::PeerName, [at(address), at(len)]);
    c"shutdown" fn shutdown(socket: c_int, how: c_int) -> c_int =>
        |quic| quic.call(Call::Shutdown, [int(how)]);
    c"sendmmsg" fn sendmmsg(socket: c_int, messages: *mut mmsghdr, count: c_uint, with: c_int) -> c_int =>
        |quic| send_many(quic, at(messages), count, with) as isize;
}

/// What the fortified functions check before they receive.
fn checked_receive(quic: descriptors::Quic, values: [u64; 5], room: size_t, with: c_int) -> isize {
    if values[1] > room as u64 {
        // SAFETY: it has no conditions, and does not return.
        unsafe { libc::abort() }
    }
    quic.waiting_call(Call::Receive, with, values)
}

/// sendmmsg(): messages until one fails; that is told when it is the first, or by the next call.
fn send_many(quic: descriptors::Quic, messages: u64, count: c_uint, with: c_int) -> c_int {
    many(count, |number| {
        let message = messages.wrapping_add(number.wrapping_mul(size_of::<mmsghdr>() as u64));
        let len = message.wrapping_add(MESSAGE_LEN_AT);
        quic.waiting_call(Call::SendMessage, with, [message, int(with), len])
    })
}

/// How many calls went well before one failed.
fn many(count: c_uint, mut one: impl FnMut(u64) -> isize) -> c_int {
    let before = own::errno();
    let mut done = 0;
    for number in 0..count.min(MESSAGES) {
        if one(u64::from(number)) < 0 {
            if done == 0 {
                return -1;
            }
            own::set_errno(before);
            break;
        }
        done += 1;
    }
    done
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recvmsg(socket: c_int, message: *mut msghdr, with: c_int) -> ssize_t {
    if let Some(quic) = quic(socket) {
        return quic.waiting_call(Call::ReceiveMessage, with, [at(message), int(with), 0]);
    }
    let received = next!(c"recvmsg", (c_int, *mut msghdr, c_int) -> ssize_t, socket, message, with);
    if received >= 0 && home::is_present() {
        // SAFETY: the kernel has written this message.
        unsafe { forget_passed(message) };
    }
    received
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recvmmsg(
    socket: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    with: c_int,
    timeout: *mut timespec,
) -> c_int {
    if let Some(quic) = quic(socket) {
        return many(count, |number| {
            let message =
                at(messages).wrapping_add(number.wrapping_mul(size_of::<mmsghdr>() as u64));
            let len = message.wrapping_add(MESSAGE_LEN_AT);
            // One message is waited for, and what has come with it is taken along.
            let dont_wait = number > 0 && with & libc::MSG_WAITFORONE != 0;
            let with = with | if dont_wait { libc::MSG_DONTWAIT } else { 0 };
            let plain = with & !libc::MSG_WAITFORONE;
            quic.waiting_call(Call::ReceiveMessage, with, [message, int(plain), len])
        });
    }
    let received = next!(
        c"recvmmsg",
        (c_int, *mut mmsghdr, c_uint, c_int, *mut timespec) -> c_int,
        socket,
        messages,
        count,
        with,
        timeout
    );
    for number in 0..usize::try_from(received).unwrap_or(0) {
        let message = messages.wrapping_add(number);
        // SAFETY: the kernel has written so many messages.
        let message = unsafe { &raw mut (*message).msg_hdr };
        if home::is_present() {
            // SAFETY: the kernel has written this message.
            unsafe { forget_passed(message) };
        }
    }
    received
}

/// Forgets what was known of the numbers of descriptors that came with a message.
///
/// # Safety
///
/// recvmsg() has returned this message.
unsafe fn forget_passed(message: *const msghdr) {
    // SAFETY: the caller promised a message, with control messages as the kernel writes them.
    let mut control = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !control.is_null() {
        // SAFETY: it is one of the message's control messages.
        let header = unsafe { ptr::read_unaligned(control) };
        if header.cmsg_level == libc::SOL_SOCKET && header.cmsg_type == libc::SCM_RIGHTS {
            // SAFETY: it is one of the message's control messages.
            let data = unsafe { libc::CMSG_DATA(control) }.cast::<c_int>();
            let bytes = header.cmsg_len.saturating_sub(size_of::<libc::cmsghdr>());
            for number in 0..bytes / size_of::<c_int>() {
                // SAFETY: so many descriptors are in it.
                descriptors::forget(unsafe { data.wrapping_add(number).read_unaligned() });
            }
        }
        // SAFETY: it is one of the message's control messages.
        control = unsafe { libc::CMSG_NXTHDR(message, control) };
    }
}

/// The third value is whatever the request needs, in the register where C passes it.
#[unsafe(no_mangle)]
unsafe extern "C" fn ioctl(descriptor: c_int, request: libc::Ioctl, value: *mut c_char) -> c_int {
    let served = matches!(request, libc::FIONREAD | libc::TIOCOUTQ | SIOCOUTQNSD);
    if let Some(quic) = quic(descriptor).filter(|_| served) {
        return quic.call(Call::Ioctl, [request, at(value)]) as c_int;
    }
    next!(
        c"ioctl",
        (c_int, libc::Ioctl, *mut c_char) -> c_int,
        descriptor,
        request,
        value
    )
}

/// The protocol number of QUIC sockets.
const IPPROTO_QUIC: c_int = 261;
/// The bits of socket()'s second value that are a type.
const SOCK_TYPE_MASK: c_int = 0xf;
/// ioctl: bytes written and not sent.
const SIOCOUTQNSD: libc::Ioctl = 0x894b;
/// read() has no flags.
const READ: u64 = 0;
/// Where `struct mmsghdr` has the number of bytes.
const MESSAGE_LEN_AT: u64 = core::mem::offset_of!(mmsghdr, msg_len) as u64;
/// Messages of one call, at most (UIO_MAXIOV).
const MESSAGES: c_uint = 1024;
