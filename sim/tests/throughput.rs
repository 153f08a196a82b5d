//! What a long transfer comes to on links of all kinds: a table that is kept, so that a change of what controllers do is a diff to read.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use inquic_engine::Config;
use inquic_engine::recovery::Algorithm;
use inquic_platform::Duration;
use inquic_sim::{Bulk, Faults, Settings, World};

const CONTROLLERS: [(Algorithm, &str); 3] = [
    (Algorithm::NewReno, "NewReno"),
    (Algorithm::Cubic, "CUBIC"),
    (Algorithm::Bbr, "BBR"),
];
/// Lost datagrams of a thousand.
const LOSSES: [u32; 4] = [0, 1, 10, 30];
/// One way, in milliseconds.
const DELAYS: [u64; 4] = [5, 15, 50, 150];
/// Datagrams in the queue of the link.
const QUEUES: [usize; 2] = [25, 100];
/// Bytes a second: 10 Mbit/s.
const RATE: u64 = 1_250_000;
const LENGTH: Duration = Duration::from_secs(6);

/// Kilobits a second that reach the reader in the first seconds of a connection.
fn kilobits(algorithm: Algorithm, faults: Faults) -> u64 {
    let settings = Settings {
        config: Config {
            algorithm,
            ..Config::default()
        },
        ..Settings::default()
    };
    let mut world = World::new(1, settings, Settings::default(), faults);
    let mut bulk = Bulk::begin(&mut world, RATE * 10);
    bulk.run_for(&mut world, LENGTH);
    bulk.read * 8 / LENGTH.as_millis()
}

/// The lines of one queue.
fn lines(queue: usize) -> String {
    let mut lines = String::new();
    for delay in DELAYS {
        for loss in LOSSES {
            let faults = Faults {
                delay: Duration::from_millis(delay),
                loss,
                rate: RATE,
                queue,
                ..Faults::default()
            };
            let (whole, tenth) = (loss / 10, loss % 10);
            write!(lines, "{queue:>7} {:>8} ms {whole}.{tenth} %", 2 * delay).unwrap();
            for (algorithm, _) in CONTROLLERS {
                write!(lines, "{:>9}", kilobits(algorithm, faults)).unwrap();
            }
            lines.push('\n');
        }
    }
    lines
}

fn table() -> String {
    let mut table = format!(
        "# kbit/s that reach the reader in the first {} s of a stream over a link of {} kbit/s.\n\
         # UPDATE_EXPECT=1 cargo test -p inquic-sim --test throughput\n\
         #\n\
         # queue  round trip  lost",
        LENGTH.as_millis() / 1_000,
        RATE * 8 / 1_000
    );
    for (_, name) in CONTROLLERS {
        write!(table, "{name:>9}").unwrap();
    }
    table.push('\n');
    let queues = QUEUES.map(|queue| std::thread::spawn(move || lines(queue)));
    for queue in queues {
        table.push_str(&queue.join().unwrap());
    }
    table
}

#[test]
fn throughput_over_every_link_is_what_was_kept() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tables/throughput.txt");
    let table = table();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    for (now, before) in table.lines().zip(kept.lines()) {
        if now != before {
            println!("- {before}\n+ {now}");
        }
    }
    assert!(
        table == kept,
        "throughput has changed; if that is meant, keep the table with UPDATE_EXPECT=1 and say why in the commit"
    );
}
