//! Strangers: floods, forged and replayed tokens, reflection.

use std::net::SocketAddr;

use inquic_engine::{Endpoint, EndpointKeys, Path, RetryPolicy, Route};
use inquic_platform::{Duration, Instant};
use inquic_sim::{Attacker, Duel, Faults, NullCipher, Rng, Settings, World, repeated};
use inquic_wire::{ConnectionId, Header, Version};

fn address(index: u32) -> SocketAddr {
    let [a, b, c, d] = index.to_be_bytes();
    format!("10.{b}.{c}.{d}:{}", 1_024 + u16::from(a))
        .parse()
        .unwrap()
}

fn asking_for_retry() -> Settings {
    Settings {
        retry: RetryPolicy::Always,
        ..Settings::default()
    }
}

/// Row 1.
#[test]
fn flood_of_first_packets_makes_state_for_few() {
    let mut duel = Duel::with_open_server(&Settings::default());
    let parameters = duel.attacker.parameters();
    let hello = Attacker::message(Some(&parameters), 250);
    for index in 0..repeated(20_000, 1_000_000) {
        duel.attacker.dcid = ConnectionId::new(&u64::from(index).to_be_bytes()).unwrap();
        let id = duel.attacker.dcid;
        duel.attacker.set_initial_id(&id);
        duel.attacker.numbers = [0; 4];
        let datagram = duel.attacker.initial(&hello);
        duel.send_from(address(index), &datagram);
        duel.datagrams.clear();
        assert!(duel.host.endpoint.half_open() <= inquic_engine::limits::HALF_OPEN / 4 + 1);
    }
    duel.wait(Duration::from_secs(11));
    assert_eq!(duel.host.endpoint.len(), 0);
    assert_eq!(duel.host.endpoint.half_open(), 0);
}

/// Row 1.
#[test]
fn client_with_a_retry_token_gets_in_while_strangers_fill_the_rest() {
    let mut world = World::plain(1);
    let server = world.server.address;
    // As many handshakes under way as are let in without a token; none of them goes on.
    let mut strangers = inquic_sim::Host::new(address(7), Settings::default(), 9);
    for _ in 0..400 {
        strangers.connect(world.now, server, &[]);
    }
    let now = world.now;
    let mut datagrams = Vec::new();
    strangers.transmit(now, &mut |datagram| datagrams.push(datagram.to_vec()));
    for datagram in &mut datagrams {
        world.server.receive(now, strangers.address, datagram);
    }
    world.server.transmit(now, &mut |_| {});
    assert_eq!(
        world.server.endpoint.half_open(),
        inquic_engine::limits::HALF_OPEN / 4
    );
    let client = world.connect();
    assert!(
        world.run_until(Duration::from_millis(60), |world| world
            .at_client(client)
            .is_connected()),
        "three round trips"
    );
}

/// Row 2.
#[test]
fn junk_behind_a_good_first_packet_is_not_kept() {
    let mut duel = Duel::with_open_server(&Settings::default());
    let parameters = duel.attacker.parameters();
    let hello = Attacker::message(Some(&parameters), 250);
    for index in 0..repeated(300, 100_000) {
        duel.attacker.dcid = ConnectionId::new(&u64::from(index).to_be_bytes()).unwrap();
        let id = duel.attacker.dcid;
        duel.attacker.set_initial_id(&id);
        duel.attacker.numbers = [0; 4];
        let mut datagram = duel.attacker.packet(inquic_wire::Level::Initial, &hello);
        for junk in 0..40_u8 {
            if junk % 3 == 0 {
                duel.attacker.dcid = ConnectionId::new(&[junk; 8]).unwrap();
            } else {
                duel.attacker.dcid = id;
            }
            let level =
                [inquic_wire::Level::Handshake, inquic_wire::Level::ZeroRtt][usize::from(junk % 2)];
            let mut packet = if level == inquic_wire::Level::Handshake {
                duel.attacker.packet(level, &[0; 20])
            } else {
                let mut packet = duel
                    .attacker
                    .packet(inquic_wire::Level::Handshake, &[0; 20]);
                packet[0] = packet[0] & 0xcf | 0x10;
                packet
            };
            packet[20] ^= junk;
            datagram.append(&mut packet);
        }
        datagram.resize(datagram.len().max(1_200), 0);
        duel.send_from(address(index), &datagram);
        duel.datagrams.clear();
        duel.heard.clear();
    }
    duel.wait(Duration::from_secs(11));
    assert_eq!(duel.host.endpoint.len(), 0);
}

