//! Paths: copies that come first from elsewhere, an address for each packet, addresses that are somebody else's.

use std::net::SocketAddr;

use inquic_engine::{Config, Drop, Handle};
use inquic_platform::Duration;
use inquic_sim::{Crossing, Duel, Rng, Settings, frames, repeated};
use inquic_wire::frame::{write_ack, write_path_challenge, write_ping};
use inquic_wire::{ConnectionId, Direction, Frame, Frames, Level, PreferredAddress, Role};

fn address(text: &str) -> SocketAddr {
    text.parse().expect("well formed")
}

fn inside() -> SocketAddr {
    address("192.0.2.1:50000")
}

/// Any address of the documentation's.
fn elsewhere(rng: &mut Rng) -> SocketAddr {
    let (host, port) = (rng.below(256) as u8, 1 + rng.below(65_535) as u16);
    SocketAddr::new([198, 51, 100, host].into(), port)
}

fn kept_alive() -> Settings {
    Settings {
        config: Config {
            keep_alive: Some(Duration::from_secs(10)),
            ..Config::default()
        },
        ..Settings::default()
    }
}

/// The server's path is the true one, and no false one got more than it may.
fn is_true(crossing: &mut Crossing, server: Handle) -> bool {
    crossing.at_server(server).path().remote == inside()
}

fn assert_not_amplified(crossing: &Crossing) {
    for (to, sent) in crossing.sent_to.iter().filter(|&(&to, _)| to != inside()) {
        let came = crossing.came_from.get(to).copied().unwrap_or(0);
        assert!(*sent <= 3 * came, "{sent} to {to} for {came}");
    }
}

/// Row 58.
#[test]
fn traffic_returns_to_the_true_path_after_each_lost_race() {
    let seed = 58;
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let mut crossing = Crossing::open(kept_alive(), Settings::default());
    let (client, server) = crossing.connected();
    let mut moved = 0;
    let races = u64::from(repeated(1_000, 10_000));
    for race in 0..races {
        // Until new addresses are believed again.
        crossing.run_for(Duration::from_millis(31_000 + rng.below(1_000)));
        let before = crossing.at_server(server).stats().migrations;
        crossing.copies.push(elsewhere(&mut rng));
        crossing.lead = Duration::from_micros(1 + rng.below(5_000));
        crossing.at_client(client).send_ping();
        crossing.run_for(Duration::from_millis(12));
        moved += u64::from(crossing.at_server(server).stats().migrations > before);
        let back = crossing.run_until(Duration::from_secs(3), |crossing| is_true(crossing, server));
        assert!(back, "race {race}");
        assert_not_amplified(&crossing);
        crossing.sent_to.clear();
        crossing.came_from.clear();
        crossing.log.clear();
    }
    assert!(moved > races * 9 / 10, "the attack works: {moved}");
}

/// Row 58.
#[test]
fn traffic_returns_within_three_probe_timeouts_when_the_client_is_silent_too() {
    let mut crossing = Crossing::new(Settings::default(), Settings::default());
    let (client, server) = crossing.connected();
    for port in 1..=20 {
        crossing.run_for(Duration::from_secs(1));
        crossing
            .copies
            .push(SocketAddr::new([203, 0, 113, 5].into(), port));
        crossing.at_client(client).send_ping();
        crossing.flush();
        crossing.is_up = false;
        let began = crossing.now;
        crossing.run_for(Duration::from_millis(15));
        let back = crossing.run_until(Duration::from_secs(10), |crossing| {
            is_true(crossing, server)
        });
        let took = crossing.now.since(began);
        assert!(back && took <= Duration::from_millis(3_050), "{took:?}");
        crossing.is_up = true;
        assert_not_amplified(&crossing);
    }
}

/// Row 58.
#[test]
fn data_arrives_while_every_hundredth_packet_is_overtaken_by_a_copy() {
    let seed = 580;
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let mut crossing = Crossing::open(Settings::default(), Settings::default());
    let (client, server) = crossing.connected();
    let came = stream(&mut crossing, client, server, 30, &mut |crossing| {
        if rng.chance(10) {
            crossing.copies.push(elsewhere(&mut rng));
        }
    });
    assert!(came >= 30 * RATE / 2, "{came}");
    assert_not_amplified(&crossing);
}

/// Bytes a second that the server has to say.
const RATE: usize = 500_000;

