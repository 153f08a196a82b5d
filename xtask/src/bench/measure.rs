//! In: a program, a network, a mode. Out: the numbers of one run. A fresh server for each, so that none inherits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Contender;
use super::network::{End, Network};
use crate::interop::lab::{Certificates, Running};

/// One measurement of benches/PROTOCOL.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Mode {
    /// One stream, from the server.
    BulkDown,
    /// One stream, to the server.
    BulkUp,
    /// 1 KiB requests, one at a time.
    Rr1,
    /// 1 KiB requests, 32 at a time.
    Rr32,
    /// Handshakes, 16 at a time.
    Handshake,
    /// Connections that are held.
    Idle,
}

impl Mode {
    pub(crate) const ALL: [Self; 6] = [
        Self::BulkDown,
        Self::BulkUp,
        Self::Rr1,
        Self::Rr32,
        Self::Handshake,
        Self::Idle,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BulkDown => "bulk down",
            Self::BulkUp => "bulk up",
            Self::Rr1 => "rr 1",
            Self::Rr32 => "rr 32",
            Self::Handshake => "handshake 16",
            Self::Idle => "idle",
        }
    }

    /// What a client is told.
    fn options(self, load: &Load) -> Vec<String> {
        let (mode, rest) = match self {
            Self::BulkDown => (
                "bulk-down",
                vec!["--bytes".to_owned(), load.bytes.to_string()],
            ),
            Self::BulkUp => (
                "bulk-up",
                vec!["--bytes".to_owned(), load.bytes.to_string()],
            ),
            Self::Rr1 => ("rr", timed(1, load.seconds)),
            Self::Rr32 => ("rr", timed(32, load.seconds)),
            Self::Handshake => ("handshake", timed(16, load.seconds)),
            Self::Idle => (
                "idle",
                vec![
                    "--count".to_owned(),
                    load.idle.to_string(),
                    "--seconds".to_owned(),
                    "2".to_owned(),
                ],
            ),
        };
        [vec!["--mode".to_owned(), mode.to_owned()], rest].concat()
    }
}

fn timed(in_flight: u32, seconds: f64) -> Vec<String> {
    [
        "--in-flight",
        &in_flight.to_string(),
        "--seconds",
        &seconds.to_string(),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// What is measured of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    /// 10^9 bits of payload per second.
    GbitPerSecond,
    /// CPU seconds of both ends for 10^9 bytes.
    CpuPerGb,
    /// The server's part of it.
    ServerCpuPerGb,
    /// The client's.
    ClientCpuPerGb,
    /// Requests or handshakes per second.
    Rate,
    /// Half took less, in microseconds.
    P50,
    /// 99 of 100 took less.
    P99,
    /// CPU time of both ends for one, in microseconds.
    CpuPerOne,
    /// KiB of the server's memory for one connection.
    ServerKib,
    /// KiB of the client's.
    ClientKib,
}

impl Metric {
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::GbitPerSecond => "Gbit/s",
            Self::CpuPerGb => "CPU s/GB",
            Self::ServerCpuPerGb => "CPU s/GB server",
            Self::ClientCpuPerGb => "CPU s/GB client",
            Self::Rate => "per s",
            Self::P50 => "p50 us",
            Self::P99 => "p99 us",
            Self::CpuPerOne => "CPU us each",
            Self::ServerKib => "server KiB each",
            Self::ClientKib => "client KiB each",
        }
    }
}

/// The numbers of one run.
pub(crate) type Sample = BTreeMap<Metric, f64>;

/// How much is measured.
pub(crate) struct Load {
    pub(crate) rounds: usize,
    bytes: u64,
    seconds: f64,
    idle: u64,
}

impl Load {
    /// Medians of these are worth a comparison.
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        // What a process spends once, on entropy and certificates, is 0.1 s: less than 2 of 100 of these.
        bytes: 4 << 30,
        seconds: 2.0,
        idle: 5000,
    };
    /// These show that it works.
    pub(crate) const QUICK: Self = Self {
        rounds: 1,
        bytes: 1 << 28,
        seconds: 0.5,
        idle: 500,
    };
}

