//! The options that are ours, from 64 up: names, statistics, priorities, the end of file, lingering, streams with descriptors of
//! their own, and what became of datagrams.

use inquic_uapi::flags::{
    self, MSG_QUIC_DATAGRAM, MSG_QUIC_STREAM_DONTWAIT, POLLERR, POLLHUP, POLLIN, POLLOUT,
    POLLRDHUP, POLLRDNORM, POLLWRNORM,
};
use inquic_uapi::option::{
    FIRST_OWN, QUIC_SOCKOPT_DATAGRAM_FATES, QUIC_SOCKOPT_EOF, QUIC_SOCKOPT_LINGER,
    QUIC_SOCKOPT_SERVER_NAMES, QUIC_SOCKOPT_STATISTICS, QUIC_SOCKOPT_STREAM_DESCRIPTOR,
    QUIC_SOCKOPT_STREAM_PRIORITY, QUIC_SOCKOPT_STREAM_RESET, SERVER_NAMES_LEN_MAX,
};
use inquic_uapi::socket::{
    AF_INET, SHUT_RD, SHUT_WR, SO_DOMAIN, SO_PROTOCOL, SO_TYPE, SOCK_STREAM, SOL_SOCKET,
};
use inquic_uapi::structs::{DatagramFate, ErrInfo, Statistics, StreamDescriptor, StreamPriority};
use inquic_uapi::{IPPROTO_QUIC, Layout, SOL_QUIC};
use libc::{EAGAIN, ECONNRESET, EINVAL, EISCONN, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPIPE, ESPIPE};

use super::messages::with_datagrams;
use super::pair::{
    Ends, FIN, NEW, UNI, bytes, connect, echo, general, get, get_of, got, local, next, peer, send,
    send_on, set, socket, there,
};
use super::process::{until, until_not};
use super::raw::{Tried, at, of};
use super::{Check, check, raw};
use crate::sys::Fd;

pub(super) const CHECKS: &[Check] = &[
    check!(
        server_names_are_a_list_before_listen,
        "QUIC_SOCKOPT_SERVER_NAMES SERVER_NAMES_LEN_MAX FIRST_OWN EINVAL"
    ),
    check!(
        statistics_count,
        "QUIC_SOCKOPT_STATISTICS EINVAL ENOPROTOOPT"
    ),
    check!(priorities_are_kept, "QUIC_SOCKOPT_STREAM_PRIORITY EINVAL"),
    check!(eof_is_said_to_those_who_ask, "QUIC_SOCKOPT_EOF ENOTCONN"),
    check!(what_was_written_lingers, "QUIC_SOCKOPT_LINGER"),
    check!(
        the_fate_of_datagrams_is_told_to_those_who_ask,
        "QUIC_SOCKOPT_DATAGRAM_FATES MSG_QUIC_DATAGRAM EAGAIN EINVAL ENOTCONN"
    ),
    check!(
        a_stream_has_a_descriptor_at_each_end,
        "QUIC_SOCKOPT_STREAM_DESCRIPTOR EAGAIN EINVAL SO_TYPE SO_DOMAIN SO_PROTOCOL ENOPROTOOPT EISCONN EOPNOTSUPP"
    ),
    check!(
        a_streams_descriptor_has_three_options_of_sockets,
        "QUIC_SOCKOPT_STREAM_DESCRIPTOR ENOPROTOOPT",
        run only: "the kernel answers options of SOL_SOCKET by itself"
    ),
    check!(
        shutdown_of_a_stream_is_its_fin_or_stop_sending,
        "QUIC_SOCKOPT_STREAM_DESCRIPTOR SHUT_RD SHUT_WR EPIPE EINVAL ENOTCONN POLLRDHUP"
    ),
    check!(
        close_of_a_stream_delivers_and_then_it_is_over,
        "QUIC_SOCKOPT_STREAM_DESCRIPTOR"
    ),
    check!(
        a_stream_that_was_abandoned_is_econnreset,
        "QUIC_SOCKOPT_STREAM_DESCRIPTOR ECONNRESET EPIPE POLLERR POLLHUP"
    ),
    check!(
        a_full_stream_blocks_its_writer_alone,
        "QUIC_SOCKOPT_STREAM_DESCRIPTOR EAGAIN POLLOUT POLLWRNORM"
    ),
];

