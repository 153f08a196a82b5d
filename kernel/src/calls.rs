//! Socket calls, as the shim makes them: raw memory in, errno values out. Every pointer of the shim becomes a slice here and nowhere else.
#![expect(unsafe_code, reason = "the shim is C")]

use core::ffi::c_int;
use core::{ptr, slice};

use inquic_socket::sock::{Got, Part, Set, Stop, address};
use inquic_socket::{Errno, Sock};
use inquic_uapi::socket::{SO_RCVBUF, SO_SNDBUF};
use inquic_wire::StreamId;

use crate::bounds;
use crate::cell::{self, Shared};
use crate::clock;
use crate::connection::{Cause, Connection};
use crate::errno::{BLOCKED, LONGER, code, code_or_wait};
use crate::ffi;
use crate::listed::buffer;
use crate::net::Net;

/// The socket in a cell of the shim's.
///
/// # Safety
///
/// The cell was made by [`inquic_sock_new`] or given by [`inquic_sock_accept`], and the caller holds it.
pub(crate) unsafe fn socket(cell: *mut ffi::Cell) -> Shared<Connection> {
    // SAFETY: as the caller promises.
    unsafe { cell::of(cell) }
}

/// Memory of the shim that is read; none at all may be at no address.
///
/// # Safety
///
/// There are `len` bytes at `data` until the call returns.
pub(crate) unsafe fn bytes<'a>(data: *const u8, len: usize) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: as the caller promises.
    unsafe { slice::from_raw_parts(data, len) }
}

/// As [`bytes`], of memory that is written.
///
/// # Safety
///
/// As [`bytes`], and nobody else uses them.
pub(crate) unsafe fn bytes_mut<'a>(data: *mut u8, len: usize) -> &'a mut [u8] {
    if len == 0 {
        return &mut [];
    }
    // SAFETY: as the caller promises.
    unsafe { slice::from_raw_parts_mut(data, len) }
}

