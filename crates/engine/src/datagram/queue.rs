//! Datagrams in a row of bytes: each behind its number and length, so that the empty ones cost something too. It holds
//! [`limits::DATAGRAM_QUEUE`] bytes and never one more.

use alloc::collections::VecDeque;

use inquic_platform::memory;

use crate::limits;

/// Datagrams in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    bytes: VecDeque<u8>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether a datagram of `len` bytes would be taken.
    pub(super) fn has_room(&self, len: usize) -> bool {
        self.bytes.len().saturating_add(Self::cost(len)) <= limits::DATAGRAM_QUEUE
    }

    /// Adds a datagram at the end; `false` when there is no room for it, or no memory.
    pub(super) fn push(&mut self, number: u64, data: &[u8]) -> bool {
        let Ok(len) = u16::try_from(data.len()) else {
            return false;
        };
        let needed = self.bytes.len().saturating_add(Self::cost(data.len()));
        // A power of two, so that growing never takes more than the bound, which is one.
        let more = needed.next_power_of_two().saturating_sub(self.bytes.len());
        let grows = needed > self.bytes.capacity();
        if needed > limits::DATAGRAM_QUEUE || grows && self.bytes.try_reserve_exact(more).is_err() {
            return false;
        }
        memory::append_back(&mut self.bytes, &number.to_be_bytes());
        memory::append_back(&mut self.bytes, &len.to_be_bytes());
        memory::append_back(&mut self.bytes, data);
        true
    }

    /// Number and length of the first datagram.
    pub(super) fn front(&self) -> Option<(u64, usize)> {
        let mut header = [0; HEADER];
        if self.bytes.len() < HEADER {
            return None;
        }
        for (place, byte) in header.iter_mut().zip(&self.bytes) {
            *place = *byte;
        }
        let (number, rest) = header.split_first_chunk()?;
        let len = u16::from_be_bytes(*rest.first_chunk()?);
        Some((u64::from_be_bytes(*number), len.into()))
    }

    /// Copies the first bytes of the first datagram.
    pub(super) fn copy_front(&self, out: &mut [u8]) {
        let (head, tail) = self.bytes.as_slices();
        let from_head = head.get(HEADER..).unwrap_or_default();
        let split = from_head.len().min(out.len());
        if let (Some((place, rest)), Some(from)) =
            (out.split_at_mut_checked(split), from_head.get(..split))
        {
            place.copy_from_slice(from);
            // The header itself may lie on both sides of the seam.
            let skip = HEADER.saturating_sub(head.len());
            let from = skip
                .checked_add(rest.len())
                .and_then(|end| tail.get(skip..end));
            if let Some(from) = from {
                rest.copy_from_slice(from);
            }
        }
    }

    /// Forgets the first datagram; `false` when there is none.
    pub(super) fn skip(&mut self) -> bool {
        let Some((_, len)) = self.front() else {
            return false;
        };
        let end = HEADER.saturating_add(len).min(self.bytes.len());
        memory::cut_queue(&mut self.bytes, 0..end);
        true
    }

    /// Bytes that a datagram of `len` bytes takes here.
    pub(super) const fn cost(len: usize) -> usize {
        HEADER.saturating_add(len)
    }

    /// Forgets the newest datagrams, which take so many bytes together; all of them, where there are fewer.
    pub(super) fn cut(&mut self, bytes: usize) {
        self.bytes.truncate(self.bytes.len().saturating_sub(bytes));
    }

    /// Gives unused memory back.
    pub(super) fn shrink(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = VecDeque::new();
        }
    }

    /// Whether it holds memory for nothing.
    pub(super) fn has_surplus(&self) -> bool {
        self.bytes.is_empty() && self.bytes.capacity() > 0
    }

    /// Memory held on the heap.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

/// A number and a length.
const HEADER: usize = 8 + 2;

const _: () = assert!(
    limits::DATAGRAM_QUEUE.is_power_of_two()
        && limits::DATAGRAM_QUEUE >= HEADER + limits::TRANSMIT_BYTES,
    "the longest datagram there is can be queued, and growth by doubling ends at the bound"
);
