use super::*;
use crate::recovery::{Algorithm, Allowance};

fn reno() -> Script {
    let config = Config {
        algorithm: Algorithm::NewReno,
        hystart: false,
        ..Config::default()
    };
    let mut script = Script::new(&config, Role::Server);
    script.recovery.set_timer_context(CONFIRMED);
    script
}

#[test]
fn the_initial_window_is_ten_packets_or_14720_bytes() {
    for (size, window) in [
        (1_200, 12_000),
        (1_452, 14_520),
        (1_500, 14_720),
        (9_000, 18_000),
    ] {
        let config = Config {
            max_datagram_size: size,
            ..Config::default()
        };
        let recovery = Recovery::new(&config, Role::Client);
        assert_eq!(recovery.congestion_window(), window);
        assert_eq!(recovery.ssthresh(), u64::MAX);
    }
}

#[test]
fn another_datagram_size_gives_another_initial_window() {
    let mut script = reno();
    script.recovery.set_max_datagram_size(1_452);
    assert_eq!(script.recovery.congestion_window(), 14_520);
}

#[test]
fn another_datagram_size_leaves_a_window_that_has_grown() {
    let mut script = reno();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[0..=4]);
    script.recovery.set_max_datagram_size(1_452);
    assert_eq!(script.recovery.congestion_window(), 18_000);
    script.recovery.set_max_datagram_size(1_200);
    assert_eq!(script.recovery.congestion_window(), 18_000);
}

#[test]
fn slow_start_grows_by_what_is_acknowledged() {
    let mut script = reno();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[0..=4]);
    assert_eq!(script.recovery.congestion_window(), 18_000);
    script.acked(at(51), APP, &[0..=9]);
    assert_eq!(script.recovery.congestion_window(), 24_000);
}

#[test]
fn a_window_that_was_not_full_does_not_grow() {
    let mut script = reno();
    script.sends_all(at(0), APP, 0..=4);
    script.recovery.on_app_limited();
    script.acked(at(50), APP, &[0..=4]);
    assert_eq!(script.recovery.congestion_window(), 12_000);
}

#[test]
fn packets_sent_after_the_window_was_full_do_not_grow_it() {
    let mut script = reno();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[0..=9]);
    assert_eq!(script.recovery.congestion_window(), 24_000);
    script.sends_all(at(60), APP, 10..=14);
    script.acked(at(110), APP, &[10..=14]);
    assert_eq!(script.recovery.congestion_window(), 24_000);
}

#[test]
fn a_loss_halves_the_window_once_in_a_recovery_period() {
    let mut script = reno();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[3..=3]);
    assert_eq!(script.recovery.congestion_window(), 6_000);
    assert_eq!(script.recovery.ssthresh(), 6_000);
    // More of the same flight is lost: no further reduction.
    script.acked(at(51), APP, &[9..=9]);
    assert_eq!(script.recovery.stats().packets_lost, 6);
    assert_eq!(script.recovery.stats().congestion_events, 1);
    assert_eq!(script.recovery.congestion_window(), 6_000);
}

#[test]
fn a_loss_after_the_recovery_period_reduces_again() {
    let mut script = reno();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[3..=9]);
    script.sends_all(at(60), APP, 10..=14);
    script.acked(at(110), APP, &[14..=14]);
    assert_eq!(script.recovery.stats().congestion_events, 2);
    assert_eq!(script.recovery.congestion_window(), 3_000);
}

#[test]
fn acknowledgements_from_before_the_recovery_period_do_not_grow_the_window() {
    let mut script = reno();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[3..=3]);
    script.acked(at(51), APP, &[1..=9]);
    assert_eq!(script.recovery.congestion_window(), 6_000);
}

#[test]
fn congestion_avoidance_adds_a_packet_for_each_window() {
    let mut script = reno();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[1..=9]);
    script.expires(at(60));
    assert_eq!(script.recovery.congestion_window(), 6_000);
    script.sends_all(at(60), APP, 10..=14);
    script.acked(at(110), APP, &[10..=13]);
    assert_eq!(script.recovery.congestion_window(), 6_000);
    script.acked(at(111), APP, &[10..=14]);
    assert_eq!(script.recovery.congestion_window(), 7_200);
}

#[test]
fn the_window_never_falls_below_two_packets() {
    let mut script = reno();
    let mut number = 0;
    for round in 0..10 {
        script.sends_all(at(round * 100), APP, number..=number + 3);
        script.acked(at(round * 100 + 50), APP, &[number + 3..=number + 3]);
        number += 4;
    }
    assert_eq!(script.recovery.stats().congestion_events, 10);
    assert_eq!(script.recovery.congestion_window(), 2_400);
}

#[test]
fn the_window_never_grows_above_its_ceiling() {
    let config = Config {
        max_window: 15_000,
        hystart: false,
        ..Config::default()
    };
    let mut script = Script::new(&config, Role::Server);
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[0..=9]);
    assert_eq!(script.recovery.congestion_window(), 15_000);
}

#[test]
fn cubic_leaves_seven_tenths_of_the_window() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[3..=3]);
    assert_eq!(script.recovery.congestion_window(), 8_400);
    assert_eq!(script.recovery.ssthresh(), 8_400);
}

#[test]
fn one_packet_may_leave_when_the_window_is_reduced() {
    let mut script = reno();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[3..=3]);
    assert!(script.recovery.bytes_in_flight() > script.recovery.congestion_window());
    assert_eq!(script.recovery.allowance(at(50)), Allowance::Bytes(1_200));
    script.sends(at(50), APP, 10);
    assert_eq!(script.recovery.allowance(at(50)), Allowance::Congested);
}

#[test]
fn a_congestion_mark_is_a_congestion_event() {
    let mut script = reno();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[0..=0]);
    let window = script.recovery.congestion_window();
    script.recovery.on_ecn_ce(at(50), APP, 1);
    assert_eq!(script.recovery.congestion_window(), window / 2);
    script.acked(at(51), APP, &[0..=1]);
    script.recovery.on_ecn_ce(at(51), APP, 2);
    assert_eq!(script.recovery.stats().congestion_events, 1);
    script.sends(at(60), APP, 10);
    script.acked(at(110), APP, &[0..=10]);
    script.recovery.on_ecn_ce(at(110), APP, 2);
    assert_eq!(script.recovery.stats().congestion_events, 1);
    script.recovery.on_ecn_ce(at(110), APP, 3);
    assert_eq!(script.recovery.stats().congestion_events, 2);
}

#[test]
fn the_window_is_full_when_less_than_a_packet_is_left() {
    let mut script = reno();
    script.sends_all(at(0), APP, 0..=8);
    assert_eq!(script.recovery.allowance(at(0)), Allowance::Bytes(1_200));
    script.sends_bytes(at(0), APP, 9, 1);
    assert_eq!(script.recovery.allowance(at(0)), Allowance::Congested);
}
