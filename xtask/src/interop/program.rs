//! In: a pairing. Out: the commands that play its two parts, or why nobody can. Knows every peer's options.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::case::{Case, Pairing, Role, Scale};
use super::files::{Cell, Files};
use super::gtls;
use super::lab::{Certificates, cargo_build, peers_target, target};
use super::place::Place;
use super::requirements;
use crate::python;
use crate::shell::root;

/// An implementation of QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Ours.
    Inquic,
    /// tests/interop/sockets: ours by socket calls, under `inquic run` or in a kernel with quic.ko.
    Sockets,
    /// tests/peers/quinn-peer.
    Quinn,
    /// tests/peers/s2n-peer.
    S2n,
    /// tests/interop/aioquic_peer.py.
    Aioquic,
    /// gtlsclient and gtlsserver of Debian.
    Ngtcp2,
    /// tests/interop/picoquic_peer.py.
    Picoquic,
}

impl Kind {
    pub(crate) const PEERS: [Self; 5] = [
        Self::Quinn,
        Self::S2n,
        Self::Aioquic,
        Self::Ngtcp2,
        Self::Picoquic,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inquic => "inquic",
            Self::Sockets => "sockets",
            Self::Quinn => "quinn",
            Self::S2n => "s2n-quic",
            Self::Aioquic => "aioquic",
            Self::Ngtcp2 => "ngtcp2",
            Self::Picoquic => "picoquic",
        }
    }

    /// Whether it is one of our homes.
    pub(crate) fn is_inquic(self) -> bool {
        matches!(self, Self::Inquic | Self::Sockets)
    }

    /// Whether its servers can ask clients to go only to an address that they have themselves, so that no link can stand before it.
    pub(crate) fn prefers_its_own(self) -> bool {
        matches!(self, Self::Ngtcp2 | Self::Sockets)
    }

    /// Makes it runnable; the path of what is run.
    pub(super) fn install(self) -> Result<PathBuf> {
        let main = root().join("Cargo.toml");
        let peers = root().join("tests/peers/Cargo.toml");
        match self {
            Self::Inquic => {
                Ok(cargo_build(&main, "inquic-interop", &target())?.join("inquic-interop"))
            }
            Self::Sockets => {
                let built = cargo_build(&main, "inquic-interop-sockets", &target())?;
                Ok(built.join("inquic-interop-sockets"))
            }
            Self::Quinn => {
                Ok(cargo_build(&peers, "quinn-peer", &peers_target())?.join("quinn-peer"))
            }
            Self::S2n => Ok(cargo_build(&peers, "s2n-peer", &peers_target())?.join("s2n-peer")),
            Self::Aioquic => python::with("python", requirements().pip, 8),
            Self::Picoquic => python::with("python-picoquic", requirements().pip_newer, 12),
            Self::Ngtcp2 => gtls::find(),
        }
    }

    /// What a peer that is a Python runs.
    pub(super) const fn starts(self) -> &'static [&'static str] {
        match self {
            Self::Aioquic => &["aioquic_peer.py", "h3spec.py"],
            Self::Picoquic => &["picoquic_peer.py"],
            _ => &[],
        }
    }

    /// Where that is.
    pub(super) fn scripts() -> PathBuf {
        root().join("tests/interop")
    }

    /// Where that is, and what it imports, among what was laid out in a folder.
    pub(super) fn modules(self, folder: &Path) -> PathBuf {
        folder.join("python").join(self.name())
    }

    /// The path of what is run in a booted kernel: what was built is in this folder.
    fn laid_out(self, folder: &Path) -> Result<PathBuf> {
        let name = match self {
            Self::Inquic => "inquic-interop",
            Self::Sockets => "inquic-interop-sockets",
            Self::Quinn => "quinn-peer",
            Self::S2n => "s2n-peer",
            // What interprets or plays them is where it was outside.
            Self::Aioquic | Self::Picoquic | Self::Ngtcp2 => return self.install(),
        };
        let program = folder.join("programs").join(name);
        ensure!(program.is_file(), "it could not be built");
        Ok(program)
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
        (Case::VersionNegotiation, Role::Server, Kind::Picoquic | Kind::Inquic) => {
            Some("the client cannot be told to begin with a reserved version")
        }
        (Case::V2, _, Kind::Quinn | Kind::S2n) => Some("it speaks version 1 only"),
        (Case::V2, _, Kind::Ngtcp2) => Some("its version 2 is that of a draft"),
        (Case::V2, Role::Client, Kind::Aioquic | Kind::Picoquic)
            if pairing.ours == Kind::Sockets =>
        {
            Some("it goes by what the client prefers, which is what a socket begins with")
        }
        (Case::ConnectionMigration, Role::Client, Kind::S2n) => {
            Some("s2n-quic has no preferred address")
        }
        (Case::ConnectionMigration, Role::Client, Kind::Picoquic) => {
            Some("aiopquic has no option for the preferred address of a server")
        }
        (Case::ConnectionMigration, Role::Server, Kind::Quinn | Kind::S2n) => {
            Some("the client stays where it is, whatever address the server prefers")
        }
        (Case::Ecn, _, Kind::Aioquic) => Some("aioquic neither marks packets nor reports marks"),
        _ if pairing.http3() && !pairing.ours.is_inquic() && pairing.ours != Kind::Quinn => {
            Some("no HTTP/3 here, and ngtcp2 has nothing else")
        }
        _ => None,
    }
}

