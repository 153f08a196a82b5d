use super::*;

#[test]
fn a_packet_three_below_the_largest_acknowledged_is_lost() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=3);
    let acked = script.acked(at(50), APP, &[3..=3]);
    assert!(acked.any_lost);
    assert_eq!(script.takes(Fate::Lost), [0]);
    assert_eq!(script.recovery.bytes_in_flight(), 2_400);
}

#[test]
fn packets_closer_are_lost_by_age() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    script.sends_all(at(100), APP, 1..=3);
    script.acked(at(180), APP, &[3..=3]);
    assert!(script.takes(Fate::Lost).is_empty());
    // 9/8 of 80 ms after they were sent.
    assert_eq!(script.recovery.deadline(), Some(at(190)));
    assert_eq!(script.expires(at(189)), Timeout::None);
    assert_eq!(script.expires(at(190)), Timeout::Lost);
    assert_eq!(script.takes(Fate::Lost), [1, 2]);
    assert_eq!(script.recovery.bytes_in_flight(), 0);
    assert_eq!(script.recovery.deadline(), None);
}

#[test]
fn the_larger_of_smoothed_and_latest_counts() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    script.sends_all(at(100), APP, 1..=2);
    script.acked(at(260), APP, &[2..=2]);
    // latest 160 ms: lost 180 ms after it was sent.
    assert_eq!(script.recovery.deadline(), Some(at(280)));
}

#[test]
fn nothing_is_lost_by_age_within_a_millisecond() {
    let mut script = Script::connected();
    let micro = Duration::from_micros;
    script.samples(at(0), 0, micro(10));
    script.sends_all(at(100), APP, 1..=2);
    script.acked(at(100) + micro(10), APP, &[2..=2]);
    assert_eq!(script.recovery.deadline(), Some(at(101)));
}

#[test]
fn packets_above_the_largest_acknowledged_are_never_lost() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(10));
    script.sends_all(at(100), APP, 1..=9);
    script.acked(at(500), APP, &[1..=1]);
    assert!(script.takes(Fate::Lost).is_empty());
    assert_eq!(script.recovery.bytes_in_flight(), 8 * 1_200);
}

#[test]
fn an_acknowledgement_between_lost_packets_saves_its_packet() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[9..=9, 4..=5, 2..=2]);
    assert_eq!(script.takes(Fate::Lost), [0, 1, 3, 6]);
    assert_eq!(script.takes(Fate::Acknowledged), [2, 4, 5, 9]);
    script.acked(at(51), APP, &[7..=9]);
    assert_eq!(script.takes(Fate::Acknowledged), [7, 8]);
    assert_eq!(script.recovery.bytes_in_flight(), 0);
    assert_eq!(script.recovery.remembered(), 0);
}

#[test]
fn a_late_acknowledgement_of_a_lost_packet_changes_nothing() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(50), APP, &[9..=9]);
    script.told.clear();
    let late = script.acked(at(51), APP, &[9..=9, 0..=3]);
    assert_eq!(late, Acked::default());
    assert!(script.told.is_empty());
}

#[test]
fn lost_ack_only_packets_are_not_congestion() {
    let mut script = Script::connected();
    for number in 0..=4 {
        script.sends_ack_only(at(0), APP, number);
    }
    script.sends(at(0), APP, 5);
    script.acked(at(50), APP, &[5..=5]);
    assert_eq!(script.takes(Fate::Lost), [0, 1, 2, 3, 4]);
    assert_eq!(script.recovery.stats().congestion_events, 0);
    assert_eq!(script.recovery.stats().packets_lost, 0);
    assert_eq!(script.recovery.deadline(), None);
}

/// RFC 9002 §7.6.3, with the round-trip time that the example assumes.
fn the_example(acked_between: bool) -> Script {
    let mut script = Script::connected();
    script.recovery.set_peer_max_ack_delay(ms(0));
    // One sample: smoothed 666 ms and variance 333 ms make a probe timeout of 2 s within 2 ms.
    script.samples(at(0), 0, ms(666));
    script.sends(at(1_000), APP, 1);
    let sent = [1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000];
    for (number, time) in (2..).zip(sent) {
        script.sends(at(1_000 + time), APP, number);
    }
    if acked_between {
        script.acked(at(8_000), APP, &[4..=4]);
    }
    script.sends(at(13_000), APP, 9);
    script.acked(at(13_200), APP, &[9..=9, 1..=1]);
    script
}

