//! `cargo xtask prove`: what is claimed, with numbers. In: the tree and minutes or hours; out: a table of what was asked, its floor,
//! what came out and whether it held, and the same as JSON. A row that was not run is never counted as held.

mod cost;
mod rows;

use std::cell::OnceCell;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::step::{Outcome, Stopwatch};
use crate::{fuzz, interop, kernel, musts, panics, shell};
use rows::{List, Rows, State, Tests};

#[derive(Args, Default)]
pub(crate) struct Arguments {
    /// What fits into ten minutes: 1,000 seeds, as much at random as --no-hours, no fuzzing, no peers, no measurements.
    #[arg(long)]
    quick: bool,
    /// Seeds of the swarm; 20,000, or 1,000 when quick.
    #[arg(long)]
    seeds: Option<u64>,
    /// Run this seed of the swarm alone, and nothing else.
    #[arg(long)]
    seed: Option<u64>,
    /// Where the results are written; prove.json among what cargo builds.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only the claims with this in their name.
    #[arg(long)]
    only: Option<String>,
    /// Everything but the proofs that take hours: a hundredth of the damaged datagrams and of the hellos, a fiftieth of the random calls,
    /// no fuzzing, and the module not loaded and unloaded 200 times.
    #[arg(long)]
    no_hours: bool,
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

/// How a claim is proven.
type Proof<'a> = &'a dyn Fn() -> Result<Finding>;

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
    let brief = quick || arguments.no_hours;
    let mut claims = Vec::new();
    let mut prove = |what: &'static str, floor: String, run: Proof<'_>| {
        let wanted = arguments.only.as_deref().unwrap_or_default();
        if what.contains(wanted) {
            claims.push(claim(what, floor, run));
        }
    };
    prove(
        "swarm: seeds, none broken, each fault often enough",
        format!("{seeds}; 0"),
        &|| swarm(seeds),
    );
    let tests = OnceCell::new();
    let lists = [
        ("attacks held", &ATTACKS),
        ("weaknesses of the reference", &WEAKNESSES),
    ];
    for (what, list) in lists {
        prove(what, "every row".to_owned(), &|| {
            rows_held(list, tests.get_or_init(|| named_tests(quick)))
        });
    }
    prove(
        "requirements of the RFCs",
        "see the table".to_owned(),
        &requirements,
    );
    prove(
        "allocations refused, one by one, in lives of all kinds",
        "no leak, no panic".to_owned(),
        &allocations,
    );
    random_datagrams(brief, &mut prove);
    random_calls(brief, &mut prove);
    if !quick {
        others(arguments, &mut prove);
    }
    finish(&claims, arguments.json.as_ref())
}

/// Datagrams made at random.
fn random_datagrams(brief: bool, prove: &mut dyn FnMut(&'static str, String, Proof<'_>)) {
    let (null, real, hellos) = if brief {
        (1_000_000, 100_000, 10_000)
    } else {
        (100_000_000, 10_000_000, 1_000_000)
    };
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
    prove(
        "hellos for a port with many owners",
        format!("{hellos}; 0 misdelivered"),
        &|| example_of("hellos", &["--count", &hellos.to_string()], hellos),
    );
}

/// Calls of a program, good and bad.
fn random_calls(brief: bool, prove: &mut dyn FnMut(&'static str, String, Proof<'_>)) {
    let calls = if brief { 20_000 } else { 1_000_000 };
    prove(
        "socket calls at random under inquic run",
        format!("{calls}; no other errno, no hang, no leak"),
        &|| calls_at_random(calls),
    );
}

/// What is proven with other programs and other people's stacks.
fn others(arguments: &Arguments, prove: &mut dyn FnMut(&'static str, String, Proof<'_>)) {
    prove("kernel check", "passes".to_owned(), &|| {
        kernel::check().map(finding)
    });
    prove("panic sites", "0".to_owned(), &|| {
        panics::run().map(finding)
    });
    if !arguments.no_hours {
        let seconds = arguments.fuzz_seconds;
        prove("fuzz", format!("{seconds} s a target"), &|| {
            let targets = Vec::new();
            fuzz::run(&fuzz::Arguments { seconds, targets }).map(finding)
        });
        prove(
            "the module loaded and unloaded under traffic",
            format!("{} times", kernel::CYCLES),
            &|| kernel::test(kernel::CYCLES).map(finding),
        );
    }
    prove("interop", "every case".to_owned(), &peers);
    prove("bench", "its floors".to_owned(), &bench);
}

