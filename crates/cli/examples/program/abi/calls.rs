//! socket, bind, listen, accept, connect, names, options of other levels and ioctl.

use std::net::SocketAddr;
use std::time::Duration;

use inquic_uapi::option::{QUIC_SOCKOPT_TRANSPORT_PARAM, VALUE_LEN_MAX};
use inquic_uapi::socket::{
    AF_INET, AF_INET6, AF_UNSPEC, SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SO_ACCEPTCONN, SO_DOMAIN,
    SO_ERROR, SO_MAX_PACING_RATE, SO_PROTOCOL, SO_RCVBUF, SO_RCVTIMEO, SO_REUSEPORT, SO_SNDBUF,
    SO_SNDTIMEO, SO_TYPE, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET,
};
use inquic_uapi::structs::TransportParam;
use inquic_uapi::{IPPROTO_QUIC, QUIC_CRYPTO_INITIAL, SOL_QUIC};
use libc::{
    EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EDOM, EINVAL, ENETUNREACH,
    ENOPROTOOPT, ENOTCONN, ENOTTY, EOPNOTSUPP, EPROTONOSUPPORT, ESOCKTNOSUPPORT,
};

use super::pair::{
    DONTWAIT, Ends, FIN, NEW, any, bind, bytes, comes, connect, connecting, echo, general, get_of,
    level, local, name, next, peer, send, set, socket, there,
};
use super::process::until;
use super::raw::{Tried, at, of};
use super::{Check, check, raw};
use crate::sys::Fd;

pub(super) const CHECKS: &[Check] = &[
    check!(
        a_socket_has_a_family_and_one_of_two_types,
        "IPPROTO_QUIC AF_INET AF_INET6 SOCK_STREAM SOCK_DGRAM SO_DOMAIN SO_TYPE SO_PROTOCOL SO_ACCEPTCONN EPROTONOSUPPORT ESOCKTNOSUPPORT"
    ),
    check!(raw_sockets_are_the_kernels, "SO_TYPE"),
    check!(both_types_carry_the_same, "SOCK_STREAM SOCK_DGRAM"),
    check!(both_families_carry_the_same, "AF_INET AF_INET6"),
    check!(
        bind_takes_an_address_of_its_family_once,
        "EINVAL EAFNOSUPPORT EADDRNOTAVAIL AF_UNSPEC"
    ),
    check!(addresses_that_are_taken_are_eaddrinuse, "EADDRINUSE"),
    check!(an_address_of_everybody_is_eacces, "EACCES"),
    check!(
        listen_binds_changes_the_backlog_and_ends,
        "SO_ACCEPTCONN EINVAL"
    ),
    check!(accept_needs_a_listener_and_somebody, "EINVAL EAGAIN"),
    check!(a_connection_that_has_ended_is_accepted_or_gone, "EAGAIN"),
    check!(
        connect_takes_somebodys_address_once,
        "EINVAL EAFNOSUPPORT EOPNOTSUPP AF_UNSPEC"
    ),
    check!(an_address_without_a_way_there_is_enetunreach, "ENETUNREACH"),
    check!(names_are_told_and_cut, "ENOTCONN"),
    check!(mapped_addresses_are_told_as_ipv4, "AF_INET6 AF_INET"),
    check!(
        general_options_read_back,
        "SOL_SOCKET SO_REUSEPORT SO_SNDBUF SO_RCVBUF SO_RCVTIMEO SO_SNDTIMEO SO_ERROR SO_MAX_PACING_RATE EDOM EINVAL"
    ),
    check!(options_of_other_levels_are_the_udp_sockets, "ENOPROTOOPT"),
    check!(lengths_that_are_none_are_einval, "VALUE_LEN_MAX EINVAL"),
    check!(
        options_that_there_are_not_are_enoprotoopt,
        "SOL_QUIC ENOPROTOOPT"
    ),
    check!(
        ioctl_counts_bytes_that_wait,
        "SIOCINQ SIOCOUTQ SIOCOUTQNSD ENOTTY EINVAL"
    ),
    check!(what_moves_data_in_the_kernel_is_einval, "EINVAL"),
];

const V4: i32 = AF_INET as i32;
const V6: i32 = AF_INET6 as i32;

