//! A client and a server over sockets in memory, which check what a real socket would.

mod agreement;
mod bytes;
mod clients;
mod configuration;
mod early;
mod refusal;
#[cfg(feature = "psk")]
mod shared;
mod versions;

use std::collections::VecDeque;
use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use crate::cert::{CertificateAuthority, IssuedCertificate};
use inquic_wire::Version;

use crate::*;

/// What a session did to its socket, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    Send(Level, usize),
    Install(Level, KeySide),
    Remembered,
    Accepted(bool),
    PeerParameters,
    Fail(u8),
    Refuse,
}

/// A socket in memory.
struct MemorySocket {
    role: &'static [u8],
    arrived: VecDeque<(Level, Vec<u8>)>,
    sent: VecDeque<(Level, Vec<u8>)>,
    secrets: Vec<(Level, KeySide, CipherSuite, Vec<u8>)>,
    peer_parameters: Option<Vec<u8>>,
    acts: Vec<Act>,
    /// Bytes that one call of `receive` gives at most.
    piece: usize,
    /// What had been done when our parameters were asked for.
    asked_after: Option<Vec<Act>>,
    /// The version of the client's first flight.
    original: Version,
    /// The version in use.
    version: Version,
}

impl MemorySocket {
    fn new(role: &'static [u8]) -> Self {
        Self {
            role,
            arrived: VecDeque::new(),
            sent: VecDeque::new(),
            secrets: Vec::new(),
            peer_parameters: None,
            acts: Vec::new(),
            piece: usize::MAX,
            asked_after: None,
            original: Version::V1,
            version: Version::V1,
        }
    }

    /// When something happened, among all that did.
    fn place(&self, wanted: &Act) -> usize {
        let found = self.acts.iter().position(|act| act == wanted);
        found.unwrap_or_else(|| panic!("{wanted:?} in {:?}", self.acts))
    }

    fn has(&self, level: Level, side: KeySide) -> bool {
        let mut secrets = self.secrets.iter();
        level == Level::Initial || secrets.any(|secret| (secret.0, secret.1) == (level, side))
    }

    fn secret(&self, level: Level, side: KeySide) -> &[u8] {
        let mut secrets = self.secrets.iter();
        let found = secrets.find(|secret| (secret.0, secret.1) == (level, side));
        &found.expect("installed").3
    }

    fn failure(&self) -> Option<u8> {
        self.acts.iter().find_map(|act| match act {
            Act::Fail(alert) => Some(*alert),
            _ => None,
        })
    }

    /// Whether it was closed with PROTOCOL_VIOLATION.
    fn refused(&self) -> bool {
        self.acts.contains(&Act::Refuse)
    }
}

impl HandshakeSocket for MemorySocket {
    fn transport_parameters(&mut self, out: &mut [u8; 512]) -> io::Result<usize> {
        self.asked_after = Some(self.acts.clone());
        out[..self.role.len()].copy_from_slice(self.role);
        Ok(self.role.len())
    }

    fn set_peer_transport_parameters(&mut self, bytes: &[u8]) -> io::Result<()> {
        assert!(
            self.peer_parameters.replace(bytes.to_vec()).is_none(),
            "told twice"
        );
        self.acts.push(Act::PeerParameters);
        Ok(())
    }

    fn begin_early_data(&mut self, remembered: &[u8]) -> io::Result<()> {
        assert!(!remembered.is_empty());
        self.acts.push(Act::Remembered);
        Ok(())
    }

    fn set_early_data_accepted(&mut self, accepted: bool) {
        self.acts.push(Act::Accepted(accepted));
    }

    fn install_secret(
        &mut self,
        level: Level,
        side: KeySide,
        suite: CipherSuite,
        secret: &[u8],
    ) -> io::Result<()> {
        assert!(
            level != Level::Initial && !self.has(level, side),
            "installed twice"
        );
        assert_eq!(secret.len(), suite.hash_len());
        self.secrets.push((level, side, suite, secret.to_vec()));
        self.acts.push(Act::Install(level, side));
        Ok(())
    }

