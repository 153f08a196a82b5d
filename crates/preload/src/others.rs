//! Calls on descriptors that can make a number mean something else, and those that move data between descriptors in the kernel,
//! where a QUIC socket's data is not.
#![expect(
    unsafe_code,
    reason = "these functions have the C library's names and types, and hand the program's addresses on to it"
)]

use core::ffi::{c_int, c_uint};

use inquic_calls::Call;
use libc::{iovec, off_t, off64_t, size_t, ssize_t};

use crate::calls::{at, int, next, replaced};
use crate::descriptors::{self, quic};
use crate::next::Next;
use crate::quic::failed;

#[unsafe(no_mangle)]
unsafe extern "C" fn dup(descriptor: c_int) -> c_int {
    forgotten(next!(c"dup", (c_int) -> c_int, descriptor))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dup2(descriptor: c_int, number: c_int) -> c_int {
    forgotten(next!(c"dup2", (c_int, c_int) -> c_int, descriptor, number))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dup3(descriptor: c_int, number: c_int, flags: c_int) -> c_int {
    forgotten(next!(c"dup3", (c_int, c_int, c_int) -> c_int, descriptor, number, flags))
}

/// The third value is whatever the command needs, in the register where C passes it.
#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl(descriptor: c_int, command: c_int, value: usize) -> c_int {
    let result = next!(c"fcntl", (c_int, c_int, usize) -> c_int, descriptor, command, value);
    copied(command, result)
}

/// As [`fcntl`].
#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl64(descriptor: c_int, command: c_int, value: usize) -> c_int {
    let result = next!(c"fcntl64", (c_int, c_int, usize) -> c_int, descriptor, command, value);
    copied(command, result)
}

fn copied(command: c_int, result: c_int) -> c_int {
    if command == libc::F_DUPFD || command == libc::F_DUPFD_CLOEXEC {
        forgotten(result)
    } else {
        result
    }
}

fn forgotten(number: c_int) -> c_int {
    descriptors::forget(number);
    number
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sendfile(to: c_int, from: c_int, offset: *mut off_t, len: size_t) -> ssize_t {
    if quic(to).is_some() || quic(from).is_some() {
        return failed(libc::EINVAL);
    }
    next!(c"sendfile", (c_int, c_int, *mut off_t, size_t) -> ssize_t, to, from, offset, len)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sendfile64(
    to: c_int,
    from: c_int,
    offset: *mut off64_t,
    len: size_t,
) -> ssize_t {
    if quic(to).is_some() || quic(from).is_some() {
        return failed(libc::EINVAL);
    }
    next!(c"sendfile64", (c_int, c_int, *mut off64_t, size_t) -> ssize_t, to, from, offset, len)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn splice(
    from: c_int,
    from_offset: *mut off64_t,
    to: c_int,
    to_offset: *mut off64_t,
    len: size_t,
    flags: c_uint,
) -> ssize_t {
    if quic(from).is_some() || quic(to).is_some() {
        return failed(libc::EINVAL);
    }
    next!(
        c"splice",
        (c_int, *mut off64_t, c_int, *mut off64_t, size_t, c_uint) -> ssize_t,
        from,
        from_offset,
        to,
        to_offset,
        len,
        flags
    )
}

replaced! {
    c"preadv2" fn preadv2(descriptor: c_int, parts: *const iovec, count: c_int, offset: off_t, flags: c_int) -> ssize_t =>
        |quic| moved(quic, Call::Read, at(parts), count, offset, flags);
    c"pwritev2" fn pwritev2(descriptor: c_int, parts: *const iovec, count: c_int, offset: off_t, flags: c_int) -> ssize_t =>
        |quic| moved(quic, Call::Write, at(parts), count, offset, flags);
    c"preadv64v2" fn preadv64v2(descriptor: c_int, parts: *const iovec, count: c_int, offset: off64_t, flags: c_int) -> ssize_t =>
        |quic| moved(quic, Call::Read, at(parts), count, offset, flags);
    c"pwritev64v2" fn pwritev64v2(descriptor: c_int, parts: *const iovec, count: c_int, offset: off64_t, flags: c_int) -> ssize_t =>
        |quic| moved(quic, Call::Write, at(parts), count, offset, flags);
}

/// readv() and writev() by another name: without a place, a socket has none.
fn moved(
    quic: descriptors::Quic,
    call: Call,
    parts: u64,
    count: c_int,
    offset: off64_t,
    flags: c_int,
) -> isize {
    if offset != -1 {
        return failed(libc::ESPIPE);
    }
    let dont_wait = match flags {
        0 => 0,
        libc::RWF_NOWAIT => libc::MSG_DONTWAIT,
        _ => return failed(libc::EOPNOTSUPP),
    };
    quic.waiting_call(call, dont_wait, [parts, int(count)])
}