fn a_socket_has_a_family_and_one_of_two_types() {
    for (family, kind) in [(V4, SOCK_STREAM), (V6, SOCK_DGRAM)] {
        let socket = raw::socket(
            family,
            kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
            IPPROTO_QUIC,
        );
        let socket = socket.unwrap();
        assert_eq!(general(&socket, SO_DOMAIN), family);
        assert_eq!(general(&socket, SO_TYPE), kind);
        assert_eq!(general(&socket, SO_PROTOCOL), IPPROTO_QUIC);
        assert_eq!(general(&socket, SO_ACCEPTCONN), 0);
        let flags = raw::fcntl(&socket, libc::F_GETFL, 0).unwrap();
        assert_ne!(flags & libc::O_NONBLOCK as usize, 0);
        let flags = raw::fcntl(&socket, libc::F_GETFD, 0);
        assert_eq!(flags, Ok(libc::FD_CLOEXEC as usize));
    }
    let made = |family, kind| raw::socket(family, kind, IPPROTO_QUIC).map(drop);
    assert_eq!(made(libc::AF_UNIX, SOCK_STREAM), Err(EPROTONOSUPPORT));
    assert_eq!(made(V4, libc::SOCK_SEQPACKET), Err(ESOCKTNOSUPPORT));
    assert_eq!(made(V4, 0x1000 | SOCK_STREAM), Err(EINVAL));
}

fn raw_sockets_are_the_kernels() {
    for _ in 0..2 {
        match raw::socket(V4, libc::SOCK_RAW, IPPROTO_QUIC) {
            Ok(raw) => {
                assert_eq!(general(&raw, SO_TYPE), libc::SOCK_RAW);
            }
            Err(errno) => assert_eq!(errno, libc::EPERM),
        }
        // The home has been asked for a socket when the second is made.
        socket();
    }
}

fn both_types_carry_the_same() {
    for kind in [SOCK_STREAM, SOCK_DGRAM] {
        talk(V4, kind, any());
    }
}

fn both_families_carry_the_same() {
    talk(V6, SOCK_STREAM, ([0, 0, 0, 0, 0, 0, 0, 1], 0).into());
    // Over IPv4, from a socket for both.
    talk(V6, SOCK_STREAM, any());
}

/// A connection of a family and a type, over an address.
fn talk(family: i32, kind: i32, over: SocketAddr) {
    let made = || raw::socket(family, kind, IPPROTO_QUIC).unwrap();
    let (client, listener) = (made(), made());
    bind(&listener, over).unwrap();
    raw::listen(&listener, 1).unwrap();
    let at = local(&listener);
    connect(&client, at).unwrap();
    let ends = Ends::greet((listener, client, at));
    ends.shake_hands();
    echo(&ends);
}

fn bind_takes_an_address_of_its_family_once() {
    let socket = socket();
    let say = |address: &[u8]| raw::bind(&socket, of(address), address.len() as u32);
    let good = name(any());
    assert_eq!(say(&[2]), Err(EINVAL));
    assert_eq!(say(&good[..15]), Err(EINVAL));
    assert_eq!(
        say(&[&good[..], &[0; 113]].concat()),
        Err(EINVAL),
        "too long"
    );
    assert_eq!(raw::bind(&socket, of(&good), u32::MAX), Err(EINVAL), "-1");
    assert_eq!(say(&[9; 16]), Err(EAFNOSUPPORT));
    let unspecified = [&AF_UNSPEC.to_ne_bytes()[..], &[0; 14]].concat();
    assert_eq!(say(&unspecified), Err(EAFNOSUPPORT));
    assert_eq!(bind(&socket, "[::1]:0".parse().unwrap()), Err(EAFNOSUPPORT));
    let to = |text: &str| bind(&socket, text.parse().unwrap());
    assert_eq!(to("224.0.0.1:5"), Err(EADDRNOTAVAIL), "multicast");
    assert_eq!(to("192.0.2.77:0"), Err(EADDRNOTAVAIL), "somebody else's");
    assert_eq!(say(&good), Ok(()));
    assert_ne!(local(&socket).port(), 0);
    assert_eq!(say(&good), Err(EINVAL), "bound already");
}

