//! In: a string literal of QPACK. Out: its bytes. Never reads past its input.

/// The length in bits of the code of each byte, and of the end of the string (RFC 7541 appendix B).
/// The code is canonical (§5.2), so the lengths are all of it.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
    28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
    8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
    13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
    28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
    22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
    22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
    25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// Decodes a Huffman-coded string; `None` when it is not one.
pub(crate) fn decode(coded: &[u8]) -> Option<Vec<u8>> {
    let codes = codes();
    let mut text = Vec::new();
    let mut bits = 0_u64;
    let mut held = 0_u8;
    for &byte in coded {
        bits = (bits << 8) | u64::from(byte);
        held += 8;
        while let Some(&(_, length, symbol)) = codes.iter().find(|(code, length, _)| {
            held >= *length && (bits >> (held - length)) == u64::from(*code)
        }) {
            text.push(symbol);
            held -= length;
            bits &= (1 << held) - 1;
        }
        if held > 30 {
            return None;
        }
    }
    // What is left is padding: fewer than eight bits, all ones (RFC 7541 §5.2).
    (held < 8 && bits == (1 << held) - 1).then_some(text)
}

/// Code, length and symbol of every byte, the shortest first.
fn codes() -> Vec<(u32, u8, u8)> {
    let mut symbols: Vec<(u8, usize)> = LENGTHS.iter().copied().zip(0..).collect();
    symbols.sort_unstable();
    let mut next = 0_u32;
    let mut before = 0;
    let mut codes = Vec::with_capacity(256);
    for (length, symbol) in symbols {
        next <<= length - before;
        before = length;
        if let Ok(byte) = u8::try_from(symbol) {
            codes.push((next, length, byte));
        }
        next += 1;
    }
    codes
}
