//! Lines for people: a level and a text in, the program's function called. Nothing is printed unless the program asks for it.
#![expect(unsafe_code, reason = "a function of C is called")]

use std::ffi::{CString, c_char, c_int};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};

/// A function of the program that takes lines.
pub(crate) type LogFunc = unsafe extern "C" fn(level: c_int, message: *const c_char);

/// Levels of syslog(3).
pub(crate) const ERROR: c_int = 3;
pub(crate) const DEBUG: c_int = 7;

/// Sets the least important level that is told; returns the one before.
pub(crate) fn set_level(level: c_int) -> c_int {
    LEVEL.swap(level, Ordering::Relaxed)
}

/// Sets who is told; returns who was before.
pub(crate) fn set_func(func: Option<LogFunc>) -> Option<LogFunc> {
    let mut current = FUNC
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    std::mem::replace(&mut *current, func)
}

/// Tells a line.
pub(crate) fn line(level: c_int, text: &str) {
    if level > LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let func = *FUNC
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let text = CString::new(text.replace('\0', "")).unwrap_or_default();
    if let Some(func) = func {
        // SAFETY: the program gave a function of this type, and the text lives until it returns.
        unsafe { func(level, text.as_ptr()) };
    }
}

static LEVEL: AtomicI32 = AtomicI32::new(5);
static FUNC: Mutex<Option<LogFunc>> = Mutex::new(None);
