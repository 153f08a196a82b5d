//! bind, listen, accept, connect, shutdown, close, poll, ioctl, getsockname and getpeername (socket-abi 1.8).

use alloc::vec::Vec;

use inquic_engine::{EndpointKeys, Handle};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::{Duration, Instant};
use inquic_uapi::flags::{
    MSG_MORE, MSG_NOSIGNAL, MSG_QUIC_STREAM_FIN, MSG_QUIC_STREAM_NEW, POLLERR, POLLHUP, POLLIN,
    POLLOUT, POLLRDHUP,
};
use inquic_uapi::socket::{
    AF_INET, AF_INET6, SHUT_RD, SHUT_RDWR, SHUT_WR, SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SO_ACCEPTCONN,
    SO_DOMAIN, SO_ERROR, SO_PROTOCOL, SO_RCVBUF, SO_RCVTIMEO, SO_REUSEPORT, SO_SNDBUF, SO_SNDTIMEO,
    SO_TYPE, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET,
};
use inquic_uapi::structs::{ConnectionClose, TransportParam};
use inquic_uapi::{IPPROTO_QUIC, option};

use super::{Got, Pair, Set, Sock, Stop, address, bytes, get, set, socket};
use crate::errno::Errno;
use crate::port::Port;
use crate::sock::Wait;

const NEW: u32 = MSG_QUIC_STREAM_NEW;
const FIN: u32 = MSG_QUIC_STREAM_FIN;

fn sockaddr(text: &str) -> Vec<u8> {
    let mut out = [0; address::ADDRESS_LEN];
    let len = address::write(text.parse().unwrap(), &mut out);
    out[..len].to_vec()
}

fn port() -> Port {
    let platform = alloc::sync::Arc::new(AwsLc::seeded(9));
    Port::new(platform, EndpointKeys::from_master([7; 32]))
}

fn general(sock: &mut Sock, name: i32) -> i32 {
    let mut out = [0; 4];
    let got = sock.getsockopt(SOL_SOCKET, name, &[], &mut out);
    assert_eq!(got, Ok(Got::Bytes(4)));
    i32::from_ne_bytes(out)
}

#[test]
fn socket_has_a_family_and_one_of_two_types() {
    for (family, kind) in [(AF_INET, SOCK_STREAM), (AF_INET6, SOCK_DGRAM)] {
        let mut sock = Sock::new(family, kind).unwrap();
        assert_eq!(general(&mut sock, SO_DOMAIN), i32::from(family));
        assert_eq!(general(&mut sock, SO_TYPE), kind);
        assert_eq!(general(&mut sock, SO_PROTOCOL), IPPROTO_QUIC);
        assert_eq!(general(&mut sock, SO_ACCEPTCONN), 0);
    }
    assert_eq!(Sock::new(1, SOCK_STREAM).err(), Some(Errno::EAFNOSUPPORT));
    assert_eq!(Sock::new(AF_INET, 3).err(), Some(Errno::EPROTONOSUPPORT));
}

#[test]
fn a_client_for_whom_there_was_no_place_is_let_in_by_its_next_attempt() {
    let mut pair = Pair::connecting();
    pair.server.refuses = 1;
    let hello = super::handshake(inquic_uapi::QUIC_CRYPTO_INITIAL);
    pair.client_sends(&hello, 0, b"client hello").unwrap();
    pair.run(1);
    assert_eq!(pair.server.refuses, 0);
    pair.run(100);
    let accepted = pair.server.listener.accept(&mut pair.server.port);
    assert!(
        matches!(accepted, Err(Stop::Blocked { .. })),
        "{accepted:?}"
    );
    // A probe timeout later.
    pair.run(1_000);
    let accepted = pair.server.listener.accept(&mut pair.server.port);
    pair.server.used = Some(accepted.unwrap());
    assert_eq!(pair.server_gets().unwrap().data, b"client hello");
}

