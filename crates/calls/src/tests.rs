//! What is said arrives.

use crate::{Answer, Call, HELLO_BYTES, Hello, Wish};

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
