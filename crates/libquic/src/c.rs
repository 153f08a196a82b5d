//! What C gives and takes: strings, bytes with a length, errno.
#![expect(unsafe_code, reason = "C gives pointers")]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::{ptr, slice};

/// A string of C.
///
/// # Safety
///
/// It is null or a string, and lives long enough.
pub(crate) unsafe fn text<'a>(string: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: as the caller says.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) }.to_bytes())
}

/// Bytes of C; none for null, unless there are to be none.
///
/// # Safety
///
/// There are `len` of them, and they live long enough.
pub(crate) unsafe fn bytes<'a>(data: *const c_void, len: usize) -> Option<&'a [u8]> {
    if len == 0 {
        return Some(&[]);
    }
    // SAFETY: as the caller says.
    (!data.is_null()).then(|| unsafe { slice::from_raw_parts(data.cast::<u8>(), len) })
}

/// Gives bytes to C: `*size` says how much room there is, then how many there are.
///
/// # Safety
///
/// `size` is null or can be read and written; `data` is null or has `*size` bytes.
pub(crate) unsafe fn give(value: &[u8], data: *mut c_void, size: *mut usize) -> c_int {
    // SAFETY: as the caller says.
    let Some(size) = (unsafe { size.as_mut() }) else {
        return -libc::EINVAL;
    };
    let room = std::mem::replace(size, value.len());
    if data.is_null() || value.is_empty() {
        return 0;
    }
    if room < value.len() {
        return -libc::ENOSPC;
    }
    // SAFETY: there is room for so many bytes, as was seen above, and the two do not overlap.
    unsafe { ptr::copy_nonoverlapping(value.as_ptr(), data.cast::<u8>(), value.len()) };
    0
}

pub(crate) fn path(name: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(name))
}

/// The result of a socket call as C has it: -1 and errno.
pub(crate) fn as_call(result: io::Result<usize>) -> isize {
    match result {
        Ok(len) => isize::try_from(len).unwrap_or(isize::MAX),
        Err(error) => {
            let number = error.raw_os_error().unwrap_or(libc::EIO);
            // SAFETY: it takes nothing.
            let errno = unsafe { libc::__errno_location() };
            // SAFETY: errno is this thread's own.
            unsafe { *errno = number };
            -1
        }
    }
}
