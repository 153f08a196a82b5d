//! Handshake bytes of the peer, in any order.

use super::*;
use alloc::vec;

#[test]
fn reordered_frames_come_out_in_order() {
    let mut crypto = CryptoReceive::default();
    crypto.on_crypto(3, b"def").unwrap();
    assert_eq!(crypto.ready(), 0);
    crypto.on_crypto(0, b"abcd").unwrap();
    let mut out = [0; 16];
    assert_eq!(crypto.take(&mut out), 6);
    assert_eq!(&out[..6], b"abcdef");
    crypto.on_crypto(4, b"efgh").unwrap();
    assert_eq!(crypto.take(&mut out), 2);
    assert_eq!(&out[..2], b"gh");
}

#[test]
fn the_buffer_bound_is_met_and_not_passed() {
    let mut crypto = CryptoReceive::default();
    let bytes = vec![1; limits::CRYPTO_BUFFER as usize];
    crypto.on_crypto(0, &bytes).unwrap();
    assert_eq!(
        crypto.on_crypto(1, &bytes).unwrap_err().code,
        Code::CryptoBufferExceeded
    );
}

#[test]
fn the_gap_bound_is_met_and_not_passed() {
    let mut crypto = CryptoReceive::default();
    for index in 0..limits::CRYPTO_GAPS as u64 {
        crypto.on_crypto(1 + index * 2, b"x").unwrap();
    }
    assert!(
        crypto
            .on_crypto(1 + limits::CRYPTO_GAPS as u64 * 2, b"x")
            .is_err()
    );
}

#[test]
fn a_hello_in_single_bytes_backwards_is_put_together() {
    let mut crypto = CryptoReceive::default();
    for index in (0..16_384_u64).rev() {
        crypto.on_crypto(index, &[index as u8]).unwrap();
    }
    assert_eq!(crypto.ready(), 16_384);
    assert!(crypto.held() <= 80 * 1024);
}
