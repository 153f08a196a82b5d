//! Connection ids, stateless resets, addresses.

use std::collections::BTreeSet;

use inquic_engine::CloseReason;
use inquic_platform::Duration;
use inquic_sim::{Duel, Settings, frames};
use inquic_wire::frame::{write_new_connection_id, write_retire_connection_id};
use inquic_wire::{Code, ConnectionId, Frame, Level, Role};

use crate::common::{frames_of, ping};

/// The ids that the victim issued, with their sequence numbers and reset tokens.
fn issued(duel: &Duel) -> Vec<(u64, ConnectionId, [u8; 16])> {
    let mut issued = Vec::new();
    for packet in &duel.heard {
        for frame in frames_of(packet, Role::Server) {
            if let Frame::NewConnectionId {
                sequence,
                id,
                reset_token,
                ..
            } = frame
            {
                issued.push((sequence, id, reset_token));
            }
        }
    }
    issued.sort_unstable_by_key(|it| it.0);
    issued.dedup();
    issued
}

/// A server that has issued ids to a client that takes `limit` of them; what it said is still there.
fn server_that_issued(limit: u64) -> Duel {
    let mut duel = Duel::with_server(&Settings::default());
    let mut parameters = duel.attacker.parameters();
    parameters.active_connection_id_limit = limit;
    duel.shake(&parameters);
    duel.wait(Duration::from_millis(100));
    duel
}

fn issue(sequence: u64, prior_to: u64) -> Vec<u8> {
    frames(|w| {
        let id = ConnectionId::new(&[sequence as u8; 8]).unwrap();
        write_new_connection_id(w, sequence, prior_to, &id, &[sequence as u8; 16])
    })
}

fn retired(duel: &Duel) -> Vec<u64> {
    let mut retired = Vec::new();
    for packet in &duel.heard {
        for frame in frames_of(packet, Role::Server) {
            if let Frame::RetireConnectionId { sequence } = frame {
                retired.push(sequence);
            }
        }
    }
    retired
}

#[test]
fn issued_ids_are_numbered_one_by_one_and_no_more_than_the_peer_takes() {
    for limit in [2, 3, 4] {
        let duel = server_that_issued(limit);
        let sequences: Vec<u64> = issued(&duel).iter().map(|it| it.0).collect();
        let expected: Vec<u64> = (1..limit).collect();
        assert_eq!(sequences, expected, "the first id counts as one");
    }
}

#[test]
fn issued_ids_and_reset_tokens_are_all_different_and_tell_nothing() {
    let mut duel = server_that_issued(4);
    for sequence in 1..40 {
        duel.send(
            Level::OneRtt,
            &frames(|w| write_retire_connection_id(w, sequence)),
        );
        duel.wait(Duration::from_millis(200));
    }
    let all = issued(&duel);
    assert!(all.len() >= 20, "{}", all.len());
    let ids: BTreeSet<ConnectionId> = all.iter().map(|it| it.1).collect();
    let tokens: BTreeSet<[u8; 16]> = all.iter().map(|it| it.2).collect();
    assert_eq!(ids.len(), all.len());
    assert_eq!(tokens.len(), all.len());
    for (at, (_, id, _)) in all.iter().enumerate() {
        assert_eq!(id.len(), 8, "one length for all, known without state");
        for (_, other, _) in &all[..at] {
            let same = id.iter().zip(other.iter()).filter(|(a, b)| a == b).count();
            assert!(same <= 4, "{id:?} and {other:?}");
        }
    }
}

#[test]
fn issued_ids_are_taken_until_they_are_retired() {
    let mut duel = server_that_issued(4);
    let first = duel.attacker.dcid;
    let all = issued(&duel);
    for (_, id, _) in &all {
        let before = duel.connection().stats().packets_received;
        duel.attacker.dcid = *id;
        duel.send(Level::OneRtt, &ping());
        assert_eq!(duel.connection().stats().packets_received, before + 1);
    }
    duel.attacker.dcid = first;
    duel.send(Level::OneRtt, &frames(|w| write_retire_connection_id(w, 1)));
    let before = duel.connection().stats().packets_received;
    duel.attacker.dcid = all[0].1;
    duel.send(Level::OneRtt, &ping());
    assert_eq!(duel.connection().stats().packets_received, before);
}

