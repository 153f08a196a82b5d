//! The kernel as a [`Platform`]: its randomness, hashes and ciphers, by the shim.
#![expect(unsafe_code, reason = "the shim is C")]

use alloc::boxed::Box;
use core::ffi::{c_int, c_void};
use core::ptr::{self, NonNull};

use inquic_platform::crypto::{HASH_LEN_MAX, IV_LEN, MASK_LEN, SAMPLE_LEN, TAG_LEN};
use inquic_platform::{
    CipherSuite, CryptoError, HeaderKey, KeySide, OpenJob, PacketKey, Platform, SealJob, Tails,
};

use crate::ffi::{self, Bytes, Packet};

/// What the kernel gives the engine.
pub(crate) struct Kernel;

/// An AEAD key of the shim, and its IV.
struct Aead {
    key: NonNull<c_void>,
    iv: [u8; IV_LEN],
}

/// A header protection key of the shim.
struct Mask(NonNull<c_void>);

// SAFETY: the shim lets one thread at a time use a key.
unsafe impl Send for Aead {}
// SAFETY: as above.
unsafe impl Sync for Aead {}
// SAFETY: the shim's header keys change nothing when they are used.
unsafe impl Send for Mask {}
// SAFETY: as above.
unsafe impl Sync for Mask {}

impl Platform for Kernel {
    fn random(&self, out: &mut [u8]) {
        // SAFETY: `out` may be written to from end to end.
        unsafe { ffi::inquic_random(out.as_mut_ptr(), out.len()) }
    }

    fn hmac(
        &self,
        suite: CipherSuite,
        key: &[u8],
        parts: &[&[u8]],
        out: &mut [u8; HASH_LEN_MAX],
    ) -> usize {
        let mut list = [const {
            Bytes {
                data: ptr::null(),
                len: 0,
            }
        }; PARTS];
        debug_assert!(
            parts.len() <= PARTS,
            "no derivation has more parts than there is room for"
        );
        if parts.len() > PARTS {
            return 0;
        }
        for (place, part) in list.iter_mut().zip(parts) {
            *place = Bytes {
                data: part.as_ptr(),
                len: part.len(),
            };
        }
        // SAFETY: every piece may be read from end to end, and `out` has room for the longest hash.
        let len = unsafe {
            ffi::inquic_hmac(
                number(suite),
                key.as_ptr(),
                key.len(),
                list.as_ptr(),
                parts.len(),
                out.as_mut_ptr(),
            )
        };
        usize::try_from(len).unwrap_or_default()
    }

    fn packet_key(
        &self,
        suite: CipherSuite,
        _: KeySide,
        key: &[u8],
        iv: &[u8; IV_LEN],
    ) -> Result<Box<dyn PacketKey>, CryptoError> {
        if key.len() != suite.key_len() {
            return Err(CryptoError::Misuse);
        }
        // SAFETY: the key may be read from end to end.
        let key = unsafe { ffi::inquic_aead_new(number(suite), key.as_ptr(), key.len()) };
        let key = NonNull::new(key).ok_or(CryptoError::Unavailable)?;
        Ok(boxed(Aead { key, iv: *iv })?)
    }

    fn header_key(
        &self,
        suite: CipherSuite,
        key: &[u8],
    ) -> Result<Box<dyn HeaderKey>, CryptoError> {
        if key.len() != suite.key_len() {
            return Err(CryptoError::Misuse);
        }
        // SAFETY: the key may be read from end to end.
        let key = unsafe { ffi::inquic_mask_new(number(suite), key.as_ptr(), key.len()) };
        let key = NonNull::new(key).ok_or(CryptoError::Unavailable)?;
        Ok(boxed(Mask(key))?)
    }
}

impl Aead {
    /// The packet as the shim takes it, if its offsets lie in order inside `buffer`.
    fn packet(
        &self,
        buffer: &mut [u8],
        (start, payload_at, end): (usize, usize, usize),
        number: u64,
        tail: &[u8],
    ) -> Option<Packet> {
        let packet = buffer.get_mut(start..end)?;
        let header = payload_at.checked_sub(start)?;
        let payload = packet.len().checked_sub(header)?.checked_sub(TAG_LEN)?;
        if packet.len() > PACKET_MAX || tail.len() > payload {
            return None;
        }
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        Some(Packet {
            data: packet.as_mut_ptr(),
            header: header as u32,
            payload: payload as u32,
            tail: tail.as_ptr(),
            tail_len: tail.len() as u32,
            nonce,
        })
    }
}

impl PacketKey for Aead {
    fn seal(
        &self,
        buffer: &mut [u8],
        jobs: &[SealJob],
        tails: &dyn Tails,
    ) -> Result<(), CryptoError> {
        for job in jobs {
            let tail = job.tail.bytes(tails)?;
            let offsets = (job.start, job.payload_at, job.end);
            let packet = self.packet(buffer, offsets, job.packet_number, tail);
            let packet = packet.ok_or(CryptoError::Misuse)?;
            // SAFETY: the packet lies inside `buffer`, and the tail may be read from end to end.
            match unsafe { ffi::inquic_aead_seal(self.key.as_ptr(), &raw const packet) } {
                0 => {}
                NO_MEMORY => return Err(CryptoError::Unavailable),
                _ => return Err(CryptoError::Misuse),
            }
        }
        Ok(())
    }

    fn open(&self, buffer: &mut [u8], jobs: &mut [OpenJob]) {
        for job in jobs {
            let offsets = (job.start, job.payload_at, job.end);
            let packet = self.packet(buffer, offsets, job.packet_number, &[]);
            job.opened = packet.is_some_and(|packet| {
                // SAFETY: the packet lies inside `buffer`.
                unsafe { ffi::inquic_aead_open(self.key.as_ptr(), &raw const packet) == 0 }
            });
        }
    }
}

impl HeaderKey for Mask {
    fn masks(&self, samples: &[[u8; SAMPLE_LEN]], masks: &mut [[u8; MASK_LEN]]) {
        for (samples, masks) in samples.chunks(MASKS).zip(masks.chunks_mut(MASKS)) {
            let count = samples.len().min(masks.len());
            // SAFETY: both are `count` long.
            let failed = unsafe {
                ffi::inquic_masks(
                    self.0.as_ptr(),
                    samples.as_ptr().cast(),
                    masks.as_mut_ptr().cast(),
                    count,
                )
            } != 0;
            if failed {
                // A zero mask leaves a packet number that no packet has.
                masks.fill([0; MASK_LEN]);
            }
        }
    }
}

impl Drop for Aead {
    fn drop(&mut self) {
        // SAFETY: nobody uses the key any more.
        unsafe { ffi::inquic_aead_free(self.key.as_ptr()) }
    }
}

impl Drop for Mask {
    fn drop(&mut self) {
        // SAFETY: nobody uses the key any more.
        unsafe { ffi::inquic_mask_free(self.0.as_ptr()) }
    }
}

/// A value in memory of its own, if there is some.
fn boxed<T>(value: T) -> Result<Box<T>, CryptoError> {
    Box::try_new(value).map_err(|_| CryptoError::Unavailable)
}

fn number(suite: CipherSuite) -> u32 {
    u32::from(suite.to_tls())
}

/// Parts that one HMAC is over: a label has five.
const PARTS: usize = 8;
/// Bytes of one packet: more than a UDP datagram.
const PACKET_MAX: usize = 1 << 16;
/// -ENOMEM of a cipher.
const NO_MEMORY: c_int = -12;
/// Masks that the shim makes at a time.
const MASKS: usize = 16;
