//! What a connection does besides carrying data: validation, Retry, versions, keys, closing, timeouts, resets.

use inquic_engine::{CloseReason, Config, Drop, Event, Handle, RetryPolicy};
use inquic_platform::{CipherSuite, Duration};
use inquic_sim::{Faults, Settings, World};
use inquic_wire::{Code, Direction, StreamId, Version};

fn with(config: Config) -> Settings {
    Settings {
        config,
        ..Settings::default()
    }
}

fn server_asking_for_retry() -> Settings {
    Settings {
        retry: RetryPolicy::Always,
        ..Settings::default()
    }
}

/// Sends a few bytes from the client and sees them at the server.
fn assert_carries_data(world: &mut World, client: Handle, server: Handle) {
    let id = world
        .at_client(client)
        .open(Direction::Unidirectional)
        .unwrap();
    world.at_client(client).write(id, b"hello").unwrap();
    let mut out = [0; 16];
    let arrived = world.run_until(Duration::from_secs(5), |world| {
        let now = world.now;
        world.at_server(server).accept(Direction::Unidirectional);
        world
            .at_server(server)
            .read(now, id, &mut out)
            .is_ok_and(|read| read.bytes == 5)
    });
    assert!(arrived);
    assert_eq!(&out[..5], b"hello");
}

#[test]
fn handshake_takes_one_round_trip() {
    let mut world = World::plain(1);
    let client = world.connect();
    world.run_until(Duration::from_secs(1), |world| {
        world.at_client(client).is_connected()
    });
    assert_eq!(
        world.at_client(client).stats().handshake,
        Duration::from_millis(20)
    );
}

#[test]
fn retry_costs_one_round_trip_and_keeps_no_state() {
    let mut world = World::new(
        1,
        Settings::default(),
        server_asking_for_retry(),
        Faults::default(),
    );
    let client = world.connect();
    world.run_for(Duration::from_millis(15));
    assert!(
        world.server.endpoint.is_empty(),
        "the first Initial makes no state"
    );
    assert!(world.run_until(Duration::from_secs(1), |world| {
        world.at_client(client).is_connected()
    }));
    assert_eq!(
        world.at_client(client).stats().handshake,
        Duration::from_millis(40)
    );
    world.run_for(Duration::from_millis(50));
    let server = world.server.handles()[0];
    assert_carries_data(&mut world, client, server);
}

#[test]
fn token_of_an_earlier_connection_spares_the_retry() {
    let mut world = World::new(
        1,
        Settings::default(),
        server_asking_for_retry(),
        Faults::default(),
    );
    let (client, _) = world.connected();
    let token = world
        .at_client(client)
        .take_token()
        .expect("the server gives a token");
    let remote = world.server.address;
    let again = world.client.connect(world.now, remote, &token);
    assert!(world.run_until(Duration::from_secs(1), |world| {
        world.at_client(again).is_connected()
    }));
    assert_eq!(
        world.at_client(again).stats().handshake,
        Duration::from_millis(20)
    );
}

#[test]
fn unknown_version_is_negotiated_down_to_version_1() {
    let client = with(Config {
        version: Version(0x1a2a_3a4a),
        ..Config::default()
    });
    let mut world = World::new(1, client, Settings::default(), Faults::default());
    let (client, server) = world.connected();
    assert_eq!(world.at_client(client).version(), Version::V1);
    assert_eq!(
        world.at_client(client).stats().handshake,
        Duration::from_millis(40)
    );
    assert_carries_data(&mut world, client, server);
}

#[test]
fn server_sends_three_times_what_it_received_until_it_hears_again() {
    let server = Settings {
        certificate: 20_000,
        ..Settings::default()
    };
    let mut world = World::new(1, Settings::default(), server, Faults::default());
    world.connect();
    // The client falls silent after its first datagram.
    world.up.faults.loss = 1_000;
    let mut received = 0;
    let end = world.now + Duration::from_secs(9);
    while world.step(end) {
        let server = world.server.handles();
        if let Some(&server) = server.first() {
            let stats = world.at_server(server).stats();
            received = stats.bytes_received;
            assert!(
                stats.bytes_sent <= 3 * received,
                "{} sent for {received}",
                stats.bytes_sent
            );
        }
    }
    assert_eq!(received, 1200);
    world.run_for(Duration::from_secs(3));
    assert!(
        world.server.endpoint.is_empty(),
        "gone after the handshake timeout"
    );
    assert_eq!(world.server.endpoint.half_open(), 0);
}

