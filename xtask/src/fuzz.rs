//! Fuzzing. In: the targets under fuzz/, their corpora and a time; out: whether any input broke one. New inputs are kept
//! under target/, never in the tree: the corpora there are chosen by people.

use std::fs;
use std::process::Child;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::shell;
use crate::step::{Outcome, Stopwatch};

#[derive(Args)]
pub(crate) struct Arguments {
    /// How long to run each target.
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
    /// The targets to run; all when none is named.
    pub(crate) targets: Vec<String>,
}

/// Builds the targets and runs each for the given time, as many at once as there are processors.
///
/// # Errors
///
/// When a target does not build, or an input makes one panic, hang or grow.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    if let Some(why) = missing()? {
        return Ok(Outcome::Skipped(why));
    }
    let targets = if arguments.targets.is_empty() {
        list()?
    } else {
        arguments.targets.clone()
    };
    ensure!(!targets.is_empty(), "there is no target under fuzz/");
    shell::run(fuzz("build").args(BUILD))?;

    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut broken = Vec::new();
    for batch in targets.chunks(processors) {
        broken.extend(run_batch(batch, arguments.seconds)?);
    }
    ensure!(
        broken.is_empty(),
        "an input broke {} (it is under fuzz/artifacts)",
        broken.join(", ")
    );
    println!(
        "{} targets, {} s each, none broken",
        targets.len(),
        arguments.seconds
    );
    Ok(Outcome::Passed)
}

/// Runs some targets at once and returns those that an input broke.
fn run_batch(targets: &[String], seconds: u64) -> Result<Vec<String>> {
    let watch = Stopwatch::start();
    let mut children: Vec<(&String, Child)> = Vec::new();
    for target in targets {
        children.push((target, start(target, seconds)?));
    }
    let mut broken = Vec::new();
    for (target, mut child) in children {
        let status = child
            .wait()
            .with_context(|| format!("cannot wait for {target}"))?;
        let verdict = if status.success() { "held" } else { "BROKEN" };
        println!(
            "{target}: {verdict} after {:.0} s",
            watch.elapsed().as_secs_f64()
        );
        if !status.success() {
            println!("{}", last_lines(&fs::read_to_string(log(target))?, 60));
            broken.push(target.clone());
        }
    }
    Ok(broken)
}

fn start(target: &str, seconds: u64) -> Result<Child> {
    let found = shell::root().join("target/fuzz-corpus").join(target);
    fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
    let log = fs::File::create(log(target)).context("cannot write the log of a fuzz target")?;
    let mut command = fuzz("run");
    command.args(BUILD).arg(target).arg(found);
    let kept = shell::root().join("fuzz/corpus").join(target);
    if kept.is_dir() {
        command.arg(kept);
    }
    command
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {target}"))
}

fn log(target: &str) -> std::path::PathBuf {
    shell::root()
        .join("target/fuzz-corpus")
        .join(format!("{target}.log"))
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines.get(from..).unwrap_or_default().join("\n")
}

fn list() -> Result<Vec<String>> {
    Ok(shell::output(&mut fuzz("list"))?
        .split_whitespace()
        .map(str::to_owned)
        .collect())
}

/// What is missing for fuzzing, after an attempt to install what cargo can.
fn missing() -> Result<Option<String>> {
    let nightly = shell::output(shell::command("rustup").args(["toolchain", "list"]))
        .is_ok_and(|list| list.lines().any(|line| line.starts_with("nightly")));
    if !nightly {
        return Ok(Some(
            "needs a nightly toolchain (rustup toolchain install nightly)".to_owned(),
        ));
    }
    if shell::output(shell::cargo().args(["fuzz", "--version"])).is_err() {
        shell::run(shell::cargo().args(["install", "--quiet", "--locked", "cargo-fuzz"]))?;
    }
    Ok(None)
}

fn fuzz(verb: &str) -> std::process::Command {
    let mut command = shell::cargo();
    // The toolchain that runs xtask must not be the one that fuzzes.
    command
        .env_remove("RUSTUP_TOOLCHAIN")
        .args(["+nightly", "fuzz", verb]);
    command
}

/// With checks of overflow and of `debug_assert!`. The code fuzzed forbids `unsafe`, so a sanitizer would find nothing in it
/// and halve the number of inputs tried.
const BUILD: [&str; 5] = [
    "--sanitizer",
    "none",
    "--debug-assertions",
    "--target-dir",
    "target/fuzz",
];
