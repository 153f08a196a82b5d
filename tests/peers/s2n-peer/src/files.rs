//! In: requests for files, or paths to fetch. Out: their bytes. Never leaves the directory given.

use crate::tls;
use anyhow::{Context, bail};
use bytes::Bytes;
use peers_common::http::{Directory, HQ, REQUEST_BYTES, hq_path, hq_request};
use peers_common::{ClientArgs, FetchReport, ServerArgs, say, unspecified};
use s2n_quic::client::Connect;
use s2n_quic::connection::Handle;
use s2n_quic::provider::endpoint_limits::{ConnectionAttempt, Limiter, Outcome};
use s2n_quic::provider::limits::Limits;
use s2n_quic::provider::tls::Provider;
use s2n_quic::stream::BidirectionalStream;
use s2n_quic::{Client, Connection, Server};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The longest file that is fetched.
const FILE_BYTES: usize = 256 << 20;
/// How long a connection waits for its peer, and a handshake for its end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether every first packet is answered with Retry.
struct Admission {
    retry: bool,
}

impl Limiter for Admission {
    fn on_connection_attempt(&mut self, _: &ConnectionAttempt) -> Outcome {
        if self.retry {
            say("event retry");
            Outcome::retry()
        } else {
            Outcome::allow()
        }
    }
}

pub(crate) async fn serve(args: &ServerArgs) -> anyhow::Result<()> {
    if args.http3 || args.key_update {
        bail!("s2n-quic as a peer has neither HTTP/3 nor a call that updates keys");
    }
    match args.cipher {
        Some(cipher) => accept(args, tls::server_with(&args.cert, &args.key, HQ, cipher)?).await,
        None => accept(args, tls::server(&args.cert, &args.key, HQ, false)?).await,
    }
}

async fn accept<T: Provider>(args: &ServerArgs, tls: T) -> anyhow::Result<()> {
    let limits = Limits::new()
        .with_max_open_remote_bidirectional_streams(1000)?
        .with_max_handshake_duration(PATIENCE)?
        .with_max_idle_timeout(PATIENCE)?;
    let mut server = Server::builder()
        .with_tls(tls)?
        .with_io(args.listen)?
        .with_limits(limits)?
        .with_endpoint_limits(Admission { retry: args.retry })?
        .start()?;
    say(&format!("listening {}", server.local_addr()?));
    while let Some(mut connection) = server.accept().await {
        let directory = Directory::new(&args.dir);
        tokio::spawn(async move {
            while let Ok(Some(stream)) = connection.accept_bidirectional_stream().await {
                let directory = directory.clone();
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, &directory).await {
                        say(&format!("event stream {error:#}"));
                    }
                });
            }
        });
    }
    Ok(())
}

async fn answer(mut stream: BidirectionalStream, directory: &Directory) -> anyhow::Result<()> {
    let request = read_to_end(&mut stream, REQUEST_BYTES).await?;
    let file = directory.read(hq_path(&request).map_err(anyhow::Error::msg)?)?;
    stream.send(file.into()).await?;
    stream.close().await?;
    Ok(())
}

async fn read_to_end(stream: &mut BidirectionalStream, most: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.receive().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > most {
            bail!("more than {most} bytes");
        }
    }
    Ok(bytes)
}

pub(crate) async fn fetch(args: &ClientArgs) -> anyhow::Result<()> {
    if args.http3 || args.key_update || args.version_negotiation {
        bail!("s2n-quic as a peer has no HTTP/3, no call that updates keys, and version 1 only");
    }
    match args.cipher {
        Some(cipher) => fetch_with(args, tls::client_with(&args.ca, HQ, cipher)?).await,
        None => fetch_with(args, tls::client(&args.ca, HQ, &args.server_name, false)?).await,
    }
}

async fn fetch_with<T: Provider>(args: &ClientArgs, tls: T) -> anyhow::Result<()> {
    let limits = Limits::new()
        .with_max_open_local_bidirectional_streams(1000)?
        .with_max_handshake_duration(PATIENCE)?
        .with_max_idle_timeout(PATIENCE)?;
    let client = Client::builder()
        .with_tls(tls)?
        .with_io(unspecified(args.connect))?
        .with_limits(limits)?
        .start()?;
    let mut report = FetchReport::default();
    if args.multiconnect {
        for path in &args.paths {
            let connection = connect(&client, args).await.context(path.clone())?;
            fetch_all(&connection, args, std::slice::from_ref(path)).await?;
            connection.close(0_u32.into());
        }
        report.files = args.paths.len();
        let mut client = client;
        client.wait_idle().await?;
        report.say();
        return Ok(());
    }
    let (head, tail) = args.paths.split_at(usize::from(args.resume));
    let mut connection = connect(&client, args).await?;
    fetch_all(&connection, args, head).await?;
    if args.resume {
        connection.close(0_u32.into());
        let before = tls::VERIFIED.load(Ordering::Relaxed);
        connection = connect(&client, args).await.context("again")?;
        report.resumed = Some(tls::VERIFIED.load(Ordering::Relaxed) == before);
    }
    fetch_all(&connection, args, tail).await?;
    report.files = args.paths.len();
    connection.close(0_u32.into());
    let mut client = client;
    client.wait_idle().await?;
    report.say();
    Ok(())
}

async fn connect(client: &Client, args: &ClientArgs) -> anyhow::Result<Connection> {
    let connect = Connect::new(args.connect).with_server_name(args.server_name.as_str());
    client.connect(connect).await.context("connect")
}

async fn fetch_all(
    connection: &Connection,
    args: &ClientArgs,
    paths: &[String],
) -> anyhow::Result<()> {
    let fetches: Vec<_> = paths
        .iter()
        .map(|path| {
            let (handle, path, args) = (connection.handle(), path.clone(), args.clone());
            tokio::spawn(async move { fetch_one(handle, &args, &path).await.context(path) })
        })
        .collect();
    for fetch in fetches {
        fetch.await??;
    }
    Ok(())
}

async fn fetch_one(mut handle: Handle, args: &ClientArgs, path: &str) -> anyhow::Result<()> {
    let mut stream = handle.open_bidirectional_stream().await?;
    stream.send(Bytes::from(hq_request(path))).await?;
    stream.finish()?;
    let body = read_to_end(&mut stream, FILE_BYTES).await?;
    Directory::new(&args.dir).write(path, &body)?;
    Ok(())
}
