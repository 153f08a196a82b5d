//! The blocking face over loopback.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use common::{PATIENCE, exchange, identity, identity_of, pair, pattern, send_back, until};
use inquic::cert::CertificateAuthority;
use inquic::{Connection, EcnState, Error, Listener, TransportConfig};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

fn echo(connection: Connection) -> thread::JoinHandle<Error> {
    thread::spawn(move || {
        send_back(&connection);
        connection.closed()
    })
}

#[test]
fn what_is_written_comes_back_from_an_echo() {
    let (_listener, client, server) = pair();
    let echo = echo(server);
    let mut stream = client.open().unwrap();
    stream.write_all(b"hello").unwrap();
    stream.finish().unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "hello");
    client.close(7, "done");
    assert_eq!(
        echo.join().unwrap(),
        Error::ClosedByPeer {
            code: 7,
            reason: "done".into()
        }
    );
}

#[test]
fn ten_megabytes_go_both_ways_at_once() {
    let (_listener, client, server) = pair();
    let echo = echo(server);
    exchange(&client, &pattern(1, 10 << 20));
    drop(client);
    assert_eq!(echo.join().unwrap().peer_code(), Some(0));
}

#[test]
fn the_handshake_tells_what_was_agreed_on() {
    let (_listener, client, server) = pair();
    let info = client.handshake_info().unwrap();
    assert_eq!(info.alpn, b"test/1");
    assert_eq!(info.version, 1);
    assert_eq!(info.key_exchange, Some(inquic::KeyExchange::X25519MlKem768));
    assert!(!info.resumed);
    assert!(info.duration > Duration::ZERO);
    assert_eq!(server.alpn(), b"test/1");
    assert_eq!(server.peer_addr().ip(), client.local_addr().ip());
    assert!(["embedded", "kernel"].contains(&client.home()));
}

#[test]
fn a_second_connection_of_the_same_builder_resumes() {
    let identity = identity();
    let (listener, address) = identity.listener();
    let builder = identity.builder();
    let first = builder.connect(&address).unwrap();
    // The tickets come with the first answer.
    let echo = echo(listener.accept().unwrap());
    let mut stream = first.open().unwrap();
    stream.write_all(b"x").unwrap();
    stream.finish().unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    let second = builder.connect(&address).unwrap();
    assert!(second.handshake_info().unwrap().resumed);
    drop((stream, first));
    echo.join().unwrap();
}

#[test]
fn ipv4_and_ipv6_reach_a_wildcard_listener() {
    let identity = identity();
    let listener = identity.listen(Listener::builder()).bind("[::]:0").unwrap();
    let port = listener.local_addr().port();
    let builder = identity.builder();
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        let client = builder.connect(&format!("{host}:{port}")).unwrap();
        let server = listener.accept().unwrap();
        assert_eq!(
            server.peer_addr().is_ipv4(),
            client.peer_addr().is_ipv4(),
            "{host}"
        );
        assert_eq!(client.peer_addr().port(), port);
    }
}

#[test]
fn several_threads_serve_one_port() {
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .io_threads(3)
        .bind("127.0.0.1:0")
        .unwrap();
    let address = listener.local_addr().to_string();
    let builder = identity.builder();
    let clients: Vec<_> = (0..8)
        .map(|seed| {
            let (builder, address) = (builder.clone(), address.clone());
            thread::spawn(move || {
                let data = pattern(seed, 300_000);
                let client = builder.connect(&address).unwrap();
                let (mut send, mut receive) = client.open().unwrap().split();
                let sent = data.clone();
                let writer = thread::spawn(move || {
                    send.write_all(&sent).unwrap();
                    send.finish().unwrap();
                });
                let mut answer = Vec::new();
                receive.read_to_end(&mut answer).unwrap();
                writer.join().unwrap();
                let at = answer.iter().zip(&data).position(|(a, b)| a != b);
                assert!(answer == data, "{} {} {at:?}", answer.len(), data.len());
            })
        })
        .collect();
    let echoes: Vec<_> = (0..8).map(|_| echo(listener.accept().unwrap())).collect();
    for client in clients {
        client.join().unwrap();
    }
    for echo in echoes {
        echo.join().unwrap();
    }
}

