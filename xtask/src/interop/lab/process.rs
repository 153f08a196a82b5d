//! In: a command. Out: a running process whose lines, CPU time and memory can be asked for. Never outlives its owner.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::step::Stopwatch;

/// A process; dropping it kills it.
pub(crate) struct Running {
    name: String,
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    readers: Vec<thread::JoinHandle<()>>,
}

/// A process that ended by itself.
pub(crate) struct Ended {
    /// How.
    pub(crate) status: ExitStatus,
    /// The CPU time it used, user and system.
    pub(crate) cpu: Duration,
    /// Every line it printed.
    pub(crate) lines: Vec<String>,
}

impl Running {
    /// Starts it; what it prints on both outputs is kept.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A trace says nothing to a harness, and hides the line that does.
            .env("RUST_BACKTRACE", "0")
            .spawn()
            .with_context(|| format!("cannot start {name}: {command:?}"))?;
        let said = Arc::new(Mutex::new(Vec::new()));
        let mut readers = Vec::new();
        if let Some(out) = child.stdout.take() {
            readers.push(read_lines(out, &said));
        }
        if let Some(err) = child.stderr.take() {
            readers.push(read_lines(err, &said));
        }
        Ok(Self {
            name: name.to_owned(),
            child,
            said,
            readers,
        })
    }

    /// Waits for a line that begins so, and returns what follows.
    pub(crate) fn wait_for_line(&mut self, prefix: &str, limit: Duration) -> Result<String> {
        let what = format!("{} to print {prefix:?}", self.name);
        poll(&what, limit, || {
            let found = self
                .lines()
                .iter()
                .find_map(|line| Some(line.strip_prefix(prefix)?.trim().to_owned()));
            if found.is_none() && self.has_ended()? {
                bail!("{} ended too early: {}", self.name, self.last_lines(6));
            }
            Ok(found)
        })
    }

    /// Waits until it has ended.
    pub(crate) fn wait(mut self, limit: Duration) -> Result<Ended> {
        let what = format!("{} to end", self.name);
        let waited = poll(&what, limit, || Ok(self.has_ended()?.then_some(())));
        if let Err(error) = waited {
            return Err(error.context(self.last_lines(6)));
        }
        // It is a zombie now, whose statistics are complete and still there.
        let cpu = self.cpu()?;
        let status = self.child.wait()?;
        for reader in self.readers.drain(..) {
            // A reader that panicked has read what it has read.
            let _ = reader.join();
        }
        Ok(Ended {
            status,
            cpu,
            lines: self.lines(),
        })
    }

    /// What it has printed so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The end of what it has printed, on one line.
    pub(crate) fn last_lines(&self, count: usize) -> String {
        last(&self.lines(), count)
    }

    /// The CPU time it has used, user and system, of all its threads.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let (_, fields) = self.stat()?;
        let ticks = |index: usize| {
            fields
                .get(index)
                .and_then(|field| field.parse::<u64>().ok())
        };
        // Fields 14 and 15 of proc(5), counted from the one after the name, which is the third.
        let (user, system) = ticks(11)
            .zip(ticks(12))
            .context("/proc/PID/stat is short")?;
        Ok(Duration::from_millis(
            (user + system) * 1000 / TICKS_PER_SECOND,
        ))
    }

    /// Its resident memory, in bytes.
    pub(crate) fn rss_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: u64 = line
            .and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
            .with_context(|| format!("no VmRSS of {}", self.name))?;
        Ok(kib * 1024)
    }

    /// Whether it has ended, be it well or not.
    pub(crate) fn has_ended(&self) -> Result<bool> {
        Ok(self.stat()?.0 == "Z")
    }

    /// The state, and the fields of /proc/PID/stat from it on.
    fn stat(&self) -> Result<(String, Vec<String>)> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name is in parentheses and may hold anything.
        let (_, rest) = stat
            .rsplit_once(") ")
            .context("/proc/PID/stat has no name")?;
        let fields: Vec<String> = rest.split_whitespace().map(str::to_owned).collect();
        let state = fields.first().context("/proc/PID/stat is empty")?.clone();
        Ok((state, fields))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Checks that it ended well.
    pub(crate) fn succeeded(self, name: &str) -> Result<Self> {
        ensure!(
            self.status.success(),
            "{name} ended with {}: {}",
            self.status,
            last(&self.lines, 6)
        );
        Ok(self)
    }
}

/// The unit of CPU times in /proc, which is 100 on every Linux, whatever the kernel's own clock is.
const TICKS_PER_SECOND: u64 = 100;
const POLL: Duration = Duration::from_millis(10);
const FIRST_PORT: u16 = 12_000;
const PORTS: u16 = 20_000;
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);
static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Makes ctrl-C and a plain kill set a flag instead of ending this process; waiting ends with an error then.
pub(crate) fn keep_on_interrupt() -> Result<()> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(flag))?;
    }
    Ok(())
}

/// Whether ctrl-C was pressed.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED
        .get()
        .is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// Asks until there is an answer.
///
/// # Errors
///
/// When there is none in time, or ctrl-C was pressed.
pub(crate) fn poll<T>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let watch = Stopwatch::start();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        ensure!(!interrupted(), "interrupted");
        ensure!(watch.elapsed() < limit, "waited {limit:?} for {what}");
        thread::sleep(POLL);
    }
}

/// A UDP port that nobody has at this moment, and that the system gives nobody who asks for any: those begin at 32768.
pub(crate) fn free_port() -> Result<u16> {
    let start = u16::try_from(std::process::id() % 10_000).unwrap_or_default();
    for _ in 0..PORTS {
        let next = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST_PORT + start.wrapping_add(next) % PORTS;
        if std::net::UdpSocket::bind(("0.0.0.0", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free UDP port")
}

/// Whether somebody listens on a UDP port.
pub(crate) fn udp_port_is_bound(port: u16) -> Result<bool> {
    let suffix = format!(":{port:04X}");
    let v4 = std::fs::read_to_string("/proc/net/udp")?;
    // Not there without IPv6.
    let v6 = std::fs::read_to_string("/proc/net/udp6").unwrap_or_default();
    Ok(v4
        .lines()
        .chain(v6.lines())
        .filter_map(|line| line.split_whitespace().nth(1))
        .any(|local| local.ends_with(&suffix)))
}

fn last(lines: &[String], count: usize) -> String {
    let from = lines.len().saturating_sub(count);
    let text = lines.get(from..).unwrap_or_default().join(" | ");
    if text.is_empty() {
        "it printed nothing".to_owned()
    } else {
        text
    }
}

fn read_lines(
    from: impl Read + Send + 'static,
    to: &Arc<Mutex<Vec<String>>>,
) -> thread::JoinHandle<()> {
    let to = Arc::clone(to);
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from
            .read_until(b'\n', &mut line)
            .is_ok_and(|bytes| bytes > 0)
        {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            to.lock().unwrap_or_else(PoisonError::into_inner).push(text);
            line.clear();
        }
    })
}
