//! Which path is active, which is kept, which goes.

use super::*;

const START: Instant = Instant::from_nanos(1_000_000_000);
const RTT: Duration = Duration::from_millis(50);
const PTO: Duration = Duration::from_millis(999);

fn at(ms: u64) -> Instant {
    START + Duration::from_millis(ms)
}

fn path(port: u16) -> Path {
    Path {
        local: Some("192.0.2.2:4433".parse().unwrap()),
        remote: SocketAddr::new([198, 51, 100, 1].into(), port),
    }
}

fn paths() -> Paths {
    Paths::new(PathState::new(path(1), true))
}

/// Admits one address every second.
fn admit(paths: &mut Paths, port: u16) -> PathId {
    if let Some(surplus) = paths.surplus() {
        assert!(paths.remove(surplus).is_some());
    }
    paths
        .admit(at(u64::from(port) * 1_000), path(port), RTT)
        .unwrap()
}

fn validate(paths: &mut Paths, id: PathId) {
    paths.get_mut(id).unwrap().validate();
}

#[test]
fn there_are_never_more_than_four() {
    let mut paths = paths();
    for port in 2..1_000 {
        admit(&mut paths, port);
        assert!(paths.len() <= limits::PATHS);
    }
    assert_eq!(paths.len(), limits::PATHS);
}

#[test]
fn a_second_address_waits_for_one_round_trip() {
    let mut paths = paths();
    assert!(paths.may_admit(START));
    paths.admit(START, path(2), RTT).unwrap();
    assert!(!paths.may_admit(at(49)));
    assert!(paths.may_admit(at(50)));
    paths.admit(at(50), path(3), Duration::ZERO).unwrap();
    assert!(!paths.may_admit(at(59)), "10 ms at least");
    assert!(paths.may_admit(at(60)));
}

#[test]
fn the_oldest_that_is_not_validated_goes_first() {
    let mut paths = paths();
    let second = admit(&mut paths, 2);
    let third = admit(&mut paths, 3);
    let fourth = admit(&mut paths, 4);
    assert_eq!(paths.surplus(), Some(second));
    validate(&mut paths, second);
    assert_eq!(paths.surplus(), Some(third));
    validate(&mut paths, third);
    assert_eq!(paths.surplus(), Some(fourth));
}

#[test]
fn the_path_to_go_back_to_is_never_given_up() {
    let mut paths = paths();
    let first = paths.active().id();
    for port in 2..100 {
        let next = admit(&mut paths, port);
        if port == 2 {
            assert!(paths.activate(next));
        }
        assert_eq!(paths.fallback(), Some(first));
    }
}

#[test]
fn what_is_left_last_is_gone_back_to_first() {
    let mut paths = paths();
    let first = paths.active().id();
    let second = admit(&mut paths, 2);
    validate(&mut paths, second);
    paths.activate(second);
    let third = admit(&mut paths, 3);
    paths.activate(third);
    assert_eq!(paths.fallback(), Some(second));
    paths.get_mut(second).unwrap().dead = true;
    assert_eq!(paths.fallback(), Some(first), "rather one that answers");
    paths.get_mut(first).unwrap().dead = true;
    assert_eq!(
        paths.fallback(),
        Some(second),
        "rather a dead one than none"
    );
}

#[test]
fn failure_of_the_active_path_goes_back_and_of_the_last_good_one_keeps_it_until_then() {
    let mut paths = paths();
    let first = paths.active().id();
    let second = admit(&mut paths, 2);
    paths.activate(second);
    paths.get_mut(first).unwrap().begin_check(at(0), PTO);
    paths.get_mut(second).unwrap().begin_check(at(1), PTO);
    assert_eq!(paths.next_failed(at(2_996)), None);
    assert_eq!(paths.next_failed(at(2_997)), Some((first, OnFailed::Keep)));
    assert_eq!(
        paths.next_failed(at(2_998)),
        Some((second, OnFailed::Revert(first)))
    );
    assert_eq!(paths.next_failed(at(9_999)), None);
}

