extern crate std;

use proptest::prelude::*;

use super::cubic::{cube_root, time_to_plateau};
use super::hystart::{HyStart, Pace};
use super::loss_based::LossBased;
use super::*;
use crate::recovery::limits;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn at(count: u64) -> Instant {
    Instant::ZERO + ms(count)
}

/// The exact root, by bisection in 128 bits.
fn exact_root(value: u128) -> u64 {
    let (mut low, mut high) = (0_u128, 1 << 42);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if middle.pow(3) <= value {
            low = middle;
        } else {
            high = middle;
        }
    }
    low as u64
}

proptest! {
    #[test]
    fn the_cube_root_is_exact(value: u64, shift in 0..64_u32) {
        let value = value >> shift;
        prop_assert_eq!(cube_root(value), exact_root(value.into()));
    }

    #[test]
    fn the_time_to_the_plateau_is_a_tick_off_at_most(distance in 0..1_u64 << 40, mds in 1_200..9_000_u64) {
        // K^3 = distance / (0.4 * mds) * 2^30.
        let exact = exact_root(u128::from(distance) * 10 * (1 << 30) / (4 * u128::from(mds)));
        let found = time_to_plateau(distance, mds);
        prop_assert!(found <= exact && exact - found <= 1, "{found} for {exact}");
    }

    #[test]
    fn windows_up_to_2_to_the_40_stay_in_their_bounds(
        reno: bool,
        start in 0..1_u64 << 40,
        steps in prop::collection::vec((0..4_u8, 0..1_u64 << 41, 0..1_u64 << 40), 1..60),
    ) {
        let algorithm = if reno { Algorithm::NewReno } else { Algorithm::Cubic };
        let mut controller = LossBased::new(&Config {
            algorithm,
            max_datagram_size: 1_452,
            max_window: u64::MAX,
            ..Config::default()
        });
        controller.set_window(start);
        let mut now = Instant::ZERO;
        for (kind, amount, pass) in steps {
            now = now + Duration::from_nanos(pass);
            match kind {
                0 => { controller.on_congestion(now, now); }
                1 if pass % 8 == 0 => controller.on_persistent_congestion(),
                2 => controller.on_restart(now),
                _ => controller.on_delivery(now, &delivery(amount, now, ms(pass % 100))),
            }
            prop_assert!(controller.window() >= 2 * 1_452);
            prop_assert!(controller.window() <= limits::WINDOW_CEILING);
        }
    }
}

fn delivery(growth: u64, newest_sent: Instant, smoothed: Duration) -> Delivery {
    Delivery {
        acked: growth,
        growth,
        in_flight: 0,
        newest_sent,
        snapshot: None,
        sample: Some(smoothed),
        smoothed,
        min_rtt: smoothed,
    }
}

fn cubic(hystart: bool) -> LossBased {
    LossBased::new(&Config {
        max_datagram_size: 1_000,
        max_window: u64::MAX,
        hystart,
        ..Config::default()
    })
}

fn cubic_of(packets: u64) -> LossBased {
    let mut controller = cubic(false);
    controller.set_window(packets * 1_000);
    controller
}

/// Acknowledges a window in each round trip of 100 ms until `until`.
fn runs(controller: &mut LossBased, from: u64, until: u64) {
    for time in (from..until).step_by(10) {
        let acked = controller.window() / 10;
        controller.on_delivery(at(time), &delivery(acked, at(time), ms(100)));
    }
}

#[test]
fn the_cube_root_knows_its_corners() {
    assert_eq!(cube_root(0), 0);
    assert_eq!(cube_root(7), 1);
    assert_eq!(cube_root(8), 2);
    assert_eq!(cube_root(u64::MAX), 2_642_245);
}

#[test]
fn cubic_is_back_at_its_plateau_after_k() {
    let mut controller = cubic_of(1_000);
    assert!(controller.on_congestion(at(0), at(0)));
    assert_eq!(controller.window(), 700_000);
    // K = cbrt(300 / 0.4) = 9.086 s.
    runs(&mut controller, 0, 9_086);
    let window = controller.window();
    assert!((985_000..=1_001_000).contains(&window), "{window}");
}

#[test]
fn cubic_is_concave_then_convex() {
    let mut controller = cubic_of(1_000);
    controller.on_congestion(at(0), at(0));
    let mut windows = std::vec![controller.window()];
    for second in 0..18 {
        runs(&mut controller, second * 1_000, (second + 1) * 1_000);
        windows.push(controller.window());
    }
    let steps: std::vec::Vec<u64> = windows.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps[1] > steps[4] && steps[4] > steps[8], "{steps:?}");
    assert!(steps[17] > steps[13] && steps[13] > steps[10], "{steps:?}");
}

#[test]
fn fast_convergence_gives_room_to_others() {
    let mut first = cubic_of(1_000);
    first.on_congestion(at(0), at(0));
    // A second loss below the old plateau: the new one is at 0.85 of the window, not at the window.
    first.on_congestion(at(100), at(50));
    assert_eq!(first.window(), 490_000);
    runs(&mut first, 200, 6_900);
    // K = cbrt((595 - 490) / 0.4) = 6.4 s.
    let window = first.window();
    assert!((585_000..=597_000).contains(&window), "{window}");
}

#[test]
fn a_small_window_grows_as_reno_would() {
    let mut controller = cubic_of(10);
    controller.on_congestion(at(0), at(0));
    // 7 packets, back at 10 in 5.7 windows of alpha = 9/17, then a packet for each window.
    runs(&mut controller, 0, 1_200);
    let window = controller.window();
    assert!((12_000..=16_000).contains(&window), "{window}");
}

