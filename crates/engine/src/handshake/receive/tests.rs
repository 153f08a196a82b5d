//! Handshake bytes of the peer, in any order.

use super::*;
use alloc::vec;

#[test]
fn reordered_frames_come_out_in_order() {
    let mut crypto = CryptoReceive::default();
    crypto.on_crypto(3, b"def", usize::MAX).unwrap();
    assert_eq!(crypto.ready(), 0);
    crypto.on_crypto(0, b"abcd", usize::MAX).unwrap();
    let mut out = [0; 16];
    assert_eq!(crypto.take(&mut out), 6);
    assert_eq!(&out[..6], b"abcdef");
    crypto.on_crypto(4, b"efgh", usize::MAX).unwrap();
    assert_eq!(crypto.take(&mut out), 2);
    assert_eq!(&out[..2], b"gh");
}

#[test]
fn the_buffer_bound_is_met_and_not_passed() {
    let mut crypto = CryptoReceive::default();
    let bytes = vec![1; limits::CRYPTO_BUFFER as usize];
    crypto.on_crypto(0, &bytes, usize::MAX).unwrap();
    assert_eq!(
        crypto.on_crypto(1, &bytes, usize::MAX).unwrap_err().code,
        Code::CryptoBufferExceeded
    );
}

#[test]
fn the_gap_bound_is_met_and_not_passed() {
    let mut crypto = CryptoReceive::default();
    for index in 0..limits::CRYPTO_GAPS as u64 {
        crypto.on_crypto(1 + index * 2, b"x", usize::MAX).unwrap();
    }
    assert!(
        crypto
            .on_crypto(1 + limits::CRYPTO_GAPS as u64 * 2, b"x", usize::MAX)
            .is_err()
    );
}

#[test]
fn a_hello_in_single_bytes_backwards_is_put_together() {
    let mut crypto = CryptoReceive::default();
    for index in (0..16_384_u64).rev() {
        crypto.on_crypto(index, &[index as u8], usize::MAX).unwrap();
    }
    assert_eq!(crypto.ready(), 16_384);
    assert!(crypto.allocated_bytes() <= 80 * 1024);
}

#[test]
fn a_byte_far_ahead_costs_no_more_than_itself() {
    let mut crypto = CryptoReceive::default();
    crypto
        .on_crypto(limits::CRYPTO_BUFFER - 1, b"x", usize::MAX)
        .unwrap();
    assert!(crypto.bytes.capacity() <= 16, "{}", crypto.bytes.capacity());
}

#[test]
fn memory_is_taken_up_to_the_room_and_never_beyond() {
    let room = 9_000;
    let mut crypto = CryptoReceive::default();
    let mut offset = 1;
    while crypto.on_crypto(offset, &[7; 100], room).unwrap() == Kept::All {
        assert!(crypto.allocated_bytes() <= room);
        offset += 100;
    }
    assert!(crypto.held_bytes() > room - 200, "{}", crypto.held_bytes());
    let before = crypto.held_bytes();
    assert_eq!(
        crypto.on_crypto(1, &[7; 100], room).unwrap(),
        Kept::All,
        "what is there already takes nothing"
    );
    assert_eq!(crypto.on_crypto(0, &[7; 200], room), Ok(Kept::All));
    assert_eq!(crypto.held_bytes(), before + 1, "one byte filled the hole");
    let mut out = vec![0; 8_000];
    assert_eq!(crypto.take(&mut out), 8_000);
    assert_eq!(crypto.on_crypto(offset, &[7; 100], room), Ok(Kept::All));
}

#[test]
fn nothing_is_left_once_everything_is_taken() {
    let mut crypto = CryptoReceive::default();
    crypto.on_crypto(0, &[7; 5_000], usize::MAX).unwrap();
    assert_eq!(crypto.take(&mut vec![0; 5_000]), 5_000);
    assert_eq!(crypto.allocated_bytes(), 0);
    crypto.on_crypto(4_000, &[7; 1_100], usize::MAX).unwrap();
    assert_eq!(crypto.ready(), 100);
}

#[test]
fn overlapping_frames_in_any_order_give_every_byte_once() {
    let message: Vec<u8> = (0..1_000_u64).map(|at| (at * 7 % 251) as u8).collect();
    let mut seed = 1_u64;
    for _ in 0..200 {
        let mut crypto = CryptoReceive::default();
        let mut out = vec![0; 1_000];
        let mut got = 0;
        while got < 1_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let first = (seed >> 33) as usize % 1_000;
            let end = (first + 1 + (seed >> 20) as usize % 60).min(1_000);
            crypto
                .on_crypto(first as u64, &message[first..end], usize::MAX)
                .unwrap();
            if seed >> 60 == 0 {
                got += crypto.take(&mut out[got..]);
            }
        }
        assert_eq!(out, message);
    }
}
