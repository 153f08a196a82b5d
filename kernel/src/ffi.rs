//! What the C shim offers, as `shim/shim.h` declares it.
#![expect(unsafe_code, reason = "the shim is C")]

use core::ffi::{c_int, c_void};

/// A piece of memory that is only read.
#[repr(C)]
pub(crate) struct Bytes {
    pub(crate) data: *const u8,
    pub(crate) len: usize,
}

/// A packet in one piece of memory: header, payload, 16 bytes of tag. The payload's last bytes may be at `tail`.
#[repr(C)]
pub(crate) struct Packet {
    pub(crate) data: *mut u8,
    pub(crate) header: u32,
    pub(crate) payload: u32,
    pub(crate) tail: *const u8,
    pub(crate) tail_len: u32,
    pub(crate) nonce: [u8; 12],
}

/// An address as the system's calls have it: `sockaddr_in` or `sockaddr_in6`.
#[repr(C, align(4))]
#[derive(Clone, Copy)]
pub(crate) struct Address(pub(crate) [u8; 28]);

/// A train of datagrams: from where or to where, bytes of each but the last, the ECN bits of all.
#[repr(C)]
pub(crate) struct Datagrams {
    pub(crate) local: Address,
    pub(crate) remote: Address,
    pub(crate) segment: u32,
    pub(crate) ecn: u32,
}

/// A call of sendmsg, part by part.
#[repr(C)]
pub(crate) struct Sending {
    pub(crate) data: *const u8,
    pub(crate) len: usize,
    pub(crate) control: *const u8,
    pub(crate) control_len: usize,
    pub(crate) flags: u32,
    pub(crate) more: u32,
    pub(crate) stream: i64,
    pub(crate) blocked: u32,
    pub(crate) pipe: u32,
}

/// A call of recvmsg.
#[repr(C)]
pub(crate) struct Receiving {
    pub(crate) data: *mut u8,
    pub(crate) len: usize,
    pub(crate) room: usize,
    pub(crate) control: *mut u8,
    pub(crate) control_len: usize,
    pub(crate) flags: u32,
}

/// What is listed of a socket.
#[repr(C)]
pub(crate) struct Shown {
    pub(crate) connection: u32,
    pub(crate) state: u32,
    pub(crate) local: Address,
    pub(crate) remote: Address,
    pub(crate) udp: Address,
    pub(crate) mss: u32,
    pub(crate) window: u64,
    pub(crate) in_flight: u64,
    pub(crate) unsent: u32,
    pub(crate) unread: u32,
    pub(crate) sndbuf: i32,
    pub(crate) rcvbuf: i32,
}

/// A cell of the shim.
#[repr(C)]
pub(crate) struct Cell([u8; 0]);

/// A network namespace.
#[repr(C)]
pub(crate) struct Net([u8; 0]);

/// A UDP socket.
#[repr(C)]
pub(crate) struct Udp([u8; 0]);

/// What is below a socket, for the kernel's own calls.
#[repr(C)]
pub(crate) struct Sock([u8; 0]);

