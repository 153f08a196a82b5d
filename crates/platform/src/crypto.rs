//! Packet protection as a home offers it: keys as objects, packets sealed and opened in batches.
//!
//! The engine lays packets out in one buffer and describes them by offsets; a home turns a whole batch in one call. What a packet
//! ends with may lie elsewhere, and is then sealed from there into the buffer. Keys come in as bytes and never go out again.

use alloc::boxed::Box;
use core::ops::Range;

/// The TLS 1.3 cipher suites whose AEADs protect packets (RFC 9001 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CipherSuite {
    /// TLS_AES_128_GCM_SHA256 (0x1301).
    Aes128GcmSha256,
    /// TLS_AES_256_GCM_SHA384 (0x1302).
    Aes256GcmSha384,
    /// TLS_CHACHA20_POLY1305_SHA256 (0x1303).
    ChaCha20Poly1305Sha256,
    /// TLS_AES_128_CCM_SHA256 (0x1304). Slower than the others and soon worn out: for peers that have nothing else.
    Aes128CcmSha256,
}

/// Which half of the traffic a key serves: what we send is sealed, what we receive is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySide {
    /// Packets that this end receives.
    Open,
    /// Packets that this end sends.
    Seal,
}

/// How often keys may be used before they are given up (RFC 9001 §6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AeadLimits {
    /// Packets sealed with one key.
    pub confidentiality: u64,
    /// Packets that failed to open, over all keys of a connection.
    pub integrity: u64,
}

/// The home could not do what was asked of its cryptography.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptoError {
    /// The suite is not offered here, or memory for the key or for the work could not be had.
    Unavailable,
    /// A key of the wrong length, or offsets that do not lie inside the buffer.
    Misuse,
}

/// One packet to seal. Offsets count from the start of the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealJob {
    /// First byte of the packet's header.
    pub start: usize,
    /// First byte of the packet number, in clear; one to four bytes follow up to `payload_at`.
    pub number_at: usize,
    /// First byte of the payload.
    pub payload_at: usize,
    /// One past the last byte of the packet, its 16-byte tag included.
    pub end: usize,
    /// The full packet number, for the nonce.
    pub packet_number: u64,
    /// The last bytes of the payload, where they are not in the buffer yet.
    pub tail: Tail,
}

/// The last bytes of a payload, which lie elsewhere than the rest: whose they are, and which of them. Only [`Tails`] reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Whose bytes.
    pub owner: u32,
    /// How many; 0 where the whole payload is in the buffer.
    pub len: u16,
    /// The first of them.
    pub offset: u64,
}

/// Who has the bytes of tails.
pub trait Tails {
    /// The bytes of `tail`, `tail.len` of them.
    fn tail(&self, tail: Tail) -> Option<&[u8]>;
}

/// For packets that are in the buffer from end to end.
#[derive(Clone, Copy, Debug)]
pub struct NoTails;

/// One packet to open, its header protection removed already. Offsets count from the start of the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenJob {
    /// First byte of the packet's header.
    pub start: usize,
    /// First byte of the protected payload.
    pub payload_at: usize,
    /// One past the last byte of the packet, its 16-byte tag included.
    pub end: usize,
    /// The full packet number, for the nonce.
    pub packet_number: u64,
    /// Set by the home: whether the packet was authentic. Its plain payload is then [`OpenJob::payload`].
    pub opened: bool,
}

impl Tail {
    /// None: the whole payload is in the buffer.
    pub const NONE: Self = Self {
        owner: 0,
        len: 0,
        offset: 0,
    };

    /// Its bytes.
    ///
    /// # Errors
    ///
    /// [`CryptoError::Misuse`] when nobody has them, or not as many.
    pub fn bytes(self, tails: &dyn Tails) -> Result<&[u8], CryptoError> {
        if self.len == 0 {
            return Ok(&[]);
        }
        let bytes = tails.tail(self);
        let bytes = bytes.filter(|bytes| bytes.len() == usize::from(self.len));
        bytes.ok_or(CryptoError::Misuse)
    }
}