fn addresses_that_are_taken_are_eaddrinuse() {
    let udp = std::net::UdpSocket::bind(any()).unwrap();
    assert_eq!(bind(&socket(), udp.local_addr().unwrap()), Err(EADDRINUSE));
}

fn an_address_of_everybody_is_eacces() {
    // As with UDP, whose sockets may say that they mean it.
    let there = connect(&socket(), "127.255.255.255:443".parse().unwrap());
    assert_eq!(there, Err(EACCES));
}

fn listen_binds_changes_the_backlog_and_ends() {
    let socket = socket();
    assert_eq!(raw::listen(&socket, 5), Ok(()));
    assert_ne!(local(&socket).port(), 0, "it was bound");
    assert_eq!(raw::listen(&socket, 7), Ok(()));
    assert_eq!(general(&socket, SO_ACCEPTCONN), 1);
    assert_eq!(raw::listen(&socket, 0), Ok(()));
    assert_eq!(general(&socket, SO_ACCEPTCONN), 0);
    let ends = Ends::made();
    assert_eq!(raw::listen(&ends.client, 1), Err(EINVAL));
    assert_eq!(raw::listen(&ends.server, 1), Err(EINVAL));
}

fn accept_needs_a_listener_and_somebody() {
    let ends = Ends::made();
    let refused = |socket: &Fd, flags| raw::accept(socket, 0, 0, flags).unwrap_err();
    assert_eq!(refused(&socket(), 0), EINVAL);
    assert_eq!(refused(&ends.client, 0), EINVAL);
    assert_eq!(refused(&ends.listener, 0x1_0000), EINVAL, "flags");
    raw::fcntl(&ends.listener, libc::F_SETFL, libc::O_NONBLOCK).unwrap();
    assert_eq!(refused(&ends.listener, 0), EAGAIN);
}

fn a_connection_that_has_ended_is_accepted_or_gone() {
    for _ in 0..20 {
        let (listener, client, _) = connecting(|_, _| {});
        raw::fcntl(&listener, libc::F_SETFL, libc::O_NONBLOCK).unwrap();
        let hello = level(QUIC_CRYPTO_INITIAL);
        raw::send_message(&client, b"client hello", &hello, 0).unwrap();
        comes(&listener);
        drop(client);
        std::thread::sleep(Duration::from_millis(5));
        match raw::accept(&listener, 0, 0, 0) {
            Ok(accepted) => until("it is over", || there(&accepted) == Err(ENOTCONN)),
            Err(errno) => assert_eq!(errno, EAGAIN),
        }
    }
}

fn connect_takes_somebodys_address_once() {
    let client = socket();
    let say = |address: &[u8]| raw::connect(&client, of(address), address.len() as u32);
    let unspecified = [&AF_UNSPEC.to_ne_bytes()[..], &[0; 14]].concat();
    assert_eq!(say(&unspecified), Err(EOPNOTSUPP));
    assert_eq!(say(&[]), Err(EINVAL));
    let to = |text: &str| connect(&client, text.parse().unwrap());
    assert_eq!(to("[2001:db8::1]:1"), Err(EAFNOSUPPORT));
    for nobody in [
        "0.0.0.0:443",
        "239.1.1.1:443",
        "255.255.255.255:443",
        "127.0.0.1:0",
    ] {
        assert_eq!(to(nobody), Err(EINVAL), "{nobody}");
    }
    assert_eq!(to("127.0.0.1:9"), Ok(()), "which sends nothing");
    assert_eq!(to("127.0.0.1:9"), Err(EINVAL), "connected");
    assert_eq!(say(&unspecified), Err(EOPNOTSUPP));
    let ends = Ends::made();
    assert_eq!(connect(&ends.listener, ends.at), Err(EINVAL), "a listener");
    assert_eq!(connect(&ends.server, ends.at), Err(EINVAL));
}