#[test]
fn what_arrived_before_the_close_can_still_be_read() {
    let (_listener, client, server) = pair();
    let mut stream = server.open_uni().unwrap();
    stream.write_all(&pattern(3, 100_000)).unwrap();
    stream.finish().unwrap();
    let mut reader = client.accept_uni().unwrap().unwrap();
    drop((stream, server));
    client.closed();
    let mut data = Vec::new();
    reader.read_to_end(&mut data).unwrap();
    assert!(data == pattern(3, 100_000));
}

#[test]
fn a_port_in_use_is_told() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = identity()
        .listen(Listener::builder())
        .bind(address)
        .unwrap_err();
    assert_eq!(error, Error::PortInUse(address));
}

#[test]
fn an_unknown_host_is_told() {
    let builder = identity().builder();
    let error = builder.connect("no-such-host.invalid:1").unwrap_err();
    assert!(matches!(error, Error::UnknownHost { host, .. } if host == "no-such-host.invalid"));
}

#[test]
fn a_network_without_a_way_is_told() {
    let builder = identity().builder();
    // A class E address: the kernel refuses to send there, or nobody answers.
    let config = TransportConfig::default().handshake_timeout(Duration::from_millis(300));
    let error = builder.config(config).connect("[100::1]:4433").unwrap_err();
    assert!(
        matches!(error, Error::NoRoute(_) | Error::NoAnswer { .. }),
        "{error}"
    );
}

#[test]
fn a_silent_port_gives_no_answer() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let config = TransportConfig::default().handshake_timeout(Duration::from_millis(200));
    let builder = identity().builder().config(config);
    let error = builder.connect(&address.to_string()).unwrap_err();
    assert_eq!(error, Error::NoAnswer { peer: address });
}

#[test]
fn a_certificate_of_another_authority_is_told_to_both_ends() {
    let (_listener, address) = identity().listener();
    let builder = identity().builder();
    let error = builder.connect(&address).unwrap_err();
    assert!(matches!(error, Error::WrongCa(_)), "{error}");
}

#[test]
fn a_certificate_that_has_expired_is_told() {
    let ca = CertificateAuthority::new("Test CA").unwrap();
    // Good for one day, the second of 1970.
    let day = Duration::from_secs(24 * 3600);
    let (from, to) = (UNIX_EPOCH + day, UNIX_EPOCH + 2 * day);
    let issued = ca.issue_between(&["127.0.0.1"], from, to).unwrap();
    let identity = identity_of(&ca, &issued);
    let (_listener, address) = identity.listener();
    let error = identity.builder().connect(&address).unwrap_err();
    assert!(matches!(error, Error::CertificateExpired(_)), "{error}");
}

#[test]
fn a_name_that_the_certificate_does_not_have_is_told() {
    let identity = identity();
    let (_listener, address) = identity.listener();
    let builder = identity.builder().server_name("example.org");
    let error = builder.connect(&address).unwrap_err();
    assert!(matches!(error, Error::WrongName(_)), "{error}");
}

#[test]
fn no_common_protocol_is_told() {
    let identity = identity();
    let (_listener, address) = identity.listener();
    let builder = identity.builder().alpn(["another/1"]);
    let error = builder.connect(&address).unwrap_err();
    assert!(matches!(error, Error::NoCommonAlpn(_)), "{error}");
}

#[test]
fn a_peer_that_falls_silent_is_gone_after_the_idle_timeout() {
    let identity = identity();
    // Longer than a busy machine lets a handshake wait.
    let config = TransportConfig::default().idle_timeout(Duration::from_secs(3));
    let listener = identity
        .listen(Listener::builder())
        .config(config)
        .bind("127.0.0.1:0")
        .unwrap();
    let address = listener.local_addr().to_string();
    let client = identity.builder().connect(&address).unwrap();
    let server = listener.accept().unwrap();
    // Nobody sends anything: both ends give up at their own clocks.
    assert_eq!(server.closed(), Error::PeerGone);
    assert_eq!(client.closed(), Error::PeerGone);
    assert_eq!(client.open().unwrap_err(), Error::PeerGone);
}

