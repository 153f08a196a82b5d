//! Writes numbers and bytes into a slice: in come values, out come bytes or [`Full`]. It never writes past the end, nor half a value.

use crate::{
    error::Full,
    varint::{VARINT_MAX, varint_len},
};

/// A slice and how much of it has been written. A write that does not fit writes nothing.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    // Never above the length of `buffer`.
    at: usize,
}

impl<'a> Writer<'a> {
    /// Starts at the first byte of `buffer`.
    #[inline]
    #[must_use]
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, at: 0 }
    }

    /// A number in its shortest encoding. Errors: it does not fit, or is above [`VARINT_MAX`].
    #[inline]
    pub fn varint(&mut self, value: u64) -> Result<(), Full> {
        self.varint_sized(value, varint_len(value))
    }

    /// A number in an encoding of 1, 2, 4 or 8 bytes. Errors: it does not fit, in the buffer or in that length.
    #[inline]
    pub fn varint_sized(&mut self, value: u64, len: usize) -> Result<(), Full> {
        match (len, value) {
            (1, 0..=0x3f) => self.u8(value as u8),
            (2, 0..=0x3fff) => self.u16(value as u16 | 0x4000),
            (4, 0..=0x3fff_ffff) => self.u32(value as u32 | 0x8000_0000),
            (8, 0..=VARINT_MAX) => self.u64(value | 0xc000_0000_0000_0000),
            _ => Err(Full),
        }
    }

    /// One byte. Errors: it does not fit.
    #[inline]
    pub fn u8(&mut self, value: u8) -> Result<(), Full> {
        self.array([value])
    }

    /// Two bytes, the high one first. Errors: they do not fit.
    #[inline]
    pub fn u16(&mut self, value: u16) -> Result<(), Full> {
        self.array(value.to_be_bytes())
    }

    /// Four bytes, the high one first. Errors: they do not fit.
    #[inline]
    pub fn u32(&mut self, value: u32) -> Result<(), Full> {
        self.array(value.to_be_bytes())
    }

    /// Eight bytes, the high one first. Errors: they do not fit.
    #[inline]
    pub fn u64(&mut self, value: u64) -> Result<(), Full> {
        self.array(value.to_be_bytes())
    }

    /// These bytes. Errors: they do not fit.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.reserve(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// The length of these bytes as a varint, then the bytes. Errors: both together do not fit.
    #[inline]
    pub fn varint_bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.whole(|w| {
            w.varint(bytes.len() as u64)?;
            w.bytes(bytes)
        })
    }

    /// `n` bytes of zero. Errors: they do not fit.
    #[inline]
    pub fn zeros(&mut self, n: usize) -> Result<(), Full> {
        self.reserve(n)?.fill(0);
        Ok(())
    }

    /// Gives the next `n` bytes to fill, and counts them as written. What they hold is not defined until they are
    /// filled. Errors: fewer are left.
    #[inline]
    pub fn reserve(&mut self, n: usize) -> Result<&mut [u8], Full> {
        let end = self.at.checked_add(n).ok_or(Full)?;
        let bytes = self.buffer.get_mut(self.at..end).ok_or(Full)?;
        self.at = end;
        Ok(bytes)
    }

    /// Writes over bytes written before. Errors: they are not all written yet.
    #[inline]
    pub fn patch(&mut self, at: usize, bytes: &[u8]) -> Result<(), Full> {
        let end = at.checked_add(bytes.len()).ok_or(Full)?;
        if end > self.at {
            return Err(Full);
        }
        self.buffer
            .get_mut(at..end)
            .ok_or(Full)?
            .copy_from_slice(bytes);
        Ok(())
    }

    /// How many bytes have been written.
    #[inline]
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// How many bytes still fit.
    #[inline]
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.buffer.len().saturating_sub(self.at)
    }

    /// What has been written.
    #[inline]
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.buffer.get(..self.at).unwrap_or_default()
    }

    /// Runs `write`; when any part of it does not fit, none of it counts as written.
    #[inline]
    pub(crate) fn whole<T>(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<T, Full>,
    ) -> Result<T, Full> {
        let start = self.at;
        let done = write(self);
        if done.is_err() {
            self.at = start;
        }
        done
    }

    #[inline]
    fn array<const N: usize>(&mut self, bytes: [u8; N]) -> Result<(), Full> {
        let place = self
            .buffer
            .get_mut(self.at..)
            .and_then(|free| free.first_chunk_mut::<N>())
            .ok_or(Full)?;
        *place = bytes;
        // The chunk was inside the buffer, so this does not saturate.
        self.at = self.at.saturating_add(N);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
