//! Ids that we issue and the peer retires.

use super::*;

fn id(byte: u8) -> ConnectionId {
    ConnectionId::new(&[byte; 8]).unwrap()
}

fn issued(count: u8) -> LocalIds {
    let mut ids = LocalIds::new(id(0)).unwrap();
    ids.set_peer_limit(u64::from(count) + 1);
    for byte in 1..=count {
        ids.issue(id(byte), [byte; 16]).unwrap();
        ids.on_sent(u64::from(byte));
    }
    ids
}

#[test]
fn retiring_asks_for_exactly_one_more() {
    let mut ids = issued(3);
    assert_eq!(ids.wanted(), 0);
    ids.on_retire(1, &[0; 8]).unwrap();
    assert_eq!(ids.wanted(), 1);
    assert_eq!(
        (ids.take_retired(), ids.take_retired()),
        (Some(id(1)), None)
    );
    ids.on_retire(1, &[0; 8]).unwrap();
    assert_eq!(
        ids.wanted(),
        1,
        "a second retirement of the same id changes nothing"
    );
}

#[test]
fn retiring_what_was_never_issued_is_an_offence() {
    assert!(issued(3).on_retire(4, &[0; 8]).is_err());
    assert!(issued(3).on_retire(3, &[0; 8]).is_ok());
}

#[test]
fn retiring_what_was_not_sent_yet_is_an_offence() {
    let mut ids = issued(3);
    ids.on_retire(1, &[0; 8]).unwrap();
    ids.issue(id(4), [4; 16]).unwrap();
    assert!(ids.on_retire(4, &[0; 8]).is_err());
    ids.on_sent(4);
    assert!(ids.on_retire(4, &[0; 8]).is_ok());
}

#[test]
fn retiring_the_id_of_the_packet_is_an_offence() {
    assert!(issued(3).on_retire(0, &[0; 8]).is_err());
}

#[test]
fn a_lost_frame_is_told_again() {
    let mut ids = issued(1);
    assert!(!ids.has_pending());
    ids.on_lost(1);
    assert!(ids.has_pending());
}
