//! Credit, challenges and responses of one path.

use super::*;

const START: Instant = Instant::from_nanos(1_000_000_000);
const PTO: Duration = Duration::from_millis(999);

fn path() -> Path {
    Path {
        local: None,
        remote: "198.51.100.1:5".parse().unwrap(),
    }
}

fn stranger() -> PathState {
    PathState::with_id(PathId(1), path(), false, true)
}

fn at(ms: u64) -> Instant {
    START + Duration::from_millis(ms)
}

#[test]
fn an_address_gets_three_times_what_came_from_it_to_the_byte() {
    let mut path = stranger();
    path.on_datagrams(START, 1_000, None);
    assert_eq!(path.budget(), 3_000);
    path.on_sent(2_999);
    assert_eq!(path.budget(), 1);
    path.on_sent(1);
    assert_eq!(path.budget(), 0);
}

#[test]
fn a_validated_address_has_no_limit_for_data_and_one_for_answers_elsewhere() {
    let mut path = stranger();
    path.on_datagrams(START, 40, None);
    path.validate();
    path.on_challenge([1; 8]);
    assert_eq!(path.budget(), u64::MAX);
    assert_eq!(path.probe_budget(true), u64::MAX);
    assert_eq!(path.probe_budget(false), 120);
}

#[test]
fn challenges_are_sent_at_once_and_after_one_probe_timeout() {
    let mut path = stranger();
    path.on_datagrams(START, 1_200, None);
    path.begin_check(START, PTO);
    assert!(path.owes_challenge(START));
    path.on_challenge_sent(START, [1; 8], 1_200);
    assert!(!path.owes_challenge(at(998)));
    assert_eq!(path.deadline(), Some(at(999)));
    path.on_challenge_sent(at(999), [2; 8], 1_200);
    assert!(!path.owes_challenge(at(60_000)), "there are two");
    assert_eq!(path.deadline(), Some(at(3 * 999)));
}

#[test]
fn validation_fails_after_three_probe_timeouts_and_not_before() {
    let mut path = stranger();
    path.begin_check(START, PTO);
    assert!(!path.has_failed(at(3 * 999 - 1)));
    assert!(path.has_failed(at(3 * 999)));
}

#[test]
fn either_challenge_may_be_answered() {
    for data in [[1; 8], [2; 8]] {
        let mut path = stranger();
        path.begin_check(START, PTO);
        path.on_challenge_sent(START, [1; 8], 1_200);
        path.on_challenge_sent(at(999), [2; 8], 1_200);
        assert_eq!(path.on_response(at(1_000), [3; 8]), None);
        assert!(path.on_response(at(1_000), data).unwrap().newly);
        assert!(path.is_validated());
        assert_eq!(path.on_response(at(1_000), data), None, "it is over");
    }
}

#[test]
fn response_to_a_small_challenge_shows_the_address_and_not_the_size() {
    let mut path = stranger();
    path.begin_check(START, PTO);
    path.on_challenge_sent(START, [1; 8], 1_199);
    let answered = path.on_response(at(20), [1; 8]).unwrap();
    assert!(!answered.full);
    assert_eq!(answered.took, Duration::from_millis(20));
    path.begin_check(at(20), PTO);
    path.on_challenge_sent(at(20), [2; 8], 1_200);
    let answered = path.on_response(at(40), [2; 8]).unwrap();
    assert!(answered.full && !answered.newly);
}

#[test]
fn without_credit_for_a_challenge_only_the_end_is_waited_for() {
    let mut path = stranger();
    path.on_datagrams(START, 19, None);
    path.begin_check(START, PTO);
    assert_eq!(path.deadline(), Some(at(3 * 999)));
    path.on_datagrams(START, 1, None);
    assert_eq!(path.deadline(), Some(START));
}

#[test]
fn a_path_is_stale_after_30_seconds_of_silence() {
    let mut path = stranger();
    path.on_datagrams(START, 1, None);
    assert!(!path.is_stale(at(29_999)));
    assert!(path.is_stale(at(30_000)));
}