#[test]
fn new_id_below_those_to_retire_is_retired_at_once_and_once() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    // From then on the victim sends to this id.
    duel.attacker.scid = ConnectionId::new(&[3; 8]).unwrap();
    duel.send(Level::OneRtt, &issue(3, 3));
    let before = retired(&duel);
    assert!(before.contains(&0));
    duel.send(Level::OneRtt, &issue(2, 1));
    duel.send(Level::OneRtt, &issue(2, 1));
    let after = retired(&duel);
    assert_eq!(after.iter().filter(|&&sequence| sequence == 2).count(), 1);
    assert!(
        !after.contains(&3),
        "the smaller number to retire below is ignored"
    );
    assert_eq!(duel.connection().close_reason(), None);
}

#[test]
fn peer_without_ids_may_issue_none() {
    let mut duel = Duel::with_server(&Settings::default());
    duel.attacker.scid = ConnectionId::new(b"").unwrap();
    let parameters = duel.attacker.parameters();
    let hello = duel
        .attacker
        .initial(&inquic_sim::Attacker::message(Some(&parameters), 250));
    duel.send_datagram(&hello);
    duel.follow_server_id();
    duel.send(Level::Handshake, &inquic_sim::Attacker::message(None, 36));
    assert!(duel.connection().is_connected());
    duel.send(Level::OneRtt, &issue(1, 0));
    assert_eq!(duel.offence(), Some(Code::ProtocolViolation));
}

#[test]
fn client_takes_nothing_from_an_address_that_is_not_its_servers() {
    let mut duel = Duel::with_client(&Settings::default()).connected();
    let before = duel.connection().stats().packets_received;
    let packet = duel.attacker.packet(Level::OneRtt, &ping());
    duel.send_from("198.51.100.9:4433".parse().unwrap(), &packet);
    duel.wait(Duration::from_millis(100));
    assert_eq!(duel.connection().stats().packets_received, before);
    assert!(duel.datagrams.is_empty());
    duel.send_datagram(&packet);
    assert_eq!(duel.connection().stats().packets_received, before + 1);
}

#[test]
fn resets_look_like_short_packets_and_are_shorter_than_their_cause() {
    let mut duel = Duel::with_server(&Settings::default());
    for len in [43, 44, 100, 1_200] {
        duel.datagrams.clear();
        let mut unknown = vec![0x4f; len];
        unknown[1..9].copy_from_slice(b"nobodys!");
        duel.send_datagram(&unknown);
        assert_eq!(duel.datagrams.len(), 1, "{len}");
        let reset = &duel.datagrams[0];
        assert_eq!(reset[0] & 0xc0, 0x40);
        assert!(
            (21..len).contains(&reset.len()),
            "{} for {len}",
            reset.len()
        );
    }
}

#[test]
fn reset_in_the_shape_of_a_long_header_is_one_too() {
    let mut duel = Duel::with_client(&Settings::default()).connected();
    duel.send(Level::OneRtt, &issue(1, 0));
    let Ok(inquic_wire::Header::Long { scid, .. }) = inquic_wire::Header::parse(&duel_first(), 8)
    else {
        panic!("a long header")
    };
    let mut datagram = vec![0x33; 100];
    datagram[..6].copy_from_slice(&[0xe3, 0, 0, 0, 1, 8]);
    datagram[6..14].copy_from_slice(&scid);
    *datagram.last_chunk_mut().unwrap() = [1; 16];
    duel.send_datagram(&datagram);
    assert_eq!(
        duel.connection().close_reason(),
        Some(&CloseReason::StatelessReset)
    );
}

/// The first datagram of such a client, which is the same each time.
fn duel_first() -> Vec<u8> {
    Duel::with_client(&Settings::default()).datagrams[0].clone()
}

#[test]
fn connection_that_is_there_sends_no_reset() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    for len in [50, 100, 1_200] {
        let mut broken = vec![0x4f; len];
        broken[1..9].copy_from_slice(&duel.attacker.dcid);
        duel.send_datagram(&broken);
    }
    assert!(duel.datagrams.is_empty());
    assert_eq!(duel.connection().close_reason(), None);
}
