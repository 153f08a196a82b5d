//! In: requests for files. Out: their bytes, and a line for what the harness cannot see. Never leaves the directory given.

use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, ensure};
use inquic_handshake::{Certificate, ServerConfig, Session};
use inquic_interop_http::{Directory, H3, HQ, REQUEST_BYTES, hq_path, http3};
use inquic_uapi::structs::Config;
use inquic_uapi::{QUIC_VERSION_V1, QUIC_VERSION_V2};

use crate::handshake::Handshake;
use crate::socket::{Quic, Stream};
use crate::{Cipher, say};

/// How to serve.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The address to listen on; port 0 takes any.
    #[arg(long)]
    listen: SocketAddr,
    /// The certificate chain, PEM.
    #[arg(long)]
    cert: PathBuf,
    /// Its key, PEM.
    #[arg(long)]
    key: PathBuf,
    /// What is served.
    #[arg(long)]
    dir: PathBuf,
    /// Offer this cipher suite only.
    #[arg(long)]
    cipher: Option<Cipher>,
    /// Answer every first packet with Retry.
    #[arg(long)]
    retry: bool,
    /// Accept 0-RTT.
    #[arg(long)]
    early: bool,
    /// Update the keys of each connection after its first request.
    #[arg(long)]
    key_update: bool,
    /// Prefer version 2 to version 1.
    #[arg(long)]
    prefer_version_2: bool,
    /// Speak HTTP/3.
    #[arg(long)]
    http3: bool,
    /// Ask clients to go to another of its addresses, PUBLIC=LOCAL; a socket can name only one that it has itself, so both are the same.
    #[arg(long)]
    preferred: Option<String>,
}

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let alpn = if arguments.http3 { H3 } else { HQ };
    let mut tls = ServerConfig::builder()
        .certificate(Certificate::from_pem_files(
            &arguments.cert,
            &arguments.key,
        )?)
        .alpn([alpn])
        .early_data(arguments.early);
    if let Some(cipher) = arguments.cipher {
        tls = tls.cipher_suites([cipher.suite()]);
    }
    let tls = tls.build()?;
    let config = Config {
        version: if arguments.prefer_version_2 {
            QUIC_VERSION_V2
        } else {
            QUIC_VERSION_V1
        },
        validate_peer_address: u8::from(arguments.retry),
        ..Config::default()
    };
    let preferred = arguments.preferred.as_deref().map(preferred).transpose()?;
    let (listener, at) = Quic::listen(arguments.listen, alpn, &config)?;
    say(&format!("listening {at}"));
    let arguments = Arc::new(arguments);
    loop {
        let socket = listener.accept()?;
        if let Some(address) = preferred {
            socket.prefer(address)?;
        }
        let arguments = Arc::clone(&arguments);
        let session = Session::server(&tls);
        thread::spawn(move || {
            if let Err(error) = serve(&socket, session, &arguments) {
                say(&format!("event connection {error:#}"));
            }
            if preferred.is_some_and(|there| socket.here().is_ok_and(|here| here == there.into())) {
                say("event moved");
            }
            match socket.key_updates() {
                Ok(updates) => say(&format!("event closed key_updates={updates}")),
                Err(error) => say(&format!("event closed {error}")),
            }
        });
    }
}

/// The address that clients are asked to go to.
fn preferred(pair: &str) -> Result<SocketAddrV4> {
    let (public, local) = pair.split_once('=').context("PUBLIC=LOCAL")?;
    ensure!(
        public == local,
        "a socket prefers an address that it has itself"
    );
    Ok(public.parse()?)
}

/// Makes the handshake, and answers until the connection is over.
fn serve(socket: &Quic, session: Session, arguments: &Arc<Arguments>) -> Result<()> {
    let mut handshake = Handshake::new(session, socket.descriptor(), None);
    handshake.finish()?;
    say(&format!(
        "event connected resumed={}",
        handshake.is_resumed()
    ));
    if handshake.is_early() {
        say("event early");
    }
    let mut control = None;
    if arguments.http3 {
        let mut stream = socket.open(true)?;
        stream.file.write_all(&http3::CONTROL_STREAM)?;
        control = Some(stream);
    }
    let mut updated = !arguments.key_update;
    // The error is the connection's end.
    while let Ok(stream) = socket.next_stream() {
        if stream.is_one_way {
            thread::spawn(move || drain(stream));
            continue;
        }
        let arguments = Arc::clone(arguments);
        let answer = move || {
            if let Err(error) = answer(stream, &arguments) {
                say(&format!("event stream {error:#}"));
            }
        };
        if updated {
            thread::spawn(answer);
        } else {
            answer();
            socket.update_keys()?;
            say("event key_update");
            updated = true;
        }
    }
    drop(control);
    Ok(())
}

fn answer(mut stream: Stream, arguments: &Arguments) -> Result<()> {
    let mut request = Vec::new();
    (&mut stream.file)
        .take(REQUEST_BYTES as u64)
        .read_to_end(&mut request)?;
    let directory = Directory::new(&arguments.dir);
    let response = if arguments.http3 {
        let path = http3::path_of(&request).map_err(anyhow::Error::msg)?;
        http3::response(directory.read(&path).ok().as_deref())
    } else {
        directory.read(hq_path(&request).map_err(anyhow::Error::msg)?)?
    };
    stream.file.write_all(&response)?;
    stream.finish()?;
    Ok(())
}

/// Reads what HTTP/3 says about itself, and forgets it.
fn drain(mut stream: Stream) {
    // However it ends, there was nothing in it for us.
    let _ = std::io::copy(&mut stream.file, &mut std::io::sink());
}
