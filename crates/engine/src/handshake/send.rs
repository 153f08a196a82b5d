//! Handshake bytes of TLS in, CRYPTO frames out, and again for what was lost.

use alloc::vec::Vec;

use inquic_platform::{NoMemory, memory};
use inquic_wire::Writer;
use inquic_wire::frame::{crypto_header_len, write_crypto_header};

use crate::limits;
use crate::ranges::{Inserted, RangeSet};

/// The sending half of one level.
#[derive(Default)]
pub(crate) struct CryptoSend {
    /// Offset of the first byte kept; all before it are acknowledged.
    base: u64,
    bytes: Vec<u8>,
    /// Offset of the first byte never sent.
    next: u64,
    lost: RangeSet,
    acknowledged: RangeSet,
}

/// A CRYPTO frame that was written.
pub(crate) struct SentCrypto {
    pub(crate) offset: u64,
    pub(crate) len: u16,
}

impl CryptoSend {
    /// TLS has more to say; `false`, and nothing is taken, when that would be more than is buffered.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<bool, NoMemory> {
        if self.bytes.len().saturating_add(bytes.len()) as u64 > limits::CRYPTO_BUFFER {
            return Ok(false);
        }
        if memory::appended(&mut self.bytes, bytes) {
            Ok(true)
        } else {
            Err(NoMemory)
        }
    }

    /// Whether there is something to send, first or again.
    pub(crate) fn wants_to_send(&self) -> bool {
        self.next < self.end() || !self.lost.is_empty()
    }

    /// Whether something was sent that the peer has not acknowledged.
    pub(crate) fn is_awaited(&self) -> bool {
        self.next > self.base
    }

    /// Writes one CRYPTO frame as large as fits; what was lost goes first.
    pub(crate) fn write_frame(&mut self, writer: &mut Writer<'_>) -> Option<SentCrypto> {
        let (offset, end) = match self.lost.first() {
            Some((first, last)) => (first.max(self.base), last.saturating_add(1)),
            None if self.next < self.end() => (self.next, self.end()),
            None => return None,
        };
        let wanted = usize::try_from(end.saturating_sub(offset)).ok()?;
        let room = writer
            .remaining()
            .checked_sub(crypto_header_len(offset, wanted))?;
        let len = wanted.min(room).min(usize::from(u16::MAX));
        if len == 0 {
            return None;
        }
        let start = usize::try_from(offset.checked_sub(self.base)?).ok()?;
        let data = self.bytes.get(start..start.checked_add(len)?)?;
        write_crypto_header(writer, offset, len).ok()?;
        writer.bytes(data).ok()?;
        let sent_end = offset.saturating_add(len as u64);
        if self.lost.is_empty() {
            self.next = sent_end;
        } else {
            self.lost.remove_below(sent_end);
        }
        Some(SentCrypto {
            offset,
            len: u16::try_from(len).ok()?,
        })
    }

    /// The peer has these bytes.
    pub(crate) fn on_acknowledged(&mut self, offset: u64, len: u16) {
        let end = offset.saturating_add(u64::from(len));
        if end <= self.base {
            // They were sent twice. Noted once more they would stand before what is acknowledged next.
            return;
        }
        let first = offset.max(self.base);
        self.acknowledged
            .insert(first, end.saturating_sub(1), usize::MAX);
        if let Some((first, last)) = self.acknowledged.first()
            && first == self.base
        {
            let end = last.saturating_add(1);
            let gone = usize::try_from(end.saturating_sub(self.base)).unwrap_or(usize::MAX);
            memory::cut(&mut self.bytes, 0..gone);
            self.base = end;
            // Where there was no memory to note what was lost, it may lie before what is gone.
            self.next = self.next.max(end);
            self.acknowledged.remove_below(end);
            self.lost.remove_below(end);
        }
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
    }

    /// These bytes were lost, or are to be sent again in a probe.
    pub(crate) fn on_lost(&mut self, offset: u64, len: u16) {
        let end = offset.saturating_add(u64::from(len));
        if end <= self.base {
            return;
        }
        let first = offset.max(self.base);
        let noted = self.lost.insert(first, end.saturating_sub(1), usize::MAX);
        if noted == Inserted::Full {
            // There is no memory to note which bytes: all from there on go again.
            self.next = self.next.min(first);
        }
    }

    /// The first bytes that the peer has not acknowledged go again, so many at most.
    pub(crate) fn repeat(&mut self, most: usize) {
        let open = self.next.saturating_sub(self.base).min(most as u64);
        self.on_lost(self.base, u16::try_from(open).unwrap_or(u16::MAX));
    }

    fn end(&self) -> u64 {
        self.base.saturating_add(self.bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests;
