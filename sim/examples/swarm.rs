//! Runs many seeds of the swarm, on every processor, and says what broke, how often each fault was injected, and how long it took.
#![expect(
    unsafe_code,
    reason = "an allocator that counts and refuses is an allocator"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::{fs, panic, thread};

use inquic_sim::swarm::{self, Heap, Report};
use inquic_sim::{Fault, Feature, Tally};

/// Counts what each thread has on the heap, and refuses what a run wants refused.
struct Counting;

thread_local! {
    static HELD: Cell<i64> = const { Cell::new(0) };
    /// Whether what is allocated now may be refused.
    static ARMED: Cell<bool> = const { Cell::new(false) };
    /// How many of 65,536 are refused, and the dice.
    static CHANCE: Cell<u32> = const { Cell::new(0) };
    static DICE: Cell<u64> = const { Cell::new(0) };
    /// How many are still refused in a row.
    static ROW: Cell<u64> = const { Cell::new(0) };
    static REFUSED: Cell<u64> = const { Cell::new(0) };
}

/// What a run may do with this allocator.
const HEAP: Heap = Heap {
    held: || HELD.get(),
    refuse: |seed, chance| {
        CHANCE.set(chance);
        DICE.set(seed ^ 0x6865_6170);
        ROW.set(0);
        REFUSED.set(0);
    },
    arm: |armed| ARMED.replace(armed),
    refuses: dice,
    refused: || REFUSED.get(),
};

/// Whether an allocation is refused. A thread that ends has no dice any more, and is refused nothing.
fn refuses() -> bool {
    ARMED.try_with(Cell::get).unwrap_or(false) && dice()
}

/// Every eighth refusal is followed by up to 63 more: memory that is scarce is scarce for a while.
fn dice() -> bool {
    if CHANCE.get() == 0 {
        return false;
    }
    let refused = if ROW.get() > 0 {
        ROW.set(ROW.get() - 1);
        true
    } else {
        // splitmix64, as the seeds are numbers in a row.
        let state = DICE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        DICE.set(state);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ mixed >> 31;
        let hit = mixed % 65_536 < u64::from(CHANCE.get());
        if hit && (mixed >> 16).is_multiple_of(8) {
            ROW.set(mixed >> 32 & 63);
        }
        hit
    };
    REFUSED.set(REFUSED.get() + u64::from(refused));
    refused
}

fn charge(bytes: i64) {
    // A thread that ends has nobody to charge.
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
}

// SAFETY: every call goes to the system's allocator as it came, or gives null, which a caller has to expect.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refuses() {
            return std::ptr::null_mut();
        }
        charge(layout.size() as i64);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        charge(-(layout.size() as i64));
        // SAFETY: the caller keeps the promises of `dealloc`.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if refuses() {
            return std::ptr::null_mut();
        }
        charge(size as i64 - layout.size() as i64);
        // SAFETY: the caller keeps the promises of `realloc`.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const HELP: &str = "\
Runs seeds of the swarm: the sockets that ship, over a network, systems and applications with faults.

usage: swarm [options]

  --seeds N     how many seeds to run (1000)
  --from S      the first of them (0)
  --seed S      run this one alone
  --twice K     run every Kth seed twice and compare (8)
  --floor N     fail if a kind of fault was injected less often, or a feature used less than a tenth of that (0)
  --threads N   how many at once (as many as there are processors)
  --say         name each seed before it runs: who cannot do without memory aborts, and leaves no other trace
  --json FILE   write what came out there
  --record      add seeds that fail to sim/seeds/failing.txt, which are run first
";

/// What the command line asks for.
struct Options {
    seeds: u64,
    from: u64,
    only: Option<u64>,
    twice: u64,
    floor: u64,
    threads: usize,
    say: bool,
    json: Option<PathBuf>,
    record: bool,
}

/// What all seeds together came to.
#[derive(Default)]
struct Sum {
    seeds: u64,
    steps: u64,
    virtual_seconds: u64,
    tally: Tally,
    failures: Vec<(u64, String)>,
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(what) => {
            eprintln!("{what}\n\n{HELP}");
            return ExitCode::FAILURE;
        }
    };
    let seeds = options.seeds();
    println!("seeds {}", options.describe());
    let began = clock();
    refuse_no_panic();
    let sum = run_all(&options, &seeds);
    let seconds = began.elapsed().as_secs_f64();
    let starved = starved(&sum.tally, options.floor);
    print_table(&sum, seconds);
    for (what, count) in &starved {
        println!("too few: {what}, {count} times");
    }
    for (seed, what) in &sum.failures {
        println!("FAILED seed {seed}: {what}");
    }
    let written = options
        .json
        .as_ref()
        .map(|file| fs::write(file, json(&sum, seconds)));
    if let Some(Err(error)) = written {
        eprintln!("cannot write the results: {error}");
        return ExitCode::FAILURE;
    }
    if options.record {
        record(&sum.failures);
    }
    if sum.failures.is_empty() && starved.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Whoever panics gets the memory to say why.
fn refuse_no_panic() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        ARMED.set(false);
        usual(info);
    }));
}

#[expect(clippy::disallowed_methods, reason = "this program measures time")]
fn clock() -> std::time::Instant {
    std::time::Instant::now()
}

fn run_all(options: &Options, seeds: &[u64]) -> Sum {
    let next = AtomicUsize::new(0);
    let done = AtomicU64::new(0);
    let sum = Mutex::new(Sum::default());
    thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let twice = seed.is_multiple_of(options.twice.max(1));
                    if options.say {
                        eprintln!("seed {seed} begins");
                    }
                    let report = panic::catch_unwind(|| swarm::run(seed, twice, None, HEAP));
                    sum.lock().expect("whole").add(seed, report);
                    let count = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if count.is_multiple_of(PROGRESS) {
                        println!("{count} of {}", seeds.len());
                    }
                }
            });
        }
    });
    let mut sum = sum.into_inner().expect("whole");
    sum.failures.sort();
    sum
}

