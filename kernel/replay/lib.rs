//! The script of `sim/replay`, played by the engine as it is built for the kernel, over the kernel's ciphers and memory. In: a seed; out:
//! the record, to the module around it. For tests: what ships has nothing of it.
#![no_std]
// As in the module, whose files these are.
#![feature(allocator_api)]
#![deny(unsafe_code)]

extern crate alloc;

#[path = "../src/ffi.rs"]
mod ffi;
#[path = "../src/memory.rs"]
mod memory;
#[path = "../src/platform.rs"]
mod platform;

use alloc::sync::Arc;
use core::ffi::c_int;

use inquic_platform::Platform;

/// Plays the script and gives the record to `inquic_replayed`; 0, or `-EINVAL`.
#[expect(unsafe_code, reason = "the module around it is C")]
#[unsafe(no_mangle)]
extern "C" fn inquic_replay(seed: u64) -> c_int {
    let home: Arc<dyn Platform> = Arc::new(platform::Kernel);
    let played = inquic_replay::play(&home, seed, &mut |bytes| {
        // SAFETY: `bytes` may be read from end to end.
        unsafe { inquic_replayed(bytes.as_ptr(), bytes.len()) }
    });
    match played {
        Ok(played) => {
            memory::say(format_args!("{played}"));
            0
        }
        Err(wrong) => {
            memory::say(format_args!("there should have been: {wrong}"));
            -EINVAL
        }
    }
}

#[expect(unsafe_code, reason = "the module around it is C")]
unsafe extern "C" {
    /// Takes the next bytes of the record.
    fn inquic_replayed(data: *const u8, len: usize);
}

const EINVAL: c_int = 22;
