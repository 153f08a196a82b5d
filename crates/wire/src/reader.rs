//! Reads numbers and bytes from a slice: in comes what a peer sent, out come values or [`Truncated`]. It never reads past the end.

use crate::error::Truncated;

/// A slice and how much of it has been read. A read that fails reads nothing.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    unread: &'a [u8],
    whole: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `bytes`.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            unread: bytes,
            whole: bytes.len(),
        }
    }

    /// A variable-length integer, in whatever length the sender chose. Errors: the bytes end too early.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, Truncated> {
        let &first = self.unread.first().ok_or(Truncated)?;
        // The first two bits tell the length; most numbers on the wire take one byte or two.
        match first >> 6 {
            0 => self.u8().map(u64::from),
            1 => Ok(u64::from(self.u16()? & 0x3fff)),
            2 => Ok(u64::from(self.u32()? & 0x3fff_ffff)),
            _ => Ok(self.u64()? & 0x3fff_ffff_ffff_ffff),
        }
    }

    /// One byte. Errors: none is left.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, Truncated> {
        let (&first, unread) = self.unread.split_first().ok_or(Truncated)?;
        self.unread = unread;
        Ok(first)
    }

    /// Two bytes, the high one first. Errors: fewer are left.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, Truncated> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes, the high one first. Errors: fewer are left.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, Truncated> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes, the high one first. Errors: fewer are left.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, Truncated> {
        self.array().map(u64::from_be_bytes)
    }

    /// The next `n` bytes. Errors: fewer are left.
    #[inline]
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], Truncated> {
        let (taken, unread) = self.unread.split_at_checked(n).ok_or(Truncated)?;
        self.unread = unread;
        Ok(taken)
    }

    /// A varint and as many bytes as it says. Errors: fewer are left.
    #[inline]
    pub fn varint_bytes(&mut self) -> Result<&'a [u8], Truncated> {
        let start = self.unread;
        let len = self.varint()?;
        let taken = usize::try_from(len)
            .map_err(|_| Truncated)
            .and_then(|len| self.bytes(len));
        if taken.is_err() {
            self.unread = start;
        }
        taken
    }

    /// The next `N` bytes. Errors: fewer are left.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let (taken, unread) = self.unread.split_first_chunk::<N>().ok_or(Truncated)?;
        self.unread = unread;
        Ok(*taken)
    }

    /// Takes all that is left.
    #[inline]
    pub const fn rest(&mut self) -> &'a [u8] {
        let rest = self.unread;
        self.unread = &[];
        rest
    }

    /// What is left, without taking it.
    #[inline]
    #[must_use]
    pub const fn peek(&self) -> &'a [u8] {
        self.unread
    }

    /// How many bytes are left.
    #[inline]
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.unread.len()
    }

    /// Whether nothing is left.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.unread.is_empty()
    }

    /// How many bytes have been read.
    #[inline]
    #[must_use]
    pub const fn position(&self) -> usize {
        self.whole.saturating_sub(self.unread.len())
    }
}

#[cfg(test)]
mod tests;