fn server_names_are_a_list_before_listen() {
    assert_eq!(QUIC_SOCKOPT_SERVER_NAMES, FIRST_OWN);
    let number = QUIC_SOCKOPT_SERVER_NAMES;
    let socket = socket();
    assert_eq!(get(&socket, number, &[]), Ok(vec![]), "all names");
    assert_eq!(set(&socket, number, b"a.example, *.b.example"), Ok(()));
    assert_eq!(
        get(&socket, number, &[]),
        Ok(b"a.example,*.b.example".to_vec())
    );
    let long = vec![b'a'; SERVER_NAMES_LEN_MAX + 1];
    assert_eq!(set(&socket, number, &long), Err(EINVAL));
    let ends = Ends::made();
    for late in [&ends.listener, &ends.client, &ends.server] {
        assert_eq!(set(late, number, b"a.example"), Err(EINVAL));
    }
}

fn statistics_count() {
    let ends = Ends::made();
    echo(&ends);
    let statistics: Statistics = got(&ends.client, QUIC_SOCKOPT_STATISTICS);
    assert!(statistics.packets_sent > 0 && statistics.packets_received > 0);
    assert!(statistics.bytes_sent >= statistics.packets_sent);
    assert!(statistics.min_rtt > 0 && statistics.smoothed_rtt >= statistics.min_rtt);
    assert!(statistics.congestion_window > 0);
    assert_eq!((statistics.paths, statistics.events_dropped), (1, 0));
    let none = get(&ends.listener, QUIC_SOCKOPT_STATISTICS, &[]);
    assert_eq!(none, Err(EINVAL));
    let number = QUIC_SOCKOPT_STATISTICS;
    assert_eq!(set(&ends.client, number, &[0; 152]), Err(ENOPROTOOPT));
}

fn priorities_are_kept() {
    let ends = Ends::made();
    assert_eq!(send_on(&ends.client, -1, NEW, b"x"), Ok(1));
    let number = QUIC_SOCKOPT_STREAM_PRIORITY;
    let value = |stream_id, priority| {
        bytes(&StreamPriority {
            stream_id,
            priority,
            reserved: 0,
        })
    };
    assert_eq!(get(&ends.client, number, &value(0, 9)), Ok(value(0, 0)));
    assert_eq!(set(&ends.client, number, &value(0, -5)), Ok(()));
    assert_eq!(get(&ends.client, number, &value(0, 0)), Ok(value(0, -5)));
    assert_eq!(set(&ends.client, number, &value(4, 1)), Err(EINVAL));
    assert_eq!(get(&ends.client, number, &value(4, 1)), Err(EINVAL));
}

fn eof_is_said_to_those_who_ask() {
    for asks in [0, 1_u32] {
        let ends = Ends::made();
        let ask = asks.to_ne_bytes();
        assert_eq!(set(&ends.server, QUIC_SOCKOPT_EOF, &ask), Ok(()));
        assert_eq!(get(&ends.server, QUIC_SOCKOPT_EOF, &[]), Ok(ask.to_vec()));
        assert_eq!(set(&ends.server, QUIC_SOCKOPT_EOF, &[1]), Err(EINVAL));
        drop(ends.client);
        let end = until_not(EAGAIN, || there(&ends.server));
        if asks == 0 {
            assert_eq!(end, Err(ENOTCONN));
        } else {
            let end = end.unwrap();
            assert_eq!((end.told, end.flags, end.control), (0, 0, 0));
        }
    }
}

fn what_was_written_lingers() {
    let ends = Ends::made();
    let time = 5_000_000_u32.to_ne_bytes();
    assert_eq!(set(&ends.client, QUIC_SOCKOPT_LINGER, &time), Ok(()));
    assert_eq!(
        get(&ends.client, QUIC_SOCKOPT_LINGER, &[]),
        Ok(time.to_vec())
    );
    assert_eq!(
        set(&ends.client, QUIC_SOCKOPT_LINGER, &[1, 2, 3]),
        Err(EINVAL)
    );
    let data = vec![7; 200_000];
    assert_eq!(send_on(&ends.client, -1, NEW | FIN, &data), Ok(200_000));
    drop(ends.client);
    let mut whole = 0;
    loop {
        let got = next(&ends.server);
        whole += got.data.len();
        if got.stream().1 & FIN != 0 {
            break;
        }
    }
    assert_eq!(whole, 200_000);
}

