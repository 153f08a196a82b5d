//! `cargo xtask prove`: what is claimed, with numbers. In: the tree and minutes or hours; out: a table of what was asked, its floor,
//! what came out and whether it held, and the same as JSON. A row that was not run is never counted as held.

mod rows;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::step::{Outcome, Stopwatch};
use crate::{fuzz, interop, kernel, musts, panics, shell};
use rows::State;

#[derive(Args)]
pub(crate) struct Arguments {
    /// What fits into ten minutes: 1,000 seeds, a hundredth of the damaged datagrams, no fuzzing, no peers, no measurements.
    #[arg(long)]
    quick: bool,
    /// Seeds of the swarm; 20,000, or 1,000 when quick.
    #[arg(long)]
    seeds: Option<u64>,
    /// Run this seed of the swarm alone, and nothing else.
    #[arg(long)]
    seed: Option<u64>,
    /// Where the results are written.
    #[arg(long, default_value = "target/prove.json")]
    json: PathBuf,
    /// How long to run each fuzz target.
    #[arg(long, default_value_t = 600)]
    fuzz_seconds: u64,
}

/// One line of the table.
struct Claim {
    what: &'static str,
    floor: String,
    got: String,
    verdict: Verdict,
    seconds: f64,
    detail: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Held,
    Broken,
    Skipped,
}

/// What a proof found: the value for the table, whether it held, and more for the JSON.
type Finding = (String, Verdict, Value);

/// Runs every proof.
///
/// # Errors
///
/// When one did not hold.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let Some(seed) = arguments.seed {
        let seed = seed.to_string();
        return shell::run(example("swarm").args(["--seed", &seed, "--twice", "1"]));
    }
    let quick = arguments.quick;
    let seeds = arguments
        .seeds
        .unwrap_or(if quick { 1_000 } else { 20_000 });
    let (null, real) = if quick {
        (1_000_000, 100_000)
    } else {
        (100_000_000, 10_000_000)
    };
    let mut claims = Vec::new();
    let mut prove = |what, floor: String, run: &dyn Fn() -> Result<Finding>| {
        claims.push(claim(what, floor, run));
    };
    prove(
        "swarm: seeds, none broken, each fault often enough",
        format!("{seeds}; 0"),
        &|| swarm(seeds),
    );
    prove("attacks held", "every row".to_owned(), &attacks);
    prove(
        "requirements of the RFCs",
        "see the table".to_owned(),
        &requirements,
    );
    prove(
        "allocations refused, one by one, in six lives",
        "no leak, no panic".to_owned(),
        &allocations,
    );
    prove(
        "damaged datagrams, null cipher",
        format!("{null}; 0 panics"),
        &|| damaged("--null", null),
    );
    prove(
        "damaged datagrams, real keys",
        format!("{real}; 0 panics"),
        &|| damaged("--real", real),
    );
    if !quick {
        prove("kernel check", "passes".to_owned(), &|| {
            kernel::check().map(finding)
        });
        prove("panic sites", "none more".to_owned(), &|| {
            panics::run(&panics::Arguments::default()).map(finding)
        });
        prove(
            "fuzz",
            format!("{} s a target", arguments.fuzz_seconds),
            &|| {
                let seconds = arguments.fuzz_seconds;
                let targets = Vec::new();
                fuzz::run(&fuzz::Arguments { seconds, targets }).map(finding)
            },
        );
        prove("interop", "every case".to_owned(), &peers);
        prove("bench", "its floors".to_owned(), &bench);
    }
    finish(&claims, &arguments.json)
}

fn claim(what: &'static str, floor: String, run: &dyn Fn() -> Result<Finding>) -> Claim {
    println!("\n=== {what}");
    let watch = Stopwatch::start();
    let (got, verdict, detail) =
        run().unwrap_or_else(|error| (format!("{error:#}"), Verdict::Broken, Value::Null));
    Claim {
        what,
        floor,
        got,
        verdict,
        seconds: watch.elapsed().as_secs_f64(),
        detail,
    }
}

/// Prints the table and writes the results.
fn finish(claims: &[Claim], file: &PathBuf) -> Result<()> {
    println!();
    let word = |verdict| match verdict {
        Verdict::Held => "held",
        Verdict::Broken => "NOT HELD",
        Verdict::Skipped => "skipped",
    };
    for claim in claims {
        println!(
            "{:52} {:>18}  {:8} {:6.0} s  {}",
            claim.what,
            claim.floor,
            word(claim.verdict),
            claim.seconds,
            claim.got
        );
    }
    let results: Vec<Value> = claims
        .iter()
        .map(|claim| {
            json!({
                "what": claim.what, "floor": claim.floor, "got": claim.got,
                "verdict": word(claim.verdict), "seconds": claim.seconds, "detail": claim.detail,
            })
        })
        .collect();
    let file = shell::root().join(file);
    fs::write(&file, format!("{:#}\n", Value::from(results)))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let broken = claims
        .iter()
        .filter(|claim| claim.verdict == Verdict::Broken)
        .count();
    ensure!(
        broken == 0,
        "{broken} of {} claims are not held",
        claims.len()
    );
    Ok(())
}

