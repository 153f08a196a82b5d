//! Packet protection: traffic secrets in, packets sealed and opened in place out. Keys never leave, and no key outlives its
//! limit (RFC 9001 §5, §6).

mod initial;
mod one_rtt;
mod schedule;

pub(crate) use initial::{initial_half, initial_keys, retry_tag};
pub(crate) use one_rtt::{OneRtt, Opening};
pub(crate) use schedule::Secret;

use alloc::boxed::Box;

use inquic_platform::crypto::{MASK_LEN, SAMPLE_LEN, TAG_LEN};
use inquic_platform::{
    CipherSuite, CryptoError, HeaderKey, KeySide, OpenJob, PacketKey, Platform, SealJob, Tails,
};
use inquic_wire::Version;

use schedule::Labels;

/// One direction's keys at one level.
pub(crate) struct DirectionKeys {
    pub(crate) packet: Box<dyn PacketKey>,
    pub(crate) header: Box<dyn HeaderKey>,
}

impl DirectionKeys {
    /// Derives key, IV and header key from a traffic secret (RFC 9001 §5.1).
    pub(crate) fn derive(
        platform: &dyn Platform,
        version: Version,
        suite: CipherSuite,
        side: KeySide,
        secret: &Secret,
    ) -> Result<Self, CryptoError> {
        let labels = Labels::of(version);
        Ok(Self {
            packet: schedule::packet_key(platform, labels, suite, side, secret)?,
            header: schedule::header_key(platform, labels, suite, secret)?,
        })
    }
}

/// The keys of the Initial or of the Handshake level, each direction from the moment it is installed.
#[derive(Default)]
pub(crate) struct LevelKeys {
    pub(crate) seal: Option<DirectionKeys>,
    pub(crate) open: Option<DirectionKeys>,
}

impl LevelKeys {
    /// Forgets both directions.
    pub(crate) fn discard(&mut self) {
        *self = Self::default();
    }
}

/// Seals a batch, whose packets may end with what `tails` has: AEAD first, then header protection (RFC 9001 §5.4.1).
pub(crate) fn seal(
    packet_key: &dyn PacketKey,
    header_key: &dyn HeaderKey,
    buffer: &mut [u8],
    jobs: &[SealJob],
    tails: &dyn Tails,
) -> Result<(), CryptoError> {
    //= RFC 9001 §9.5: For the sending of packets, construction and protection of packet payloads and packet numbers MUST be
    //= free from side channels that would reveal the packet number or its encoded size.
    packet_key.seal(buffer, jobs, tails)?;
    for chunk in jobs.chunks(MASKED_AT_ONCE) {
        let mut samples = [[0; SAMPLE_LEN]; MASKED_AT_ONCE];
        let mut masks = [[0; MASK_LEN]; MASKED_AT_ONCE];
        for (sample, job) in samples.iter_mut().zip(chunk) {
            *sample = sample_at(buffer, job.number_at).ok_or(CryptoError::Misuse)?;
        }
        let count = chunk.len();
        if let (Some(samples), Some(masks)) = (samples.get(..count), masks.get_mut(..count)) {
            header_key.masks(samples, masks);
        }
        for (mask, job) in masks.iter().zip(chunk) {
            let number_len = job.payload_at.saturating_sub(job.number_at);
            if let Some(first) = buffer.get_mut(job.start) {
                *first ^= mask_of_first(*first, mask);
            }
            let number = buffer.get_mut(job.number_at..job.payload_at);
            for (byte, mask) in number
                .into_iter()
                .flatten()
                .zip(mask.iter().skip(1))
                .take(number_len)
            {
                *byte ^= mask;
            }
        }
    }
    Ok(())
}

/// A packet whose header protection has been removed in place.
pub(crate) struct Unmasked {
    /// The first byte, in clear.
    pub(crate) first: u8,
    /// Bytes of the packet number on the wire.
    pub(crate) number_len: usize,
    /// The packet number as it was on the wire.
    pub(crate) truncated: u64,
}

/// Removes header protection in place with a mask made from the packet's sample (RFC 9001 §5.4.1).
pub(crate) fn unmask(
    buffer: &mut [u8],
    start: usize,
    number_at: usize,
    mask: &[u8; MASK_LEN],
) -> Option<Unmasked> {
    let first = buffer.get_mut(start)?;
    *first ^= mask_of_first(*first, mask);
    let first = *first;
    let number_len = usize::from(first & 0x03).saturating_add(1);
    let mut truncated = 0_u64;
    let number = buffer.get_mut(number_at..number_at.checked_add(number_len)?)?;
    for (byte, mask) in number.iter_mut().zip(mask.iter().skip(1)) {
        *byte ^= mask;
        truncated = truncated << 8 | u64::from(*byte);
    }
    Some(Unmasked {
        first,
        number_len,
        truncated,
    })
}

/// The sample for header protection: 16 bytes, four past where the packet number starts (RFC 9001 §5.4.2).
pub(crate) fn sample_at(buffer: &[u8], number_at: usize) -> Option<[u8; SAMPLE_LEN]> {
    buffer
        .get(number_at.checked_add(4)?..)?
        .first_chunk()
        .copied()
}

/// Opens one packet in place whose header is in clear; `true` when it was authentic.
pub(crate) fn open_one(key: &dyn PacketKey, buffer: &mut [u8], job: &mut OpenJob) -> bool {
    key.open(buffer, core::slice::from_mut(job));
    job.opened
}

/// Long headers hide four bits of the first byte, short headers five.
const fn mask_of_first(first: u8, mask: &[u8; MASK_LEN]) -> u8 {
    let [bits, ..] = *mask;
    if first & 0x80 == 0 {
        bits & 0x1f
    } else {
        bits & 0x0f
    }
}

const MASKED_AT_ONCE: usize = 16;
const _: () = assert!(
    TAG_LEN == SAMPLE_LEN,
    "a packet with four bytes behind its number can always be sampled"
);

#[cfg(test)]
mod tests;
