use super::*;

#[test]
fn first_sample_resets_the_estimator() {
    let mut script = Script::connected();
    assert_eq!(script.recovery.rtt().smoothed, ms(333));
    script.samples(at(0), 0, ms(80));
    let rtt = script.recovery.rtt();
    assert_eq!(
        (rtt.latest, rtt.smoothed, rtt.variance, rtt.min),
        (ms(80), ms(80), ms(40), ms(80))
    );
}

#[test]
fn later_samples_are_weighed_by_an_eighth() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    script.samples(at(100), 1, ms(160));
    let rtt = script.recovery.rtt();
    assert_eq!((rtt.latest, rtt.min), (ms(160), ms(80)));
    assert_eq!(rtt.smoothed, ms(90));
    assert_eq!(rtt.variance, ms(50));
}

#[test]
fn ack_delay_is_limited_to_max_ack_delay_once_confirmed() {
    let mut script = Script::connected();
    script.recovery.set_peer_max_ack_delay(ms(16));
    script.samples(at(0), 0, ms(80));
    script.sends(at(100), APP, 1);
    script.acked_after(at(276), APP, 1, ms(60));
    // 176 ms less 16 ms of delay.
    assert_eq!(script.recovery.rtt().smoothed, ms(90));
}

#[test]
fn ack_delay_counts_in_full_before_the_handshake_is_confirmed() {
    let mut script = Script::new(&Config::default(), Role::Server);
    script.sends(at(0), Space::Handshake, 0);
    script.acked(at(80), Space::Handshake, &[0..=0]);
    script.sends(at(100), Space::Handshake, 1);
    script.acked_after(at(320), Space::Handshake, 1, ms(60));
    assert_eq!(script.recovery.rtt().smoothed, ms(90));
}

#[test]
fn ack_delay_of_initial_packets_is_ignored() {
    let mut script = Script::new(&Config::default(), Role::Server);
    script.sends(at(0), Space::Initial, 0);
    script.acked(at(80), Space::Initial, &[0..=0]);
    script.sends(at(100), Space::Initial, 1);
    script.acked_after(at(260), Space::Initial, 1, ms(40));
    assert_eq!(script.recovery.rtt().smoothed, ms(90));
}

#[test]
fn ack_delay_never_takes_a_sample_below_the_minimum() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    script.sends(at(100), APP, 1);
    script.acked_after(at(190), APP, 1, ms(25));
    // 90 - 25 would be below 80, so 90 counts.
    assert_eq!(script.recovery.rtt().smoothed.as_micros(), 81_250);
}

#[test]
fn an_ack_of_ack_only_packets_is_no_sample() {
    let mut script = Script::connected();
    script.sends_ack_only(at(0), APP, 0);
    let acked = script.acked(at(10), APP, &[0..=0]);
    assert!(acked.newly && !acked.largest_newly && !acked.any_ack_eliciting);
    assert_eq!(script.recovery.rtt().first_sample, None);
}

#[test]
fn an_ack_whose_largest_was_known_is_no_sample() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=1);
    script.acked(at(10), APP, &[1..=1]);
    let acked = script.acked(at(50), APP, &[0..=1]);
    assert!(acked.newly && !acked.largest_newly);
    assert_eq!(script.recovery.rtt().latest, ms(10));
}

#[test]
fn packets_of_the_old_path_say_nothing_of_the_new_one() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    script.sends_all(at(100), APP, 1..=9);
    script.recovery.on_path_changed(at(150));
    assert_eq!(script.recovery.bytes_in_flight(), 0);
    script.sends(at(150), APP, 10);
    // 10 arrives, 1 to 7 are lost: the frames are told, the window stays.
    let window = script.recovery.congestion_window();
    script.acked(at(160), APP, &[8..=8]);
    assert_eq!(script.recovery.rtt().first_sample, None);
    assert_eq!(script.takes(Fate::Lost), [1, 2, 3, 4, 5]);
    assert_eq!(script.recovery.congestion_window(), window);
    script.acked(at(170), APP, &[10..=10]);
    assert_eq!(script.recovery.rtt().smoothed, ms(20));
}

#[test]
fn time_that_was_slept_through_is_no_part_of_a_sample() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    script.sends(at(100), APP, 1);
    // A probe was due at 365; the machine slept for an hour, and the ACK waited.
    script.acked(at(3_600_100), APP, &[1..=1]);
    let rtt = script.recovery.rtt();
    assert_eq!(rtt.latest, ms(265));
    assert_eq!(rtt.min, ms(80));
    assert!(script.recovery.pto(APP) < ms(500));
}

#[test]
fn a_path_that_became_slow_is_measured_in_full() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    script.sends(at(100), APP, 1);
    // The timer was served each time, so the ACK did take that long.
    script.expires(at(365));
    script.sends(at(365), APP, 2);
    script.expires(at(365 + 530));
    script.sends(at(895), APP, 3);
    script.acked(at(1_100), APP, &[1..=1]);
    assert_eq!(script.recovery.rtt().latest, ms(1_000));
}

#[test]
fn a_timer_that_is_a_little_late_takes_nothing_off_a_sample() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    script.sends(at(100), APP, 1);
    script.acked(at(630), APP, &[1..=1]);
    assert_eq!(script.recovery.rtt().latest, ms(530));
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    script.sends(at(100), APP, 1);
    script.acked(at(631), APP, &[1..=1]);
    assert_eq!(script.recovery.rtt().latest, ms(265));
}