#[test]
fn bind_takes_an_address_of_the_family_once() {
    let mut sock = socket();
    assert_eq!(sock.bind(&[2]), Err(Errno::EINVAL));
    assert_eq!(sock.bind(&sockaddr("1.2.3.4:5")[..15]), Err(Errno::EINVAL));
    assert_eq!(sock.bind(&[9; 16]), Err(Errno::EAFNOSUPPORT));
    assert_eq!(
        sock.bind(&sockaddr("[::1]:5")),
        Err(Errno::EAFNOSUPPORT),
        "of the other family"
    );
    let many = sock.bind(&sockaddr("224.0.0.1:5"));
    assert_eq!(many, Err(Errno::EADDRNOTAVAIL));
    let any = "0.0.0.0:4433".parse().unwrap();
    assert_eq!(sock.bind(&sockaddr("0.0.0.0:4433")), Ok(any));
    assert_eq!(sock.local_address(), None);
    sock.on_bound(any);
    assert_eq!(sock.local_address(), Some(any));
    assert_eq!(sock.bind(&sockaddr("0.0.0.0:0")), Err(Errno::EINVAL));
}

#[test]
fn mapped_ipv4_address_is_reported_as_ipv4() {
    let mut out = [0xff; address::ADDRESS_LEN];
    let len = address::write("[::ffff:192.0.2.7]:99".parse().unwrap(), &mut out);
    assert_eq!(len, 16);
    assert_eq!(
        address::read(&out[..len]),
        Ok("192.0.2.7:99".parse().unwrap())
    );
}

#[test]
fn address_that_does_not_fit_is_cut_and_tells_its_length() {
    let mut out = [0; 4];
    let len = address::write("1.2.3.4:258".parse().unwrap(), &mut out);
    assert_eq!((len, &out[2..]), (16, &[1, 2][..]));
}

#[test]
fn listen_needs_an_address_and_no_connection() {
    let mut port = port();
    let mut sock = socket();
    assert_eq!(sock.listen(&mut port, 1), Err(Errno::EINVAL));
    sock.on_bound("192.0.2.2:443".parse().unwrap());
    assert_eq!(sock.listen(&mut port, -1), Ok(()));
    assert_eq!(
        port.backlog(sock.listener().unwrap()),
        crate::limits::BACKLOG
    );
    assert_eq!(sock.listen(&mut port, 3), Ok(()));
    assert_eq!(port.backlog(sock.listener().unwrap()), 3);
    assert_eq!(general(&mut sock, SO_ACCEPTCONN), 1);
    assert_eq!(sock.listen(&mut port, 0), Ok(()));
    assert!(!sock.is_listening());
    let mut pair = Pair::connecting();
    let client = pair.client.used.unwrap();
    let connected = pair.client.table.get_mut(&client).unwrap();
    assert_eq!(connected.listen(&mut port, 1), Err(Errno::EINVAL));
}

#[test]
fn accept_needs_a_listener_and_waits_for_a_client() {
    let mut pair = Pair::connecting();
    let sock = socket();
    let accepted = sock.accept(&mut pair.server.port);
    assert_eq!(accepted, Err(Stop::Failed(Errno::EINVAL)));
    let waits = pair.server.listener.accept(&mut pair.server.port);
    let on = Wait::Accept;
    let errno = Errno::EAGAIN;
    assert_eq!(waits, Err(Stop::Blocked { on, errno }));
    assert_eq!(pair.server.listener.poll(Some(&pair.server.port)), 0);
    let hello = super::handshake(inquic_uapi::QUIC_CRYPTO_INITIAL);
    pair.client_sends(&hello, 0, b"client hello").unwrap();
    pair.run(1);
    let mask = pair.server.listener.poll(Some(&pair.server.port));
    assert_eq!(mask & (POLLIN | POLLOUT), POLLIN);
    assert!(pair.server.listener.accept(&mut pair.server.port).is_ok());
    assert_eq!(pair.server.listener.poll(Some(&pair.server.port)), 0);
}

#[test]
fn closing_a_listener_refuses_those_who_wait() {
    let mut pair = Pair::connecting();
    let hello = super::handshake(inquic_uapi::QUIC_CRYPTO_INITIAL);
    pair.client_sends(&hello, 0, b"client hello").unwrap();
    pair.run(1);
    let now = pair.now;
    let refused: Vec<Handle> = core::iter::from_fn(|| {
        let host = &mut pair.server;
        host.listener.unlisten(&mut host.port)
    })
    .collect();
    assert_eq!(refused.len(), 1);
    for handle in refused {
        pair.server.table.get_mut(&handle).unwrap().close(now);
    }
    pair.run(5);
    assert_eq!(pair.client_gets(), Err(Errno::ENOTCONN));
}

