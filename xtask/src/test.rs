//! `cargo xtask test`: everything that can be tested on this machine. In: the tree; out: one line a step, a table, the
//! count. What cannot run is named with the reason, and is never counted as passed.

use anyhow::Result;
use clap::Args;

use crate::shell;
use crate::step::{Outcome, Report};
use crate::{fuzz, interop, kernel, panics, prove, rust_api};

#[derive(Args)]
pub(crate) struct Arguments {
    /// How long to run each fuzz target.
    #[arg(long, default_value_t = 60)]
    fuzz_seconds: u64,
}

/// Runs every step.
///
/// # Errors
///
/// When a step failed.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut report = Report::default();
    report.step("unit and integration tests", || workspace_tests(&[]));
    report.step("Rust API on sockets", rust_api::run);
    report.step("documentation tests", documentation_tests);
    report.step("kernel check", kernel::check);
    report.step("kernel test", || kernel::test(kernel::CYCLES));
    report.step("kernel package", kernel::package);
    report.step("panic sites", panics::run);
    report.step("proofs, quick", prove::quick);
    report.step("fuzz", || {
        fuzz::run(&fuzz::Arguments {
            seconds: arguments.fuzz_seconds,
            targets: Vec::new(),
        })
    });
    report.step("interop", interop);
    report.step("demo", demo);
    report.finish()
}

/// The tests of every crate, with further arguments to cargo.
pub(crate) fn workspace_tests(arguments: &[&str]) -> Result<Outcome> {
    // What the tests of `inquic run` run.
    let program = ["build", "--package", "inquic-cli", "--example", "program"];
    shell::run(shell::cargo().args(program).arg("--all-features"))?;
    let mut cargo = shell::cargo();
    if shell::output(shell::cargo().args(["nextest", "--version"])).is_ok() {
        cargo.args(["nextest", "run", "--no-fail-fast"]);
    } else {
        // Without doc tests: they are a step of their own.
        cargo.args(["test", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    }
    shell::run(
        cargo
            .args(["--workspace", "--all-features"])
            .args(arguments),
    )?;
    Ok(Outcome::Passed)
}

fn documentation_tests() -> Result<Outcome> {
    shell::run(shell::cargo().args(["test", "--quiet", "--doc", "--workspace", "--all-features"]))?;
    Ok(Outcome::Passed)
}

/// Other implementations. What one of them needs and cannot be installed is a gap in the table that the step prints.
fn interop() -> Result<Outcome> {
    if let Err(missing) = shell::need_packages(interop::requirements().apt) {
        println!("{missing:#}");
    }
    shell::run(shell::cargo().args(["xtask", "interop"]))?;
    Ok(Outcome::Passed)
}

/// The first command of README.md, as a newcomer types it.
fn demo() -> Result<Outcome> {
    shell::run(shell::cargo().args(["run", "--release", "--", "demo"]))?;
    Ok(Outcome::Passed)
}
