//! The search for the path's MTU across links of many sizes, and links that change theirs (RFC 8899).

use inquic_engine::{Config, Stats};
use inquic_platform::Duration;
use inquic_sim::{Bulk, Faults, Settings, World};

fn settings(udp_payload: u16, ceiling: Option<u16>) -> Settings {
    Settings {
        config: Config {
            udp_payload,
            udp_payload_ceiling: ceiling,
            ..Config::default()
        },
        ..Settings::default()
    }
}

fn world(seed: u64, settings: &Settings, faults: Faults) -> World {
    println!("seed {seed}");
    World::open(seed, settings.clone(), settings.clone(), faults)
}

fn carries(mtu: usize) -> Faults {
    Faults {
        mtu,
        ..Faults::default()
    }
}

/// 10 Mbit/s and 40 ms.
fn slow() -> Faults {
    Faults {
        delay: Duration::from_millis(20),
        rate: 1_250_000,
        queue: 64,
        ..Faults::default()
    }
}

fn transfer(settings: &Settings, faults: Faults, size: u64) -> Stats {
    let mut world = world(1, settings, faults);
    let mut bulk = Bulk::begin(&mut world, size);
    assert!(bulk.run(&mut world, Duration::from_secs(100)));
    bulk.stats(&mut world)
}

#[test]
fn what_the_link_carries_is_found_to_a_step_and_lost_probes_are_no_congestion() {
    for mtu in [
        1_200, 1_201, 1_252, 1_300, 1_372, 1_400, 1_464, 1_471, 1_472, 1_500,
    ] {
        let stats = transfer(&settings(1_200, None), carries(mtu), 4 << 20);
        let best = mtu.min(1_472) as u64;
        let found = stats.datagram_size;
        assert!(found <= best && found + 8 > best, "{mtu}: {found}");
        assert_eq!(
            (stats.congestion_events, stats.packets_lost),
            (0, 0),
            "{mtu}"
        );
        assert_eq!(stats.mtu_black_holes, 0, "{mtu}");
    }
}

#[test]
fn jumbo_links_are_filled_when_asked_for() {
    for mtu in [1_500, 4_000, 8_972, 9_000, 9_100] {
        let mut world = world(2, &settings(1_200, Some(9_000)), carries(mtu));
        let mut bulk = Bulk::begin(&mut world, 0);
        for _ in 0..60 {
            bulk.more(100_000);
            bulk.run_for(&mut world, Duration::from_millis(50));
        }
        let stats = bulk.stats(&mut world);
        let best = mtu.min(9_000) as u64;
        let found = stats.datagram_size;
        assert!(found <= best && found + 8 > best, "{mtu}: {found}");
        assert_eq!(
            (stats.congestion_events, stats.packets_lost),
            (0, 0),
            "{mtu}"
        );
    }
}

#[test]
fn a_connection_that_sends_little_is_not_probed() {
    let mut world = world(2, &settings(1_200, None), Faults::default());
    let mut bulk = Bulk::begin(&mut world, 1_000);
    assert!(bulk.run(&mut world, Duration::from_secs(10)));
    world.run_for(Duration::from_secs(20));
    assert_eq!(bulk.stats(&mut world).mtu_probes, 0);
}

#[test]
fn a_handshake_with_packets_that_do_not_pass_goes_on_with_smaller_ones() {
    let mut world = world(3, &settings(1_452, Some(1_452)), carries(1_300));
    let mut bulk = Bulk::begin(&mut world, 4 << 20);
    assert!(bulk.run(&mut world, Duration::from_secs(100)));
    let found = bulk.stats(&mut world).datagram_size;
    assert!((1_293..=1_300).contains(&found), "{found}");
}

#[test]
fn a_path_that_carries_less_than_1200_bytes_carries_no_connection() {
    let mut world = world(4, &settings(1_200, None), carries(1_199));
    let client = world.connect();
    world.run_for(Duration::from_secs(60));
    assert!(world.client.get(client).is_none());
    assert!(world.server.handles().is_empty());
}

