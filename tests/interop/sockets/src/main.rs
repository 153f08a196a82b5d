//! QUIC by socket calls in the interop tests. In: the command line that all peers share. Out: files over HTTP/0.9 or HTTP/3.
//!
//! It knows of no home: where the kernel has QUIC sockets it uses those, under `inquic run` the embedded home's.
#![deny(unsafe_code)]

mod client;
mod handshake;
mod server;
mod socket;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use inquic_handshake::CipherSuite;

/// QUIC by socket calls.
#[derive(Parser)]
enum Command {
    /// Serves a directory.
    Server(server::Arguments),
    /// Fetches files.
    Client(client::Arguments),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Server(arguments) => server::run(arguments),
        Command::Client(arguments) => client::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("inquic-interop-sockets: {error:#}");
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

/// What is fetched and served, in bytes: more is a mistake of the test.
const FILE_BYTES: u64 = 256 << 20;

/// Prints a line at once, for the harness waits for it.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody reads any more: there is nothing left to tell them.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
