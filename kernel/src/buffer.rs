//! Buffers of 64 KiB for trains of datagrams: taken for the length of a turn, and given back with the end of it.
#![expect(unsafe_code, reason = "the shim is C")]

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::slice;

use crate::ffi;

/// One buffer, as long as the longest train that the kernel joins. What is in it is what somebody wrote last.
pub(crate) struct Buffer(NonNull<u8>);

impl Buffer {
    /// A buffer, or none for want of memory.
    pub(crate) fn take() -> Option<Self> {
        // SAFETY: it is given back once.
        NonNull::new(unsafe { ffi::inquic_buffer_get(LEN) }).map(Self)
    }

    /// What is in the buffer is sent: the network may have it for longer, and then this becomes another one. None for want of memory.
    pub(crate) fn renew(self) -> Option<Self> {
        let buffer = self.0;
        core::mem::forget(self);
        // SAFETY: whichever comes of it is given back once.
        NonNull::new(unsafe { ffi::inquic_buffer_renew(buffer.as_ptr()) }).map(Self)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: it was taken with this length, and nobody has it any more.
        unsafe { ffi::inquic_buffer_put(self.0.as_ptr(), LEN) }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: it has so many bytes, none of them without a value, and they are this one's alone.
        unsafe { slice::from_raw_parts(self.0.as_ptr(), LEN) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above.
        unsafe { slice::from_raw_parts_mut(self.0.as_ptr(), LEN) }
    }
}

/// Bytes of a buffer: `INQUIC_BUFFER` of the shim.
const LEN: usize = 64 * 1024;
