//! A program as `inquic run` runs it: QUIC by the C library's socket calls alone, with TLS on top of them. Comes in: what to be, a
//! server or a client; goes out: lines on standard output that tests read. It knows nothing of inquic's home.
#![deny(unsafe_code)]

mod abi;
mod client;
mod many;
mod orphans;
mod owner;
mod perf;
mod server;
mod sys;
mod tls;

use std::io;
use std::net::SocketAddr;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Is what these words say.
fn run(words: &[&str]) -> io::Result<()> {
    let address = |text: &str| {
        text.parse::<SocketAddr>()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    };
    match words {
        ["server", how, at, certificate, key] => server::run(how, address(at)?, certificate, key),
        ["client", at, ca, text] => client::echo(address(at)?, ca, text),
        ["echoes", at, ca, count] => many::run(address(at)?, ca, count),
        ["hold", at, ca] => client::hold(address(at)?, ca),
        ["masks", at, ca] => client::masks(address(at)?, ca),
        ["calls", at, ca] => client::calls(address(at)?, ca),
        ["stream", at, ca] => client::stream(address(at)?, ca),
        ["waits", at, ca] => client::waits(address(at)?, ca),
        ["orphans", at, ca] => orphans::run(address(at)?, ca),
        ["shake", "client", number, ca] => tls::connect(&inherited(number)?, ca, "test/1"),
        ["shake", "server", number, certificate, key] => {
            let config = tls::server(certificate, key, "test/1")?;
            tls::accept(&inherited(number)?, &config)
        }
        ["abi", words @ ..] => abi::run(words),
        ["owner", at, certificate, key, claims @ ..] => {
            owner::run(address(at)?, certificate, key, claims)
        }
        ["ask", at, ca, name, alpn] => owner::ask(address(at)?, ca, name, alpn),
        ["errors"] => client::errors(),
        ["perf", at, ca, mode, amount, chunk] => perf::run(address(at)?, ca, mode, amount, chunk),
        ["perf-server", at, certificate, key, chunk] => {
            perf::serve(address(at)?, certificate, key, chunk)
        }
        ["forks"] => forks(),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "see main.rs")),
    }
}

/// For each line that comes in a child is what it says, without a start of its own, and says its number first.
fn forks() -> io::Result<()> {
    for line in io::stdin().lines() {
        let line = line?;
        if sys::fork()? {
            println!("{}", std::process::id());
            return run(&line.split(' ').collect::<Vec<_>>());
        }
    }
    Ok(())
}

/// A socket that whoever started us has left open.
fn inherited(number: &str) -> io::Result<sys::Fd> {
    number.parse().map(sys::Fd).map_err(io::Error::other)
}
