//! Handshake bytes of ours, lost and found.

use super::*;
use alloc::vec;

fn frame(crypto: &mut CryptoSend, room: usize) -> Option<(u64, u16)> {
    let mut buffer = vec![0; room];
    crypto
        .write_frame(&mut Writer::new(&mut buffer))
        .map(|sent| (sent.offset, sent.len))
}

#[test]
fn lost_bytes_go_before_new_ones() {
    let mut crypto = CryptoSend::default();
    assert_eq!(crypto.write(&[7; 300]), Ok(true));
    assert_eq!(frame(&mut crypto, 104), Some((0, 100)));
    assert_eq!(frame(&mut crypto, 104), Some((100, 99)));
    crypto.on_lost(0, 100);
    assert_eq!(frame(&mut crypto, 54), Some((0, 50)));
    assert_eq!(frame(&mut crypto, 1000), Some((50, 50)));
    assert_eq!(frame(&mut crypto, 1000), Some((199, 101)));
    assert_eq!(frame(&mut crypto, 1000), None);
}

#[test]
fn the_first_open_bytes_go_again_and_no_more_than_asked() {
    let mut crypto = CryptoSend::default();
    assert_eq!(crypto.write(&[7; 300]), Ok(true));
    crypto.repeat(100);
    assert_eq!(frame(&mut crypto, 1000), Some((0, 300)), "nothing was sent");
    crypto.on_acknowledged(0, 50);
    crypto.repeat(100);
    assert_eq!(frame(&mut crypto, 1000), Some((50, 100)));
    crypto.repeat(1000);
    assert_eq!(frame(&mut crypto, 1000), Some((50, 250)));
    crypto.on_acknowledged(50, 250);
    crypto.repeat(1000);
    assert_eq!(frame(&mut crypto, 1000), None);
}

#[test]
fn acknowledged_bytes_are_forgotten_in_any_order() {
    let mut crypto = CryptoSend::default();
    assert_eq!(crypto.write(&[7; 300]), Ok(true));
    frame(&mut crypto, 1000);
    crypto.on_acknowledged(100, 200);
    assert_eq!(crypto.bytes.len(), 300);
    crypto.on_acknowledged(0, 100);
    assert!(crypto.bytes.is_empty() && crypto.bytes.capacity() == 0);
    crypto.on_lost(0, 300);
    assert!(!crypto.wants_to_send());
}

#[test]
fn the_buffer_bound_is_met_and_not_passed() {
    let mut crypto = CryptoSend::default();
    let full = vec![0; limits::CRYPTO_BUFFER as usize];
    assert_eq!(crypto.write(&full), Ok(true));
    assert_eq!(crypto.write(&[0]), Ok(false));
}

#[test]
fn a_packet_without_room_for_a_byte_loses_nothing() {
    let mut crypto = CryptoSend::default();
    assert_eq!(crypto.write(&[7; 300]), Ok(true));
    assert_eq!(frame(&mut crypto, 1000), Some((0, 300)));
    crypto.on_lost(100, 50);
    let header = crypto_header_len(100, 50);
    assert_eq!(frame(&mut crypto, header), None);
    assert_eq!(frame(&mut crypto, header + 50), Some((100, 50)));
}

#[test]
fn whatever_is_lost_late_or_repeated_all_is_acknowledged_in_the_end() {
    for seed in 1..=3_000_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut dice = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % below
        };
        let mut crypto = CryptoSend::default();
        let mut flying = Vec::new();
        for _ in 0..400 {
            match dice(8) {
                0 => drop(crypto.write(&vec![7; dice(3_000) as usize])),
                1..=3 => flying.extend(frame(&mut crypto, 20 + dice(1_200) as usize)),
                4..=5 if !flying.is_empty() => {
                    let (offset, len) = flying.swap_remove(dice(flying.len() as u64) as usize);
                    crypto.on_acknowledged(offset, len);
                }
                6 if !flying.is_empty() => {
                    let (offset, len) = flying.swap_remove(dice(flying.len() as u64) as usize);
                    crypto.on_lost(offset, len);
                }
                7 if !crypto.wants_to_send() => crypto.repeat(1_200),
                _ => {}
            }
        }
        while crypto.wants_to_send() || !flying.is_empty() {
            let wanted = crypto.wants_to_send();
            let more = frame(&mut crypto, 1_200);
            assert!(more.is_some() || !wanted, "seed {seed}");
            flying.extend(more);
            if let Some((offset, len)) = flying.pop() {
                crypto.on_acknowledged(offset, len);
            }
        }
        assert_eq!(crypto.base, crypto.end(), "seed {seed}");
    }
}
