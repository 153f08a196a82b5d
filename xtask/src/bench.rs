//! `cargo xtask bench`: ours beside quinn and s2n-quic, under equal settings (benches/PROTOCOL.md). In: how long and what;
//! out: a table of medians and ratios, JSON, and an error below a floor. Leaves no process and no network behind.

mod floors;
mod measure;
mod network;
mod programs;
mod results;

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::interop::lab::{
    Certificates, cargo_build, interrupted, keep_on_interrupt, peers_target, target,
};
use crate::shell::{command, need_packages, output, root};
use floors::FLOORS;
use measure::{Load, Mode, Program, measure};
use network::{Link, Network};
use results::Results;
pub(crate) use results::median;

/// What `cargo xtask bench` takes.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// How often each is measured; the implementations take turns in every round.
    #[arg(long)]
    rounds: Option<usize>,
    /// One short round, to see that everything works; the numbers say little.
    #[arg(long)]
    quick: bool,
    /// Only these measurements.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Mode>,
    /// Measured beside ours.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Contender::Quinn, Contender::S2n])]
    peers: Vec<Contender>,
    /// What stands for ours; another than inquic proves the harness, and is held to no floor.
    #[arg(long, value_enum, default_value_t = Contender::Inquic)]
    ours: Contender,
    /// Only over these networks.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Link::Loopback, Link::Veth])]
    networks: Vec<Link>,
    /// Measure a program under `inquic run` beside the Rust API, and nothing else.
    #[arg(long)]
    programs: bool,
    /// Do not build first.
    #[arg(long)]
    no_build: bool,
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Contender {
    /// Ours.
    Inquic,
    /// quinn 0.11.
    Quinn,
    /// s2n-quic 1.91.
    S2n,
}

impl Contender {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inquic => "inquic",
            Self::Quinn => "quinn",
            Self::S2n => "s2n-quic",
        }
    }

    fn program(self, build: bool) -> Result<Program> {
        let (manifest, package, target, binary) = match self {
            Self::Inquic => ("Cargo.toml", "inquic-cli", target(), "inquic"),
            Self::Quinn => (
                "tests/peers/Cargo.toml",
                "quinn-peer",
                peers_target(),
                "quinn-peer",
            ),
            Self::S2n => (
                "tests/peers/Cargo.toml",
                "s2n-peer",
                peers_target(),
                "s2n-peer",
            ),
        };
        if build {
            cargo_build(&root().join(manifest), package, &target)?;
        }
        let path = target.join("release").join(binary);
        ensure!(path.is_file(), "{} is not built", path.display());
        Ok(Program {
            contender: self,
            path,
        })
    }
}

/// Debian packages that the bench needs.
pub(crate) fn requirements() -> &'static [&'static str] {
    &["iproute2", "openssl", "util-linux"]
}

/// Measures.
///
/// # Errors
///
/// When a measurement cannot be done, or a median is below its floor.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    need_packages(requirements())?;
    keep_on_interrupt()?;
    let load = if arguments.quick {
        Load::QUICK
    } else {
        Load::FULL
    };
    let rounds = arguments.rounds.unwrap_or(load.rounds);
    ensure!(rounds > 0, "no rounds, no medians");
    if arguments.programs {
        return programs::measure(rounds, arguments.quick, !arguments.no_build);
    }
    let programs = programs(arguments)?;
    let certificates = Certificates::make(&target().join("bench/certificates"))?;
    let networks = networks(arguments)?;
    let machine = machine();
    println!("{machine:#}");

    let mut results = Results::default();
    for round in 0..rounds {
        println!("round {} of {rounds}", round + 1);
        for network in &networks {
            for mode in modes(arguments, network, round) {
                for program in rotated(&programs, round) {
                    ensure!(!interrupted(), "interrupted");
                    let name = program.contender.name();
                    let samples = measure(&program, network, mode, &load, &certificates)
                        .with_context(|| format!("{name}, {}, {}", network.name(), mode.name()))?;
                    results.add(program.contender, network.link(), mode, samples);
                }
            }
        }
    }
    drop(networks);

    // Floors are for inquic; what stands for it is only compared.
    let floors = if arguments.ours == Contender::Inquic {
        FLOORS
    } else {
        &[]
    };
    let verdicts = results.judge(arguments.ours, floors);
    println!("\n{}", results.table(arguments.ours, &verdicts));
    let path = target().join("bench.json");
    let all = json!({ "machine": machine, "rounds": rounds, "quick": arguments.quick, "ours": arguments.ours.name(),
        "results": results.json(), "floors": verdicts.iter().map(floors::Verdict::json).collect::<Vec<Value>>() });
    fs::write(&path, format!("{all:#}\n"))?;
    println!("{}", path.display());
    let below = verdicts.iter().filter(|verdict| verdict.is_below()).count();
    ensure!(
        below == 0,
        "{below} of {} floors are not reached",
        verdicts.len()
    );
    Ok(())
}

fn programs(arguments: &Arguments) -> Result<Vec<Program>> {
    let mut contenders = arguments.peers.clone();
    contenders.push(arguments.ours);
    contenders.sort_unstable();
    contenders.dedup();
    contenders
        .into_iter()
        .map(|contender| contender.program(!arguments.no_build))
        .collect()
}

fn networks(arguments: &Arguments) -> Result<Vec<Network>> {
    let mut networks = Vec::new();
    for &link in &arguments.networks {
        match Network::make(link)? {
            Some(network) => networks.push(network),
            None => println!(
                "skipped: {} needs root to make network namespaces",
                link.name()
            ),
        }
    }
    ensure!(!networks.is_empty(), "no network to measure over");
    Ok(networks)
}

/// Idle connections cost the same in every round and on every network, so they are measured once.
fn modes(arguments: &Arguments, network: &Network, round: usize) -> Vec<Mode> {
    let once = round == 0 && network.link() == Link::Loopback;
    Mode::ALL
        .into_iter()
        .filter(|mode| arguments.only.is_empty() || arguments.only.contains(mode))
        .filter(|mode| *mode != Mode::Idle || once)
        .collect()
}

/// The order of a round: each goes first in turn, for the machine is not the same at every moment.
fn rotated(programs: &[Program], round: usize) -> Vec<Program> {
    let mut order = programs.to_vec();
    order.rotate_left(round % programs.len().max(1));
    order
}

/// What the numbers hold for.
fn machine() -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo").lines().find_map(|line| {
        Some(
            line.strip_prefix("model name")?
                .trim_start_matches(['\t', ' ', ':'])
                .to_owned(),
        )
    });
    let commit = output(command("git").args(["describe", "--always", "--dirty"]));
    json!({
        "cpu": cpu,
        "cpus": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        // Above about 0.1, something else used the cores that were measured.
        "load_before": read("/proc/loadavg").split(' ').next(),
        "commit": commit.ok().map(|text| text.trim().to_owned()),
    })
}

#[cfg(test)]
mod tests;