#[test]
fn a_reset_stream_says_so_to_its_reader() {
    let (_listener, client, server) = pair();
    let mut stream = client.open_uni().unwrap();
    stream.write_all(b"some").unwrap();
    let mut reader = server.accept_uni().unwrap().unwrap();
    stream.reset(42).unwrap();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let inner = error.get_ref().unwrap().downcast_ref::<Error>();
    assert_eq!(inner, Some(&Error::Reset(42)));
}

#[test]
fn a_stopped_stream_says_so_to_its_writer() {
    let (_listener, client, server) = pair();
    let mut stream = client.open_uni().unwrap();
    stream.write_all(b"some").unwrap();
    let mut reader = server.accept_uni().unwrap().unwrap();
    reader.stop(43).unwrap();
    let data = vec![0; 1 << 20];
    let error = loop {
        if let Err(error) = stream.write(&data) {
            break error;
        }
    };
    let inner = error.get_ref().unwrap().downcast_ref::<Error>();
    assert_eq!(inner, Some(&Error::Stopped(43)));
}

#[test]
fn finishing_a_stream_of_a_connection_that_is_over_says_why() {
    let (_listener, client, server) = pair();
    let mut stream = client.open_uni().unwrap();
    stream.write_all(b"some").unwrap();
    server.close(7, "enough");
    let closed = client.closed();
    assert_eq!(closed.peer_code(), Some(7));
    assert_eq!(stream.finish(), Err(closed));
}

#[test]
fn a_writer_that_is_dropped_before_its_end_resets_the_stream() {
    let (_listener, client, server) = pair();
    let mut stream = client.open_uni().unwrap();
    stream.write_all(b"some").unwrap();
    let mut reader = server.accept_uni().unwrap().unwrap();
    drop(stream);
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_peer_that_closes_with_code_zero_ends_accept() {
    let (_listener, client, server) = pair();
    drop(client);
    assert!(server.accept().unwrap().is_none());
    assert!(server.accept_uni().unwrap().is_none());
}

#[test]
fn a_key_update_goes_unnoticed_by_streams() {
    let (_listener, client, server) = pair();
    let echo = echo(server);
    for round in 0..3 {
        let mut stream = client.open().unwrap();
        stream.write_all(&pattern(round, 100_000)).unwrap();
        while client.key_update().is_err() {
            thread::sleep(Duration::from_millis(1));
        }
        stream.finish().unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer == pattern(round, 100_000));
    }
    assert_eq!(client.stats().key_updates, 3);
    drop(client);
    echo.join().unwrap();
}

#[test]
fn a_closed_listener_wakes_accept_and_keeps_its_connections() {
    let (listener, client, server) = pair();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| listener.accept().unwrap_err());
        thread::sleep(Duration::from_millis(20));
        listener.close();
        assert_eq!(waiting.join().unwrap(), Error::ListenerClosed);
    });
    let echo = echo(server);
    let mut stream = client.open().unwrap();
    stream.write_all(b"still").unwrap();
    stream.finish().unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "still");
    drop((stream, client));
    echo.join().unwrap();
}

#[test]
fn a_full_backlog_takes_connections_again_once_some_are_accepted() {
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .backlog(2)
        .bind("127.0.0.1:0")
        .unwrap();
    let address = listener.local_addr().to_string();
    let builder = identity.builder();
    let first = builder.connect(&address).unwrap();
    let second = builder.connect(&address).unwrap();
    thread::sleep(Duration::from_millis(50));
    let third = thread::spawn(move || builder.connect(&address));
    thread::sleep(Duration::from_millis(100));
    assert!(!third.is_finished(), "the backlog is full");
    let accepted = [listener.accept().unwrap(), listener.accept().unwrap()];
    // The client's retransmission is let in.
    let third = third.join().unwrap().unwrap();
    let last = listener.accept().unwrap();
    assert_eq!(last.peer_addr().port(), third.local_addr().port());
    drop((first, second, accepted));
}

