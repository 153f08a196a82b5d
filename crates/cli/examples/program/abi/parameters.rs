//! Transport parameters as TLS carries them, changed on the way: a list of numbers with values in, the same with another value out.

/// A number of RFC 9000 §18.2 and its like.
pub(crate) mod ids {
    pub(crate) const INITIAL_MAX_DATA: u64 = 0x04;
    pub(crate) const INITIAL_MAX_STREAM_DATA_BIDI_REMOTE: u64 = 0x06;
    pub(crate) const INITIAL_MAX_STREAMS_BIDI: u64 = 0x08;
    pub(crate) const ACK_DELAY_EXPONENT: u64 = 0x0a;
    pub(crate) const ACTIVE_CONNECTION_ID_LIMIT: u64 = 0x0e;
    pub(crate) const VERSION_INFORMATION: u64 = 0x11;
    pub(crate) const MAX_DATAGRAM_FRAME_SIZE: u64 = 0x20;
}

/// Gives a parameter a value, whether it has one or not.
pub(crate) fn change(list: &mut Vec<u8>, id: u64, value: &[u8]) {
    let mut changed = Vec::new();
    let mut rest = &list[..];
    while !rest.is_empty() {
        let (number, after) = take(rest);
        let (len, after) = take(after);
        let (old, after) = after.split_at(len as usize);
        if number != id {
            put(&mut changed, number);
            put(&mut changed, len);
            changed.extend_from_slice(old);
        }
        rest = after;
    }
    put(&mut changed, id);
    put(&mut changed, value.len() as u64);
    changed.extend_from_slice(value);
    *list = changed;
}

/// Gives a parameter a number.
pub(crate) fn change_number(list: &mut Vec<u8>, id: u64, number: u64) {
    let mut value = Vec::new();
    put(&mut value, number);
    change(list, id, &value);
}

/// A number of variable length (RFC 9000 §16) and what is behind it.
fn take(bytes: &[u8]) -> (u64, &[u8]) {
    let len = 1 << (bytes[0] >> 6);
    let (number, rest) = bytes.split_at(len);
    let first = u64::from(number[0] & 0x3f);
    let rest_of = |whole, byte: &u8| whole << 8 | u64::from(*byte);
    (number[1..].iter().fold(first, rest_of), rest)
}

/// Writes a number in the shortest of the lengths 1, 2, 4 and 8.
fn put(out: &mut Vec<u8>, number: u64) {
    let (bytes, prefix) = match number {
        0..0x40 => (1, 0),
        0x40..0x4000 => (2, 0x40),
        0x4000..0x4000_0000 => (4, 0x80),
        _ => (8, 0xc0),
    };
    let start = out.len();
    out.extend_from_slice(&number.to_be_bytes()[8 - bytes..]);
    out[start] |= prefix;
}
