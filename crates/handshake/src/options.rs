//! What client and server configurations have in common. Choices come in, what rustls needs of them goes out.

use std::path::PathBuf;
use std::sync::Arc;

use inquic_platform::CipherSuite;
use rustls::crypto::CryptoProvider;

use crate::error::ConfigError;
use crate::key_log::KeyLogFile;
use crate::secrets::Collector;
use crate::suites::{KeyExchange, SUITES, provider};

/// The choices that both ends have.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) suites: Vec<CipherSuite>,
    pub(crate) exchanges: Vec<KeyExchange>,
    pub(crate) key_log: Option<PathBuf>,
}

impl Options {
    /// The application protocols, of which there must be one at least.
    //= RFC 9001 §8.1: Endpoints MUST use ALPN
    pub(crate) fn alpn(&self) -> Result<Vec<Vec<u8>>, ConfigError> {
        if self.alpn.is_empty() {
            return Err(ConfigError::NoApplicationProtocol);
        }
        match self
            .alpn
            .iter()
            .find(|name| !(1..=255).contains(&name.len()))
        {
            None => Ok(self.alpn.clone()),
            Some(wrong) => Err(ConfigError::ApplicationProtocolLength(wrong.len())),
        }
    }

    pub(crate) fn provider(&self) -> Result<Arc<CryptoProvider>, ConfigError> {
        provider(&self.suites, &self.exchanges)
    }

    /// Where rustls logs secrets to.
    pub(crate) fn collector(&self) -> Result<Arc<Collector>, ConfigError> {
        let file = match &self.key_log {
            None => None,
            Some(path) => {
                let file = KeyLogFile::open(path)
                    .map_err(|error| ConfigError::File(path.clone(), error))?;
                Some(Arc::new(file))
            }
        };
        Ok(Arc::new(Collector::new(file)))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            alpn: Vec::new(),
            suites: SUITES.to_vec(),
            exchanges: KeyExchange::ALL.to_vec(),
            key_log: None,
        }
    }
}
