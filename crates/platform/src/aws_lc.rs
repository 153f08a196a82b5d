//! aws-lc as a [`Platform`]: key bytes and packets come in, protected packets go out. It keeps no key that it gave away, reads
//! no clock and never lets a key's bytes out again.

mod ccm;

use alloc::boxed::Box;
use core::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::crypto::{
    CipherSuite, CryptoError, HASH_LEN_MAX, HeaderKey, IV_LEN, KeySide, MASK_LEN, OpenJob,
    PacketKey, Platform, SAMPLE_LEN, SealJob, TAG_LEN, Tails,
};

/// Randomness, hashes and packet protection by aws-lc, for every home in user space.
#[derive(Debug)]
pub struct AwsLc {
    source: Source,
}

/// Where random bytes come from.
#[derive(Debug)]
enum Source {
    /// The process's generator, which aws-lc seeds from the system and keeps per thread.
    System(SystemRandom),
    /// A sequence that its seed determines, for simulation: the same seed gives the same run.
    Seeded(AtomicU64),
}

/// An AEAD key and its IV: 40 bytes here and 592 that aws-lc allocates, for each of the three suites.
struct AwsLcPacketKey {
    key: LessSafeKey,
    iv: [u8; IV_LEN],
}

/// A header protection key: 504 bytes, none elsewhere.
struct AwsLcHeaderKey(quic::HeaderProtectionKey);

impl AwsLc {
    /// A platform whose randomness nobody can predict.
    #[must_use]
    pub fn new() -> Self {
        Self {
            source: Source::System(SystemRandom::new()),
        }
    }

    /// A platform whose randomness follows from `seed`: for tests and simulation only, since anybody can predict it.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self {
            source: Source::Seeded(AtomicU64::new(seed)),
        }
    }
}

impl AwsLcPacketKey {
    fn nonce(&self, packet_number: u64) -> Nonce {
        Nonce::assume_unique_for_key(nonce(&self.iv, packet_number))
    }
}

//= RFC 9001 §5.3: The exclusive OR of the padded packet number and the IV forms the AEAD nonce.
fn nonce(iv: &[u8; IV_LEN], packet_number: u64) -> [u8; IV_LEN] {
    let mut nonce = *iv;
    let (_, low) = nonce.split_at_mut(IV_LEN - size_of::<u64>());
    for (byte, number) in low.iter_mut().zip(packet_number.to_be_bytes()) {
        *byte ^= number;
    }
    nonce
}

impl Default for AwsLc {
    fn default() -> Self {
        Self::new()
    }
}

impl Platform for AwsLc {
    fn random(&self, out: &mut [u8]) {
        match &self.source {
            // There is no honest way on from here: whatever the caller would do with predictable bytes is worse.
            Source::System(random) => random
                .fill(out)
                .expect("the system's random number generator failed"),
            Source::Seeded(state) => {
                for chunk in out.chunks_mut(size_of::<u64>()) {
                    let number = mix(state.fetch_add(GOLDEN, Ordering::Relaxed));
                    for (byte, random) in chunk.iter_mut().zip(number.to_le_bytes()) {
                        *byte = random;
                    }
                }
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
        let algorithm = match suite {
            CipherSuite::Aes128GcmSha256
            | CipherSuite::ChaCha20Poly1305Sha256
            | CipherSuite::Aes128CcmSha256 => hmac::HMAC_SHA256,
            CipherSuite::Aes256GcmSha384 => hmac::HMAC_SHA384,
        };
        let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, key));
        for part in parts {
            context.update(part);
        }
        let tag = context.sign();
        for (byte, of_tag) in out.iter_mut().zip(tag.as_ref()) {
            *byte = *of_tag;
        }
        tag.as_ref().len()
    }

    fn packet_key(
        &self,
        suite: CipherSuite,
        _side: KeySide,
        key: &[u8],
        iv: &[u8; IV_LEN],
    ) -> Result<Box<dyn PacketKey>, CryptoError> {
        let algorithm = match suite {
            CipherSuite::Aes128GcmSha256 => &aead::AES_128_GCM,
            CipherSuite::Aes256GcmSha384 => &aead::AES_256_GCM,
            CipherSuite::ChaCha20Poly1305Sha256 => &aead::CHACHA20_POLY1305,
            CipherSuite::Aes128CcmSha256 => return ccm::packet_key(key, iv),
        };
        let key = UnboundKey::new(algorithm, key).map_err(|_| refused(suite, key))?;
        let key = LessSafeKey::new(key);
        Ok(Box::new(AwsLcPacketKey { key, iv: *iv }))
    }

