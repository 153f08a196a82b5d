//! Marks that are erased, changed or made up, by the path or by the peer (row 53).

use inquic_engine::{EcnFailure, EcnState, Stats};
use inquic_platform::Duration;
use inquic_sim::{Bulk, Duel, Faults, Marking, Rng, Settings, World, frames, repeated};
use inquic_wire::frame::{EcnCounts, write_ack, write_ping};
use inquic_wire::{Frame, Frames, Level, Role};

/// A transfer on a path of 10 Mbit/s that treats marks so from the `after`th datagram on: how long it took and what was counted.
fn transfer(seed: u64, ecn: Marking, after: u64) -> (u64, Stats) {
    let faults = Faults {
        rate: 1_250_000,
        queue: 64,
        ..Faults::default()
    };
    let mut world = World::open(seed, Settings::default(), Settings::default(), faults);
    if after == 0 {
        world.up.faults.ecn = ecn;
    }
    let mut bulk = Bulk::begin(&mut world, 60_000);
    let began = world.now;
    let end = Duration::from_secs(20);
    assert!(bulk.run_until(&mut world, end, |world, _| world.up.carried >= after));
    world.up.faults.ecn = ecn;
    assert!(bulk.run(&mut world, end), "seed {seed}");
    let took = world.now.since(began).as_micros();
    world.run_for(Duration::from_millis(100));
    (took, bulk.stats(&mut world))
}

fn failure(stats: &Stats) -> Option<EcnFailure> {
    match stats.ecn {
        EcnState::Failed(failure) => Some(failure),
        _ => None,
    }
}

/// Row 53.
#[test]
fn broken_marks_turn_ecn_off_within_ten_packets_and_cost_nothing() {
    for seed in 0..seeds() {
        let (honest, stats) = transfer(seed, Marking::Kept, 0);
        assert_eq!(stats.ecn, EcnState::Capable, "seed {seed}");
        for (marking, reason) in [
            (Marking::Bleached, EcnFailure::Missing),
            (Marking::Remarked, EcnFailure::Remarked),
            (Marking::AllCe, EcnFailure::AllCongested),
        ] {
            let (took, stats) = transfer(seed, marking, 0);
            assert_eq!(failure(&stats), Some(reason), "seed {seed} {marking:?}");
            // Packets that are coalesced with the tenth have its mark.
            assert!(stats.ecn_marked <= 12, "seed {seed}: {}", stats.ecn_marked);
            assert!(
                took * 95 <= honest * 100,
                "seed {seed}: {took} of {honest} us"
            );
            assert_eq!(stats.congestion_events, 0, "seed {seed} {marking:?}");
        }
    }
}

/// Row 53.
#[test]
fn a_path_that_breaks_marks_later_is_noticed_with_the_next_acknowledgement() {
    for seed in 0..seeds() / 4 {
        let after = 15 + seed % 20;
        for (marking, reason) in [
            (Marking::Bleached, EcnFailure::TooFew),
            (Marking::Remarked, EcnFailure::Remarked),
        ] {
            let (_, stats) = transfer(seed, marking, after);
            assert_eq!(failure(&stats), Some(reason), "seed {seed} {marking:?}");
            assert_eq!(stats.congestion_events, 0, "seed {seed} {marking:?}");
        }
    }
}

/// A server whose marks were reported as they should be, and its largest number.
fn capable() -> (Duel, u64, u64) {
    let mut duel = Duel::with_open_server(&Settings::default()).connected();
    let mut largest = 0;
    for _ in 0..4 {
        largest = heard(&mut duel);
    }
    // Everything in 1-RTT packets was marked.
    let marked = numbers(&duel);
    ack(&mut duel, largest, marked, 0, 0);
    assert_eq!(duel.connection().stats().ecn, EcnState::Capable);
    (duel, largest, marked)
}

/// Has the victim send a packet, and gives the largest number it has used.
fn heard(duel: &mut Duel) -> u64 {
    duel.send(Level::OneRtt, &frames(write_ping));
    duel.wait(Duration::from_millis(50));
    let one_rtt = duel
        .heard
        .iter()
        .filter(|packet| packet.level == Level::OneRtt);
    one_rtt.map(|packet| packet.number).max().unwrap_or(0)
}

fn numbers(duel: &Duel) -> u64 {
    let one_rtt = duel
        .heard
        .iter()
        .filter(|packet| packet.level == Level::OneRtt);
    one_rtt.count() as u64
}

fn ack(duel: &mut Duel, largest: u64, ect0: u64, ect1: u64, ce: u64) {
    let counts = EcnCounts { ect0, ect1, ce };
    let known: Vec<u64> = duel
        .heard
        .iter()
        .filter(|packet| packet.level == Level::OneRtt && packet.number <= largest)
        .map(|packet| packet.number)
        .collect();
    let ranges = known.iter().rev().map(|&number| number..=number);
    let frame = frames(|w| write_ack(w, ranges, 0, Some(counts)).map(|_| ()));
    duel.send(Level::OneRtt, &frame);
}

/// Row 53.
#[test]
fn counts_that_cannot_be_true_turn_ecn_off_and_slow_nobody() {
    for seed in 0..seeds() {
        let mut rng = Rng::new(seed);
        let (mut duel, _, marked) = capable();
        let before = duel.connection().stats();
        let largest = heard(&mut duel);
        let sent = duel.connection().stats().ecn_marked;
        let some = 1 + rng.below(1 << 40);
        let (ect0, ect1, ce, reason) = match rng.below(4) {
            0 => (
                marked - 1 - rng.below(marked),
                0,
                some,
                EcnFailure::Decreased,
            ),
            1 => (sent + some, 0, 0, EcnFailure::TooMany),
            2 => (marked, 0, sent + some, EcnFailure::TooMany),
            _ => (marked, some, 0, EcnFailure::Remarked),
        };
        ack(&mut duel, largest, ect0, ect1, ce);
        let stats = duel.connection().stats();
        assert_eq!(failure(&stats), Some(reason), "seed {seed}");
        assert_eq!(stats.ecn_failures.of(reason), 1);
        assert_eq!(
            stats.congestion_window, before.congestion_window,
            "seed {seed}"
        );
        for _ in 0..3 {
            heard(&mut duel);
        }
        assert_eq!(duel.connection().stats().ecn_marked, sent, "seed {seed}");
        assert_eq!(duel.connection().close_reason(), None);
    }
}

/// Row 53.
#[test]
fn congestion_reported_without_end_slows_only_the_liar() {
    let (mut duel, _, marked) = capable();
    for round in 1..=20 {
        let largest = heard(&mut duel);
        ack(&mut duel, largest, marked, 0, round);
    }
    let stats = duel.connection().stats();
    assert!(stats.congestion_window >= 2_400);
    assert_eq!(duel.connection().close_reason(), None);
    let pings = duel
        .heard
        .iter()
        .flat_map(|packet| Frames::new(&packet.payload, packet.level, Role::Client));
    assert!(pings.flatten().any(|frame| matches!(frame, Frame::Ack(_))));
}

/// Each is several connections.
fn seeds() -> u64 {
    u64::from(repeated(100, 1_000))
}
