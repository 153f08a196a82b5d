//! The Rust API's own tests on QUIC sockets, in place of its embedded home. In: the crate's tests; out: whether they hold under `inquic run`,
//! and the programs with which a booted kernel sees the same. What is left out is named with the reason.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;
use crate::step::Outcome;

/// Runs them under `inquic run`, whose sockets are taken for the kernel's.
///
/// # Errors
///
/// When one does not compile or hold.
pub(crate) fn run() -> Result<Outcome> {
    let mut home = shell::cargo();
    home.args([
        "build",
        "--quiet",
        "--package",
        "inquic-cli",
        "--bin",
        "inquic",
    ]);
    shell::run(&mut home)?;
    let inquic = shell::target().join("debug/inquic");
    for (name, why) in EMBEDDED_ALONE {
        println!("without {name}: {why}");
    }
    for test in programs()? {
        let mut run = shell::command(&inquic.to_string_lossy());
        run.arg("run").arg(&test).args(left_out());
        // Where the tests find what they read.
        run.current_dir(shell::root().join("crates/inquic"));
        shell::run(&mut run)?;
    }
    Ok(Outcome::Passed)
}

/// The programs, compiled.
///
/// # Errors
///
/// When they do not compile.
pub(crate) fn programs() -> Result<Vec<PathBuf>> {
    let mut cargo = shell::cargo();
    cargo.args(["test", "--no-run", "--package", "inquic", "--all-features"]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    for name in TESTS {
        cargo.args(["--test", name]);
    }
    let said = shell::output(&mut cargo)?;
    let mut programs = Vec::new();
    for line in said.lines() {
        let artifact: Value = serde_json::from_str(line).context("cargo says something else")?;
        programs.extend(artifact["executable"].as_str().map(PathBuf::from));
    }
    Ok(programs)
}

/// Words for each of them: what not to run.
pub(crate) fn left_out() -> Vec<String> {
    let names = EMBEDDED_ALONE.iter();
    names
        .flat_map(|(name, _)| ["--skip".to_owned(), (*name).to_owned()])
        .collect()
}

/// Files of tests that see what programs see.
const TESTS: [&str; 8] = [
    "blocking",
    "clear",
    "datagrams",
    "early",
    "paths",
    "sharing",
    "tokio",
    "versions",
];

/// Tests of what only a home in the process does.
const EMBEDDED_ALONE: [(&str, &str); 2] = [
    (
        "a_runtime_that_ends_tells_whoever_waits",
        "the kernel does not end with a runtime",
    ),
    (
        "who_does_not_share_has_the_port_alone",
        "listeners of one user with other protocols may always have the same port of the kernel's",
    ),
];
