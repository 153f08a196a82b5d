use super::*;
use crate::recovery::{Allowance, limits};

#[test]
fn ack_only_packets_beyond_the_limit_push_the_oldest_out() {
    let mut script = Script::connected();
    for number in 0..10_000 {
        script.sends_ack_only(at(number), APP, number);
        assert!(script.recovery.remembered() <= 128);
    }
    assert_eq!(script.recovery.remembered(), 128);
    // The newest are the ones that are remembered.
    script.acked(at(10_000), APP, &[0..=9_999]);
    assert_eq!(script.takes(Fate::Acknowledged).first(), Some(&9_872));
}

#[test]
fn ack_only_packets_behind_an_open_packet_are_bounded() {
    let mut script = Script::connected();
    script.sends(at(0), APP, 0);
    for number in 1..10_000 {
        script.sends_ack_only(at(number), APP, number);
    }
    assert_eq!(script.recovery.remembered(), 129);
    script.acked(at(10_000), APP, &[0..=9_999]);
    assert_eq!(script.recovery.remembered(), 0);
}

#[test]
fn a_ping_is_due_after_128_ack_only_packets_and_no_sooner() {
    let mut script = Script::connected();
    for number in 0..127 {
        script.sends_ack_only(at(0), APP, number);
    }
    assert!(!script.recovery.needs_ping(APP));
    script.sends_ack_only(at(0), APP, 127);
    assert_eq!(script.recovery.ack_only_since_eliciting(APP), 128);
    assert!(script.recovery.needs_ping(APP));
    script.sends(at(0), APP, 128);
    assert!(!script.recovery.needs_ping(APP));
}

#[test]
fn a_peer_that_only_sends_costs_no_more_than_512_records() {
    let mut script = Script::connected();
    let mut most = 0;
    for number in 0..100_000 {
        let now = at(number);
        if script.recovery.needs_ping(APP) {
            script.sends(now, APP, number);
        } else {
            script.sends_ack_only(now, APP, number);
        }
        most = most.max(script.recovery.remembered());
    }
    assert!(most <= 512, "{most}");
}

#[test]
fn a_full_log_makes_new_data_wait() {
    let config = Config {
        max_window: limits::WINDOW_CEILING,
        hystart: false,
        ..Config::default()
    };
    let mut script = Script::new(&config, Role::Server);
    for number in 0..limits::SENT_PACKETS as u64 - 1 {
        script.sends_bytes(at(0), APP, number, 1);
    }
    // One byte packets: the initial window is long full, so ask the log alone.
    assert!(!script.recovery.application.is_full(limits::SENT_PACKETS));
    script.sends_bytes(at(0), APP, limits::SENT_PACKETS as u64, 1);
    assert!(script.recovery.application.is_full(limits::SENT_PACKETS));
    assert_eq!(script.recovery.allowance(at(0)), Allowance::Congested);
}

#[test]
fn packets_of_many_frames_fill_the_log_too() {
    let mut script = Script::connected();
    let frames = vec![SentFrame::Ping; 2_000];
    let mut number = 0;
    while !script.recovery.application.is_full(limits::SENT_PACKETS) {
        let packet = SentPacket {
            number,
            size: 1_200,
            ack_eliciting: true,
            in_flight: true,
        };
        script.recovery.on_packet_sent(at(0), APP, packet, &frames);
        number += 1;
    }
    assert_eq!(number as usize, limits::SENT_FRAMES.div_ceil(2_000));
}

#[test]
fn numbers_left_out_beyond_the_limit_are_forgotten_oldest_first() {
    let mut script = Script::connected();
    let last = 2 * (limits::SKIPPED as u64 + 1);
    for number in (0..=last).step_by(2) {
        script.sends(at(0), APP, number);
        script.recovery.on_number_skipped(APP, number + 1);
    }
    script.sends(at(0), APP, last + 2);
    script.acked(at(1), APP, &[1..=1]);
    script.acked(at(1), APP, &[3..=3]);
    assert!(script.tries_ack(at(1), APP, &[5..=5], ms(0)).is_err());
}

#[test]
fn an_idle_connection_holds_almost_nothing() {
    let mut script = Script::connected();
    for number in 0..5_000 {
        script.sends(at(0), APP, 2 * number);
        script.recovery.on_number_skipped(APP, 2 * number + 1);
    }
    script.acked(at(10), APP, &[9_998..=9_998]);
    script.acked(at(10), APP, &[9_996..=9_996]);
    assert!(script.recovery.allocated_bytes() > 100_000);
    script.recovery.shrink();
    assert!(script.recovery.allocated_bytes() <= 8 * limits::SKIPPED_IDLE);
    let watched = size_of::<crate::trace::Trace>();
    assert!(size_of::<Recovery>() <= limits::RECOVERY_BYTES + watched);
    // What was left out last is still known.
    script.sends(at(20), APP, 10_000);
    assert!(
        script
            .tries_ack(at(30), APP, &[9_999..=9_999], ms(0))
            .is_err()
    );
}

#[test]
fn a_busy_log_is_not_shrunk_below_what_it_holds() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=99);
    script.recovery.shrink();
    script.sends_all(at(0), APP, 100..=199);
    script.acked(at(1), APP, &[0..=199]);
    assert_eq!(script.takes(Fate::Acknowledged).len(), 200);
}

#[test]
fn settled_packets_do_not_pile_up_behind_a_lost_one() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=20_000);
    // The first packet is lost; each ACK repeats one growing range.
    for largest in 1..=20_000 {
        script.acked(at(1), APP, &[1..=largest]);
        let kept = script.recovery.application.len() as u64 - (20_000 - largest);
        assert!(kept <= 3, "{kept} settled packets kept");
    }
    assert_eq!(script.takes(Fate::Lost), [0]);
}

#[test]
fn time_at_the_end_of_the_clock_saturates() {
    let mut script = Script::connected();
    let end = Instant::from_nanos(u64::MAX);
    script.sends_all(end, APP, 0..=9);
    assert_eq!(script.recovery.deadline(), Some(end));
    script.acked(end, APP, &[9..=9]);
    assert!(matches!(script.expires(end), Timeout::Lost | Timeout::None));
    let _ = script.recovery.allowance(end);
}

#[test]
fn a_steady_flow_allocates_nothing() {
    let mut script = Script::connected();
    let mut number = 0;
    let mut heap = 0;
    for round in 0..200 {
        for _ in 0..500 {
            script.sends(at(round), APP, number);
            number += 1;
        }
        script.acked(at(round), APP, &[number - 500..=number - 1]);
        script.told.clear();
        if round == 10 {
            heap = script.recovery.allocated_bytes();
        }
    }
    assert_eq!(script.recovery.allocated_bytes(), heap);
}
