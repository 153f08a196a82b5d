//! What the C shim offers, as `shim/shim.h` declares it.
#![expect(unsafe_code, reason = "the shim is C")]

use core::ffi::{c_int, c_void};

/// A piece of memory that is only read.
#[repr(C)]
pub(crate) struct Bytes {
    pub(crate) data: *const u8,
    pub(crate) len: usize,
}

/// A packet in one piece of memory: header, payload, 16 bytes of tag. The payload's last bytes may be at `tail`.
#[repr(C)]
pub(crate) struct Packet {
    pub(crate) data: *mut u8,
    pub(crate) header: u32,
    pub(crate) payload: u32,
    pub(crate) tail: *const u8,
    pub(crate) tail_len: u32,
    pub(crate) nonce: [u8; 12],
}

unsafe extern "C" {
    pub(crate) fn inquic_alloc(size: usize, align: usize) -> *mut u8;
    pub(crate) fn inquic_free(memory: *mut u8);
    pub(crate) fn inquic_random(out: *mut u8, len: usize);
    pub(crate) fn inquic_bug(text: *const u8, len: usize) -> !;
    pub(crate) fn inquic_say(text: *const u8, len: usize);

    pub(crate) fn inquic_hmac(
        suite: u32,
        key: *const u8,
        key_len: usize,
        parts: *const Bytes,
        count: usize,
        out: *mut u8,
    ) -> c_int;
    pub(crate) fn inquic_aead_new(suite: u32, key: *const u8, len: usize) -> *mut c_void;
    pub(crate) fn inquic_aead_free(key: *mut c_void);
    pub(crate) fn inquic_aead_seal(key: *mut c_void, packet: *const Packet) -> c_int;
    pub(crate) fn inquic_aead_open(key: *mut c_void, packet: *const Packet) -> c_int;
    pub(crate) fn inquic_mask_new(suite: u32, key: *const u8, len: usize) -> *mut c_void;
    pub(crate) fn inquic_mask_free(key: *mut c_void);
    pub(crate) fn inquic_masks(
        key: *mut c_void,
        samples: *const u8,
        masks: *mut u8,
        count: usize,
    ) -> c_int;
}
