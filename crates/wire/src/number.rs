//! Packet numbers: in comes a full or a truncated number, out comes its length or its full value. It never overflows.

use crate::varint::VARINT_MAX;

/// The number of a packet in its space, 0 to 2^62 − 1.
pub type PacketNumber = u64;

/// The bytes, 1 to 4, that `number` must be sent in when the peer has acknowledged up to `largest_acked`.
#[inline]
#[must_use]
pub fn packet_number_len(number: PacketNumber, largest_acked: Option<PacketNumber>) -> usize {
    //= RFC 9000 §17.1: After an acknowledgment is received for a packet number space, the sender MUST use a packet number
    //= size able to represent more than twice as large a range as the difference between the largest acknowledged packet
    //= number and the packet number being sent.
    let range = match largest_acked {
        Some(largest) => number.saturating_sub(largest),
        None => number.saturating_add(1),
    };
    match range {
        0..=0x7f => 1,
        0x80..=0x7fff => 2,
        0x8000..=0x7f_ffff => 3,
        _ => 4,
    }
}

/// The full number of a packet that carried the low `len` bytes of it, when `largest` is the largest received so far
/// (RFC 9000 §A.3). Bounds: `len` is taken as 1 to 4.
#[inline]
#[must_use]
pub fn decode_packet_number(
    largest: Option<PacketNumber>,
    truncated: u64,
    len: usize,
) -> PacketNumber {
    let expected = largest.map_or(0, |largest| largest.saturating_add(1));
    let window: u64 = match len {
        0 | 1 => 1 << 8,
        2 => 1 << 16,
        3 => 1 << 24,
        _ => 1 << 32,
    };
    let half = window >> 1;
    let mask = window.wrapping_sub(1);
    let candidate = (expected & !mask) | (truncated & mask);
    let number = if candidate.saturating_add(half) <= expected
        && candidate <= VARINT_MAX.saturating_sub(window)
    {
        candidate.saturating_add(window)
    } else if candidate > expected.saturating_add(half) && candidate >= window {
        candidate.saturating_sub(window)
    } else {
        candidate
    };
    // After the very last number, an expected one would be out of range.
    number.min(VARINT_MAX)
}

#[cfg(test)]
mod tests;
