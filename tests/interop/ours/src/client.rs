//! In: paths. Out: the files in a directory, and one line of JSON that says how they came.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use inquic::{Connection, Roots, SendStream, Version};
use inquic_interop_http::{Directory, H3, HQ, hq_request, http3};

use crate::{Cipher, FILE_BYTES, say, transport, update_keys};

/// How to fetch.
#[derive(clap::Args, Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Arguments {
    /// The server.
    #[arg(long)]
    connect: SocketAddr,
    /// The name that its certificate must have.
    #[arg(long, default_value = "localhost")]
    server_name: String,
    /// The CA, PEM.
    #[arg(long)]
    ca: PathBuf,
    /// Where the files go.
    #[arg(long)]
    dir: PathBuf,
    /// Offer this cipher suite only.
    #[arg(long)]
    cipher: Option<Cipher>,
    /// Fetch the first file, connect again with the ticket, fetch the others.
    #[arg(long)]
    resume: bool,
    /// With --resume: connect again in 0-RTT.
    #[arg(long)]
    early: bool,
    /// Fetch the first file, update the keys, fetch the others.
    #[arg(long)]
    key_update: bool,
    /// Fetch every file over a connection of its own, one after the other.
    #[arg(long)]
    multiconnect: bool,
    /// Prefer version 2 to version 1.
    #[arg(long)]
    prefer_version_2: bool,
    /// Speak version 1 only.
    #[arg(long)]
    only_version_1: bool,
    /// Speak HTTP/3.
    #[arg(long)]
    http3: bool,
    /// The paths to fetch, each on a stream of its own, all at once.
    #[arg(required = true)]
    paths: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let versions: &[Version] = match (arguments.prefer_version_2, arguments.only_version_1) {
        (true, _) => &[Version::V2, Version::V1],
        (_, true) => &[Version::V1],
        _ => &[Version::V1, Version::V2],
    };
    let mut builder = Connection::builder()
        .roots(Roots::pem_file(&arguments.ca)?)
        .server_name(&arguments.server_name)
        .alpn([if arguments.http3 { H3 } else { HQ }])
        .config(transport(versions))
        .qlog_from_env();
    if let Some(cipher) = arguments.cipher {
        builder = builder.cipher_suites([cipher.suite()]);
    }
    let address = arguments.connect.to_string();
    let connect = |early| -> Result<(Connection, Option<SendStream>)> {
        let connection = if early {
            builder.connect_early(&address)?
        } else {
            builder.connect(&address)?
        };
        let control = arguments
            .http3
            .then(|| open_control(&connection))
            .transpose()?;
        Ok((connection, control))
    };

    if arguments.multiconnect {
        for path in &arguments.paths {
            let (connection, control) = connect(false).with_context(|| path.clone())?;
            fetch_all(&connection, arguments, std::slice::from_ref(path))?;
            end(&connection);
            drop(control);
        }
        say(&serde_json::json!({ "files": arguments.paths.len() }).to_string());
        return Ok(());
    }
    let apart = usize::from(arguments.resume || arguments.key_update);
    let (head, tail) = arguments
        .paths
        .split_at_checked(apart)
        .context("no paths")?;
    let (mut connection, mut control) = connect(false)?;
    let mut resumed = None;
    let mut early = None;
    fetch_all(&connection, arguments, head)?;
    if arguments.resume {
        end(&connection);
        (connection, control) = connect(arguments.early).context("again")?;
        if !arguments.early {
            resumed = connection.handshake_info().map(|info| info.resumed);
        }
    }
    if arguments.key_update {
        update_keys(&connection)?;
    }
    fetch_all(&connection, arguments, tail)?;
    if arguments.early {
        early = Some(connection.early_data_accepted()?);
    }
    let key_updates = connection.stats().key_updates;
    let moved = connection.peer_addr() != arguments.connect;
    end(&connection);
    drop(control);
    say(&serde_json::json!({ "files": arguments.paths.len(), "resumed": resumed, "early": early, "key_update": arguments.key_update,
        "key_updates": key_updates, "negotiation": null, "moved": moved })
    .to_string());
    Ok(())
}

/// Closes, and waits until that has left.
fn end(connection: &Connection) {
    connection.close(0, "");
    // Why it is closed is known: we did it.
    let _ = connection.closed();
}

fn open_control(connection: &Connection) -> Result<SendStream> {
    let mut stream = connection.open_uni()?;
    stream.write_all(&http3::CONTROL_STREAM)?;
    Ok(stream)
}

fn fetch_all(connection: &Connection, arguments: &Arguments, paths: &[String]) -> Result<()> {
    thread::scope(|scope| {
        let fetches: Vec<_> = paths
            .iter()
            .map(|path| {
                scope
                    .spawn(move || fetch(connection, arguments, path).with_context(|| path.clone()))
            })
            .collect();
        fetches.into_iter().try_for_each(|fetch| {
            fetch
                .join()
                .map_err(|_| anyhow!("a thread of the test panicked"))?
        })
    })
}

fn fetch(connection: &Connection, arguments: &Arguments, path: &str) -> Result<()> {
    let mut stream = connection.open()?;
    let request = if arguments.http3 {
        http3::request(&arguments.server_name, path)
    } else {
        hq_request(path)
    };
    stream.write_all(&request)?;
    stream.finish()?;
    let mut answer = Vec::new();
    (&mut stream)
        .take(FILE_BYTES + 1)
        .read_to_end(&mut answer)?;
    ensure!(
        answer.len() as u64 <= FILE_BYTES,
        "more than {FILE_BYTES} bytes"
    );
    let body = if arguments.http3 {
        http3::body_of(&answer).map_err(anyhow::Error::msg)?
    } else {
        answer
    };
    Directory::new(&arguments.dir).write(path, &body)?;
    Ok(())
}
