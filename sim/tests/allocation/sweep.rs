//! The sweep: each life again and again, with another allocation refused each time. What aborts is noted by the parent process.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::allocator::{begin, count, held};
use crate::lives::{LIVES, play};

/// Allocations of each life that abort the process when they are refused, for the engine asks for them in a way that cannot
/// fail. These numbers may only fall.
const ABORTING: [u64; 6] = [8, 15, 80, 20, 15, 67];

/// Set for a child: which life, the first allocation to refuse, and whether only that one, with its place. (With
/// `INQUIC_ALLOCATION_PLACES` set, the parent prints the place of every allocation that aborts.)
const CHILD: &str = "INQUIC_ALLOCATION";

#[test]
fn every_allocation_may_fail_once() {
    if let Ok(job) = std::env::var(CHILD) {
        return child(&job);
    }
    let mut aborted = [0; 6];
    for (life, script) in LIVES.iter().enumerate() {
        let mut from = 1;
        while let Some(at) = spawn(&format!("{life} {from}")) {
            aborted[life] += 1;
            if std::env::var_os("INQUIC_ALLOCATION_PLACES").is_some() {
                println!("{}: {at} aborts at {}", script.name, place(life, at));
            }
            from = at + 1;
        }
        println!("{}: {} aborts", script.name, aborted[life]);
    }
    assert!(
        aborted
            .iter()
            .zip(ABORTING)
            .all(|(now, before)| *now <= before),
        "{aborted:?} may be no more than {ABORTING:?}"
    );
}

/// Runs a child until it ends; the allocation that it aborted over, if it did.
///
/// # Panics
///
/// When it failed otherwise.
fn spawn(job: &str) -> Option<u64> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sweep::every_allocation_may_fail_once",
            "--nocapture",
        ])
        .env(CHILD, job)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        assert!(text.contains("\nwhole "), "{job}: it did nothing");
        return None;
    }
    let last = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("refuse "));
    let last = last.and_then(|number| number.trim().parse().ok());
    let is_abort = output.status.code().is_none();
    assert!(
        is_abort && last.is_some(),
        "{job}: {}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    last
}

/// Where in the engine an allocation is that aborts.
fn place(life: usize, at: u64) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sweep::every_allocation_may_fail_once",
            "--nocapture",
        ])
        .env(CHILD, format!("{life} {at} place"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let frames = text.lines().filter(|line| line.contains("crates/"));
    frames.take(2).map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Plays one life with each allocation refused in turn, from the given one on.
fn child(job: &str) {
    let mut words = job.split(' ');
    let life: usize = words.next().unwrap().parse().unwrap();
    let mut refused: u64 = words.next().unwrap().parse().unwrap();
    let traced = words.next().is_some();
    begin(0, false);
    play(&LIVES[life]);
    let all = count();
    loop {
        say(&format!("refuse {refused}"));
        let before = held();
        begin(refused, traced);
        play(&LIVES[life]);
        begin(0, false);
        assert_eq!(held(), before, "allocation {refused} leaks");
        refused += 1;
        if refused > all || traced {
            break;
        }
    }
    say(&format!("\nwhole {all}"));
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}
