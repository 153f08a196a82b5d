//! In: paths. Out: the files in a directory, and one line of JSON that says how they came.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use inquic_handshake::{ClientConfig, Roots, Session};
use inquic_interop_http::{Directory, H3, HQ, hq_request, http3};

use crate::handshake::Handshake;
use crate::socket::{Quic, Stream};
use crate::{Cipher, FILE_BYTES, say};

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
    /// Take version 2 where the server prefers it, as every socket does.
    #[arg(long)]
    prefer_version_2: bool,
    /// Speak version 1 only.
    #[arg(long)]
    only_version_1: bool,
    /// Speak HTTP/3.
    #[arg(long)]
    http3: bool,
    /// The paths to fetch, each on a stream of its own.
    #[arg(required = true)]
    paths: Vec<String>,
}

/// A connection, and what belongs to it.
struct Connected {
    socket: Quic,
    handshake: Handshake,
    #[expect(
        dead_code,
        reason = "the control stream of HTTP/3 is open as long as it is here"
    )]
    control: Option<Stream>,
    /// Requests that left in 0-RTT.
    asked: Vec<(String, Stream)>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut config = ClientConfig::builder()
        .roots(Roots::pem_file(&arguments.ca)?)
        .alpn([if arguments.http3 { H3 } else { HQ }]);
    if let Some(cipher) = arguments.cipher {
        config = config.cipher_suites([cipher.suite()]);
    }
    if !arguments.resume {
        config = config.resumption(0);
    }
    let config = config.build()?;
    let name = &arguments.server_name;
    let connect = || connect(arguments, Session::client(&config, name)?, None, &[]);

    if arguments.multiconnect {
        for path in &arguments.paths {
            let connected = connect().with_context(|| path.clone())?;
            fetch_all(&connected.socket, arguments, std::slice::from_ref(path))?;
        }
        say(&serde_json::json!({ "files": arguments.paths.len() }).to_string());
        return Ok(());
    }
    let apart = usize::from(arguments.resume || arguments.key_update);
    let (head, tail) = arguments
        .paths
        .split_at_checked(apart)
        .context("no paths")?;
    let mut connected = connect()?;
    let (mut resumed, mut early) = (None, None);
    fetch_all(&connected.socket, arguments, head)?;
    if arguments.resume {
        let remembered = remember(&mut connected)?;
        drop(connected);
        connected = if arguments.early {
            let session = Session::client_early(&config, name)?;
            self::connect(arguments, session, Some(remembered), tail).context("again")?
        } else {
            connect().context("again")?
        };
        resumed = Some(connected.handshake.is_resumed());
        early = arguments.early.then(|| connected.handshake.is_early());
    }
    if arguments.key_update {
        connected.socket.update_keys()?;
    }
    if connected.asked.is_empty() {
        fetch_all(&connected.socket, arguments, tail)?;
    }
    for (path, stream) in std::mem::take(&mut connected.asked) {
        take(stream, arguments, &path).with_context(|| path.clone())?;
    }
    let key_updates = connected.socket.key_updates()?;
    let moved = connected.socket.peer()? != arguments.connect;
    drop(connected);
    say(&serde_json::json!({ "files": arguments.paths.len(), "resumed": resumed, "early": early, "key_update": arguments.key_update,
        "key_updates": key_updates, "negotiation": null, "moved": moved })
    .to_string());
    Ok(())
}

/// Connects; with what is `remembered` of the server these paths are asked for before its first word.
fn connect(
    arguments: &Arguments,
    session: Session,
    remembered: Option<Vec<u8>>,
    paths: &[String],
) -> Result<Connected> {
    let socket = Quic::connect(arguments.connect, arguments.only_version_1)?;
    let mut handshake = Handshake::new(session, socket.descriptor(), remembered);
    let mut asked = Vec::new();
    let mut control = None;
    if handshake.begin()? {
        control = open_control(&socket, arguments)?;
        for path in paths {
            asked.push((path.clone(), ask(&socket, arguments, path)?));
        }
    }
    if let Err(error) = handshake.finish() {
        return Err(socket
            .end()
            .map_or(error, |end| end.context("no handshake")));
    }
    if control.is_none() {
        control = open_control(&socket, arguments)?;
    }
    Ok(Connected {
        socket,
        handshake,
        control,
        asked,
    })
}

fn open_control(socket: &Quic, arguments: &Arguments) -> Result<Option<Stream>> {
    if !arguments.http3 {
        return Ok(None);
    }
    let mut stream = socket.open(true)?;
    stream.file.write_all(&http3::CONTROL_STREAM)?;
    Ok(Some(stream))
}

/// Waits for a ticket, and keeps it with what the server has said of itself.
fn remember(connected: &mut Connected) -> Result<Vec<u8>> {
    for _ in 0..500 {
        let ticket = connected.socket.ticket()?;
        if !ticket.is_empty() {
            connected.handshake.take_ticket(ticket)?;
            return Ok(connected.socket.peer_parameters()?);
        }
        thread::sleep(Duration::from_millis(10));
    }
    bail!("the server gave no ticket")
}

/// Fetches with so many threads at most, each of which has a stream at a time.
fn fetch_all(socket: &Quic, arguments: &Arguments, paths: &[String]) -> Result<()> {
    let waiting = Mutex::new(paths.iter());
    let fetch = || -> Result<()> {
        loop {
            let next = waiting
                .lock()
                .map_err(|_| anyhow!("a thread panicked"))?
                .next();
            let Some(path) = next else {
                return Ok(());
            };
            let stream = ask(socket, arguments, path).with_context(|| path.clone())?;
            take(stream, arguments, path).with_context(|| path.clone())?;
        }
    };
    thread::scope(|scope| {
        let count = paths.len().min(AT_ONCE);
        let fetches: Vec<_> = (0..count).map(|_| scope.spawn(fetch)).collect();
        fetches.into_iter().try_for_each(|fetch| {
            fetch
                .join()
                .map_err(|_| anyhow!("a thread of the test panicked"))?
        })
    })
}

/// Asks for a file on a stream of its own.
fn ask(socket: &Quic, arguments: &Arguments, path: &str) -> Result<Stream> {
    let mut stream = socket.open(false)?;
    let request = if arguments.http3 {
        http3::request(&arguments.server_name, path)
    } else {
        hq_request(path)
    };
    stream.file.write_all(&request)?;
    stream.finish()?;
    Ok(stream)
}

/// Takes the answer.
fn take(stream: Stream, arguments: &Arguments, path: &str) -> Result<()> {
    let mut answer = Vec::new();
    stream.file.take(FILE_BYTES + 1).read_to_end(&mut answer)?;
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

/// Streams of one connection that are fetched at once.
const AT_ONCE: usize = 64;
