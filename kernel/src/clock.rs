//! The kernel's monotonic clock.
#![expect(unsafe_code, reason = "the shim is C")]

use inquic_platform::Instant;

use crate::ffi;

/// The time since the machine was started.
pub(crate) fn now() -> Instant {
    // SAFETY: it reads a clock.
    Instant::from_nanos(unsafe { ffi::inquic_now() })
}
