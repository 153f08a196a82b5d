use alloc::vec;
use alloc::vec::Vec;

use super::first_run;

fn short(id: u8, len: usize) -> Vec<u8> {
    let mut datagram = vec![0x40; len];
    datagram[1..9].fill(id);
    datagram
}

#[test]
fn a_train_for_one_connection_is_one_run() {
    let train = [short(1, 100), short(1, 100), short(1, 40)].concat();
    assert_eq!(first_run(&train, 100), 240);
}

#[test]
fn a_run_ends_where_the_destination_changes() {
    let train = [short(1, 100), short(1, 100), short(2, 100), short(1, 100)].concat();
    assert_eq!(first_run(&train, 100), 200);
    assert_eq!(first_run(&train[200..], 100), 100);
    assert_eq!(first_run(&train[300..], 100), 100);
}

#[test]
fn what_has_no_destination_is_a_run_of_its_own() {
    let train = [vec![0x40; 4], vec![0x40; 4], vec![0x40; 2]].concat();
    assert_eq!(first_run(&train, 4), 4);
    assert_eq!(first_run(&train[8..], 4), 2);
}

#[test]
fn a_train_of_no_segments_is_taken_byte_by_byte() {
    assert_eq!(first_run(&[], 0), 0);
    assert_eq!(first_run(&[0x40; 4], 0), 1);
}
