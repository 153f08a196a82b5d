//! Packets declared lost that were only late.

use super::*;
use crate::recovery::{Algorithm, Allowance, limits};

fn script(algorithm: Algorithm) -> Script {
    let config = Config {
        algorithm,
        hystart: false,
        ..Config::default()
    };
    let mut script = Script::new(&config, Role::Server);
    script.recovery.set_timer_context(CONFIRMED);
    script
}

#[test]
fn a_reduction_for_nothing_is_taken_back() {
    for algorithm in [Algorithm::Cubic, Algorithm::NewReno] {
        let mut script = script(algorithm);
        script.sends_all(at(0), APP, 0..=9);
        script.acked(at(50), APP, &[3..=9]);
        assert!(script.recovery.congestion_window() < 12_000);
        script.acked(at(51), APP, &[0..=9]);
        assert_eq!(script.recovery.stats().spurious_congestions, 1);
        // Slow start goes on where it was. What the ACK that showed the losses acknowledged did not grow the window.
        assert_eq!(script.recovery.congestion_window(), 12_000);
        assert_eq!(script.recovery.ssthresh(), u64::MAX);
    }
}

#[test]
fn a_reduction_for_one_true_loss_stands() {
    let mut script = script(Algorithm::Cubic);
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[9..=9]);
    assert_eq!(script.takes(Fate::Lost), [0, 1, 2, 3, 4, 5, 6]);
    script.acked(at(51), APP, &[1..=9]);
    assert_eq!(script.recovery.stats().spurious_congestions, 0);
    assert_eq!(script.recovery.congestion_window(), 8_400);
    script.acked(at(52), APP, &[0..=9]);
    assert_eq!(script.recovery.stats().spurious_congestions, 1);
}

#[test]
fn a_window_that_grew_beyond_what_it_was_stays() {
    let mut script = script(Algorithm::NewReno);
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[1..=9]);
    script.expires(at(60));
    assert_eq!(script.recovery.congestion_window(), 6_000);
    let mut number = 10;
    for round in 1..8 {
        while script.recovery.bytes_in_flight() < script.recovery.congestion_window() {
            script.sends(at(100 * round), APP, number);
            number += 1;
        }
        script.acked(at(100 * round + 50), APP, &[10..=number - 1]);
    }
    let window = script.recovery.congestion_window();
    assert!(window > 12_000, "{window}");
    script.acked(at(900), APP, &[0..=number - 1]);
    assert_eq!(script.recovery.congestion_window(), window);
    assert_eq!(script.recovery.stats().spurious_congestions, 0);
}

#[test]
fn late_acknowledgements_never_raise_the_window_above_what_it_was() {
    let mut script = script(Algorithm::Cubic);
    let mut number = 0;
    let mut highest = script.recovery.congestion_window();
    for round in 0..50 {
        let first = number;
        while script.recovery.bytes_in_flight() < script.recovery.congestion_window() {
            script.sends(at(100 * round), APP, number);
            number += 1;
        }
        let last = number - 1;
        let before = script.recovery.congestion_window();
        // The newest comes first, the others once they count as lost.
        script.acked(at(100 * round + 50), APP, &[last..=last]);
        script.acked(at(100 * round + 51), APP, &[first..=last]);
        let after = script.recovery.congestion_window();
        let acked = (number - first) * 1_200;
        assert!(after <= before + acked, "{before} grew to {after}");
        highest = highest.max(after);
        script.told.clear();
    }
    assert!(highest <= limits::WINDOW);
}

#[test]
fn a_mark_of_the_path_makes_a_reduction_stand() {
    let mut script = script(Algorithm::Cubic);
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[3..=9]);
    script.recovery.on_ecn_ce(at(50), APP, 1);
    script.acked(at(51), APP, &[0..=9]);
    assert_eq!(script.recovery.stats().spurious_congestions, 0);
    assert_eq!(script.recovery.congestion_window(), 8_400);
}

#[test]
fn as_many_losses_as_are_remembered_can_be_taken_back_and_one_more_not() {
    for (losses, undone) in [
        (limits::LOST_REMEMBERED as u64, 1),
        (limits::LOST_REMEMBERED as u64 + 1, 0),
    ] {
        let mut script = script(Algorithm::Cubic);
        let last = losses + 2;
        script.sends_all(at(0), APP, 0..=last);
        script.acked(at(50), APP, &[last..=last]);
        assert_eq!(script.takes(Fate::Lost).len() as u64, losses);
        script.acked(at(51), APP, &[0..=last]);
        assert_eq!(script.recovery.stats().spurious_congestions, undone);
    }
}

