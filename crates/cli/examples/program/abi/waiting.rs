//! What waits and what does not: blocking calls, their times and signals, poll and epoll, copies of descriptors and other processes.

use std::os::fd::IntoRawFd as _;
use std::time::Duration;

use inquic_uapi::flags::{
    MSG_WAITALL, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM,
};
use inquic_uapi::option::QUIC_SOCKOPT_TRANSPORT_PARAM;
use inquic_uapi::socket::{SO_RCVTIMEO, SO_SNDTIMEO, SOL_SOCKET};
use inquic_uapi::structs::TransportParam;
use libc::{EAGAIN, EBADF, EINTR, ENOTCONN, ENOTSOCK};

use super::pair::{
    DONTWAIT, Ends, FIN, NEW, bytes, connect, level, next, send, send_on, set, socket, there,
};
use super::process::{self, PATIENCE, count, counted, now, tell_of_signals, until, until_not};
use super::raw::{at, of, receive};
use super::{Check, check, raw};
use crate::sys::{self, Fd};

pub(super) const CHECKS: &[Check] = &[
    check!(
        poll_tells_of_each_state,
        "POLLIN POLLOUT POLLERR POLLHUP POLLRDHUP POLLRDNORM POLLWRNORM"
    ),
    check!(poll_tells_that_there_is_no_room, "POLLOUT POLLWRNORM"),
    check!(epoll_tells_each_edge_once, "POLLIN"),
    check!(calls_that_must_not_wait_are_eagain, "EAGAIN MSG_DONTWAIT"),
    check!(receiving_waits_for_its_time, "SO_RCVTIMEO EAGAIN"),
    check!(accepting_waits_for_its_time, "SO_RCVTIMEO EAGAIN"),
    check!(sending_waits_for_its_time, "SO_SNDTIMEO EAGAIN"),
    check!(a_signal_ends_a_call_that_waits, "EINTR"),
    check!(a_signal_begins_a_call_again_if_it_may, "EINTR"),
    check!(a_long_send_waits_for_room_and_says_all, "MSG_WAITALL"),
    check!(the_end_of_the_connection_ends_what_waits, "ENOTCONN"),
    check!(
        copies_in_other_processes_are_the_same_socket,
        "MSG_DONTWAIT"
    ),
    check!(two_threads_use_one_socket, "MSG_DONTWAIT"),
    check!(
        descriptors_that_are_none_are_ebadf_and_enotsock,
        "EBADF ENOTSOCK"
    ),
];

const IN: u32 = POLLIN | POLLRDNORM;
const OUT: u32 = POLLOUT | POLLWRNORM;

/// What poll says of a socket now.
fn mask(socket: &Fd) -> u32 {
    let said = raw::poll(&[(socket, IN | OUT | POLLRDHUP)], 0);
    said.expect("a mask")[0]
}

fn poll_tells_of_each_state() {
    let fresh = socket();
    assert_eq!(mask(&fresh) & (OUT | IN), OUT);
    let ends = Ends::greeted();
    assert_eq!(mask(&ends.listener), 0);
    assert_eq!(mask(&ends.client), 0, "connecting");
    let hello = level(inquic_uapi::QUIC_CRYPTO_INITIAL);
    raw::send_message(&ends.server, b"hello", &hello, 0).unwrap();
    until("a handshake message waits", || mask(&ends.client) == IN);
    next(&ends.client);
    assert_eq!(mask(&ends.client), 0);
    ends.shake_hands();
    until("it is established", || mask(&ends.client) == OUT);
    assert_eq!(send(&ends.client, b"x", NEW), Ok(1));
    until("data waits", || mask(&ends.server) == IN | OUT);
    next(&ends.server);
    assert_eq!(mask(&ends.server), OUT);
    let other = socket();
    connect(&other, ends.at).unwrap();
    raw::send_message(&other, b"client hello", &hello, 0).unwrap();
    until("somebody waits", || mask(&ends.listener) == IN);
    drop(ends.client);
    let all = IN | OUT | POLLHUP | POLLERR | POLLRDHUP;
    until("it is over", || mask(&ends.server) == all);
    assert_eq!(
        raw::poll(&[(&ends.server, 0)], 0),
        Ok(vec![POLLHUP | POLLERR])
    );
}

fn poll_tells_that_there_is_no_room() {
    let ends = Ends::made();
    let data = vec![0; 64 * 1024];
    assert_eq!(send(&ends.client, b"x", NEW), Ok(1));
    until("there is no room", || {
        while send(&ends.client, &data, DONTWAIT).is_ok() {}
        std::thread::sleep(Duration::from_millis(20));
        mask(&ends.client) == 0
    });
    until("there is room again", || {
        while there(&ends.server).is_ok() {}
        mask(&ends.client) == OUT
    });
    assert!(send(&ends.client, b"x", DONTWAIT).is_ok());
}

