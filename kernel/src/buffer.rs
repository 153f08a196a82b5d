//! Buffers of 64 KiB for trains of datagrams: taken for the length of a turn, and given back with the end of it.
#![expect(unsafe_code, reason = "the shim is C")]

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::slice;

use inquic_engine::limits;

use crate::ffi;

/// One buffer, with room for the longest train that the kernel joins. What is in it is what somebody wrote last. It begins where the
/// payload of a packet with a short header and a number of two bytes falls on a block of the cipher, and with datagrams of a whole
/// number of blocks every other payload does. Then no block lies in two pages, of which the kernel's ciphers make a copy.
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
        // SAFETY: it has so many bytes behind the gap, none of them without a value, and they are this one's alone.
        unsafe { slice::from_raw_parts(self.0.as_ptr().add(GAP), LEN - GAP) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above.
        unsafe { slice::from_raw_parts_mut(self.0.as_ptr().add(GAP), LEN - GAP) }
    }
}

/// Bytes of a buffer: `INQUIC_BUFFER` of the shim.
const LEN: usize = 64 * 1024;
/// Bytes of a block of every cipher but `ChaCha20`, whose bytes stand alone.
const BLOCK: usize = 16;
/// Bytes before the payload of most packets: the first byte, the connection id, the number.
const HEADER: usize = 1 + limits::LOCAL_CID_LEN + 2;
/// Bytes of a buffer before its first datagram.
const GAP: usize = HEADER.next_multiple_of(BLOCK) - HEADER;

const _: () = assert!(
    LEN - GAP >= limits::TRANSMIT_BYTES,
    "the longest train has room"
);
