//! The `inquic` command: files over QUIC sockets, QUIC sockets for other programs, a demonstration, and measurements. Comes in: a command line. Goes out: an
//! exit code, and one line on standard error where it is not 0.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod demo;
mod failure;
mod files;
mod interrupt;
mod location;
mod output;
mod perf;
mod progress;
mod quic;
mod transport;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use clap::error::ErrorKind;
use tokio::runtime::{Builder, Runtime};

use args::{Cli, Command, Perf};
use failure::{Exit, Failure};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(misunderstood(&error)),
    };
    let done = run(&cli.command);
    // What is not in the logs by then is not worth more waiting.
    let _ = inquic::qlog::flush(LOGS_TIMEOUT);
    match done {
        Ok(code) => code,
        Err(failure) => {
            output::note(&failure.to_string());
            ExitCode::from(failure.exit() as u8)
        }
    }
}

fn run(command: &Command) -> Result<ExitCode, Failure> {
    let done = match command {
        Command::Run(args) => return commands::run::run(args),
        Command::Cert(args) => commands::cert::run(args),
        Command::Demo(args) => on(files_runtime(), demo::run(args)),
        Command::Serve(args) => on(files_runtime(), commands::serve::run(args)),
        Command::Get(args) => on(files_runtime(), commands::transfer::get(args)),
        Command::Put(args) => on(files_runtime(), commands::transfer::put(args)),
        // One thread drives everything, so that a core's worth is what is measured.
        Command::Perf(Perf::Server(args)) => {
            on(Builder::new_current_thread(), commands::perf::server(args))
        }
        Command::Perf(Perf::Client(args)) => {
            on(Builder::new_current_thread(), commands::perf::client(args))
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Files are read, written and hashed beside the connection, on threads of their own.
fn files_runtime() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.max_blocking_threads(BLOCKING_THREADS);
    builder
}

fn on(
    mut builder: Builder,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let failed = |e| {
        Failure::new(
            Exit::Unexpected,
            format!("cannot start: {e}"),
            "see whether more threads are allowed",
        )
    };
    let runtime: Runtime = builder.enable_all().build().map_err(failed)?;
    let done = runtime.block_on(work);
    // A file that is being hashed, or a name being looked up, is not worth waiting for.
    runtime.shutdown_timeout(Duration::from_millis(200));
    done
}

/// Help is printed as it is; a mistake becomes one line.
fn misunderstood(error: &clap::Error) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // With nobody to read it there is nothing to do.
            drop(error.print());
            0
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            drop(error.print());
            Exit::Usage as u8
        }
        _ => {
            let text = error.render().to_string();
            let cause = text
                .split("\n\n")
                .next()
                .unwrap_or_default()
                .replace('\n', " ");
            let cause: Vec<&str> = cause
                .trim_start_matches("error: ")
                .split_whitespace()
                .collect();
            output::note(&Failure::new(Exit::Usage, cause.join(" "), "see --help").to_string());
            Exit::Usage as u8
        }
    }
}

/// As many as hash and write at once: more would only wait for the disk and the cores.
const BLOCKING_THREADS: usize = 16;
/// How long logs may take to be written at the end.
const LOGS_TIMEOUT: Duration = Duration::from_secs(2);
