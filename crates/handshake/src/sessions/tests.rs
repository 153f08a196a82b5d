use super::*;

fn key(number: usize) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

#[test]
fn a_session_is_given_once() {
    let sessions = Sessions::default();
    assert!(sessions.put(key(1), vec![7]));
    assert_eq!(sessions.get(&key(1)), None);
    assert_eq!(sessions.take(&key(1)), Some(vec![7]));
    assert_eq!(sessions.take(&key(1)), None);
}

#[test]
fn the_bound_is_met_exactly_and_then_the_oldest_goes() {
    let sessions = Sessions::default();
    for number in 0..=SESSIONS {
        sessions.put(key(number), Vec::new());
    }
    assert_eq!(sessions.take(&key(0)), None);
    assert!(sessions.take(&key(1)).is_some());
    assert!(sessions.take(&key(SESSIONS)).is_some());
}

#[test]
fn used_tickets_make_no_room_to_grow() {
    let sessions = Sessions::default();
    for number in 0..3 * SESSIONS {
        sessions.put(key(number), Vec::new());
        sessions.take(&key(number));
    }
    let held = sessions.0.lock().unwrap();
    assert!(held.order.len() <= SESSIONS && held.sessions.is_empty());
}

#[test]
fn a_connection_with_smaller_limits_gets_none() {
    let limits = |data| {
        let mut limits = [5; EARLY_LIMITS];
        limits[1] = data;
        limits
    };
    let sessions = Sessions::default();
    for (before, now, given) in [(10, 10, true), (10, 11, true), (10, 9, false)] {
        with_parameters(&limits(before), || sessions.put(key(1), vec![7]));
        let taken = with_parameters(&limits(now), || sessions.take(&key(1)));
        assert_eq!(taken.is_some(), given, "{before} then, {now} now");
        assert_eq!(sessions.take(&key(1)), None, "once at most");
    }
}
