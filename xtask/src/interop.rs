//! `cargo xtask interop`: our client and server against other implementations, as real processes over loopback, most of
//! them with a link of ours between them. In: a choice of peers and cases; out: a table, and an error when a cell of it
//! failed. Nothing outlives the run.

pub(crate) mod booted;
mod case;
mod evidence;
mod files;
mod gtls;
pub(crate) mod lab;
mod link;
mod matrix;
mod module;
mod place;
mod probe;
mod program;
mod seen;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use case::{Case, Pairing, Role, Scale};
use files::Files;
use lab::{Certificates, Running, keep_on_interrupt, poll, target};
use link::Link;
use matrix::{Cell, Matrix};
use module::Counters;
use place::Place;
use program::{Kind, Programs, why_not};

/// What `cargo xtask interop` takes.
#[derive(clap::Args, Clone, Debug)]
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
    /// The files and counts of the QUIC interop runner, not the shorter ones.
    #[arg(long)]
    full: bool,
    /// How many cells run at once; links leave the processor idle most of the time.
    #[arg(long, default_value_t = 6)]
    jobs: usize,
    /// What decides which packets a link loses or corrupts.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A peer that is not to be had is a failure, not a gap.
    #[arg(long)]
    require_all: bool,
    /// Ours is quic.ko: a stock kernel is booted with it in an emulator, and everything takes place there.
    #[arg(long)]
    kernel: bool,
    /// This is the booted kernel; what was laid out for it is in this folder, and whatever is written goes there.
    #[arg(long, hide = true)]
    booted: Option<PathBuf>,
}

/// What the run needs of the system.
pub(crate) struct Requirements {
    /// Debian packages. ngtcp2 is 0.12.1 in Debian 12; any later one with gtlsclient and gtlsserver does.
    pub(crate) apt: &'static [&'static str],
    /// Python packages, which the run installs under target/ itself.
    pub(crate) pip: &'static [&'static str],
    /// Those that need Python 3.12; without one their peer is skipped.
    pub(crate) pip_newer: &'static [&'static str],
}

/// What interop needs of the system.
pub(crate) fn requirements() -> Requirements {
    Requirements {
        apt: &["ngtcp2-client", "ngtcp2-server", "openssl", "python3-venv"],
        pip: &["aioquic==1.7.2"],
        pip_newer: &["aiopquic==0.6.1"],
    }
}

/// What a run has.
struct Run<'a> {
    arguments: &'a Arguments,
    scale: Scale,
    programs: Programs,
    files: Files,
    matrix: Mutex<Matrix>,
}

/// Runs the matrix.
///
/// # Errors
///
/// When a cell failed, when none passed, or when our own program cannot be built.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.kernel {
        return booted::outside(arguments);
    }
    keep_on_interrupt()?;
    let (programs, files) = if let Some(home) = &arguments.booted {
        let files = Files::make(home)?;
        let certificates = Certificates::of(&home.join(booted::CERTIFICATES));
        let (ours, peers) = (arguments.ours, peers(arguments));
        let programs = Programs::laid_out(home, ours, &peers, certificates, &files)?;
        (programs, files)
    } else {
        let home = target().join("interop");
        let files = Files::make(&home)?;
        let certificates = Certificates::make(&home.join("certificates"))?;
        let programs = Programs::find(arguments.ours, &peers(arguments), certificates, &files)?;
        (programs, files)
    };
    let run = Run {
        arguments,
        scale: if arguments.full {
            Scale::Full
        } else {
            Scale::Quick
        },
        programs,
        files,
        matrix: Mutex::default(),
    };
    println!("links have seed {}", arguments.seed);
    // What is measured, and what takes all it can get, has the machine to itself.
    let (alone, together) = pairings(arguments)
        .into_iter()
        .partition(|pairing| matches!(pairing.case, Case::Goodput | Case::Bulk));
    run.all(together, arguments.jobs.max(1));
    run.all(alone, 1);
    ensure!(!lab::interrupted(), "interrupted");
    let matrix = run
        .matrix
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    println!("\n{matrix}");
    matrix.verdict()
}

fn peers(arguments: &Arguments) -> Vec<Kind> {
    let wanted = |kind: &Kind| arguments.peer.is_empty() || arguments.peer.contains(kind);
    // One of our homes is a peer of the other.
    let home = (arguments.ours == Kind::Sockets).then_some(Kind::Inquic);
    let all = Kind::PEERS.into_iter().chain(home);
    all.filter(wanted).collect()
}

fn pairings(arguments: &Arguments) -> Vec<Pairing> {
    let mut all = Vec::new();
    for peer in peers(arguments) {
        for role in [Role::Client, Role::Server] {
            for case in Case::ALL {
                // Of all peers one can be bent.
                let played = case != Case::H3Spec || peer == Kind::Aioquic;
                if played
                    && arguments.role.is_none_or(|only| only == role)
                    && (arguments.case.is_empty() || arguments.case.contains(&case))
                {
                    all.push(Pairing::new(arguments.ours, role, peer, case));
                }
            }
        }
    }
    all
}

