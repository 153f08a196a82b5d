//! Retry: followed once, by its letter, and never believed without its tag.

use inquic_engine::RetryPolicy;
use inquic_platform::{Duration, Instant};
use inquic_sim::{Duel, Faults, Host, Settings, World, frames};
use inquic_wire::{ConnectionId, Frame, Header, Level, Role};

use crate::common::{frames_of, headers};

fn asking() -> Settings {
    Settings {
        retry: RetryPolicy::Always,
        ..Settings::default()
    }
}

/// What a server that asks every client answers to `datagram`; it keeps no state, so any server can be asked.
fn answers(datagram: &[u8], seed: u64) -> Vec<Vec<u8>> {
    let mut server = Host::new("192.0.2.2:4433".parse().unwrap(), asking(), seed);
    server.listen();
    let now = Instant::from_nanos(1_000_000_000);
    server.receive(
        now,
        "192.0.2.1:50000".parse().unwrap(),
        &mut datagram.to_vec(),
    );
    let mut answers = Vec::new();
    server.transmit(now, &mut |answer| answers.push(answer.to_vec()));
    answers
}

fn retry_for(duel: &Duel, seed: u64) -> Vec<u8> {
    answers(&duel.datagrams[0], seed).remove(0)
}

/// The token and the destination id of the newest datagram of the client.
fn newest(duel: &Duel) -> (Vec<u8>, ConnectionId, ConnectionId) {
    let datagram = duel.datagrams.last().unwrap();
    let Ok(Header::Long {
        dcid, scid, token, ..
    }) = Header::parse(datagram, 8)
    else {
        panic!("a long header")
    };
    (datagram[token].to_vec(), dcid, scid)
}

#[test]
fn retry_gives_another_id_and_answers_once() {
    let duel = Duel::with_client(&Settings::default());
    let Ok(Header::Long { dcid, scid, .. }) = Header::parse(&duel.datagrams[0], 8) else {
        panic!("a long header")
    };
    // A second Initial packet in the same datagram gets no second answer.
    let mut twice = duel.datagrams[0].clone();
    twice.extend_from_slice(&duel.datagrams[0]);
    for datagram in [&duel.datagrams[0], &twice] {
        let answers = answers(datagram, 5);
        assert_eq!(answers.len(), 1);
        let Ok(Header::Retry {
            dcid: to,
            scid: from,
            ..
        }) = Header::parse(&answers[0], 8)
        else {
            panic!("a Retry packet")
        };
        assert_eq!(to, scid);
        assert_ne!(from, dcid);
    }
}

#[test]
fn retry_is_followed_with_its_token_and_id_and_the_same_hello() {
    let mut duel = Duel::with_client(&Settings::default());
    let original = duel.original_id();
    let (_, _, our_id) = newest(&duel);
    let hello = |duel: &Duel| -> Vec<u8> {
        let packets = duel.heard.iter().rev();
        let hello = packets.map(|packet| {
            let mut bytes = Vec::new();
            for frame in frames_of(packet, Role::Client) {
                if let Frame::Crypto { data, .. } = frame {
                    bytes.extend_from_slice(data);
                }
            }
            bytes
        });
        hello.into_iter().find(|hello| !hello.is_empty()).unwrap()
    };
    let first_hello = hello(&duel);
    let first_number = duel.heard.last().unwrap().number;
    let retry = retry_for(&duel, 5);
    let Ok(Header::Retry { scid, token, .. }) = Header::parse(&retry, 8) else {
        panic!("a Retry packet")
    };
    duel.attacker.set_initial_id(&scid);
    duel.send_datagram(&retry);
    duel.wait(Duration::from_secs(4));
    let after: Vec<_> = duel.datagrams.iter().skip(1).cloned().collect();
    assert!(after.len() >= 2, "at once, and after a probe timeout");
    for datagram in &after {
        let Some(Header::Long {
            dcid,
            scid: from,
            token: sent,
            ..
        }) = headers(datagram).into_iter().next()
        else {
            panic!("a long header")
        };
        assert_ne!(dcid, original);
        assert_eq!(dcid, scid);
        assert_eq!(from, our_id, "the client keeps its own id");
        assert_eq!(datagram[sent], retry[token.clone()]);
    }
    assert!(duel.heard.len() >= 2);
    duel.heard.remove(0);
    assert_eq!(hello(&duel), first_hello);
    let numbers: Vec<u64> = duel.heard.iter().map(|packet| packet.number).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(numbers[0] > first_number);
}

