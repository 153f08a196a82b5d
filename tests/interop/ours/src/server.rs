//! In: requests for files. Out: their bytes, and a line for what the harness cannot see. Never leaves the directory given.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result};
use inquic::{Certificate, Connection, Listener, RetryPolicy, Stream, Version};
use inquic_interop_http::{Directory, H3, HQ, REQUEST_BYTES, hq_path, http3};

use crate::{Cipher, say, transport, update_keys};

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
    /// Ask clients to go to another address; behind `=`, the one at which what they send there arrives.
    #[arg(long, value_name = "PUBLIC=LOCAL")]
    preferred: Vec<String>,
    /// Speak HTTP/3.
    #[arg(long)]
    http3: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let versions: &[Version] = if arguments.prefer_version_2 {
        &[Version::V2, Version::V1]
    } else {
        &[Version::V1, Version::V2]
    };
    let mut builder = Listener::builder()
        .certificate(Certificate::from_pem_files(
            &arguments.cert,
            &arguments.key,
        )?)
        .alpn([if arguments.http3 { H3 } else { HQ }])
        .config(transport(versions))
        .qlog_from_env();
    if arguments.early {
        builder = builder.early_data(true);
    }
    if arguments.retry {
        builder = builder.retry(RetryPolicy::Always);
    }
    for preferred in &arguments.preferred {
        let (public, local) = preferred.split_once('=').context("PUBLIC=LOCAL")?;
        builder = builder.preferred_address_behind(public.parse()?, local.parse()?);
    }
    if let Some(cipher) = arguments.cipher {
        builder = builder.cipher_suites([cipher.suite()]);
    }
    let listener = builder.bind(arguments.listen)?;
    say(&format!("listening {}", listener.local_addr()));
    let arguments = Arc::new(arguments.clone());
    loop {
        let connection = listener.accept()?;
        let arguments = Arc::clone(&arguments);
        thread::spawn(move || {
            if let Err(error) = serve(&connection, &arguments) {
                say(&format!("event connection {error:#}"));
            }
            let updates = connection.stats().key_updates;
            say(&format!("event closed key_updates={updates}"));
        });
    }
}

fn serve(connection: &Connection, arguments: &Arc<Arguments>) -> Result<()> {
    if let Some(info) = connection.handshake_info() {
        say(&format!("event connected resumed={}", info.resumed));
    }
    let mut control = None;
    if arguments.http3 {
        let mut stream = connection.open_uni()?;
        stream.write_all(&http3::CONTROL_STREAM)?;
        control = Some(stream);
    }
    let mut updated = !arguments.key_update;
    let mut early = arguments.early;
    while let Some(stream) = connection.accept()? {
        // On a busy machine the handshake may be complete by now.
        if std::mem::take(&mut early)
            && (connection.is_early() || connection.early_data_accepted().unwrap_or(false))
        {
            say("event early");
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
            update_keys(connection)?;
            say("event key_update");
            updated = true;
        }
    }
    drop(control);
    Ok(())
}

fn answer(mut stream: Stream, arguments: &Arguments) -> Result<()> {
    let mut request = Vec::new();
    (&mut stream)
        .take(REQUEST_BYTES as u64)
        .read_to_end(&mut request)?;
    let directory = Directory::new(&arguments.dir);
    let response = if arguments.http3 {
        let path = http3::path_of(&request).map_err(anyhow::Error::msg)?;
        http3::response(directory.read(&path).ok().as_deref())
    } else {
        directory.read(hq_path(&request).map_err(anyhow::Error::msg)?)?
    };
    stream.write_all(&response)?;
    stream.finish()?;
    Ok(())
}
