//! What a client trusts, offers and remembers: certificates and choices come in, a configuration that many connections share
//! goes out. It checks here whatever can be wrong before a connection exists.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use inquic_platform::CipherSuite;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{RootCertStore, version};

use crate::error::ConfigError;
use crate::limits::RESUMPTION_NAMES;
use crate::options::Options;
use crate::server::Certificate;
use crate::suites::KeyExchange;
use crate::tickets::ClientTickets;

/// The authorities whose word about a server's name is taken. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Roots(pub(crate) Arc<RootCertStore>);

/// How a client's handshakes are made. Cheap to clone; clones share the tickets that servers gave.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub(crate) tls: Arc<rustls::ClientConfig>,
    /// The same with 0-RTT, and with the same tickets. Only with one application protocol: what is sent in 0-RTT is in the
    /// protocol of the ticket, and sent again in that of the handshake.
    pub(crate) early: Option<Arc<rustls::ClientConfig>>,
    /// Whether tickets are kept.
    pub(crate) resumes: bool,
}

/// Makes a [`ClientConfig`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientConfigBuilder {
    options: Options,
    roots: Option<Roots>,
    certificate: Option<Certificate>,
    resumption: usize,
}

impl Roots {
    /// The authorities that this machine trusts, read once in a process.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoSystemRoots`] when there are none.
    pub fn system() -> Result<Self, ConfigError> {
        static SYSTEM: OnceLock<Roots> = OnceLock::new();
        if let Some(roots) = SYSTEM.get() {
            return Ok(roots.clone());
        }
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if store.is_empty() {
            return Err(ConfigError::NoSystemRoots);
        }
        Ok(SYSTEM.get_or_init(|| Self(Arc::new(store))).clone())
    }

    /// The authorities whose certificates are in a PEM file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds no certificate.
    pub fn pem_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let read = std::fs::read(path);
        let pem = read.map_err(|error| ConfigError::File(path.to_owned(), error))?;
        Self::pem(&pem).map_err(|error| error.in_file(path))
    }

    /// The authorities whose certificates are in PEM text.
    ///
    /// # Errors
    ///
    /// When there is no certificate in it, or one that is damaged.
    pub fn pem(pem: &[u8]) -> Result<Self, ConfigError> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| ConfigError::DamagedPem)?;
            store
                .add(certificate)
                .map_err(|_| ConfigError::DamagedCertificate)?;
        }
        if store.is_empty() {
            return Err(ConfigError::NoCertificate);
        }
        Ok(Self(Arc::new(store)))
    }
}

impl ClientConfig {
    /// A configuration with the system's roots, every suite and key exchange, and resumption.
    pub fn builder() -> ClientConfigBuilder {
        ClientConfigBuilder {
            options: Options::default(),
            roots: None,
            certificate: None,
            resumption: RESUMPTION_NAMES,
        }
    }
}

impl ClientConfigBuilder {
    /// Trusts these authorities and no others.
    pub fn roots(mut self, roots: Roots) -> Self {
        self.roots = Some(roots);
        self
    }

    /// Shows this certificate to servers that ask for one. Without it they are told that there is none.
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// The application protocols, the preferred one first. There is no default.
    pub fn alpn(mut self, protocols: impl IntoIterator<Item: AsRef<[u8]>>) -> Self {
        self.options.alpn = protocols
            .into_iter()
            .map(|name| name.as_ref().to_vec())
            .collect();
        self
    }

    /// Offers these cipher suites, the preferred one first.
    pub fn cipher_suites(mut self, suites: impl IntoIterator<Item = CipherSuite>) -> Self {
        self.options.suites = suites.into_iter().collect();
        self
    }

    /// Offers these key exchanges; a share is sent for the first one.
    pub fn key_exchange(mut self, exchanges: impl IntoIterator<Item = KeyExchange>) -> Self {
        self.options.exchanges = exchanges.into_iter().collect();
        self
    }

    /// Remembers the tickets of so many server names; none turns resumption off.
    pub const fn resumption(mut self, names: usize) -> Self {
        self.resumption = names;
        self
    }

    /// Appends the secrets of every connection to a file, for a packet analyser. Whoever reads it can read the traffic.
    pub fn key_log(mut self, path: impl AsRef<Path>) -> Self {
        self.options.key_log = Some(path.as_ref().to_owned());
        self
    }

    /// The configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for whatever cannot work.
    pub fn build(self) -> Result<ClientConfig, ConfigError> {
        let alpn = self.options.alpn()?;
        let roots = self.roots.map_or_else(Roots::system, Ok)?;
        let trusting = rustls::ClientConfig::builder_with_provider(self.options.provider()?)
            .with_protocol_versions(&[&version::TLS13])
            .map_err(ConfigError::Tls)?
            .with_root_certificates(roots.0);
        let mut tls = match self.certificate {
            None => trusting.with_no_client_auth(),
            Some(Certificate { chain, key }) => trusting
                .with_client_auth_cert(chain, key)
                .map_err(ConfigError::from_certificate)?,
        };
        tls.alpn_protocols = alpn;
        tls.key_log = self.options.collector()?;
        tls.resumption = match self.resumption {
            0 => Resumption::disabled(),
            names => Resumption::store(Arc::new(ClientTickets::new(names))),
        };
        Ok(ClientConfig::with(tls, self.resumption > 0))
    }
}

impl ClientConfig {
    fn with(tls: rustls::ClientConfig, resumes: bool) -> Self {
        let early = (resumes && tls.alpn_protocols.len() == 1).then(|| {
            let mut early = tls.clone();
            early.enable_early_data = true;
            Arc::new(early)
        });
        Self {
            tls: Arc::new(tls),
            early,
            resumes,
        }
    }

    /// The same with these application protocols: what it trusts and the tickets that it keeps are those of both.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for none, or a name that cannot be one.
    pub fn with_alpn(
        &self,
        protocols: impl IntoIterator<Item: AsRef<[u8]>>,
    ) -> Result<Self, ConfigError> {
        let names = protocols.into_iter().map(|name| name.as_ref().to_vec());
        let options = Options {
            alpn: names.collect(),
            ..Options::default()
        };
        let mut tls = (*self.tls).clone();
        tls.alpn_protocols = options.alpn()?;
        Ok(Self::with(tls, self.resumes))
    }
}
