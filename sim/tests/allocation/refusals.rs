//! Calls of a socket that are refused memory, one allocation after the other: each says ENOMEM and has no effect, so that the same call,
//! made again, does what it would have done.

use inquic_platform::Duration;
use inquic_socket::sock::{Got, Stop};
use inquic_socket::{Errno, Sock};
use inquic_uapi::flags::{
    MSG_EOR, MSG_PEEK, MSG_QUIC_DATAGRAM, MSG_QUIC_NOTIFICATION, MSG_QUIC_STREAM_FIN,
    MSG_QUIC_STREAM_NEW,
};
use inquic_uapi::structs::{HandshakeInfo, StreamDescriptor, TransportParam};
use inquic_uapi::{Layout, QUIC_CRYPTO_INITIAL, QUIC_HANDSHAKE_INFO, SOL_QUIC, option};
use inquic_wire::StreamId;

use crate::allocator::{begin, engine, has_refused};
use crate::calls::{CLIENT, SERVER, bound, connect, control, established, greeted, sockaddr};
use crate::hosts::{Hosts, Over, bytes, set};

/// Makes a call until it is not refused memory any more, its first allocation being refused the first time, its second the second time;
/// `unchanged` looks in between. What it gives at last.
fn refused<T>(
    hosts: &mut Hosts,
    mut call: impl FnMut(&mut Hosts) -> Result<T, Stop>,
    mut unchanged: impl FnMut(&mut Hosts),
) -> T {
    for which in 1.. {
        begin(which, false);
        let answer = engine(|| call(hosts));
        let was_refused = has_refused();
        begin(0, false);
        match answer {
            Ok(value) => {
                assert!(which > 1, "the call takes memory");
                return value;
            }
            Err(stop) => {
                assert_eq!((stop, was_refused), (Stop::Failed(Errno::ENOMEM), true));
                unchanged(hosts);
            }
        }
    }
    unreachable!("no call takes memory without end")
}

fn sock(hosts: &mut Hosts, end: usize) -> &mut Sock {
    hosts.hosts[end].sock().expect("it is connected")
}

/// What an end has received: the bytes of all messages but events, and how many messages ended.
fn received(hosts: &mut Hosts, end: usize) -> (Vec<u8>, u32) {
    let (mut all, mut ends) = (Vec::new(), 0);
    for _ in 0..20 {
        while let Ok(Some(read)) = hosts.receive(end, 0, 700) {
            if read.flags & MSG_QUIC_NOTIFICATION != 0 {
                continue;
            }
            all.extend_from_slice(&read.bytes[..read.len]);
            ends += u32::from(read.flags & (MSG_QUIC_STREAM_FIN | MSG_EOR) != 0);
        }
        hosts.pass(Duration::from_millis(10));
    }
    (all, ends)
}

#[test]
fn stream_data_that_was_refused_memory_is_sent_once() {
    let mut hosts = established();
    let flags = MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN;
    let data = [7; 3_000];
    let now = hosts.now;
    let sent = refused(
        &mut hosts,
        |hosts| sock(hosts, CLIENT).sendmsg(now, &[], flags, &data),
        |hosts| {
            // A stream that was opened for it is the one that the same call opens.
            let (streams, waiting) = (
                hosts.hosts[SERVER].port.endpoint().len(),
                received(hosts, SERVER),
            );
            assert_eq!((streams, waiting), (1, (Vec::new(), 0)));
        },
    );
    assert_eq!(sent.bytes, data.len());
    assert_eq!(sent.stream.map(StreamId::to_u64), Some(0));
    assert!(received(&mut hosts, SERVER) == (data.to_vec(), 1));
}