fn an_address_without_a_way_there_is_enetunreach() {
    let client = raw::socket(V6, SOCK_STREAM, IPPROTO_QUIC).unwrap();
    // From the loopback interface no way leads out.
    let bound = raw::setsockopt(&client, SOL_SOCKET, libc::SO_BINDTODEVICE, of(b"lo\0"), 3);
    assert_eq!(bound, Ok(()));
    let out = connect(&client, "[2001:db8::1]:443".parse().unwrap());
    assert_eq!(out, Err(ENETUNREACH));
    let back = "[::1]:443".parse().unwrap();
    assert_eq!(connect(&client, back), Ok(()), "it may try another");
}

fn names_are_told_and_cut() {
    let ends = Ends::made();
    assert_eq!(peer(&ends.client), Ok(ends.at));
    assert_eq!(local(&ends.server), ends.at);
    assert_eq!(peer(&ends.server), Ok(local(&ends.client)));
    assert_eq!(peer(&socket()), Err(ENOTCONN));
    assert_eq!(peer(&ends.listener), Err(ENOTCONN));
    assert_eq!(local(&socket()), "0.0.0.0:0".parse().unwrap());
    let (mut bytes, mut len) = ([0xff_u8; 16], 4_u32);
    assert_eq!(
        raw::getpeername(&ends.client, at(&mut bytes), at(&mut len)),
        Ok(())
    );
    assert_eq!((len, &bytes[4..]), (16, &[0xff; 12][..]), "cut to the room");
    assert_eq!(bytes[2..4], ends.at.port().to_be_bytes());
    let mut negative = -1_i32;
    let said = raw::getsockname(&ends.client, at(&mut bytes), at(&mut negative));
    assert_eq!(said, Err(EINVAL));
}

fn mapped_addresses_are_told_as_ipv4() {
    let listener = raw::socket(V6, SOCK_STREAM, IPPROTO_QUIC).unwrap();
    bind(&listener, "[::]:0".parse().unwrap()).unwrap();
    raw::listen(&listener, 1).unwrap();
    let at: SocketAddr = ([127, 0, 0, 1], local(&listener).port()).into();
    let client = socket();
    connect(&client, at).unwrap();
    let ends = Ends::greet((listener, client, at));
    until("the client knows its own", || {
        peer(&ends.server) == Ok(local(&ends.client))
    });
    until("it knows its own", || local(&ends.server) == at);
}

fn general_options_read_back() {
    let socket = socket();
    let set = |name, value: &[u8]| {
        raw::setsockopt(&socket, SOL_SOCKET, name, of(value), value.len() as u32)
    };
    assert_eq!(set(SO_REUSEPORT, &1_i32.to_ne_bytes()), Ok(()));
    assert_eq!(general(&socket, SO_REUSEPORT), 1);
    for name in [SO_SNDBUF, SO_RCVBUF] {
        assert_eq!(set(name, &100_000_i32.to_ne_bytes()), Ok(()));
        assert_eq!(general(&socket, name), 200_000, "doubled");
        assert_eq!(set(name, &[1, 2, 3]), Err(EINVAL));
    }
    let time = |seconds: i64, micros: i64| [seconds.to_ne_bytes(), micros.to_ne_bytes()].concat();
    for name in [SO_RCVTIMEO, SO_SNDTIMEO] {
        assert_eq!(set(name, &time(2, 500_000)), Ok(()));
        let kept = get_of(&socket, SOL_SOCKET, name, &[], 16);
        assert_eq!(kept, Ok(time(2, 500_000)));
        assert_eq!(set(name, &time(0, 1_000_000)), Err(EDOM));
        assert_eq!(set(name, &time(0, -1)), Err(EDOM));
        assert_eq!(set(name, &[0; 15]), Err(EINVAL));
    }
    assert_eq!(general(&socket, SO_ERROR), 0);
    let rate = 1_000_000_u32;
    assert_eq!(set(SO_MAX_PACING_RATE, &rate.to_ne_bytes()), Ok(()));
    assert_eq!(general(&socket, SO_MAX_PACING_RATE).cast_unsigned(), rate);
}

