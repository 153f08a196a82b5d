//! A home's cryptography with random bytes that a seed determines.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use inquic_platform::crypto::{HASH_LEN_MAX, IV_LEN};
use inquic_platform::{CipherSuite, CryptoError, HeaderKey, KeySide, PacketKey, Platform};

use crate::rng::{GOLDEN, mix};

/// Everything but randomness is the home's.
pub(crate) struct Seeded {
    home: Arc<dyn Platform>,
    state: AtomicU64,
}

impl Seeded {
    pub(crate) fn on(home: &Arc<dyn Platform>, seed: u64) -> Arc<dyn Platform> {
        Arc::new(Self {
            home: home.clone(),
            state: AtomicU64::new(seed),
        })
    }
}

impl Platform for Seeded {
    fn random(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(size_of::<u64>()) {
            let number = mix(self.state.fetch_add(GOLDEN, Ordering::Relaxed));
            for (byte, random) in chunk.iter_mut().zip(number.to_le_bytes()) {
                *byte = random;
            }
        }
    }

    fn hmac(
        &self,
        suite: CipherSuite,
        key: &[u8],
        parts: &[&[u8]],
        out: &mut [u8; HASH_LEN_MAX],
    ) -> usize {
        self.home.hmac(suite, key, parts, out)
    }

    fn packet_key(
        &self,
        suite: CipherSuite,
        side: KeySide,
        key: &[u8],
        iv: &[u8; IV_LEN],
    ) -> Result<Box<dyn PacketKey>, CryptoError> {
        self.home.packet_key(suite, side, key, iv)
    }

    fn header_key(
        &self,
        suite: CipherSuite,
        key: &[u8],
    ) -> Result<Box<dyn HeaderKey>, CryptoError> {
        self.home.header_key(suite, key)
    }
}
