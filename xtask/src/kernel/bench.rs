//! The module beside TCP with TLS in the kernel and beside the embedded home, in one boot. In: how often and how much; out: medians and
//! ratios, instructions for each byte, JSON, and an error below a floor. Emulated processors say little about seconds and much about
//! instructions: with `-icount` the booted kernel's clock counts them, one a nanosecond, whatever else this machine does.

use std::fs;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::boot::{self, Emulator, Processors};
use super::module::{self, Module};
use crate::bench::median;
use crate::shell;
use crate::step::Outcome;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How often each is measured; they take turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Bytes of each bulk transfer.
    #[arg(long, default_value_t = 32_000_000)]
    bytes: u64,
    /// Requests, one after the other.
    #[arg(long, default_value_t = 500)]
    count: u64,
    /// Let the clock of the booted kernel be this machine's and not count instructions: two processors, and numbers that hang on
    /// what else runs here.
    #[arg(long)]
    seconds: bool,
}

/// One measurement, as `kernel/bench.sh` prints it.
#[derive(Debug, PartialEq)]
struct Sample {
    who: String,
    mtu: u32,
    /// What the UDP stack was asked to send, both ends.
    trains: f64,
    mode: String,
    /// Gbit/s, or requests a second.
    rate: f64,
    /// Of a request, in microseconds.
    median: Option<f64>,
    /// Datagrams that the client's end sent and got.
    packets: Option<f64>,
}

/// A number of a sample.
type Number = fn(&Sample) -> Option<f64>;

/// What came out.
struct Results<'a> {
    samples: &'a [Sample],
    rows: Vec<Value>,
    /// Floors that were not reached.
    below: Vec<String>,
}

/// Measures, prints, and holds the module to its floors.
///
/// # Errors
///
/// When something cannot be measured, or a floor is not reached.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let module = match module::build()? {
        Ok(module) => module,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let emulator = match Emulator::of(&module)? {
        Ok(emulator) => emulator,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let processors = if arguments.seconds {
        Processors::Two
    } else {
        Processors::Counting
    };
    let words = words(&module, arguments)?;
    let printed = emulator.script("bench.sh", &words, SECONDS, processors)?;
    let samples = printed.lines().filter_map(sample).collect::<Vec<_>>();
    let results = judge(&samples, !arguments.seconds)?;
    let file = shell::target().join("kernel-bench.json");
    let whole = json!({ "counting_instructions": !arguments.seconds, "rows": results.rows });
    fs::write(&file, format!("{whole:#}\n"))
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!("{}", file.display());
    ensure!(
        results.below.is_empty(),
        "not reached: {}",
        results.below.join(", ")
    );
    Ok(Outcome::Passed)
}

/// The script's arguments behind the module: programs, certificates, and how much of everything.
fn words(module: &Module, arguments: &Arguments) -> Result<Vec<String>> {
    let mut cargo = shell::cargo();
    cargo.args(["build", "--quiet", "--release", "--package", "inquic-cli"]);
    cargo.args([
        "--bin",
        "inquic",
        "--example",
        "program",
        "--example",
        "ktls",
    ]);
    shell::run(&mut cargo)?;
    let release = shell::target().join("release");
    let inquic = release.join("inquic");
    let pki = boot::certificates(&inquic)?;
    let places = [
        module.file.clone(),
        release.join("examples/program"),
        release.join("examples/ktls"),
        inquic,
        pki,
    ];
    let numbers = [arguments.rounds as u64, arguments.bytes, arguments.count];
    let mut words = boot::words(&places.each_ref());
    words.extend(numbers.iter().map(u64::to_string));
    Ok(words)
}

/// `WHO MTU TRAINS {JSON}`.
fn sample(line: &str) -> Option<Sample> {
    let mut words = line.splitn(4, ' ');
    let (who, mtu, trains) = (words.next()?, words.next()?, words.next()?);
    let report: Value = serde_json::from_str(words.next()?).ok()?;
    let number = |name: &str| report.get(name).and_then(Value::as_f64);
    Some(Sample {
        who: who.to_owned(),
        mtu: mtu.parse().ok()?,
        trains: trains.parse().ok()?,
        mode: report.get("mode")?.as_str()?.to_owned(),
        rate: number("gbit_s").or_else(|| number("rate"))?,
        median: number("p50_us"),
        packets: number("packets"),
    })
}