impl Run<'_> {
    /// Runs these, so many at once.
    fn all(&self, pairings: VecDeque<Pairing>, jobs: usize) {
        let waiting = Mutex::new(pairings);
        let next = || {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.pop_front().filter(|_| !lab::interrupted())
        };
        thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    while let Some(pairing) = next() {
                        let watch = crate::step::Stopwatch::start();
                        let cell = self.cell(&pairing);
                        println!(
                            "{pairing:<50} {cell} ({:.1} s)",
                            watch.elapsed().as_secs_f64()
                        );
                        let mut matrix = self.matrix.lock().unwrap_or_else(PoisonError::into_inner);
                        matrix.put(pairing, cell);
                    }
                });
            }
        });
    }

    fn cell(&self, pairing: &Pairing) -> Cell {
        if let Some(reason) = why_not(pairing) {
            return Cell::Skipped(reason.to_owned());
        }
        if let Some(reason) = self.programs.missing(pairing.peer) {
            let reason = reason.to_owned();
            return if self.arguments.require_all {
                Cell::Failed(reason)
            } else {
                Cell::Skipped(reason)
            };
        }
        let mut least = None;
        for _ in 0..pairing.case.repetitions(self.scale) {
            match self.one(pairing) {
                Ok(measured) => least = least.into_iter().chain(measured).reduce(f64::min),
                Err(error) => return Cell::Failed(format!("{error:#}")),
            }
        }
        Cell::Passed(least.map(|least| pairing.case.show(least)))
    }

    /// One server, its clients one after the other, and what must be true after that.
    fn one(&self, pairing: &Pairing) -> Result<Option<f64>> {
        let name = format!(
            "{}-{}-{}",
            pairing.case.name(),
            pairing.client().name(),
            pairing.server().name()
        );
        let cell = self.files.cell(&name)?;
        let before = self.counters()?;
        if pairing.case == Case::H3Spec && pairing.role == Role::Client {
            let mut offender = self.programs.offender(pairing, &cell);
            let running = Running::start("h3spec", &mut offender)?;
            let ended = running.wait(pairing.case.limit())?.succeeded("h3spec")?;
            self.by_the_module(pairing, before.as_ref())?;
            return evidence::answered(&ended.lines).map(Some);
        }
        let mut place = Place::new(pairing)?;
        let terms = pairing.link(self.scale).map(|terms| link::Terms {
            seed: self.arguments.seed,
            ..terms
        });
        let link = terms
            .map(|terms| Link::start(terms, &place.addresses))
            .transpose()?;
        let connect = match (&link, place.addresses.first()) {
            (Some(link), _) => link.front(0)?,
            (None, address) => *address.context("no address")?,
        };
        if let Some(link) = &link {
            place.behind(link)?;
        }
        let server = start_server(pairing, &self.programs, &place)?;
        if pairing.case == Case::VersionNegotiation && pairing.role == Role::Server {
            probe::version_negotiation(place.listen.port()).context("probe")?;
        }
        let (outcome, said) = self.fetch(pairing, connect, &cell);
        // A server that prints when a connection is over has this long for it, and so has the link.
        thread::sleep(Duration::from_millis(100));
        let record = link.map(Link::finish).transpose()?;
        let of_server = server.lines();
        if pairing.case == Case::VersionNegotiation && pairing.role == Role::Client {
            evidence::refused(&outcome, &said)?;
            return Ok(None);
        }
        let record = record.as_ref();
        let checked = || -> Result<Option<f64>> {
            outcome.with_context(|| format!("server: {}", server.last_lines(3)))?;
            self.files.compare(&cell.get, &pairing.paths(self.scale))?;
            self.by_the_module(pairing, before.as_ref())?;
            evidence::shown(pairing, &of_server, &said)?;
            // Whatever was asked of it, it serves on.
            ensure!(
                !server.has_ended()?,
                "the server ended: {}",
                server.last_lines(6)
            );
            match record {
                Some(record) => seen::seen(pairing, self.scale, record),
                None if pairing.case == Case::H3Spec => evidence::answered(&said).map(Some),
                None => Ok(None),
            }
        };
        let Some(record) = record else {
            return checked();
        };
        checked().with_context(|| match self.files.keep(&name, &record.lines()) {
            Ok(path) => format!("{record} ({})", path.display()),
            Err(error) => format!("{record} (not kept: {error:#})"),
        })
    }

    /// What the module has counted so far, where there is one.
    fn counters(&self) -> Result<Option<Counters>> {
        let booted = self.arguments.booted.as_ref();
        booted.map(|_| Counters::now()).transpose()
    }

    /// Checks that the module has played our part, where there is one.
    fn by_the_module(&self, pairing: &Pairing, before: Option<&Counters>) -> Result<()> {
        match before.zip(self.counters()?) {
            Some((before, after)) => module::used(pairing, self.scale, before, &after),
            None => Ok(()),
        }
    }

    /// Runs the clients until one fails; how that ended, and what they printed.
    fn fetch(
        &self,
        pairing: &Pairing,
        connect: SocketAddr,
        cell: &files::Cell,
    ) -> (Result<()>, Vec<String>) {
        let name = pairing.client().name();
        let mut said = Vec::new();
        for mut command in self.programs.clients(pairing, self.scale, connect, cell) {
            let ended = Running::start(name, &mut command)
                .and_then(|running| running.wait(pairing.case.limit()));
            let client = match ended {
                Ok(client) => client,
                Err(error) => return (Err(error), said),
            };
            said.extend(client.lines.iter().cloned());
            if let Err(error) = client.succeeded(name) {
                return (Err(error), said);
            }
        }
        (Ok(()), said)
    }
}

fn start_server(pairing: &Pairing, programs: &Programs, place: &Place) -> Result<Running> {
    let name = pairing.server().name();
    let mut server = Running::start(name, &mut programs.server(pairing, place))?;
    if pairing.server() == Kind::Ngtcp2 {
        poll("gtlsserver to listen", START, || {
            ensure!(
                !server.has_ended()?,
                "gtlsserver ended: {}",
                server.last_lines(6)
            );
            Ok(lab::udp_port_is_bound(place.listen.port())?.then_some(()))
        })?;
    } else {
        server.wait_for_line("listening ", START)?;
    }
    Ok(server)
}

/// For a process to get ready; Python takes its time, most of all where its processor is emulated.
const START: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
