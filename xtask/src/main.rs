//! `cargo xtask`: the commands that test, measure and prove this tree. In: a command line; out: a report and an exit
//! code. Nothing here is linked into what ships.
#![forbid(unsafe_code)]

mod bench;
mod fuzz;
mod header;
mod interop;
mod kernel;
mod limits;
mod lint;
mod made;
mod musts;
mod panics;
mod prove;
mod python;
mod rust_api;
mod shell;
mod step;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::step::Outcome;

/// Tests, measurements and proofs of inquic.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The tests, checks and brief proofs that this machine can run.
    Test(test::Arguments),
    /// Formatting, lints, documentation, house style.
    Lint,
    /// The crates that a kernel takes.
    #[command(subcommand)]
    Kernel(kernel::Task),
    /// Fail where something that a kernel would load can panic.
    Panics,
    /// Print every limit, and compare with LIMITS.md.
    Limits(limits::Arguments),
    /// Print the C header of the sockets, and compare with include/linux/quic.h.
    Header(header::Arguments),
    /// Run the fuzz targets.
    Fuzz(fuzz::Arguments),
    /// Count the requirements that the code cites, and look up their words.
    Tags(tidy::TagArguments),
    /// What the RFCs demand: how much is in the code, tested, excepted.
    Musts(musts::Arguments),
    /// Other implementations as peers, in both roles, over emulated links.
    Interop(interop::Arguments),
    /// Measurements against other implementations, with floors.
    Bench(bench::Arguments),
    /// The long proofs.
    Prove(prove::Arguments),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    match task {
        Task::Test(arguments) => test::run(arguments),
        Task::Lint => lint::run(),
        Task::Kernel(task) => kernel::run(task).map(say),
        Task::Panics => panics::run().map(say),
        Task::Limits(arguments) => limits::run(arguments).map(say),
        Task::Header(arguments) => header::run(arguments).map(say),
        Task::Fuzz(arguments) => fuzz::run(arguments).map(say),
        Task::Tags(arguments) => tidy::check_tags(arguments).map(say),
        Task::Musts(arguments) => musts::run(arguments).map(say),
        Task::Interop(arguments) => interop::run(arguments),
        Task::Bench(arguments) => bench::run(arguments),
        Task::Prove(arguments) => prove::run(arguments),
    }
}

/// One step on its own passes in silence; why it did not run is worth a line.
fn say(outcome: Outcome) {
    if let Outcome::Skipped(why) = outcome {
        println!("skipped: {why}");
    }
}