#[test]
fn handshake_with_a_large_certificate_gets_over_the_amplification_limit() {
    for seed in 0..20 {
        let server = Settings {
            certificate: 12_000,
            ..Settings::default()
        };
        let faults = Faults {
            loss: 200,
            ..Faults::default()
        };
        let mut world = World::new(
            seed,
            with(Config {
                handshake_timeout: Duration::from_secs(60),
                ..Config::default()
            }),
            server,
            faults,
        );
        let client = world.connect();
        let connected = world.run_until(Duration::from_secs(60), |world| {
            world.client.handles().contains(&client) && world.at_client(client).is_connected()
        });
        // The server may have given up after its own ten seconds on a very unlucky seed, but never silently.
        assert!(connected || world.server.endpoint.is_empty(), "seed {seed}");
    }
}

#[test]
fn both_ends_discard_handshake_keys_and_go_on() {
    let mut world = World::plain(1);
    let (client, server) = world.connected();
    // An Initial packet of the client's first flight replayed late is dropped without effect.
    assert_carries_data(&mut world, client, server);
    assert_eq!(world.at_server(server).stats().drops.total(), 0);
}

#[test]
fn key_update_by_either_end_is_followed() {
    let mut world = World::plain(1);
    let (client, server) = world.connected();
    let now = world.now;
    world.at_client(client).initiate_key_update(now).unwrap();
    assert_carries_data(&mut world, client, server);
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.at_server(server).stats().key_updates, 1);
    // An update needs an acknowledgement under the keys before it.
    world.at_server(server).send_ping();
    world.run_for(Duration::from_millis(100));
    let now = world.now;
    world.at_server(server).initiate_key_update(now).unwrap();
    world.at_server(server).send_ping();
    world.run_for(Duration::from_secs(2));
    assert_carries_data(&mut world, client, server);
    assert_eq!(world.at_client(client).stats().key_updates, 2);
    assert_eq!(
        world
            .at_client(client)
            .stats()
            .drops
            .of(Drop::Authentication),
        0
    );
}

#[test]
fn key_update_before_the_last_was_acknowledged_is_refused() {
    let mut world = World::plain(1);
    let (client, _) = world.connected();
    let now = world.now;
    world.at_client(client).initiate_key_update(now).unwrap();
    assert!(world.at_client(client).initiate_key_update(now).is_err());
}

#[test]
fn key_updates_survive_a_bad_link() {
    for seed in 0..10 {
        let faults = Faults {
            loss: 100,
            duplication: 50,
            jitter: Duration::from_millis(30),
            ..Faults::default()
        };
        let mut world = World::new(seed, Settings::default(), Settings::default(), faults);
        let (client, server) = world.connected();
        for _ in 0..10 {
            let now = world.now;
            // Refused while the last one is under way, which is as good here.
            let _ = world.at_client(client).initiate_key_update(now);
            let _ = world.at_server(server).initiate_key_update(now);
            assert_carries_data(&mut world, client, server);
            world.run_for(Duration::from_millis(700));
        }
        assert!(
            world.at_client(client).stats().key_updates >= 3,
            "seed {seed}"
        );
        assert!(world.at_client(client).close_reason().is_none());
    }
}

#[test]
fn close_arrives_with_code_and_reason_and_both_ends_forget() {
    let mut world = World::plain(1);
    let (client, server) = world.connected();
    let now = world.now;
    world.at_client(client).close(now, 77, b"done");
    world.run_for(Duration::from_millis(15));
    let reason = CloseReason::PeerApplication {
        code: 77,
        reason: b"done".to_vec(),
    };
    assert_eq!(world.at_server(server).close_reason(), Some(&reason));
    world.run_for(Duration::from_secs(2));
    assert!(world.client.endpoint.is_empty() && world.server.endpoint.is_empty());
    let events: Vec<Event> = world
        .server
        .take_events()
        .into_iter()
        .map(|(_, event)| event)
        .collect();
    assert!(events.contains(&Event::Closed) && events.last() == Some(&Event::Gone));
}

#[test]
fn lost_close_is_repeated_when_the_peer_goes_on() {
    let mut world = World::plain(1);
    let (client, server) = world.connected();
    let now = world.now;
    world.up.faults.loss = 1_000;
    world.at_client(client).close(now, 5, b"");
    world.run_for(Duration::from_millis(5));
    world.up.faults.loss = 0;
    world.at_server(server).send_ping();
    world.run_for(Duration::from_millis(100));
    assert!(matches!(
        world.at_server(server).close_reason(),
        Some(CloseReason::PeerApplication { code: 5, .. })
    ));
}

#[test]
fn close_during_the_handshake_does_not_show_the_application_code() {
    let mut world = World::plain(1);
    let client = world.connect();
    world.run_for(Duration::from_millis(12));
    let now = world.now;
    world.at_client(client).close(now, 99, b"secret");
    world.run_for(Duration::from_millis(100));
    let events = world.server.take_events();
    let (server, _) = events[0];
    let gone = !world.server.handles().contains(&server);
    assert!(
        gone || matches!(
            world.at_server(server).close_reason(),
            Some(CloseReason::PeerTransport { code: Code::Application, reason, .. }) if reason.is_empty()
        )
    );
}

