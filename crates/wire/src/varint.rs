//! The variable-length integer of RFC 9000 §16: in comes a number, out comes the length that it takes.

/// The largest number that a varint can carry.
pub const VARINT_MAX: u64 = (1 << 62) - 1;

/// The bytes that the shortest encoding of `value` takes. Bounds: a value above [`VARINT_MAX`] counts as 8.
#[inline]
#[must_use]
pub const fn varint_len(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

#[cfg(test)]
mod tests;
