//! Memory that may not be had. In: what is to be kept; out: it, kept, or word that there was no memory. Nothing here aborts, and
//! whoever has to survive without memory asks for it nowhere else.
//!
//! Each helper tests for room in the words of the collection itself, so that what a full collection would do is not even compiled
//! in: `cargo xtask panics` fails where something of that is left.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut, Range};

/// There was no memory for it. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

/// A value in memory of its own, as in a [`Box`]; making one can fail.
#[derive(Debug)]
pub struct Own<T>(
    // The only box that stable Rust can be refused without `unsafe` is that of an array.
    Box<[T; 1]>,
);

impl<T> Own<T> {
    /// Moves `value` into memory of its own; `None`, and the value is gone, when there is none.
    #[inline]
    #[must_use]
    pub fn new(value: T) -> Option<Self> {
        let mut list = Vec::new();
        list.try_reserve_exact(1).ok()?;
        put(&mut list, value);
        // With no room to spare there is nothing to give back, which could fail again.
        if list.capacity() > list.len() {
            return None;
        }
        list.try_into().ok().map(Self)
    }

    /// The value, out of its memory.
    #[inline]
    #[must_use]
    pub fn into_inner(self) -> T {
        let [value] = *self.0;
        value
    }
}

impl<T> Deref for Own<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        let [value] = &*self.0;
        value
    }
}

impl<T> DerefMut for Own<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        let [value] = &mut *self.0;
        value
    }
}

/// A copy of `values`; `None` when there is no memory for it.
#[inline]
#[must_use]
pub fn copied<T: Copy>(values: &[T]) -> Option<Vec<T>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(values.len()).ok()?;
    append(&mut copy, values);
    Some(copy)
}

/// So many bytes of zero; `None` when there is no memory for them.
#[inline]
#[must_use]
pub fn zeroed(len: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).ok()?;
    lengthen(&mut bytes, len);
    Some(bytes)
}

/// Puts `value` at the end of `list`; `false`, and nothing, when there is no memory for it.
#[inline]
#[must_use]
pub fn pushed<T>(list: &mut Vec<T>, value: T) -> bool {
    let has_room = list.len() < list.capacity() || list.try_reserve(1).is_ok();
    if has_room {
        put(list, value);
    }
    has_room
}

/// Puts `value` at place `at` of `list`, or at its end if that is nearer; `false`, and nothing, when there is no memory for it.
#[inline]
#[must_use]
pub fn inserted<T>(list: &mut Vec<T>, at: usize, value: T) -> bool {
    let has_room = list.len() < list.capacity() || list.try_reserve(1).is_ok();
    if has_room {
        let mut carried = value;
        for place in list.iter_mut().skip(at) {
            core::mem::swap(place, &mut carried);
        }
        put(list, carried);
    }
    has_room
}

/// Puts `value` at the end of `list`, where the caller has made room for it.
#[inline]
pub fn put<T>(list: &mut Vec<T>, value: T) {
    debug_assert!(list.len() < list.capacity(), "room was made");
    if list.len() < list.capacity() {
        list.push(value);
    }
}

/// Puts `values` at the end of `list`; `false`, and nothing, when there is no memory for them.
#[inline]
#[must_use]
pub fn appended<T: Copy>(list: &mut Vec<T>, values: &[T]) -> bool {
    let has_room = list.try_reserve(values.len()).is_ok();
    if has_room {
        append(list, values);
    }
    has_room
}

/// Puts `values` at the end of `list`, where the caller has made room for them.
// Not inlined as written: what it calls is, where the compiler sees that nothing grows.
pub fn append<T: Copy>(list: &mut Vec<T>, values: &[T]) {
    let room = list.capacity().wrapping_sub(list.len());
    debug_assert!(values.len() <= room, "room was made");
    if values.len() <= room {
        list.extend_from_slice(values);
    }
}

/// Makes `list` as long as `len` with zeros, where the caller has made room for them; longer lists stay as they are.
#[inline]
pub fn lengthen(list: &mut Vec<u8>, len: usize) {
    let room = list.capacity().wrapping_sub(list.len());
    debug_assert!(len <= list.capacity(), "room was made");
    if let Some(more) = len.checked_sub(list.len())
        && more <= room
    {
        list.resize(len, 0);
    }
}

