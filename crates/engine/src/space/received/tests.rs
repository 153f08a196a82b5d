//! When what is acknowledged.

use alloc::vec::Vec;

use super::*;

const DELAY: Duration = Duration::from_millis(25);

fn ms(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn receive(received: &mut Received, now: Instant, number: u64) {
    received.on_packet(now, number, 0);
    received.on_ack_eliciting(now, Space::Application, number, DELAY, 0);
}

#[test]
fn first_packet_is_acknowledged_by_max_ack_delay() {
    let mut received = Received::default();
    receive(&mut received, ms(0), 0);
    assert!(!received.ack_is_due(ms(24)));
    assert!(received.ack_is_due(ms(25)));
}

#[test]
fn second_packet_is_acknowledged_at_once() {
    let mut received = Received::default();
    receive(&mut received, ms(0), 0);
    receive(&mut received, ms(1), 1);
    assert!(received.ack_is_due(ms(1)));
}

#[test]
fn gap_is_acknowledged_at_once() {
    let mut received = Received::default();
    receive(&mut received, ms(0), 0);
    received.on_ack_sent(Instant::ZERO);
    receive(&mut received, ms(1), 2);
    assert!(received.ack_is_due(ms(1)));
}

#[test]
fn late_packet_is_acknowledged_at_once() {
    let mut received = Received::default();
    receive(&mut received, ms(0), 0);
    receive(&mut received, ms(1), 2);
    received.on_ack_sent(Instant::ZERO);
    receive(&mut received, ms(2), 1);
    assert!(received.ack_is_due(ms(2)));
}

#[test]
fn handshake_packets_are_acknowledged_at_once() {
    let mut received = Received::default();
    received.on_packet(ms(0), 0, 0);
    received.on_ack_eliciting(ms(0), Space::Handshake, 0, DELAY, 0);
    assert!(received.ack_is_due(ms(0)));
}

#[test]
fn ranges_never_pass_their_bound_and_forgotten_numbers_are_duplicates() {
    let mut received = Received::default();
    for index in 0..limits::RECEIVED_RANGES as u64 + 1 {
        receive(&mut received, ms(index), index * 2);
    }
    assert_eq!(received.numbers().len(), limits::RECEIVED_RANGES);
    assert!(received.is_duplicate(0) && received.is_duplicate(1 - 1));
    assert!(!received.is_duplicate(3));
}

#[test]
fn acknowledged_acks_are_not_repeated() {
    let mut received = Received::default();
    for number in [0, 2, 4] {
        receive(&mut received, ms(0), number);
    }
    received.on_ack_acknowledged(4);
    assert_eq!(received.numbers().len(), 1);
    assert!(received.is_duplicate(3), "too old to tell");
}

fn asks(threshold: u64, reordering: u64) -> AckFrequency {
    AckFrequency {
        sequence: 0,
        threshold,
        max_ack_delay_us: 5_000,
        reordering,
    }
}

/// Receives packets at time 0 and says after which of them an ACK was due; it is sent then.
fn due_after(received: &mut Received, numbers: &[u64]) -> Vec<u64> {
    let mut due = Vec::new();
    for &number in numbers {
        receive(received, ms(0), number);
        if received.ack_is_due(ms(0)) {
            due.push(number);
            received.on_ack_sent(ms(0));
        }
    }
    due
}

#[test]
fn packets_are_acknowledged_as_seldom_as_the_peer_asks() {
    let mut received = Received::default();
    assert!(received.on_ack_frequency(&asks(9, 3)));
    let numbers: Vec<u64> = (0..30).collect();
    assert_eq!(due_after(&mut received, &numbers), [9, 19, 29]);
    receive(&mut received, ms(1), 30);
    assert!(!received.ack_is_due(ms(5)));
    assert!(
        received.ack_is_due(ms(6)),
        "after the delay that was asked for"
    );
}

#[test]
fn nobody_has_every_packet_acknowledged() {
    let mut received = Received::default();
    assert!(received.on_ack_frequency(&asks(0, 1)));
    let numbers: Vec<u64> = (0..10).collect();
    assert_eq!(due_after(&mut received, &numbers), [1, 3, 5, 7, 9]);
}

#[test]
fn an_old_wish_is_not_followed() {
    let mut received = Received::default();
    let newer = AckFrequency {
        sequence: 5,
        ..asks(9, 3)
    };
    assert!(received.on_ack_frequency(&newer));
    for sequence in [0, 4, 5] {
        assert!(received.on_ack_frequency(&AckFrequency {
            sequence,
            ..asks(2, 3)
        }));
    }
    let numbers: Vec<u64> = (0..10).collect();
    assert_eq!(due_after(&mut received, &numbers), [9]);
}

/// The tables of draft-ietf-quic-ack-frequency §6.2.1.
#[test]
fn reordering_is_told_when_it_is_as_far_as_the_peer_says() {
    for (reordering, numbers, expected) in [
        (3, &[0, 1, 3, 4, 5, 8, 9, 10][..], &[5, 9, 10][..]),
        (5, &[0, 1, 3, 5, 6, 7, 8, 9], &[7, 9]),
        (0, &[0, 1, 3, 5, 9, 20, 4], &[]),
    ] {
        let mut received = Received::default();
        assert!(received.on_ack_frequency(&asks(1_000, reordering)));
        assert_eq!(due_after(&mut received, numbers), expected, "{reordering}");
    }
}

#[test]
fn the_first_of_several_marked_packets_is_acknowledged_at_once() {
    let mut received = Received::default();
    assert!(received.on_ack_frequency(&asks(100, 3)));
    let mut due = Vec::new();
    for (number, ecn) in [
        (0, ECN_ECT0),
        (1, ECN_CE),
        (2, ECN_CE),
        (3, ECN_ECT0),
        (4, ECN_CE),
    ] {
        received.on_packet(ms(0), number, ecn);
        received.on_ack_eliciting(ms(0), Space::Application, number, DELAY, ecn);
        if received.ack_is_due(ms(0)) {
            due.push(number);
            received.on_ack_sent(ms(0));
        }
    }
    assert_eq!(due, [1, 4]);
}

#[test]
fn an_immediate_acknowledgement_leaves_unless_one_has_just_left() {
    let mut received = Received::default();
    assert!(received.on_ack_frequency(&asks(100, 3)));
    receive(&mut received, ms(10), 0);
    received.on_immediate_ack(ms(10));
    assert!(received.ack_is_due(ms(10)));
    received.on_ack_sent(ms(10));
    receive(&mut received, ms(10), 1);
    received.on_immediate_ack(ms(10));
    assert!(!received.ack_is_due(ms(10)));
    assert!(received.ack_is_due(ms(11)));
}