/// Rows 3 and 4.
#[test]
fn unvalidated_address_gets_three_times_its_bytes_whatever_is_lost() {
    for seed in 0..u64::from(repeated(60, 10_000)) {
        let server = Settings {
            certificate: 15_000,
            ..Settings::default()
        };
        let faults = Faults {
            loss: (seed as u32 * 37) % 600,
            ..Faults::default()
        };
        let mut world = World::new(seed, Settings::default(), server, faults);
        world.connect();
        let end = world.now + Duration::from_secs(9);
        while world.step(end) {
            let Some(&server) = world.server.handles().first() else {
                continue;
            };
            let connection = world.at_server(server);
            let stats = connection.stats();
            if connection.is_handshaking() && stats.packets_received <= 1 {
                assert!(stats.bytes_sent <= 3 * stats.bytes_received, "seed {seed}");
            }
        }
    }
}

/// Row 4.
#[test]
fn silent_victim_gets_nothing_more_after_the_credit_is_used() {
    let settings = Settings {
        certificate: 20_000,
        ..Settings::default()
    };
    let mut duel = Duel::with_server(&settings);
    let parameters = duel.attacker.parameters();
    let datagram = duel
        .attacker
        .initial(&Attacker::message(Some(&parameters), 250));
    duel.send_datagram(&datagram);
    duel.wait(Duration::from_secs(10));
    assert!(
        duel.bytes_out <= 3 * duel.bytes_in,
        "{} for {}",
        duel.bytes_out,
        duel.bytes_in
    );
    assert!(duel.host.endpoint.is_empty());
}

/// Row 3.
#[test]
fn small_first_datagrams_get_no_answer() {
    let mut duel = Duel::with_server(&Settings::default());
    let parameters = duel.attacker.parameters();
    let datagram = duel.attacker.packet(
        inquic_wire::Level::Initial,
        &Attacker::message(Some(&parameters), 250),
    );
    assert!(datagram.len() < 1_200);
    duel.send_datagram(&datagram);
    let mut unknown = datagram.clone();
    unknown[1..5].copy_from_slice(&[0x1a, 0x2a, 0x3a, 0x4a]);
    unknown.resize(1_199, 0);
    duel.send_datagram(&unknown);
    assert_eq!(duel.bytes_out, 0);
    assert!(duel.host.endpoint.is_empty());
}

/// Row 5.
#[test]
fn version_negotiation_is_never_answered() {
    let mut a = endpoint(1);
    let mut b = endpoint(2);
    for endpoint in [&mut a, &mut b] {
        endpoint.set_listening(Some(inquic_engine::Listen::default()));
    }
    let mut datagram = vec![0xc0; 1_200];
    datagram[1..7].copy_from_slice(&[0x1a, 0x2a, 0x3a, 0x4a, 8, 1]);
    datagram[14] = 8;
    let path = Path {
        local: None,
        remote: address(1),
    };
    let mut reply = vec![0; 1_500];
    let Route::Reply(len) = a.route(Instant::ZERO, &path, &datagram, &mut reply) else {
        panic!("no negotiation")
    };
    assert!(len <= 1_200);
    let answer = reply[..len].to_vec();
    assert!(matches!(
        b.route(Instant::ZERO, &path, &answer, &mut reply),
        Route::Drop(_)
    ));
    let mut large = answer;
    large.resize(1_400, 0);
    assert!(matches!(
        b.route(Instant::ZERO, &path, &large, &mut reply),
        Route::Drop(_)
    ));
}

#[test]
fn version_negotiation_never_lists_the_version_that_was_refused() {
    for seed in 0..200 {
        let mut endpoint = endpoint(seed);
        endpoint.set_listening(Some(inquic_engine::Listen::default()));
        for nibble in 0..16_u8 {
            let mut datagram = vec![0xc0; 1_200];
            datagram[1..5].fill(nibble << 4 | 0x0a);
            datagram[5] = 8;
            datagram[14] = 8;
            let path = Path {
                local: None,
                remote: address(1),
            };
            let mut reply = vec![0; 1_500];
            let Route::Reply(len) = endpoint.route(Instant::ZERO, &path, &datagram, &mut reply)
            else {
                panic!()
            };
            let Ok(Header::VersionNegotiation { versions, .. }) = Header::parse(&reply[..len], 8)
            else {
                panic!()
            };
            let refused = Version(u32::from_be_bytes([nibble << 4 | 0x0a; 4]));
            let listed = reply[versions]
                .chunks(4)
                .any(|bytes| bytes == refused.0.to_be_bytes());
            assert!(
                !listed,
                "RFC 9000 §6.2: a client has to discard such a packet"
            );
        }
    }
}

/// Row 6.
#[test]
fn resets_between_two_endpoints_without_state_die_out() {
    for len in [1_200, 100, 60, 44, 43, 42, 21] {
        let mut ends = [endpoint(1), endpoint(2)];
        let mut datagram = vec![0x55; len];
        let mut sent = 0;
        for turn in (0..2).cycle() {
            let mut reply = vec![0; 1_500];
            let path = Path {
                local: None,
                remote: address(1),
            };
            let Route::Reply(count) = ends[turn].route(Instant::ZERO, &path, &datagram, &mut reply)
            else {
                break;
            };
            assert!((21..datagram.len()).contains(&count));
            datagram = reply[..count].to_vec();
            sent += 1;
            assert!(sent <= 5);
        }
    }
}

