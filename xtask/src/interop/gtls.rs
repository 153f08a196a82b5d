//! ngtcp2's example programs, gtlsclient and gtlsserver. In: a pairing. Out: the commands that play their part of it. They
//! speak HTTP/3, print much, and know options of their own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::case::{Case, Pairing, Scale};
use super::files::Cell;
use super::place::Place;
use crate::shell::found;

/// Looks whether they are there.
pub(super) fn find() -> Result<PathBuf> {
    ensure!(
        found(CLIENT) && Path::new(SERVER).is_file(),
        "not installed (Debian: ngtcp2-client, ngtcp2-server)"
    );
    Ok(PathBuf::from(CLIENT))
}

pub(super) fn server(
    pairing: &Pairing,
    place: &Place,
    served: &Path,
    cert: &Path,
    key: &Path,
) -> Command {
    let mut command = Command::new(SERVER);
    command
        .args(QUIET)
        .args(PATIENT)
        .arg("--htdocs")
        .arg(served);
    if pairing.case == Case::Retry {
        command.arg("--validate-addr");
    }
    if pairing.case == Case::ChaCha20 {
        command.arg(CHACHA20);
    }
    for (public, _) in &place.preferred {
        command.arg(format!("--preferred-ipv4-addr={public}"));
    }
    let listen = place.listen;
    command
        .args([listen.ip().to_string(), listen.port().to_string()])
        .arg(key)
        .arg(cert);
    command
}

/// gtlsclient makes one connection and resumes from a file, so that more connections take more runs of it.
pub(super) fn clients(
    pairing: &Pairing,
    scale: Scale,
    connect: SocketAddr,
    cell: &Cell,
) -> Vec<Command> {
    let paths = pairing.paths(scale);
    if let (Case::ZeroRtt, Some((first, others))) = (pairing.case, paths.split_first()) {
        let runs = [std::slice::from_ref(first), others];
        return runs
            .map(|paths| client(pairing, connect, cell, paths))
            .into();
    }
    if pairing.case == Case::Resumption || pairing.case.many_connections() {
        let runs = paths.chunks(1);
        return runs
            .map(|paths| client(pairing, connect, cell, paths))
            .collect();
    }
    vec![client(pairing, connect, cell, &paths)]
}

fn client(pairing: &Pairing, connect: SocketAddr, cell: &Cell, paths: &[String]) -> Command {
    let mut command = Command::new(CLIENT);
    command
        .args(QUIET)
        .args(PATIENT)
        .args(["--exit-on-all-streams-close", "--sni=localhost"])
        .arg(format!("--download={}", cell.get.display()));
    match pairing.case {
        Case::Resumption | Case::ZeroRtt => {
            let kept = |name: &str| cell.home.join(name).display().to_string();
            command.arg(format!("--session-file={}", kept("session")));
            command.arg(format!("--tp-file={}", kept("parameters")));
            if pairing.case == Case::Resumption {
                command.arg("--disable-early-data");
            }
        }
        Case::ChaCha20 => {
            command.arg(CHACHA20);
        }
        Case::KeyUpdated => {
            command.args(["--key-update=100ms", "--delay-stream=200ms"]);
        }
        Case::VersionNegotiation => {
            command.args(["--version=0x1a2a3a4a", "--preferred-versions=v1"]);
        }
        _ => {}
    }
    let port = connect.port();
    command.args([connect.ip().to_string(), port.to_string()]);
    let urls = paths
        .iter()
        .map(|path| format!("https://localhost:{port}{path}"));
    command.args(urls);
    command
}

const CLIENT: &str = "gtlsclient";
const SERVER: &str = "/usr/sbin/gtlsserver";
/// What crosses is compared, not printed.
const QUIET: [&str; 2] = ["--no-quic-dump", "--no-http-dump"];
/// A link that loses much takes longer than their ten seconds for a handshake, and their thirty without a word.
const PATIENT: [&str; 2] = ["--handshake-timeout=60s", "--timeout=60s"];
const CHACHA20: &str = "--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305";