fn epoll_tells_each_edge_once() {
    let ends = Ends::made();
    let epoll = raw::Edges::of(&ends.server);
    while epoll.next(100) {}
    for text in [&b"one"[..], b"two"] {
        assert!(!epoll.next(0), "nothing has come");
        assert_eq!(send_on(&ends.client, -1, NEW | FIN, text), Ok(3));
        assert!(epoll.next(PATIENCE.as_millis() as i32), "it is told");
        assert_eq!(next(&ends.server).data, text);
        assert_eq!(there(&ends.server), Err(EAGAIN));
        // The answer's way out may be another edge.
        while epoll.next(50) {}
    }
}

fn calls_that_must_not_wait_are_eagain() {
    let ends = Ends::made();
    assert_eq!(there(&ends.server), Err(EAGAIN));
    raw::fcntl(&ends.server, libc::F_SETFL, libc::O_NONBLOCK).unwrap();
    assert_eq!(receive(&ends.server, 0, 8, 64), Err(EAGAIN));
    let mut byte = 0_u8;
    assert_eq!(raw::read(&ends.server, at(&mut byte), 1), Err(EAGAIN));
    raw::fcntl(&ends.listener, libc::F_SETFL, libc::O_NONBLOCK).unwrap();
    assert_eq!(raw::accept(&ends.listener, 0, 0, 0).unwrap_err(), EAGAIN);
}

/// Sets one of the two times.
fn wait_no_longer(socket: &Fd, name: i32, millis: i64) {
    let time = [millis / 1000, millis % 1000 * 1000];
    let time = time.map(i64::to_ne_bytes).concat();
    assert_eq!(
        raw::setsockopt(socket, SOL_SOCKET, name, of(&time), 16),
        Ok(())
    );
}

/// How long a call takes that is to say EAGAIN.
#[track_caller]
fn takes<T: std::fmt::Debug>(call: impl FnOnce() -> raw::Tried<T>) -> u128 {
    let start = now();
    assert_eq!(call().err(), Some(EAGAIN));
    start.elapsed().as_millis()
}

fn receiving_waits_for_its_time() {
    let ends = Ends::made();
    wait_no_longer(&ends.server, SO_RCVTIMEO, 150);
    let waited = takes(|| receive(&ends.server, 0, 8, 64));
    assert!((140..20_000).contains(&waited), "{waited}");
    wait_no_longer(&ends.server, SO_RCVTIMEO, 60_000);
    assert!(takes(|| there(&ends.server)) < 30_000, "that must not wait");
}

fn accepting_waits_for_its_time() {
    let ends = Ends::made();
    wait_no_longer(&ends.listener, SO_RCVTIMEO, 150);
    let waited = takes(|| raw::accept(&ends.listener, 0, 0, 0).map(drop));
    assert!((140..20_000).contains(&waited), "{waited}");
}

fn sending_waits_for_its_time() {
    let ends = Ends::made();
    wait_no_longer(&ends.client, SO_SNDTIMEO, 150);
    let data = vec![0; 64 * 1024];
    assert_eq!(send(&ends.client, b"x", NEW), Ok(1));
    until("there is no room", || {
        let start = now();
        let sent = send(&ends.client, &data, 0);
        assert!(matches!(sent, Ok(_) | Err(EAGAIN)), "{sent:?}");
        sent.is_err() && start.elapsed() > Duration::from_millis(140)
    });
    let few = TransportParam {
        max_streams_bidi: 1,
        ..TransportParam::default()
    };
    let ends = Ends::made_with(|_, listener| {
        set(listener, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&few)).unwrap();
    });
    wait_no_longer(&ends.client, SO_SNDTIMEO, 150);
    assert_eq!(send(&ends.client, b"x", NEW | FIN), Ok(1));
    let waited = takes(|| send(&ends.client, b"x", NEW));
    assert!(
        (140..20_000).contains(&waited),
        "{waited}: at the limit of streams"
    );
}

fn a_signal_ends_a_call_that_waits() {
    count(libc::SIGALRM, false);
    let ends = Ends::made();
    sys::alarm_every(200).unwrap();
    assert_eq!(receive(&ends.server, 0, 8, 64), Err(EINTR));
    assert_eq!(raw::accept(&ends.listener, 0, 0, 0).unwrap_err(), EINTR);
    assert!(counted() >= 2);
    // What was taken before counts.
    let data = vec![0; 64 * 1024 * 1024];
    let sent = until_not(EINTR, || send(&ends.client, &data, NEW)).unwrap();
    assert!((1..data.len()).contains(&sent), "{sent}");
    sys::alarm_every(0).unwrap();
}

