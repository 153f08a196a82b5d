//! In: certificate files, the choice of cipher. Out: what quinn wants of rustls. Counts the certificates it verified.

use anyhow::Context;
use peers_common::Cipher;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::DigitallySignedStruct;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::quic::Suite;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many server certificates were verified; a resumed connection verifies none.
pub(crate) static VERIFIED: AtomicUsize = AtomicUsize::new(0);

/// The provider with one cipher suite, or all; with X25519 alone when `classic`.
fn provider(cipher: Option<Cipher>, classic: bool) -> Arc<CryptoProvider> {
    use aws_lc_rs::cipher_suite as suite;
    let mut provider = aws_lc_rs::default_provider();
    if let Some(cipher) = cipher {
        provider.cipher_suites = vec![match cipher {
            Cipher::Aes128 => suite::TLS13_AES_128_GCM_SHA256,
            Cipher::Aes256 => suite::TLS13_AES_256_GCM_SHA384,
            Cipher::Chacha20 => suite::TLS13_CHACHA20_POLY1305_SHA256,
        }];
    }
    if classic {
        provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    }
    Arc::new(provider)
}

/// Initial packets are AES-128-GCM whatever follows.
fn initial_suite() -> anyhow::Result<Suite> {
    aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256
        .tls13()
        .and_then(|suite| suite.quic_suite())
        .context("AES-128-GCM is not a QUIC suite")
}

pub(crate) fn server(
    cert: &Path,
    key: &Path,
    alpn: &[&[u8]],
    cipher: Option<Cipher>,
    classic: bool,
) -> anyhow::Result<QuicServerConfig> {
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<Vec<_>, _>>()?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider(cipher, classic))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    // Of use to clients that ask for it.
    config.max_early_data_size = u32::MAX;
    Ok(QuicServerConfig::with_initial(
        Arc::new(config),
        initial_suite()?,
    )?)
}

pub(crate) fn client(
    ca: &Path,
    alpn: &[u8],
    cipher: Option<Cipher>,
    classic: bool,
    tickets: bool,
) -> anyhow::Result<QuicClientConfig> {
    let provider = provider(cipher, classic);
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca)? {
        roots.add(certificate?)?;
    }
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Counting(verifier)))
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    config.enable_early_data = tickets;
    if !tickets {
        config.resumption = rustls::client::Resumption::disabled();
    }
    Ok(QuicClientConfig::with_initial(
        Arc::new(config),
        initial_suite()?,
    )?)
}

/// Verifies as WebPKI does, and counts.
#[derive(Debug)]
struct Counting(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Counting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        VERIFIED.fetch_add(1, Ordering::Relaxed);
        self.0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