impl Tails for NoTails {
    fn tail(&self, _: Tail) -> Option<&[u8]> {
        None
    }
}

impl SealJob {
    /// Nothing to seal yet.
    pub const NONE: Self = Self {
        start: 0,
        number_at: 0,
        payload_at: 0,
        end: 0,
        packet_number: 0,
        tail: Tail::NONE,
    };

    /// Copies the tail into its place in the buffer, for a key that seals in place only.
    ///
    /// # Errors
    ///
    /// [`CryptoError::Misuse`] when the packet does not lie inside `buffer`, or nobody has the tail.
    pub fn put_tail(&self, buffer: &mut [u8], tails: &dyn Tails) -> Result<(), CryptoError> {
        let tail = self.tail.bytes(tails)?;
        if tail.is_empty() {
            return Ok(());
        }
        let end = self.end.checked_sub(TAG_LEN).ok_or(CryptoError::Misuse)?;
        let at = end.checked_sub(tail.len()).ok_or(CryptoError::Misuse)?;
        let place = buffer.get_mut(at.max(self.payload_at)..end);
        let place = place.filter(|place| place.len() == tail.len());
        place.ok_or(CryptoError::Misuse)?.copy_from_slice(tail);
        Ok(())
    }
}

impl OpenJob {
    /// Where the plain payload lies in the buffer once the job is done.
    #[must_use]
    pub const fn payload(&self) -> Range<usize> {
        self.payload_at..self.end.saturating_sub(TAG_LEN)
    }
}

/// An AEAD key with its IV, for one direction (RFC 9001 §5.3). The nonce is the IV xor the packet number.
pub trait PacketKey: Send + Sync {
    /// Seals each packet of `jobs` in `buffer`: encrypts the payload, whose last bytes may come from `tails`, and writes the
    /// tag; the header is the associated data and is left in clear.
    ///
    /// # Errors
    ///
    /// [`CryptoError::Unavailable`] when memory for the work could not be had: the packets are as good as lost.
    /// [`CryptoError::Misuse`] when a job does not lie inside `buffer`, or nobody has its tail. What it did before is undefined
    /// but harmless.
    fn seal(
        &self,
        buffer: &mut [u8],
        jobs: &[SealJob],
        tails: &dyn Tails,
    ) -> Result<(), CryptoError>;

    /// Opens each packet of `jobs` in place and says in `opened` whether it was authentic.
    ///
    /// The tag itself is left as it came, so that it can still be compared with a stateless reset token.
    fn open(&self, buffer: &mut [u8], jobs: &mut [OpenJob]);
}

/// A header protection key (RFC 9001 §5.4).
pub trait HeaderKey: Send + Sync {
    /// The mask for each sample of 16 bytes; `masks` is as long as `samples`.
    fn masks(&self, samples: &[[u8; SAMPLE_LEN]], masks: &mut [[u8; MASK_LEN]]);
}

/// Everything a home gives to the engine. One object serves all connections of a home.
pub trait Platform: Send + Sync {
    /// Fills `out` with bytes that nobody outside can predict.
    fn random(&self, out: &mut [u8]);

    /// HMAC with the hash of `suite` (RFC 2104): SHA-256, or SHA-384 for AES-256. Writes [`CipherSuite::hash_len`] bytes of
    /// `out` and returns how many.
    fn hmac(
        &self,
        suite: CipherSuite,
        key: &[u8],
        parts: &[&[u8]],
        out: &mut [u8; HASH_LEN_MAX],
    ) -> usize;

    /// Makes an AEAD key from `key` and `iv`, of [`CipherSuite::key_len`] and [`IV_LEN`] bytes.
    ///
    /// # Errors
    ///
    /// [`CryptoError::Misuse`] for a wrong length, [`CryptoError::Unavailable`] when the home cannot.
    fn packet_key(
        &self,
        suite: CipherSuite,
        side: KeySide,
        key: &[u8],
        iv: &[u8; IV_LEN],
    ) -> Result<Box<dyn PacketKey>, CryptoError>;