#[test]
fn cubic_grows_by_half_a_window_for_a_window_at_most() {
    let mut controller = cubic_of(100);
    controller.on_congestion(at(0), at(0));
    controller.on_delivery(at(1), &delivery(70_000, at(1), ms(100)));
    let before = controller.window();
    controller.on_delivery(at(600_000), &delivery(before, at(600_000), ms(100)));
    assert_eq!(controller.window(), before + before / 2);
}

#[test]
fn time_without_enough_to_send_does_not_lift_the_curve() {
    let mut busy = cubic_of(1_000);
    busy.on_congestion(at(0), at(0));
    let mut idle = busy;
    runs(&mut busy, 0, 4_000);
    runs(&mut idle, 0, 2_000);
    idle.on_restart(at(62_000));
    runs(&mut idle, 62_000, 64_000);
    assert!(busy.window().abs_diff(idle.window()) <= 2_000);
}

#[test]
fn after_persistent_congestion_slow_start_leads_to_the_threshold() {
    let mut controller = cubic_of(1_000);
    controller.on_congestion(at(0), at(0));
    controller.on_persistent_congestion();
    assert_eq!(controller.window(), 2_000);
    assert!(controller.in_slow_start());
    for time in 1..20 {
        let acked = controller.window();
        controller.on_delivery(at(time * 100), &delivery(acked, at(time * 100), ms(100)));
    }
    assert!(!controller.in_slow_start());
}

/// One round trip of `acks` acknowledgements, all with the same sample.
fn round(hystart: &mut HyStart, start: u64, acks: u64, rtt: u64) -> Pace {
    let mut pace = Pace::Full;
    for ack in 0..acks {
        // The first one was sent in this round, and ends the one before.
        pace = hystart.on_ack(
            at(start + rtt),
            at(start + u64::from(ack == 0)),
            Some(ms(rtt)),
        );
        if pace == Pace::Leave {
            break;
        }
    }
    pace
}

#[test]
fn hystart_slows_down_when_the_delay_grows() {
    let mut hystart = HyStart::new();
    assert_eq!(round(&mut hystart, 0, 8, 40), Pace::Full);
    assert_eq!(round(&mut hystart, 100, 8, 44), Pace::Full);
    // An eighth of 44 ms is 5.5 ms.
    assert_eq!(round(&mut hystart, 200, 8, 49), Pace::Full);
    assert_eq!(round(&mut hystart, 300, 8, 56), Pace::Quarter);
}

#[test]
fn hystart_needs_eight_samples() {
    let mut hystart = HyStart::new();
    round(&mut hystart, 0, 8, 40);
    assert_eq!(round(&mut hystart, 100, 7, 90), Pace::Full);
    let mut hystart = HyStart::new();
    round(&mut hystart, 0, 8, 40);
    assert_eq!(round(&mut hystart, 100, 8, 90), Pace::Quarter);
}

#[test]
fn hystart_goes_on_when_the_delay_was_jitter() {
    let mut hystart = HyStart::new();
    round(&mut hystart, 0, 8, 40);
    assert_eq!(round(&mut hystart, 100, 8, 50), Pace::Quarter);
    assert_eq!(round(&mut hystart, 200, 8, 41), Pace::Full);
}

#[test]
fn hystart_leaves_after_five_conservative_rounds() {
    let mut hystart = HyStart::new();
    round(&mut hystart, 0, 8, 40);
    assert_eq!(round(&mut hystart, 100, 8, 50), Pace::Quarter);
    for start in [200, 300, 400, 500] {
        assert_eq!(round(&mut hystart, start, 8, 50), Pace::Quarter);
    }
    assert_eq!(round(&mut hystart, 600, 8, 50), Pace::Leave);
}

#[test]
fn leaving_slow_start_without_loss_keeps_the_window() {
    let mut controller = cubic(true);
    let mut time = 0;
    let mut rtt = 40;
    while controller.in_slow_start() {
        for ack in 0..8 {
            let sent = at(time + u64::from(ack == 0));
            controller.on_delivery(at(time + rtt), &delivery(1_000, sent, ms(rtt)));
        }
        time += 100;
        rtt = (rtt + 10).min(60);
        assert!(time < 2_000, "never left slow start");
    }
    assert_eq!(controller.ssthresh(), controller.window());
}

#[test]
fn what_was_before_a_reduction_comes_back_once() {
    let mut controller = cubic_of(1_000);
    controller.on_congestion(at(0), at(0));
    runs(&mut controller, 0, 2_000);
    let before = controller;
    controller.on_congestion(at(2_000), at(1_990));
    assert!(controller.on_spurious());
    assert_eq!(controller.window(), before.window());
    assert_eq!(controller.ssthresh(), before.ssthresh());
    assert!(!controller.on_spurious());
    // The curve goes on as if nothing had been.
    let mut undisturbed = before;
    runs(&mut undisturbed, 2_000, 9_000);
    runs(&mut controller, 2_000, 9_000);
    assert_eq!(controller.window(), undisturbed.window());
}

#[test]
fn a_window_that_is_not_used_does_not_follow_the_curve() {
    let mut controller = cubic_of(1_000);
    controller.on_congestion(at(0), at(0));
    for time in (0..20_000).step_by(10) {
        controller.on_delivery(at(time), &delivery(0, at(time), ms(100)));
    }
    assert_eq!(controller.window(), 700_000);
    runs(&mut controller, 20_000, 20_200);
    assert!(controller.window() < 750_000, "{}", controller.window());
}