/// Takes out what is at place `at`, if anything is; what is behind it moves up.
#[inline]
pub fn taken<T>(list: &mut Vec<T>, at: usize) -> Option<T> {
    let behind = list.get_mut(at..)?;
    if behind.is_empty() {
        return None;
    }
    behind.rotate_left(1);
    list.pop()
}

/// Takes out what is at `places`, as far as anything is; what is behind them moves up.
#[inline]
pub fn cut<T>(list: &mut Vec<T>, places: Range<usize>) {
    let (start, end) = (places.start, places.end.min(list.len()));
    if start < end {
        list.drain(start..end);
    }
}

/// Gives back the memory that `list` does not use; where that takes memory that cannot be had, it stays.
pub fn trim<T: Copy>(list: &mut Vec<T>) {
    if list.len() < list.capacity()
        && let Some(smaller) = copied(list)
    {
        *list = smaller;
    }
}

/// Puts `value` at the end of `queue`; `false`, and nothing, when there is no memory for it.
#[inline]
#[must_use]
pub fn queued<T>(queue: &mut VecDeque<T>, value: T) -> bool {
    let has_room = queue.len() < queue.capacity() || queue.try_reserve(1).is_ok();
    if has_room {
        put_back(queue, value);
    }
    has_room
}

/// Puts `value` at place `at` of `queue`, or at its end if that is nearer; `false`, and nothing, when there is no memory for it.
#[inline]
#[must_use]
pub fn queued_at<T>(queue: &mut VecDeque<T>, at: usize, value: T) -> bool {
    let has_room = queue.len() < queue.capacity() || queue.try_reserve(1).is_ok();
    if has_room {
        let mut carried = value;
        for place in queue.iter_mut().skip(at) {
            core::mem::swap(place, &mut carried);
        }
        put_back(queue, carried);
    }
    has_room
}

/// Puts `value` at the end of `queue`, where the caller has made room for it.
#[inline]
pub fn put_back<T>(queue: &mut VecDeque<T>, value: T) {
    debug_assert!(queue.len() < queue.capacity(), "room was made");
    if queue.len() < queue.capacity() {
        queue.push_back(value);
    }
}

/// Puts `values` at the end of `queue`, where the caller has made room for them.
#[inline]
pub fn append_back<T: Copy>(queue: &mut VecDeque<T>, values: &[T]) {
    let longer = queue.len().checked_add(values.len());
    let has_room = longer.is_some_and(|longer| longer <= queue.capacity());
    debug_assert!(has_room, "room was made");
    if has_room {
        queue.extend(values);
    }
}

/// Takes out what is at `places`, as far as anything is; what is behind them moves up.
#[inline]
pub fn cut_queue<T>(queue: &mut VecDeque<T>, places: Range<usize>) {
    let (start, end) = (places.start, places.end.min(queue.len()));
    if start < end {
        queue.drain(start..end);
    }
}

/// What is at `places`, as far as anything is.
#[inline]
pub fn within<T>(queue: &VecDeque<T>, places: Range<usize>) -> impl Iterator<Item = &T> {
    let end = places.end.min(queue.len());
    queue.range(places.start.min(end)..end)
}

/// Takes out whatever is not to be kept; the rest stays in its order.
#[inline]
pub fn keep<T>(queue: &mut VecDeque<T>, mut is_kept: impl FnMut(&T) -> bool) {
    for _ in 0..queue.len() {
        if let Some(value) = queue.pop_front()
            && is_kept(&value)
        {
            put_back(queue, value);
        }
    }
}

/// Gives back the memory that `queue` does not use; where that takes memory that cannot be had, it stays.
pub fn trim_queue<T: Copy>(queue: &mut VecDeque<T>) {
    if queue.len() == queue.capacity() {
        return;
    }
    let mut smaller = Vec::new();
    if smaller.try_reserve_exact(queue.len()).is_ok() {
        let (first, second) = queue.as_slices();
        append(&mut smaller, first);
        append(&mut smaller, second);
        *queue = smaller.into();
    }
}

#[cfg(test)]
mod tests;