    /// Makes a header protection key from `key`, of [`CipherSuite::key_len`] bytes.
    ///
    /// # Errors
    ///
    /// As [`Platform::packet_key`].
    fn header_key(&self, suite: CipherSuite, key: &[u8])
    -> Result<Box<dyn HeaderKey>, CryptoError>;

    /// How often keys of `suite` may be used here: as often as the RFC says, unless the home wants to change them sooner.
    fn aead_limits(&self, suite: CipherSuite) -> AeadLimits {
        suite.aead_limits()
    }
}

impl CipherSuite {
    /// How often its keys may be used (RFC 9001 §6.6, B.1, B.2).
    #[must_use]
    pub const fn aead_limits(self) -> AeadLimits {
        match self {
            Self::Aes128GcmSha256 | Self::Aes256GcmSha384 => AeadLimits {
                confidentiality: 1 << 23,
                integrity: 1 << 52,
            },
            // Beyond every packet number there is (RFC 9001 §6.6).
            Self::ChaCha20Poly1305Sha256 => AeadLimits {
                confidentiality: 1 << 62,
                integrity: 1 << 36,
            },
            //= RFC 9001 §6.6: For AEAD_AES_128_CCM, the confidentiality limit is 2^21.5
            Self::Aes128CcmSha256 => AeadLimits {
                confidentiality: CCM_LIMIT,
                //= RFC 9001 §6.6: For AEAD_AES_128_CCM, the integrity limit is 2^21.5
                integrity: CCM_LIMIT,
            },
        }
    }

    /// The suite with this TLS number, if we have it.
    #[must_use]
    pub const fn from_tls(number: u16) -> Option<Self> {
        match number {
            0x1301 => Some(Self::Aes128GcmSha256),
            0x1302 => Some(Self::Aes256GcmSha384),
            0x1303 => Some(Self::ChaCha20Poly1305Sha256),
            0x1304 => Some(Self::Aes128CcmSha256),
            _ => None,
        }
    }

    /// The suite's TLS number.
    #[must_use]
    pub const fn to_tls(self) -> u16 {
        match self {
            Self::Aes128GcmSha256 => 0x1301,
            Self::Aes256GcmSha384 => 0x1302,
            Self::ChaCha20Poly1305Sha256 => 0x1303,
            Self::Aes128CcmSha256 => 0x1304,
        }
    }

    /// Bytes in an AEAD or header protection key.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128GcmSha256 | Self::Aes128CcmSha256 => 16,
            Self::Aes256GcmSha384 | Self::ChaCha20Poly1305Sha256 => 32,
        }
    }

    /// Bytes in a traffic secret, which is what the suite's hash gives.
    #[must_use]
    pub const fn hash_len(self) -> usize {
        match self {
            Self::Aes128GcmSha256 | Self::ChaCha20Poly1305Sha256 | Self::Aes128CcmSha256 => 32,
            Self::Aes256GcmSha384 => 48,
        }
    }
}

/// The whole number below 2^21.5.
const CCM_LIMIT: u64 = 2_965_820;
/// Bytes in an AEAD's tag (RFC 9001 §5.3).
pub const TAG_LEN: usize = 16;
/// Bytes in an AEAD's nonce and IV.
pub const IV_LEN: usize = 12;
/// Bytes sampled from a packet for header protection (RFC 9001 §5.4.2).
pub const SAMPLE_LEN: usize = 16;
/// Bytes of a header protection mask that are used (RFC 9001 §5.4.1).
pub const MASK_LEN: usize = 5;
/// Bytes in the longest hash a suite uses.
pub const HASH_LEN_MAX: usize = 48;
/// Packets that one call seals or opens at most.
pub const BATCH: usize = 64;
