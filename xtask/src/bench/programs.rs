//! A program under `inquic run` beside the Rust API, in turns, against the same server of ours. In: how often; out: medians, their
//! ratios, and an error below a floor. Nothing is bound to a core: `inquic run` is two processes, and how they share the machine
//! is part of what is measured.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::results::{median, ratio};
use crate::interop::lab::{Certificates, Running, cargo_build, interrupted, target};
use crate::shell::{cargo, command, root, run};

/// What is measured: the mode, how much of it for the Rust API and for the program, the number that counts, and how much of the Rust
/// API's the program's must be.
struct Row {
    mode: &'static str,
    option: &'static str,
    amount: u64,
    number: &'static str,
    floor: f64,
}

/// The numbers of one row, round by round.
#[derive(Default)]
struct Numbers {
    api: Vec<f64>,
    program: Vec<f64>,
}

/// Measures in `rounds` rounds.
///
/// # Errors
///
/// When a measurement cannot be done, or a median's ratio is below its floor.
pub(super) fn measure(rounds: usize, quick: bool, build: bool) -> Result<()> {
    if build {
        cargo_build(&root().join("Cargo.toml"), "inquic-cli", &target())?;
        run(cargo()
            .args([
                "build",
                "--release",
                "--package",
                "inquic-cli",
                "--example",
                "program",
            ])
            .arg("--target-dir")
            .arg(target())
            .current_dir(root()))?;
    }
    let inquic = target().join("release/inquic");
    let program = target().join("release/examples/program");
    let certificates = Certificates::make(&target().join("bench/certificates"))?;
    let mut server = command(path(&inquic)?);
    server.args(["perf", "server", "--listen", "127.0.0.1:0", "--cert"]);
    server
        .arg(&certificates.cert)
        .arg("--key")
        .arg(&certificates.key);
    let mut server = Running::start("server", &mut server)?;
    let address = server.wait_for_line("listening ", LIMIT)?;
    let client = |row: &Row, amount: u64, under_run: bool| -> Result<f64> {
        ensure!(!interrupted(), "interrupted");
        let mut client = command(path(&inquic)?);
        let amount = amount.to_string();
        if under_run {
            client.arg("run").arg(&program).args(["perf", &address]);
            client
                .arg(&certificates.ca)
                .args([row.mode, &amount, CHUNK]);
        } else {
            client.args(["perf", "client", "--json", "--connect", &address, "--ca"]);
            client
                .arg(&certificates.ca)
                .args(["--mode", row.mode, row.option, &amount]);
        }
        one(&mut client, row.number)
    };
    let mut all: Vec<Numbers> = ROWS.iter().map(|_| Numbers::default()).collect();
    for round in 0..rounds {
        println!("round {} of {rounds}", round + 1);
        for (row, numbers) in ROWS.iter().zip(&mut all) {
            let amount = if quick { row.amount / 10 } else { row.amount };
            // Each goes first in turn, for the machine is not the same at every moment.
            for under_run in [round % 2 == 1, round % 2 == 0] {
                let number = client(row, amount, under_run)?;
                if under_run {
                    numbers.program.push(number);
                } else {
                    numbers.api.push(number);
                }
            }
        }
    }
    judge(&all)
}

/// Runs a client; its number.
fn one(client: &mut Command, field: &str) -> Result<f64> {
    let ended = Running::start("client", client)?
        .wait(LIMIT)?
        .succeeded("client")?;
    let report = ended.lines.iter().rev().find(|line| line.starts_with('{'));
    let report: Value = serde_json::from_str(report.context("the client printed no JSON")?)?;
    let number = report.get(field).and_then(Value::as_f64);
    number.with_context(|| format!("the client's JSON has no number {field:?}"))
}

fn judge(all: &[Numbers]) -> Result<()> {
    println!("\n| | Rust API | under inquic run | ratio | floor |\n|---|---|---|---|---|");
    let mut below = 0;
    let mut rows = Vec::new();
    for (row, numbers) in ROWS.iter().zip(all) {
        let (api, program) = (median(&numbers.api), median(&numbers.program));
        let ratio = ratio(program, api).context("no rounds, no medians")?;
        let (api, program) = (api.unwrap_or_default(), program.unwrap_or_default());
        let Row {
            mode,
            number,
            floor,
            ..
        } = row;
        println!("| {mode} {number} | {api:.2} | {program:.2} | {ratio:.2} | >= {floor} |");
        rows.push(json!({ "mode": mode, "api": numbers.api, "program": numbers.program, "ratio": ratio, "floor": floor }));
        below += usize::from(ratio < *floor);
    }
    let file = target().join("bench-programs.json");
    std::fs::write(&file, format!("{:#}\n", Value::Array(rows)))?;
    println!("{}", file.display());
    ensure!(
        below == 0,
        "{below} of {} floors are not reached",
        ROWS.len()
    );
    Ok(())
}

fn path(path: &Path) -> Result<&str> {
    ensure!(path.is_file(), "{} is not built", path.display());
    path.to_str().context("a path that is no text")
}

const ROWS: [Row; 3] = [
    Row {
        mode: "bulk-down",
        option: "--bytes",
        amount: 4 << 30,
        number: "gbit_s",
        floor: 0.8,
    },
    Row {
        mode: "bulk-up",
        option: "--bytes",
        amount: 4 << 30,
        number: "gbit_s",
        floor: 0.8,
    },
    Row {
        mode: "rr",
        option: "--count",
        amount: 50_000,
        number: "rate",
        floor: 0.7,
    },
];

/// Bytes that one call of the program sends or takes, as `inquic perf` does it.
const CHUNK: &str = "262144";
/// For one client: 4 GiB on a slow machine.
const LIMIT: Duration = Duration::from_secs(120);
