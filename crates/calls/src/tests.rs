//! What is said arrives.

use core::cell::Cell;

use crate::{Answer, Call, HASTY, HELLO_BYTES, Hello, LINGER_LONG, LINGERS, Patience, Wish};

fn hello(wish: Wish) -> Hello {
    Hello {
        token: *b"0123456789abcdef",
        instance: 7,
        wish,
    }
}

#[test]
fn every_wish_arrives_as_it_was_said() {
    for wish in [
        Wish::Page {
            address: 0x7fff_0000_1234,
            sample: u64::MAX,
        },
        Wish::Socket { family: 2, kind: 1 },
        Wish::Fetch(42),
    ] {
        let said = hello(wish);
        assert_eq!(Hello::from_bytes(&said.to_bytes()), Some(said));
    }
}

#[test]
fn a_hello_of_another_version_is_not_understood() {
    let mut bytes = hello(Wish::Fetch(1)).to_bytes();
    bytes[16] ^= 1;
    assert_eq!(Hello::from_bytes(&bytes), None);
    assert_eq!(Hello::from_bytes(&[0; HELLO_BYTES]), None);
}

#[test]
fn an_answer_arrives_as_it_was_said() {
    let answer = Answer {
        errno: 24,
        cookie: 0x1122_3344_5566_7788,
    };
    assert_eq!(Answer::from_bytes(&answer.to_bytes()), answer);
}

#[test]
fn a_call_is_found_by_its_number() {
    for number in 1..=18 {
        assert_eq!(
            Call::from_number(number).map(|call| call as u32),
            Some(number)
        );
    }
    assert_eq!(Call::from_number(0), None);
    assert_eq!(Call::from_number(19), None);
}

/// Waits once for what never comes, others taking `slice` nanoseconds each time that they are let run; how often they were.
fn let_run(patience: &Patience, slice: u64) -> u32 {
    let (clock, given) = (Cell::new(0), Cell::new(0));
    let came = patience.linger(
        || false,
        || {
            clock.set(clock.get() + slice);
            given.set(given.get() + 1);
        },
        || clock.get(),
    );
    assert!(!came);
    given.get()
}

#[test]
fn on_an_idle_machine_others_may_run_each_time() {
    let patience = Patience::new();
    for _ in 0..3 {
        assert_eq!(let_run(&patience, 250), LINGERS);
    }
}

#[test]
fn where_others_want_the_core_the_next_waits_go_to_sleep_at_once() {
    let patience = Patience::new();
    assert_eq!(let_run(&patience, LINGER_LONG + 1), 1);
    for _ in 0..HASTY {
        assert_eq!(let_run(&patience, LINGER_LONG + 1), 0);
    }
    assert_eq!(let_run(&patience, 250), LINGERS);
}

#[test]
fn what_is_there_is_not_waited_for() {
    let waited = || panic!("others were let run");
    assert!(Patience::new().linger(|| true, waited, || 0));
}
