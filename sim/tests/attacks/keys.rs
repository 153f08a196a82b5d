//! Keys: updates out of turn, forged packets, guessed resets.

use std::sync::Arc;

use inquic_engine::{CloseReason, Config, Drop, Path, Received};
use inquic_platform::{AeadLimits, Duration};
use inquic_sim::{Bits, Duel, NullCipher, Rng, Settings, World, frames, repeated};
use inquic_wire::frame::{write_ack, write_new_connection_id, write_ping};
use inquic_wire::{Code, ConnectionId, Direction, Level};

/// Gives several datagrams of one size to the victim in one call, as a home with GRO does.
fn receive_together(duel: &mut Duel, datagrams: &[Vec<u8>]) {
    let segment = datagrams[0].len();
    assert!(datagrams.iter().all(|datagram| datagram.len() == segment));
    let mut bytes = datagrams.concat();
    let path = Path {
        local: Some(duel.host.address),
        remote: duel.address,
    };
    let now = duel.now;
    duel.connection().receive(
        now,
        Received {
            path,
            bytes: &mut bytes,
            segment,
            ecn: 0,
        },
    );
    duel.flush();
}

fn ping() -> Vec<u8> {
    frames(|w| write_ping(w).and_then(|()| w.zeros(30)))
}

#[test]
fn old_keys_open_until_the_peer_has_used_the_new_ones() {
    let mut world = World::plain(1);
    let (client, server) = world.connected();
    let now = world.now;
    world.at_client(client).initiate_key_update(now).unwrap();
    // The client has nothing to send, so the server cannot know of the update.
    world.run_for(Duration::from_secs(5));
    let id = world
        .at_server(server)
        .open(Direction::Unidirectional)
        .unwrap();
    world.at_server(server).write(id, b"hello").unwrap();
    world.run_for(Duration::from_millis(100));
    assert_eq!(
        world
            .at_client(client)
            .stats()
            .drops
            .of(Drop::Authentication),
        0
    );
    assert_eq!(
        world.at_server(server).stats().key_updates,
        1,
        "it follows with the first acknowledgement"
    );
}

#[test]
fn packet_under_old_keys_after_one_under_new_keys_is_an_offence() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    let old = duel
        .attacker
        .packet_with(Level::OneRtt, 101, Bits::default(), &ping());
    duel.attacker.update_keys();
    let new = duel
        .attacker
        .packet_with(Level::OneRtt, 100, Bits::default(), &ping());
    receive_together(&mut duel, &[new, old]);
    assert!(duel.connection().stats().key_updates <= 1);
    assert_ne!(duel.connection().close_reason(), None);
    assert_eq!(duel.offence(), Some(Code::KeyUpdate));
}

#[test]
fn late_packet_under_old_keys_is_taken_beside_one_under_new_keys() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    let old = duel
        .attacker
        .packet_with(Level::OneRtt, 99, Bits::default(), &ping());
    duel.attacker.update_keys();
    let new = duel
        .attacker
        .packet_with(Level::OneRtt, 100, Bits::default(), &ping());
    let before = duel.connection().stats().packets_received;
    receive_together(&mut duel, &[new, old]);
    assert_eq!(duel.connection().stats().packets_received, before + 2);
    assert_eq!(duel.connection().stats().key_updates, 1);
}

/// Row 50.
#[test]
fn flipped_phase_bits_update_nothing() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    let count = repeated(20_000, 1_000_000);
    for number in 0..u64::from(count) {
        let forged =
            duel.attacker
                .packet_with(Level::OneRtt, 100 + number, Bits { flipped: 0x04 }, &ping());
        duel.send_datagram(&forged);
    }
    let stats = duel.connection().stats();
    assert_eq!(stats.key_updates, 0);
    assert_eq!(stats.drops.of(Drop::Authentication), count);
    duel.send(Level::OneRtt, &ping());
    assert_eq!(
        duel.connection().stats().packets_received,
        stats.packets_received + 1
    );
}

#[test]
fn second_update_by_the_peer_waits_for_nothing_but_is_followed() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    duel.attacker.update_keys();
    duel.send(Level::OneRtt, &ping());
    duel.attacker.update_keys();
    duel.send(Level::OneRtt, &ping());
    assert_eq!(duel.connection().close_reason(), None);
    assert_eq!(duel.connection().stats().key_updates, 2);
}

