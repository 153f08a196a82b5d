//! What a C module of this kind is known to get wrong, one behaviour a test: `docs/weaknesses.txt` says which test is about what.

use inquic_engine::{Config, Drop, Route};
use inquic_platform::Duration;
use inquic_sim::{Attacker, Bulk, Duel, Faults, Settings, World, frames};
use inquic_wire::frame::{write_ack, write_connection_close, write_new_token, write_ping};
use inquic_wire::{Code, ConnectionId, Direction, Frame, Frames, Level, Role, Version};

/// Every ACK frame that the victim sent, as its largest number and its delay.
fn acks(duel: &Duel) -> Vec<(u64, u64)> {
    let role = if duel.is_server() {
        Role::Client
    } else {
        Role::Server
    };
    let heard = duel.heard.iter();
    let one_rtt = heard.filter(|packet| packet.level == Level::OneRtt);
    one_rtt
        .flat_map(|packet| Frames::new(&packet.payload, packet.level, role))
        .filter_map(|frame| match frame {
            Ok(Frame::Ack(ack)) => Some((ack.largest, ack.delay)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_close_in_an_initial_packet_ends_no_connection_that_is_established() {
    let close = frames(|w| write_connection_close(w, Code::NoError, 0, b""));
    let original = ConnectionId::new(b"original").unwrap();
    for duel in [Duel::with_server, Duel::with_client] {
        let mut duel = duel(&Settings::default());
        let parameters = duel.attacker.parameters();
        duel.shake(&parameters);
        duel.wait(Duration::from_millis(100));
        assert!(duel.connection().is_connected());
        let known = duel.attacker.dcid;
        for dcid in [known, original] {
            duel.attacker.dcid = dcid;
            let forged = duel.attacker.initial(&close);
            duel.send_datagram(&forged);
        }
        assert!(duel.connection().is_connected());
        assert_eq!(duel.connection().close_reason(), None);
    }
}

#[test]
fn an_initial_packet_of_another_version_that_does_not_open_changes_nothing() {
    let mut duel = Duel::with_client(&Settings::default());
    let mut forged = duel.attacker.initial(&frames(write_ping));
    forged[1..5].copy_from_slice(&Version::V2.0.to_be_bytes());
    // The type bits of version 2 for an Initial packet.
    forged[0] = forged[0] & 0xcf | 0x10;
    duel.attacker.numbers = [0; 4];
    duel.send_datagram(&forged);
    assert_eq!(duel.connection().stats().drops.total(), 1);
    assert_eq!(duel.connection().version(), Version::V1);
    let parameters = duel.attacker.parameters();
    duel.shake(&parameters);
    assert!(duel.connection().is_connected());
    assert_eq!(duel.connection().version(), Version::V1);
}

#[test]
fn delays_are_read_with_the_peers_exponent_and_written_with_ours() {
    let duel = Duel::with_server(&Settings::default());
    let mut parameters = duel.attacker.parameters();
    parameters.ack_delay_exponent = 10;
    parameters.max_ack_delay_ms = 1_000;
    let mut duel = duel.connected_with(&parameters);
    // Half of 80 ms were the peer's: 40 times 1,024 microseconds.
    for _ in 0..100 {
        duel.connection().send_ping();
        duel.flush();
        let newest = duel.heard.last().unwrap().number;
        duel.wait(Duration::from_millis(80));
        let ack = frames(|w| write_ack(w, std::iter::once(newest..=newest), 40, None).map(|_| ()));
        duel.send(Level::OneRtt, &ack);
        // A sample without any delay, so that there is less than it to subtract from.
        duel.connection().send_ping();
        duel.flush();
        let newest = duel.heard.last().unwrap().number;
        duel.wait(Duration::from_millis(39));
        let ack = frames(|w| write_ack(w, std::iter::once(newest..=newest), 0, None).map(|_| ()));
        duel.send(Level::OneRtt, &ack);
    }
    let smoothed = duel.connection().stats().rtt_smoothed;
    let near = Duration::from_millis(38)..Duration::from_millis(42);
    assert!(near.contains(&smoothed), "{smoothed:?}");
    // We said nothing of an exponent, so it is 3: 25 ms are 3,125 times eight microseconds.
    duel.heard.clear();
    duel.attacker.numbers[Level::OneRtt.index()] += 1;
    duel.send(Level::OneRtt, &frames(write_ping));
    duel.heard.clear();
    duel.send(Level::OneRtt, &frames(write_ping));
    duel.wait(Duration::from_millis(25));
    let (_, delay) = *acks(&duel).last().expect("an acknowledgement");
    assert!((3_000..=3_200).contains(&delay), "{delay}");
}

#[test]
fn values_at_the_edges_of_what_is_permitted_are_taken() {
    let edges = [
        (2, 1, 1_200, 0),
        (9, 999, 65_528, 1),
        ((1 << 62) - 1, (1 << 62) - 1, (1 << 62) - 1, 1_199),
        (8, 0, 1_200, (1 << 62) - 1),
    ];
    for (ids, idle, payload, datagram) in edges {
        for duel in [Duel::with_server, Duel::with_client] {
            let duel = duel(&Settings::default());
            let mut parameters = duel.attacker.parameters();
            parameters.active_connection_id_limit = ids;
            parameters.max_idle_timeout_ms = idle;
            parameters.max_udp_payload_size = payload;
            parameters.max_datagram_frame_size = datagram;
            let mut duel = duel;
            duel.shake(&parameters);
            assert!(duel.connection().is_connected(), "{ids} {idle} {payload}");
        }
    }
}

#[test]
fn a_token_too_long_to_be_kept_is_acknowledged_all_the_same() {
    let mut duel = Duel::with_client(&Settings::default()).connected();
    duel.send(Level::OneRtt, &frames(write_ping));
    let long = frames(|w| write_new_token(w, &[7; 1_000]));
    let number = duel.attacker.numbers[Level::OneRtt.index()];
    duel.send(Level::OneRtt, &long);
    duel.wait(Duration::from_millis(30));
    assert!(acks(&duel).iter().any(|(largest, _)| *largest >= number));
    assert_eq!(duel.connection().take_token(), None);
    assert_eq!(duel.connection().close_reason(), None);
}

#[test]
fn an_acknowledgement_in_sixty_five_ranges_counts() {
    let mut duel = Duel::with_open_server(&Settings::default()).connected();
    let mut numbers = Vec::new();
    for _ in 0..130 {
        duel.connection().send_ping();
        duel.flush();
        numbers.push(duel.heard.last().unwrap().number);
    }
    let ranges = numbers
        .iter()
        .rev()
        .step_by(2)
        .map(|&number| number..=number);
    assert_eq!(ranges.clone().count(), 65);
    let ack = frames(|w| write_ack(w, ranges, 0, None).map(|_| ()));
    duel.send(Level::OneRtt, &ack);
    let stats = duel.connection().stats();
    assert_eq!(stats.drops.total(), 0);
    // Those between the ranges are lost, and nothing is waited for but the newest.
    assert!((63..=70).contains(&stats.packets_lost), "{stats:?}");
    assert_eq!(duel.connection().close_reason(), None);
}

#[test]
fn what_is_sent_puts_the_idle_timeout_off_once() {
    let settings = Settings {
        config: Config {
            idle_timeout: Duration::from_secs(10),
            ..Config::default()
        },
        ..Settings::default()
    };
    let mut duel = Duel::with_server(&settings).connected();
    duel.send(Level::OneRtt, &frames(write_ping));
    duel.send(Level::OneRtt, &frames(write_ping));
    // Nothing is left that it would send again.
    let newest = duel.heard.last().unwrap().number;
    let ack = frames(|w| write_ack(w, std::iter::once(0..=newest), 0, None).map(|_| ()));
    duel.send(Level::OneRtt, &ack);
    duel.wait(Duration::from_secs(8));
    duel.connection().send_ping();
    duel.flush();
    duel.wait(Duration::from_millis(9_900));
    assert!(!duel.host.handles().is_empty(), "ten seconds after it sent");
    duel.wait(Duration::from_millis(200));
    assert!(duel.host.handles().is_empty(), "its probes put nothing off");
}

#[test]
fn a_port_that_listens_no_more_still_resets_what_it_does_not_know() {
    for listens in [true, false] {
        let mut duel = Duel::with_server(&Settings::default());
        if !listens {
            duel.host.endpoint.set_listening(None);
        }
        let path = inquic_engine::Path {
            local: None,
            remote: duel.address,
        };
        let mut reply = [0; 1_500];
        let now = duel.now;
        let route = duel
            .host
            .endpoint
            .route(now, &path, &[0x41; 60], &mut reply);
        assert!(matches!(route, Route::Reply(21..60)), "{route:?}");
    }
}

#[test]
fn packet_numbers_take_no_more_bytes_than_they_need() {
    let mut duel = Duel::with_open_server(&Settings::default()).connected();
    for _ in 0..300 {
        duel.connection().send_ping();
        duel.flush();
        let newest = duel.heard.last().unwrap().number;
        let ack = frames(|w| write_ack(w, std::iter::once(newest..=newest), 0, None).map(|_| ()));
        duel.send(Level::OneRtt, &ack);
    }
    let short = duel.datagrams.iter().filter(|it| it[0] & 0x80 == 0);
    assert!(short.clone().count() > 200);
    // Nothing hides the length: the cipher of this test does nothing.
    assert!(short.clone().all(|datagram| datagram[0] & 3 == 0));
}

#[test]
fn small_writes_leave_at_once_whatever_is_in_flight() {
    let mut world = World::new(
        1,
        Settings::default(),
        Settings::default(),
        Faults::default(),
    );
    let (client, server) = world.connected();
    let id = world
        .at_client(client)
        .open(Direction::Unidirectional)
        .unwrap();
    let began = world.now;
    let mut read = 0;
    for _ in 0..5 {
        world.at_client(client).write(id, &[1; 10]).unwrap();
        world.run_for(Duration::from_millis(1));
    }
    assert!(world.run_until(Duration::from_millis(60), |world| {
        let now = world.now;
        let mut out = [0; 100];
        world.at_server(server).accept(Direction::Unidirectional);
        if let Ok(some) = world.at_server(server).read(now, id, &mut out) {
            read += some.bytes;
        }
        read == 50
    }));
    // One way is ten milliseconds, and the last of five left four after the first.
    assert!(world.now.since(began) <= Duration::from_millis(16));
}

#[test]
fn a_stream_that_nobody_reads_keeps_no_other_waiting() {
    let mut world = World::new(
        1,
        Settings::default(),
        Settings::default(),
        Faults::default(),
    );
    let (client, server) = world.connected();
    let uni = Direction::Unidirectional;
    let unread = world.at_client(client).open(uni).unwrap();
    let mut filled = 0;
    while let Ok(taken) = world.at_client(client).write(unread, &[1; 16_000]) {
        filled += taken;
        world.run_for(Duration::from_millis(50));
        if filled > 1 << 20 {
            break;
        }
    }
    let other = world.at_client(client).open(uni).unwrap();
    world.at_client(client).write(other, b"hello").unwrap();
    world.run_for(Duration::from_millis(100));
    let now = world.now;
    let connection = world.at_server(server);
    while connection.accept(uni).is_some() {}
    let mut out = [0; 16];
    assert_eq!(connection.read(now, other, &mut out).unwrap().bytes, 5);
}

#[test]
fn a_hello_in_shuffled_frames_of_several_packets_is_put_together() {
    let mut duel = Duel::with_server(&Settings::default());
    let hello = Attacker::message(Some(&duel.attacker.parameters()), 1_800);
    let Some(Ok(Frame::Crypto { data, .. })) =
        Frames::new(&hello, Level::Initial, Role::Server).next()
    else {
        panic!("a CRYPTO frame")
    };
    let mut pieces: Vec<(usize, &[u8])> = data
        .chunks(90)
        .enumerate()
        .map(|(at, piece)| (at * 90, piece))
        .collect();
    pieces.sort_by_key(|(at, _)| at * 7_919 % 1_009);
    for half in pieces.chunks(pieces.len().div_ceil(2)) {
        let payload = frames(|w| {
            for (at, piece) in half {
                write_ping(w)?;
                inquic_wire::frame::write_crypto(w, *at as u64, piece.len())?
                    .copy_from_slice(piece);
                w.zeros(5)?;
            }
            Ok(())
        });
        let datagram = duel.attacker.initial(&payload);
        assert!(datagram.len() <= 1_500);
        duel.send_datagram(&datagram);
    }
    duel.follow_server_id();
    duel.send(Level::Handshake, &Attacker::message(None, 36));
    assert!(duel.connection().is_connected());
    let drops = duel.connection().stats().drops;
    assert_eq!(drops.of(Drop::Authentication), 0);
}

#[test]
fn the_window_of_a_sender_grows_beyond_what_its_peer_took_at_first() {
    let faults = Faults {
        delay: Duration::from_millis(50),
        ..Faults::default()
    };
    let mut world = World::open(1, Settings::default(), Settings::default(), faults);
    let mut bulk = Bulk::begin(&mut world, 8_000_000);
    let first = Config::default().streams.connection_window.initial;
    let grown = bulk.run_until(&mut world, Duration::from_secs(20), |world, bulk| {
        bulk.stats(world).congestion_window > 2 * first
    });
    assert!(grown, "{:?}", bulk.stats(&mut world));
}
