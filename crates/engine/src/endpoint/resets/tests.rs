use inquic_platform::aws_lc::AwsLc;

use super::*;

const TOKEN: [u8; 16] = *b"a token of sixte";

fn resets(platform: &dyn Platform) -> (Resets, Mark) {
    let mut resets = Resets::new([1; 32]);
    let mark = resets.insert(platform, &TOKEN, Handle(5)).unwrap();
    (resets, mark)
}

/// A datagram of `len` bytes that ends in a token.
fn datagram(first: u8, len: usize, token: &[u8; 16]) -> alloc::vec::Vec<u8> {
    let mut bytes = alloc::vec![first; len];
    *bytes.last_chunk_mut().unwrap() = *token;
    bytes
}

#[test]
fn datagram_that_ends_in_a_token_is_found_whatever_its_header() {
    let platform = AwsLc::seeded(1);
    let (resets, _) = resets(&platform);
    for first in [0x40, 0xc0] {
        let bytes = datagram(first, limits::RESET_MIN, &TOKEN);
        assert_eq!(resets.find(&platform, &bytes), Some(Handle(5)));
    }
    let short = datagram(0x40, limits::RESET_MIN - 1, &TOKEN);
    assert_eq!(resets.find(&platform, &short), None);
}

#[test]
fn token_with_one_other_bit_is_not_found() {
    let platform = AwsLc::seeded(1);
    let (resets, _) = resets(&platform);
    for bit in 0..128 {
        let mut token = TOKEN;
        token[bit / 8] ^= 1 << (bit % 8);
        let bytes = datagram(0x40, 100, &token);
        assert_eq!(resets.find(&platform, &bytes), None, "bit {bit}");
    }
}

#[test]
fn order_of_what_is_kept_tells_nothing_of_the_tokens() {
    let platform = AwsLc::seeded(1);
    let (mut resets, mark) = resets(&platform);
    assert_ne!(mark.0, TOKEN);
    // Tokens that are alike to the last bit but one are kept far from each other, and elsewhere under another key.
    let mut like = TOKEN;
    like[15] ^= 1;
    let other = resets.insert(&platform, &like, Handle(6)).unwrap();
    let same = mark.0.iter().zip(other.0).filter(|(a, b)| **a == *b);
    assert!(same.count() < 8);
    assert_ne!(Resets::new([2; 32]).mark(&platform, &TOKEN), mark);
}

#[test]
fn token_that_was_taken_out_is_nobodys() {
    let platform = AwsLc::seeded(1);
    let (mut resets, mark) = resets(&platform);
    resets.remove(&mark);
    let bytes = datagram(0x40, 100, &TOKEN);
    assert_eq!(resets.find(&platform, &bytes), None);
}