unsafe extern "C" {
    pub(crate) fn inquic_cell_new(
        net: *mut Net,
        rust: *mut c_void,
        run: unsafe extern "C" fn(*mut Cell, *mut c_void),
        drop: unsafe extern "C" fn(*mut c_void),
    ) -> *mut Cell;
    pub(crate) fn inquic_cell_value(cell: *mut Cell) -> *mut c_void;
    pub(crate) fn inquic_cell_get(cell: *mut Cell);
    pub(crate) fn inquic_cell_put(cell: *mut Cell);
    pub(crate) fn inquic_cell_lock(cell: *mut Cell);
    pub(crate) fn inquic_cell_unlock(cell: *mut Cell);
    pub(crate) fn inquic_cell_kick(cell: *mut Cell);
    pub(crate) fn inquic_cell_arm(cell: *mut Cell, deadline: u64);
    pub(crate) fn inquic_cell_attached(cell: *mut Cell) -> bool;
    pub(crate) fn inquic_cell_wake(cell: *mut Cell, error: c_int);
    pub(crate) fn inquic_cell_charge(cell: *mut Cell, receive: c_int, send: c_int);
    pub(crate) fn inquic_cell_try_get(cell: *mut Cell) -> bool;
    pub(crate) fn inquic_cell_device(cell: *mut Cell) -> c_int;
    pub(crate) fn inquic_binding_lock();
    pub(crate) fn inquic_binding_unlock();
    pub(crate) fn inquic_going_wait();
    pub(crate) fn inquic_ports_lock();
    pub(crate) fn inquic_ports_unlock();
    pub(crate) fn inquic_caller() -> u32;
    pub(crate) fn inquic_now() -> u64;

    pub(crate) fn inquic_udp_new(
        net: *mut Net,
        family: c_int,
        cell: *mut Cell,
        out: *mut *mut Udp,
    ) -> c_int;
    pub(crate) fn inquic_udp_bind(udp: *mut Udp, address: *const Address) -> c_int;
    pub(crate) fn inquic_udp_reach(udp: *mut Udp, address: *const Address) -> c_int;
    pub(crate) fn inquic_udp_follow(udp: *mut Udp, cell: *mut Cell);
    pub(crate) fn inquic_udp_setsockopt(
        udp: *mut Udp,
        maker: bool,
        level: c_int,
        name: c_int,
        value: *const u8,
        len: usize,
    ) -> c_int;
    pub(crate) fn inquic_udp_hold(udp: *mut Udp) -> *mut Sock;
    pub(crate) fn inquic_udp_detach(udp: *mut Udp);
    pub(crate) fn inquic_udp_attach(udp: *mut Udp, cell: *mut Cell);
    pub(crate) fn inquic_udp_free(udp: *mut Udp);
    pub(crate) fn inquic_udp_name(udp: *mut Udp, address: *mut Address) -> c_int;
    pub(crate) fn inquic_udp_waits(udp: *mut Udp) -> bool;
    pub(crate) fn inquic_udp_receive(
        udp: *mut Udp,
        buffer: *mut u8,
        len: usize,
        datagrams: *mut Datagrams,
    ) -> c_int;
    pub(crate) fn inquic_udp_send(
        udp: *mut Udp,
        buffer: *const u8,
        len: usize,
        datagrams: *const Datagrams,
    ) -> c_int;

    pub(crate) fn inquic_buffer_get(len: usize) -> *mut u8;
    pub(crate) fn inquic_buffer_put(buffer: *mut u8, len: usize);
    pub(crate) fn inquic_buffer_renew(buffer: *mut u8) -> *mut u8;
    pub(crate) fn inquic_alloc(size: usize, align: usize) -> *mut u8;
    pub(crate) fn inquic_free(memory: *mut u8, size: usize);
    pub(crate) fn inquic_memory_full() -> bool;
    pub(crate) fn inquic_memory_short() -> bool;
    pub(crate) fn inquic_buffers_most(send: *mut c_int, receive: *mut c_int);
    pub(crate) fn inquic_count(net: *mut Net, counter: u32, number: u64);
    pub(crate) fn inquic_net_get(net: *mut Net) -> bool;
    pub(crate) fn inquic_net_put(net: *mut Net);
    pub(crate) fn inquic_random(out: *mut u8, len: usize);
    pub(crate) fn inquic_bug(text: *const u8, len: usize) -> !;
    pub(crate) fn inquic_say(text: *const u8, len: usize);

    pub(crate) fn inquic_hmac(
        suite: u32,
        key: *const u8,
        key_len: usize,
        parts: *const Bytes,
        count: usize,
        out: *mut u8,
    ) -> c_int;
    pub(crate) fn inquic_aead_new(suite: u32, key: *const u8, len: usize) -> *mut c_void;
    pub(crate) fn inquic_aead_free(key: *mut c_void);
    pub(crate) fn inquic_aead_seal(key: *mut c_void, packet: *const Packet) -> c_int;
    pub(crate) fn inquic_aead_open(key: *mut c_void, packet: *const Packet) -> c_int;
    pub(crate) fn inquic_mask_new(suite: u32, key: *const u8, len: usize) -> *mut c_void;
    pub(crate) fn inquic_mask_free(key: *mut c_void);
    pub(crate) fn inquic_masks(
        key: *mut c_void,
        samples: *const u8,
        masks: *mut u8,
        count: usize,
    ) -> c_int;
}