#[test]
fn handshake_message_that_was_refused_memory_is_sent_once() {
    let mut hosts = greeted();
    let info = bytes(&HandshakeInfo {
        crypto_level: QUIC_CRYPTO_INITIAL,
    });
    let control = control(QUIC_HANDSHAKE_INFO, &info);
    let now = hosts.now;
    refused(
        &mut hosts,
        |hosts| sock(hosts, SERVER).sendmsg(now, &control, 0, &[5; 600]),
        |hosts| assert_eq!(received(hosts, CLIENT), (Vec::new(), 0)),
    );
    let (heard, _) = received(&mut hosts, CLIENT);
    assert_eq!(heard, [5; 600]);
}

#[test]
fn datagram_that_was_refused_memory_is_sent_once() {
    let mut hosts = established();
    let now = hosts.now;
    refused(
        &mut hosts,
        |hosts| sock(hosts, CLIENT).sendmsg(now, &[], MSG_QUIC_DATAGRAM, &[6; 500]),
        |hosts| assert_eq!(received(hosts, SERVER), (Vec::new(), 0)),
    );
    assert_eq!(received(&mut hosts, SERVER), (vec![6; 500], 1));
}

#[test]
fn datagram_that_does_not_fit_waits_for_memory_to_keep_the_rest() {
    for flags in [0, MSG_PEEK] {
        let mut hosts = established();
        let now = hosts.now;
        let sent = sock(&mut hosts, CLIENT).sendmsg(now, &[], MSG_QUIC_DATAGRAM, &[6; 500]);
        assert!(sent.is_ok());
        hosts.pass(Duration::from_millis(100));
        let now = hosts.now;
        let mut out = [0; 100];
        let first = refused(
            &mut hosts,
            |hosts| sock(hosts, SERVER).recvmsg(now, flags, &mut out, &mut []),
            |_| (),
        );
        assert_eq!((first.bytes, out), (100, [6; 100]));
        let rest = if flags == MSG_PEEK { 500 } else { 400 };
        assert_eq!(received(&mut hosts, SERVER), (vec![6; rest], 1));
    }
}

#[test]
fn handshake_message_that_is_looked_at_waits_for_memory() {
    let mut hosts = greeted();
    let info = bytes(&HandshakeInfo {
        crypto_level: QUIC_CRYPTO_INITIAL,
    });
    let (control, now) = (control(QUIC_HANDSHAKE_INFO, &info), hosts.now);
    let said = sock(&mut hosts, SERVER).sendmsg(now, &control, 0, &[5; 90]);
    assert!(said.is_ok());
    hosts.pass(Duration::from_millis(100));
    let now = hosts.now;
    let mut out = [0; 50];
    refused(
        &mut hosts,
        |hosts| sock(hosts, CLIENT).recvmsg(now, MSG_PEEK, &mut out, &mut []),
        |_| (),
    );
    assert_eq!(out, [5; 50]);
    assert_eq!(received(&mut hosts, CLIENT).0, [5; 90]);
}

#[test]
fn stream_that_was_refused_a_descriptor_is_not_open() {
    let mut hosts = established();
    let value = bytes(&StreamDescriptor {
        stream_id: -1,
        stream_flags: MSG_QUIC_STREAM_NEW,
        descriptor: 0,
    });
    let number = option::QUIC_SOCKOPT_STREAM_DESCRIPTOR as i32;
    let got = refused(
        &mut hosts,
        |hosts| sock(hosts, CLIENT).getsockopt(SOL_QUIC, number, &value, &mut [0; 16]),
        |_| (),
    );
    let Got::Stream(id) = got else {
        panic!("{got:?}");
    };
    // The first of its kind: none was opened by the calls before.
    assert_eq!(id.to_u64(), 0);
}

#[test]
fn keys_that_were_refused_memory_are_updated_later() {
    let mut hosts = established();
    let now = hosts.now;
    let number = option::QUIC_SOCKOPT_KEY_UPDATE;
    let updates = |hosts: &mut Hosts| sock(hosts, CLIENT).stats().map(|stats| stats.key_updates);
    refused(
        &mut hosts,
        |hosts| set(sock(hosts, CLIENT), now, number, &[]),
        |hosts| assert_eq!(updates(hosts), Some(0)),
    );
    assert_eq!(updates(&mut hosts), Some(1));
}

