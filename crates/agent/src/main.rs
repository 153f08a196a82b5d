//! `inquic-agent`, the handshake agent of QUIC sockets in the kernel. Comes in: a command line, requests of the kernel's handshake
//! service; goes out: established connections, a line on standard error for each, and an exit code.
#![deny(unsafe_code)]

mod agent;
mod args;
mod config;
mod keys;
mod limits;
mod log;
mod message;
mod netlink;
mod service;
mod sys;
mod work;

use std::io;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread;

use clap::Parser as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use agent::Agent;
use args::Args;
use config::{Config, Fault};
use netlink::{Group, Questions};
use service::Service;

fn main() -> ExitCode {
    let args = Args::parse();
    let config = match read(&args) {
        Ok(config) => config,
        Err(fault) => return failed(&fault.to_string(), "see --help for what it may hold"),
    };
    if args.check {
        print!("{config}");
        return ExitCode::SUCCESS;
    }
    match run(&args, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let advice = match error.kind() {
                io::ErrorKind::NotFound => "a kernel with CONFIG_NET_HANDSHAKE is needed",
                io::ErrorKind::PermissionDenied => "run it as root, or with CAP_NET_ADMIN",
                _ => "start it again",
            };
            failed(&error.to_string(), advice)
        }
    }
}

fn read(args: &Args) -> Result<Config, Fault> {
    match &args.config {
        Some(file) => Config::read(file),
        None => Ok(Config::without_file()),
    }
}

fn run(args: &Args, config: Config) -> io::Result<()> {
    let service = Service::find(Box::new(Questions::open()?))?;
    let notices = Box::new(Group::join(service.group())?);
    let orders = orders()?;
    log::line("ready");
    let reload = || match read(args) {
        Ok(config) => Some(config),
        Err(fault) => {
            log::line(&format!("the configuration stays as it was: {fault}"));
            None
        }
    };
    Agent::new(service, notices, config)?.run(&orders, &reload)
}

/// Where a byte comes for each signal.
fn orders() -> io::Result<UnixStream> {
    let (orders, from) = UnixStream::pair()?;
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                let order = if signal == SIGHUP {
                    agent::RELOAD
                } else {
                    agent::END
                };
                if io::Write::write_all(&mut &from, &[order]).is_err() {
                    return;
                }
            }
        })?;
    Ok(orders)
}

fn failed(cause: &str, advice: &str) -> ExitCode {
    log::line(&format!("{cause}; {advice}"));
    ExitCode::FAILURE
}
