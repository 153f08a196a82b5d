//! What the home of these sockets holds, seen from outside: of the kernel, what it lists; of `inquic run`, the process that has started
//! this one.

use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::time::Duration;

use super::super::process::{in_kernel, now};

/// Who serves the sockets.
pub(super) enum Home {
    Kernel,
    Process(u32),
}

/// What it holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds {
    /// Of the kernel, sockets that it lists.
    descriptors: usize,
    threads: usize,
    memory_kib: usize,
    /// What the kernel lists.
    listed: String,
}

impl Home {
    pub(super) fn find() -> Self {
        if in_kernel() {
            Self::Kernel
        } else {
            Self::Process(std::os::unix::process::parent_id())
        }
    }

    /// What it holds once it has given back all but what it held `before`, for which it has as long as connections take to end.
    pub(super) fn settled(&self, before: Option<&Holds>) -> io::Result<Holds> {
        let start = now();
        let mut last = self.holds()?;
        loop {
            std::thread::sleep(Duration::from_millis(300));
            let holds = self.holds()?;
            let settled = match before {
                Some(before) => before.has_no_less_than(&holds),
                // Nobody knows what to expect: it changes no more.
                None => holds.descriptors == last.descriptors && start.elapsed() > FIRST,
            };
            if settled {
                return Ok(holds);
            }
            if start.elapsed() > PATIENCE {
                let before = before.cloned().unwrap_or_default();
                let listed = &holds.listed;
                let why = format!("the home held {before} and holds {holds}\n{listed}");
                return Err(io::Error::other(why));
            }
            last = holds;
        }
    }

    fn holds(&self) -> io::Result<Holds> {
        match self {
            Self::Kernel => Holds::of_kernel(),
            Self::Process(process) => Holds::of(*process),
        }
    }
}

impl Holds {
    /// Connections and whoever else is bound in this namespace.
    fn of_kernel() -> io::Result<Self> {
        let mut listed = String::new();
        for list in ["conns", "eps"] {
            let text = fs::read_to_string(format!("/proc/net/quic/{list}"))?;
            for line in text.lines().skip(1) {
                writeln!(listed, "{list}: {line}").map_err(io::Error::other)?;
            }
        }
        Ok(Self {
            descriptors: listed.lines().count(),
            listed,
            ..Self::default()
        })
    }

    fn of(process: u32) -> io::Result<Self> {
        let count =
            |what| Ok::<_, io::Error>(fs::read_dir(format!("/proc/{process}/{what}"))?.count());
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = memory.and_then(|memory| memory.split_whitespace().next()?.parse().ok());
        Ok(Self {
            descriptors: count("fd")?,
            threads: count("task")?,
            memory_kib: kib.ok_or(io::ErrorKind::InvalidData)?,
            listed: String::new(),
        })
    }

    /// Whether `now` is no more than this.
    const fn has_no_less_than(&self, now: &Self) -> bool {
        now.descriptors <= self.descriptors
            && now.threads <= self.threads
            && now.memory_kib <= self.memory_kib + GROWTH_KIB
    }
}

impl fmt::Display for Holds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            descriptors,
            threads,
            memory_kib,
            ..
        } = self;
        write!(
            out,
            "{descriptors} descriptors, {threads} threads, {memory_kib} KiB"
        )
    }
}

/// What the allocator keeps for each of its arenas, which do not grow with the number of calls.
const GROWTH_KIB: usize = 64 * 1024;
/// A connection that was closed is forgotten after three probe timeouts, and one whose handshake goes nowhere after ten seconds.
const PATIENCE: Duration = Duration::from_secs(90);
/// The first connection, which nobody disturbs, is over by then.
const FIRST: Duration = Duration::from_secs(5);
