//! HKDF as QUIC uses it: one secret and a label in, one key out (RFC 5869, RFC 8446 §7.1, RFC 9001 §5.1).

use alloc::boxed::Box;

use inquic_platform::crypto::{HASH_LEN_MAX, IV_LEN};
use inquic_platform::{CipherSuite, CryptoError, HeaderKey, KeySide, PacketKey, Platform};
use inquic_wire::{Version, Writer};
use zeroize::Zeroize;

/// The labels that the keys of a version are derived with.
pub(super) struct Labels {
    key: &'static [u8],
    iv: &'static [u8],
    header: &'static [u8],
    pub(super) update: &'static [u8],
}

impl Labels {
    /// RFC 9001 §5.1, §5.4, §6.1, and RFC 9369 §3.3.2.
    pub(super) const fn of(version: Version) -> &'static Self {
        match version {
            Version::V2 => &Self {
                key: b"quicv2 key",
                iv: b"quicv2 iv",
                header: b"quicv2 hp",
                update: b"quicv2 ku",
            },
            _ => &Self {
                key: b"quic key",
                iv: b"quic iv",
                header: b"quic hp",
                update: b"quic ku",
            },
        }
    }
}

/// A traffic secret. Wiped when dropped, and never printed.
pub(crate) struct Secret {
    bytes: [u8; HASH_LEN_MAX],
    len: usize,
}

impl Secret {
    /// A secret of the length that the suite's hash has.
    pub(crate) fn new(suite: CipherSuite, secret: &[u8]) -> Result<Self, CryptoError> {
        let mut bytes = [0; HASH_LEN_MAX];
        let len = suite.hash_len();
        match bytes.get_mut(..len) {
            Some(place) if secret.len() == len => place.copy_from_slice(secret),
            _ => return Err(CryptoError::Misuse),
        }
        Ok(Self { bytes, len })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// HKDF-Extract, giving a secret.
pub(super) fn extract(
    platform: &dyn Platform,
    suite: CipherSuite,
    salt: &[u8],
    input: &[u8],
) -> Secret {
    let mut bytes = [0; HASH_LEN_MAX];
    let len = platform
        .hmac(suite, salt, &[input], &mut bytes)
        .min(HASH_LEN_MAX);
    Secret { bytes, len }
}

/// HKDF-Expand-Label with an empty context, giving another secret: Initial secrets and key updates.
pub(super) fn derive_secret(
    platform: &dyn Platform,
    suite: CipherSuite,
    secret: &Secret,
    label: &[u8],
) -> Secret {
    let mut bytes = [0; HASH_LEN_MAX];
    let len = suite.hash_len();
    expand_label(platform, suite, secret, label, len, &mut bytes);
    Secret { bytes, len }
}

/// The AEAD key and IV of a traffic secret.
pub(super) fn packet_key(
    platform: &dyn Platform,
    labels: &Labels,
    suite: CipherSuite,
    side: KeySide,
    secret: &Secret,
) -> Result<Box<dyn PacketKey>, CryptoError> {
    let mut key = [0; HASH_LEN_MAX];
    let mut iv = [0; HASH_LEN_MAX];
    expand_label(
        platform,
        suite,
        secret,
        labels.key,
        suite.key_len(),
        &mut key,
    );
    expand_label(platform, suite, secret, labels.iv, IV_LEN, &mut iv);
    let made = match (key.get(..suite.key_len()), iv.first_chunk()) {
        (Some(key), Some(iv)) => platform.packet_key(suite, side, key, iv),
        _ => Err(CryptoError::Misuse),
    };
    key.zeroize();
    iv.zeroize();
    made
}

/// The header protection key of a traffic secret. It stays the same across key updates (RFC 9001 §6).
pub(super) fn header_key(
    platform: &dyn Platform,
    labels: &Labels,
    suite: CipherSuite,
    secret: &Secret,
) -> Result<Box<dyn HeaderKey>, CryptoError> {
    let mut key = [0; HASH_LEN_MAX];
    expand_label(
        platform,
        suite,
        secret,
        labels.header,
        suite.key_len(),
        &mut key,
    );
    let made = key
        .get(..suite.key_len())
        .map_or(Err(CryptoError::Misuse), |key| {
            platform.header_key(suite, key)
        });
    key.zeroize();
    made
}

/// HKDF-Expand-Label. Nothing QUIC derives is longer than one hash, so one block of HKDF-Expand is all there is.
fn expand_label(
    platform: &dyn Platform,
    suite: CipherSuite,
    secret: &Secret,
    label: &[u8],
    len: usize,
    out: &mut [u8; HASH_LEN_MAX],
) {
    let mut info = [0; INFO_LEN];
    let mut writer = Writer::new(&mut info);
    let label_len = label.len().saturating_add(PREFIX.len());
    let written = writer
        .u16(u16::try_from(len).unwrap_or(0))
        .and_then(|()| writer.u8(u8::try_from(label_len).unwrap_or(0)))
        .and_then(|()| writer.bytes(PREFIX))
        .and_then(|()| writer.bytes(label))
        .and_then(|()| writer.u8(0));
    debug_assert!(written.is_ok(), "labels are ours and fit");
    let info_len = writer.position();
    platform.hmac(
        suite,
        secret.as_bytes(),
        &[info.get(..info_len).unwrap_or_default(), &[1]],
        out,
    );
    if let Some(rest) = out.get_mut(len..) {
        rest.zeroize();
    }
}

const PREFIX: &[u8] = b"tls13 ";
/// Length, label with its own length, and an empty context.
const INFO_LEN: usize = 32;
