//! What /proc/net/quic says: a socket in; its addresses, queues and counters out. It changes nothing but what was counted already.
#![expect(unsafe_code, reason = "the shim is C")]

use core::ffi::c_int;
use core::net::SocketAddr;

use inquic_engine::{CloseReason, Drop, Stats};
use inquic_platform::Duration;
use inquic_socket::Sock;
use inquic_socket::sock::address::any;
use inquic_uapi::socket::{
    AF_INET, SIOCINQ, SIOCOUTQNSD, SO_RCVBUF, SO_SNDBUF, SOCK_STREAM, SOL_SOCKET,
};

use crate::calls::socket;
use crate::connection::Connection;
use crate::ffi::{self, Shown};
use crate::net::Net;

/// The numbers of `snmp`, in its order. What a name of the reference stands for that we do not have stays zero: nothing waits in a
/// backlog here.
#[derive(Clone, Copy)]
enum Counter {
    CurrentEstabs = 0,
    PassiveEstabs = 1,
    ActiveEstabs = 2,
    RcvFastpaths = 3,
    DecFastpaths = 4,
    EncFastpaths = 5,
    InvHdrDrop = 9,
    InvNumDrop = 10,
    RcvDrop = 12,
    DecDrop = 13,
    Retrans = 16,
    OutCloses = 17,
    InCloses = 18,
}

/// How many numbers there are.
const COUNTERS: usize = 19;

/// Counts a datagram that was no connection's.
pub(crate) fn count_drop(net: Net, reason: Drop) {
    // SAFETY: whoever has the namespace has a socket in it.
    unsafe { ffi::inquic_count(net.0, counter_of(reason) as u32, 1) }
}

/// Counts a connection that is gone, once and for all.
pub(crate) fn count_gone(net: Net, sock: &Sock) {
    let mut numbers = [0; COUNTERS];
    add(sock, &mut numbers);
    for (counter, &number) in (0..).zip(&numbers) {
        if number > 0 && counter != Counter::CurrentEstabs as u32 {
            // SAFETY: as above.
            unsafe { ffi::inquic_count(net.0, counter, number) }
        }
    }
}

/// Adds the numbers of a connection.
fn add(sock: &Sock, numbers: &mut [u64; COUNTERS]) {
    let Some(stats) = sock.stats() else {
        return;
    };
    let mut put = |counter: Counter, number: u64| {
        if let Some(sum) = numbers.get_mut(counter as usize) {
            *sum = sum.saturating_add(number);
        }
    };
    if stats.handshake > Duration::ZERO {
        let kind = match sock.came_to() {
            Some(_) => Counter::PassiveEstabs,
            None => Counter::ActiveEstabs,
        };
        put(kind, 1);
        put(Counter::CurrentEstabs, u64::from(!sock.is_over()));
    }
    put(Counter::RcvFastpaths, stats.packets_received);
    put(Counter::DecFastpaths, stats.packets_received);
    put(Counter::EncFastpaths, stats.packets_sent);
    put(Counter::Retrans, stats.packets_lost);
    for (reason, number) in stats.drops.counted() {
        put(counter_of(reason), number.into());
    }
    match sock.close_reason() {
        Some(CloseReason::Application { .. } | CloseReason::Transport(_)) => {
            put(Counter::OutCloses, 1);
        }
        Some(CloseReason::PeerApplication { .. } | CloseReason::PeerTransport { .. }) => {
            put(Counter::InCloses, 1);
        }
        _ => {}
    }
}

const fn counter_of(reason: Drop) -> Counter {
    match reason {
        Drop::Header
        | Drop::UnknownVersion
        | Drop::ShortInitial
        | Drop::MixedIds
        | Drop::Unexpected => Counter::InvHdrDrop,
        Drop::Duplicate => Counter::InvNumDrop,
        Drop::Authentication | Drop::NoKeys | Drop::KeysDiscarded => Counter::DecDrop,
        _ => Counter::RcvDrop,
    }
}

/// Adds the numbers of a connection that is not gone.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_count(cell: *mut ffi::Cell, numbers: *mut u64) {
    // SAFETY: the shim's cell.
    let socket = unsafe { socket(cell) };
    let held = socket.lock();
    if !held.is_counted() {
        // SAFETY: the shim has room for all of them.
        add(&held.sock, unsafe { &mut *numbers.cast() });
    }
}

/// What is listed of a socket.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_sock_show(cell: *mut ffi::Cell, out: *mut Shown) {
    // SAFETY: the shim's cell.
    let socket = unsafe { socket(cell) };
    let mut held = socket.lock();
    let shown = shown(&mut held);
    // SAFETY: there is room for it.
    unsafe { out.write(shown) };
}

fn shown(held: &mut Connection) -> Shown {
    let family = held.sock.family();
    let udp = held.bound();
    let address = |address: Option<SocketAddr>| address.unwrap_or(any(family)).into();
    let sock = &mut held.sock;
    let stats = sock.stats();
    let number = |value: Result<i32, _>| value.map_or(0, |value: i32| value.unsigned_abs());
    let state = match &stats {
        None if sock.is_listening() => TCP_LISTEN,
        Some(_) if sock.is_over() => TCP_CLOSE,
        Some(Stats { handshake, .. }) if *handshake > Duration::ZERO => TCP_ESTABLISHED,
        Some(_) => TCP_SYN_RECV,
        None => TCP_CLOSE,
    };
    let local = match (sock.local_address(), udp) {
        (None, None) => ffi::Address([0; 28]),
        (local, _) => address(local),
    };
    Shown {
        connection: u32::from(stats.is_some()),
        state,
        local,
        remote: address(sock.peer_address().ok()),
        udp: address(udp),
        mss: stats.map_or(0, |stats| {
            u32::try_from(stats.datagram_size).unwrap_or(u32::MAX)
        }),
        window: stats.map_or(0, |stats| stats.congestion_window),
        in_flight: stats.map_or(0, |stats| stats.bytes_in_flight),
        unsent: number(sock.ioctl(SIOCOUTQNSD)),
        unread: number(sock.ioctl(SIOCINQ)),
        sndbuf: buffer(sock, SO_SNDBUF),
        rcvbuf: buffer(sock, SO_RCVBUF),
    }
}

/// SO_SNDBUF or SO_RCVBUF.
pub(crate) fn buffer(sock: &mut Sock, name: c_int) -> c_int {
    let mut number = [0; 4];
    // Both are always there.
    let _ = sock.getsockopt(SOL_SOCKET, name, &[], &mut number);
    c_int::from_ne_bytes(number)
}

/// What buffers a new socket has.
#[unsafe(no_mangle)]
unsafe extern "C" fn inquic_defaults(send: *mut c_int, receive: *mut c_int) {
    let Ok(mut sock) = Sock::new(AF_INET, SOCK_STREAM) else {
        return;
    };
    // SAFETY: there is room for a number.
    unsafe { *send = buffer(&mut sock, SO_SNDBUF) };
    // SAFETY: as above.
    unsafe { *receive = buffer(&mut sock, SO_RCVBUF) };
}

const TCP_ESTABLISHED: u32 = 1;
const TCP_SYN_RECV: u32 = 3;
const TCP_CLOSE: u32 = 7;
const TCP_LISTEN: u32 = 10;