    fn header_key(
        &self,
        suite: CipherSuite,
        key: &[u8],
    ) -> Result<Box<dyn HeaderKey>, CryptoError> {
        let algorithm = match suite {
            CipherSuite::Aes128GcmSha256 | CipherSuite::Aes128CcmSha256 => &quic::AES_128,
            CipherSuite::Aes256GcmSha384 => &quic::AES_256,
            CipherSuite::ChaCha20Poly1305Sha256 => &quic::CHACHA20,
        };
        let key =
            quic::HeaderProtectionKey::new(algorithm, key).map_err(|_| refused(suite, key))?;
        Ok(Box::new(AwsLcHeaderKey(key)))
    }
}

impl PacketKey for AwsLcPacketKey {
    fn seal(
        &self,
        buffer: &mut [u8],
        jobs: &[SealJob],
        tails: &dyn Tails,
    ) -> Result<(), CryptoError> {
        for job in jobs {
            let tail = job.tail.bytes(tails)?;
            let packet = Parts::of(buffer, (job.start, job.payload_at, job.end), tail.len());
            let packet = packet.ok_or(CryptoError::Misuse)?;
            self.key
                .seal_in_place_scatter(
                    self.nonce(job.packet_number),
                    Aad::from(&*packet.header),
                    packet.payload,
                    tail,
                    packet.tag,
                )
                .map_err(|_| CryptoError::Misuse)?;
        }
        Ok(())
    }

    fn open(&self, buffer: &mut [u8], jobs: &mut [OpenJob]) {
        for job in jobs {
            // The tag goes in apart from the payload: on failure aws-lc wipes what it was given to write to, and the tag
            // may be a stateless reset token.
            let packet = Parts::of(buffer, (job.start, job.payload_at, job.end), 0);
            job.opened = packet.is_some_and(|packet| {
                let nonce = self.nonce(job.packet_number);
                let header = Aad::from(&*packet.header);
                self.key
                    .open_in_place_separate_tag(nonce, header, packet.tag, packet.payload)
                    .is_ok()
            });
        }
    }
}

impl HeaderKey for AwsLcHeaderKey {
    fn masks(&self, samples: &[[u8; SAMPLE_LEN]], masks: &mut [[u8; MASK_LEN]]) {
        for (sample, mask) in samples.iter().zip(masks) {
            // It fails only for a sample of another length. A zero mask leaves a packet number that no packet has.
            *mask = self.0.new_mask(sample).unwrap_or_default();
        }
    }
}

/// One packet's three parts, in one buffer.
struct Parts<'a> {
    header: &'a mut [u8],
    /// The payload as far as it is here.
    payload: &'a mut [u8],
    /// Where the rest of the payload and the tag go.
    tag: &'a mut [u8],
}

impl<'a> Parts<'a> {
    /// The parts, or nothing when the offsets do not lie in order inside `buffer`. The payload's last `tail` bytes are not here.
    fn of(
        buffer: &'a mut [u8],
        (start, payload_at, end): (usize, usize, usize),
        tail: usize,
    ) -> Option<Self> {
        let packet = buffer.get_mut(start..end)?;
        let (header, rest) = packet.split_at_mut_checked(payload_at.checked_sub(start)?)?;
        let here = rest.len().checked_sub(TAG_LEN)?.checked_sub(tail)?;
        let (payload, tag) = rest.split_at_mut_checked(here)?;
        Some(Self {
            header,
            payload,
            tag,
        })
    }
}

/// Why aws-lc did not take a key.
const fn refused(suite: CipherSuite, key: &[u8]) -> CryptoError {
    if key.len() == suite.key_len() {
        CryptoError::Unavailable
    } else {
        CryptoError::Misuse
    }
}

/// The output function of SplitMix64: every bit of the state reaches every bit of the result.
const fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// The step of SplitMix64: 2^64 over the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

const _: () = assert!(size_of::<AwsLcPacketKey>() <= 40);
const _: () = assert!(size_of::<AwsLcHeaderKey>() <= 504);

#[cfg(test)]
mod tests;
