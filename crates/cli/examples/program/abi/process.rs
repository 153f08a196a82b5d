//! Processes, signals and time, by the C library's calls.
#![expect(unsafe_code, reason = "fork, signals and their handlers")]

use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use libc::c_int;

use super::raw::Tried;
use crate::sys::{self, Fd};

/// Whether the kernel serves the sockets; otherwise the process that started this one does.
pub(crate) fn in_kernel() -> bool {
    std::env::var_os("INQUIC_SOCKETS").is_none()
}

/// Forks: 0 in the child, which has its parent's memory and one thread.
pub(crate) fn fork() -> c_int {
    // SAFETY: this program has one thread.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork: {}", std::io::Error::last_os_error());
    child
}

/// Ends this process at once.
pub(crate) fn exit(code: c_int) -> ! {
    // SAFETY: it has no conditions.
    unsafe { libc::_exit(code) }
}

/// Waits for a child: its exit code, or the signal that ended it.
pub(crate) fn wait(child: c_int) -> Result<c_int, c_int> {
    let mut status = 0;
    loop {
        // SAFETY: the status lives until the call returns.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        if waited == child {
            break;
        }
    }
    if libc::WIFEXITED(status) {
        Ok(libc::WEXITSTATUS(status))
    } else {
        Err(libc::WTERMSIG(status))
    }
}

/// This process ends by SIGALRM after so many seconds; 0 is never.
pub(crate) fn alarm(seconds: u32) {
    // SAFETY: no address is given.
    unsafe { libc::alarm(seconds) };
}

/// How often signals came that [`count`] counts.
static COUNTED: AtomicU32 = AtomicU32::new(0);
/// Where a byte goes for each of them; -1 is nowhere.
static TOLD: AtomicI32 = AtomicI32::new(-1);

/// How often signals came that are counted.
pub(crate) fn counted() -> u32 {
    COUNTED.load(Ordering::SeqCst)
}

/// Writes a byte for each signal from now on that is counted.
pub(crate) fn tell_of_signals(to: &Fd) {
    TOLD.store(to.0, Ordering::SeqCst);
}

/// Counts a signal from now on; waiting calls begin again after it if they may `restart`.
pub(crate) fn count(signal: c_int, restart: bool) {
    extern "C" fn one_more(_: c_int) {
        COUNTED.fetch_add(1, Ordering::SeqCst);
        let told = TOLD.load(Ordering::SeqCst);
        if told >= 0 {
            // SAFETY: the byte lives until the call returns, which a handler may make.
            unsafe { libc::write(told, [0_u8].as_ptr().cast(), 1) };
        }
    }
    sys::on_signal(signal, one_more, restart).unwrap();
}

/// How long a check waits for what is to come at once, on a machine that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = now();
    while !so() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until a call says something else than `errno`.
#[track_caller]
pub(crate) fn until_not<T>(errno: c_int, mut call: impl FnMut() -> Tried<T>) -> Tried<T> {
    let mut said = Err(errno);
    until("the call says something else", || {
        said = call();
        !matches!(said, Err(said) if said == errno)
    });
    said
}

#[expect(clippy::disallowed_methods, reason = "it waits in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
