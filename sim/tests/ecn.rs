//! ECN on paths that carry marks: both ends find that out, and marked congestion slows the sender without a loss.

use inquic_engine::{EcnState, Stats};
use inquic_platform::Duration;
use inquic_sim::{Bulk, Discipline, Faults, Settings, World};

fn transfer(seed: u64, faults: Faults, size: u64) -> (Duration, [Stats; 2]) {
    println!("seed {seed}");
    let mut world = World::open(seed, Settings::default(), Settings::default(), faults);
    let mut bulk = Bulk::begin(&mut world, size);
    let began = world.now;
    assert!(bulk.run(&mut world, Duration::from_secs(100)));
    let server = world.at_server(bulk.server).stats();
    (world.now.since(began), [bulk.stats(&mut world), server])
}

#[test]
fn both_ends_find_that_marks_arrive() {
    let (_, stats) = transfer(1, Faults::default(), 100_000);
    for stats in stats {
        assert_eq!(
            (stats.ecn, stats.ecn_failures.total()),
            (EcnState::Capable, 0)
        );
        assert!(stats.ecn_marked + 3 >= stats.packets_sent, "{stats:?}");
    }
}

#[test]
fn marks_survive_loss_reordering_and_duplication() {
    for seed in 0..40 {
        let faults = Faults {
            loss: 30,
            duplication: 30,
            reordering: 10,
            jitter: Duration::from_millis(8),
            ..Faults::default()
        };
        let (_, stats) = transfer(seed, faults, 200_000);
        for stats in stats {
            assert_eq!(stats.ecn_failures.total(), 0, "{:?}", stats.ecn);
        }
    }
}

#[test]
fn marked_congestion_slows_the_sender_without_a_loss() {
    let path = |discipline| Faults {
        delay: Duration::from_millis(15),
        rate: 1_250_000,
        queue: 1_000,
        discipline,
        ..Faults::default()
    };
    let (took, [marked, _]) = transfer(3, path(Discipline::CoDel), 6_000_000);
    assert_eq!((marked.packets_lost, marked.ecn), (0, EcnState::Capable));
    assert!(
        marked.congestion_events >= 3,
        "{}",
        marked.congestion_events
    );
    let (_, [unmarked, _]) = transfer(3, path(Discipline::TailDrop), 6_000_000);
    // The queue stays short, and the link full.
    assert!(
        marked.rtt_smoothed < Duration::from_millis(80),
        "{marked:?}"
    );
    assert!(unmarked.rtt_smoothed > marked.rtt_smoothed);
    let kilobits = 6_000_000 * 8 / took.as_millis();
    assert!(kilobits >= 9_000, "{kilobits}");
}