#[test]
fn losing_everything_for_three_probe_timeouts_is_persistent_congestion() {
    let script = the_example(false);
    assert_eq!(script.recovery.stats().persistent_congestions, 1);
    assert_eq!(script.recovery.congestion_window(), 2_400);
    assert!(script.recovery.in_slow_start());
}

#[test]
fn one_packet_acknowledged_in_between_is_not_persistent_congestion() {
    let script = the_example(true);
    assert_eq!(script.recovery.stats().persistent_congestions, 0);
    assert!(script.recovery.congestion_window() > 2_400);
}

#[test]
fn packets_sent_before_the_first_sample_are_not_persistent_congestion() {
    let mut script = Script::connected();
    for number in 0..=7 {
        script.sends(at(number * 1_000), APP, number);
    }
    script.acked(at(7_100), APP, &[7..=7]);
    assert!(script.takes(Fate::Lost).contains(&0));
    assert_eq!(script.recovery.stats().persistent_congestions, 0);
}

#[test]
fn padding_alone_is_not_persistent_congestion() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(10));
    for number in 1..=20 {
        let packet = SentPacket {
            number,
            size: 1_200,
            ack_eliciting: false,
            in_flight: true,
        };
        script
            .recovery
            .on_packet_sent(at(100 * number), APP, packet, &[]);
    }
    script.sends(at(3_000), APP, 21);
    script.acked(at(3_010), APP, &[21..=21]);
    assert_eq!(script.recovery.stats().packets_lost, 20);
    assert_eq!(script.recovery.stats().persistent_congestions, 0);
    assert_eq!(script.recovery.stats().congestion_events, 1);
}

#[test]
fn an_acknowledgement_in_another_space_breaks_the_row() {
    let mut script = Script::client();
    script.sends(at(0), Space::Initial, 0);
    script.acked(at(10), Space::Initial, &[0..=0]);
    for number in 0..=9 {
        script.sends(at(20 + number * 100), Space::Handshake, number);
    }
    script.sends(at(500), Space::Initial, 1);
    script.acked(at(1_000), Space::Initial, &[1..=1]);
    script.acked(at(1_000), Space::Handshake, &[9..=9]);
    assert_eq!(script.recovery.stats().persistent_congestions, 0);
}

/// Two packets are lost, sent with so much between them.
fn a_row_of(length: Duration) -> Script {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    script.sends(at(1_000), APP, 1);
    script.sends(at(1_000) + length, APP, 2);
    script.sends_all(at(3_000), APP, 3..=5);
    script.acked(at(3_080), APP, &[5..=5]);
    script
}

#[test]
fn persistent_congestion_is_longer_than_three_probe_timeouts_with_the_peers_delay() {
    // Two samples of 80 ms: 3 * (80 + 4 * 30 + 25) ms.
    let script = a_row_of(ms(675));
    assert_eq!(script.recovery.stats().packets_lost, 2);
    assert_eq!(script.recovery.stats().persistent_congestions, 0);
    let script = a_row_of(ms(675) + Duration::from_nanos(1));
    assert_eq!(script.recovery.stats().persistent_congestions, 1);
}

#[test]
fn probes_of_which_none_arrives_are_persistent_congestion() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    let mut number = 1;
    script.sends(at(100), APP, number);
    for _ in 0..3 {
        let due = script.recovery.deadline().unwrap();
        assert!(matches!(script.expires(due), Timeout::Probe { .. }));
        number += 1;
        script.sends(due, APP, number);
    }
    let last = script.recovery.deadline().unwrap();
    script.sends(last, APP, number + 1);
    script.acked(last + ms(80), APP, &[number + 1..=number + 1]);
    assert_eq!(script.recovery.stats().persistent_congestions, 1);
    assert_eq!(script.recovery.congestion_window(), 2_400);
}

#[test]
fn persistent_congestion_is_not_taken_back() {
    let mut script = a_row_of(ms(1_000));
    assert_eq!(script.recovery.congestion_window(), 2_400);
    script.acked(at(3_090), APP, &[0..=5]);
    assert_eq!(script.recovery.stats().spurious_congestions, 0);
    assert!(script.recovery.congestion_window() <= 6_000);
}
