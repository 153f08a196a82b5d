//! Comes in: an address, certificates, settings. Goes out: connections whose streams the commands use.
//! Must never let an error of the library lose its kind: the exit code follows from it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use inquic::tokio::{Connection, Listener, Stream};
use inquic::{
    Algorithm, Certificate, CipherSuite, ConnectionBuilder, Error, HandshakeInfo, KeyExchange,
    ListenerBuilder, Roots, Tokio, TransportConfig, Version,
};
use tokio::time::timeout;

use crate::args;
use crate::failure::{Exit, Failure, shown};
use crate::transport::{Dial, Streams};

/// A connection over QUIC.
#[derive(Clone, Debug)]
pub(crate) struct Quic(pub(crate) Connection);

impl Quic {
    /// When streams break, the connection may have ended, and its end says more about the cause.
    pub(crate) async fn why(&self, broken: Failure) -> Failure {
        if !broken.is_connection() {
            return broken;
        }
        match timeout(END_TIMEOUT, self.0.closed()).await {
            Ok(end) => failure(&end),
            Err(_) => broken,
        }
    }
}

impl Streams for Quic {
    type Stream = Stream;

    async fn open(&self) -> io::Result<Stream> {
        Ok(self.0.open().await?)
    }

    async fn accept(&self) -> io::Result<Option<Stream>> {
        Ok(self.0.accept().await?)
    }

    fn close(&self, code: u64, reason: &str) {
        self.0.close(code, reason);
    }

    async fn gone(&self) {
        // A peer that does not hear it finds out by itself.
        drop(timeout(GOODBYE, self.0.closed()).await);
    }
}

/// A server that can be connected to again and again.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    pub(crate) builder: ConnectionBuilder<Tokio>,
    pub(crate) server: String,
}

impl Dial for Dialer {
    type Connection = Quic;

    async fn connect(&self) -> Result<Quic, Failure> {
        let connected = self.builder.connect(&self.server).await;
        connected.map(Quic).map_err(|e| failure(&e))
    }
}

/// The roots in a file, or those of the system.
pub(crate) fn roots(ca: Option<&Path>) -> Result<Roots, Failure> {
    let Some(path) = ca else {
        let way_out = "give the CA with --ca";
        return Roots::system().map_err(|e| {
            Failure::new(
                Exit::Local,
                format!("no roots on this machine: {e}"),
                way_out,
            )
        });
    };
    let pem = read(path)?;
    Roots::pem(&pem).map_err(|e| {
        let cause = format!("{} has no usable CA certificate in it: {e}", shown(path));
        Failure::new(
            Exit::Local,
            cause,
            "give a PEM file, as `inquic cert` writes ca.pem",
        )
    })
}

/// A certificate chain and its key.
pub(crate) fn certificate(chain: &Path, key: &Path) -> Result<Certificate, Failure> {
    let (chain_pem, key_pem) = (read(chain)?, read(key)?);
    Certificate::from_pem(&chain_pem, &key_pem).map_err(|e| {
        let cause = format!(
            "{} and {} are no certificate and key: {e}",
            shown(chain),
            shown(key)
        );
        Failure::new(
            Exit::Local,
            cause,
            "give PEM files that belong together, as `inquic cert` writes them",
        )
    })
}

/// Where logs go: where `asked`, else where `QLOGDIR` says, which may be nowhere. The directory is made if it is not there.
pub(crate) fn logs(asked: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let variable = || std::env::var_os("QLOGDIR").filter(|path| !path.is_empty());
    let Some(directory) = asked
        .map(PathBuf::from)
        .or_else(|| variable().map(PathBuf::from))
    else {
        return Ok(None);
    };
    std::fs::create_dir_all(&directory).map_err(|e| {
        let cause = format!("cannot make {} for logs: {e}", shown(&directory));
        Failure::new(Exit::Local, cause, "give another directory with --qlog")
    })?;
    Ok(Some(directory))
}

/// Listens.
pub(crate) fn listen(
    builder: ListenerBuilder<Tokio>,
    address: SocketAddr,
) -> Result<Listener, Failure> {
    builder.bind(address).map_err(|e| failure(&e))
}

/// The next client; none when the listener was closed.
pub(crate) async fn accept(listener: &Listener) -> Result<Option<Quic>, Failure> {
    match listener.accept().await {
        Ok(connection) => Ok(Some(Quic(connection))),
        Err(Error::ListenerClosed) => Ok(None),
        Err(error) => Err(failure(&error)),
    }
}

/// How files travel: a silent peer is noticed, and one that waits for its disk is not taken for one.
pub(crate) fn transport(args: args::Datagram) -> TransportConfig {
    TransportConfig::default()
        .keep_alive(Duration::from_secs(10))
        .udp_payload(args.mtu)
        .versions(versions(args.quic_version))
}