#[test]
fn tls_alert_arrives_as_crypto_error() {
    let mut world = World::plain(1);
    let client = world.connect();
    world.run_for(Duration::from_millis(11));
    let server = world.server.handles()[0];
    let now = world.now;
    world.at_server(server).fail_handshake(now, 120);
    world.run_for(Duration::from_millis(15));
    assert!(matches!(
        world.at_client(client).close_reason(),
        Some(CloseReason::PeerTransport {
            code: Code::Crypto(120),
            ..
        })
    ));
}

#[test]
fn idle_connection_ends_at_the_smaller_timeout() {
    let server = with(Config {
        idle_timeout: Duration::from_secs(5),
        ..Config::default()
    });
    let mut world = World::new(1, Settings::default(), server, Faults::default());
    let (client, _) = world.connected();
    let begin = world.now;
    assert!(world.run_until(Duration::from_secs(40), |world| {
        world.client.handles().is_empty()
    }));
    let seconds = world.now.since(begin).as_millis();
    assert!((4_800..=5_100).contains(&seconds), "{seconds} ms");
    assert!(!world.client.handles().contains(&client));
}

#[test]
fn keep_alive_holds_an_idle_connection() {
    let client = with(Config {
        keep_alive: Some(Duration::from_secs(10)),
        ..Config::default()
    });
    let mut world = World::new(1, client, Settings::default(), Faults::default());
    let (client, server) = world.connected();
    world.run_for(Duration::from_secs(300));
    assert!(world.at_client(client).is_connected() && world.at_server(server).is_connected());
    assert!(
        world.at_client(client).stats().packets_sent < 80,
        "one PING each ten seconds"
    );
}

#[test]
fn dead_peer_is_given_up() {
    let mut world = World::plain(1);
    let (client, _) = world.connected();
    world.up.faults.loss = 1_000;
    world.down.faults.loss = 1_000;
    let id = world
        .at_client(client)
        .open(Direction::Bidirectional)
        .unwrap();
    world.at_client(client).write(id, &[1; 100]).unwrap();
    assert!(world.run_until(Duration::from_secs(60), |world| {
        world.client.handles().is_empty()
    }));
    let before = world.up.carried;
    assert!(before < 40, "{before} datagrams into the void");
}

#[test]
fn server_that_lost_its_state_resets() {
    let mut world = World::plain(1);
    let (client, server) = world.connected();
    world.server.endpoint.remove(server);
    let id = world
        .at_client(client)
        .open(Direction::Bidirectional)
        .unwrap();
    world.at_client(client).write(id, &[1; 100]).unwrap();
    world.run_for(Duration::from_millis(30));
    assert_eq!(
        world.at_client(client).close_reason(),
        Some(&CloseReason::StatelessReset)
    );
}

#[test]
fn client_that_lost_its_state_resets() {
    let mut world = World::plain(1);
    let (client, server) = world.connected();
    world.client.endpoint.remove(client);
    let id = world
        .at_server(server)
        .open(Direction::Bidirectional)
        .unwrap();
    world.at_server(server).write(id, &[1; 100]).unwrap();
    world.run_for(Duration::from_millis(30));
    // The client's ids after the first come with tokens; the server uses the first, which has none.
    assert!(world.at_server(server).close_reason().is_none());
}

#[test]
fn several_connections_share_one_port() {
    let mut world = World::plain(1);
    let clients: Vec<_> = (0..20).map(|_| world.connect()).collect();
    world.run_for(Duration::from_secs(1));
    for client in clients {
        assert!(world.at_client(client).is_connected());
    }
    assert_eq!(world.server.endpoint.len(), 20);
}

#[test]
fn each_suite_survives_corruption() {
    for suite in [
        CipherSuite::Aes256GcmSha384,
        CipherSuite::ChaCha20Poly1305Sha256,
        CipherSuite::Aes128CcmSha256,
    ] {
        let settings = Settings {
            suite,
            ..Settings::default()
        };
        let faults = Faults {
            corruption: 200,
            ..Faults::default()
        };
        let mut world = World::new(7, settings.clone(), settings, faults);
        let (client, server) = world.connected();
        assert_carries_data(&mut world, client, server);
    }
}

#[test]
fn same_seed_gives_the_same_run() {
    let run = || {
        let faults = Faults {
            loss: 100,
            jitter: Duration::from_millis(9),
            ..Faults::default()
        };
        let mut world = World::new(42, Settings::default(), Settings::default(), faults);
        let (client, server) = world.connected();
        assert_carries_data(&mut world, client, server);
        (
            world.now,
            world.up.carried,
            world.down.carried,
            world.at_client(client).stats(),
        )
    };
    assert_eq!(run(), run());
}

