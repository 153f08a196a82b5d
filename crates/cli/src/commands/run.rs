//! Comes in: a program and its arguments. Goes out: the program, with QUIC sockets that this process serves, and its exit code.
//! Must never do anything else to the program than a parent does: signals go on to it, and its end is awaited.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;

use inquic::Programs;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, wait};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

use crate::args::Run;
use crate::failure::{Exit, Failure};
use crate::output;

/// Runs the program to its end.
pub(crate) fn run(args: &Run) -> Result<ExitCode, Failure> {
    let library = match &args.library {
        Some(library) => library.clone(),
        None => find_library()?,
    };
    let preload = preload(&library, env::var_os("LD_PRELOAD"))?;
    let failed = |error: io::Error| {
        let cause = format!("cannot serve QUIC sockets: {error}");
        Failure::new(
            Exit::Unexpected,
            cause,
            "see whether more descriptors and threads are allowed",
        )
    };
    let programs = Programs::start().map_err(failed)?;
    let signals = SignalsInfo::<WithOrigin>::new(FORWARDED.map(Signal::as_raw)).map_err(failed)?;
    // What the program leaves behind stays ours: its memory may be read, and its end is seen.
    rustix::process::set_child_subreaper(Some(getpid())).map_err(|errno| failed(errno.into()))?;
    let mut command = Command::new(&args.program);
    command.args(&args.arguments).env("LD_PRELOAD", preload);
    programs.prepare(&mut command);
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(not_run(&args.program, &error)),
    };
    let program = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let program = program.ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
    thread::spawn(move || forward(signals, program));
    let status = wait_for(program).map_err(failed)?;
    programs.wait_until_quiet();
    Ok(status)
}

/// Sends on to the program what is sent to us. What a terminal sends goes to both by itself.
fn forward(mut signals: SignalsInfo<WithOrigin>, program: Pid) {
    for origin in signals.forever() {
        if !matches!(origin.cause, Cause::Sent(_)) {
            continue;
        }
        if let Some(signal) = FORWARDED
            .iter()
            .find(|signal| signal.as_raw() == origin.signal)
        {
            // When it has ended there is nobody to tell.
            let _ = kill_process(program, *signal);
        }
    }
}

/// Waits for the program, and for what others leave to us when they end; the program's exit code.
fn wait_for(program: Pid) -> io::Result<ExitCode> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if ended == program => return Ok(code(status)),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// As shells tell it: 128 and the signal's number after a signal.
fn code(status: WaitStatus) -> ExitCode {
    let code = match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => signal + 128,
        (None, None) => 1,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// The program could not be started: the exit codes of env(1).
fn not_run(program: &OsStr, error: &io::Error) -> ExitCode {
    output::note(&format!(
        "cannot run {}: {error}",
        Path::new(program).display()
    ));
    ExitCode::from(match error.kind() {
        io::ErrorKind::NotFound => 127,
        _ => 126,
    })
}

/// The library stands among what the command is built from, or beside the command, or under `lib`, where it is installed. What is
/// beside the command is older than what it was built with last, where only tests were built since.
fn find_library() -> Result<PathBuf, Failure> {
    let command = env::current_exe().unwrap_or_default();
    let beside = command.parent().unwrap_or(Path::new("."));
    let places = ["deps", "../deps", ".", "../lib/inquic", "../lib"]
        .map(|place| beside.join(place).join(LIBRARY));
    let found = places.iter().find_map(|place| place.canonicalize().ok());
    found.ok_or_else(|| {
        let cause = format!("{LIBRARY} is not beside {}", command.display());
        Failure::new(Exit::Local, cause, "say where it is with --library")
    })
}

/// The value of `LD_PRELOAD`: our library, then what was there.
fn preload(library: &Path, before: Option<OsString>) -> Result<OsString, Failure> {
    if library
        .as_os_str()
        .as_bytes()
        .iter()
        .any(|byte| b" :".contains(byte))
    {
        let cause = format!(
            "{}: the loader takes no path with a space or a colon",
            library.display()
        );
        return Err(Failure::new(Exit::Local, cause, "move it"));
    }
    let mut value = library.as_os_str().to_owned();
    if let Some(before) = before.filter(|before| !before.is_empty()) {
        value.push(":");
        value.push(before);
    }
    Ok(value)
}

const LIBRARY: &str = "libinquic_preload.so";

/// What is sent on. SIGKILL and SIGSTOP cannot be, and the others are about this process.
const FORWARDED: [Signal; 8] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
    Signal::ALARM,
];

#[cfg(test)]
mod tests;
