//! What a server shows, accepts and hands out: a certificate and choices come in, a configuration that many connections share
//! goes out. The private key stays inside.

use std::path::Path;
use std::sync::Arc;

use inquic_platform::CipherSuite;
use rustls::Error;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::version;

use crate::client::Roots;
use crate::error::ConfigError;
use crate::fleet_tickets::FleetTickets;
use crate::limits::TICKETS;
use crate::options::Options;
use crate::sessions::Sessions;
use crate::shown::Shown;
use crate::suites::KeyExchange;
use crate::tickets::ServerTickets;

/// A certificate chain and its private key.
#[derive(Debug)]
pub struct Certificate {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// What a server wants of its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientCertificate {
    /// A certificate, if they have one. One that is not good ends the handshake.
    Asked,
    /// A certificate.
    Required,
}

/// How a server's handshakes are made. Cheap to clone; clones open each other's tickets.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    pub(crate) tls: Arc<rustls::ServerConfig>,
}

/// Makes a [`ServerConfig`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ServerConfigBuilder {
    options: Options,
    certificate: Option<Certificate>,
    named: Vec<(Vec<String>, Certificate)>,
    clients: Option<(Roots, ClientCertificate)>,
    tickets: usize,
    early_data: bool,
    ticket_key: Option<[u8; 32]>,
}

impl Certificate {
    /// The chain, the server's own certificate first, and the key, from PEM files.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or does not hold what it should.
    pub fn from_pem_files(
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, ConfigError> {
        let (chain, key) = (chain.as_ref(), key.as_ref());
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| ConfigError::File(path.to_owned(), error))
        };
        Ok(Self {
            chain: chain_of(&read(chain)?).map_err(|error| error.in_file(chain))?,
            key: key_of(&read(key)?).map_err(|error| error.in_file(key))?,
        })
    }

    /// A certificate without others, and its key, as DER has them.
    ///
    /// # Errors
    ///
    /// When the key is none.
    pub fn from_der(certificate: &[u8], key: &[u8]) -> Result<Self, ConfigError> {
        let key = PrivateKeyDer::try_from(key).map_err(|_| ConfigError::DamagedKey)?;
        Ok(Self {
            chain: vec![CertificateDer::from(certificate.to_vec())],
            key: key.clone_key(),
        })
    }

    /// The chain, the server's own certificate first, and the key, from PEM text.
    ///
    /// # Errors
    ///
    /// When the text does not hold what it should.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, ConfigError> {
        Ok(Self {
            chain: chain_of(chain)?,
            key: key_of(key)?,
        })
    }
}

impl Clone for Certificate {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

impl ServerConfig {
    /// A configuration with every suite and key exchange, and two tickets for each connection.
    pub fn builder() -> ServerConfigBuilder {
        ServerConfigBuilder {
            options: Options::default(),
            certificate: None,
            named: Vec::new(),
            clients: None,
            tickets: TICKETS,
            early_data: false,
            ticket_key: None,
        }
    }
}

impl ServerConfigBuilder {
    /// Shows this certificate to every client that asks for no name of [`ServerConfigBuilder::certificate_for`]. There is no default.
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Shows this certificate to clients that ask for one of these names. `*.` at the start of a name stands for one label; the first
    /// name that fits counts.
    pub fn certificate_for(
        mut self,
        names: impl IntoIterator<Item = impl Into<String>>,
        certificate: Certificate,
    ) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.named.push((names, certificate));
        self
    }

    /// Asks clients for certificates that these authorities have signed; which one it was is nowhere told.
    pub fn clients(mut self, roots: Roots, wanted: ClientCertificate) -> Self {
        self.clients = Some((roots, wanted));
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

    /// Accepts these cipher suites.
    pub fn cipher_suites(mut self, suites: impl IntoIterator<Item = CipherSuite>) -> Self {
        self.options.suites = suites.into_iter().collect();
        self
    }

    /// Accepts these key exchanges.
    pub fn key_exchange(mut self, exchanges: impl IntoIterator<Item = KeyExchange>) -> Self {
        self.options.exchanges = exchanges.into_iter().collect();
        self
    }

    /// Gives each client so many tickets to resume with; none turns resumption off.
    pub const fn tickets(mut self, number: usize) -> Self {
        self.tickets = number;
        self
    }

    /// Gives tickets that every server with the same key opens, for 12 hours at least and 24 at most. Without it the key is
    /// random, and changes every six hours.
    ///
    /// Whoever has the key can pass for the servers with clients that have tickets of theirs, though not read what they said.
    /// It cannot go with [`ServerConfigBuilder::early_data`], whose tickets are good in one process.
    pub const fn ticket_key(mut self, key: [u8; 32]) -> Self {
        self.ticket_key = Some(key);
        self
    }

    /// Accepts 0-RTT from clients that resume. Tickets then stand for sessions in this process's memory, each of which is good
    /// for one connection, so that what was recorded cannot be played again; off by default.
    ///
    /// Of all that RFC 8446 §8 offers against replays this is the strictest. It holds for one process: servers that share
    /// clients do not share tickets.
    pub const fn early_data(mut self, on: bool) -> Self {
        self.early_data = on;
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
    pub fn build(self) -> Result<ServerConfig, ConfigError> {
        let certificate = self.certificate.ok_or(ConfigError::CertificateMissing)?;
        let alpn = self.options.alpn()?;
        let provider = self.options.provider()?;
        let shown = Shown::new(certificate, self.named, &provider)?;
        let verifier = match self.clients {
            None => WebPkiClientVerifier::no_client_auth(),
            Some((roots, wanted)) => verifier(roots, wanted, provider.clone())?,
        };
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])
            .map_err(ConfigError::Tls)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(shown));
        tls.alpn_protocols = alpn;
        tls.key_log = self.options.collector()?;
        tls.send_tls13_tickets = self.tickets;
        if self.early_data && self.ticket_key.is_some() {
            return Err(ConfigError::SharedEarlyData);
        }
        if self.tickets > 0 && self.early_data {
            tls.session_storage = Arc::new(Sessions::default());
            tls.max_early_data_size = u32::MAX;
        } else {
            // Tickets carry their own state, so that clients cannot fill the server's memory with sessions.
            tls.session_storage = Arc::new(NoServerSessionStorage {});
            if self.tickets > 0 {
                let tickets = match &self.ticket_key {
                    Some(key) => Arc::new(FleetTickets::new(key, tls.time_provider.clone())),
                    None => Ticketer::new().map_err(ConfigError::Tls)?,
                };
                tls.ticketer = Arc::new(ServerTickets(tickets));
            }
        }
        Ok(ServerConfig { tls: Arc::new(tls) })
    }
}

fn verifier(
    roots: Roots,
    wanted: ClientCertificate,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
    let builder = WebPkiClientVerifier::builder_with_provider(roots.0, provider);
    let builder = match wanted {
        ClientCertificate::Asked => builder.allow_unauthenticated(),
        ClientCertificate::Required => builder,
    };
    let unusable =
        |error: VerifierBuilderError| ConfigError::Tls(Error::General(error.to_string()));
    builder.build().map_err(unusable)
}

fn chain_of(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(ConfigError::NoCertificate),
        Ok(chain) => Ok(chain),
        Err(_) => Err(ConfigError::DamagedPem),
    }
}

fn key_of(pem: &[u8]) -> Result<PrivateKeyDer<'static>, ConfigError> {
    use rustls::pki_types::pem::Error;
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        Error::NoItemsFound => ConfigError::NoKey,
        _ => ConfigError::DamagedPem,
    })
}