fn options_of_other_levels_are_the_udp_sockets() {
    let socket = socket();
    let tos = 0x10_i32.to_ne_bytes();
    let level = libc::IPPROTO_IP;
    assert_eq!(
        raw::setsockopt(&socket, level, libc::IP_TOS, of(&tos), 4),
        Ok(())
    );
    let kept = get_of(&socket, level, libc::IP_TOS, &[], 4);
    assert_eq!(kept, Ok(tos.to_vec()));
    let none = raw::setsockopt(&socket, libc::IPPROTO_TCP, 1, of(&tos), 4);
    assert!(matches!(none, Err(ENOPROTOOPT | EOPNOTSUPP)), "{none:?}");
    assert_eq!(
        raw::setsockopt(&socket, SOL_SOCKET, 7_777, of(&tos), 4),
        Err(ENOPROTOOPT)
    );
    assert_eq!(get_of(&socket, SOL_SOCKET, 7_777, &[], 4), Err(ENOPROTOOPT));
}

fn lengths_that_are_none_are_einval() {
    let ends = Ends::made();
    let value = vec![1; VALUE_LEN_MAX + 1];
    for option in [-1, 0, 11, 63, 64] {
        let long = raw::setsockopt(&ends.client, SOL_QUIC, option, of(&value), 4097);
        assert_eq!(long, Err(EINVAL), "{option}");
        let negative = raw::setsockopt(&ends.client, SOL_QUIC, option, of(&value), u32::MAX);
        assert_eq!(negative, Err(EINVAL), "{option}");
        let mut len = -1_i32;
        let value = of(&value);
        let got = raw::getsockopt(&ends.client, SOL_QUIC, option, value, at(&mut len));
        assert_eq!(got, Err(EINVAL), "{option}");
    }
}

fn options_that_there_are_not_are_enoprotoopt() {
    let ends = Ends::made();
    for socket in [&socket(), &ends.listener, &ends.client, &ends.server] {
        for option in [-1, 15, 63, 71, i32::MAX, i32::MIN] {
            let set = raw::setsockopt(socket, SOL_QUIC, option, of(&[0; 16]), 16);
            assert_eq!(set, Err(ENOPROTOOPT), "{option}");
            let got = get_of(socket, SOL_QUIC, option, &[], 16);
            assert_eq!(got, Err(ENOPROTOOPT), "{option}");
        }
    }
}

fn ioctl_counts_bytes_that_wait() {
    // The peer takes so much of a stream before it reads.
    let narrow = TransportParam {
        max_stream_data_bidi_remote: 1_200,
        ..TransportParam::default()
    };
    let ends = Ends::made_with(|_, listener| {
        set(listener, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&narrow)).unwrap();
    });
    let count = |socket: &Fd, request: u32| -> Tried<i32> {
        let mut bytes = -1_i32;
        raw::ioctl(socket, u64::from(request), at(&mut bytes)).map(|()| bytes)
    };
    for request in [SIOCINQ, SIOCOUTQ, SIOCOUTQNSD] {
        assert_eq!(count(&socket(), request), Ok(0));
        assert_eq!(count(&ends.listener, request), Err(EINVAL));
    }
    assert_eq!(send(&ends.client, &[1; 1_900], NEW | FIN), Ok(1_900));
    until("some arrives", || count(&ends.server, SIOCINQ) == Ok(1_200));
    until("that is acknowledged", || {
        count(&ends.client, SIOCOUTQ) == Ok(700)
    });
    assert_eq!(count(&ends.client, SIOCOUTQNSD), Ok(700));
    // What is read makes room for more.
    let some = raw::receive(&ends.server, DONTWAIT, 700, 64).unwrap();
    assert_eq!(some.told, 700);
    until("the rest arrives", || {
        count(&ends.server, SIOCINQ) == Ok(500 + 700)
    });
    until("all is acknowledged", || {
        count(&ends.client, SIOCOUTQ) == Ok(0)
    });
    assert_eq!(count(&ends.client, SIOCOUTQNSD), Ok(0));
    assert_eq!(next(&ends.server).told, 1_200);
    assert_eq!(there(&ends.server), Err(EAGAIN));
    assert_eq!(count(&ends.client, 0x1234), Err(ENOTTY));
}

fn what_moves_data_in_the_kernel_is_einval() {
    let ends = Ends::made();
    let sent = crate::sys::send_file(&ends.client, &ends.server);
    assert_eq!(sent.unwrap_err().raw_os_error(), Some(EINVAL));
    assert_eq!(raw::splice(&ends.client, &ends.server), Err(EINVAL));
}
