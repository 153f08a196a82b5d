use super::*;
use inquic_wire::Code;

#[test]
fn acknowledged_frames_are_told_once() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(10), APP, &[0..=9]);
    assert_eq!(script.takes(Fate::Acknowledged).len(), 10);
    let again = script.acked(at(11), APP, &[0..=9]);
    assert_eq!(again, Acked::default());
    assert!(script.told.is_empty());
    assert_eq!(script.recovery.bytes_in_flight(), 0);
}

#[test]
fn acknowledging_the_next_number_closes() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=4);
    let error = script.tries_ack(at(1), APP, &[0..=5], ms(0)).unwrap_err();
    assert_eq!(error.code, Code::ProtocolViolation);
    script.acked(at(1), APP, &[0..=4]);
}

#[test]
fn acknowledging_a_number_left_out_closes() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=4);
    script.recovery.on_number_skipped(APP, 5);
    script.sends_all(at(0), APP, 6..=9);
    script.acked(at(1), APP, &[6..=9, 0..=4]);
    let error = script.tries_ack(at(2), APP, &[0..=9], ms(0)).unwrap_err();
    assert_eq!(error.code, Code::ProtocolViolation);
}

#[test]
fn acknowledging_exactly_the_number_left_out_closes() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=4);
    script.recovery.on_number_skipped(APP, 5);
    script.sends_all(at(0), APP, 6..=6);
    let error = script.tries_ack(at(1), APP, &[5..=5], ms(0)).unwrap_err();
    assert_eq!(error.code, Code::ProtocolViolation);
}

#[test]
fn spaces_are_told_apart() {
    let mut script = Script::connected();
    script.sends(at(0), Space::Initial, 0);
    script.sends_all(at(0), APP, 0..=3);
    let error = script
        .tries_ack(at(1), Space::Initial, &[3..=3], ms(0))
        .unwrap_err();
    assert_eq!(error.code, Code::ProtocolViolation);
    script.acked(at(1), Space::Initial, &[0..=0]);
    assert_eq!(script.recovery.bytes_in_flight(), 4_800);
    assert_eq!(script.recovery.largest_acked(Space::Initial), Some(0));
    assert_eq!(script.recovery.largest_acked(APP), None);
}

#[test]
fn a_packet_of_many_frames_tells_them_all() {
    let mut script = Script::connected();
    let packet = SentPacket {
        number: 0,
        size: 1_200,
        ack_eliciting: true,
        in_flight: true,
    };
    let frames: Vec<SentFrame> = (0..40)
        .map(|offset| SentFrame::Crypto { offset, len: 1 })
        .collect();
    script.sends(at(0), Space::Handshake, 0);
    script.recovery.on_packet_sent(at(0), APP, packet, &frames);
    script.sends(at(0), APP, 1_000);
    script.acked(at(1), APP, &[0..=0]);
    assert_eq!(
        script.takes(Fate::Acknowledged),
        (0..40).collect::<Vec<_>>()
    );
    script.acked(at(1), APP, &[1_000..=1_000]);
    assert_eq!(script.takes(Fate::Acknowledged), [1_000]);
}

#[test]
fn discarded_keys_give_the_bytes_back_without_a_word() {
    let mut script = Script::client();
    script.sends_all(at(0), Space::Initial, 0..=2);
    script.sends(at(0), Space::Handshake, 0);
    let window = script.recovery.congestion_window();
    script.recovery.discard_space(Space::Initial);
    assert_eq!(script.recovery.bytes_in_flight(), 1_200);
    assert_eq!(script.recovery.congestion_window(), window);
    assert!(!script.recovery.in_flight_ack_eliciting(Space::Initial));
    assert!(script.told.is_empty());
}

#[test]
fn retry_sends_everything_again_and_keeps_the_numbers() {
    let mut script = Script::client();
    script.sends_all(at(0), Space::Initial, 0..=1);
    script.sends_all(at(0), APP, 0..=2);
    let mut again = Vec::new();
    script.recovery.retry(&mut |space, fate, frame| {
        again.push((space, fate, number_of(frame)));
    });
    assert_eq!(again.len(), 5);
    assert!(again.contains(&(Space::Initial, Fate::Lost, 1)));
    assert!(again.contains(&(APP, Fate::Lost, 2)));
    assert_eq!(script.recovery.bytes_in_flight(), 0);
    assert_eq!(script.recovery.congestion_window(), 12_000);
    script.sends(at(5), Space::Initial, 2);
    script.acked(at(25), Space::Initial, &[2..=2]);
    assert_eq!(script.recovery.rtt().smoothed, ms(20));
}

#[test]
fn refused_zero_rtt_is_sent_again_without_a_congestion_event() {
    let mut script = Script::client();
    script.sends(at(0), Space::Initial, 0);
    script.sends_all(at(0), APP, 0..=2);
    let mut again = Vec::new();
    script
        .recovery
        .on_zero_rtt_rejected(&mut |fate, frame| again.push((fate, number_of(frame))));
    assert_eq!(again, [(Fate::Lost, 0), (Fate::Lost, 1), (Fate::Lost, 2)]);
    assert_eq!(script.recovery.bytes_in_flight(), 1_200);
    assert_eq!(script.recovery.stats().congestion_events, 0);
}

#[test]
fn a_server_that_acknowledges_zero_rtt_which_it_refused_breaks_a_rule() {
    let mut script = Script::client();
    script.sends_all(at(0), APP, 0..=2);
    script.recovery.on_zero_rtt_rejected(&mut |_, _| {});
    script.sends_all(at(20), APP, 3..=4);
    script.acked(at(40), APP, &[3..=4]);
    assert_eq!(script.recovery.stats().packets_acked, 2);
    for ranges in [&[2..=2][..], &[2..=4], &[4..=4, 0..=1]] {
        let error = script
            .tries_ack(at(50), APP, ranges, Duration::ZERO)
            .unwrap_err();
        assert_eq!(error.code, Code::ProtocolViolation, "{ranges:?}");
    }
}
