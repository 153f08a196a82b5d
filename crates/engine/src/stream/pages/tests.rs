//! What a pool keeps for the next stream.

use super::*;
use crate::stream::limits::RESERVE;
use crate::stream::receive::{ReceiveHalf, Stored};

/// A buffer with room for so many pages in its list.
fn long(pool: &mut Pool, pages: usize) -> Own<Buffer> {
    let mut buffer = pool.buffer(0).unwrap();
    buffer.pages.reserve_exact(pages);
    buffer
}

#[test]
fn a_list_is_kept_and_serves_the_next_stream() {
    let mut pool = Pool::new(usize::MAX);
    let buffer = long(&mut pool, 128);
    pool.give_buffer(buffer);
    assert!(pool.buffer(7).unwrap().pages.capacity() >= 128);
    assert_eq!(pool.lists, 0);
}

#[test]
fn lists_are_kept_up_to_their_bound_and_none_beyond() {
    let mut pool = Pool::new(usize::MAX);
    let buffers: Vec<_> = (0..100).map(|_| long(&mut pool, 64)).collect();
    let each = buffers[0].allocated_bytes();
    for buffer in buffers {
        pool.give_buffer(buffer);
    }
    assert_eq!(pool.buffers.len(), SPARE_LISTS / each);
    assert_eq!(pool.lists, pool.buffers.len() * each);
    assert!(pool.lists <= SPARE_LISTS && pool.lists + each > SPARE_LISTS);
    pool.shrink();
    assert_eq!((pool.lists, pool.allocated_bytes()), (0, 0));

    let short: Vec<_> = (0..100).map(|_| long(&mut pool, 0)).collect();
    for buffer in short {
        pool.give_buffer(buffer);
    }
    assert_eq!(pool.buffers.len(), SPARE_BUFFERS);
}

#[test]
fn streams_take_their_share_and_then_the_room_of_data_and_no_more() {
    let mut pool = Pool::new(PAGE + 1_000);
    assert!(pool.keep(FREE));
    assert_eq!(pool.room(), PAGE + 1_000);
    let mut buffer = pool.buffer(0).unwrap();
    assert_eq!(buffer.append(&mut pool, &[1; PAGE]), PAGE);
    assert_eq!(pool.room(), 1_000 - LIST_COST);
    assert!(pool.keep(1_000 - LIST_COST));
    assert!(!pool.keep(1));
    assert_eq!(pool.room(), 0);
    assert!(pool.buffer(0).is_none() && !pool.is_open());
    pool.give_buffer(buffer);
    assert_eq!(pool.room(), PAGE + LIST_COST);
    pool.release(FREE);
    assert_eq!(pool.room(), PAGE + 1_000);
}

#[test]
fn data_behind_a_hole_that_finds_no_memory_moves_nothing_that_comes_in_its_place() {
    let mut pool = Pool::new(RESERVE + 600);
    let mut half = ReceiveHalf::new(1 << 20);
    let far = half.on_data(&mut pool, 20_000, &[9; 100], false);
    assert_eq!(far, Stored::NoRoom);
    let near = half.on_data(&mut pool, 0, b"in its place", false);
    assert_eq!(near, Stored::Kept);
    let mut out = [0; 40];
    assert_eq!(half.peek(&mut out), (12, false));
    assert_eq!(&out[..12], b"in its place");
}