#[test]
fn failure_of_a_path_beside_a_good_one_removes_it() {
    let mut paths = paths();
    let first = paths.active().id();
    let second = admit(&mut paths, 2);
    validate(&mut paths, second);
    paths.activate(second);
    paths.get_mut(first).unwrap().begin_check(at(0), PTO);
    assert_eq!(
        paths.next_failed(at(2_997)),
        Some((first, OnFailed::Remove))
    );
}

#[test]
fn failure_of_the_only_path_leaves_none() {
    let mut paths = paths();
    let only = paths.active().id();
    paths.active_mut().begin_check(at(0), PTO);
    assert_eq!(
        paths.next_failed(at(2_997)),
        Some((only, OnFailed::NoneLeft))
    );
}

#[test]
fn news_of_a_path_that_is_gone_finds_nothing() {
    let mut paths = paths();
    let gone = admit(&mut paths, 2);
    paths.get_mut(gone).unwrap().begin_check(at(0), PTO);
    paths
        .get_mut(gone)
        .unwrap()
        .on_challenge_sent(at(0), [1; 8], 1_200);
    paths.on_challenge_sent();
    paths.remove(gone);
    let next = admit(&mut paths, 2);
    assert_ne!(gone, next, "a name is used once");
    assert_eq!(paths.on_response(at(1), [1; 8]), Ok(None));
    assert!(!paths.get(next).unwrap().is_validated());
}

#[test]
fn a_response_before_any_challenge_is_an_offence() {
    let mut paths = paths();
    assert_eq!(paths.on_response(START, [1; 8]), Err(()));
}

#[test]
fn an_address_that_was_silent_is_a_strangers_unless_it_is_what_we_go_back_to() {
    let mut paths = paths();
    let second = admit(&mut paths, 2);
    paths.activate(second);
    paths.on_datagrams(at(100_000), &path(1), 40, None).unwrap();
    assert_eq!(
        paths.fallback(),
        paths.on_datagrams(at(100_000), &path(1), 40, None)
    );
    validate(&mut paths, second);
    let first = paths.on_datagrams(at(130_000), &path(1), 40, None).unwrap();
    assert!(!paths.get(first).unwrap().is_validated());
    assert_eq!(paths.get(first).unwrap().budget(), 120);
}

#[test]
fn an_unspecified_address_of_ours_covers_every_one_with_its_port() {
    let from = |local: Option<&str>| Path {
        local: local.map(|local| local.parse().unwrap()),
        ..path(1)
    };
    let any = from(Some("[::]:7"));
    assert!(any.covers(&from(Some("192.0.2.9:7"))));
    assert!(!any.covers(&from(Some("192.0.2.9:8"))));
    assert!(any.covers(&from(None)));
    assert!(!from(Some("192.0.2.9:7")).covers(&from(Some("192.0.2.8:7"))));
    assert!(!any.covers(&Path {
        remote: path(2).remote,
        ..any
    }));
}

#[test]
fn another_port_alone_leaves_the_addresses() {
    let from = |local: &str, remote: &str| Path {
        local: Some(local.parse().unwrap()),
        remote: remote.parse().unwrap(),
    };
    let path = from("192.0.2.2:4433", "198.51.100.1:1");
    assert!(path.has_addresses_of(&from("192.0.2.2:4433", "198.51.100.1:2")));
    assert!(path.has_addresses_of(&from("192.0.2.2:4434", "198.51.100.1:1")));
    assert!(!path.has_addresses_of(&from("192.0.2.3:4433", "198.51.100.1:1")));
    assert!(!path.has_addresses_of(&from("192.0.2.2:4433", "198.51.100.2:1")));
    let any = from("0.0.0.0:1", "198.51.100.1:1");
    assert!(
        !any.has_addresses_of(&from("0.0.0.0:2", "198.51.100.1:1")),
        "who knows"
    );
    assert!(any.has_addresses_of(&any));
}