/// How measurements travel, as benches/PROTOCOL.md has it.
pub(crate) fn measured(args: &args::Transport) -> TransportConfig {
    let algorithm = match args.cc {
        args::Congestion::Cubic => Algorithm::Cubic,
        args::Congestion::NewReno => Algorithm::NewReno,
        args::Congestion::Bbr => Algorithm::Bbr,
    };
    let config = TransportConfig::default()
        .idle_timeout(Duration::from_secs(60))
        .congestion(algorithm)
        .udp_payload(args.mtu)
        // What is measured has one size from beginning to end.
        .udp_payload_ceiling(args.mtu)
        .versions(versions(args.quic_version));
    if args.insecure_disable_1rtt_encryption {
        config.insecure_disable_1rtt_encryption()
    } else {
        config
    }
}

fn versions(list: args::QuicVersions) -> Vec<Version> {
    match list {
        args::QuicVersions::One => vec![Version::V1],
        args::QuicVersions::Two => vec![Version::V2],
        args::QuicVersions::OneTwo => vec![Version::V1, Version::V2],
        args::QuicVersions::TwoOne => vec![Version::V2, Version::V1],
    }
}

/// The version in words.
pub(crate) fn version(info: &HandshakeInfo) -> String {
    let name = match Version(info.version) {
        Version::V1 => "1".to_owned(),
        Version::V2 => "2".to_owned(),
        other => format!("{other:?}"),
    };
    format!("QUIC version {name}")
}

/// The cipher suite's name, as TLS has it.
pub(crate) const fn cipher(info: &HandshakeInfo) -> &'static str {
    match info.cipher_suite {
        CipherSuite::Aes128GcmSha256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::Aes256GcmSha384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::ChaCha20Poly1305Sha256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::Aes128CcmSha256 => "TLS_AES_128_CCM_SHA256",
    }
}

/// The key exchange's name, as TLS has it.
pub(crate) const fn key_exchange(info: &HandshakeInfo) -> &'static str {
    match info.key_exchange {
        Some(KeyExchange::X25519MlKem768) => "X25519MLKEM768",
        Some(KeyExchange::X25519) => "X25519",
        Some(KeyExchange::Secp256r1) => "secp256r1",
        Some(KeyExchange::Secp384r1) => "secp384r1",
        None => "none",
    }
}

/// The cipher suite of that name.
pub(crate) const fn suite(cipher: args::Cipher) -> CipherSuite {
    match cipher {
        args::Cipher::Aes128 => CipherSuite::Aes128GcmSha256,
        args::Cipher::Aes256 => CipherSuite::Aes256GcmSha384,
        args::Cipher::Chacha20 => CipherSuite::ChaCha20Poly1305Sha256,
        args::Cipher::Aes128Ccm => CipherSuite::Aes128CcmSha256,
    }
}

/// The key exchange of that name.
pub(crate) const fn exchange(kx: args::KeyExchange) -> KeyExchange {
    match kx {
        args::KeyExchange::X25519 => KeyExchange::X25519,
        args::KeyExchange::X25519MlKem768 => KeyExchange::X25519MlKem768,
    }
}

/// What an error of the library means for the user. Most of its texts name cause and way out; where they speak to a programmer,
/// the way out is another for who uses a command.
pub(crate) fn failure(error: &Error) -> Failure {
    let again = "see that it runs, then run again with --resume";
    match error {
        Error::PeerGone => Failure::new(
            Exit::Network,
            "the peer is gone: nothing came from it any more",
            again,
        ),
        Error::ClosedByPeer { .. } | Error::Reset { .. } | Error::Stopped { .. } => {
            Failure::new(Exit::Network, error, again)
        }
        _ => Failure::told(exit(error), &error.to_string()),
    }
}

const fn exit(error: &Error) -> Exit {
    match error {
        Error::BadAddress { .. } | Error::Config { .. } | Error::NoSuchHome { .. } => Exit::Usage,
        Error::WrongCa { .. }
        | Error::CertificateExpired { .. }
        | Error::CertificateNotYetValid { .. }
        | Error::WrongName { .. }
        | Error::BadCertificate { .. }
        | Error::CertificateRefused { .. }
        | Error::NoCommonAlpn { .. }
        | Error::NoCommonVersion
        | Error::Handshake { .. } => Exit::Handshake,
        _ => Exit::Network,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| Failure::reading(&shown(path), &e))
}

/// Streams break just before the end of their connection is known.
const END_TIMEOUT: Duration = Duration::from_millis(200);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
