//! Servers that have a port together with others, and a client that wants one of them. Claims come in, `PROTOCOL/NAMES` each, with
//! `+` behind those that spread; lines go out that say who answered whom, or what was refused.

use std::io::{self, BufRead as _};
use std::net::SocketAddr;
use std::thread;

use inquic_handshake::ServerConfig;
use inquic_uapi::Layout;
use inquic_uapi::structs::ConnectionClose;

use crate::sys::{self, Fd};
use crate::{client, server, tls};

const CONNECTION_CLOSE: i32 = 5;
const ALPN: i32 = 11;
const SERVER_NAMES: i32 = 64;

/// A listener for each claim. All are bound before the first of them listens.
pub(crate) fn run(
    mut address: SocketAddr,
    certificate: &str,
    key: &str,
    claims: &[&str],
) -> io::Result<()> {
    let mut listeners = Vec::new();
    for claim in claims {
        let (protocol, names) = claim.split_once('/').unwrap_or((claim, ""));
        let listener = sys::socket(address, 0)?;
        sys::set_option(&listener, ALPN, protocol.as_bytes())?;
        let names = match names.strip_suffix('+') {
            Some(names) => {
                sys::reuse_port(&listener)?;
                names
            }
            None => names,
        };
        if !names.is_empty() {
            sys::set_option(&listener, SERVER_NAMES, names.as_bytes())?;
        }
        if refused("bind", claim, &sys::bind(&listener, address)) {
            continue;
        }
        address = sys::local_address(&listener)?;
        listeners.push((listener, *claim, protocol));
    }
    let mut serving = Vec::new();
    for (listener, claim, protocol) in listeners {
        if refused("listen", claim, &sys::listen(&listener)) {
            continue;
        }
        let config = tls::server(certificate, key, protocol)?;
        let claim = claim.to_owned();
        serving.push(thread::spawn(move || serve(&listener, &config, &claim)));
    }
    println!("listening {address}");
    for serving in serving {
        serving
            .join()
            .map_err(|_| io::Error::other("a thread has panicked"))??;
    }
    Ok(())
}

/// Says why something was refused, if it was.
fn refused(what: &str, claim: &str, done: &io::Result<()>) -> bool {
    if let Err(error) = done {
        println!(
            "{what} {claim}: {}",
            error.raw_os_error().unwrap_or_default()
        );
    }
    done.is_err()
}

/// Answers every stream with the claim that it came to.
fn serve(listener: &Fd, config: &ServerConfig, claim: &str) -> io::Result<()> {
    loop {
        let connection = sys::accept(listener, 0)?;
        let (config, claim) = (config.clone(), claim.to_owned());
        thread::spawn(move || {
            if let Err(error) = tls::accept(&connection, &config) {
                eprintln!("{claim}: {error}");
                return;
            }
            let mut buffer = [0; 1024];
            while let Ok(received) = sys::receive(&connection, &mut buffer, 0) {
                if let Some((id, flags)) = received.stream
                    && flags & server::FIN != 0
                    && server::answer(&connection, id, claim.as_bytes()).is_err()
                {
                    return;
                }
            }
        });
    }
}

/// Asks who is there, once for every line that comes in, all on one connection.
pub(crate) fn ask(address: SocketAddr, ca: &str, name: &str, alpn: &str) -> io::Result<()> {
    let socket = sys::socket(address, 0)?;
    sys::connect(&socket, address)?;
    if let Err(error) = tls::connect_to(&socket, ca, name, alpn) {
        let mut bytes = [0; ConnectionClose::SIZE];
        sys::get_option(&socket, CONNECTION_CLOSE, &mut bytes)?;
        println!(
            "refused {:#06x} {error}",
            ConnectionClose::read(&bytes).errcode
        );
        return Ok(());
    }
    for line in io::stdin().lock().lines() {
        // Long enough to be answered by a stateless reset, which is shorter than what it answers.
        let question = format!("{:?<100}", line?);
        match client::exchange(&socket, &question) {
            Ok(answer) => println!("{answer}"),
            Err(error) => println!("lost {}", error.raw_os_error().unwrap_or_default()),
        }
    }
    Ok(())
}