#[test]
fn only_the_first_retry_is_followed_and_none_after_an_initial_packet() {
    let mut duel = Duel::with_client(&Settings::default());
    let (first, second) = (retry_for(&duel, 5), retry_for(&duel, 6));
    assert_ne!(first, second);
    duel.send_datagram(&first);
    let followed = newest(&duel);
    duel.send_datagram(&second);
    duel.wait(Duration::from_secs(4));
    assert_eq!(newest(&duel), followed);

    let mut duel = Duel::with_client(&Settings::default());
    let late = retry_for(&duel, 5);
    duel.send(Level::Initial, &frames(inquic_wire::frame::write_ping));
    duel.send_datagram(&late);
    duel.wait(Duration::from_secs(4));
    assert!(
        newest(&duel).0.is_empty(),
        "no token, for it was not followed"
    );
}

#[test]
fn retry_with_any_bit_changed_is_dropped() {
    let mut duel = Duel::with_client(&Settings::default());
    let retry = retry_for(&duel, 5);
    let sent = duel.connection().stats().packets_sent;
    for bit in 0..retry.len() * 8 {
        let mut forged = retry.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        duel.send_datagram(&forged);
    }
    assert_eq!(duel.connection().stats().packets_sent, sent);
    assert_eq!(duel.connection().close_reason(), None);
    duel.send_datagram(&retry);
    assert!(
        duel.connection().stats().packets_sent > sent,
        "the true one is followed"
    );
}

#[test]
fn retry_with_the_clients_own_choice_of_id_or_without_a_token_is_dropped() {
    let mut duel = Duel::with_client(&Settings::default());
    let Ok(Header::Long { dcid, scid, .. }) = Header::parse(&duel.datagrams[0], 8) else {
        panic!("a long header")
    };
    let sent = duel.datagrams.len();
    let same_id = duel.attacker.retry(&dcid, &scid, &dcid, b"token", 0x3f);
    duel.send_datagram(&same_id);
    let other = ConnectionId::new(b"from-srv").unwrap();
    let no_token = duel.attacker.retry(&dcid, &scid, &other, b"", 0x3f);
    duel.send_datagram(&no_token);
    assert_eq!(duel.datagrams.len(), sent);
    // The unused bits are whatever the server likes.
    let odd_bits = duel.attacker.retry(&dcid, &scid, &other, b"token", 0x35);
    duel.send_datagram(&odd_bits);
    assert_eq!(newest(&duel).0, b"token");
}

#[test]
fn retry_token_is_not_given_out_for_later_connections() {
    let mut world = World::new(1, Settings::default(), asking(), Faults::default());
    let client = world.connect();
    world.run_until(Duration::from_secs(1), |world| {
        world.at_client(client).is_connected()
    });
    // Connected, and NEW_TOKEN has not come yet.
    assert_eq!(world.at_client(client).take_token(), None);
    world.run_for(Duration::from_secs(1));
    assert!(world.at_client(client).take_token().is_some());
}

#[test]
fn tokens_for_later_connections_are_unlike_each_other() {
    let mut tokens: Vec<Vec<u8>> = Vec::new();
    for seed in 0..40 {
        let mut world = World::plain(seed);
        let (client, _) = world.connected();
        tokens.push(world.at_client(client).take_token().unwrap());
    }
    // Nothing of four bytes stands in two tokens at the same place, but for what marks the kind.
    for (at, token) in tokens.iter().enumerate() {
        for other in &tokens[..at] {
            let same = token.iter().zip(other).filter(|(a, b)| a == b).count();
            assert!(same <= 8, "{same} of {} bytes are the same", token.len());
        }
    }
}