#[test]
fn the_search_ends_on_links_that_lose_many_packets() {
    for seed in 0..20 {
        let faults = Faults {
            mtu: 1_400,
            loss: 100,
            ..Faults::default()
        };
        let mut world = world(seed, &settings(1_200, None), faults);
        let mut bulk = Bulk::begin(&mut world, 1 << 20);
        assert!(bulk.run(&mut world, Duration::from_secs(300)));
        assert!(bulk.stats(&mut world).datagram_size <= 1_400);
    }
}

#[test]
fn a_path_that_grows_is_noticed_after_ten_minutes() {
    let mut world = world(5, &settings(1_200, None), carries(1_300));
    let mut bulk = Bulk::begin(&mut world, 4 << 20);
    bulk.run_for(&mut world, Duration::from_secs(5));
    assert!(bulk.stats(&mut world).datagram_size <= 1_300);
    world.up.faults.mtu = 1_500;
    let mut waited = 0;
    while bulk.stats(&mut world).datagram_size < 1_472 {
        bulk.more(100_000);
        bulk.run_for(&mut world, Duration::from_secs(10));
        waited += 10;
        assert!(waited < 620, "not found");
    }
    assert!(waited > 580, "found after {waited} s");
}

/// Runs into a path that ceases to carry more than `mtu` bytes at `at`: for how long nothing new arrived, and the longest probe
/// timeout meanwhile.
fn black_hole(seed: u64, at: Duration, mtu: usize) -> (Duration, Duration) {
    let mut world = world(seed, &settings(1_200, None), slow());
    let mut bulk = Bulk::begin(&mut world, 3_000_000);
    bulk.run_for(&mut world, at);
    let before = bulk.stats(&mut world);
    assert_eq!(before.datagram_size, 1_472);
    world.up.faults.mtu = mtu;
    let began = world.now;
    let end = Duration::from_secs(20);
    let mut pto = before.pto;
    assert!(bulk.run_until(&mut world, end, |world, bulk| {
        let stats = bulk.stats(world);
        pto = pto.max(stats.pto);
        stats.datagram_size == 1_200
    }));
    let read = bulk.read;
    assert!(bulk.run_until(&mut world, end, |_, bulk| bulk.read > read));
    let took = world.now.since(began);
    assert!(bulk.run(&mut world, Duration::from_secs(60)));
    let stats = bulk.stats(&mut world);
    assert_eq!(stats.mtu_black_holes, 1);
    assert!((mtu as u64 - 8..=mtu as u64).contains(&stats.datagram_size));
    (took, pto)
}

#[test]
fn a_black_hole_at_any_time_is_left_within_three_probe_timeouts() {
    for step in 0..20 {
        let at = Duration::from_millis(300 + 73 * step);
        let (took, pto) = black_hole(step, at, 1_300);
        println!("{} ms of {} ms", took.as_millis(), pto.as_millis());
        assert!(took <= pto.saturating_mul(3), "{} ms", at.as_millis());
    }
}

#[test]
fn black_holes_that_come_and_go_do_not_stop_a_transfer() {
    let mut world = world(9, &settings(1_200, None), slow());
    let mut bulk = Bulk::begin(&mut world, 10_000_000);
    for round in 0..10 {
        world.up.faults.mtu = if round % 2 == 0 { 1_250 } else { 1_500 };
        bulk.run_for(&mut world, Duration::from_millis(700));
    }
    assert!(bulk.run(&mut world, Duration::from_secs(30)));
    assert!(
        bulk.stats(&mut world).mtu_black_holes <= 3,
        "each search waits longer"
    );
}

#[test]
fn congestion_is_no_black_hole() {
    for seed in 20..24 {
        let faults = Faults {
            queue: 12,
            loss: 10,
            ..slow()
        };
        let mut world = world(seed, &settings(1_200, None), faults);
        let mut bulk = Bulk::begin(&mut world, 4 << 20);
        assert!(bulk.run(&mut world, Duration::from_secs(100)));
        let stats = bulk.stats(&mut world);
        assert!(stats.packets_lost >= 20, "{}", stats.packets_lost);
        assert_eq!((stats.mtu_black_holes, stats.datagram_size), (0, 1_472));
    }
}
