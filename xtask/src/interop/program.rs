//! In: a pairing. Out: the commands that play its two parts, or why nobody can. Knows every peer's options.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::case::{Case, Pairing, Role};
use super::files::Files;
use super::lab::{Certificates, cargo_build, peers_target, python, target};
use super::requirements;
use crate::shell::{found, root};

/// An implementation of QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Ours.
    Inquic,
    /// tests/peers/quinn-peer.
    Quinn,
    /// tests/peers/s2n-peer.
    S2n,
    /// tests/interop/aioquic_peer.py.
    Aioquic,
    /// gtlsclient and gtlsserver of Debian.
    Ngtcp2,
}

impl Kind {
    pub(crate) const PEERS: [Self; 4] = [Self::Quinn, Self::S2n, Self::Aioquic, Self::Ngtcp2];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inquic => "inquic",
            Self::Quinn => "quinn",
            Self::S2n => "s2n-quic",
            Self::Aioquic => "aioquic",
            Self::Ngtcp2 => "ngtcp2",
        }
    }

    /// Makes it runnable; the path of what is run.
    fn install(self) -> Result<PathBuf> {
        let peers = root().join("tests/peers/Cargo.toml");
        match self {
            Self::Inquic => {
                let main = root().join("Cargo.toml");
                Ok(cargo_build(&main, "inquic-interop", &target())?.join("inquic-interop"))
            }
            Self::Quinn => {
                Ok(cargo_build(&peers, "quinn-peer", &peers_target())?.join("quinn-peer"))
            }
            Self::S2n => Ok(cargo_build(&peers, "s2n-peer", &peers_target())?.join("s2n-peer")),
            Self::Aioquic => python(requirements().pip),
            Self::Ngtcp2 => {
                anyhow::ensure!(
                    found(GTLS_CLIENT) && Path::new(GTLS_SERVER).is_file(),
                    "not installed (Debian: ngtcp2-client, ngtcp2-server)"
                );
                Ok(PathBuf::from(GTLS_CLIENT))
            }
        }
    }
}

/// Why a pairing cannot be played at all, for reasons that lie with the peer.
pub(crate) fn why_not(pairing: &Pairing) -> Option<&'static str> {
    let updater = pairing.key_updater().map(|role| match role {
        Role::Client => pairing.client(),
        Role::Server => pairing.server(),
    });
    match (updater, pairing.key_updater()) {
        (Some(Kind::S2n), _) => return Some("s2n-quic has no call that updates keys"),
        (Some(Kind::Ngtcp2), Some(Role::Server)) => {
            return Some("gtlsserver has no option that updates keys");
        }
        _ => {}
    }
    match (pairing.case, pairing.role, pairing.peer) {
        (Case::VersionNegotiation, Role::Client, peer) if peer != Kind::Aioquic => {
            Some("the server cannot be told to refuse version 1")
        }
        (Case::VersionNegotiation, Role::Server, Kind::Quinn | Kind::S2n) => {
            Some("the client offers version 1 only")
        }
        (Case::ZeroRtt, _, Kind::S2n) => Some("s2n-quic has no 0-RTT"),
        _ if pairing.http3() && ![Kind::Inquic, Kind::Quinn].contains(&pairing.ours) => {
            Some("no HTTP/3 here, and ngtcp2 has nothing else")
        }
        _ => None,
    }
}

/// The implementations that can be run.
pub(crate) struct Programs {
    paths: BTreeMap<Kind, Result<PathBuf, String>>,
    certificates: Certificates,
    served: PathBuf,
    home: PathBuf,
}

impl Programs {
    /// Builds and looks up what is needed. A peer that is not to be had is noted; ours must be.
    pub(crate) fn find(
        ours: Kind,
        peers: &[Kind],
        certificates: Certificates,
        files: &Files,
    ) -> Result<Self> {
        let mut paths = BTreeMap::from([(ours, Ok(ours.install()?))]);
        for &peer in peers {
            let found = peer.install().map_err(|error| format!("{error:#}"));
            paths.entry(peer).or_insert(found);
        }
        let (served, home) = (files.served(), files.home());
        Ok(Self {
            paths,
            certificates,
            served,
            home,
        })
    }

    /// Why a peer is not there.
    pub(crate) fn missing(&self, kind: Kind) -> Option<&str> {
        self.paths.get(&kind)?.as_ref().err().map(String::as_str)
    }