/// Prints what came out, and holds it to the floors.
fn judge<'a>(samples: &'a [Sample], is_counting: bool) -> Result<Results<'a>> {
    let mut results = Results {
        samples,
        rows: Vec::new(),
        below: Vec::new(),
    };
    for mtu in MTUS {
        for mode in ["bulk-down", "bulk-up"] {
            results.bulk(mtu, mode, is_counting)?;
        }
        results.requests(mtu)?;
    }
    Ok(results)
}

impl Results<'_> {
    /// The median of a number of the module's, of kTLS's and of the embedded home's.
    fn medians(&self, mtu: u32, mode: &str, number: Number) -> Result<[f64; 3]> {
        let mut medians = [0.0; 3];
        for (place, who) in medians.iter_mut().zip(["quic", "ktls", "embedded"]) {
            *place = self
                .median(who, mtu, mode, number)
                .with_context(|| format!("nothing was measured of {who}, {mode}, MTU {mtu}"))?;
        }
        Ok(medians)
    }

    fn median(&self, who: &str, mtu: u32, mode: &str, number: Number) -> Option<f64> {
        let rows = self.samples.iter();
        let rows = rows.filter(|row| row.who == who && row.mtu == mtu && row.mode == mode);
        median(&rows.filter_map(number).collect::<Vec<_>>())
    }

    fn bulk(&mut self, mtu: u32, mode: &str, is_counting: bool) -> Result<()> {
        let [ours, ktls, embedded] = self.medians(mtu, mode, |sample| Some(sample.rate))?;
        let per_trip = |sample: &Sample| Some(sample.packets? / sample.trains);
        let packets = self
            .median("quic", mtu, mode, per_trip)
            .context("the module counted no packets")?;
        let ratio = ours / ktls;
        println!(
            "{mode}, MTU {mtu}: {ours:.3} Gbit/s, kTLS {ktls:.3}, embedded {embedded:.3}; {ratio:.2} of kTLS (at least {BULK}); \
             {packets:.1} packets a trip through UDP (at least {PACKETS})"
        );
        let mut row = json!({ "mode": mode, "mtu": mtu, "gbit_s": ours, "ktls_gbit_s": ktls,
            "embedded_gbit_s": embedded, "ratio": ratio, "packets_a_trip": packets });
        if is_counting {
            // A nanosecond each.
            let [ours, ktls, embedded] = [ours, ktls, embedded].map(|rate| 8.0 / rate);
            println!(
                "    instructions a byte, both ends: {ours:.1}, kTLS {ktls:.1}, embedded {embedded:.1}"
            );
            row["instructions_a_byte"] = json!([ours, ktls, embedded]);
        }
        self.rows.push(row);
        if ratio < BULK {
            self.below.push(format!("{mode} at MTU {mtu}"));
        }
        if packets < PACKETS {
            self.below
                .push(format!("packets a trip, {mode} at MTU {mtu}"));
        }
        Ok(())
    }

    fn requests(&mut self, mtu: u32) -> Result<()> {
        let [ours, ktls, embedded] = self.medians(mtu, "rr", |sample| sample.median)?;
        let ratio = ours / ktls;
        println!(
            "1 KiB requests, MTU {mtu}: p50 {ours:.0} us, kTLS {ktls:.0}, embedded {embedded:.0}; {ratio:.2} of kTLS (at most {LATENCY})"
        );
        self.rows.push(
            json!({ "mode": "rr", "mtu": mtu, "p50_us": ours, "ktls_p50_us": ktls,
            "embedded_p50_us": embedded, "ratio": ratio }),
        );
        if ratio > LATENCY {
            self.below.push(format!("requests at MTU {mtu}"));
        }
        Ok(())
    }
}

/// The loopback device as an Ethernet would be, and as it is.
const MTUS: [u32; 2] = [1_500, 65_536];
/// Bulk throughput against TCP with TLS in the kernel.
const BULK: f64 = 0.7;
/// The median time of a request against the same.
const LATENCY: f64 = 1.5;
/// How long the emulator may take, on a busy machine.
const SECONDS: u32 = 3_600;
/// Datagrams that one trip through the UDP stack carries.
const PACKETS: f64 = 10.0;

#[cfg(test)]
mod tests;