fn a_signal_begins_a_call_again_if_it_may() {
    count(libc::SIGALRM, true);
    let ends = Ends::made();
    let (heard, signals) = sys::pair().unwrap();
    let child = process::fork();
    if child == 0 {
        // The first may come before the call; what is to be sent waits until it was begun again.
        for _ in 0..4 {
            sys::read(&heard, &mut [0]).unwrap();
        }
        let sent = send(&ends.client, b"late", NEW | FIN);
        process::exit(i32::from(sent != Ok(4)));
    }
    tell_of_signals(&signals);
    sys::alarm_every(100).unwrap();
    assert_eq!(receive(&ends.server, 0, 8, 64).unwrap().data, b"late");
    sys::alarm_every(0).unwrap();
    assert!(counted() >= 4);
    assert_eq!(process::wait(child), Ok(0));
}

fn a_long_send_waits_for_room_and_says_all() {
    let ends = Ends::made();
    let data: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let child = process::fork();
    if child == 0 {
        let sent = send(&ends.client, &data, NEW | FIN | MSG_WAITALL);
        process::exit(i32::from(sent != Ok(data.len())));
    }
    let mut whole = Vec::new();
    loop {
        let got = receive(&ends.server, 0, 1 << 16, 64).unwrap();
        whole.extend_from_slice(&got.data);
        if got.stream().1 & FIN != 0 {
            break;
        }
    }
    assert!(whole == data, "{} bytes", whole.len());
    assert_eq!(process::wait(child), Ok(0));
}

fn the_end_of_the_connection_ends_what_waits() {
    let ends = Ends::made();
    let child = process::fork();
    if child == 0 {
        let Ends {
            client,
            server,
            listener,
            ..
        } = ends;
        drop((client, listener));
        let end = receive(&server, 0, 8, 64);
        process::exit(i32::from(end != Err(ENOTCONN)));
    }
    std::thread::sleep(Duration::from_millis(100));
    drop(ends.client);
    assert_eq!(process::wait(child), Ok(0));
}

fn copies_in_other_processes_are_the_same_socket() {
    let ends = Ends::made();
    let (ours, theirs) = sys::pair().unwrap();
    let child = process::fork();
    if child == 0 {
        drop(ours);
        let passed = sys::pass(&theirs, None).unwrap().unwrap();
        let sent = send(&passed, b"passed on", NEW | FIN);
        process::exit(i32::from(sent != Ok(9)));
    }
    drop(theirs);
    sys::pass(&ours, Some(&ends.client)).unwrap();
    assert_eq!(next(&ends.server).data, b"passed on");
    assert_eq!(process::wait(child), Ok(0));
    assert_eq!(send(&ends.client, b"kept", NEW | FIN), Ok(4));
    assert_eq!(next(&ends.server).data, b"kept");
}

fn two_threads_use_one_socket() {
    let ends = Ends::made();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| receive(&ends.server, 0, 64, 64));
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(
            send(&ends.server, b"down", NEW | FIN),
            Ok(4),
            "while another waits"
        );
        assert_eq!(send_on(&ends.client, 0, NEW | FIN, b"up"), Ok(2));
        assert_eq!(reader.join().unwrap().unwrap().data, b"up");
    });
    assert_eq!(
        until_not(EAGAIN, || there(&ends.client)).unwrap().data,
        b"down"
    );
}

fn descriptors_that_are_none_are_ebadf_and_enotsock() {
    let none = std::mem::ManuallyDrop::new(Fd(777));
    assert_eq!(send(&none, b"x", 0), Err(EBADF));
    assert_eq!(there(&none), Err(EBADF));
    assert_eq!(raw::listen(&none, 1), Err(EBADF));
    let file = Fd(std::fs::File::open("/dev/null").unwrap().into_raw_fd());
    assert_eq!(send(&file, b"x", 0), Err(ENOTSOCK));
    assert_eq!(raw::listen(&file, 1), Err(ENOTSOCK));
    assert_eq!(raw::accept(&file, 0, 0, 0).unwrap_err(), ENOTSOCK);
    // A number that was a QUIC socket's.
    let fresh = socket();
    let number = fresh.0;
    drop(fresh);
    let gone = std::mem::ManuallyDrop::new(Fd(number));
    assert_eq!(send(&gone, b"x", 0), Err(EBADF));
}
