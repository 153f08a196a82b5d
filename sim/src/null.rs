//! A platform whose ciphers change nothing: what a fuzzer alters in a packet reaches the frames. Keys still differ, so a
//! packet of another level or key phase does not open. For fuzzing and simulation only.

use std::sync::atomic::{AtomicU64, Ordering};

use inquic_platform::crypto::{HASH_LEN_MAX, IV_LEN, MASK_LEN, SAMPLE_LEN, TAG_LEN};
use inquic_platform::{
    AeadLimits, CipherSuite, CryptoError, HeaderKey, KeySide, OpenJob, PacketKey, Platform,
    SealJob, Tails,
};

use crate::Rng;

/// A [`Platform`] without secrets. Its randomness follows from a seed.
#[derive(Debug)]
pub struct NullCipher {
    state: AtomicU64,
    limits: Option<AeadLimits>,
}

/// Payloads stay as they are; the tag names the key.
struct NullPacketKey([u8; TAG_LEN]);

struct NullHeaderKey;

impl NullCipher {
    /// A platform for one seed.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
            limits: None,
        }
    }

    /// The same with keys that wear out soon.
    #[must_use]
    pub const fn with_limits(seed: u64, limits: AeadLimits) -> Self {
        Self {
            state: AtomicU64::new(seed),
            limits: Some(limits),
        }
    }
}

impl Platform for NullCipher {
    fn random(&self, out: &mut [u8]) {
        let mut rng = Rng::new(
            self.state
                .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed),
        );
        rng.fill(out);
    }

    fn hmac(
        &self,
        suite: CipherSuite,
        key: &[u8],
        parts: &[&[u8]],
        out: &mut [u8; HASH_LEN_MAX],
    ) -> usize {
        // FNV-1a: a different input gives a different output, and that is all that is asked of it here.
        let hash = [key]
            .iter()
            .chain(parts)
            .copied()
            .flatten()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        let mut rng = Rng::new(hash);
        rng.fill(out);
        suite.hash_len()
    }

    fn packet_key(
        &self,
        _suite: CipherSuite,
        _side: KeySide,
        key: &[u8],
        _iv: &[u8; IV_LEN],
    ) -> Result<Box<dyn PacketKey>, CryptoError> {
        let mark = key.first_chunk().copied().ok_or(CryptoError::Misuse)?;
        Ok(Box::new(NullPacketKey(mark)))
    }

    fn header_key(
        &self,
        _suite: CipherSuite,
        _key: &[u8],
    ) -> Result<Box<dyn HeaderKey>, CryptoError> {
        Ok(Box::new(NullHeaderKey))
    }

    fn aead_limits(&self, suite: CipherSuite) -> AeadLimits {
        self.limits.unwrap_or_else(|| suite.aead_limits())
    }
}

impl PacketKey for NullPacketKey {
    fn seal(
        &self,
        buffer: &mut [u8],
        jobs: &[SealJob],
        tails: &dyn Tails,
    ) -> Result<(), CryptoError> {
        for job in jobs {
            job.put_tail(buffer, tails)?;
            let packet = buffer
                .get_mut(job.payload_at..job.end)
                .ok_or(CryptoError::Misuse)?;
            *packet.last_chunk_mut().ok_or(CryptoError::Misuse)? = self.0;
        }
        Ok(())
    }

    fn open(&self, buffer: &mut [u8], jobs: &mut [OpenJob]) {
        for job in jobs {
            let packet = buffer.get(job.payload_at..job.end);
            job.opened = packet.and_then(|packet| packet.last_chunk()) == Some(&self.0);
        }
    }
}

impl HeaderKey for NullHeaderKey {
    fn masks(&self, _samples: &[[u8; SAMPLE_LEN]], masks: &mut [[u8; MASK_LEN]]) {
        masks.fill([0; MASK_LEN]);
    }
}
