//! Ids that the peer issues and we retire.

use super::*;

fn id(byte: u8) -> ConnectionId {
    ConnectionId::new(&[byte; 8]).unwrap()
}

fn ids() -> PeerIds {
    PeerIds::new(id(0))
}

fn new(ids: &mut PeerIds, sequence: u8, prior_to: u64) -> Result<(), PeerError> {
    ids.on_new(u64::from(sequence), prior_to, id(sequence), [sequence; 16])
}

#[test]
fn the_bound_of_kept_ids_is_met_and_not_passed() {
    let mut ids = ids();
    for sequence in 1..limits::CIDS as u8 {
        new(&mut ids, sequence, 0).unwrap();
    }
    assert_eq!(
        new(&mut ids, limits::CIDS as u8, 0).unwrap_err().code,
        Code::ConnectionIdLimit
    );
}

#[test]
fn retiring_all_old_ids_moves_to_the_new_one() {
    let mut ids = ids();
    new(&mut ids, 1, 0).unwrap();
    new(&mut ids, 2, 2).unwrap();
    assert_eq!(*ids.active(), id(2));
    assert_eq!(ids.next_retirement(), Some(1));
    assert_eq!(ids.next_retirement(), Some(0));
    assert_eq!(ids.next_retirement(), None);
    ids.on_lost(1);
    assert_eq!(ids.next_retirement(), Some(1));
}

#[test]
fn a_flood_of_retirements_is_bounded() {
    let mut ids = ids();
    let error = (1..=255).find_map(|sequence| new(&mut ids, sequence, u64::from(sequence)).err());
    assert_eq!(error.unwrap().code, Code::ConnectionIdLimit);
    assert!(ids.retiring.len() <= limits::CIDS_RETIRING);
}

#[test]
fn repeated_frames_are_harmless_and_contradictions_are_not() {
    let mut ids = ids();
    new(&mut ids, 1, 0).unwrap();
    new(&mut ids, 1, 0).unwrap();
    assert!(ids.on_new(1, 0, id(9), [9; 16]).is_err());
    assert!(ids.on_new(9, 0, id(1), [1; 16]).is_err());
}

#[test]
fn reset_tokens_of_kept_ids_are_known() {
    let mut ids = ids();
    new(&mut ids, 1, 0).unwrap();
    assert!(ids.is_reset_token(&[1; 16]));
    assert!(!ids.is_reset_token(&[2; 16]));
}