/// A client that was sent a Retry packet and has taken its id: its hello and its token.
fn asked_to_retry() -> (Duel, Vec<u8>, Vec<u8>) {
    let mut duel = Duel::with_server(&asking_for_retry());
    let parameters = duel.attacker.parameters();
    let hello = Attacker::message(Some(&parameters), 250);
    let first = duel.attacker.initial(&hello);
    duel.send_datagram(&first);
    let retry = duel.datagrams.pop().unwrap();
    let Ok(Header::Retry { scid, token, .. }) = Header::parse(&retry, 8) else {
        panic!("no Retry")
    };
    duel.attacker.dcid = scid;
    duel.attacker.set_initial_id(&scid);
    (duel, hello, retry[token].to_vec())
}

/// Row 7.
#[test]
fn retry_token_lets_nobody_in_twice_or_from_elsewhere() {
    let (mut duel, hello, token) = asked_to_retry();
    duel.attacker.token = token;
    for at in 0..duel.attacker.token.len() {
        for bit in 0..8 {
            duel.attacker.token[at] ^= 1 << bit;
            let forged = duel.attacker.initial(&hello);
            duel.attacker.token[at] ^= 1 << bit;
            duel.send_datagram(&forged);
            assert!(duel.host.endpoint.is_empty());
        }
    }
    let good = duel.attacker.initial(&hello);
    duel.send_from(address(3), &good);
    assert!(duel.host.endpoint.is_empty(), "bound to the address");
    duel.send_datagram(&good);
    assert_eq!(duel.host.endpoint.len(), 1);
    // The same token again, for another connection.
    let elsewhere = duel.address;
    duel.wait(Duration::from_secs(11));
    assert!(duel.host.endpoint.is_empty());
    duel.send_from(elsewhere, &good);
    assert!(duel.host.endpoint.is_empty(), "used, and too old");
}

/// Row 7.
#[test]
fn no_changed_token_lets_anybody_in() {
    let (mut duel, hello, token) = asked_to_retry();
    let mut rng = Rng::new(7);
    for _ in 0..repeated(5_000, 1_000_000) {
        duel.attacker.token.clone_from(&token);
        let forged = &mut duel.attacker.token;
        for _ in 0..=rng.below(8) {
            let at = rng.below(forged.len() as u64) as usize;
            match rng.below(6) {
                0 if forged.len() > 1 => forged.truncate(at.max(1)),
                1 => forged.insert(at, rng.below(256) as u8),
                2 => {
                    let other = rng.below(forged.len() as u64) as usize;
                    forged.swap(at, other);
                }
                _ => forged[at] ^= 1 + rng.below(255) as u8,
            }
        }
        if *forged == token {
            continue;
        }
        let datagram = duel.attacker.initial(&hello);
        duel.send_datagram(&datagram);
        duel.datagrams.clear();
        assert!(duel.host.endpoint.is_empty());
    }
    duel.attacker.token = token;
    let good = duel.attacker.initial(&hello);
    duel.send_datagram(&good);
    assert_eq!(duel.host.endpoint.len(), 1, "the true one still does");
}

/// Row 7.
#[test]
fn retry_token_is_used_up_by_its_first_connection() {
    let (mut duel, hello, token) = asked_to_retry();
    duel.attacker.token = token;
    let good = duel.attacker.initial(&hello);
    duel.send_datagram(&good);
    assert_eq!(duel.host.endpoint.len(), 1);
    let handle = duel.host.handles()[0];
    duel.host.endpoint.remove(handle);
    duel.send_datagram(&good);
    assert_eq!(duel.host.endpoint.len(), 0);
}

#[test]
fn retry_token_is_good_only_with_the_id_that_came_with_it() {
    let mut duel = Duel::with_server(&asking_for_retry());
    let parameters = duel.attacker.parameters();
    let hello = Attacker::message(Some(&parameters), 250);
    let first = duel.attacker.initial(&hello);
    duel.send_datagram(&first);
    let retry = duel.datagrams.pop().unwrap();
    let Ok(Header::Retry { token, .. }) = Header::parse(&retry, 8) else {
        panic!("no Retry")
    };
    // Somebody on the path put another source id into the Retry packet; everybody can compute its tag.
    let chosen = ConnectionId::new(b"injected").unwrap();
    duel.attacker.dcid = chosen;
    duel.attacker.set_initial_id(&chosen);
    duel.attacker.token = retry[token].to_vec();
    let datagram = duel.attacker.initial(&hello);
    duel.send_datagram(&datagram);
    let believed = duel
        .host
        .handles()
        .first()
        .is_some_and(|&server| duel.host.connection(server).is_handshaking());
    assert!(
        !believed,
        "RFC 9000 §7.3: the ids of the handshake are authenticated"
    );
}

