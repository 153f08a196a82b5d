//! Bulk transfer allocates nothing for each packet: both ends and every thread of this process are counted.
#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use common::pair;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `dealloc`.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `realloc`.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Enough for windows, buffers and rings to reach the size at which they stay.
const WARM_UP: usize = 256 << 20;
const MEASURED: usize = 128 << 20;

#[test]
fn bulk_transfer_allocates_nothing_for_a_packet() {
    let (_listener, client, server) = pair();
    let writer = thread::spawn(move || {
        let mut stream = server.open_uni().unwrap();
        let data = vec![7; 64 << 10];
        let mut left = WARM_UP + MEASURED;
        while left > 0 {
            left -= stream.write(&data[..left.min(data.len())]).unwrap();
        }
        stream.finish().unwrap();
        server.closed();
    });
    let mut stream = client.accept_uni().unwrap().unwrap();
    let mut buffer = vec![0; 64 << 10];
    let mut read = 0;
    while read < WARM_UP {
        read += stream.read(&mut buffer).unwrap();
    }
    let (before, packets) = (
        ALLOCATIONS.load(Ordering::Relaxed),
        client.stats().packets_received,
    );
    while read < WARM_UP + MEASURED {
        read += stream.read(&mut buffer).unwrap();
    }
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    let packets = client.stats().packets_received - packets;
    println!("{allocations} allocations for {packets} packets");
    assert!(packets > 40_000, "{packets}");
    // What is left is the runtime's: now and then a waker, and a page when a reader falls further behind than ever before.
    assert!(
        allocations * 500 < packets,
        "{allocations} allocations for {packets} packets"
    );
    drop((stream, client));
    writer.join().unwrap();
}
