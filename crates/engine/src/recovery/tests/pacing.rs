use super::*;
use crate::recovery::pacing::{Budget, Pacer, Rate};
use crate::recovery::{Algorithm, Allowance};

fn pacer(window: u64, smoothed: Duration, slow_start: bool) -> Pacer {
    let mut pacer = Pacer::new();
    pacer.set_rate(at(0), &rate(window, smoothed, slow_start));
    pacer
}

fn rate(window: u64, smoothed: Duration, slow_start: bool) -> Rate {
    Rate {
        bytes: if slow_start {
            2 * window
        } else {
            window + window / 4
        },
        smoothed,
        train: crate::recovery::limits::TRAIN_TIME,
        mds: 1_200,
    }
}

/// Sends whole packets as the pacer lets them go, others being on their way, waking as it says, and returns the bytes and the largest
/// burst.
fn drains(pacer: &mut Pacer, from: Instant, until: Instant) -> (u64, u64) {
    let (mut now, mut total, mut largest) = (from, 0, 0);
    while now < until {
        let mut burst = 0;
        now = loop {
            match pacer.budget(now, false) {
                Budget::Unlimited => panic!("not paced"),
                Budget::Bytes(bytes) => {
                    assert!(bytes >= 1_200);
                    pacer.on_sent(now, 1_200, false);
                    burst += 1_200;
                }
                Budget::Until(at) => {
                    assert!(at >= now + ms(1), "no timer is set for less than a tick");
                    break at;
                }
            }
        };
        total += burst;
        largest = largest.max(burst);
    }
    (total, largest)
}

#[test]
fn the_rate_is_five_quarters_of_the_window_in_a_round_trip() {
    // 120 kB in 100 ms are 1.2 MB/s; with the gain 1.5 MB/s.
    let mut pacer = pacer(120_000, ms(100), false);
    drains(&mut pacer, at(0), at(100));
    let (total, largest) = drains(&mut pacer, at(200), at(1_200));
    assert!((1_485_000..=1_530_000).contains(&total), "{total}");
    assert!(largest <= 6_000, "four milliseconds of it: {largest}");
}

#[test]
fn slow_start_is_paced_at_twice_the_window() {
    let mut pacer = pacer(120_000, ms(100), true);
    let (total, _) = drains(&mut pacer, at(0), at(1_000));
    assert!((2_380_000..=2_430_000).contains(&total), "{total}");
}

#[test]
fn ten_packets_leave_at_once_when_nothing_is_on_its_way() {
    let mut pacer = pacer(120_000, ms(100), false);
    assert_eq!(pacer.budget(at(0), true), Budget::Bytes(12_000));
    for number in 0..10 {
        assert!(!pacer.is_dry(at(0)) || number == 0);
        assert!(matches!(
            pacer.budget(at(0), number == 0),
            Budget::Bytes(1_200..)
        ));
        pacer.on_sent(at(0), 1_200, number == 0);
    }
    // 1.25 of 1.2 kB a millisecond.
    assert_eq!(pacer.budget(at(0), false), Budget::Until(at(1)));
    assert!(matches!(pacer.budget(at(1), false), Budget::Bytes(_)));
}

#[test]
fn what_is_left_of_a_first_burst_may_leave_later_and_once() {
    let mut pacer = pacer(120_000, ms(100), false);
    for number in 0..4 {
        pacer.on_sent(at(0), 1_200, number == 0);
    }
    assert_eq!(pacer.budget(at(20), false), Budget::Bytes(7_200));
    for _ in 0..6 {
        pacer.on_sent(at(20), 1_200, false);
    }
    assert!(pacer.is_dry(at(20)));
    let later = pacer.budget(at(1_000), false);
    assert!(matches!(later, Budget::Bytes(5_999..=6_000)), "{later:?}");
}

#[test]
fn a_slow_path_gets_trains_of_two_packets_and_a_faster_one_of_ten() {
    for (window, packets) in [(6_000, 2), (36_000, 3), (240_000, 10), (600_000, 12)] {
        let pacer = pacer(window, ms(100), false);
        let Budget::Bytes(bytes) = pacer.budget(at(0), false) else {
            panic!("paced at the start");
        };
        let whole = (bytes + 1) / 1_200;
        assert!(whole.abs_diff(packets) <= 1, "{whole} at {window}");
    }
}

