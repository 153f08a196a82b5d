//! What the home of these sockets holds, seen from outside: the process that has started this one, where that is `inquic run`.

use std::fmt;
use std::fs;
use std::io;
use std::time::Duration;

use super::super::process::now;

/// The process that serves the sockets; none where the kernel does.
pub(super) struct Home(Option<u32>);

/// What it holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds {
    descriptors: usize,
    threads: usize,
    memory_kib: usize,
}

impl Home {
    pub(super) fn find() -> Self {
        let parent = std::os::unix::process::parent_id();
        Self(std::env::var_os("INQUIC_SOCKETS").map(|_| parent))
    }

    /// What it holds once it has given back all but what it held `before`, for which it has as long as connections take to end.
    pub(super) fn settled(&self, before: Option<&Holds>) -> io::Result<Holds> {
        let Some(home) = self.0 else {
            return Ok(Holds::default());
        };
        let start = now();
        let mut last = Holds::of(home)?;
        loop {
            std::thread::sleep(Duration::from_millis(300));
            let holds = Holds::of(home)?;
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
                let why = format!("the home held {before} and holds {holds}");
                return Err(io::Error::other(why));
            }
            last = holds;
        }
    }
}

impl Holds {
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
