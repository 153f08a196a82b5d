//! What can be judged without running the code. In: the sources; out: formatting, lints, documentation and tidiness, each
//! a step of its own.

use anyhow::{Result, ensure};

use crate::header;
use crate::limits;
use crate::musts;
use crate::shell;
use crate::step::{Outcome, Report};
use crate::tidy;

/// Judges the whole tree; a warning is a failure.
///
/// # Errors
///
/// When a step failed.
pub(crate) fn run() -> Result<()> {
    let mut report = Report::default();
    report.step("format", format);
    report.step("tidy", tidy_tree);
    report.step("limits", limits::check);
    report.step("header", header::check);
    report.step("requirements", musts::check);
    report.step("clippy", clippy);
    report.step("documentation", documentation);
    report.finish()
}

fn format() -> Result<Outcome> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))?;
    for manifest in OTHER_WORKSPACES {
        if shell::root().join(manifest).is_file() {
            shell::run(shell::cargo().args([
                "fmt",
                "--all",
                "--check",
                "--manifest-path",
                manifest,
            ]))?;
        }
    }
    Ok(Outcome::Passed)
}

fn tidy_tree() -> Result<Outcome> {
    let findings = tidy::check(&shell::root())?;
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "{} findings", findings.len());
    Ok(Outcome::Passed)
}

fn clippy() -> Result<Outcome> {
    shell::run(
        shell::cargo()
            .args([
                "clippy",
                "--quiet",
                "--workspace",
                "--all-targets",
                "--all-features",
            ])
            .args(["--", "-D", "warnings"]),
    )?;
    Ok(Outcome::Passed)
}

fn documentation() -> Result<Outcome> {
    // Libraries only: the command has the name of a library, and one would overwrite the pages of the other.
    shell::run(shell::cargo().env("RUSTDOCFLAGS", "-D warnings").args([
        "doc",
        "--quiet",
        "--workspace",
        "--lib",
        "--no-deps",
        "--all-features",
    ]))?;
    Ok(Outcome::Passed)
}

/// Workspaces that are built apart from the main one, for their dependencies would slow every build down.
const OTHER_WORKSPACES: [&str; 3] = [
    "fuzz/Cargo.toml",
    "kernel/Cargo.toml",
    "tests/peers/Cargo.toml",
];
