//! Memory that may not be had. In: what is to be kept; out: it, kept, or word that there was no memory. Nothing here aborts, and
//! nobody else in the engine should ask for memory in a way that does.

use alloc::vec::Vec;

/// A copy of `bytes`; `None` when there is no memory for it.
pub(crate) fn copied(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).ok()?;
    copy.extend_from_slice(bytes);
    Some(copy)
}

/// Puts `value` at the end of `list`; `false`, and nothing, when there is no memory for it.
#[must_use]
pub(crate) fn pushed<T>(list: &mut Vec<T>, value: T) -> bool {
    let has_room = list.len() < list.capacity() || list.try_reserve(1).is_ok();
    if has_room {
        list.push(value);
    }
    has_room
}
