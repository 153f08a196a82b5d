//! Ids that the peer issues and we retire.

use super::*;

fn id(byte: u8) -> ConnectionId {
    ConnectionId::new(&[byte; 8]).unwrap()
}

fn ids() -> PeerIds {
    PeerIds::new(id(0))
}

fn new(ids: &mut PeerIds, sequence: u8, prior_to: u64) -> Result<(), PeerError> {
    let kept = ids.on_new(u64::from(sequence), prior_to, id(sequence), [sequence; 16])?;
    assert!(kept, "there is memory");
    Ok(())
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

#[test]
fn every_path_has_an_id_of_its_own_as_long_as_there_are_any() {
    let mut ids = ids();
    new(&mut ids, 1, 0).unwrap();
    new(&mut ids, 2, 0).unwrap();
    assert!(ids.assign(PathId(1)));
    assert!(ids.assign(PathId(2)));
    assert!(!ids.assign(PathId(3)), "there are three");
    assert_eq!(ids.of(PathId(1)), Some(&id(1)));
    assert_eq!(ids.of(PathId(2)), Some(&id(2)));
    assert_eq!(ids.of(PathId(3)), None);
}

#[test]
fn ids_go_with_their_paths() {
    let mut ids = ids();
    new(&mut ids, 1, 0).unwrap();
    ids.assign(PathId(1));
    ids.activate(PathId(1), PathId(0));
    assert_eq!(*ids.active(), id(1));
    assert_eq!(ids.of(PathId(0)), Some(&id(0)));
    ids.activate(PathId(0), PathId(1));
    assert_eq!(*ids.active(), id(0));
    assert_eq!(ids.of(PathId(1)), Some(&id(1)));
}

#[test]
fn the_id_of_a_path_that_is_gone_is_retired_if_it_was_used() {
    let mut ids = ids();
    new(&mut ids, 1, 0).unwrap();
    ids.assign(PathId(1));
    ids.release(PathId(1), false);
    assert_eq!(ids.next_retirement(), None);
    assert!(ids.assign(PathId(2)), "nobody has seen it");
    ids.release(PathId(2), true);
    assert_eq!(ids.next_retirement(), Some(1));
    assert!(!ids.assign(PathId(3)));
}

#[test]
fn a_path_whose_id_the_peer_retires_gets_another() {
    let mut ids = ids();
    new(&mut ids, 1, 0).unwrap();
    ids.assign(PathId(1));
    new(&mut ids, 2, 0).unwrap();
    new(&mut ids, 3, 2).unwrap();
    assert_eq!(*ids.active(), id(3));
    assert_eq!(ids.of(PathId(1)), Some(&id(2)));
}

#[test]
fn the_active_path_comes_first_when_ids_are_scarce() {
    let mut ids = ids();
    new(&mut ids, 1, 0).unwrap();
    ids.assign(PathId(1));
    new(&mut ids, 2, 2).unwrap();
    assert_eq!(*ids.active(), id(2));
    assert_eq!(ids.of(PathId(1)), None);
}

#[test]
fn paths_wait_for_the_peer_to_acknowledge_retirements() {
    let mut ids = ids();
    for sequence in 1..=4 {
        assert!(ids.may_open_path());
        new(&mut ids, sequence, 0).unwrap();
        ids.assign(PathId(1));
        ids.release(PathId(1), true);
    }
    assert!(!ids.may_open_path());
    ids.on_acknowledged(1);
    assert!(ids.may_open_path());
}

#[test]
fn an_empty_id_is_every_paths() {
    let mut ids = PeerIds::new(ConnectionId::EMPTY);
    assert!(ids.assign(PathId(1)));
    assert_eq!(ids.of(PathId(1)), Some(&ConnectionId::EMPTY));
    ids.release(PathId(1), true);
    assert_eq!(ids.next_retirement(), None);
}
