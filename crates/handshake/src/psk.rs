//! External pre-shared keys (RFC 8446 §2.2): identities with keys come in, what many handshakes share goes out. Rustls has none, so
//! s2n-tls makes these handshakes, with a fresh key exchange each (psk_dhe_ke). Nothing in here gives a key back.

mod file;
mod running;
mod tls;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use s2n_tls::config::{Builder, Config};
use s2n_tls::enums::PskHmac;
use s2n_tls::psk::Psk;
use s2n_tls::security::Policy;

use crate::error::ConfigError;
use crate::limits::{SHARED_IDENTITY_BYTES, SHARED_KEY_BYTES, SHARED_KEY_BYTES_LEAST, SHARED_KEYS};
use crate::options::Options;
use crate::session::Session;

pub(crate) use running::Shared;

/// A key that both ends have, and the name that they have for it. Cheap to clone.
#[derive(Clone)]
pub struct SharedKey(Arc<Psk>, Vec<u8>);

/// The hash that a key belongs to; a suite with another one cannot be used with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyHash {
    /// SHA-256, where nothing else was agreed on (RFC 8446 §4.2.11).
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
}

/// How handshakes by pre-shared keys are made, as a client and as a server. Cheap to clone.
#[derive(Clone)]
pub struct SharedKeys {
    config: Config,
    keys: Arc<[SharedKey]>,
    alpn: Arc<[Vec<u8>]>,
}

impl SharedKey {
    /// A key of 16 to 1,024 random bytes (RFC 9257 §6 demands 128 bits), and its identity of 1 to 1,024 bytes, which everybody can read.
    ///
    /// # Errors
    ///
    /// [`ConfigError::SharedKey`] for another length, and for a key of nothing but zeros.
    pub fn new(identity: &[u8], key: &[u8], hash: KeyHash) -> Result<Self, ConfigError> {
        if !(1..=SHARED_IDENTITY_BYTES).contains(&identity.len()) {
            return Err(ConfigError::SharedKey("its identity has 1 to 1024 bytes"));
        }
        if !(SHARED_KEY_BYTES_LEAST..=SHARED_KEY_BYTES).contains(&key.len()) {
            return Err(ConfigError::SharedKey("a key has 16 to 1024 bytes"));
        }
        let hash = match hash {
            KeyHash::Sha256 => PskHmac::SHA256,
            KeyHash::Sha384 => PskHmac::SHA384,
        };
        let made = || {
            let mut builder = Psk::builder()?;
            builder.set_identity(identity)?;
            builder.set_secret(key)?;
            builder.set_hmac(hash)?;
            builder.build()
        };
        // Lengths were looked at, so it is a key of zeros.
        let psk =
            made().map_err(|_| ConfigError::SharedKey("a key is random, and not all zeros"))?;
        Ok(Self(Arc::new(psk), identity.to_vec()))
    }

    /// The keys of a file with a line `identity:key` for each, the key in hexadecimal. An identity that begins with `#` is in
    /// hexadecimal, too. This is the form of GnuTLS's psktool; the keys belong to SHA-256.
    ///
    /// # Errors
    ///
    /// When it cannot be read, holds no key, or something else.
    pub fn in_file(path: impl AsRef<Path>) -> Result<Vec<Self>, ConfigError> {
        file::read(path.as_ref())
    }

    /// The name of the key.
    #[must_use]
    pub fn identity(&self) -> &[u8] {
        &self.1
    }
}

impl SharedKeys {
    /// For these keys and application protocols, the preferred ones first.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: there is no key, there are more than 256 or two of one identity, or what is wrong with the protocols.
    pub fn new(
        keys: impl IntoIterator<Item = SharedKey>,
        alpn: impl IntoIterator<Item: AsRef<[u8]>>,
    ) -> Result<Self, ConfigError> {
        let options = Options {
            alpn: alpn
                .into_iter()
                .map(|name| name.as_ref().to_vec())
                .collect(),
            ..Options::default()
        };
        let alpn = options.alpn()?;
        // s2n-tls takes a list of one such name for damaged, and goes on as if there were none.
        if alpn.iter().any(|name| name.len() < 2) {
            return Err(ConfigError::SharedKey(
                "a protocol (ALPN) of one byte cannot go with them",
            ));
        }
        let keys: Vec<SharedKey> = keys.into_iter().collect();
        if !(1..=SHARED_KEYS).contains(&keys.len()) {
            return Err(ConfigError::SharedKey("there are 1 to 256 of them"));
        }
        let mut identities: Vec<&[u8]> = keys.iter().map(SharedKey::identity).collect();
        identities.sort_unstable();
        if identities
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a == b))
        {
            return Err(ConfigError::SharedKey("two keys have the same identity"));
        }
        let config =
            config(&alpn).map_err(|error| ConfigError::Making(error.message().to_owned()))?;
        Ok(Self {
            config,
            keys: keys.into(),
            alpn: alpn.into(),
        })
    }
}

impl Session {
    /// The client's side by pre-shared keys: all of them are offered, and the server must have one. A DNS name is told to the server,
    /// which may have others; it proves nothing, the key does.
    #[must_use]
    pub fn client_shared(keys: &SharedKeys, server_name: Option<&str>) -> Self {
        let name = server_name
            .filter(|name| matches!(ServerName::try_from(*name), Ok(ServerName::DnsName(_))));
        Self::shared(Shared::client(keys.clone(), name.map(str::to_owned)))
    }

    /// The server's side by pre-shared keys: the client must have one of them.
    #[must_use]
    pub fn server_shared(keys: &SharedKeys) -> Self {
        Self::shared(Shared::server(keys.clone()))
    }
}

/// Nobody is trusted by a certificate, and none is shown: without a key there is no connection.
fn config(alpn: &[Vec<u8>]) -> Result<Config, s2n_tls::error::Error> {
    let mut builder = Builder::new();
    builder.with_system_certs(false)?;
    builder.set_security_policy(&Policy::from_version(POLICY)?)?;
    builder.set_application_protocol_preference(alpn)?;
    builder.build()
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SharedKey({})", self.1.escape_ascii())
    }
}

impl fmt::Debug for SharedKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.keys.iter()).finish()
    }
}

/// TLS 1.3 alone, with the suites that we offer otherwise and P-256, X25519 and P-384. What makes the keys of a connection is the
/// pre-shared key and the key exchange together, so a computer that breaks the latter alone reads nothing.
const POLICY: &str = "AWS-CRT-SDK-TLSv1.3-2023";
