//! In: requests for files, or paths to fetch. Out: their bytes. Never leaves the directory given.

use crate::tls;
use anyhow::{Context, bail};
use peers_common::http::{Directory, H3, HQ, REQUEST_BYTES, hq_path, hq_request, http3};
use peers_common::{ClientArgs, FetchReport, ServerArgs, say, udp_socket, unspecified};
use quinn::{
    Connection, Endpoint, EndpointConfig, Incoming, TokioRuntime, TransportConfig, VarInt,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A version of the form that is never used (RFC 9000 §15).
const RESERVED: u32 = 0x1a2a_3a4a;
/// The longest file that is fetched.
const FILE_BYTES: usize = 256 << 20;
/// How long a connection waits for its peer, and a handshake for its end, in milliseconds.
const PATIENCE_MS: u32 = 60_000;

pub(crate) async fn serve(args: &ServerArgs) -> anyhow::Result<()> {
    let alpn = if args.http3 { H3 } else { HQ };
    let tls = tls::server(&args.cert, &args.key, &[alpn], args.cipher, false)?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    let mut transport = TransportConfig::default();
    transport.max_concurrent_bidi_streams(1000_u32.into());
    transport.max_idle_timeout(Some(VarInt::from_u32(PATIENCE_MS).into()));
    config.transport_config(Arc::new(transport));
    for preferred in &args.preferred {
        // The other address is one of those that an unspecified one to listen on stands for.
        let (public, _) = preferred.split_once('=').context("PUBLIC=LOCAL")?;
        match public.parse()? {
            SocketAddr::V4(v4) => config.preferred_address_v4(Some(v4)),
            SocketAddr::V6(v6) => config.preferred_address_v6(Some(v6)),
        };
    }
    let socket = udp_socket(args.listen)?;
    let endpoint = Endpoint::new(
        EndpointConfig::default(),
        Some(config),
        socket,
        Arc::new(TokioRuntime),
    )?;
    say(&format!("listening {}", endpoint.local_addr()?));
    while let Some(incoming) = endpoint.accept().await {
        if args.retry && !incoming.remote_address_validated() {
            incoming
                .retry()
                .map_err(|_| anyhow::anyhow!("a validated address needs no Retry"))?;
            say("event retry");
            continue;
        }
        let args = args.clone();
        tokio::spawn(async move {
            if let Err(error) = connection(incoming, &args).await {
                say(&format!("event connection {error:#}"));
            }
        });
    }
    Ok(())
}

async fn connection(incoming: Incoming, args: &ServerArgs) -> anyhow::Result<()> {
    let connection = incoming.await?;
    let control = if args.http3 {
        Some(open_control(&connection).await?)
    } else {
        None
    };
    let directory = Directory::new(&args.dir);
    let mut first = true;
    while let Ok((mut send, mut recv)) = connection.accept_bi().await {
        let (directory, http3) = (directory.clone(), args.http3);
        let answer = async move {
            let request = recv.read_to_end(REQUEST_BYTES).await?;
            send.write_all(&respond(&directory, &request, http3)?)
                .await?;
            send.finish()?;
            // Awaited so that the stream outlives what it has sent.
            send.stopped().await?;
            anyhow::Ok(())
        };
        if first && args.key_update {
            answer.await?;
            connection.force_key_update();
            say("event key_update");
        } else {
            tokio::spawn(answer);
        }
        first = false;
    }
    drop(control);
    Ok(())
}

fn respond(directory: &Directory, request: &[u8], http3: bool) -> anyhow::Result<Vec<u8>> {
    if http3 {
        let path = http3::path_of(request).map_err(anyhow::Error::msg)?;
        return Ok(http3::response(directory.read(&path).ok().as_deref()));
    }
    Ok(directory.read(hq_path(request).map_err(anyhow::Error::msg)?)?)
}

async fn open_control(connection: &Connection) -> anyhow::Result<quinn::SendStream> {
    let mut control = connection.open_uni().await?;
    control.write_all(&http3::CONTROL_STREAM).await?;
    Ok(control)
}

pub(crate) async fn fetch(args: &ClientArgs) -> anyhow::Result<()> {
    let alpn = if args.http3 { H3 } else { HQ };
    let tls = tls::client(&args.ca, alpn, args.cipher, false, args.resume)?;
    let mut config = quinn::ClientConfig::new(Arc::new(tls));
    let mut report = FetchReport::default();
    let socket = udp_socket(unspecified(args.connect))?;
    let endpoint = Endpoint::new(
        EndpointConfig::default(),
        None,
        socket,
        Arc::new(TokioRuntime),
    )?;
    if args.version_negotiation {
        bail!("quinn {RESERVED:#x}: cannot choose another version after Version Negotiation");
    }
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(VarInt::from_u32(PATIENCE_MS).into()));
    config.transport_config(Arc::new(transport));
    let connect = || endpoint.connect_with(config.clone(), args.connect, &args.server_name);

    if args.multiconnect {
        for path in &args.paths {
            let connection = connect()?.await.context(path.clone())?;
            fetch_all(&connection, args, std::slice::from_ref(path)).await?;
            connection.close(0_u32.into(), b"");
        }
        report.files = args.paths.len();
        endpoint.wait_idle().await;
        report.say();
        return Ok(());
    }
    let (head, tail) = args
        .paths
        .split_at(usize::from(args.resume || args.key_update));
    let mut connection = connect()?.await.context("connect")?;
    let mut control = if args.http3 {
        Some(open_control(&connection).await?)
    } else {
        None
    };
    fetch_all(&connection, args, head).await?;
    if args.resume {
        connection.close(0_u32.into(), b"");
        let before = tls::VERIFIED.load(Ordering::Relaxed);
        let connecting = connect()?;
        connection = if args.early {
            let (connection, accepted) = connecting
                .into_0rtt()
                .map_err(|_| anyhow::anyhow!("no ticket for 0-RTT"))?;
            fetch_all(&connection, args, tail).await?;
            report.early = Some(accepted.await);
            connection
        } else {
            connecting.await.context("connect again")?
        };
        report.resumed = Some(tls::VERIFIED.load(Ordering::Relaxed) == before);
        control = if args.http3 {
            Some(open_control(&connection).await?)
        } else {
            None
        };
    }
    if args.key_update {
        connection.force_key_update();
        report.key_update = true;
    }
    if !args.early {
        fetch_all(&connection, args, tail).await?;
    }
    report.files = args.paths.len();
    connection.close(0_u32.into(), b"");
    drop(control);
    endpoint.wait_idle().await;
    report.say();
    Ok(())
}

async fn fetch_all(
    connection: &Connection,
    args: &ClientArgs,
    paths: &[String],
) -> anyhow::Result<()> {
    let fetches: Vec<_> = paths
        .iter()
        .map(|path| {
            let (connection, path, args) = (connection.clone(), path.clone(), args.clone());
            tokio::spawn(async move { fetch_one(&connection, &args, &path).await.context(path) })
        })
        .collect();
    for fetch in fetches {
        fetch.await??;
    }
    Ok(())
}

async fn fetch_one(connection: &Connection, args: &ClientArgs, path: &str) -> anyhow::Result<()> {
    let (mut send, mut recv) = connection.open_bi().await?;
    let request = if args.http3 {
        http3::request(&args.server_name, path)
    } else {
        hq_request(path)
    };
    send.write_all(&request).await?;
    send.finish()?;
    let answer = recv.read_to_end(FILE_BYTES).await?;
    let body = if args.http3 {
        http3::body_of(&answer).map_err(anyhow::Error::msg)?
    } else {
        answer
    };
    Directory::new(&args.dir).write(path, &body)?;
    Ok(())
}
