use super::*;

const PROBE_APP: Timeout = Timeout::Probe {
    space: APP,
    packets: 1,
};

#[test]
fn the_first_probe_timeout_of_a_connection_is_a_second() {
    let mut script = Script::client();
    script.sends(at(0), Space::Initial, 0);
    // 333 + 4 * 166.5 ms.
    assert_eq!(script.recovery.deadline(), Some(at(999)));
    assert_eq!(script.expires(at(998)), Timeout::None);
    assert_eq!(
        script.expires(at(999)),
        Timeout::Probe {
            space: Space::Initial,
            packets: 1
        }
    );
}

#[test]
fn each_probe_timeout_doubles_the_next() {
    let mut script = Script::client();
    script.sends(at(0), Space::Initial, 0);
    script.expires(at(999));
    assert_eq!(script.recovery.pto_count(), 1);
    script.sends(at(999), Space::Initial, 1);
    assert_eq!(script.recovery.deadline(), Some(at(999 + 1_998)));
    script.expires(at(2_997));
    script.sends(at(2_997), Space::Initial, 2);
    assert_eq!(script.recovery.deadline(), Some(at(2_997 + 3_996)));
}

#[test]
fn application_probes_allow_for_the_peers_ack_delay() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    script.sends(at(100), APP, 1);
    // 80 + 4 * 40 + 25 ms.
    assert_eq!(script.recovery.pto(APP), ms(265));
    assert_eq!(script.recovery.pto(Space::Initial), ms(240));
    assert_eq!(script.recovery.deadline(), Some(at(365)));
    assert_eq!(script.expires(at(365)), PROBE_APP);
}

#[test]
fn application_data_is_not_probed_before_confirmation() {
    let mut script = Script::new(&Config::default(), Role::Server);
    script.sends(at(0), APP, 0);
    assert_eq!(script.recovery.deadline(), None);
    script.recovery.set_timer_context(CONFIRMED);
    assert_eq!(script.recovery.deadline(), Some(at(999 + 25)));
}

#[test]
fn the_earlier_of_initial_and_handshake_is_probed() {
    let mut script = Script::new(&Config::default(), Role::Server);
    script.sends(at(0), Space::Handshake, 0);
    script.sends(at(1), Space::Initial, 0);
    assert_eq!(script.recovery.deadline(), Some(at(999)));
    assert_eq!(
        script.expires(at(999)),
        Timeout::Probe {
            space: Space::Handshake,
            packets: 1
        }
    );
}

#[test]
fn the_variance_counts_for_a_millisecond_at_least() {
    let mut script = Script::connected();
    for number in 0..200 {
        script.samples(at(number * 100), number, ms(8));
    }
    assert_eq!(script.recovery.pto(Space::Handshake), ms(9));
}

#[test]
fn nothing_in_flight_needs_no_probe_at_a_server() {
    let mut script = Script::connected();
    assert_eq!(script.recovery.deadline(), None);
    script.sends_ack_only(at(0), APP, 0);
    assert_eq!(script.recovery.deadline(), None);
    script.samples(at(1), 1, ms(10));
    assert_eq!(script.recovery.deadline(), None);
}

#[test]
fn no_probe_at_the_amplification_limit() {
    let mut script = Script::new(&Config::default(), Role::Server);
    script.sends(at(0), Space::Initial, 0);
    let context = TimerContext {
        at_amplification_limit: true,
        ..TimerContext::default()
    };
    script.recovery.set_timer_context(context);
    assert_eq!(script.recovery.deadline(), None);
    assert_eq!(script.expires(at(5_000)), Timeout::None);
    // A datagram comes in: the timer lies in the past and fires at once.
    script.recovery.set_timer_context(TimerContext::default());
    assert_eq!(script.recovery.deadline(), Some(at(999)));
    assert!(matches!(script.expires(at(5_000)), Timeout::Probe { .. }));
}

#[test]
fn a_client_probes_with_nothing_in_flight_until_it_is_validated() {
    let mut script = Script::client();
    script.sends(at(0), Space::Initial, 0);
    script.acked(at(100), Space::Initial, &[0..=0]);
    // 100 + 4 * 50 ms after the ACK.
    assert_eq!(script.recovery.deadline(), Some(at(400)));
    assert_eq!(
        script.expires(at(400)),
        Timeout::Probe {
            space: Space::Initial,
            packets: 1
        }
    );
    assert_eq!(script.recovery.deadline(), Some(at(400 + 600)));
    let context = TimerContext {
        has_handshake_keys: true,
        ..TimerContext::default()
    };
    script.recovery.set_timer_context(context);
    assert_eq!(
        script.expires(at(1_000)),
        Timeout::Probe {
            space: Space::Handshake,
            packets: 1
        }
    );
}

