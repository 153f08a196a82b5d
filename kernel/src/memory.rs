//! The kernel's memory for Rust's collections, and what happens when Rust has no way on: a line in the log, then BUG().
#![expect(unsafe_code, reason = "the shim is C")]

use core::alloc::{GlobalAlloc, Layout};
use core::fmt::{self, Write};
use core::panic::PanicInfo;

use crate::ffi;

struct Kernel;

// SAFETY: the shim gives memory of the size and alignment it is asked for, or null, and takes back what it gave.
unsafe impl GlobalAlloc for Kernel {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the size is not 0, as the caller promises.
        unsafe { ffi::inquic_alloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the memory is the shim's, as the caller promises.
        unsafe { ffi::inquic_free(memory, layout.size()) }
    }
}

#[global_allocator]
static KERNEL: Kernel = Kernel;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let line = Line::of(format_args!("{info}"));
    // SAFETY: the line is `len` bytes.
    unsafe { ffi::inquic_bug(line.bytes.as_ptr(), line.len) }
}

/// Whether sockets have taken all that they may together: net.quic.quic_mem.
pub(crate) fn is_full() -> bool {
    // SAFETY: it reads a counter.
    unsafe { ffi::inquic_memory_full() }
}

/// Writes one line to the kernel's log.
pub(crate) fn say(text: fmt::Arguments<'_>) {
    let line = Line::of(text);
    // SAFETY: the line is `len` bytes.
    unsafe { ffi::inquic_say(line.bytes.as_ptr(), line.len) }
}

/// A line for the log, cut where it is too long: it needs no memory.
struct Line {
    bytes: [u8; 200],
    len: usize,
}

impl Line {
    fn of(text: fmt::Arguments<'_>) -> Self {
        let mut line = Self {
            bytes: [0; 200],
            len: 0,
        };
        // What does not fit is left out.
        let _ = line.write_fmt(text);
        line
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (place, byte) in self.bytes.iter_mut().skip(self.len).zip(text.bytes()) {
            *place = byte;
            self.len += 1;
        }
        Ok(())
    }
}