/// An implementation's performance program.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) contender: Contender,
    pub(crate) path: PathBuf,
}

/// One run of one mode.
pub(crate) fn measure(
    program: &Program,
    network: &Network,
    mode: Mode,
    load: &Load,
    certificates: &Certificates,
) -> Result<Sample> {
    let mut command = network.command(End::Server, &program.path);
    command.args([
        "perf",
        "server",
        "--listen",
        &format!("{}:0", network.address()),
    ]);
    command
        .arg("--cert")
        .arg(&certificates.cert)
        .arg("--key")
        .arg(&certificates.key);
    let mut server = Running::start("server", command.args(SETTINGS))?;
    let address = server.wait_for_line("listening ", Duration::from_secs(10))?;

    let (cpu_before, rss_before) = (server.cpu()?, server.rss_bytes()?);
    let mut command = network.command(End::Client, &program.path);
    command.args([
        "perf",
        "client",
        "--json",
        "--connect",
        &address,
        "--server-name",
        "localhost",
    ]);
    command
        .arg("--ca")
        .arg(&certificates.ca)
        .args(mode.options(load));
    let mut client = Running::start("client", command.args(SETTINGS))?;
    let mut held = None;
    if mode == Mode::Idle {
        client.wait_for_line("held ", LIMIT)?;
        // What handshakes left to be freed is given this long.
        std::thread::sleep(Duration::from_millis(500));
        held = Some((server.rss_bytes()?, client.rss_bytes()?));
    }
    let ended = client.wait(LIMIT)?.succeeded("client")?;
    let cpu = (server.cpu()?.saturating_sub(cpu_before), ended.cpu);
    let report = ended.lines.iter().rev().find(|line| line.starts_with('{'));
    let report: Value = serde_json::from_str(report.context("the client printed no JSON")?)?;
    match (mode, held) {
        (Mode::Idle, Some((server, client))) => Ok(BTreeMap::from([
            (
                Metric::ServerKib,
                kib(server.saturating_sub(rss_before), load.idle),
            ),
            // A client without connections is not there to be measured; its few MiB are divided by all of them.
            (Metric::ClientKib, kib(client, load.idle)),
        ])),
        (Mode::BulkDown | Mode::BulkUp, _) => bulk(&report, cpu),
        _ => timed_sample(&report, cpu),
    }
}

fn bulk(report: &Value, (server, client): (Duration, Duration)) -> Result<Sample> {
    let gb = number(report, "bytes")? / 1e9;
    let (server, client) = (server.as_secs_f64() / gb, client.as_secs_f64() / gb);
    Ok(BTreeMap::from([
        (Metric::GbitPerSecond, number(report, "gbit_s")?),
        (Metric::CpuPerGb, server + client),
        (Metric::ServerCpuPerGb, server),
        (Metric::ClientCpuPerGb, client),
    ]))
}

fn timed_sample(report: &Value, (server, client): (Duration, Duration)) -> Result<Sample> {
    let done = number(report, "requests").or_else(|_| number(report, "handshakes"))?;
    Ok(BTreeMap::from([
        (Metric::Rate, number(report, "rate")?),
        (Metric::P50, number(report, "p50_us")?),
        (Metric::P99, number(report, "p99_us")?),
        (
            Metric::CpuPerOne,
            (server + client).as_secs_f64() * 1e6 / done.max(1.0),
        ),
    ]))
}

fn number(report: &Value, field: &str) -> Result<f64> {
    report
        .get(field)
        .and_then(Value::as_f64)
        .with_context(|| format!("the client's JSON has no number {field:?}"))
}

fn kib(bytes: u64, connections: u64) -> f64 {
    bytes as f64 / 1024.0 / connections.max(1) as f64
}

const SETTINGS: [&str; 6] = ["--cc", "cubic", "--cipher", "aes128", "--mtu", "1452"];
/// For one client: 5,000 handshakes, or 4 GiB, on a slow machine.
const LIMIT: Duration = Duration::from_secs(120);