/// socket(): a cell, or an error as a pointer.
#[unsafe(no_mangle)]
extern "C" fn inquic_sock_new(net: *mut ffi::Net, family: u16, kind: c_int) -> *mut ffi::Cell {
    let made = Sock::new(family, kind).and_then(|mut sock| {
        sock.bound(bounds::of_program());
        Shared::new(net, Connection::new(sock, Net(net)))
    });
    match made {
        Ok(socket) => socket.into_raw(),
        Err(errno) => (-(errno as isize)) as *mut ffi::Cell,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_close(cell: *mut ffi::Cell, linger: u32) {
    // SAFETY: the shim's cell.
    Connection::close(&unsafe { socket(cell) }, (linger > 0).then_some(linger));
}

/// Whether nothing that was written before close() is on its way any more: 0, or it is to be asked again.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_over(cell: *mut ffi::Cell) -> c_int {
    // SAFETY: the shim's cell.
    if unsafe { socket(cell) }.lock().sock.is_over() {
        0
    } else {
        BLOCKED
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_bind(
    cell: *mut ffi::Cell,
    address: *const u8,
    len: usize,
) -> c_int {
    // SAFETY: the shim's cell and memory.
    let (socket, address) = unsafe { (socket(cell), bytes(address, len)) };
    let mut held = socket.lock();
    let bound = held.sock.bind(address);
    code(
        bound
            .and_then(|local| held.bind(&socket, local))
            .map(|()| 0),
    )
}

#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_connect(
    cell: *mut ffi::Cell,
    address: *const u8,
    len: usize,
) -> c_int {
    // SAFETY: the shim's cell and memory.
    let (socket, address) = unsafe { (socket(cell), bytes(address, len)) };
    let mut held = socket.lock();
    let connected = held.connect(&socket, address);
    held.settle(&socket, clock::now(), Cause::Call);
    code(connected.map(|()| 0))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_listen(cell: *mut ffi::Cell, backlog: c_int) -> c_int {
    // SAFETY: the shim's cell.
    let socket = unsafe { socket(cell) };
    let done = socket.lock().listen(&socket, backlog);
    if done.is_ok() && backlog == 0 {
        Connection::close_waiting(&socket);
        // Whoever waits for a client waits for nothing.
        socket.wake(0);
    }
    code(done.map(|()| 0))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_accept(cell: *mut ffi::Cell, out: *mut *mut ffi::Cell) -> c_int {
    // SAFETY: the shim's cell.
    let accepted = unsafe { socket(cell) }.lock().accept();
    code_or_wait(accepted.map(|connection| {
        // SAFETY: there is room for a pointer.
        unsafe { *out = connection.into_raw() };
        0
    }))
}

/// getsockname() and getpeername(): the length of the address.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_name(
    cell: *mut ffi::Cell,
    peer: c_int,
    out: *mut u8,
    len: usize,
) -> c_int {
    // SAFETY: the shim's cell and memory.
    let (socket, out) = unsafe { (socket(cell), bytes_mut(out, len)) };
    let held = socket.lock();
    let name = if peer == 0 {
        Ok(held.sock.local_address())
    } else {
        held.sock.peer_address().map(Some)
    };
    code(name.map(|name| match name {
        Some(name) => address::write(name, out),
        None => address::write(address::any(held.sock.family()), out),
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_poll(cell: *mut ffi::Cell) -> u32 {
    // SAFETY: the shim's cell.
    unsafe { socket(cell) }.lock().poll()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_ioctl(
    cell: *mut ffi::Cell,
    request: u32,
    value: *mut c_int,
) -> c_int {
    // SAFETY: the shim's cell.
    let answer = unsafe { socket(cell) }.lock().sock.ioctl(request);
    code(answer.map(|answer| {
        // SAFETY: there is room for a number.
        unsafe { *value = answer };
        0
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_shutdown(cell: *mut ffi::Cell, how: c_int) -> c_int {
    // SAFETY: the shim's cell.
    let socket = unsafe { socket(cell) };
    let mut held = socket.lock();
    let done = held.sock.shutdown(clock::now(), how);
    held.settle(&socket, clock::now(), Cause::Network);
    code(done.map(|()| 0))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_setsockopt(
    cell: *mut ffi::Cell,
    level: c_int,
    name: c_int,
    value: *const u8,
    len: usize,
) -> c_int {
    // SAFETY: the shim's cell and memory.
    let (socket, value) = unsafe { (socket(cell), bytes(value, len)) };
    let mut held = socket.lock();
    let now = clock::now();
    held.sock.bound(bounds::of_program());
    let set = match held.sock.setsockopt(now, level, name, value) {
        Ok(Set::Done) => 0,
        Ok(Set::Receive(address)) => code(held.receive_at(&socket, now, address).map(|()| 0)),
        // The kernel names errors of its own.
        Ok(Set::Pass) => {
            let leads = held.leads();
            match held.udp(&socket) {
                Ok(udp) => udp.set_option(leads, level, name, value),
                Err(errno) => code(Err(errno)),
            }
        }
        Err(errno) => code(Err(errno)),
    };
    held.settle(&socket, now, Cause::Call);
    set
}

/// Whether what is set on the socket below holds for UDP, too.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_leads(cell: *mut ffi::Cell) -> bool {
    // SAFETY: the shim's cell.
    unsafe { socket(cell) }.lock().leads()
}

/// What was set on the socket below holds for UDP, too.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_follow(cell: *mut ffi::Cell) {
    // SAFETY: the shim's cell.
    let socket = unsafe { socket(cell) };
    socket.lock().follow(&socket);
}

/// The UDP socket, held for the shim; or an error as a pointer.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_udp(cell: *mut ffi::Cell) -> *mut ffi::Sock {
    // SAFETY: the shim's cell.
    let socket = unsafe { socket(cell) };
    let mut held = socket.lock();
    match held.udp(&socket) {
        Ok(udp) => udp.hold(),
        Err(errno) => (-(errno as isize)) as *mut ffi::Sock,
    }
}

/// SO_SNDBUF and SO_RCVBUF as they are.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_buffers(
    cell: *mut ffi::Cell,
    send: *mut c_int,
    receive: *mut c_int,
) {
    // SAFETY: the shim's cell.
    let socket = unsafe { socket(cell) };
    let mut held = socket.lock();
    // SAFETY: there is room for a number.
    unsafe { *send = buffer(&mut held.sock, SO_SNDBUF) };
    // SAFETY: as above.
    unsafe { *receive = buffer(&mut held.sock, SO_RCVBUF) };
}

/// The errno of the connection's end, if it has ended and nobody was told.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_error(cell: *mut ffi::Cell) -> c_int {
    // SAFETY: the shim's cell.
    unsafe { socket(cell) }.lock().take_error()
}

/// getsockopt(): the length of the value. `out` is as long as `value`. Of a stream that is to get a descriptor, its number.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_getsockopt(
    cell: *mut ffi::Cell,
    level: c_int,
    name: c_int,
    value: *const u8,
    len: usize,
    out: *mut u8,
    stream: *mut i64,
) -> c_int {
    // SAFETY: the shim's cell and memory.
    let (socket, value, out) = unsafe { (socket(cell), bytes(value, len), bytes_mut(out, len)) };
    let mut held = socket.lock();
    let got = held.sock.getsockopt(level, name, value, out);
    held.settle(&socket, clock::now(), Cause::Call);
    code_or_wait(got.and_then(|got| match got {
        Got::Bytes(bytes) => Ok(bytes),
        Got::Stream(id) => {
            // SAFETY: there is room for a number.
            unsafe { *stream = i64::try_from(id.to_u64()).unwrap_or(-1) };
            Ok(0)
        }
        Got::Pass => Err(Stop::Failed(Errno::ENOPROTOOPT)),
    }))
}

/// One part of sendmsg(): the bytes that were taken.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_send(cell: *mut ffi::Cell, sending: *mut ffi::Sending) -> c_int {
    // SAFETY: the shim's cell and memory.
    let (socket, sending) = unsafe { (socket(cell), &mut *sending) };
    // SAFETY: as above.
    let data = unsafe { bytes(sending.data, sending.len) };
    // SAFETY: as above.
    let control = unsafe { bytes(sending.control, sending.control_len) };
    let mut held = socket.lock();
    let now = clock::now();
    let before = u64::try_from(sending.stream).ok();
    let part = Part {
        stream: before
            .and_then(|number| number.checked_sub(1))
            .and_then(StreamId::from_u64),
        more: sending.more != 0,
    };
    let sent = held.sock.send_part(now, control, sending.flags, part, data);
    held.settle(&socket, now, Cause::Call);
    match &sent {
        Ok(sent) => {
            sending.stream = match sent.stream {
                Some(stream) => i64::try_from(stream.to_u64()).map_or(-1, |stream| stream + 1),
                None => -1,
            };
        }
        Err(stop) => {
            sending.blocked = stop.errno() as u32;
            sending.pipe = u32::from(matches!(stop, Stop::Pipe));
        }
    }
    code_or_wait(sent.map(|sent| sent.bytes))
}

/// How a connection's datagrams come, for who waits for one: the port's cell, held for the shim, and a connection id; null if none came.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_way(cell: *mut ffi::Cell, id: *mut u64) -> *mut ffi::Cell {
    // SAFETY: the shim's cell.
    let way = unsafe { socket(cell) }.lock().way();
    way.map_or(ptr::null_mut(), |(port, number)| {
        // SAFETY: there is room for a number.
        unsafe { *id = number };
        port.into_raw()
    })
}

/// The bytes that recvmsg() gives next, at most; 0 as well where it says something else.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_look(cell: *mut ffi::Cell, flags: u32) -> c_int {
    // SAFETY: the shim's cell.
    let socket = unsafe { socket(cell) };
    let there = socket.lock().sock.bytes_to_receive(flags);
    code_or_wait(there)
}

/// recvmsg(): the bytes that were given. What came after the look may be an event or a datagram that would be cut.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_receive(
    cell: *mut ffi::Cell,
    receiving: *mut ffi::Receiving,
) -> c_int {
    // SAFETY: the shim's cell and memory.
    let (socket, receiving) = unsafe { (socket(cell), &mut *receiving) };
    // SAFETY: as above.
    let data = unsafe { bytes_mut(receiving.data, receiving.len) };
    // SAFETY: as above.
    let control = unsafe { bytes_mut(receiving.control, receiving.control_len) };
    let mut held = socket.lock();
    let now = clock::now();
    if receiving.room > receiving.len && held.sock.message_to_receive() > receiving.len {
        return LONGER;
    }
    let got = held.sock.recvmsg(now, receiving.flags, data, control);
    held.settle(&socket, now, Cause::Call);
    code_or_wait(got.map(|message| {
        receiving.flags = message.flags;
        receiving.control_len = message.control;
        message.bytes
    }))
}