#[test]
fn a_fast_path_bursts_two_ticks_worth() {
    // 12.5 MB in 10 ms: 1.5625 GB/s, 3.1 MB in 2 ms.
    let pacer = pacer(12_500_000, ms(10), false);
    let Budget::Bytes(bytes) = pacer.budget(at(0), false) else {
        panic!("paced at the start");
    };
    assert!((3_100_000..=3_150_000).contains(&bytes), "{bytes}");
}

#[test]
fn a_fast_path_keeps_its_rate_on_ticks() {
    let mut pacer = pacer(12_500_000, ms(10), false);
    let (total, _) = drains(&mut pacer, at(0), at(1_000));
    assert!((1_546_000_000..=1_580_000_000).contains(&total), "{total}");
}

#[test]
fn a_loopback_is_not_paced() {
    assert_eq!(
        pacer(14_720, Duration::from_micros(50), false).budget(at(0), false),
        Budget::Unlimited
    );
}

#[test]
fn idleness_saves_no_more_than_a_burst() {
    let mut pacer = pacer(120_000, ms(100), false);
    drains(&mut pacer, at(0), at(50));
    assert!(matches!(
        pacer.budget(at(60_000), false),
        Budget::Bytes(5_999..=6_000)
    ));
}

#[test]
fn a_debt_is_paid_at_the_new_rate() {
    let mut pacer = pacer(12_000, ms(333), true);
    for _ in 0..10 {
        pacer.on_sent(at(0), 1_200, false);
    }
    pacer.set_rate(at(5), &rate(24_000, ms(5), true));
    // 9.6 kB a millisecond: what is left of 12 kB is paid before two have passed.
    let Budget::Bytes(bytes) = pacer.budget(at(7), false) else {
        panic!("paced at the rate of the guess");
    };
    assert!(bytes >= 12_000, "{bytes}");
}

#[test]
fn the_initial_window_leaves_at_once() {
    let mut script = Script::connected();
    for number in 0..10 {
        assert!(matches!(
            script.recovery.allowance(at(0)),
            Allowance::Bytes(1_200..)
        ));
        script.sends(at(0), APP, number);
    }
    assert_eq!(script.recovery.allowance(at(0)), Allowance::Congested);
}

#[test]
fn allowances_are_whole_packets() {
    let script = Script::connected();
    let Allowance::Bytes(bytes) = script.recovery.allowance(at(0)) else {
        panic!("nothing may leave");
    };
    assert_eq!(bytes % 1_200, 0);
}

#[test]
fn a_paced_sender_is_not_application_limited() {
    let mut script = Script::connected();
    script.sends_all(at(0), APP, 0..=9);
    script.acked(at(100), APP, &[0..=9]);
    let window = script.recovery.congestion_window();
    assert_eq!(window, 24_000);
    // Ten packets leave and pacing stops the rest, so the window would have been filled.
    let mut number = 10;
    while let Allowance::Bytes(_) = script.recovery.allowance(at(100)) {
        script.sends(at(100), APP, number);
        number += 1;
    }
    assert!(matches!(
        script.recovery.allowance(at(100)),
        Allowance::Paced(_)
    ));
    script.acked(at(200), APP, &[10..=number - 1]);
    assert!(script.recovery.congestion_window() > window);
}

#[test]
fn an_acknowledgement_that_waited_for_its_keys_makes_no_debt() {
    // Before the first sample the pace of BBR is a guess of ten packets a millisecond.
    let config = Config {
        algorithm: Algorithm::Bbr,
        ..Config::default()
    };
    let mut script = Script::new(&config, Role::Client);
    script.sends(at(0), Space::Handshake, 0);
    script.sends(at(2_000), Space::Handshake, 1);
    script.acked(at(300), Space::Handshake, &[0..=0]);
    assert_eq!(script.recovery.rtt().latest, ms(300));
    let allowance = script.recovery.allowance(at(2_001));
    assert!(matches!(allowance, Allowance::Bytes(_)), "{allowance:?}");
}
