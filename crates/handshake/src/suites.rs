//! The cipher suites and key exchanges that we offer: ours go in, rustls' come out. The suites make no packet keys, since the
//! socket derives its own from the traffic secrets.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use inquic_platform::CipherSuite;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::crypto::cipher::{AeadKey, Iv};
use rustls::crypto::{CipherSuiteCommon, CryptoProvider, SupportedKxGroup};
use rustls::{Error, NamedGroup, SupportedCipherSuite, Tls13CipherSuite, quic};

use crate::error::ConfigError;

/// A key exchange that both ends can agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyExchange {
    /// X25519 and ML-KEM-768 together: safe as long as one of them is, against recorded traffic and a quantum computer too.
    X25519MlKem768,
    /// Curve25519.
    X25519,
    /// NIST's P-256.
    Secp256r1,
    /// NIST's P-384.
    Secp384r1,
}

impl KeyExchange {
    /// Every one, in the order in which they are offered.
    pub const ALL: [Self; 4] = [
        Self::X25519MlKem768,
        Self::X25519,
        Self::Secp256r1,
        Self::Secp384r1,
    ];

    /// The name that IANA registered.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X25519MlKem768 => "X25519MLKEM768",
            Self::X25519 => "x25519",
            Self::Secp256r1 => "secp256r1",
            Self::Secp384r1 => "secp384r1",
        }
    }

    /// Ours for what rustls agreed on.
    pub(crate) const fn from_named_group(group: NamedGroup) -> Option<Self> {
        match group {
            NamedGroup::X25519MLKEM768 => Some(Self::X25519MlKem768),
            NamedGroup::X25519 => Some(Self::X25519),
            NamedGroup::secp256r1 => Some(Self::Secp256r1),
            NamedGroup::secp384r1 => Some(Self::Secp384r1),
            _ => None,
        }
    }

    fn group(self) -> &'static dyn SupportedKxGroup {
        match self {
            Self::X25519MlKem768 => kx_group::X25519MLKEM768,
            Self::X25519 => kx_group::X25519,
            Self::Secp256r1 => kx_group::SECP256R1,
            Self::Secp384r1 => kx_group::SECP384R1,
        }
    }
}

impl fmt::Display for KeyExchange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for KeyExchange {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        let mut all = Self::ALL.into_iter();
        all.find(|known| known.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| ConfigError::UnknownKeyExchange(name.to_owned()))
    }
}

/// The suites that are offered unless told otherwise, in the order in which we prefer them: the fastest on processors with AES
/// first. AES-CCM has to be asked for.
pub(crate) const SUITES: [CipherSuite; 3] = [
    CipherSuite::Aes128GcmSha256,
    CipherSuite::Aes256GcmSha384,
    CipherSuite::ChaCha20Poly1305Sha256,
];

/// A provider that offers exactly these, in this order.
pub(crate) fn provider(
    suites: &[CipherSuite],
    exchanges: &[KeyExchange],
) -> Result<Arc<CryptoProvider>, ConfigError> {
    if suites.is_empty() || exchanges.is_empty() {
        return Err(ConfigError::NothingToOffer);
    }
    Ok(Arc::new(CryptoProvider {
        cipher_suites: suites.iter().map(|suite| of_rustls(*suite)).collect(),
        kx_groups: exchanges.iter().map(|exchange| exchange.group()).collect(),
        ..default_provider()
    }))
}

fn of_rustls(suite: CipherSuite) -> SupportedCipherSuite {
    SupportedCipherSuite::Tls13(match suite {
        CipherSuite::Aes128GcmSha256 => &AES_128,
        CipherSuite::Aes256GcmSha384 => &AES_256,
        CipherSuite::ChaCha20Poly1305Sha256 => &CHACHA20,
        CipherSuite::Aes128CcmSha256 => &AES_128_CCM,
    })
}

static AES_128: LazyLock<Tls13CipherSuite> =
    LazyLock::new(|| keyless(cipher_suite::TLS13_AES_128_GCM_SHA256));
static AES_256: LazyLock<Tls13CipherSuite> =
    LazyLock::new(|| keyless(cipher_suite::TLS13_AES_256_GCM_SHA384));
static CHACHA20: LazyLock<Tls13CipherSuite> =
    LazyLock::new(|| keyless(cipher_suite::TLS13_CHACHA20_POLY1305_SHA256));
/// rustls has no AES-CCM. Hash and key length are those of AES-128-GCM, and TLS itself protects nothing under QUIC.
static AES_128_CCM: LazyLock<Tls13CipherSuite> = LazyLock::new(|| {
    let mut suite = keyless(cipher_suite::TLS13_AES_128_GCM_SHA256);
    suite.common.suite = rustls::CipherSuite::TLS13_AES_128_CCM_SHA256;
    suite
});

/// The suite of rustls with packet keys that cost nothing.
fn keyless(suite: SupportedCipherSuite) -> Tls13CipherSuite {
    let suite = suite.tls13().expect("a suite of TLS 1.3 is one");
    Tls13CipherSuite {
        common: CipherSuiteCommon {
            suite: suite.common.suite,
            hash_provider: suite.common.hash_provider,
            confidentiality_limit: suite.common.confidentiality_limit,
        },
        hkdf_provider: suite.hkdf_provider,
        aead_alg: suite.aead_alg,
        quic: Some(&Keyless),
    }
}

/// Stands where rustls keeps packet keys. The keys are in the socket; these do not work, and say so.
struct Keyless;

impl quic::Algorithm for Keyless {
    fn packet_key(&self, _key: AeadKey, _iv: Iv) -> Box<dyn quic::PacketKey> {
        Box::new(Self)
    }

    fn header_protection_key(&self, _key: AeadKey) -> Box<dyn quic::HeaderProtectionKey> {
        Box::new(Self)
    }

    fn aead_key_len(&self) -> usize {
        16
    }
}

impl quic::PacketKey for Keyless {
    fn encrypt_in_place(
        &self,
        _packet_number: u64,
        _header: &[u8],
        _payload: &mut [u8],
    ) -> Result<quic::Tag, Error> {
        Err(Error::EncryptError)
    }

    fn decrypt_in_place<'a>(
        &self,
        _packet_number: u64,
        _header: &[u8],
        _payload: &'a mut [u8],
    ) -> Result<&'a [u8], Error> {
        Err(Error::DecryptError)
    }

    fn tag_len(&self) -> usize {
        inquic_platform::crypto::TAG_LEN
    }

    fn confidentiality_limit(&self) -> u64 {
        0
    }

    fn integrity_limit(&self) -> u64 {
        0
    }
}

impl quic::HeaderProtectionKey for Keyless {
    fn encrypt_in_place(&self, _: &[u8], _: &mut u8, _: &mut [u8]) -> Result<(), Error> {
        Err(Error::EncryptError)
    }

    fn decrypt_in_place(&self, _: &[u8], _: &mut u8, _: &mut [u8]) -> Result<(), Error> {
        Err(Error::DecryptError)
    }

    fn sample_len(&self) -> usize {
        inquic_platform::crypto::SAMPLE_LEN
    }
}