impl Sum {
    fn add(&mut self, seed: u64, report: thread::Result<Report>) {
        self.seeds += 1;
        match report {
            Ok(report) => {
                self.steps += report.steps;
                self.virtual_seconds += report.time.as_millis() / 1_000;
                self.tally.add(&report.tally);
                if let Some(violation) = report.violation {
                    println!("seed {seed}: {violation}");
                    self.failures.push((seed, violation.to_string()));
                }
            }
            Err(why) => {
                let text = why.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| why.downcast_ref::<&str>().copied());
                let text = format!("panicked: {}", text.unwrap_or("without a word"));
                println!("seed {seed}: {text}");
                self.failures.push((seed, text));
            }
        }
    }
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            seeds: 1_000,
            from: 0,
            only: None,
            twice: 8,
            floor: 0,
            threads: thread::available_parallelism().map_or(1, usize::from),
            say: false,
            json: None,
            record: false,
        };
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
            let number = |text: String| {
                text.parse::<u64>()
                    .map_err(|_| format!("{text} is no number"))
            };
            match name.as_str() {
                "--seeds" => options.seeds = number(value()?)?,
                "--from" => options.from = number(value()?)?,
                "--seed" => options.only = Some(number(value()?)?),
                "--twice" => options.twice = number(value()?)?,
                "--floor" => options.floor = number(value()?)?,
                "--threads" => options.threads = number(value()?)?.max(1) as usize,
                "--json" => options.json = Some(value()?.into()),
                "--say" => options.say = true,
                "--record" => options.record = true,
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("there is no option {name}")),
            }
        }
        Ok(Some(options))
    }

    /// The seeds to run: those that failed before come first.
    fn seeds(&self) -> Vec<u64> {
        if let Some(seed) = self.only {
            return vec![seed];
        }
        let failed = kept();
        let new = self.from..self.from + self.seeds;
        let rest = new.filter(|seed| !failed.contains(seed));
        failed.iter().copied().chain(rest).collect()
    }

    fn describe(&self) -> String {
        match self.only {
            Some(seed) => format!("{seed}"),
            None => format!(
                "{} to {}, after {} that failed before",
                self.from,
                self.from + self.seeds - 1,
                kept().len()
            ),
        }
    }
}

/// The kinds of fault that were injected too seldom, and the features that were used too seldom.
fn starved(tally: &Tally, floor: u64) -> Vec<(String, u64)> {
    let faults = Fault::ALL.map(|fault| (format!("{fault:?}"), tally.of(fault), floor));
    // Most are used once in a connection.
    let uses = Feature::ALL.map(|feature| {
        let uses = tally.uses_of(feature);
        (format!("{feature:?}"), uses, floor / 10)
    });
    let counts = faults.into_iter().chain(uses);
    counts
        .filter(|&(_, count, floor)| count < floor)
        .map(|(what, count, _)| (what, count))
        .collect()
}

fn print_table(sum: &Sum, seconds: f64) {
    println!();
    for fault in Fault::ALL {
        println!("{:>12}  {fault:?}", sum.tally.of(fault));
    }
    println!("and used:");
    for feature in Feature::ALL {
        println!("{:>12}  {feature:?}", sum.tally.uses_of(feature));
    }
    println!(
        "{} seeds, {} steps, {} virtual seconds in {seconds:.1} s: {} failed",
        sum.seeds,
        sum.steps,
        sum.virtual_seconds,
        sum.failures.len()
    );
}

fn json(sum: &Sum, seconds: f64) -> String {
    let faults = Fault::ALL.map(|fault| format!("\"{fault:?}\": {}", sum.tally.of(fault)));
    let uses =
        Feature::ALL.map(|feature| format!("\"{feature:?}\": {}", sum.tally.uses_of(feature)));
    let failures = sum
        .failures
        .iter()
        .map(|(seed, what)| format!("{{\"seed\": {seed}, \"what\": {what:?}}}"));
    let failures: Vec<_> = failures.collect();
    let mut out = String::new();
    let _ = write!(
        out,
        "{{\"seeds\": {}, \"steps\": {}, \"virtual_seconds\": {}, \"seconds\": {seconds:.1}, \"faults\": {{{}}}, \"uses\": {{{}}}, \"failures\": [{}]}}",
        sum.seeds,
        sum.steps,
        sum.virtual_seconds,
        faults.join(", "),
        uses.join(", "),
        failures.join(", ")
    );
    out.push('\n');
    out
}

fn failing() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/failing.txt")
}

/// Seeds that failed before: one on each line, with a note behind it.
fn kept() -> BTreeSet<u64> {
    let text = fs::read_to_string(failing()).unwrap_or_default();
    let seeds = text
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.parse().ok());
    seeds.collect()
}

fn record(failures: &[(u64, String)]) {
    let known = kept();
    let new = failures.iter().filter(|(seed, _)| !known.contains(seed));
    let lines: String = new
        .map(|(seed, what)| format!("{seed}  {what}\n"))
        .collect();
    let text = fs::read_to_string(failing()).unwrap_or_default();
    if let Err(error) = fs::write(failing(), text + &lines) {
        eprintln!("cannot record the seeds: {error}");
    }
}

/// Seeds between two lines of progress.
const PROGRESS: u64 = 500;
