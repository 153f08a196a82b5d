//! Hellos without end for a port with many owners: `hellos --count N`. Every client has to come to its owner, or to be refused with
//! the right code. Prints what became of them, and what one datagram of a stranger costs. A round that failed can be run alone.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use inquic_sim::hellos::{Report, play};

/// Clients of one round.
const CLIENTS: u16 = 50;

#[expect(clippy::disallowed_methods, reason = "this program measures time")]
fn clock() -> std::time::Instant {
    std::time::Instant::now()
}

fn main() -> ExitCode {
    let Some((count, seed, round)) = arguments() else {
        eprintln!("hellos [--count N] [--seed S] [--round NUMBER]");
        return ExitCode::FAILURE;
    };
    println!("seed {seed}");
    if let Some(round) = round {
        println!("{:?}", play(of_round(seed, round), CLIENTS, &|| 0));
        return ExitCode::SUCCESS;
    }
    let begin = clock();
    let nanos = || u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let rounds = count.div_ceil(CLIENTS.into());
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Report::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let round = next.fetch_add(1, Ordering::Relaxed);
                    if round >= rounds {
                        return;
                    }
                    let report = play(of_round(seed, round), CLIENTS, &nanos);
                    if report.misdelivered + report.lost > 0 {
                        println!("again: --seed {seed} --round {round}");
                    }
                    sum.lock().expect("nobody panics").add(&report);
                }
            });
        }
    });
    let report = sum.into_inner().expect("nobody panics");
    println!(
        "{} hellos, {} delivered, {} refused, {} misdelivered, {} lost; {} checked byte for byte, {} after Retry; {} datagrams, {} ns each",
        report.hellos,
        report.delivered,
        report.refused,
        report.misdelivered,
        report.lost,
        report.checked,
        report.retried,
        report.datagrams,
        report.time / report.datagrams.max(1),
    );
    // A run in which nobody was refused, retried or checked has looked at nothing.
    let looked = [report.refused, report.retried, report.checked];
    let held = report.misdelivered + report.lost == 0;
    if held && looked.iter().all(|&count| count > report.hellos / 200) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The seed of a round.
const fn of_round(seed: u64, round: u64) -> u64 {
    seed ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn arguments() -> Option<(u64, u64, Option<u64>)> {
    let mut found = (100_000, 1, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number = words.next()?.parse().ok()?;
        match word.as_str() {
            "--count" => found.0 = number,
            "--seed" => found.1 = number,
            "--round" => found.2 = Some(number),
            _ => return None,
        }
    }
    Some(found)
}