#[test]
fn option_that_was_refused_memory_keeps_its_value() {
    let mut hosts = Hosts::new();
    hosts.hosts[CLIENT].keep(bound(b"before"));
    let values = [
        (option::QUIC_SOCKOPT_ALPN, b"after".to_vec()),
        (option::QUIC_SOCKOPT_SERVER_NAMES, b"example.net".to_vec()),
        (option::QUIC_SOCKOPT_TOKEN, vec![9; 30]),
        (option::QUIC_SOCKOPT_SESSION_TICKET, vec![9; 80]),
    ];
    let now = hosts.now;
    for (number, value) in values {
        let (before, len) = hosts.get(CLIENT, number, &[]).expect("it is set");
        refused(
            &mut hosts,
            |hosts| set(sock(hosts, CLIENT), now, number, &value),
            |hosts| {
                let (now, now_len) = hosts.get(CLIENT, number, &[]).expect("it is set");
                assert_eq!(now[..now_len], before[..len]);
            },
        );
        let (after, len) = hosts.get(CLIENT, number, &[]).expect("it is set");
        assert_eq!(after[..len], value);
    }
}

#[test]
fn parameters_that_were_refused_memory_are_neither_the_options_nor_the_connections() {
    let mut hosts = Hosts::new();
    connect(&mut hosts, false).expect("there is memory");
    let number = option::QUIC_SOCKOPT_TRANSPORT_PARAM;
    let streams = |hosts: &mut Hosts| {
        let (value, _) = hosts.get(CLIENT, number, &bytes(&TransportParam::default()))?;
        Ok::<_, Over>(TransportParam::read(&value).max_streams_uni)
    };
    let param = bytes(&TransportParam {
        max_streams_uni: 33,
        ..TransportParam::default()
    });
    let now = hosts.now;
    refused(
        &mut hosts,
        |hosts| set(sock(hosts, CLIENT), now, number, &param),
        |hosts| assert_eq!(streams(hosts).expect("it is there"), 100),
    );
    assert_eq!(streams(&mut hosts).expect("it is there"), 33);
}

#[test]
fn socket_that_was_refused_memory_to_listen_does_not() {
    let mut hosts = Hosts::new();
    hosts.hosts[SERVER].keep(bound(b"h3"));
    let listens = |hosts: &mut Hosts| {
        let (sock, _) = hosts.hosts[SERVER].with_port();
        (sock.is_listening(), sock.listener().is_some())
    };
    refused(
        &mut hosts,
        |hosts| {
            let (sock, port) = hosts.hosts[SERVER].with_port();
            Ok(sock.listen(port, 4)?)
        },
        |hosts| assert_eq!(listens(hosts), (false, false)),
    );
    assert_eq!(listens(&mut hosts), (true, true));
}

#[test]
fn socket_that_was_refused_memory_to_connect_is_as_before() {
    let mut hosts = Hosts::new();
    hosts.hosts[CLIENT].keep(bound(b"h3"));
    let now = hosts.now;
    let peer = hosts.hosts[SERVER].address;
    refused(
        &mut hosts,
        |hosts| {
            let (sock, port) = hosts.hosts[CLIENT].with_port();
            Ok(sock.connect(now, port, peer)?)
        },
        |hosts| {
            let (sock, port) = hosts.hosts[CLIENT].with_port();
            assert_eq!(sock.peer_address(), Err(Errno::ENOTCONN));
            assert_eq!(sock.peer(&sockaddr(peer)), Ok(peer));
            assert!(port.endpoint().is_empty());
        },
    );
    let (sock, _) = hosts.hosts[CLIENT].with_port();
    assert_eq!(sock.peer_address(), Ok(peer));
}
