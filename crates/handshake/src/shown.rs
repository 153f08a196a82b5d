//! Which certificate a client is shown: the name that it asks for comes in, a certificate with its key goes out. It never refuses a
//! client, who judges by itself whether the certificate is for that name.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::error::ConfigError;
use crate::server::Certificate;

/// A server's certificates.
#[derive(Debug)]
pub(crate) struct Shown {
    named: Vec<(String, Arc<CertifiedKey>)>,
    otherwise: Arc<CertifiedKey>,
}

impl Shown {
    /// Certificates for names, and the one for all others.
    ///
    /// # Errors
    ///
    /// When a key is not that of its certificate, or of a kind that TLS does not take.
    pub(crate) fn new(
        otherwise: Certificate,
        named: Vec<(Vec<String>, Certificate)>,
        provider: &CryptoProvider,
    ) -> Result<Self, ConfigError> {
        let certified = |Certificate { chain, key }| {
            CertifiedKey::from_der(chain, key, provider)
                .map(Arc::new)
                .map_err(ConfigError::from_certificate)
        };
        let mut shown = Self {
            named: Vec::new(),
            otherwise: certified(otherwise)?,
        };
        for (names, certificate) in named {
            let certificate = certified(certificate)?;
            for name in names {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                shown.named.push((name, certificate.clone()));
            }
        }
        Ok(shown)
    }

    fn find(&self, asked: &str) -> &Arc<CertifiedKey> {
        let asked = asked.to_ascii_lowercase();
        let mut named = self.named.iter();
        named
            .find(|(name, _)| fits(name, &asked))
            .map_or(&self.otherwise, |(_, certificate)| certificate)
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = match hello.server_name() {
            Some(name) => self.find(name),
            None => &self.otherwise,
        };
        Some(shown.clone())
    }
}

/// Whether a name of ours is the one that a client asks for: the same, or with any one label in place of the asterisk.
fn fits(ours: &str, asked: &str) -> bool {
    match ours.strip_prefix("*.") {
        None => ours == asked,
        Some(rest) => asked
            .split_once('.')
            .is_some_and(|(label, domain)| !label.is_empty() && domain == rest),
    }
}

#[cfg(test)]
mod tests;
