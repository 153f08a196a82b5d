//! inquic in the interop tests. In: the command line that all peers share. Out: files over HTTP/0.9 or HTTP/3.
//!
//! It uses the blocking face: a thread for each connection and for each stream.
#![forbid(unsafe_code)]

mod client;
mod server;

use std::io::Write;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use inquic::{CipherSuite, Connection, TransportConfig, Version};

/// inquic as a process.
#[derive(Parser)]
enum Command {
    /// Serves a directory.
    Server(server::Arguments),
    /// Fetches files.
    Client(client::Arguments),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Server(arguments) => server::run(&arguments),
        Command::Client(arguments) => client::run(&arguments),
    };
    // What is not written by then is missing in a log, and nowhere else.
    let _ = inquic::qlog::flush(Duration::from_secs(1));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("inquic-interop: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A cipher suite of TLS 1.3.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Cipher {
    /// TLS_AES_128_GCM_SHA256.
    Aes128,
    /// TLS_AES_256_GCM_SHA384.
    Aes256,
    /// TLS_CHACHA20_POLY1305_SHA256.
    Chacha20,
}

impl Cipher {
    const fn suite(self) -> CipherSuite {
        match self {
            Self::Aes128 => CipherSuite::Aes128GcmSha256,
            Self::Aes256 => CipherSuite::Aes256GcmSha384,
            Self::Chacha20 => CipherSuite::ChaCha20Poly1305Sha256,
        }
    }
}

/// Updates the keys. The first update has to wait until the peer has acknowledged something under the first keys
/// (RFC 9001 §6.1), which the application cannot see.
fn update_keys(connection: &Connection) -> Result<()> {
    for _ in 0..200 {
        if connection.key_update().is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(connection.key_update()?)
}

/// Waits longer than usual for a peer behind a link that loses much.
fn transport(versions: &[Version]) -> TransportConfig {
    TransportConfig::default()
        .versions(versions.iter().copied())
        .idle_timeout(Duration::from_secs(60))
        .handshake_timeout(Duration::from_secs(60))
}

/// What is fetched and served, in bytes: more is a mistake of the test.
const FILE_BYTES: u64 = 256 << 20;

/// Prints a line at once, for the harness waits for it.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody reads any more: there is nothing left to tell them.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