    /// The server of a pairing.
    pub(crate) fn server(&self, pairing: &Pairing, port: u16) -> Command {
        let Certificates { cert, key, .. } = &self.certificates;
        let kind = pairing.server();
        if kind == Kind::Ngtcp2 {
            let mut command = Command::new(GTLS_SERVER);
            command.args(GTLS_QUIET).arg("--htdocs").arg(&self.served);
            if pairing.case == Case::Retry {
                command.arg("--validate-addr");
            }
            if pairing.case == Case::ChaCha20 {
                command.arg(GTLS_CHACHA20);
            }
            command
                .args(["127.0.0.1", &port.to_string()])
                .arg(key)
                .arg(cert);
            return command;
        }
        let mut command = self.command(kind);
        command.args(["server", "--listen", &format!("127.0.0.1:{port}")]);
        command
            .arg("--cert")
            .arg(cert)
            .arg("--key")
            .arg(key)
            .arg("--dir")
            .arg(&self.served);
        common_options(&mut command, pairing, Role::Server);
        if pairing.case == Case::Retry {
            command.arg("--retry");
        }
        if pairing.case == Case::ZeroRtt {
            command.arg("--early");
        }
        if pairing.case == Case::VersionNegotiation && kind == Kind::Aioquic {
            command.arg("--only-version-2");
        }
        command
    }

    /// The clients of a pairing, to be run one after the other.
    pub(crate) fn clients(&self, pairing: &Pairing, port: u16, get: &Path) -> Vec<Command> {
        let kind = pairing.client();
        if kind == Kind::Ngtcp2 {
            return self.gtls_clients(pairing, port, get);
        }
        let mut command = self.command(kind);
        command.args(["client", "--connect", &format!("127.0.0.1:{port}")]);
        command
            .arg("--ca")
            .arg(&self.certificates.ca)
            .arg("--dir")
            .arg(get);
        common_options(&mut command, pairing, Role::Client);
        if matches!(pairing.case, Case::Resumption | Case::ZeroRtt) {
            command.arg("--resume");
        }
        if pairing.case == Case::ZeroRtt {
            command.arg("--early");
        }
        if pairing.case == Case::VersionNegotiation && pairing.role == Role::Server {
            command.arg("--version-negotiation");
        }
        command.args(pairing.paths());
        vec![command]
    }

    /// gtlsclient resumes from a file, so that takes two runs of it.
    fn gtls_clients(&self, pairing: &Pairing, port: u16, get: &Path) -> Vec<Command> {
        let mut runs = vec![pairing.paths()];
        if matches!(pairing.case, Case::Resumption | Case::ZeroRtt) {
            runs = pairing.paths().into_iter().map(|path| vec![path]).collect();
        }
        let (session, parameters) = (self.home.join("session"), self.home.join("parameters"));
        if let Err(error) = super::files::forget(&[&session, &parameters]) {
            println!("cannot remove the old session: {error:#}");
        }
        let client = |paths: Vec<String>| {
            let mut command = Command::new(GTLS_CLIENT);
            command
                .args(GTLS_QUIET)
                .args(["--exit-on-all-streams-close", "--sni=localhost"]);
            command.arg(format!("--download={}", get.display()));
            match pairing.case {
                Case::Resumption => {
                    command.arg(format!("--session-file={}", session.display()));
                    command.arg(format!("--tp-file={}", parameters.display()));
                    command.arg("--disable-early-data");
                }
                Case::ZeroRtt => {
                    command.arg(format!("--session-file={}", session.display()));
                    command.arg(format!("--tp-file={}", parameters.display()));
                }
                Case::ChaCha20 => {
                    command.arg(GTLS_CHACHA20);
                }
                Case::KeyUpdated => {
                    command.args(["--key-update=100ms", "--delay-stream=200ms"]);
                }
                Case::VersionNegotiation => {
                    command.args(["--version=0x1a2a3a4a", "--preferred-versions=v1"]);
                }
                _ => {}
            }
            command.args(["127.0.0.1", &port.to_string()]);
            command.args(
                paths
                    .iter()
                    .map(|path| format!("https://localhost:{port}{path}")),
            );
            command
        };
        runs.into_iter().map(client).collect()
    }

    fn command(&self, kind: Kind) -> Command {
        let path = match self.paths.get(&kind) {
            Some(Ok(path)) => path.clone(),
            // Cannot be: a pairing with a missing program is skipped. Running this says so.
            _ => PathBuf::from(kind.name()),
        };
        let mut command = Command::new(path);
        if kind == Kind::Aioquic {
            command.arg(root().join("tests/interop/aioquic_peer.py"));
        }
        command
    }
}

/// The options that servers and clients with our command line have in common.
fn common_options(command: &mut Command, pairing: &Pairing, role: Role) {
    if pairing.case == Case::ChaCha20 {
        command.args(["--cipher", "chacha20"]);
    }
    if pairing.key_updater() == Some(role) {
        command.arg("--key-update");
    }
    if pairing.http3() {
        command.arg("--http3");
    }
}

const GTLS_CLIENT: &str = "gtlsclient";
const GTLS_SERVER: &str = "/usr/sbin/gtlsserver";
/// What crosses is compared, not printed.
const GTLS_QUIET: [&str; 2] = ["--no-quic-dump", "--no-http-dump"];
const GTLS_CHACHA20: &str =
    "--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305";