fn the_fate_of_datagrams_is_told_to_those_who_ask() {
    let ends = with_datagrams();
    let number = QUIC_SOCKOPT_DATAGRAM_FATES;
    let keep = |on: u32| set(&ends.client, number, &on.to_ne_bytes());
    let say = |data: &[u8]| send(&ends.client, data, MSG_QUIC_DATAGRAM);
    let fate = || get(&ends.client, number, &[]).map(|value| DatagramFate::read(&value));
    assert_eq!(say(b"before"), Ok(6));
    assert_eq!(keep(1), Ok(()));
    assert_eq!(say(b"one"), Ok(3));
    assert_eq!(keep(0), Ok(()));
    assert_eq!(say(b"between"), Ok(7));
    assert_eq!(keep(1), Ok(()));
    assert_eq!(say(b"two"), Ok(3));
    let mut numbers = [0, 1].map(|_| {
        let told = until_not(EAGAIN, fate).unwrap();
        assert_eq!(told.reserved, 0);
        told.number
    });
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1]);
    assert_eq!(fate(), Err(EAGAIN));
    let short = get_of(&ends.client, SOL_QUIC, number.cast_signed(), &[], 15);
    assert_eq!(short, Err(EINVAL), "no room for all of it");
    drop(ends.server);
    assert_eq!(until_not(EAGAIN, fate), Err(ENOTCONN));
}

/// A stream with a descriptor.
pub(super) fn describe(socket: &Fd, stream_id: i64, stream_flags: u32) -> Tried<(i64, Fd)> {
    let value = bytes(&StreamDescriptor {
        stream_id,
        stream_flags,
        descriptor: 0,
    });
    let value = get(socket, QUIC_SOCKOPT_STREAM_DESCRIPTOR, &value)?;
    let told = StreamDescriptor::read(&value);
    Ok((told.stream_id, Fd(told.descriptor)))
}

fn write(stream: &Fd, data: &[u8]) -> Tried<usize> {
    raw::send(stream, of(data), data.len(), flags::MSG_NOSIGNAL)
}

/// read(), which does not wait.
fn read(stream: &Fd) -> Tried<Vec<u8>> {
    let mut data = [0_u8; 64];
    let flags = flags::MSG_DONTWAIT;
    let len = raw::recvfrom(stream, at(&mut data), data.len(), flags, 0, 0)?;
    Ok(data[..len].to_vec())
}

/// A stream of the client's, with a descriptor at each end, over which a word has gone.
fn described(ends: &Ends) -> (Fd, Fd) {
    let (id, near) = describe(&ends.client, -1, NEW).unwrap();
    assert_eq!(id, 0);
    assert_eq!(raw::write(&near, of(b"hello"), 5), Ok(5));
    let (id, far) = describe(&ends.server, -1, 0).unwrap();
    assert_eq!(id, 0);
    assert_eq!(until_not(EAGAIN, || read(&far)), Ok(b"hello".to_vec()));
    (near, far)
}

fn a_stream_has_a_descriptor_at_each_end() {
    let ends = Ends::made();
    let at_once = describe(&ends.server, -1, MSG_QUIC_STREAM_DONTWAIT);
    assert_eq!(at_once.unwrap_err(), EAGAIN);
    let (near, far) = described(&ends);
    assert_eq!(read(&far), Err(EAGAIN));
    assert_eq!(
        there(&ends.server),
        Err(EAGAIN),
        "nothing by the connection"
    );
    assert_eq!(write(&far, b"back"), Ok(4));
    assert_eq!(until_not(EAGAIN, || read(&near)), Ok(b"back".to_vec()));
    assert_eq!(describe(&ends.client, 0, 0).unwrap_err(), EINVAL, "has one");
    assert_eq!(
        describe(&ends.client, 40, 0).unwrap_err(),
        EINVAL,
        "not open"
    );
    let none = describe(&ends.client, -1, 0x4000_0000);
    assert_eq!(none.unwrap_err(), EINVAL);
    let wanted = bytes(&StreamDescriptor {
        stream_id: -1,
        stream_flags: NEW | UNI,
        descriptor: 0,
    });
    let number = QUIC_SOCKOPT_STREAM_DESCRIPTOR.cast_signed();
    let short = get_of(&ends.client, SOL_QUIC, number, &wanted[..12], 12);
    assert_eq!(short, Err(EINVAL), "no room for its number");
    let (id, _uni) = describe(&ends.client, -1, NEW | UNI).unwrap();
    assert_eq!(id, 2, "none was opened before");
    assert_eq!(general(&near, SO_TYPE), SOCK_STREAM);
    assert_eq!(general(&near, SO_DOMAIN), i32::from(AF_INET));
    assert_eq!(general(&near, SO_PROTOCOL), IPPROTO_QUIC);
    assert_eq!(local(&near), local(&ends.client));
    assert_eq!(peer(&near), Ok(ends.at));
    let other = raw::setsockopt(&near, SOL_QUIC, 0, of(&[1, 1]), 2);
    assert_eq!(other, Err(ENOPROTOOPT));
    assert_eq!(connect(&near, ends.at), Err(EISCONN));
    assert_eq!(raw::listen(&near, 1), Err(EOPNOTSUPP));
    assert_eq!(raw::accept(&near, 0, 0, 0).unwrap_err(), EOPNOTSUPP);
    assert_eq!(raw::preadv2(&near, 0, 0, 5, 0), Err(ESPIPE));
}