#[test]
fn connect_takes_somebodys_address_once() {
    let mut port = port();
    let mut sock = socket();
    assert_eq!(sock.peer(&[0; 16]), Err(Errno::EOPNOTSUPP), "AF_UNSPEC");
    assert_eq!(sock.peer(&[]), Err(Errno::EINVAL));
    let other = sock.peer(&sockaddr("[2001:db8::1]:1"));
    assert_eq!(other, Err(Errno::EAFNOSUPPORT));
    for nobody in [
        "0.0.0.0:443",
        "239.1.1.1:443",
        "255.255.255.255:443",
        "192.0.2.1:0",
    ] {
        assert_eq!(sock.peer(&sockaddr(nobody)), Err(Errno::EINVAL), "{nobody}");
    }
    let peer = sock.peer(&sockaddr("192.0.2.2:443")).unwrap();
    let early = sock.connect(Instant::ZERO, &mut port, peer);
    assert_eq!(early.err(), Some(Errno::EINVAL), "not bound");
    sock.on_bound("192.0.2.1:1000".parse().unwrap());
    assert_eq!(sock.peer_address(), Err(Errno::ENOTCONN));
    sock.connect(Instant::ZERO, &mut port, peer).unwrap();
    assert_eq!(sock.peer_address(), Ok(peer));
    assert_eq!(sock.peer(&sockaddr("192.0.2.2:443")), Err(Errno::EINVAL));
    let again = sock.connect(Instant::ZERO, &mut port, peer);
    assert_eq!(again.err(), Some(Errno::EINVAL));
}

#[test]
fn connect_sends_nothing() {
    let mut pair = Pair::connecting();
    let now = pair.now;
    assert!(pair.client.turn(now).is_empty());
}

#[test]
fn addresses_of_both_ends_are_told() {
    let mut pair = Pair::established();
    let (client, server) = (pair.client.address, pair.server.address);
    assert_eq!(pair.client.sock().local_address(), Some(client));
    assert_eq!(pair.client.sock().peer_address(), Ok(server));
    assert_eq!(pair.server.sock().local_address(), Some(server));
    assert_eq!(pair.server.sock().peer_address(), Ok(client));
}

#[test]
fn shutdown_of_writing_closes_with_the_words() {
    let mut pair = Pair::established();
    let now = pair.now;
    let words = ConnectionClose {
        errcode: 5,
        ..ConnectionClose::default()
    };
    let number = option::QUIC_SOCKOPT_CONNECTION_CLOSE;
    set(pair.client.sock(), now, number, &bytes(&words)).unwrap();
    assert_eq!(pair.client.sock().shutdown(now, 3), Err(Errno::EINVAL));
    assert_eq!(pair.client.sock().shutdown(now, -1), Err(Errno::EINVAL));
    assert_eq!(pair.client.sock().shutdown(now, SHUT_RD), Ok(()));
    assert_eq!(pair.client_sends(&[], NEW, b"x"), Ok(1), "still open");
    assert_eq!(pair.client.sock().shutdown(now, SHUT_WR), Ok(()));
    let again = pair.client.sock().shutdown(now, SHUT_RDWR);
    assert_eq!(again, Err(Errno::ENOTCONN));
    pair.run(5);
    let told = get(pair.server.sock(), number, &[]).unwrap();
    assert_eq!(told[..4], 5_u32.to_ne_bytes());
    assert_eq!(socket().shutdown(now, SHUT_WR), Err(Errno::ENOTCONN));
}

#[test]
fn close_throws_away_what_has_not_arrived() {
    let mut pair = Pair::established();
    pair.client_sends(&[], NEW, &alloc::vec![1; 500_000])
        .unwrap();
    let now = pair.now;
    pair.client.sock().close(now);
    pair.run(3);
    let all = POLLHUP | POLLERR | POLLRDHUP | POLLIN | POLLOUT;
    assert_eq!(pair.server.sock().poll(None) & all, all);
}

#[test]
fn linger_delivers_after_close() {
    let mut pair = Pair::established();
    let now = pair.now;
    let linger = 5_000_000_u32.to_ne_bytes();
    let number = option::QUIC_SOCKOPT_LINGER;
    set(pair.client.sock(), now, number, &linger).unwrap();
    assert_eq!(get(pair.client.sock(), number, &[]), Ok(linger.to_vec()));
    pair.client_sends(&[], NEW | FIN, &alloc::vec![1; 50_000])
        .unwrap();
    pair.client.sock().close(now);
    let mut read = 0;
    for _ in 0..200 {
        pair.run(1);
        while let Ok(message) = pair.server_gets() {
            read += message.data.len();
        }
    }
    assert_eq!(read, 50_000);
    assert_eq!(pair.server_gets(), Err(Errno::ENOTCONN));
}

