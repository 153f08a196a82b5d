//! Comes in: an address, certificates, settings. Goes out: connections whose streams the commands use.
//! Must never let an error of the library lose its kind: the exit code follows from it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use inquic::tokio::{Connection, ConnectionBuilder, Listener, ListenerBuilder, Stream};
use inquic::{Algorithm, Certificate, CipherSuite, Error, KeyExchange, Roots, TransportConfig};
use tokio::time::timeout;

use crate::args;
use crate::failure::{Exit, Failure, shown};
use crate::transport::{Dial, Streams};

/// A connection over QUIC.
#[derive(Clone, Debug)]
pub(crate) struct Quic(pub(crate) Connection);

impl Quic {
    /// Waits until a connection that was closed here is over, but not long.
    pub(crate) async fn gone(&self) {
        // A peer that does not hear it finds out by itself.
        let _ = timeout(GOODBYE, self.0.closed()).await;
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

    async fn close(&self, code: u64, reason: &str) {
        self.0.close(code, reason);
    }
}

/// A server that can be connected to again and again.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    pub(crate) builder: ConnectionBuilder,
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
        return Roots::system().map_err(|e| Failure::new(Exit::Local, format!("no roots on this machine: {e}"), way_out));
    };
    let pem = read(path)?;
    Roots::pem(&pem).map_err(|e| {
        let cause = format!("{} has no usable CA certificate in it: {e}", shown(path));
        Failure::new(Exit::Local, cause, "give a PEM file, as `inquic cert` writes ca.pem")
    })
}

/// A certificate chain and its key.
pub(crate) fn certificate(chain: &Path, key: &Path) -> Result<Certificate, Failure> {
    let (chain_pem, key_pem) = (read(chain)?, read(key)?);
    Certificate::from_pem(&chain_pem, &key_pem).map_err(|e| {
        let cause = format!("{} and {} are no certificate and key: {e}", shown(chain), shown(key));
        Failure::new(Exit::Local, cause, "give PEM files that belong together, as `inquic cert` writes them")
    })
}

/// Listens.
pub(crate) async fn listen(builder: ListenerBuilder, address: SocketAddr) -> Result<Listener, Failure> {
    builder.bind(address).await.map_err(|e| failure(&e))
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
pub(crate) fn transport() -> TransportConfig {
    TransportConfig::default().keep_alive(Duration::from_secs(10))
}

/// How measurements travel, as benches/PROTOCOL.md has it.
pub(crate) fn measured(args: &args::Transport) -> TransportConfig {
    let algorithm = match args.cc {
        args::Congestion::Cubic => Algorithm::Cubic,
        args::Congestion::NewReno => Algorithm::NewReno,
    };
    TransportConfig::default().idle_timeout(Duration::from_secs(60)).congestion(algorithm).udp_payload(args.mtu)
}

/// The cipher suite of that name.
pub(crate) const fn suite(cipher: args::Cipher) -> CipherSuite {
    match cipher {
        args::Cipher::Aes128 => CipherSuite::Aes128GcmSha256,
        args::Cipher::Aes256 => CipherSuite::Aes256GcmSha384,
        args::Cipher::Chacha20 => CipherSuite::ChaCha20Poly1305Sha256,
    }
}

/// The key exchange of that name.
pub(crate) const fn exchange(kx: args::KeyExchange) -> KeyExchange {
    match kx {
        args::KeyExchange::X25519 => KeyExchange::X25519,
        args::KeyExchange::X25519MlKem768 => KeyExchange::X25519MlKem768,
    }
}

/// What an error of the library means for the user. Its text names cause and way out.
pub(crate) fn failure(error: &Error) -> Failure {
    Failure::told(exit(error), &error.to_string())
}

const fn exit(error: &Error) -> Exit {
    match error {
        Error::BadAddress(_) | Error::Config(_) | Error::NoSuchHome(_) => Exit::Usage,
        Error::WrongCa
        | Error::CertificateExpired
        | Error::CertificateNotYetValid
        | Error::WrongName { .. }
        | Error::BadCertificate(_)
        | Error::CertificateRefused { .. }
        | Error::NoCommonAlpn
        | Error::NoCommonVersion
        | Error::Handshake(_) => Exit::Handshake,
        _ => Exit::Network,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| Failure::reading(&shown(path), &e))
}

/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