/// A thousand seeds of the swarm, as a step of the tests.
///
/// # Errors
///
/// When a seed breaks a rule, or a kind of fault was injected too seldom.
pub(crate) fn quick_swarm() -> Result<Outcome> {
    let (got, verdict, _) = swarm(1_000)?;
    ensure!(verdict == Verdict::Held, "{got}");
    Ok(Outcome::Passed)
}

fn swarm(seeds: u64) -> Result<Finding> {
    let file = shell::root().join("target/swarm.json");
    let mut command = example("swarm");
    command
        .args(["--seeds", &seeds.to_string(), "--floor", "1000", "--json"])
        .arg(&file);
    let ran = shell::run(&mut command);
    let text = fs::read_to_string(&file).context("the swarm wrote no results")?;
    let result: Value = serde_json::from_str(&text).context("the swarm's results are no JSON")?;
    let broken = result["failures"].as_array().map_or(0, Vec::len);
    let faults = result["faults"]
        .as_object()
        .context("the swarm counted no faults")?;
    let least = faults.iter().min_by_key(|(_, count)| count.as_u64());
    let least = least.map_or_else(String::new, |(name, count)| format!("{count} {name}"));
    let got = format!(
        "{} seeds, {broken} broken; fewest: {least}",
        result["seeds"]
    );
    Ok((got, verdict(ran.is_ok()), result))
}

fn attacks() -> Result<Finding> {
    let root = shell::root();
    let list =
        fs::read_to_string(root.join(ATTACKS)).with_context(|| format!("cannot read {ATTACKS}"))?;
    let known = rows::tests(&root, &["sim", "crates"])?;
    let mut tests = shell::cargo();
    tests.args([
        "test",
        "--profile",
        "prove",
        "-p",
        "inquic-sim",
        "--test",
        "attacks",
        "--features",
        "trace",
    ]);
    // Tests that fail make cargo fail; what they printed says which.
    let printed = tests.output().context("cannot run the attacks")?;
    let ran = rows::outcomes(&String::from_utf8_lossy(&printed.stdout));
    ensure!(
        !ran.is_empty(),
        "no attack ran: {}",
        String::from_utf8_lossy(&printed.stderr)
    );
    let states = rows::states(&list, &|name| known.iter().any(|known| known == name), &ran);
    let count =
        |wanted: &dyn Fn(&State) -> bool| states.values().filter(|&state| wanted(state)).count();
    let held = count(&|state| *state == State::Held);
    let out = count(&|state| *state == State::Out);
    let mut missing = Vec::new();
    for (row, state) in &states {
        if let State::Missing(why) = state {
            println!("row {row}: {why}");
            missing.push(*row);
        }
    }
    let got = format!(
        "{held} held, {out} concern others, missing: {missing:?}; {} tests ran",
        ran.len()
    );
    let all = missing.is_empty() && printed.status.success();
    Ok((
        got,
        verdict(all),
        json!({ "held": held, "missing": missing }),
    ))
}

fn requirements() -> Result<Finding> {
    let check = musts::run(&musts::Arguments::checking())?;
    Ok(finding(check))
}

fn allocations() -> Result<Finding> {
    let mut tests = shell::cargo();
    tests.args([
        "test",
        "--profile",
        "prove",
        "-p",
        "inquic-sim",
        "--test",
        "allocation",
    ]);
    shell::run(&mut tests)?;
    Ok(finding(Outcome::Passed))
}

fn damaged(kind: &str, count: u64) -> Result<Finding> {
    shell::run(example("damaged").args([kind, "--count", &count.to_string()]))?;
    Ok((count.to_string(), Verdict::Held, Value::Null))
}

fn peers() -> Result<Finding> {
    if let Err(missing) = shell::need_packages(interop::requirements().apt) {
        println!("{missing:#}");
    }
    shell::run(shell::cargo().args(["xtask", "interop", "--full"]))?;
    Ok(finding(Outcome::Passed))
}

fn bench() -> Result<Finding> {
    shell::run(shell::cargo().args(["xtask", "bench"]))?;
    Ok(finding(Outcome::Passed))
}

fn finding(outcome: Outcome) -> Finding {
    match outcome {
        Outcome::Passed => ("passed".to_owned(), Verdict::Held, Value::Null),
        Outcome::Skipped(why) => (why, Verdict::Skipped, Value::Null),
    }
}

const fn verdict(held: bool) -> Verdict {
    if held { Verdict::Held } else { Verdict::Broken }
}

/// A program of the simulator, optimised and with every check.
fn example(name: &str) -> std::process::Command {
    let mut cargo = shell::cargo();
    cargo.args([
        "run",
        "--quiet",
        "--profile",
        "prove",
        "-p",
        "inquic-sim",
        "--example",
        name,
        "--",
    ]);
    cargo
}

/// The list of attacks and their tests.
const ATTACKS: &str = "docs/attacks.txt";
