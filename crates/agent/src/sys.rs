//! A descriptor that the kernel has put into this process comes in as a number and goes out as something that is closed.
#![expect(unsafe_code, reason = "the number of a descriptor is not proof of one")]

use std::os::fd::{FromRawFd, OwnedFd};

/// Takes the descriptor over; nothing for a number that none has.
///
/// # Safety
///
/// Nobody else in this process closes the descriptor.
pub(crate) unsafe fn take(number: i32) -> Option<OwnedFd> {
    if number < 0 {
        return None;
    }
    // SAFETY: the caller says that it is nobody's.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}
