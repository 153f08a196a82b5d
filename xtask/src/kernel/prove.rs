//! The module in a kernel that watches itself. In: what to do there, and how much of it; out: what was done, as a table and as JSON. A
//! report of that kernel is a failure, and so is less than was asked for.

use std::fs;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::boot::{self, Emulator, Processors, Programs};
use super::module::{self, Module};
use super::{CYCLES, debug};
use crate::shell;
use crate::step::{Outcome, Report};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Socket calls of the fuzzer.
    #[arg(long, default_value_t = 2_000_000)]
    calls: u64,
    /// Allocations of the module that are made to fail.
    #[arg(long, default_value_t = 20_000)]
    failures: u64,
    /// Handshakes with certificates.
    #[arg(long, default_value_t = 2_000)]
    handshakes: u64,
    /// MiB that go through the module, half of them each way.
    #[arg(long, default_value_t = 1_024)]
    mebibytes: u64,
    /// How often the module is loaded and unloaded under traffic.
    #[arg(long, default_value_t = CYCLES)]
    cycles: u32,
    /// What the fuzzer's calls are made of.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Minutes that each of the long parts may take at most.
    #[arg(long, default_value_t = 360)]
    minutes: u32,
    /// This machine has much else to do: handshakes, calls and failures on one processor, by whose clock nothing is late.
    #[arg(long)]
    busy: bool,
    /// Only this part; may be said more than once.
    #[arg(long, value_enum)]
    only: Vec<Part>,
}

/// A part: one boot.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// `kernel/test.sh`, as the stock kernel runs it.
    Test,
    /// `kernel/abi.sh`, likewise.
    Abi,
    /// `kernel/api.sh`, likewise.
    Api,
    /// `kernel/users.sh`, likewise.
    Users,
    /// Handshakes and bulk data.
    Load,
    /// Sequences of calls, good and bad.
    Fuzz,
    /// The same and handshakes, while allocations fail.
    Faults,
}

/// What is counted, and how much.
type Numbers = Vec<(&'static str, u64)>;

/// Builds the kernel, the module and the programs, and does each part.
///
/// # Errors
///
/// When something does not compile, or a part fails.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let kernel = match debug::build()? {
        Ok(kernel) => kernel,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let module = module::build_for(kernel)?;
    let emulator = match Emulator::of(&module)? {
        Ok(emulator) => emulator,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let programs = boot::programs()?;
    let mut report = Report::default();
    let mut rows = Vec::new();
    for part in Part::value_variants() {
        if !arguments.only.is_empty() && !arguments.only.contains(part) {
            continue;
        }
        report.step(part.name(), || {
            let done = part.run(arguments, &emulator, &module, &programs);
            rows.push(part.row(arguments, &done));
            done.map(|_| Outcome::Passed)
        });
    }
    let file = shell::target().join("kernel-prove.json");
    let whole = json!({ "kernel": module.kernel.release, "seed": arguments.seed, "parts": rows });
    fs::write(&file, format!("{whole:#}\n"))
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!("{}", file.display());
    report.finish()?;
    Ok(Outcome::Passed)
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Abi => "abi",
            Self::Api => "api",
            Self::Users => "users",
            Self::Load => "load",
            Self::Fuzz => "fuzz",
            Self::Faults => "faults",
        }
    }

    /// What is counted in it, and how much of that was asked for.
    fn asked(self, arguments: &Arguments) -> Numbers {
        match self {
            Self::Test | Self::Abi | Self::Api | Self::Users => Vec::new(),
            Self::Load => vec![
                ("handshakes", arguments.handshakes),
                ("MiB", arguments.mebibytes),
            ],
            Self::Fuzz => vec![("calls", arguments.calls)],
            Self::Faults => vec![("failures", arguments.failures)],
        }
    }

    /// Does it, and says how much of what was asked for was done.
    fn run(
        self,
        arguments: &Arguments,
        emulator: &Emulator<'_>,
        module: &Module,
        programs: &Programs,
    ) -> Result<Numbers> {
        let printed = match self {
            Self::Test => emulator.test(programs, arguments.cycles)?,
            Self::Abi => emulator.abi(programs)?,
            Self::Api => emulator.api(programs)?,
            Self::Users => emulator.users(programs)?,
            Self::Load | Self::Fuzz | Self::Faults => {
                let script = format!("prove.sh {}", self.name());
                let mut words = boot::words(&[&module.file, &programs.program, &programs.pki]);
                words.push(arguments.seed.to_string());
                let asked = self.asked(arguments);
                words.extend(asked.iter().map(|(_, number)| number.to_string()));
                let seconds = arguments.minutes * 60;
                // Two processors disturb each other more than processes do on one.
                let processors = if arguments.busy {
                    Processors::Skipping
                } else {
                    Processors::Two
                };
                emulator.script(&script, &words, seconds, processors)?
            }
        };
        let mut all = Vec::new();
        for (what, wanted) in self.asked(arguments) {
            let done = counted(&printed, what);
            ensure!(
                done >= wanted,
                "{done} {what} where {wanted} were asked for"
            );
            all.push((what, done));
        }
        Ok(all)
    }

    /// What is said of it in the results.
    fn row(self, arguments: &Arguments, done: &Result<Numbers>) -> Value {
        let (key, numbers) = match done {
            Ok(done) => ("done", done),
            Err(_) => ("asked", &self.asked(arguments)),
        };
        let mut row = json!({ "part": self.name(), "held": done.is_ok() });
        for (what, number) in numbers {
            row[key][what] = json!(number);
        }
        if let Err(error) = done {
            row["why"] = json!(format!("{error:#}"));
        }
        row
    }
}

/// How much of something a script says was done, by its last word on it: `done WHAT NUMBER`.
fn counted(printed: &str, what: &str) -> u64 {
    let prefix = format!("done {what} ");
    let mut said = printed
        .lines()
        .filter_map(|line| line.trim().strip_prefix(&prefix));
    said.next_back()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
