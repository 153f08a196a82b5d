use alloc::vec;

use super::*;

#[test]
fn value_in_memory_of_its_own_is_changed_and_taken_out() {
    let mut own = Own::new([1, 2, 3]).unwrap();
    own[1] = 7;
    assert_eq!(own.len(), 3);
    assert_eq!(own.into_inner(), [1, 7, 3]);
}

#[test]
fn more_than_the_address_space_is_refused() {
    assert_eq!(zeroed(usize::MAX), None);
    assert_eq!(zeroed(3), Some(vec![0; 3]));
}

#[test]
fn value_goes_where_it_is_put() {
    let mut list = vec![1, 3];
    assert!(inserted(&mut list, 1, 2));
    assert!(inserted(&mut list, 0, 0));
    assert!(inserted(&mut list, 9, 9));
    assert!(pushed(&mut list, 10));
    assert_eq!(list, [0, 1, 2, 3, 9, 10]);
    assert_eq!(taken(&mut list, 2), Some(2));
    assert_eq!(taken(&mut list, 5), None);
    assert_eq!(list, [0, 1, 3, 9, 10]);
}

#[test]
fn value_goes_where_it_is_queued_though_the_queue_wraps() {
    let mut queue = VecDeque::with_capacity(4);
    queue.extend([8, 8, 1, 3]);
    queue.drain(..2);
    assert!(queued(&mut queue, 4));
    assert!(queued_at(&mut queue, 1, 2));
    assert!(queued_at(&mut queue, 9, 5));
    assert_eq!(queue, [1, 2, 3, 4, 5]);
}

#[test]
fn what_is_cut_out_of_a_list_is_what_there_is() {
    let mut list = vec![0, 1, 2, 3, 4];
    cut(&mut list, 1..3);
    assert_eq!(list, [0, 3, 4]);
    cut(&mut list, 2..9);
    assert_eq!(list, [0, 3]);
    cut(&mut list, 2..9);
    cut(&mut list, Range { start: 1, end: 0 });
    assert_eq!(list, [0, 3]);
}

#[test]
fn what_is_cut_out_of_a_queue_is_what_there_is_though_it_wraps() {
    let mut queue = wrapped();
    cut_queue(&mut queue, 1..3);
    assert_eq!(queue, [0, 3]);
    cut_queue(&mut queue, 1..9);
    cut_queue(&mut queue, 1..9);
    cut_queue(&mut queue, Range { start: 1, end: 0 });
    assert_eq!(queue, [0]);
}

#[test]
fn what_is_within_places_of_a_queue_is_what_there_is() {
    let queue = wrapped();
    assert!(within(&queue, 1..3).eq(&[1, 2]));
    assert!(within(&queue, 2..9).eq(&[2, 3]));
    assert!(within(&queue, 9..12).eq(&[0; 0]));
    assert!(within(&queue, Range { start: 3, end: 2 }).eq(&[0; 0]));
}

#[test]
fn what_a_queue_keeps_stays_in_its_order() {
    let mut queue = wrapped();
    keep(&mut queue, |value| *value != 1);
    assert_eq!(queue, [0, 2, 3]);
    keep(&mut queue, |_| false);
    assert!(queue.is_empty());
}

#[test]
fn list_is_lengthened_with_zeros_and_never_made_shorter() {
    let mut list = Vec::with_capacity(4);
    append(&mut list, &[1, 2]);
    lengthen(&mut list, 4);
    lengthen(&mut list, 1);
    assert_eq!(list, [1, 2, 0, 0]);
}

#[test]
fn last_place_of_a_list_is_taken_as_any_other() {
    let mut list = vec![1, 2];
    assert_eq!(taken(&mut list, 1), Some(2));
    assert_eq!(taken(&mut list, 0), Some(1));
    assert_eq!(taken(&mut list, 0), None);
}

/// 0 to 3 in a queue that begins in the middle of its memory.
fn wrapped() -> VecDeque<i32> {
    let mut queue = VecDeque::with_capacity(4);
    queue.extend([8, 8, 0, 1]);
    queue.drain(..2);
    queue.extend([2, 3]);
    queue
}

#[test]
fn trimmed_list_has_room_for_nothing_more() {
    let mut list = Vec::with_capacity(64);
    append(&mut list, &[1, 2, 3]);
    trim(&mut list);
    assert_eq!((&*list, list.capacity()), (&[1, 2, 3][..], 3));
    list.clear();
    trim(&mut list);
    assert_eq!(list.capacity(), 0);
}

#[test]
fn trimmed_queue_has_room_for_nothing_more_and_keeps_its_order() {
    let mut queue = VecDeque::with_capacity(4);
    queue.extend([8, 8, 1, 2]);
    queue.drain(..2);
    queue.push_back(3);
    trim_queue(&mut queue);
    assert_eq!(queue, [1, 2, 3]);
    assert_eq!(queue.capacity(), 3);
    queue.clear();
    trim_queue(&mut queue);
    assert_eq!(queue.capacity(), 0);
}