/// The implementations that can be run.
pub(crate) struct Programs {
    paths: BTreeMap<Kind, Result<PathBuf, String>>,
    /// What gives programs their sockets, where the kernel does not.
    home: Option<PathBuf>,
    /// Where all was laid out, in a booted kernel.
    laid_out: Option<PathBuf>,
    certificates: Certificates,
    served: PathBuf,
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
        let home = match ours {
            Kind::Sockets => {
                let built = cargo_build(&root().join("Cargo.toml"), "inquic-cli", &target())?;
                Some(built.join("inquic"))
            }
            _ => None,
        };
        Ok(Self {
            paths,
            home,
            laid_out: None,
            certificates,
            served: files.served(),
        })
    }

    /// Looks up what was laid out for a booted kernel, whose sockets are its own.
    pub(crate) fn laid_out(
        folder: &Path,
        ours: Kind,
        peers: &[Kind],
        certificates: Certificates,
        files: &Files,
    ) -> Result<Self> {
        let mut paths = BTreeMap::from([(ours, Ok(ours.laid_out(folder)?))]);
        for &peer in peers {
            let found = peer.laid_out(folder).map_err(|error| format!("{error:#}"));
            paths.insert(peer, found);
        }
        Ok(Self {
            paths,
            home: None,
            laid_out: Some(folder.to_owned()),
            certificates,
            served: files.served(),
        })
    }

    /// Why a peer is not there.
    pub(crate) fn missing(&self, kind: Kind) -> Option<&str> {
        self.paths.get(&kind)?.as_ref().err().map(String::as_str)
    }

    /// The server of a pairing.
    pub(crate) fn server(&self, pairing: &Pairing, place: &Place) -> Command {
        let Certificates { cert, chain, .. } = &self.certificates;
        let cert = match pairing.case {
            Case::AmplificationLimit => chain,
            _ => cert,
        };
        let kind = pairing.server();
        if kind == Kind::Ngtcp2 {
            return gtls::server(pairing, place, &self.served, cert, &self.certificates.key);
        }
        let mut command = self.command(kind);
        command.args(["server", "--listen", &place.listen.to_string()]);
        for (public, local) in &place.preferred {
            command.args(["--preferred", &format!("{public}={local}")]);
        }
        command
            .arg("--cert")
            .arg(cert)
            .arg("--key")
            .arg(&self.certificates.key)
            .arg("--dir")
            .arg(&self.served);
        common_options(&mut command, pairing, Role::Server);
        if pairing.case == Case::Retry {
            command.arg("--retry");
        }
        if matches!(pairing.case, Case::ZeroRtt | Case::H3Spec) {
            command.arg("--early");
        }
        if pairing.case == Case::VersionNegotiation && kind == Kind::Aioquic {
            command.arg("--only-version-2");
        }
        command
    }

    /// The clients of a pairing, to be run one after the other.
    pub(crate) fn clients(
        &self,
        pairing: &Pairing,
        scale: Scale,
        connect: SocketAddr,
        cell: &Cell,
    ) -> Vec<Command> {
        let kind = pairing.client();
        if kind == Kind::Ngtcp2 {
            return gtls::clients(pairing, scale, connect, cell);
        }
        if pairing.case == Case::H3Spec {
            let mut command = self.script(kind, "h3spec.py");
            command.args(["server", "--connect", &connect.to_string(), "--ca"]);
            command.arg(&self.certificates.ca);
            return vec![command];
        }
        let mut command = self.command(kind);
        command.args(["client", "--connect", &connect.to_string()]);
        command
            .arg("--ca")
            .arg(&self.certificates.ca)
            .arg("--dir")
            .arg(&cell.get);
        common_options(&mut command, pairing, Role::Client);
        if matches!(pairing.case, Case::Resumption | Case::ZeroRtt) {
            command.arg("--resume");
        }
        if pairing.case == Case::ZeroRtt {
            command.arg("--early");
        }
        if pairing.case.many_connections() {
            command.arg("--multiconnect");
        }
        if pairing.case == Case::VersionNegotiation {
            command.arg(match pairing.role {
                Role::Server => "--version-negotiation",
                Role::Client => "--only-version-1",
            });
        }
        command.args(pairing.paths(scale));
        vec![command]
    }

    /// The peer that attacks clients, and starts one for each case.
    pub(crate) fn offender(&self, pairing: &Pairing, cell: &Cell) -> Command {
        let mut command = self.script(pairing.peer, "h3spec.py");
        command
            .args(["client", "--cert"])
            .arg(&self.certificates.cert)
            .arg("--key")
            .arg(&self.certificates.key)
            .arg("--")
            .args(self.words(pairing.ours))
            .args(["client", "--connect", "{}", "--ca"])
            .arg(&self.certificates.ca)
            .arg("--dir")
            .arg(&cell.get)
            .arg("/1k");
        command
    }

    fn command(&self, kind: Kind) -> Command {
        match kind {
            Kind::Aioquic => self.script(kind, "aioquic_peer.py"),
            Kind::Picoquic => self.script(kind, "picoquic_peer.py"),
            _ => {
                let words = self.words(kind);
                let mut words = words.into_iter();
                let mut command = Command::new(words.next().unwrap_or_default());
                command.args(words);
                command
            }
        }
    }

    /// What runs a program of ours, or of a peer that has one.
    fn words(&self, kind: Kind) -> Vec<OsString> {
        let program = self.path(kind).into_os_string();
        match &self.home {
            Some(home) if kind == Kind::Sockets => vec![home.into(), "run".into(), program],
            _ => vec![program],
        }
    }

    /// What a peer that is a Python runs.
    fn script(&self, kind: Kind, name: &str) -> Command {
        let mut command = Command::new(self.path(kind));
        if let Some(folder) = &self.laid_out {
            let modules = kind.modules(folder);
            command.arg(modules.join(name)).env("PYTHONPATH", modules);
        } else {
            command.arg(Kind::scripts().join(name));
        }
        command
    }

    fn path(&self, kind: Kind) -> PathBuf {
        match self.paths.get(&kind) {
            Some(Ok(path)) => path.clone(),
            // Cannot be: a pairing with a missing program is skipped. Running this says so.
            _ => PathBuf::from(kind.name()),
        }
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
    if pairing.case == Case::V2 {
        command.arg("--prefer-version-2");
    }
    if pairing.http3() {
        command.arg("--http3");
    }
}