    fn send(&mut self, level: Level, bytes: &[u8]) -> io::Result<()> {
        assert!(
            self.has(level, KeySide::Seal),
            "no key to send at {level:?}"
        );
        assert!(!bytes.is_empty());
        self.sent.push_back((level, bytes.to_vec()));
        self.acts.push(Act::Send(level, bytes.len()));
        Ok(())
    }

    fn receive(&mut self, out: &mut [u8]) -> io::Result<Option<(Level, usize)>> {
        let Some((level, bytes)) = self.arrived.front_mut() else {
            return Ok(None);
        };
        let level = *level;
        let len = bytes.len().min(out.len()).min(self.piece);
        out[..len].copy_from_slice(&bytes[..len]);
        bytes.drain(..len);
        if bytes.is_empty() {
            self.arrived.pop_front();
        }
        // A packet that cannot be opened never gives bytes; tests that break this rule send garbage on purpose.
        Ok(Some((level, len)))
    }

    fn original_version(&self) -> Version {
        self.original
    }

    fn version(&self) -> Version {
        self.version
    }

    fn fail(&mut self, alert: u8) {
        self.acts.push(Act::Fail(alert));
    }

    fn refuse(&mut self) {
        self.acts.push(Act::Refuse);
    }
}

/// Two ends and the wire between them.
struct Pair {
    client: Session,
    server: Session,
    client_socket: MemorySocket,
    server_socket: MemorySocket,
}

type Outcome = (
    Result<Progress, HandshakeError>,
    Result<Progress, HandshakeError>,
);

impl Pair {
    fn new(client: &ClientConfig, server: &ServerConfig) -> Self {
        Self::named(client, server, "server.example")
    }

    fn named(client: &ClientConfig, server: &ServerConfig, name: &str) -> Self {
        Self {
            client: Session::client(client, name).expect("a name"),
            server: Session::server(server),
            client_socket: MemorySocket::new(b"client parameters"),
            server_socket: MemorySocket::new(b"server parameters"),
        }
    }

    /// Gives each end what the other sent, until neither has anything to say or one fails.
    fn run(&mut self) -> Outcome {
        loop {
            let client = self.client.step(&mut self.client_socket);
            self.server_socket
                .arrived
                .append(&mut self.client_socket.sent);
            let server = self.server.step(&mut self.server_socket);
            self.client_socket
                .arrived
                .append(&mut self.server_socket.sent);
            if client.is_err() || server.is_err() || self.client_socket.arrived.is_empty() {
                return (client, server);
            }
        }
    }

    /// Runs a handshake that must succeed.
    fn complete(&mut self) {
        let (client, server) = self.run();
        assert_eq!(client.expect("the client"), Progress::Complete);
        assert_eq!(server.expect("the server"), Progress::Complete);
    }
}

static AUTHORITY: LazyLock<CertificateAuthority> =
    LazyLock::new(|| CertificateAuthority::new("test authority").expect("an authority"));
static ISSUED: LazyLock<IssuedCertificate> = LazyLock::new(|| {
    let names = ["server.example", "127.0.0.1", "::1"];
    AUTHORITY
        .issue(&names, Duration::from_secs(3600))
        .expect("a certificate")
});

fn roots() -> Roots {
    Roots::pem(AUTHORITY.pem().as_bytes()).expect("roots")
}

fn certificate(issued: &IssuedCertificate) -> Certificate {
    let IssuedCertificate {
        certificate_pem,
        key_pem,
    } = issued;
    Certificate::from_pem(certificate_pem.as_bytes(), key_pem.as_bytes()).expect("a certificate")
}

fn client() -> ClientConfigBuilder {
    ClientConfig::builder().roots(roots()).alpn(["files/1"])
}

fn server() -> ServerConfigBuilder {
    ServerConfig::builder()
        .certificate(certificate(&ISSUED))
        .alpn(["files/1"])
}

fn pair() -> Pair {
    Pair::new(
        &client().build().expect("a client"),
        &server().build().expect("a server"),
    )
}
