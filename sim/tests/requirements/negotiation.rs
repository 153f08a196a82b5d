//! Versions: what a client believes of what is said about them.

use inquic_engine::CloseReason;
use inquic_platform::Duration;
use inquic_sim::{Attacker, Duel, Settings};
use inquic_wire::{Header, Level, Version, Writer, write_version_negotiation};

const UNKNOWN: [Version; 2] = [Version(0x1a2a_3a4a), Version(0x0000_00f7)];

/// A Version Negotiation packet for the first datagram of the client.
fn negotiation(duel: &Duel, versions: &[Version], bits: u8) -> Vec<u8> {
    let Ok(Header::Long { dcid, scid, .. }) = Header::parse(&duel.datagrams[0], 8) else {
        panic!("a long header")
    };
    let mut packet = vec![0; 200];
    let mut writer = Writer::new(&mut packet);
    write_version_negotiation(&mut writer, bits, &scid, &dcid, versions).unwrap();
    let len = writer.position();
    packet.truncate(len);
    packet
}

#[test]
fn version_negotiation_without_a_version_of_ours_ends_the_attempt() {
    for bits in [0, 0x15, 0x3f] {
        let mut duel = Duel::with_client(&Settings::default());
        let packet = negotiation(&duel, &UNKNOWN, bits);
        duel.send_datagram(&packet);
        duel.wait(Duration::from_millis(1));
        let gone = duel.host.handles().is_empty();
        assert!(gone || duel.connection().close_reason() == Some(&CloseReason::VersionNegotiation));
    }
}

#[test]
fn version_negotiation_that_lists_our_version_is_dropped() {
    let mut duel = Duel::with_client(&Settings::default());
    let packet = negotiation(&duel, &[UNKNOWN[0], Version::V1, UNKNOWN[1]], 0);
    duel.send_datagram(&packet);
    assert_eq!(duel.connection().close_reason(), None);
    let parameters = duel.attacker.parameters();
    duel.shake(&parameters);
    assert!(duel.connection().is_connected());
}

#[test]
fn version_negotiation_after_any_other_packet_is_dropped() {
    let mut duel = Duel::with_client(&Settings::default());
    let packet = negotiation(&duel, &UNKNOWN, 0);
    duel.send(Level::Initial, &Attacker::message(None, 90));
    duel.send_datagram(&packet);
    assert_eq!(duel.connection().close_reason(), None);
}

#[test]
fn version_negotiation_for_other_ids_is_dropped() {
    let mut duel = Duel::with_client(&Settings::default());
    let mut packet = negotiation(&duel, &UNKNOWN, 0);
    // The last byte of the source id, which is the destination id of the client's packet.
    packet[5 + 1 + 8 + 1 + 7] ^= 1;
    duel.send_datagram(&packet);
    assert_eq!(duel.connection().close_reason(), None);
}

#[test]
fn packets_of_another_version_than_the_clients_are_dropped() {
    let mut duel = Duel::with_client(&Settings::default());
    let mut packet = duel
        .attacker
        .packet(Level::Initial, &Attacker::message(None, 90));
    packet[1..5].copy_from_slice(&UNKNOWN[0].0.to_be_bytes());
    duel.send_datagram(&packet);
    assert_eq!(duel.connection().stats().packets_received, 0);
    assert_eq!(duel.connection().close_reason(), None);
}
