//! CRYPTO frames of one level in, contiguous handshake bytes out; never more held than its bound.

use alloc::vec::Vec;

use inquic_wire::{Code, PeerError};

use crate::limits;
use crate::ranges::{Inserted, RangeSet};

/// The receiving half of one level.
#[derive(Default)]
pub(crate) struct CryptoReceive {
    /// Offset of the first byte that TLS has not taken.
    taken: u64,
    /// Bytes from `taken` on, with holes.
    bytes: Vec<u8>,
    /// Which offsets are there.
    have: RangeSet,
}

impl CryptoReceive {
    /// A CRYPTO frame came.
    pub(crate) fn on_crypto(&mut self, offset: u64, data: &[u8]) -> Result<(), PeerError> {
        let end = offset.saturating_add(data.len() as u64);
        if end <= self.taken || data.is_empty() {
            return Ok(());
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
        match self
            .have
            .insert(first, end.saturating_sub(1), limits::CRYPTO_GAPS)
        {
            Inserted::Full => return Err(EXCEEDED),
            Inserted::Known => return Ok(()),
            Inserted::New => {}
        }
        let room_end = usize::try_from(room_end).map_err(|_| EXCEEDED)?;
        if self.bytes.len() < room_end {
            self.bytes.resize(room_end, 0);
        }
        let start = room_end.saturating_sub(data.len());
        if let Some(place) = self.bytes.get_mut(start..room_end) {
            place.copy_from_slice(data);
        }
        Ok(())
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

    /// Gives contiguous bytes to TLS.
    pub(crate) fn take(&mut self, out: &mut [u8]) -> usize {
        let count = self.ready().min(out.len());
        for (place, byte) in out.iter_mut().zip(self.bytes.drain(..count)) {
            *place = byte;
        }
        self.taken = self.taken.saturating_add(count as u64);
        self.have.remove_below(self.taken);
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
        count
    }

    /// Bytes of memory behind it.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.bytes.capacity()
    }
}

const EXCEEDED: PeerError = PeerError::new(
    Code::CryptoBufferExceeded,
    "handshake messages beyond what is buffered",
)
.in_frame(0x06);

#[cfg(test)]
mod tests;
