//! The C library's functions behind the ones that are replaced here: a name in, the next function of that name out.
#![expect(unsafe_code, reason = "functions are found by name, as addresses")]

use core::ffi::{CStr, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// The next function of a name.
pub(crate) struct Next {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Next {
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            found: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The function, if there is one.
    ///
    /// # Safety
    ///
    /// `F` is the type of a C function, the one that has this name in the C library.
    pub(crate) unsafe fn function<F: Copy>(&self) -> Option<F> {
        let mut found = self.found.load(Ordering::Relaxed);
        if found.is_null() {
            // SAFETY: the name is a C string.
            found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
            self.found.store(found, Ordering::Relaxed);
        }
        if found.is_null() {
            return None;
        }
        // SAFETY: the caller promised that a function of this type is there, and such a type is an address.
        Some(unsafe { core::mem::transmute_copy(&found) })
    }
}
