//! What the kernel has put into this process: the number of a descriptor comes in and goes out as something that is closed; the serial
//! number of a key comes in, and what the key is and holds goes out.
#![expect(
    unsafe_code,
    reason = "numbers of the kernel's, and room for what it writes"
)]

use std::ffi::c_long;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use zeroize::Zeroizing;

use crate::limits;

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

/// What a key is: its type, owner, group, rights and description, with semicolons between them.
///
/// # Errors
///
/// What the kernel says; `InvalidData` for what is too long.
pub(crate) fn describe_key(serial: i32) -> io::Result<Vec<u8>> {
    let mut text = keyctl(libc::KEYCTL_DESCRIBE, serial, limits::DESCRIPTION_BYTES)?;
    // It ends as a string of C does.
    text.pop_if(|last| *last == 0);
    Ok(text.to_vec())
}

/// What a key holds.
///
/// # Errors
///
/// What the kernel says; `InvalidData` for what is too long.
pub(crate) fn read_key(serial: i32) -> io::Result<Zeroizing<Vec<u8>>> {
    keyctl(libc::KEYCTL_READ, serial, limits::KEY_BYTES)
}

/// An operation of keyctl(2) that writes bytes, so many at the most.
fn keyctl(operation: u32, serial: i32, room: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0_u8; room]);
    // SAFETY: the kernel writes `room` bytes at the most, which are there.
    let len = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            c_long::from(operation),
            c_long::from(serial),
            bytes.as_mut_ptr(),
            room,
        )
    };
    let len = usize::try_from(len).map_err(|_| io::Error::last_os_error())?;
    if len > room {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    bytes.truncate(len);
    Ok(bytes)
}
