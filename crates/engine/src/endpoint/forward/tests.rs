//! Who has the port, too, and whose clients are remembered.

use core::net::SocketAddr;

use inquic_platform::Duration;
use inquic_wire::ConnectionId;

use super::*;

fn client(number: u32) -> Client {
    let [a, b, c, d] = number.to_be_bytes();
    let id = ConnectionId::new(&[a, b, c, d, 1, 2, 3, 4]).unwrap();
    (SocketAddr::from(([192, 0, 2, 1], 443)), id)
}

#[test]
fn members_are_told_apart_by_their_whole_number() {
    let mut members = Members::default();
    for member in [0, 63, 64, 255] {
        members.set(member, true);
    }
    assert!(
        (0..=255)
            .filter(|&member| members.contains(member))
            .eq([0, 63, 64, 255])
    );
    for member in [0, 63, 64, 255] {
        members.set(member, false);
    }
    assert!(members.is_empty());
}

#[test]
fn a_client_is_remembered_while_its_handshake_may_last() {
    let mut forwards = Forwards::default();
    let begin = Instant::from_nanos(1_000);
    assert!(forwards.note(begin, client(1), 7));
    let end = begin + limits::HANDSHAKE_TIMEOUT;
    assert_eq!(forwards.of(end, &client(1)), Some(7));
    assert_eq!(forwards.of(end + Duration::from_nanos(1), &client(1)), None);
    assert_eq!(forwards.of(begin, &client(2)), None);
    forwards.forget(7);
    assert_eq!(forwards.len(), 0);
}

#[test]
fn the_number_of_remembered_clients_is_met_and_not_passed() {
    let mut forwards = Forwards::default();
    let begin = Instant::from_nanos(1_000);
    for number in 0..limits::FORWARDS as u32 {
        assert!(forwards.note(begin, client(number), 1));
    }
    assert!(!forwards.note(begin, client(u32::MAX), 1));
    assert!(forwards.note(begin, client(0), 2));
    let later = begin + limits::HANDSHAKE_TIMEOUT + Duration::from_nanos(1);
    assert!(forwards.note(later, client(u32::MAX), 1));
    assert_eq!(forwards.len(), 1);
}