#[test]
fn client_without_a_first_message_sends_nothing() {
    use inquic_engine::{Endpoint, EndpointKeys, Path};
    use inquic_platform::{Instant, Platform, aws_lc::AwsLc};
    use std::sync::Arc;

    let platform: Arc<dyn Platform> = Arc::new(AwsLc::seeded(1));
    let mut endpoint = Endpoint::new(platform, EndpointKeys::from_master([1; 32]));
    let now = Instant::ZERO + Duration::from_secs(100);
    let path = Path {
        local: None,
        remote: "192.0.2.2:4433".parse().unwrap(),
    };
    let config = Arc::new(Config::default());
    let (_, mut connection) = endpoint.connect(now, &config, path, &[]).unwrap();
    let mut buffer = [0; 1_500];
    assert_eq!(connection.transmit(now, &mut buffer), None);
    let later = now + Duration::from_secs(5);
    assert!(connection.next_deadline().unwrap() > later);
    connection.expire(later);
    assert_eq!(connection.transmit(later, &mut buffer), None);
}

#[test]
fn written_data_is_flushed_when_it_is_acknowledged() {
    let mut world = World::plain(1);
    let (client, _) = world.connected();
    assert!(world.at_client(client).is_flushed());
    let id = world
        .at_client(client)
        .open(Direction::Bidirectional)
        .unwrap();
    world.at_client(client).write(id, &[1; 100]).unwrap();
    world
        .at_client(client)
        .streams()
        .unwrap()
        .finish(id)
        .unwrap();
    world.flush();
    assert!(!world.at_client(client).is_flushed());
    world.run_for(Duration::from_millis(60));
    assert!(world.at_client(client).is_flushed());
}

#[test]
fn streams_that_came_before_the_close_can_be_taken_after_it() {
    let mut world = World::plain(1);
    let (client, server) = world.connected();
    let id = world
        .at_client(client)
        .open(Direction::Unidirectional)
        .unwrap();
    world.at_client(client).write(id, b"last words").unwrap();
    world.flush();
    let now = world.now;
    world.at_client(client).close(now, 0, b"");
    world.run_for(Duration::from_millis(15));
    assert!(world.at_server(server).close_reason().is_some());
    assert_eq!(
        world.at_server(server).accept(Direction::Unidirectional),
        Some(id)
    );
    let mut out = [0; 16];
    let now = world.now;
    assert_eq!(
        world
            .at_server(server)
            .read(now, id, &mut out)
            .unwrap()
            .bytes,
        10
    );
}

/// A server that has had 100,000 bytes and the end of a stream for some seconds, and has not looked at them.
fn long_unread() -> (World, Handle, StreamId) {
    let mut world = World::plain(1);
    let (client, server) = world.connected();
    let id = world
        .at_client(client)
        .open(Direction::Unidirectional)
        .unwrap();
    world
        .at_client(client)
        .write(id, &vec![7; 100_000])
        .unwrap();
    world
        .at_client(client)
        .streams()
        .unwrap()
        .finish(id)
        .unwrap();
    world.run_for(Duration::from_secs(5));
    (world, server, id)
}

#[test]
fn memory_of_what_is_read_late_is_given_back() {
    let (mut world, server, id) = long_unread();
    let now = world.now;
    let connection = world.at_server(server);
    assert_eq!(connection.accept(Direction::Unidirectional), Some(id));
    let mut out = vec![0; 100_000];
    assert!(connection.read(now, id, &mut out).unwrap().fin);
    assert!(connection.audit().charged > 100_000);
    world.run_for(Duration::from_secs(2));
    let charged = world.at_server(server).audit().charged;
    assert!(charged < 1_000, "{charged}");
}

#[test]
fn memory_of_what_is_stopped_late_is_given_back() {
    let (mut world, server, id) = long_unread();
    let connection = world.at_server(server);
    assert_eq!(connection.accept(Direction::Unidirectional), Some(id));
    connection.streams().unwrap().stop(id, 1).unwrap();
    world.run_for(Duration::from_secs(1));
    let charged = world.at_server(server).audit().charged;
    assert!(charged < 1_000, "{charged}");
}

#[test]
fn every_datagram_of_a_batch_that_is_not_looked_into_is_counted() {
    let mut world = World::plain(1);
    let (client, _) = world.connected();
    let now = world.now;
    let connection = world.at_client(client);
    let path = connection.path();
    connection.close(now, 0, &[]);
    let before = connection.stats().drops.of(Drop::Closed);
    let mut bytes = [0x40; 250];
    connection.receive(
        now,
        inquic_engine::Received {
            path,
            bytes: &mut bytes,
            segment: 100,
            ecn: 0,
        },
    );
    assert_eq!(connection.stats().drops.of(Drop::Closed), before + 3);
}
