//! When what is acknowledged.

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
    received.on_ack_sent();
    receive(&mut received, ms(1), 2);
    assert!(received.ack_is_due(ms(1)));
}

#[test]
fn late_packet_is_acknowledged_at_once() {
    let mut received = Received::default();
    receive(&mut received, ms(0), 0);
    receive(&mut received, ms(1), 2);
    received.on_ack_sent();
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