#[test]
fn forged_number_in_a_batch_does_not_mislead_the_packets_behind_it() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    duel.attacker.number_len = 2;
    for round in 0..200_u8 {
        let good = duel.attacker.packet(Level::OneRtt, &ping());
        let mut forged = good.clone();
        for (at, byte) in forged[9..].iter_mut().enumerate() {
            *byte = byte.wrapping_mul(31).wrapping_add(round ^ at as u8);
        }
        let before = duel.connection().stats().packets_received;
        receive_together(&mut duel, &[forged, good]);
        assert_eq!(
            duel.connection().stats().packets_received,
            before + 1,
            "round {round}"
        );
    }
}

/// Row 70.
#[test]
fn near_reset_tokens_end_nothing() {
    let mut duel = Duel::with_client(&Settings::default()).connected();
    let token = [0x5c; 16];
    duel.send(
        Level::OneRtt,
        &frames(|w| write_new_connection_id(w, 1, 0, &ConnectionId::new(&[7; 8]).unwrap(), &token)),
    );
    for bit in 0..128 {
        let mut near = token;
        near[bit / 8] ^= 1 << (bit % 8);
        for len in [21, 40, 60, 1200] {
            let mut datagram = vec![0x41; len];
            *datagram.last_chunk_mut().unwrap() = near;
            duel.send_datagram(&datagram);
            // With a destination id that is known, so that it is tried as a packet first.
            datagram[1..9].copy_from_slice(&duel.attacker.dcid);
            *datagram.last_chunk_mut().unwrap() = near;
            duel.send_datagram(&datagram);
        }
    }
    assert_eq!(duel.connection().close_reason(), None);
    let mut datagram = vec![0x41; 60];
    *datagram.last_chunk_mut().unwrap() = token;
    duel.send_datagram(&datagram);
    assert_eq!(
        duel.connection().close_reason(),
        Some(&CloseReason::StatelessReset)
    );
}

/// Row 70.
#[test]
fn random_reset_tokens_end_nothing() {
    let seed = 70;
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let mut duel = Duel::with_open_client(&Settings::default()).connected();
    let token = 0x5c5c_5c5c_5c5c_5c5c_5c5c_5c5c_5c5c_5c5c_u128;
    let id = ConnectionId::new(&[7; 8]).unwrap();
    let issue = frames(|w| write_new_connection_id(w, 1, 0, &id, &token.to_be_bytes()));
    duel.send(Level::OneRtt, &issue);
    let from = duel.address;
    for round in 0..repeated(50_000, 10_000_000) {
        // Up to seven bits from the true one, or anywhere.
        let near = (0..=rng.below(7)).fold(token, |token, _| token ^ 1 << rng.below(128));
        let far = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
        let guess = if round % 2 == 0 { near } else { far };
        if guess == token {
            continue;
        }
        let mut datagram = [0x41; 43];
        *datagram.last_chunk_mut().unwrap() = guess.to_be_bytes();
        duel.host.receive(duel.now, from, &mut datagram);
    }
    assert_eq!(duel.connection().close_reason(), None);
    let mut datagram = [0x41; 43];
    *datagram.last_chunk_mut().unwrap() = token.to_be_bytes();
    duel.host.receive(duel.now, from, &mut datagram);
    assert_eq!(
        duel.connection().close_reason(),
        Some(&CloseReason::StatelessReset),
        "the true one does"
    );
}

/// Row 70.
#[test]
fn reset_token_of_a_retired_id_ends_nothing() {
    let mut duel = Duel::with_client(&Settings::default()).connected();
    let issue = |sequence: u8, prior_to: u64| {
        frames(|w| {
            let id = ConnectionId::new(&[sequence; 8]).unwrap();
            write_new_connection_id(w, u64::from(sequence), prior_to, &id, &[sequence; 16])
        })
    };
    duel.send(Level::OneRtt, &issue(1, 0));
    duel.send(Level::OneRtt, &issue(2, 2));
    for known in [false, true] {
        let mut datagram = vec![0x41; 60];
        if known {
            datagram[1..9].copy_from_slice(&duel.attacker.dcid);
        }
        *datagram.last_chunk_mut().unwrap() = [1; 16];
        duel.send_datagram(&datagram);
        assert_eq!(duel.connection().close_reason(), None);
    }
}

