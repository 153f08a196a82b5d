//! s2n-quic 1.91 as a peer. In: the command line all peers share. Out: files over HTTP/0.9, measurements.

mod files;
mod perf;
mod tls;

use clap::Parser;
use peers_common::{Command, PerfCommand};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("s2n-peer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let command = Command::parse();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            match command {
                Command::Server(args) => files::serve(&args).await,
                Command::Client(args) => files::fetch(&args).await,
                Command::Perf(PerfCommand::Server(args)) => perf::serve(&args).await,
                Command::Perf(PerfCommand::Client(args)) => perf::measure(&args).await,
            }
        })
}