#[test]
fn a_packet_that_came_late_widens_the_reordering_threshold() {
    let mut script = script(Algorithm::Cubic);
    script.samples(at(0), 0, ms(50));
    script.sends_all(at(100), APP, 1..=10);
    script.acked(at(150), APP, &[6..=6]);
    assert_eq!(script.takes(Fate::Lost), [1, 2, 3]);
    script.acked(at(151), APP, &[1..=6]);
    script.acked(at(152), APP, &[1..=10]);
    // 1 came five numbers late: six are lost from now on.
    script.sends_all(at(200), APP, 11..=20);
    script.acked(at(250), APP, &[16..=16]);
    assert!(script.takes(Fate::Lost).is_empty());
    script.acked(at(250), APP, &[17..=17]);
    assert_eq!(script.takes(Fate::Lost), [11]);
}

#[test]
fn the_reordering_threshold_has_a_ceiling() {
    let mut script = script(Algorithm::Cubic);
    script.sends_all(at(0), APP, 0..=500);
    script.acked(at(50), APP, &[500..=500]);
    script.acked(at(51), APP, &[0..=500]);
    assert_eq!(
        script.recovery.reordering.threshold(),
        limits::REORDERING_MAX
    );
    // An ACK walks the settled records behind an open one again, and they are fewer than that.
    script.sends_all(at(100), APP, 501..=5_000);
    for largest in 502..=5_000 {
        script.acked(at(101), APP, &[502..=largest]);
        let kept = script.recovery.application.len() as u64 - (5_000 - largest);
        assert!(
            kept <= limits::REORDERING_MAX,
            "{kept} settled packets kept"
        );
    }
}

#[test]
fn a_new_path_begins_with_the_usual_threshold() {
    let mut script = script(Algorithm::Cubic);
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[9..=9]);
    script.acked(at(51), APP, &[0..=9]);
    assert!(script.recovery.reordering.threshold() > limits::REORDERING_MIN);
    script.recovery.on_path_changed(at(60));
    assert_eq!(
        script.recovery.reordering.threshold(),
        limits::REORDERING_MIN
    );
}

#[test]
fn losses_of_the_handshake_are_never_taken_back() {
    let mut script = Script::client();
    script.sends_all(at(0), Space::Handshake, 0..=9);
    script.acked(at(50), Space::Handshake, &[9..=9]);
    let window = script.recovery.congestion_window();
    script.acked(at(51), Space::Handshake, &[0..=9]);
    assert_eq!(script.recovery.congestion_window(), window);
    assert_eq!(script.recovery.stats().spurious_congestions, 0);
}

#[test]
fn what_was_remembered_is_given_back_at_rest() {
    let mut script = script(Algorithm::Cubic);
    script.sends_all(at(0), APP, 0..=99);
    script.acked(at(50), APP, &[99..=99]);
    script.acked(at(51), APP, &[97..=99]);
    script.recovery.shrink();
    assert_eq!(script.recovery.allocated_bytes(), 0);
}

#[test]
fn what_comes_back_leaves_in_bursts_of_ten_packets_at_most() {
    let mut script = script(Algorithm::Cubic);
    let mut number = 0;
    for round in 0..4 {
        let first = number;
        while script.recovery.bytes_in_flight() < script.recovery.congestion_window() {
            script.sends(at(400 * round), APP, number);
            number += 1;
        }
        script.acked(at(400 * round + 300), APP, &[first..=number - 1]);
    }
    let window = script.recovery.congestion_window();
    assert!(window >= 150_000, "{window}");
    script.sends_all(at(2_000), APP, number..=number + 39);
    script.acked(at(2_300), APP, &[number + 39..=number + 39]);
    let reduced = script.recovery.congestion_window();
    assert!(reduced < window);
    script.acked(at(2_310), APP, &[number..=number + 39]);
    assert_eq!(script.recovery.stats().spurious_congestions, 1);
    assert!(script.recovery.congestion_window() >= window);
    // 192 kB are free, and paced at twice that in 300 ms.
    let Allowance::Bytes(bytes) = script.recovery.allowance(at(2_310)) else {
        panic!("nothing may leave");
    };
    assert!(bytes <= u64::from(limits::BURST_PACKETS) * 1_200, "{bytes}");
}