/// Row 8.
#[test]
fn token_of_an_earlier_connection_validates_no_other_address_and_only_once() {
    let mut world = World::new(
        1,
        Settings::default(),
        asking_for_retry(),
        Faults::default(),
    );
    let (client, _) = world.connected();
    let token = world
        .at_client(client)
        .take_token()
        .expect("the server gives a token");
    let server = world.server.address;
    let now = world.now;
    for index in 0..100 {
        let mut thief =
            inquic_sim::Host::new(address(index), Settings::default(), u64::from(index) + 50);
        thief.connect(now, server, &token);
        let mut datagrams = Vec::new();
        thief.transmit(now, &mut |datagram| datagrams.push(datagram.to_vec()));
        let before = world.server.endpoint.len();
        world.server.receive(now, thief.address, &mut datagrams[0]);
        assert_eq!(world.server.endpoint.len(), before, "a Retry and no state");
    }
    let again = world.client.connect(now, server, &token);
    world.run_for(Duration::from_millis(25));
    assert!(
        world.at_client(again).is_connected(),
        "the thieves did not use it up"
    );
    let now = world.now;
    let third = world.client.connect(now, server, &token);
    world.run_for(Duration::from_millis(25));
    assert!(!world.at_client(third).is_connected(), "a Retry this time");
}

/// Row 11.
#[test]
fn long_headers_with_any_id_lengths_are_dropped_or_answered_as_the_rules_say() {
    let mut endpoint = endpoint(1);
    endpoint.set_listening(Some(inquic_engine::Listen::default()));
    let path = Path {
        local: None,
        remote: address(1),
    };
    let mut reply = vec![0; 1_500];
    for first in [0xc0, 0xd0, 0xe0, 0xf0] {
        for version in [[0, 0, 0, 1], [0x1a, 0x2a, 0x3a, 0x4a]] {
            for dcid in 0..=255_usize {
                for scid in (0..=255_usize).step_by(5) {
                    let mut datagram = vec![0; 1_200];
                    datagram[0] = first;
                    datagram[1..5].copy_from_slice(&version);
                    datagram[5] = dcid as u8;
                    datagram[6 + dcid] = scid as u8;
                    // The Length field of an Initial: all that follows.
                    let at = 7 + dcid + scid + usize::from(first == 0xc0);
                    datagram[at..at + 2]
                        .copy_from_slice(&(0x4000 | (1_198 - at as u16)).to_be_bytes());
                    let route = endpoint.route(Instant::ZERO, &path, &datagram, &mut reply);
                    let valid = dcid <= 20 && scid <= 20;
                    match (version[0], first) {
                        (0, 0xc0) if valid && dcid >= 8 => {
                            assert!(matches!(route, Route::Incoming(_)), "{dcid} {scid}");
                        }
                        (0, _) => {
                            assert!(matches!(route, Route::Drop(_)), "{first:#x} {dcid} {scid}");
                        }
                        _ => assert!(matches!(
                            route,
                            Route::Reply(_) | Route::Drop(inquic_engine::Drop::RateLimit)
                        )),
                    }
                }
            }
        }
    }
}

fn endpoint(seed: u64) -> Endpoint {
    let platform = std::sync::Arc::new(NullCipher::seeded(seed));
    let keys = EndpointKeys::random(&*platform);
    Endpoint::new(platform, keys)
}

#[test]
fn first_packet_that_comes_again_after_the_handshake_makes_no_second_connection() {
    let mut duel = Duel::with_server(&Settings::default());
    let parameters = duel.attacker.parameters();
    let hello = duel
        .attacker
        .initial(&Attacker::message(Some(&parameters), 250));
    duel.send_datagram(&hello);
    duel.follow_server_id();
    duel.send(inquic_wire::Level::Handshake, &Attacker::message(None, 36));
    assert!(duel.connection().is_connected());
    let out = duel.bytes_out;
    duel.send_datagram(&hello);
    assert_eq!(duel.host.endpoint.len(), 1);
    assert_eq!(duel.bytes_out, out, "and gets no answer");
    assert_eq!(duel.host.endpoint.half_open(), 0);
}

#[test]
fn token_of_another_server_does_not_keep_a_client_out() {
    for first in 0..=255 {
        let mut world = World::plain(1);
        let server = world.server.address;
        let now = world.now;
        let client = world.client.connect(now, server, &[first; 60]);
        world.run_for(Duration::from_millis(25));
        assert!(
            world.at_client(client).is_connected(),
            "RFC 9000 §8.1.3: {first:#x}"
        );
    }
}
