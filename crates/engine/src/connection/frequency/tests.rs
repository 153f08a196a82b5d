use super::*;

const RTT: Duration = Duration::from_millis(40);

fn allowed() -> Frequency {
    let mut frequency = Frequency::default();
    frequency.allow(1_000, 25_000);
    frequency
}

/// The threshold and the delay that are asked for now.
fn asked(frequency: &mut Frequency) -> Option<(u64, u64)> {
    let mut bytes = [0; 64];
    let mut writer = Writer::new(&mut bytes);
    frequency.write(&mut writer, 3)?;
    Some((frequency.threshold, frequency.max_ack_delay_us))
}

#[test]
fn nothing_is_asked_of_a_peer_that_does_not_take_it() {
    let mut frequency = Frequency::default();
    frequency.review(10_000, RTT);
    assert!(!frequency.wants_to_send());
    assert!(!frequency.is_lowered());
}

#[test]
fn nothing_is_asked_while_the_window_is_small() {
    let mut frequency = allowed();
    frequency.review(31, RTT);
    assert!(!frequency.wants_to_send());
    frequency.review(32, RTT);
    assert_eq!(asked(&mut frequency), Some((4, 10_000)));
}

#[test]
fn it_is_asked_anew_when_the_window_has_doubled_or_halved() {
    let mut frequency = allowed();
    frequency.review(64, RTT);
    assert_eq!(asked(&mut frequency), Some((8, 10_000)));
    for window in [64, 100, 120, 127, 40] {
        frequency.review(window, RTT);
        assert_eq!(asked(&mut frequency), None, "{window}");
    }
    frequency.review(128, RTT);
    assert_eq!(asked(&mut frequency), Some((16, 10_000)));
    frequency.review(64, RTT);
    assert_eq!(asked(&mut frequency), Some((8, 10_000)));
    frequency.review(8, RTT);
    assert_eq!(asked(&mut frequency), Some((1, 10_000)));
    assert!(!frequency.is_lowered());
}

#[test]
fn the_bounds_are_met_and_not_passed() {
    let mut frequency = allowed();
    frequency.review(u64::MAX, Duration::from_secs(100));
    assert_eq!(asked(&mut frequency), Some((limits::ACK_THRESHOLD, 25_000)));
    frequency.review(128, Duration::from_micros(40));
    assert_eq!(asked(&mut frequency), Some((16, 1_000)));
}

#[test]
fn a_lost_wish_goes_again_unless_there_is_a_later_one() {
    let mut frequency = allowed();
    frequency.review(64, RTT);
    asked(&mut frequency);
    frequency.on_lost(0);
    assert_eq!(asked(&mut frequency), Some((8, 10_000)));
    frequency.review(256, RTT);
    asked(&mut frequency);
    frequency.on_lost(0);
    assert!(!frequency.wants_to_send());
    frequency.on_lost(1);
    assert!(frequency.wants_to_send());
}
