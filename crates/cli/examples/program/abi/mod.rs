//! Checks of the socket ABI, by socket calls: names in; what held and what did not, a line each, out. Each check is a process of its
//! own with a deadline. `docs/abi-tests.txt` is the table of what they cover.

mod calls;
mod closing;
mod events;
mod fuzz;
mod handshakes;
mod hold;
mod memory;
mod messages;
mod misuse;
mod options;
mod own;
mod pair;
mod parameters;
mod process;
mod raw;
mod relay;
mod settings;
mod sharing;
mod stranger;
mod streams;
mod waiting;

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Something that holds for every home of these sockets.
pub(crate) struct Check {
    name: &'static str,
    run: fn(),
    /// What of the ABI it is about: constants and errnos.
    covers: &'static str,
    /// Why it holds under `inquic run` alone, where it does: the kernel answers before its module hears of the call.
    run_only: Option<&'static str>,
}

/// A check, by its function; with a reason, one that holds under `inquic run` alone.
macro_rules! check {
    ($name:ident, $covers:literal) => {
        $crate::abi::check!($name, $covers, None)
    };
    ($name:ident, $covers:literal, run only: $why:literal) => {
        $crate::abi::check!($name, $covers, Some($why))
    };
    ($name:ident, $covers:literal, $run_only:expr) => {
        $crate::abi::Check {
            name: stringify!($name),
            run: $name,
            covers: $covers,
            run_only: $run_only,
        }
    };
}
use check;

const ALL: &[&[Check]] = &[
    calls::CHECKS,
    closing::CHECKS,
    events::CHECKS,
    handshakes::CHECKS,
    memory::CHECKS,
    messages::CHECKS,
    misuse::CHECKS,
    options::CHECKS,
    own::CHECKS,
    settings::CHECKS,
    sharing::CHECKS,
    stranger::CHECKS,
    streams::CHECKS,
    waiting::CHECKS,
];

fn checks() -> impl Iterator<Item = &'static Check> {
    ALL.iter().copied().flatten()
}

/// `list`, `table`, `run DIR [NAME…]`, `fuzz --seed N --calls N [--starved]` and `hold N`.
pub(crate) fn run(words: &[&str]) -> io::Result<()> {
    match words {
        ["list"] => {
            for check in checks() {
                match check.run_only {
                    None => println!("{}", check.name),
                    Some(why) => println!("{} # run only: {why}", check.name),
                }
            }
            Ok(())
        }
        ["table"] => {
            print!("{}", table());
            Ok(())
        }
        ["run", place, names @ ..] => {
            pair::PLACE.get_or_init(|| (*place).to_owned());
            run_checks(names)
        }
        ["fuzz", "--seed", seed, "--calls", calls, starved @ ..] => {
            let number = |text: &str| text.parse::<u64>().map_err(io::Error::other);
            fuzz::run(number(seed)?, number(calls)?, starved == ["--starved"])
        }
        ["hold", count] => hold::run(count.parse().map_err(io::Error::other)?),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "see abi/mod.rs",
        )),
    }
}

/// Each thing that checks are about, and which.
fn table() -> String {
    let mut rows: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for check in checks() {
        for word in check.covers.split_whitespace() {
            rows.entry(word).or_default().push(check.name);
        }
    }
    let mut text = String::new();
    for (word, names) in rows {
        text.push_str(&format!("{word} {}\n", names.join(" ")));
    }
    text
}

fn run_checks(names: &[&str]) -> io::Result<()> {
    let unknown = names
        .iter()
        .find(|name| !checks().any(|check| check.name == **name));
    if let Some(name) = unknown {
        return Err(io::Error::new(io::ErrorKind::NotFound, *name));
    }
    let wanted = |check: &&Check| names.is_empty() || names.contains(&check.name);
    let chosen: Vec<_> = checks().filter(wanted).collect();
    println!("1..{}", chosen.len());
    let mut failed = 0;
    for (number, check) in chosen.iter().enumerate() {
        if let Some(why) = check.run_only.filter(|_| process::in_kernel()) {
            println!("ok {} {} # SKIP {why}", number + 1, check.name);
            continue;
        }
        let held = run_one(check);
        failed += usize::from(!held);
        let word = if held { "ok" } else { "not ok" };
        println!("{word} {} {}", number + 1, check.name);
    }
    if failed == 0 {
        Ok(())
    } else {
        Err(io::Error::other(format!("{failed} did not hold")))
    }
}

/// Whether a check holds, within its time.
fn run_one(check: &Check) -> bool {
    let child = process::fork();
    if child == 0 {
        process::alarm(DEADLINE_S);
        let held = catch_unwind(AssertUnwindSafe(check.run)).is_ok();
        process::exit(i32::from(!held));
    }
    match process::wait(child) {
        Ok(0) => true,
        Ok(_) => false,
        Err(signal) => {
            eprintln!("{}: ended by signal {signal}", check.name);
            false
        }
    }
}

/// Seconds that one check may take: what it waits for in vain is told before. The longest waits for an idle timeout of some seconds;
/// the rest is for a busy machine.
const DEADLINE_S: u32 = 90;