#[test]
fn a_handshake_ack_ends_the_clients_anti_deadlock_probes() {
    let mut script = Script::client();
    script.sends(at(0), Space::Handshake, 0);
    script.acked(at(50), Space::Handshake, &[0..=0]);
    assert_eq!(script.recovery.deadline(), None);
}

#[test]
fn an_initial_ack_does_not_reset_a_clients_backoff() {
    let mut script = Script::client();
    script.sends(at(0), Space::Initial, 0);
    script.expires(at(999));
    script.sends(at(999), Space::Initial, 1);
    script.acked(at(1_050), Space::Initial, &[1..=1]);
    assert_eq!(script.recovery.pto_count(), 1);
    script.sends(at(1_100), Space::Handshake, 0);
    script.acked(at(1_150), Space::Handshake, &[0..=0]);
    assert_eq!(script.recovery.pto_count(), 0);
}

#[test]
fn discarding_keys_resets_the_backoff() {
    let mut script = Script::client();
    script.sends(at(0), Space::Initial, 0);
    script.expires(at(999));
    script.sends(at(999), Space::Handshake, 0);
    script.recovery.discard_space(Space::Initial);
    assert_eq!(script.recovery.pto_count(), 0);
    assert_eq!(script.recovery.deadline(), Some(at(999 + 999)));
}

#[test]
fn a_loss_timer_hides_the_probe_timer() {
    let mut script = Script::connected();
    script.samples(at(0), 0, ms(80));
    script.sends_all(at(100), APP, 1..=3);
    script.acked(at(180), APP, &[2..=2]);
    assert_eq!(script.recovery.deadline(), Some(at(190)));
    assert_eq!(script.expires(at(190)), Timeout::Lost);
    assert!(script.recovery.deadline() > Some(at(190)));
}

#[test]
fn a_probe_timeout_declares_nothing_lost() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=5);
    let window = script.recovery.congestion_window();
    assert_eq!(
        script.expires(at(1_024)),
        Timeout::Probe {
            space: APP,
            packets: 2
        }
    );
    assert!(script.told.is_empty());
    assert_eq!(script.recovery.bytes_in_flight(), 7_200);
    assert_eq!(script.recovery.congestion_window(), window);
}

#[test]
fn probes_repeat_the_oldest_packets_and_then_the_next() {
    let mut script = Script::connected();
    script.sends_ack_only(at(0), APP, 0);
    script.sends_all(at(0), APP, 1..=5);
    assert_eq!(script.probes(APP), [1, 2]);
    assert_eq!(script.probes(APP), [3, 4]);
    assert_eq!(script.probes(APP), [5]);
    assert!(script.probes(APP).is_empty());
}

#[test]
fn frames_told_for_a_probe_are_not_told_as_lost_again() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=3);
    assert_eq!(script.probes(APP), [0, 1]);
    script.sends_all(at(1_024), APP, 4..=5);
    script.acked(at(1_030), APP, &[5..=5]);
    assert_eq!(script.takes(Fate::Lost), [2, 3]);
    assert_eq!(script.recovery.bytes_in_flight(), 1_200);
}

#[test]
fn frames_told_for_a_probe_may_still_be_acknowledged() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=1);
    assert_eq!(script.probes(APP), [0, 1]);
    script.acked(at(1_030), APP, &[0..=1]);
    assert_eq!(script.takes(Fate::Acknowledged), [0, 1]);
}

#[test]
fn backoff_does_not_overflow() {
    let mut script = Script::connected();
    script.sends(at(0), APP, 0);
    for _ in 0..200 {
        let due = script.recovery.deadline().unwrap();
        assert!(matches!(script.expires(due), Timeout::Probe { .. }));
    }
    assert_eq!(script.recovery.pto_count(), 200);
    assert_eq!(
        script.recovery.deadline(),
        Some(at(0) + ms(1_024).saturating_mul(1 << 16))
    );
}
