//! Acknowledgements as often as the sender of the data wants them (draft-ietf-quic-ack-frequency).

use inquic_engine::{Config, Handle};
use inquic_platform::Duration;
use inquic_sim::{Duel, Faults, Settings, World, frames};
use inquic_wire::frame::{write_ack_frequency, write_immediate_ack};
use inquic_wire::{AckFrequency, Code, Direction, Frame, Level, TransportParameters};

fn with(ack_frequency: bool) -> Settings {
    Settings {
        config: Config {
            ack_frequency,
            ..Config::default()
        },
        ..Settings::default()
    }
}

/// Sends `bytes` from client to server; the packets that the server sent meanwhile, the packets that it received, and how long it
/// took.
fn transfer(client: bool, server: bool, faults: Faults) -> (u64, u64, Duration) {
    let mut world = World::open(3, with(client), with(server), faults);
    let (client, server) = world.connected();
    let (before, began) = (world.at_server(server).stats(), world.now);
    send(&mut world, client, server, 8 << 20);
    let after = world.at_server(server).stats();
    (
        after.packets_sent - before.packets_sent,
        after.packets_received - before.packets_received,
        world.now.since(began),
    )
}

fn send(world: &mut World, client: Handle, server: Handle, bytes: usize) {
    let stream = Direction::Unidirectional;
    let id = world.at_client(client).open(stream).unwrap();
    let (mut written, mut read) = (0, 0);
    let mut out = vec![0; 1 << 16];
    assert!(world.run_until(Duration::from_secs(100), |world| {
        let now = world.now;
        while written < bytes {
            let rest = vec![7; (bytes - written).min(1 << 16)];
            match world.at_client(client).write(id, &rest) {
                Ok(some) if some > 0 => written += some,
                _ => break,
            }
        }
        world.at_server(server).accept(stream);
        while let Ok(some) = world.at_server(server).read(now, id, &mut out) {
            if some.bytes == 0 {
                break;
            }
            read += some.bytes;
        }
        read == bytes
    }));
}

/// 100 Mbit/s and 20 ms there and back: packets come one by one, 200 of them in a window.
fn paced() -> Faults {
    Faults {
        rate: 12_500_000,
        queue: 300,
        ..Faults::default()
    }
}

#[test]
fn a_large_window_brings_fewer_acknowledgements_and_costs_no_time() {
    let (acks, packets, took) = transfer(true, true, paced());
    let (usual_acks, _, usual) = transfer(false, false, paced());
    println!("{acks} packets for {packets} in {took:?}; usually {usual_acks} in {usual:?}");
    assert!(acks * 3 < usual_acks, "{acks} and {usual_acks}");
    assert!(
        took.as_micros() * 100 <= usual.as_micros() * 105,
        "{took:?} and {usual:?}"
    );
}

#[test]
fn losses_are_found_and_repaired_with_fewer_acknowledgements() {
    let lossy = || Faults {
        loss: 10,
        ..paced()
    };
    let (_, _, took) = transfer(true, true, lossy());
    let (_, _, usual) = transfer(false, false, lossy());
    println!("{took:?}; usually {usual:?}");
    assert!(
        took.as_micros() * 10 <= usual.as_micros() * 13,
        "{took:?} and {usual:?}"
    );
}

#[test]
fn a_peer_that_does_not_take_wishes_is_sent_none() {
    let (acks, _, _) = transfer(true, false, paced());
    let (usual, _, _) = transfer(false, false, paced());
    assert!(acks.abs_diff(usual) * 20 < usual, "{acks} and {usual}");
}

fn wish(max_ack_delay_us: u64) -> Vec<u8> {
    frames(|w| {
        write_ack_frequency(
            w,
            &AckFrequency {
                sequence: 0,
                threshold: 10,
                max_ack_delay_us,
                reordering: 3,
            },
        )
    })
}

#[test]
fn what_is_declared_is_the_shortest_delay_that_is_taken() {
    let mut duel = Duel::with_server(&with(true)).connected();
    let mut out = [0; 512];
    let len = duel.connection().transport_parameters(&mut out);
    let declared = TransportParameters::parse(&out[..len], inquic_wire::Role::Server).unwrap();
    assert_eq!(declared.min_ack_delay_us, Some(1_000));
    for (delay, offence) in [
        (999, Some(Code::ProtocolViolation)),
        (1_000, None),
        (16_383_999, None),
        (16_384_000, Some(Code::ProtocolViolation)),
    ] {
        let mut duel = Duel::with_server(&with(true)).connected();
        duel.send(Level::OneRtt, &wish(delay));
        assert_eq!(duel.offence(), offence, "{delay}");
    }
}

#[test]
fn the_frames_are_unknown_where_they_were_not_declared() {
    let immediate = frames(write_immediate_ack);
    for frame in [wish(5_000), immediate] {
        let mut duel = Duel::with_server(&with(false)).connected();
        duel.send(Level::OneRtt, &frame);
        assert_eq!(duel.offence(), Some(Code::FrameEncoding));
    }
}

/// Row 46.
#[test]
fn nobody_can_ask_for_more_than_one_acknowledgement_for_two_packets() {
    let mut duel = Duel::with_open_server(&with(true)).connected();
    let greedy = frames(|w| {
        write_ack_frequency(
            w,
            &AckFrequency {
                sequence: 0,
                threshold: 0,
                max_ack_delay_us: 1_000,
                reordering: 1,
            },
        )
    });
    duel.send(Level::OneRtt, &greedy);
    let immediate = frames(write_immediate_ack);
    for _ in 0..5_000 {
        duel.send(Level::OneRtt, &immediate);
        duel.wait(Duration::from_micros(1));
    }
    let acks = duel.count(|frame| matches!(frame, Frame::Ack(_)));
    // One for two packets, and one for each millisecond.
    assert!(acks <= 5_000 / 2 + 1 + 5, "{acks}");
}
