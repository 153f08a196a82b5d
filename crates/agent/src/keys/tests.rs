use std::ffi::CString;

use super::*;

/// Puts a key into this process's own keyring.
#[expect(unsafe_code, reason = "add_key() has no other interface")]
pub(crate) fn add(kind: &str, description: &str, payload: &[u8]) -> i32 {
    let of = |text: &str| CString::new(text).expect("no null in it");
    let (kind, description) = (of(kind), of(description));
    // SAFETY: strings and bytes that live until it returns.
    let serial = unsafe {
        libc::syscall(
            libc::SYS_add_key,
            kind.as_ptr(),
            description.as_ptr(),
            payload.as_ptr(),
            payload.len(),
            libc::KEY_SPEC_PROCESS_KEYRING,
        )
    };
    i32::try_from(serial)
        .ok()
        .filter(|serial| *serial > 0)
        .expect("a key")
}

#[test]
fn a_keys_description_is_its_identity() {
    let serial = add("user", "inquic;with semicolons", &[7; 32]);
    let key = shared(serial).expect("a key");
    assert_eq!(key.identity(), b"inquic;with semicolons");
}

#[test]
fn a_key_that_is_too_short_is_refused() {
    let serial = add("user", "inquic:short", &[7; 15]);
    let (errno, why) = shared(serial).expect_err("refused");
    assert_eq!(errno, Errno::KEYREJECTED);
    assert!(why.contains("16 to 1024 bytes"), "{why}");
}

#[test]
fn a_key_that_may_not_be_read_is_refused() {
    let serial = add("logon", "inquic:logon", &[7; 32]);
    let (errno, why) = shared(serial).expect_err("refused");
    assert_eq!(errno, Errno::KEYREJECTED, "{why}");
}

#[test]
fn a_key_that_there_is_not_is_enokey() {
    let (errno, why) = shared(i32::MAX).expect_err("refused");
    assert_eq!(errno, Errno::NOKEY, "{why}");
}