#[test]
fn closed_connection_is_forgotten_by_the_port() {
    let mut pair = Pair::established();
    let now = pair.now;
    pair.client.sock().close(now);
    pair.run(3_000);
    assert!(pair.client.port.endpoint().is_empty());
    assert!(pair.server.port.endpoint().is_empty());
    assert!(pair.client.table.is_empty() && pair.server.table.is_empty());
    let after = pair.client_sends(&[], MSG_NOSIGNAL | NEW, b"x");
    assert_eq!(after, Err(Errno::EPIPE), "the descriptor is still there");
}

#[test]
fn end_of_file_is_for_those_who_ask() {
    let mut pair = Pair::established();
    let now = pair.now;
    let number = option::QUIC_SOCKOPT_EOF;
    set(pair.server.sock(), now, number, &1_u32.to_ne_bytes()).unwrap();
    pair.client.sock().close(now);
    pair.run(5);
    let end = pair.server_gets().unwrap();
    assert_eq!((end.data.len(), end.flags, end.control), (0, 0, None));
    assert_eq!(pair.client_gets(), Err(Errno::ENOTCONN));
}

#[test]
fn end_of_file_is_not_said_of_an_abnormal_end() {
    let mut pair = Pair::established();
    let now = pair.now;
    let number = option::QUIC_SOCKOPT_EOF;
    set(pair.server.sock(), now, number, &1_u32.to_ne_bytes()).unwrap();
    pair.now = now + Duration::from_secs(31);
    pair.client.table.clear();
    pair.run(2);
    assert_eq!(pair.server_gets(), Err(Errno::ETIMEDOUT));
    assert_eq!(
        general(pair.server.sock(), SO_ERROR),
        Errno::ETIMEDOUT.number()
    );
    assert_eq!(general(pair.server.sock(), SO_ERROR), 0, "told once");
}

#[test]
fn failed_handshake_is_told_as_its_alert() {
    let mut pair = Pair::connecting();
    pair.greet();
    let now = pair.now;
    let words = ConnectionClose {
        errcode: 0x100 + 120,
        ..ConnectionClose::default()
    };
    let number = option::QUIC_SOCKOPT_CONNECTION_CLOSE;
    set(pair.server.sock(), now, number, &bytes(&words)).unwrap();
    pair.server.sock().close(now);
    pair.run(3);
    let told = get(pair.client.sock(), number, &[]).unwrap();
    assert_eq!(told[..4], 0x178_u32.to_ne_bytes());
}

#[test]
fn poll_of_a_socket_that_is_none_has_hung_up() {
    let mut sock = socket();
    assert_eq!(
        sock.poll(None) & (POLLIN | POLLOUT | POLLHUP),
        POLLOUT | POLLHUP
    );
}

#[test]
fn poll_of_a_connecting_socket_tells_of_handshake_messages_only() {
    let mut pair = Pair::connecting();
    assert_eq!(pair.client.sock().poll(None), 0);
    pair.greet();
    let hello = super::handshake(inquic_uapi::QUIC_CRYPTO_INITIAL);
    pair.server_sends(&hello, 0, b"server hello").unwrap();
    pair.run(2);
    let mask = pair.client.sock().poll(None);
    assert_eq!(mask & (POLLIN | POLLOUT), POLLIN);
}

#[test]
fn poll_may_write_again_when_the_active_stream_is_finished() {
    let mut pair = Pair::established();
    pair.client_sends(&[], NEW | FIN, b"x").unwrap();
    assert_eq!(pair.client.sock().poll(None) & POLLOUT, POLLOUT);
}

