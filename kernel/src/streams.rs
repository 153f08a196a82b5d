//! Calls on the descriptors of streams: a connection's cell, a stream's number and memory of the shim in, errno values out.
#![expect(unsafe_code, reason = "the shim is C")]

use core::ffi::c_int;

use inquic_socket::sock::Stop;
use inquic_socket::{Errno, Sock};
use inquic_uapi::flags::MSG_PEEK;
use inquic_wire::StreamId;

use crate::calls::{bytes, bytes_mut, socket};
use crate::clock;
use crate::connection::Cause;
use crate::errno::{code, code_or_wait};
use crate::ffi;

/// The stream of a descriptor; none before it has one.
fn named(stream: i64) -> Option<StreamId> {
    u64::try_from(stream).ok().and_then(StreamId::from_u64)
}

/// The bytes that read() gives next, at most; 0 as well where it says something else.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_stream_look(cell: *mut ffi::Cell, stream: i64) -> c_int {
    // SAFETY: the shim's cell.
    let socket = unsafe { socket(cell) };
    let there = named(stream).map(|id| socket.lock().sock.bytes_to_stream_read(id));
    code(Ok(there.unwrap_or(0)))
}

/// read(): 0 at the stream's end.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_stream_read(
    cell: *mut ffi::Cell,
    stream: i64,
    data: *mut u8,
    len: usize,
    flags: u32,
) -> c_int {
    // SAFETY: the shim's cell and memory.
    let (socket, data) = unsafe { (socket(cell), bytes_mut(data, len)) };
    let Some(id) = named(stream) else {
        return code(Err(Errno::EINVAL));
    };
    let mut held = socket.lock();
    let now = clock::now();
    let read = if flags & MSG_PEEK != 0 {
        held.sock.stream_peek(id, data)
    } else {
        held.sock.stream_read(now, id, data)
    };
    held.settle(&socket, now, Cause::Call);
    code_or_wait(read)
}

/// write(): the bytes that were taken; `pipe` is set where EPIPE brings a signal.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_stream_write(
    cell: *mut ffi::Cell,
    stream: i64,
    data: *const u8,
    len: usize,
    pipe: *mut u32,
) -> c_int {
    // SAFETY: the shim's cell and memory.
    let (socket, data) = unsafe { (socket(cell), bytes(data, len)) };
    let Some(id) = named(stream) else {
        return code(Err(Errno::EINVAL));
    };
    let mut held = socket.lock();
    let written = held.sock.stream_write(id, data);
    held.settle(&socket, clock::now(), Cause::Call);
    if matches!(written, Err(Stop::Pipe)) {
        // SAFETY: there is room for a number.
        unsafe { *pipe = 1 };
    }
    code_or_wait(written)
}

/// The mask of poll(2).
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_stream_poll(cell: *mut ffi::Cell, stream: i64) -> u32 {
    // SAFETY: the shim's cell.
    let socket = unsafe { socket(cell) };
    named(stream).map_or(0, |id| socket.lock().sock.stream_poll(id))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_stream_shutdown(
    cell: *mut ffi::Cell,
    stream: i64,
    how: c_int,
) -> c_int {
    // SAFETY: the shim's cell.
    let socket = unsafe { socket(cell) };
    let Some(id) = named(stream) else {
        return code(Err(Errno::EINVAL));
    };
    let mut held = socket.lock();
    let done = held.sock.stream_shutdown(id, how);
    held.settle(&socket, clock::now(), Cause::Call);
    code(done.map(|()| 0))
}

/// close() of the stream's last descriptor.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_stream_close(cell: *mut ffi::Cell, stream: i64) {
    // SAFETY: the shim's cell.
    let socket = unsafe { socket(cell) };
    let Some(id) = named(stream) else {
        return;
    };
    let mut held = socket.lock();
    held.sock.stream_close(id);
    held.settle(&socket, clock::now(), Cause::Call);
}

/// The value of getsockopt(STREAM_DESCRIPTOR): its length.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_stream_value(
    stream: i64,
    descriptor: c_int,
    out: *mut u8,
    len: usize,
) -> c_int {
    // SAFETY: the shim's memory.
    let out = unsafe { bytes_mut(out, len) };
    let written = named(stream).map(|id| Sock::write_descriptor(id, descriptor, out));
    code(written.ok_or(Errno::EINVAL))
}
