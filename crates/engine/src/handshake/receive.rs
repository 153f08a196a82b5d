//! CRYPTO frames of one level in, contiguous handshake bytes out; never more held than its bound.

use alloc::vec::Vec;

use inquic_platform::memory;
use inquic_wire::{Code, PeerError};

use crate::limits;
use crate::ranges::{Inserted, RangeSet};

/// The receiving half of one level.
#[derive(Default)]
pub(crate) struct CryptoReceive {
    /// Offset of the first byte that TLS has not taken.
    taken: u64,
    /// The bytes that are there from `taken` on, without the holes between them: what did not come costs nothing.
    bytes: Vec<u8>,
    /// Which offsets are there.
    have: RangeSet,
}

/// What became of a CRYPTO frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Its bytes are there.
    All,
    /// They would take more memory than the level may have. Nothing has changed.
    NoRoom,
    /// The home has no memory for them. Nothing has changed.
    NoMemory,
}

impl CryptoReceive {
    /// A CRYPTO frame came. What is held afterwards takes `room` bytes of memory at most.
    pub(crate) fn on_crypto(
        &mut self,
        offset: u64,
        data: &[u8],
        room: usize,
    ) -> Result<Kept, PeerError> {
        let end = offset.saturating_add(data.len() as u64);
        if end <= self.taken || data.is_empty() {
            return Ok(Kept::All);
        }
        let skip = self.taken.saturating_sub(offset);
        let first = offset.saturating_add(skip);
        let data = usize::try_from(skip)
            .ok()
            .and_then(|skip| data.get(skip..))
            .unwrap_or_default();
        let room_end = end.saturating_sub(self.taken);
        //= RFC 9000 §7.5: If an endpoint does not expand its buffer, it MUST close the connection with a
        //= CRYPTO_BUFFER_EXCEEDED error code.
        if room_end > limits::CRYPTO_BUFFER {
            return Err(EXCEEDED);
        }
        let last = end.saturating_sub(1);
        if !self.have.has_room() {
            return Ok(Kept::NoMemory);
        }
        let room = room.saturating_sub(self.have.allocated_bytes());
        match self.reserve(self.missing(first, last), room) {
            Kept::All => {}
            refused => return Ok(refused),
        }
        self.fill_holes(first, last, data);
        match self.have.insert(first, last, limits::CRYPTO_GAPS) {
            Inserted::Full => Err(EXCEEDED),
            Inserted::Known | Inserted::New => Ok(Kept::All),
        }
    }

    /// How many bytes of `first..=last` are not there.
    fn missing(&self, first: u64, last: u64) -> usize {
        let mut at = first;
        let mut missing = 0_u64;
        while at <= last {
            let stretch = self.have.stretch(at);
            let behind = stretch.last.min(last).saturating_add(1);
            if !stretch.is_known {
                missing = missing.saturating_add(behind.saturating_sub(at));
            }
            at = behind;
        }
        usize::try_from(missing).unwrap_or(usize::MAX)
    }

    /// Makes place for so many bytes more, in `room` bytes of memory.
    fn reserve(&mut self, more: usize, room: usize) -> Kept {
        let needed = self.bytes.len().saturating_add(more);
        let capacity = self.bytes.capacity();
        if needed <= capacity {
            return Kept::All;
        }
        // Doubling spares copies at first; a large buffer grows by no more than a packet may bring.
        let ample = capacity.saturating_add(capacity.min(STEP)).max(needed);
        let wanted = if ample <= room { ample } else { needed };
        if wanted > room {
            return Kept::NoRoom;
        }
        match self
            .bytes
            .try_reserve_exact(wanted.saturating_sub(self.bytes.len()))
        {
            Ok(()) => Kept::All,
            Err(_) => Kept::NoMemory,
        }
    }

    /// Puts those bytes of `first..=last` in that are not there yet.
    fn fill_holes(&mut self, first: u64, last: u64, mut data: &[u8]) {
        let mut at = first;
        let mut filled = 0_usize;
        while at <= last {
            let stretch = self.have.stretch(at);
            let until = stretch.last.min(last);
            let len = until.saturating_sub(at).saturating_add(1);
            let (piece, rest) = usize::try_from(len)
                .ok()
                .and_then(|len| data.split_at_checked(len))
                .unwrap_or_default();
            if !stretch.is_known {
                let below = usize::try_from(stretch.below).unwrap_or(usize::MAX);
                let place = below.saturating_add(filled).min(self.bytes.len());
                memory::append(&mut self.bytes, piece);
                let tail = self.bytes.get_mut(place..).unwrap_or_default();
                if piece.len() <= tail.len() {
                    tail.rotate_right(piece.len());
                }
                filled = filled.saturating_add(piece.len());
            }
            data = rest;
            at = until.saturating_add(1);
        }
    }

    /// Contiguous bytes that TLS can take now.
    pub(crate) fn ready(&self) -> usize {
        match self.have.first() {
            Some((first, last)) if first <= self.taken => {
                usize::try_from(last.saturating_add(1).saturating_sub(self.taken)).unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// The contiguous bytes that TLS could take now.
    pub(crate) fn prefix(&self) -> &[u8] {
        self.bytes.get(..self.ready()).unwrap_or_default()
    }

    /// Bytes that are there, contiguous or not.
    pub(crate) const fn held_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Gives contiguous bytes to TLS.
    pub(crate) fn take(&mut self, out: &mut [u8]) -> usize {
        let count = self.ready().min(out.len());
        let ready = self.bytes.get(..count).unwrap_or_default();
        for (place, byte) in out.iter_mut().zip(ready) {
            *place = *byte;
        }
        memory::cut(&mut self.bytes, 0..count);
        self.taken = self.taken.saturating_add(count as u64);
        self.have.remove_below(self.taken);
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
            self.have = RangeSet::default();
        }
        count
    }

    /// Bytes of memory behind it.
    pub(crate) const fn allocated_bytes(&self) -> usize {
        self.bytes
            .capacity()
            .saturating_add(self.have.allocated_bytes())
    }
}

/// Bytes by which a large buffer grows.
const STEP: usize = 4 * 1024;

/// What a peer is told that sends more than is kept.
pub(crate) const EXCEEDED: PeerError = PeerError::new(
    Code::CryptoBufferExceeded,
    "handshake messages beyond what is buffered",
)
.in_frame(0x06);

#[cfg(test)]
mod tests;
