//! Losses by the size of what was lost, and of probes of the path's MTU.

use super::*;

const FULL: u16 = 1_472;

/// A connection whose full packets have [`FULL`] bytes, with a round-trip time of 50 ms.
fn full() -> Script {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(50));
    script.recovery.set_max_datagram_size(FULL);
    script
}

fn sends(script: &mut Script, numbers: RangeInclusive<u64>, size: u16) {
    for number in numbers {
        script.sends_bytes(at(100), APP, number, size);
    }
}

#[test]
fn large_packets_lost_before_a_small_one_arrived_are_counted() {
    let mut script = full();
    sends(&mut script, 1..=3, FULL);
    sends(&mut script, 4..=6, 1_200);
    script.acked(at(150), APP, &[4..=6]);
    assert_eq!(script.recovery.large_lost(), 3);
}

#[test]
fn a_packet_of_the_smallest_size_is_not_large() {
    let mut script = full();
    sends(&mut script, 1..=3, 1_201);
    sends(&mut script, 4..=6, 1_200);
    script.acked(at(150), APP, &[4..=6]);
    assert_eq!(script.recovery.large_lost(), 3);
    let mut script = full();
    sends(&mut script, 1..=6, 1_200);
    script.acked(at(150), APP, &[4..=6]);
    assert_eq!(script.recovery.large_lost(), 0);
}

#[test]
fn one_as_large_that_arrived_behind_them_clears_them() {
    let mut script = full();
    sends(&mut script, 1..=3, FULL);
    sends(&mut script, 4..=4, FULL);
    sends(&mut script, 5..=6, 1_200);
    script.acked(at(150), APP, &[4..=6]);
    assert_eq!(script.recovery.large_lost(), 0);
}

#[test]
fn one_as_large_that_arrives_later_clears_them() {
    let mut script = full();
    sends(&mut script, 1..=2, FULL);
    sends(&mut script, 3..=5, 1_200);
    script.acked(at(150), APP, &[3..=5]);
    assert_eq!(script.recovery.large_lost(), 2);
    sends(&mut script, 6..=6, FULL);
    script.acked(at(200), APP, &[6..=6]);
    assert_eq!(script.recovery.large_lost(), 0);
}

#[test]
fn a_small_one_that_is_lost_too_clears_them() {
    let mut script = full();
    sends(&mut script, 1..=3, FULL);
    sends(&mut script, 4..=7, 1_200);
    script.acked(at(150), APP, &[7..=7]);
    assert_eq!(script.recovery.large_lost(), 0);
}

#[test]
fn what_was_sent_before_the_size_changed_does_not_count() {
    let mut script = full();
    sends(&mut script, 1..=3, FULL);
    script.recovery.set_max_datagram_size(1_200);
    sends(&mut script, 4..=6, 1_200);
    script.acked(at(150), APP, &[4..=6]);
    assert_eq!(script.recovery.large_lost(), 0);
}

#[test]
fn a_lost_probe_leaves_the_flight_and_nothing_else() {
    let mut script = full();
    let window = script.recovery.congestion_window();
    let packet = SentPacket {
        number: 1,
        size: FULL,
        ack_eliciting: true,
        in_flight: true,
    };
    let frames = [SentFrame::MtuProbe { number: 1 }];
    script
        .recovery
        .on_packet_sent(at(100), APP, packet, &frames);
    sends(&mut script, 2..=4, 1_200);
    assert_eq!(script.recovery.bytes_in_flight(), 1_472 + 3_600);
    let acked = script.acked(at(150), APP, &[2..=4]);
    assert!(!acked.any_lost);
    assert_eq!(script.recovery.bytes_in_flight(), 0);
    assert_eq!(script.recovery.large_lost(), 0);
    assert!(script.recovery.congestion_window() >= window);
    let stats = script.recovery.stats();
    assert_eq!((stats.congestion_events, stats.packets_lost), (0, 0));
}