#[test]
fn ioctl_counts_bytes_that_wait() {
    let mut pair = Pair::established();
    pair.client_sends(&[], NEW, &[1; 3_000]).unwrap();
    let sock = pair.client.sock();
    assert_eq!(sock.ioctl(SIOCOUTQ), Ok(3_000));
    assert_eq!(sock.ioctl(SIOCOUTQNSD), Ok(3_000));
    let now = pair.now;
    pair.client.turn(now);
    let sock = pair.client.sock();
    assert_eq!(
        (sock.ioctl(SIOCOUTQ), sock.ioctl(SIOCOUTQNSD)),
        (Ok(3_000), Ok(0))
    );
    pair.client_sends(&[], 0, b"more").unwrap();
    pair.run(500);
    assert_eq!(pair.client.sock().ioctl(SIOCOUTQ), Ok(0));
    assert_eq!(pair.server.sock().ioctl(SIOCINQ), Ok(3_004));
}

#[test]
fn a_home_is_told_what_data_takes_at_each_end() {
    let mut pair = Pair::established();
    let [_, send] = pair.client.sock().charged();
    let data = alloc::vec![1; 30_000];
    pair.client_sends(&[], NEW, &data).unwrap();
    let [_, holds] = pair.client.sock().charged();
    assert!((30_000..50_000).contains(&(holds - send)), "{holds}");
    pair.run(500);
    let [receive, _] = pair.server.sock().charged();
    assert!((30_000..50_000).contains(&receive), "{receive}");
    assert_eq!(socket().charged(), [0, 0]);
}

#[test]
fn ioctl_of_a_listener_is_einval_and_another_request_enotty() {
    let pair = Pair::connecting();
    assert_eq!(pair.server.listener.ioctl(SIOCINQ), Err(Errno::EINVAL));
    assert_eq!(pair.server.listener.ioctl(0x5401), Err(Errno::ENOTTY));
    assert_eq!(socket().ioctl(0x1234), Err(Errno::ENOTTY));
    assert_eq!(socket().ioctl(SIOCOUTQ), Ok(0));
}

#[test]
fn more_data_holds_nothing_back_that_there_is_no_room_behind() {
    // The last part that is taken is cut, or fills the room to the byte.
    for len in [100_000, 65_536] {
        let mut pair = Pair::established();
        let (now, data) = (pair.now, alloc::vec![1; len]);
        let mut sends = |flags| {
            let sock = pair.client.sock();
            let sent = sock.sendmsg(now, &[], flags, &data);
            (sent.map(|sent| sent.bytes), sock.is_corked())
        };
        assert_eq!(sends(NEW | MSG_MORE), (Ok(len), true));
        let (last, corked) = loop {
            match sends(MSG_MORE) {
                (Ok(bytes), true) => assert_eq!(bytes, len),
                other => break other,
            }
        };
        assert!(!corked && last.is_ok(), "{last:?}");
        let (blocked, corked) = sends(MSG_MORE);
        assert!(!corked, "{len}");
        assert!(matches!(blocked, Err(Stop::Blocked { .. })), "{blocked:?}");
    }
}

#[test]
fn more_data_holds_packets_back_for_a_moment() {
    let mut pair = Pair::established();
    pair.client_sends(&[], NEW | MSG_MORE, b"first ").unwrap();
    assert!(pair.client.sock().is_corked());
    let now = pair.now;
    assert!(pair.client.turn(now).is_empty());
    pair.client_sends(&[], 0, b"second").unwrap();
    assert!(!pair.client.sock().is_corked());
    pair.run(2);
    assert_eq!(pair.server_gets().unwrap().data, b"first second");
    pair.client_sends(&[], MSG_MORE, b"third").unwrap();
    pair.run(300);
    assert_eq!(pair.server_gets().unwrap().data, b"third");
}

#[test]
fn general_options_read_back() {
    let mut sock = socket();
    let now = Instant::ZERO;
    let one = 1_i32.to_ne_bytes();
    let done = Ok(Set::Done);
    assert_eq!(sock.setsockopt(now, SOL_SOCKET, SO_REUSEPORT, &one), done);
    assert!(sock.shares_port());
    assert_eq!(general(&mut sock, SO_REUSEPORT), 1);
    let bytes = 100_000_i32.to_ne_bytes();
    for name in [SO_SNDBUF, SO_RCVBUF] {
        assert_eq!(sock.setsockopt(now, SOL_SOCKET, name, &bytes), done);
        assert_eq!(general(&mut sock, name), 200_000, "doubled");
    }
    let time = [2_i64.to_ne_bytes(), 500_000_i64.to_ne_bytes()].concat();
    for name in [SO_RCVTIMEO, SO_SNDTIMEO] {
        assert_eq!(sock.setsockopt(now, SOL_SOCKET, name, &time), done);
        let mut out = [0; 16];
        let got = sock.getsockopt(SOL_SOCKET, name, &[], &mut out);
        assert_eq!((got, &out[..]), (Ok(Got::Bytes(16)), &time[..]));
    }
    assert_eq!(sock.receive_timeout(), Some(Duration::from_millis(2_500)));
    assert_eq!(sock.send_timeout(), Some(Duration::from_millis(2_500)));
    let micros = [0_i64.to_ne_bytes(), 1_000_000_i64.to_ne_bytes()].concat();
    let bad = sock.setsockopt(now, SOL_SOCKET, SO_RCVTIMEO, &micros);
    assert_eq!(bad, Err(Errno::EDOM));
    let short = sock.setsockopt(now, SOL_SOCKET, SO_SNDBUF, &[1, 2]);
    assert_eq!(short, Err(Errno::EINVAL));
}

