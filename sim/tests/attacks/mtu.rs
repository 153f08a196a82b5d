//! Lies about the size of packets that a path carries, and paths that change it (rows 62 and 63).

use inquic_engine::Stats;
use inquic_platform::Duration;
use inquic_sim::{Bulk, Faults, Settings, World};

/// 10 Mbit/s and 40 ms.
fn world(seed: u64) -> World {
    println!("seed {seed}");
    let faults = Faults {
        delay: Duration::from_millis(20),
        rate: 1_250_000,
        queue: 64,
        ..Faults::default()
    };
    World::open(seed, Settings::default(), Settings::default(), faults)
}

const SIZE: u64 = 2_000_000;

/// A transfer during which `lie` is told every two milliseconds: how long it took, and what the sender counted.
fn lied_to(seed: u64, mut lie: impl FnMut(&mut World, &Bulk)) -> (Duration, Stats) {
    let mut world = world(seed);
    let mut bulk = Bulk::begin(&mut world, SIZE);
    let began = world.now;
    while !bulk.run(&mut world, Duration::from_millis(2)) {
        lie(&mut world, &bulk);
        let stats = bulk.stats(&mut world);
        assert!(stats.datagram_size >= 1_200);
        assert!(
            world.now.since(began) < Duration::from_secs(30),
            "{stats:?}"
        );
    }
    (world.now.since(began), bulk.stats(&mut world))
}

/// Row 62.
#[test]
fn forged_icmp_starts_probes_and_nothing_else() {
    for (seed, size) in (0..).zip([0, 68, 1_199, 1_200, 1_300, 1_471, 1_472, 65_535]) {
        let (honest, _) = lied_to(seed, |_, _| {});
        let (took, stats) = lied_to(seed, |world, bulk| {
            let remote = world.server.address;
            world.at_client(bulk.client).on_too_big(remote, size);
        });
        assert_eq!(
            (stats.datagram_size, stats.mtu_black_holes),
            (1_472, 0),
            "{size}"
        );
        let honest = honest.as_micros();
        assert!(
            took.as_micros() * 100 <= honest * 110,
            "{size}: {took:?} of {honest} us"
        );
        if !(1_200..1_472).contains(&size) {
            assert_eq!(stats.mtu_probes, 1, "{size}: no more than the search");
        }
    }
}

/// Row 62.
#[test]
fn icmp_for_another_address_is_ignored() {
    let (_, stats) = lied_to(0, |world, bulk| {
        let remote = "192.0.2.9:4433".parse().unwrap();
        world.at_client(bulk.client).on_too_big(remote, 1_300);
    });
    assert_eq!((stats.datagram_size, stats.mtu_probes), (1_472, 1));
}

/// Row 62.
#[test]
fn a_refusal_by_the_system_brings_1_200_and_probes() {
    for (seed, size) in (0..).zip([0, 1_200, 1_201, 1_472, 1_473, 65_507]) {
        let mut told = false;
        let (_, stats) = lied_to(seed, |world, bulk| {
            let now = world.now;
            let sender = world.at_client(bulk.client);
            if sender.stats().datagram_size == 1_472 && !told {
                told = true;
                sender.on_refused(now, size);
                let lowered = (1_201..=1_472).contains(&size);
                let expected = if lowered { 1_200 } else { 1_472 };
                assert_eq!(sender.stats().datagram_size, expected, "{size}");
            }
        });
        assert!(told);
        assert_eq!(stats.datagram_size, 1_472, "{size}: found again");
    }
}

/// Row 62.
#[test]
fn refusals_without_end_only_keep_packets_small() {
    let (took, stats) = lied_to(1, |world, bulk| {
        let now = world.now;
        let sender = world.at_client(bulk.client);
        let size = sender.stats().datagram_size as usize;
        sender.on_refused(now, size);
    });
    assert_eq!(stats.datagram_size, 1_200);
    assert!(took < Duration::from_secs(4), "{} ms", took.as_millis());
}

/// Row 63.
#[test]
fn a_black_hole_costs_no_more_than_three_probe_timeouts() {
    for seed in 0..10 {
        let mut world = world(seed);
        let mut bulk = Bulk::begin(&mut world, SIZE);
        bulk.run_for(&mut world, Duration::from_millis(300 + 97 * seed));
        let mut pto = bulk.stats(&mut world).pto;
        world.up.faults.black_hole = 1_200 + seed as usize * 20;
        let began = world.now;
        let at_most = Duration::from_secs(10);
        assert!(bulk.run_until(&mut world, at_most, |world, bulk| {
            pto = pto.max(bulk.stats(world).pto);
            bulk.stats(world).mtu_black_holes == 1
        }));
        assert_eq!(bulk.stats(&mut world).datagram_size, 1_200);
        let read = bulk.read;
        assert!(bulk.run_until(&mut world, at_most, |_, bulk| bulk.read > read));
        let took = world.now.since(began);
        assert!(took <= pto.saturating_mul(3), "{took:?} of {pto:?}");
        assert!(bulk.run(&mut world, Duration::from_secs(30)));
    }
}