#[test]
fn descriptors_are_readable_while_calls_would_not_wait() {
    let (listener, client, server) = pair();
    let is_readable_within = |descriptor: &inquic::Readiness, limit: Duration| {
        let limit = Timespec::try_from(limit).unwrap();
        poll(&mut [PollFd::new(descriptor, PollFlags::IN)], Some(&limit)) == Ok(1)
    };
    let is_readable =
        |descriptor: &inquic::Readiness| is_readable_within(descriptor, Duration::ZERO);
    let becomes_readable =
        |descriptor: &inquic::Readiness| is_readable_within(descriptor, PATIENCE);
    let pending = listener.readiness().unwrap();
    assert!(!is_readable(&pending));

    let incoming = server.accept_readiness().unwrap();
    server.set_nonblocking(true);
    assert_eq!(server.accept().unwrap_err(), Error::WouldBlock);
    assert!(!is_readable(&incoming));
    let mut stream = client.open().unwrap();
    stream.write_all(b"one").unwrap();
    assert!(becomes_readable(&incoming));
    let mut served = server.accept().unwrap().unwrap();
    served.set_nonblocking(true);
    let readable = served.read_readiness().unwrap();
    assert!(becomes_readable(&readable));
    let mut buffer = [0; 16];
    assert_eq!(served.read(&mut buffer).unwrap(), 3);
    assert!(!is_readable(&readable));
    assert_eq!(
        served.read(&mut buffer).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    stream.write_all(b"two").unwrap();
    assert!(becomes_readable(&readable));

    let writable = served.write_readiness().unwrap();
    assert!(is_readable(&writable));
    let data = vec![0; 1 << 20];
    // Acknowledgements may make room again and again, until the peer's window is used up.
    until("there is no room", || {
        while served.write(&data).is_ok() {}
        !is_readable(&writable) && served.write(&data).is_err()
    });

    drop((client, stream));
    assert!(becomes_readable(&readable));
    assert!(becomes_readable(&writable));
}

/// What both ends found out about a path of loopback where neither had to wait so long for the other that it took its packets for
/// lost, which has it ask about their size.
fn found(address: &str, config: &TransportConfig) -> [inquic::Stats; 2] {
    let undisturbed = |stats: &[inquic::Stats; 2]| {
        stats
            .iter()
            .all(|stats| stats.probe_timeouts == 0 && stats.packets_lost == 0)
    };
    let mut tries = (0..50).map(|_| transfer(address, config.clone()));
    tries.find(undisturbed).expect("a transfer without losses")
}

/// The same after so much went each way as takes a few round trips and fits the sockets' buffers.
fn transfer(address: &str, config: TransportConfig) -> [inquic::Stats; 2] {
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .config(config.clone())
        .bind(address)
        .unwrap();
    let to = listener.local_addr().to_string();
    let client = identity.builder().config(config).connect(&to).unwrap();
    let server = listener.accept().unwrap();
    let ends = server.clone();
    let echo = echo(server);
    exchange(&client, &pattern(9, 100_000));
    let stats = [client.stats(), ends.stats()];
    drop((client, ends));
    echo.join().unwrap();
    stats
}

#[test]
fn the_largest_packets_of_each_family_are_found_and_marks_arrive() {
    for (address, size) in [("127.0.0.1:0", 1_472), ("[::1]:0", 1_452)] {
        for stats in found(address, &TransportConfig::default()) {
            assert_eq!(stats.datagram_size, size, "{stats:?}");
            assert_eq!(
                (stats.mtu_probes, stats.mtu_black_holes),
                (1, 0),
                "{stats:?}"
            );
            assert_eq!((stats.ecn, stats.ecn_failures), (EcnState::Capable, 0));
        }
    }
}

#[test]
fn jumbo_packets_are_found_where_they_are_wanted() {
    let config = TransportConfig::default().udp_payload_ceiling(9_000);
    for stats in found("127.0.0.1:0", &config) {
        assert_eq!(stats.datagram_size, 9_000, "{stats:?}");
    }
}

#[test]
fn a_fixed_size_is_not_searched() {
    let config = TransportConfig::default()
        .udp_payload(1_452)
        .udp_payload_ceiling(1_452);
    for stats in found("127.0.0.1:0", &config) {
        assert_eq!(
            (stats.datagram_size, stats.mtu_probes),
            (1_452, 0),
            "{stats:?}"
        );
    }
    let config = TransportConfig::default().udp_payload(1_452);
    for stats in found("127.0.0.1:0", &config) {
        assert!(stats.mtu_probes > 0, "otherwise it is: {stats:?}");
    }
}
