//! `cargo xtask interop`: our client and server against other implementations, as real processes over loopback.
//! In: a choice of peers and cases; out: a table, and an error when a cell of it failed. Nothing outlives the run.

mod case;
mod evidence;
mod files;
pub(crate) mod lab;
mod matrix;
mod probe;
mod program;

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use case::{Case, Pairing, Role};
use files::Files;
use lab::{Certificates, Running, keep_on_interrupt, poll, target};
use matrix::{Cell, Matrix};
use program::{Kind, Programs, why_not};

/// What `cargo xtask interop` takes.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Whose client and server are tested; another than inquic proves the harness.
    #[arg(long, value_enum, default_value_t = Kind::Inquic)]
    ours: Kind,
    /// Only these peers.
    #[arg(long, value_enum, value_delimiter = ',')]
    peer: Vec<Kind>,
    /// Only these cases.
    #[arg(long, value_enum, value_delimiter = ',')]
    case: Vec<Case>,
    /// Only this role of ours.
    #[arg(long, value_enum)]
    role: Option<Role>,
    /// A peer that is not to be had is a failure, not a gap.
    #[arg(long)]
    require_all: bool,
}

/// What the run needs of the system.
pub(crate) struct Requirements {
    /// Debian packages. ngtcp2 is 0.12.1 in Debian 12; any later one with gtlsclient and gtlsserver does.
    pub(crate) apt: &'static [&'static str],
    /// Python packages, which the run installs under target/ itself.
    pub(crate) pip: &'static [&'static str],
}

/// What interop needs of the system.
pub(crate) fn requirements() -> Requirements {
    Requirements {
        apt: &["ngtcp2-client", "ngtcp2-server", "openssl", "python3-venv"],
        pip: &["aioquic==1.7.2"],
    }
}

/// Runs the matrix.
///
/// # Errors
///
/// When a cell failed, when none passed, or when our own program cannot be built.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    keep_on_interrupt()?;
    let home = target().join("interop");
    let files = Files::make(&home)?;
    let certificates = Certificates::make(&home.join("certificates"))?;
    let programs = Programs::find(arguments.ours, &peers(arguments), certificates, &files)?;
    let mut matrix = Matrix::default();
    for pairing in pairings(arguments) {
        let cell = cell(arguments, &pairing, &programs, &files);
        println!("{pairing:<46} {cell}");
        matrix.put(pairing, cell);
        ensure!(!lab::interrupted(), "interrupted");
    }
    println!("\n{matrix}");
    matrix.verdict()
}

fn peers(arguments: &Arguments) -> Vec<Kind> {
    let wanted = |kind: &Kind| {
        *kind != Kind::Inquic && (arguments.peer.is_empty() || arguments.peer.contains(kind))
    };
    Kind::PEERS.into_iter().filter(wanted).collect()
}

fn pairings(arguments: &Arguments) -> Vec<Pairing> {
    let mut all = Vec::new();
    for peer in peers(arguments) {
        for role in [Role::Client, Role::Server] {
            for case in Case::ALL {
                if arguments.role.is_none_or(|only| only == role)
                    && (arguments.case.is_empty() || arguments.case.contains(&case))
                {
                    all.push(Pairing::new(arguments.ours, role, peer, case));
                }
            }
        }
    }
    all
}

fn cell(arguments: &Arguments, pairing: &Pairing, programs: &Programs, files: &Files) -> Cell {
    if let Some(reason) = why_not(pairing) {
        return Cell::Skipped(reason.to_owned());
    }
    if let Some(reason) = programs.missing(pairing.peer) {
        let reason = reason.to_owned();
        return if arguments.require_all {
            Cell::Failed(reason)
        } else {
            Cell::Skipped(reason)
        };
    }
    match one(pairing, programs, files) {
        Ok(()) => Cell::Passed,
        Err(error) => Cell::Failed(format!("{error:#}")),
    }
}

/// One server, its clients one after the other, and what must be true after that.
fn one(pairing: &Pairing, programs: &Programs, files: &Files) -> Result<()> {
    let get = files.empty_directory()?;
    let (port, server) = start_server(pairing, programs)?;
    let mut said = Vec::new();
    let mut outcome = Ok(());
    if pairing.case == Case::VersionNegotiation && pairing.role == Role::Server {
        probe::version_negotiation(port).context("probe")?;
    }
    for mut command in programs.clients(pairing, port, &get) {
        let client = Running::start(pairing.client().name(), &mut command)?.wait(LIMIT)?;
        said.extend(client.lines.iter().cloned());
        outcome = client.succeeded(pairing.client().name()).map(|_| ());
        if outcome.is_err() {
            break;
        }
    }
    // A server that prints when a connection is over has this long for it.
    std::thread::sleep(Duration::from_millis(50));
    let of_server = server.lines();
    if pairing.case == Case::VersionNegotiation && pairing.role == Role::Client {
        return evidence::refused(&outcome, &said);
    }
    outcome.with_context(|| format!("server: {}", server.last_lines(3)))?;
    files.compare(&get, &pairing.paths())?;
    evidence::shown(pairing, &of_server, &said)?;
    // Whatever was asked of it, it serves on.
    ensure!(
        !server.has_ended()?,
        "the server ended: {}",
        server.last_lines(6)
    );
    Ok(())
}

fn start_server(pairing: &Pairing, programs: &Programs) -> Result<(u16, Running)> {
    let port = lab::free_port()?;
    let name = pairing.server().name();
    let mut server = Running::start(name, &mut programs.server(pairing, port))?;
    if pairing.server() == Kind::Ngtcp2 {
        poll("gtlsserver to listen", START, || {
            ensure!(
                !server.has_ended()?,
                "gtlsserver ended: {}",
                server.last_lines(6)
            );
            Ok(lab::udp_port_is_bound(port)?.then_some(()))
        })?;
    } else {
        server.wait_for_line("listening ", START)?;
    }
    Ok((port, server))
}

/// For a process to get ready; Python takes its time.
const START: Duration = Duration::from_secs(20);
/// For a client to finish; aioquic takes some seconds for 10 MiB.
const LIMIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