fn a_streams_descriptor_has_three_options_of_sockets() {
    let ends = Ends::made();
    let (near, _far) = described(&ends);
    let other = get_of(&near, SOL_SOCKET, libc::SO_SNDBUF, &[], 4);
    assert_eq!(other, Err(ENOPROTOOPT));
    let none = raw::setsockopt(&near, SOL_SOCKET, libc::SO_SNDBUF, of(&[0; 4]), 4);
    assert_eq!(none, Err(ENOPROTOOPT));
}

fn shutdown_of_a_stream_is_its_fin_or_stop_sending() {
    let ends = Ends::made();
    let (near, far) = described(&ends);
    assert_eq!(raw::shutdown(&near, 7), Err(EINVAL));
    assert_eq!(raw::shutdown(&near, SHUT_WR), Ok(()));
    assert_eq!(raw::shutdown(&near, SHUT_WR), Err(ENOTCONN));
    assert_eq!(write(&near, b"x"), Err(EPIPE));
    assert_eq!(until_not(EAGAIN, || read(&far)), Ok(vec![]));
    assert_eq!(read(&far), Ok(vec![]), "the end stays");
    let mask = POLLIN | POLLRDNORM;
    until("poll says so, too", || {
        raw::poll(&[(&far, mask)], 1_000) == Ok(vec![mask])
    });
    assert_eq!(raw::shutdown(&near, SHUT_RD), Ok(()));
    assert_eq!(read(&near), Ok(vec![]));
    until("the far end is stopped", || write(&far, b"x") == Err(EPIPE));
}

fn close_of_a_stream_delivers_and_then_it_is_over() {
    let ends = Ends::made();
    let (near, far) = described(&ends);
    assert_eq!(write(&near, b"last"), Ok(4));
    drop(near);
    assert_eq!(until_not(EAGAIN, || read(&far)), Ok(b"last".to_vec()));
    assert_eq!(until_not(EAGAIN, || read(&far)), Ok(vec![]));
    drop(far);
    // The credit comes back when the stream is over at both ends.
    until("it is over", || describe(&ends.client, 0, 0).is_err());
    let (id, _) = describe(&ends.client, -1, NEW).unwrap();
    assert_eq!(id, 4);
}

fn a_stream_that_was_abandoned_is_econnreset() {
    let ends = Ends::made();
    let (near, far) = described(&ends);
    let reset = ErrInfo {
        stream_id: 0,
        errcode: 3,
    };
    let number = QUIC_SOCKOPT_STREAM_RESET;
    assert_eq!(set(&ends.client, number, &bytes(&reset)), Ok(()));
    assert_eq!(until_not(EAGAIN, || read(&far)), Err(ECONNRESET));
    assert_eq!(write(&near, b"x"), Err(EPIPE));
    let (_, near) = describe(&ends.client, -1, NEW).unwrap();
    assert_eq!(write(&near, b"hello"), Ok(5));
    let (_, far) = describe(&ends.server, -1, 0).unwrap();
    assert_eq!(until_not(EAGAIN, || read(&far)), Ok(b"hello".to_vec()));
    drop(ends.client);
    let over = POLLHUP | POLLERR;
    until("it is over", || {
        raw::poll(&[(&far, 0)], 1_000) == Ok(vec![over])
    });
    let over = raw::poll(&[(&far, POLLRDHUP)], 0);
    assert_eq!(over, Ok(vec![POLLHUP | POLLERR | POLLRDHUP]));
    assert_eq!(read(&far), Err(ECONNRESET));
    assert_eq!(write(&far, b"x"), Err(EPIPE));
}

fn a_full_stream_blocks_its_writer_alone() {
    let ends = Ends::made();
    let (_, stream) = describe(&ends.client, -1, NEW).unwrap();
    let data = vec![0; 64 * 1024];
    let full = || raw::send(&stream, of(&data), data.len(), flags::MSG_DONTWAIT) == Err(EAGAIN);
    until("the stream is full", full);
    // Acknowledgements may make room again and again, until the peer's window is used up.
    let mask = POLLOUT | POLLWRNORM;
    until("it stays so", || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        full() && raw::poll(&[(&stream, mask)], 0) == Ok(vec![0]) && full()
    });
    assert_eq!(send_on(&ends.client, 4, NEW | FIN, b"small"), Ok(5));
}
