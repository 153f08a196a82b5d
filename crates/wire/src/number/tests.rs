use proptest::prelude::*;

use super::*;

#[test]
fn the_samples_of_the_rfc_have_their_lengths() {
    // RFC 9000 §A.2.
    assert_eq!(packet_number_len(0xac_5c02, Some(0xab_e8b3)), 2);
    assert_eq!(packet_number_len(0xac_e8fe, Some(0xab_e8b3)), 3);
}

#[test]
fn the_sample_of_the_rfc_decodes() {
    // RFC 9000 §A.3.
    assert_eq!(
        decode_packet_number(Some(0xa82f_30ea), 0x9b32, 2),
        0xa82f_9b32
    );
}

#[test]
fn the_length_grows_at_half_of_what_it_can_tell_apart() {
    for (bits, len) in [(7, 1), (15, 2), (23, 3)] {
        let range = 1_u64 << bits;
        assert_eq!(packet_number_len(1000 + range - 1, Some(1000)), len);
        assert_eq!(packet_number_len(1000 + range, Some(1000)), len + 1);
        assert_eq!(packet_number_len(range - 2, None), len);
        assert_eq!(packet_number_len(range - 1, None), len + 1);
    }
    assert_eq!(packet_number_len(VARINT_MAX, None), 4);
    assert_eq!(packet_number_len(0, None), 1);
}

#[test]
fn the_first_packets_decode_before_anything_was_received() {
    for number in 0..128 {
        assert_eq!(decode_packet_number(None, number, 1), number);
    }
    assert_eq!(decode_packet_number(None, 0xff, 1), 0xff);
}

#[test]
fn the_last_numbers_do_not_overflow() {
    for len in 1..=4 {
        for largest in [VARINT_MAX, VARINT_MAX - 1, VARINT_MAX - (1 << 8), u64::MAX] {
            for truncated in [0, 1, 0x7f, 0x80, 0xff, u64::from(u32::MAX), u64::MAX] {
                assert!(decode_packet_number(Some(largest), truncated, len) <= VARINT_MAX);
            }
        }
    }
}

/// RFC 9000 §A.3 word for word, in numbers that cannot overflow.
fn model(largest: Option<u64>, truncated: u64, len: usize) -> u64 {
    let expected = largest.map_or(0, |largest| i128::from(largest) + 1);
    let window = 1_i128 << (8 * len);
    let half = window / 2;
    let mask = window - 1;
    let candidate = (expected & !mask) | i128::from(truncated);
    let number = if candidate <= expected - half && candidate < (1 << 62) - window {
        candidate + window
    } else if candidate > expected + half && candidate >= window {
        candidate - window
    } else {
        candidate
    };
    number.try_into().unwrap()
}

proptest! {
    #[test]
    fn decoding_follows_the_rfc(largest in prop::option::of(0..VARINT_MAX), truncated in any::<u32>(), len in 1_usize..=4) {
        let truncated = u64::from(truncated) & ((1 << (8 * len)) - 1);
        prop_assert_eq!(decode_packet_number(largest, truncated, len), model(largest, truncated, len));
    }

    #[test]
    fn a_packet_is_told_from_all_that_may_be_under_way(number in 1..=VARINT_MAX, back in 1_u64..1 << 31, seen in any::<u64>()) {
        // The sender knows of `acked`; the receiver has seen that and may have seen more.
        let acked = number.saturating_sub(back);
        let largest = acked + seen % (number - acked);
        let len = packet_number_len(number, Some(acked));
        let truncated = number & ((1 << (8 * len)) - 1);
        prop_assert_eq!(decode_packet_number(Some(largest), truncated, len), number);
    }
}
