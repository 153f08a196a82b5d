//! What the module checks when it is loaded with `prove=1`: that the kernel's ciphers do what the RFCs say.
#![expect(unsafe_code, reason = "the shim calls it by its name")]

use core::ffi::c_int;

use inquic_platform::conformance;

use crate::memory::say;
use crate::platform::Kernel;

/// Checks the platform; 0, or `-EINVAL`, which keeps the module from being loaded.
#[unsafe(no_mangle)]
extern "C" fn inquic_prove() -> c_int {
    match conformance::check(&Kernel) {
        Ok(()) => {
            say(format_args!("prove: packet protection is that of RFC 9001"));
            0
        }
        Err(wrong) => {
            say(format_args!("prove: this is not so: {wrong}"));
            -EINVAL
        }
    }
}

const EINVAL: c_int = 22;