/// The server says as much as it can of [`RATE`] for some seconds; what has come to the client.
fn stream(
    crossing: &mut Crossing,
    client: Handle,
    server: Handle,
    seconds: usize,
    attack: &mut dyn FnMut(&mut Crossing),
) -> usize {
    let id = crossing
        .at_server(server)
        .open(Direction::Unidirectional)
        .unwrap();
    let mut read = 0;
    let mut out = vec![0; 65_536];
    let began = crossing.now;
    let (mut written, whole) = (0, seconds * RATE);
    let end = began + Duration::from_secs(seconds as u64);
    while crossing.now < end {
        let due = (RATE as u64 * crossing.now.since(began).as_millis() / 1_000) as usize;
        let some = vec![0; due.min(whole).saturating_sub(written).min(65_536)];
        if !some.is_empty() {
            written += crossing.at_server(server).write(id, &some).unwrap_or(0);
        }
        attack(crossing);
        let tick = crossing.now + Duration::from_millis(20);
        crossing.step(tick);
        crossing.at_client(client).accept(Direction::Unidirectional);
        let now = crossing.now;
        while let Ok(some) = crossing.at_client(client).read(now, id, &mut out) {
            read += some.bytes;
            if some.bytes == 0 {
                break;
            }
        }
    }
    read
}

/// Row 59.
#[test]
fn a_million_ports_leave_four_paths() {
    let mut duel = Duel::with_open_server(&Settings::default()).connected();
    // Heard with the id that the others use as well, so that they are taken for the same client behind a NAT.
    duel.send(Level::OneRtt, &frames(write_ping));
    let (mut sent, mut came) = (0, 0);
    for packet in 0..1_000_000_u32 {
        let [_, host, high, low] = packet.to_be_bytes();
        let port = u16::from_be_bytes([high, low]).max(1);
        let from = SocketAddr::new([198, 51, 100, host].into(), port);
        let mut ping = duel.attacker.packet(Level::OneRtt, &frames(write_ping));
        came += ping.len();
        duel.host.receive(duel.now, from, &mut ping);
        if packet % 100 == 0 {
            duel.now = duel.now + Duration::from_millis(1);
            duel.host.expire(duel.now);
            duel.host
                .transmit(duel.now, &mut |datagram| sent += datagram.len());
            assert!(duel.connection().stats().paths <= 4);
        }
    }
    assert!(sent <= 3 * came, "{sent} for {came}");
    assert_eq!(duel.connection().close_reason(), None);
    // A round trip without strangers, and the true one is heard again.
    duel.wait(Duration::from_secs(4));
    duel.send(Level::OneRtt, &frames(write_ping));
    assert_eq!(duel.connection().path().remote, duel.address);
}

/// Row 59.
#[test]
fn a_copy_of_every_packet_from_a_new_port_each_leaves_half_of_the_throughput() {
    let mut crossing = Crossing::open(Settings::default(), Settings::default());
    let (client, server) = crossing.connected();
    let mut port = 0_u16;
    let came = stream(&mut crossing, client, server, 60, &mut |crossing| {
        // Every one of the client's packets comes second.
        while crossing.copies.len() < 100 {
            port = port.checked_add(1).unwrap_or(1);
            crossing
                .copies
                .push(SocketAddr::new([198, 51, 100, 7].into(), port));
        }
    });
    assert!(came >= 60 * RATE / 2, "{came} of {}", 60 * RATE);
    assert!(crossing.at_server(server).stats().paths <= 4);
    assert_not_amplified(&crossing);
}

/// Row 60.
#[test]
fn an_acknowledgement_of_probes_of_a_path_that_is_gone_does_nothing() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    // Everything before is acknowledged, so that nothing is lost by what follows.
    duel.send(Level::OneRtt, &frames(write_ping));
    duel.send(Level::OneRtt, &frames(write_ping));
    let largest = duel.heard.last().expect("an acknowledgement").number;
    let all = frames(|w| write_ack(w, std::iter::once(0..=largest), 0, None).map(|_| ()));
    duel.send(Level::OneRtt, &all);
    let before = duel.connection().stats();
    for port in 1..=10 {
        let from = SocketAddr::new([198, 51, 100, 1].into(), port);
        let probe = frames(|w| {
            write_path_challenge(w, [port as u8; 8])?;
            w.zeros(1_200)
        });
        let probe = duel.attacker.packet(Level::OneRtt, &probe);
        duel.send_from(from, &probe);
        duel.wait(Duration::from_secs(4));
    }
    assert_eq!(duel.connection().stats().paths, 1, "nobody answered");
    let probes: Vec<u64> = duel
        .heard
        .iter()
        .filter(|packet| {
            Frames::new(&packet.payload, packet.level, Role::Client)
                .flatten()
                .any(|frame| matches!(frame, Frame::PathChallenge(_)))
        })
        .map(|packet| packet.number)
        .collect();
    assert!(probes.len() >= 10, "{}", probes.len());
    for probe in probes {
        duel.send(
            Level::OneRtt,
            &frames(|w| write_ack(w, std::iter::once(probe..=probe), 0, None).map(|_| ())),
        );
    }
    let after = duel.connection().stats();
    assert_eq!(duel.offence(), None);
    assert_eq!(after.congestion_window, before.congestion_window);
    assert_eq!(after.rtt_min, before.rtt_min);
    assert_eq!(after.rtt_smoothed, before.rtt_smoothed);
    assert_eq!(after.congestion_events, before.congestion_events);
    assert_eq!(duel.connection().path().remote, duel.address);
}