#[test]
fn max_data_sets_the_receive_buffer() {
    let mut sock = socket();
    let param = TransportParam {
        max_data: 1_000_000,
        ..TransportParam::default()
    };
    let number = option::QUIC_SOCKOPT_TRANSPORT_PARAM;
    set(&mut sock, Instant::ZERO, number, &bytes(&param)).unwrap();
    assert_eq!(general(&mut sock, SO_RCVBUF), 4_000_000);
}

#[test]
fn a_connection_that_its_port_forgets_is_gone_at_once_and_not_again() {
    let mut pair = Pair::established();
    let now = pair.now;
    let handle = pair.server.sock().handle().unwrap();
    pair.server.sock().close(now);
    pair.run(1);
    assert_eq!(pair.server.gone.len(), 0, "it goes on for a while");
    let mut sock = pair.server.table.remove(&handle).unwrap();
    assert_eq!(pair.server.port.forget(&mut sock), Some(handle));
    assert_eq!(pair.server.port.forget(&mut sock), None);
    assert!(pair.server.port.endpoint().is_empty());
    // Its own time ends later, and there is nothing left to be told.
    while let Some(deadline) = sock.next_deadline() {
        sock.expire(deadline);
        sock.take_changes();
        assert_eq!(pair.server.port.settle(deadline, &mut sock).gone, None);
    }
    assert_eq!(pair.server.port.forget(&mut socket()), None, "none at all");
}

#[test]
fn options_of_other_levels_go_to_the_home() {
    let mut sock = socket();
    let passed = sock.setsockopt(Instant::ZERO, 0, 1, &[0; 4]);
    assert_eq!(passed, Ok(Set::Pass), "IP_TOS");
    let passed = sock.setsockopt(Instant::ZERO, SOL_SOCKET, 25, b"eth0");
    assert_eq!(passed, Ok(Set::Pass), "SO_BINDTODEVICE");
    let passed = sock.getsockopt(41, 26, &[], &mut [0; 4]);
    assert_eq!(passed, Ok(Got::Pass), "IPV6_V6ONLY");
}

#[test]
fn options_of_a_listener_are_its_connections() {
    let mut pair = Pair::connecting_with(&mut |_, server| {
        super::want(server, inquic_uapi::EventType::NewToken);
        set(server, Instant::ZERO, option::QUIC_SOCKOPT_ALPN, b"echo").unwrap();
    });
    let now = pair.now;
    // Set after listen(): the port hears of it with the next turn.
    let idle = TransportParam {
        max_idle_timeout: 7_000_000,
        ..TransportParam::default()
    };
    let number = option::QUIC_SOCKOPT_TRANSPORT_PARAM;
    set(&mut pair.server.listener, now, number, &bytes(&idle)).unwrap();
    assert!(pair.server.listener.needs_port());
    pair.greet();
    pair.shake_hands();
    let sock = pair.server.sock();
    let param = get(sock, number, &[]).unwrap();
    assert_eq!(param[12..16], 7_000_000_u32.to_ne_bytes());
    let event = get(sock, option::QUIC_SOCKOPT_EVENT, &[8, 0]);
    assert_eq!(event, Ok([8, 1].to_vec()));
    assert_eq!(
        get(sock, option::QUIC_SOCKOPT_ALPN, &[]),
        Ok(b"echo".to_vec())
    );
    let peers = get(pair.client.sock(), number, &[1]).unwrap();
    assert_eq!(peers[12..16], 7_000_000_u32.to_ne_bytes());
}
