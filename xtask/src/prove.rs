//! `cargo xtask prove`: the long proofs. In: the tree and hours; out: the same table as the tests'. It repeats, longer and
//! optimised, what the tests do briefly.

use anyhow::Result;
use clap::Args;

use crate::step::{Outcome, Report};
use crate::{fuzz, kernel, panics, shell, test};

#[derive(Args)]
pub(crate) struct Arguments {
    /// How long to run each fuzz target.
    #[arg(long, default_value_t = 600)]
    fuzz_seconds: u64,
}

/// Runs every proof.
///
/// # Errors
///
/// When one failed.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut report = Report::default();
    report.step("tests, optimised", || test::workspace_tests(&["--release"]));
    report.step("kernel check", kernel::check);
    report.step("panic sites", || panics::run(&panics::Arguments::default()));
    report.step("fuzz", || {
        fuzz::run(&fuzz::Arguments {
            seconds: arguments.fuzz_seconds,
            targets: Vec::new(),
        })
    });
    report.step("interop, full", || {
        shell::run(shell::cargo().args(["xtask", "interop", "--full"]))?;
        Ok(Outcome::Passed)
    });
    report.step("bench", bench);
    report.finish()
}

fn bench() -> Result<Outcome> {
    shell::run(shell::cargo().args(["xtask", "bench"]))?;
    Ok(Outcome::Passed)
}
