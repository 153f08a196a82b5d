//! In: certificate files, the choice of cipher. Out: what s2n-quic wants of s2n-tls, or of rustls. Keeps tickets.
//!
//! s2n-tls is what s2n-quic is used with. It cannot be told to offer one cipher suite only, so that is done with rustls.

use anyhow::Context;
use peers_common::Cipher;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use s2n_quic::provider::tls::{rustls as quic_rustls, s2n_tls};
use s2n_tls::callbacks::{
    ConnectionFuture, SessionTicket, SessionTicketCallback, VerifyHostNameCallback,
};
use s2n_tls::config::ConnectionInitializer;
use s2n_tls::connection::Connection;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How many host names were verified; a resumed connection verifies none.
pub(crate) static VERIFIED: AtomicUsize = AtomicUsize::new(0);

/// The policy whose first choices are AES-128-GCM and X25519; the default one's is P-256.
const X25519_FIRST: &str = "20190801";

pub(crate) fn server(
    cert: &Path,
    key: &Path,
    alpn: &[u8],
    measured: bool,
) -> anyhow::Result<s2n_tls::Server> {
    let mut builder = s2n_tls::Server::builder()
        .with_application_protocols([alpn])?
        .with_certificate(cert, key)?;
    if measured {
        builder
            .config_mut()
            .set_security_policy(&s2n_tls::security::Policy::from_version(X25519_FIRST)?)?;
    } else {
        // An hour ago, so that the key is of age.
        let introduced = SystemTime::now() - Duration::from_secs(3600);
        builder
            .config_mut()
            .add_session_ticket_key(b"interop", &[7; 32], introduced)?;
    }
    Ok(builder.build()?)
}

pub(crate) fn client(
    ca: &Path,
    alpn: &[u8],
    name: &str,
    measured: bool,
) -> anyhow::Result<s2n_tls::Client> {
    let mut builder = s2n_tls::Client::builder()
        .with_empty_trust_store()?
        .with_application_protocols([alpn])?
        .with_certificate(ca)?;
    let config = builder.config_mut();
    if measured {
        config.set_security_policy(&s2n_tls::security::Policy::from_version(X25519_FIRST)?)?;
    } else {
        let tickets = Tickets::default();
        config
            .set_session_ticket_callback(tickets.clone())?
            .set_connection_initializer(tickets)?
            .set_verify_host_callback(SameName(name.to_owned()))?;
    }
    Ok(builder.build()?)
}

/// Accepts one name, and counts.
struct SameName(String);

impl VerifyHostNameCallback for SameName {
    fn verify_host_name(&self, host_name: &str) -> bool {
        VERIFIED.fetch_add(1, Ordering::Relaxed);
        host_name == self.0
    }
}

/// The tickets that servers gave.
#[derive(Clone, Default)]
struct Tickets(Arc<Mutex<Vec<Vec<u8>>>>);

impl SessionTicketCallback for Tickets {
    fn on_session_ticket(&self, _: &mut Connection, ticket: &SessionTicket) {
        let mut bytes = vec![0; ticket.len().unwrap_or(0)];
        if ticket.data(&mut bytes).is_ok() {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(bytes);
        }
    }
}

impl ConnectionInitializer for Tickets {
    fn initialize_connection(
        &self,
        connection: &mut Connection,
    ) -> Result<Option<Pin<Box<dyn ConnectionFuture>>>, s2n_tls::error::Error> {
        if let Some(ticket) = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            connection.set_session_ticket(&ticket)?;
        }
        Ok(None)
    }
}

fn provider(cipher: Cipher) -> Arc<CryptoProvider> {
    use aws_lc_rs::cipher_suite as suite;
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![match cipher {
        Cipher::Aes128 => suite::TLS13_AES_128_GCM_SHA256,
        Cipher::Aes256 => suite::TLS13_AES_256_GCM_SHA384,
        Cipher::Chacha20 => suite::TLS13_CHACHA20_POLY1305_SHA256,
    }];
    Arc::new(provider)
}

pub(crate) fn server_with(
    cert: &Path,
    key: &Path,
    alpn: &[u8],
    cipher: Cipher,
) -> anyhow::Result<quic_rustls::Server> {
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<Vec<_>, _>>()?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider(cipher))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.alpn_protocols = vec![alpn.to_vec()];
    Ok(config.into())
}

pub(crate) fn client_with(
    ca: &Path,
    alpn: &[u8],
    cipher: Cipher,
) -> anyhow::Result<quic_rustls::Client> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca)? {
        roots.add(certificate?).context("the CA")?;
    }
    let mut config = rustls::ClientConfig::builder_with_provider(provider(cipher))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    Ok(config.into())
}