#[test]
fn unconfirmed_client_is_given_up_when_its_time_is_over() {
    let settings = Settings {
        config: Config {
            idle_timeout: Duration::ZERO,
            ..Config::default()
        },
        ..Settings::default()
    };
    let mut duel = Duel::with_client(&settings);
    let mut parameters = duel.attacker.parameters();
    parameters.original_destination_connection_id = Some(duel.original_id());
    duel.send(Level::Initial, &inquic_sim::Attacker::message(None, 90));
    duel.send(
        Level::Handshake,
        &inquic_sim::Attacker::message(Some(&parameters), 900),
    );
    assert!(duel.connection().is_connected());
    // The server goes on, but never says that the handshake is done.
    for _ in 0..12 {
        duel.send(Level::OneRtt, &ping());
        duel.wait(Duration::from_secs(1));
    }
    assert!(duel.host.handles().is_empty());
}

/// A server whose keys may seal 64 packets, and that takes 64 forged ones.
fn with_weak_keys() -> Duel {
    let limits = AeadLimits {
        confidentiality: 64,
        integrity: 64,
    };
    let platform = Arc::new(NullCipher::with_limits(1, limits));
    Duel::server_on(platform, &Settings::default()).connected()
}

/// Row 65.
#[test]
fn keys_are_changed_at_half_of_what_they_may_seal() {
    let mut duel = with_weak_keys();
    let before = duel.connection().stats().packets_sent;
    let mut updates = Vec::new();
    for _ in 0..400 {
        duel.connection().send_ping();
        duel.flush();
        let stats = duel.connection().stats();
        if stats.key_updates > updates.len() as u64 {
            updates.push(stats.packets_sent - before);
            duel.attacker.update_keys();
            for datagram in std::mem::take(&mut duel.datagrams) {
                let opened = duel.attacker.open(&datagram);
                duel.heard.extend(opened);
            }
        }
        duel.datagrams.clear();
        let largest = duel.heard.iter().map(|packet| packet.number).max().unwrap();
        let ack = frames(|w| {
            write_ack(w, std::iter::once(largest..=largest), 0, None)?;
            write_ping(w)
        });
        duel.send(Level::OneRtt, &ack);
        duel.wait(Duration::from_millis(60));
        assert_eq!(duel.connection().close_reason(), None);
    }
    assert!(updates.len() >= 5, "{updates:?}");
    assert!(updates[0] <= 33, "{updates:?}");
    assert!(updates.windows(2).all(|pair| pair[1] - pair[0] <= 64));
}

/// Row 65.
#[test]
fn key_that_cannot_be_changed_is_given_up_at_its_limit() {
    let mut duel = with_weak_keys();
    let before = duel.connection().stats().packets_sent;
    for _ in 0..100 {
        // Nothing is acknowledged, so no update may begin.
        duel.connection().send_ping();
        duel.flush();
    }
    let stats = duel.connection().stats();
    assert_eq!(stats.key_updates, 0);
    assert_eq!(duel.offence(), Some(Code::AeadLimitReached));
    assert!(stats.packets_sent - before <= 64);
    let sent = duel.datagrams.len();
    for _ in 0..10 {
        duel.send(Level::OneRtt, &ping());
    }
    assert_eq!(
        duel.datagrams.len(),
        sent,
        "not a packet more under this key"
    );
}

/// Row 65.
#[test]
fn forged_packets_past_their_limit_close_the_connection() {
    let mut duel = with_weak_keys();
    for round in 1..=65 {
        let mut forged = duel.attacker.packet(Level::OneRtt, &ping());
        *forged.last_mut().unwrap() ^= 1;
        duel.send_datagram(&forged);
        let expected = (round == 65).then_some(Code::AeadLimitReached);
        assert_eq!(duel.offence(), expected, "after {round}");
    }
    let received = duel.connection().stats().packets_received;
    duel.send(Level::OneRtt, &ping());
    assert_eq!(
        duel.connection().stats().packets_received,
        received,
        "nothing more is processed"
    );
}