fn claim(what: &'static str, floor: String, run: Proof<'_>) -> Claim {
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
fn finish(claims: &[Claim], file: Option<&PathBuf>) -> Result<()> {
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
    let file = file.map_or_else(|| shell::target().join("prove.json"), Clone::clone);
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

/// What takes minutes, as a step of the tests.
///
/// # Errors
///
/// When a claim is not held.
pub(crate) fn quick() -> Result<Outcome> {
    run(&Arguments {
        quick: true,
        ..Arguments::default()
    })?;
    Ok(Outcome::Passed)
}

fn swarm(seeds: u64) -> Result<Finding> {
    let file = shell::target().join("swarm.json");
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

/// Whether the tests that a list names hold every row of it.
fn rows_held(list: &List, tests: &Result<Tests>) -> Result<Finding> {
    let tests = match tests {
        Ok(tests) => tests,
        Err(error) => bail!("{error:#}"),
    };
    let states = list.states(&list.read(&shell::root())?, tests);
    let count =
        |wanted: &dyn Fn(&State) -> bool| states.values().filter(|&state| wanted(state)).count();
    let held = count(&|state| *state == State::Held);
    let out = count(&|state| *state == State::Out);
    let mut missing = Vec::new();
    for (row, state) in &states {
        if let State::Missing(why) = state {
            println!("{} {row}: {why}", list.file);
            missing.push(row);
        }
    }
    let got = format!(
        "{held} held, {out} concern others, missing: {missing:?}; {} tests ran",
        tests.ran.len()
    );
    let detail = json!({ "held": held, "out": out, "missing": missing });
    Ok((got, verdict(missing.is_empty()), detail))
}

/// Runs the tests that the lists name, each as often as the list asks; when quick, those of the simulator's attacks, in brief.
fn named_tests(quick: bool) -> Result<Tests> {
    let root = shell::root();
    let mut known = rows::tests(&root, &["sim", "crates"])?;
    known.extend(cost::COSTS.iter().map(|cost| format!("cost:{}", cost.kind)));
    let mut tests = shell::cargo();
    tests.args(["test", "--profile", "prove", "--no-fail-fast"]);
    if quick {
        tests.args([
            "-p",
            "inquic-sim",
            "--features",
            "trace",
            "--test",
            "attacks",
        ]);
    } else {
        tests.env("INQUIC_FULL", "1");
        for package in ["wire", "engine", "socket", "handshake", "sim"] {
            tests.arg("-p").arg(format!("inquic-{package}"));
        }
        tests.args(["-p", "inquic", "--all-features", "--lib", "--tests", "--"]);
        for list in [&ATTACKS, &WEAKNESSES] {
            let text = list.read(&root)?;
            tests.args(rows::named(&text));
        }
    }
    // Tests that fail make cargo fail; what they printed says which.
    let printed = tests.output().context("cannot run the tests")?;
    let mut ran = rows::outcomes(&String::from_utf8_lossy(&printed.stdout));
    ensure!(
        !ran.is_empty(),
        "no test ran: {}",
        String::from_utf8_lossy(&printed.stderr)
    );
    for (name, _) in ran.iter().filter(|(_, passed)| !**passed) {
        println!("{name} failed");
    }
    match cost::count() {
        Ok(costs) => {
            for cost in costs {
                println!(
                    "{:>8} instructions of {:>7}: {}",
                    cost.each, cost.most, cost.kind
                );
                ran.insert(format!("cost:{}", cost.kind), cost.held());
            }
        }
        Err(missing) => println!("instructions are not counted: {missing:#}"),
    }
    Ok(Tests {
        known,
        ran,
        all: !quick,
    })
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
    example_of("damaged", &[kind, "--count", &count.to_string()], count)
}

/// Runs the program of the command's tests, which makes calls good and bad, under `inquic run`.
fn calls_at_random(count: u64) -> Result<Finding> {
    let mut build = shell::cargo();
    build.args(["build", "-p", "inquic-preload", "-p", "inquic-cli"]);
    shell::run(build.args(["--bins", "--lib", "--example", "program"]))?;
    // With every check that a debug build makes.
    let built = shell::target().join("debug");
    let mut run = std::process::Command::new(built.join("inquic"));
    run.arg("run").arg(built.join("examples/program"));
    shell::run(run.args(["abi", "fuzz", "--seed", "1", "--calls", &count.to_string()]))?;
    Ok((format!("{count}; none"), Verdict::Held, json!(count)))
}

/// A program of the simulator that fails if what it looks for is not so.
fn example_of(name: &str, arguments: &[&str], count: u64) -> Result<Finding> {
    shell::run(example(name).args(arguments))?;
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

/// The attacks, and the tests that hold them.
const ATTACKS: List = List {
    file: "docs/attacks.txt",
    rows: &[Rows::Numbered(72)],
};

/// What is known to be weak in the C module that we are measured against, and the tests that it would fail.
const WEAKNESSES: List = List {
    file: "docs/weaknesses.txt",
    rows: &[Rows::Numbered(40), Rows::Named("15b")],
};