/// Row 61.
#[test]
fn nothing_is_sent_to_addresses_of_this_machine_of_nobody_or_of_everybody() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    let forbidden = [
        "127.0.0.1:53",
        "127.9.9.9:1",
        "169.254.169.254:80",
        "224.0.0.251:5353",
        "255.255.255.255:9",
        "0.0.0.0:1",
        "198.51.100.1:0",
        "[::1]:53",
        "[::]:1",
        "[fe80::1]:1",
        "[ff02::fb]:5353",
        "[::ffff:127.0.0.1]:53",
        "[::ffff:169.254.169.254]:80",
    ];
    for to in forbidden {
        for _ in 0..10 {
            let ping = frames(|w| {
                write_ping(w)?;
                write_path_challenge(w, [1; 8])?;
                w.zeros(1_150)
            });
            let mut packet = duel.attacker.packet(Level::OneRtt, &ping);
            duel.host.receive(duel.now, address(to), &mut packet);
            duel.now = duel.now + Duration::from_millis(100);
            duel.host.expire(duel.now);
            let own = duel.address;
            duel.host
                .transmit_each(duel.now, &mut |sent| assert_eq!(sent.to, own));
        }
        assert_eq!(duel.connection().stats().paths, 1);
    }
    let drops = duel.connection().stats().drops;
    assert_eq!(drops.of(Drop::ForbiddenPath), 130);
}

fn preferring(v4: Option<&str>, v6: Option<&str>) -> Duel {
    let duel = Duel::with_client(&Settings::default());
    let mut parameters = duel.attacker.parameters();
    parameters.preferred_address = Some(PreferredAddress {
        v4: v4.map(|text| text.parse().unwrap()),
        v6: v6.map(|text| text.parse().unwrap()),
        id: ConnectionId::new(b"GET / HT").unwrap(),
        reset_token: [3; 16],
    });
    duel.connected_with(&parameters)
}

/// Row 61.
#[test]
fn a_client_is_not_sent_to_its_own_machine_by_a_preferred_address() {
    for v4 in [
        "127.0.0.1:53",
        "169.254.169.254:80",
        "224.0.0.1:1",
        "255.255.255.255:1",
        "198.51.100.1:0",
    ] {
        let mut duel = preferring(Some(v4), None);
        assert_eq!(duel.connection().stats().paths, 1, "{v4}");
    }
    for v6 in [
        "[::1]:53",
        "[fe80::1]:80",
        "[ff02::1]:1",
        "[2001:db8::1]:0",
        "[::ffff:127.0.0.1]:1",
    ] {
        let mut duel = preferring(None, Some(v6));
        assert_eq!(duel.connection().stats().paths, 1, "{v6}");
    }
    let mut duel = preferring(Some("198.51.100.1:443"), None);
    assert_eq!(duel.connection().stats().paths, 2, "anywhere else is tried");
}

/// Row 61.
#[test]
fn a_preferred_address_gets_nothing_but_two_challenges_before_it_answers() {
    let mut duel = Duel::with_client(&Settings::default());
    let mut parameters = duel.attacker.parameters();
    parameters.preferred_address = Some(PreferredAddress {
        v4: Some("198.51.100.1:443".parse().unwrap()),
        v6: None,
        id: ConnectionId::new(b"GET / HT").unwrap(),
        reset_token: [3; 16],
    });
    duel.shake(&parameters);
    let id = duel.connection().open(Direction::Unidirectional).unwrap();
    duel.connection().write(id, &[7; 5_000]).unwrap();
    duel.flush();
    duel.wait(Duration::from_secs(10));
    let there: Vec<_> = duel
        .datagrams
        .iter()
        .filter(|datagram| datagram[1..9] == *b"GET / HT")
        .collect();
    assert_eq!(there.len(), 2);
    let probes = duel.heard.iter().filter(|packet| {
        Frames::new(&packet.payload, packet.level, Role::Server)
            .flatten()
            .any(|frame| matches!(frame, Frame::PathChallenge(_)))
    });
    for probe in probes {
        let mut frames = Frames::new(&probe.payload, probe.level, Role::Server).flatten();
        assert!(
            frames.all(|frame| matches!(frame, Frame::PathChallenge(_) | Frame::Padding { .. }))
        );
        assert_eq!(probe.datagram, 1_200);
    }
}
