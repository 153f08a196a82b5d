//! What strangers can make a listener hold.

use std::net::SocketAddr;

use inquic_platform::Duration;
use inquic_sim::{Attacker, Duel, Settings, repeated};
use inquic_wire::{ConnectionId, Level};

use crate::allocator::{held, take_peak};

/// What a listener may hold for strangers.
const LISTENER: isize = 8 << 20;

/// What it may hold for one half-open connection, without what its TLS keeps of its own: 4 KiB are the connection and its recovery,
/// a quarter of the rest or more our handshake messages. Packets that wait for keys come to nothing here, as the keys are there with
/// the first packet.
const HALF_OPEN: isize = 6 << 10;

fn address(index: u32) -> SocketAddr {
    let [a, b, c, d] = index.to_be_bytes();
    SocketAddr::from(([10, b, c, d], 1_024 + u16::from(a)))
}

/// What is held when nothing is kept of what the host sent.
fn held_by(duel: &mut Duel) -> isize {
    duel.datagrams = Vec::new();
    duel.heard = Vec::new();
    duel.host.take_events();
    held()
}

/// A duel in which client `index` begins; its hello.
fn begin(duel: &mut Duel, index: u32) -> ConnectionId {
    let id = ConnectionId::new(&u64::from(index).to_be_bytes()).unwrap();
    duel.attacker.dcid = id;
    duel.attacker.set_initial_id(&id);
    duel.attacker.numbers = [0; 4];
    id
}

/// Row 1 of the table of attacks.
#[test]
fn flood_of_first_packets_is_held_in_8_mebibytes() {
    let mut duel = Duel::with_open_server(&Settings::default());
    let parameters = duel.attacker.parameters();
    let hello = Attacker::message(Some(&parameters), 250);
    let before = held();
    take_peak();
    for index in 0..repeated(3_000, 1_000_000) {
        begin(&mut duel, index);
        let datagram = duel.attacker.initial(&hello);
        duel.send_from(address(index), &datagram);
        duel.datagrams.clear();
        duel.heard.clear();
    }
    let peak = take_peak() - before;
    assert!(peak <= LISTENER, "{peak} bytes");
    duel.wait(Duration::from_secs(11));
    assert!(duel.host.endpoint.is_empty());
    duel.datagrams.clear();
    duel.heard.clear();
    let left = held() - before;
    assert!(left <= 256 << 10, "{left} bytes after all are gone");
}

/// Row 2 of the table of attacks.
#[test]
fn junk_behind_first_packets_is_held_in_6_kibibytes_each() {
    let mut duel = Duel::with_open_server(&Settings::default());
    let parameters = duel.attacker.parameters();
    let hello = Attacker::message(Some(&parameters), 250);
    for round in 0..repeated(3, 300) {
        for index in 0..340 {
            let id = begin(&mut duel, round * 1_000 + index);
            let mut datagram = duel.attacker.packet(Level::Initial, &hello);
            for junk in 0..40_u8 {
                let other = ConnectionId::new(&[junk; 8]).unwrap();
                duel.attacker.dcid = if junk.is_multiple_of(3) { other } else { id };
                let mut packet = duel.attacker.packet(Level::Handshake, &[0; 20]);
                if junk.is_multiple_of(2) {
                    packet[0] = packet[0] & 0xcf | 0x10;
                }
                packet[20] ^= junk;
                datagram.append(&mut packet);
            }
            datagram.resize(datagram.len().max(1_200), 0);
            duel.send_from(address(round * 1_000 + index), &datagram);
            duel.datagrams.clear();
            duel.heard.clear();
        }
        let half_open = duel.host.endpoint.half_open() as isize;
        assert!(half_open > 0);
        let full = held_by(&mut duel) - duel.host.hello_bytes() as isize;
        duel.wait(Duration::from_secs(11));
        assert!(duel.host.endpoint.is_empty());
        // What comes back when they are gone is what they held.
        let each = (full - held_by(&mut duel)) / half_open;
        assert!(each <= HALF_OPEN, "{each} bytes for each of {half_open}");
        assert!(each > HALF_OPEN / 2, "{each} bytes: this counts too little");
    }
}
