//! What has no meaning and takes any value: the fixed bit (RFC 9287) and reserved transport parameters.

use inquic_engine::{Config, Drop, RetryPolicy};
use inquic_platform::Duration;
use inquic_sim::{Bits, Duel, Faults, Settings, World};
use inquic_wire::{Level, Reader, TransportParameters};

const FIXED: u8 = 0x40;

fn greasing(grease_quic_bit: bool) -> Settings {
    Settings {
        config: Config {
            grease_quic_bit,
            ..Config::default()
        },
        ..Settings::default()
    }
}

/// How many of the packets that the victim sends once it is connected have the bit, and how many do not.
fn bits(mut duel: Duel, peer_takes_any: bool) -> [usize; 2] {
    let parameters = TransportParameters {
        grease_quic_bit: peer_takes_any,
        ..duel.attacker.parameters()
    };
    duel.shake(&parameters);
    duel.datagrams.clear();
    assert!(duel.connection().is_connected());
    for _ in 0..300 {
        duel.send(Level::OneRtt, &[1]);
        duel.wait(Duration::from_millis(30));
    }
    assert_eq!(duel.offence(), None);
    [FIXED, 0].map(|bit| {
        duel.datagrams
            .iter()
            .filter(|datagram| datagram[0] & FIXED == bit)
            .count()
    })
}

#[test]
fn the_bit_has_random_values_when_both_ends_want_it() {
    for duel in [
        Duel::with_server(&greasing(true)),
        Duel::with_client(&greasing(true)),
    ] {
        let [set, clear] = bits(duel, true);
        assert!(set > 75 && clear > 75, "{set} {clear}");
    }
}

#[test]
fn the_bit_is_1_when_one_end_does_not_want_it() {
    for (ours, theirs) in [(true, false), (false, true), (false, false)] {
        for duel in [
            Duel::with_server(&greasing(ours)),
            Duel::with_client(&greasing(ours)),
        ] {
            let [set, clear] = bits(duel, theirs);
            assert!(set >= 150);
            assert_eq!(clear, 0, "{ours} {theirs}");
        }
    }
}

#[test]
fn the_bit_is_1_until_the_parameters_of_the_peer_are_known() {
    for seed in 0..20 {
        let mut world = World::new(seed, greasing(true), greasing(true), Faults::default());
        let (now, remote) = (world.now, world.server.address);
        world.client.connect(now, remote, &[]);
        world
            .client
            .transmit(now, &mut |datagram| assert_ne!(datagram[0] & FIXED, 0));
    }
}

#[test]
fn packets_without_the_bit_are_taken() {
    let mut duel = Duel::with_server(&greasing(true)).connected();
    let before = duel.connection().stats().packets_received;
    let packet = duel
        .attacker
        .packet_with(Level::OneRtt, 50, Bits { flipped: FIXED }, &[1]);
    duel.send_datagram(&packet);
    assert_eq!(duel.connection().stats().packets_received, before + 1);
}

#[test]
fn a_first_packet_without_the_bit_needs_a_token_of_an_earlier_connection() {
    let server = Settings {
        retry: RetryPolicy::Always,
        ..greasing(true)
    };
    let mut world = World::new(1, greasing(true), server, Faults::default());
    let (client, _) = world.connected();
    let token = world.at_client(client).take_token().expect("a token");
    let connections = world.server.handles().len();
    let (now, remote, local) = (world.now, world.server.address, world.client.address);
    for (token, more, why) in [
        (&[][..], 0, Drop::Header),
        (b"another's", 0, Drop::Header),
        (&token, 1, Drop::Header),
    ] {
        let before = world.server.endpoint.drops().of(why);
        world.client.connect(now, remote, token);
        let mut first = Vec::new();
        world
            .client
            .transmit(now, &mut |datagram| first = datagram.to_vec());
        // The bit is not encrypted; that it is authenticated is seen when the connection opens the packet.
        first[0] &= !FIXED;
        world.server.receive(now, local, &mut first);
        let dropped = world.server.endpoint.drops().of(why) - before;
        assert_eq!(dropped, 1 - more, "{token:?}");
    }
    assert!(world.server.handles().len() >= connections);
}

#[test]
fn every_connection_has_a_reserved_parameter_of_its_own() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let mut world = World::new(
            seed,
            Settings::default(),
            Settings::default(),
            Faults::default(),
        );
        let client = world.connect();
        let mut out = [0; 512];
        let len = world.at_client(client).transport_parameters(&mut out);
        let mut r = Reader::new(&out[..len]);
        let mut reserved = Vec::new();
        while !r.is_empty() {
            let id = r.varint().unwrap();
            let value = r.varint_bytes().unwrap();
            if id % 31 == 27 && id > 63 {
                reserved.push((id, value.to_vec()));
            }
        }
        assert_eq!(reserved.len(), 1);
        seen.extend(reserved);
    }
    assert!(seen.len() >= 49, "{}", seen.len());
}
