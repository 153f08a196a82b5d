//! Comes in: get or put. Goes out: files moved, and a report about them and the connection that moved them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::args;
use crate::failure::{Exit, Failure};
use crate::files::{self, Report};
use crate::interrupt::Interrupt;
use crate::location::Location;
use crate::output::{note, say};
use crate::progress::Progress;
use crate::quic::{self, Dialer, Quic};
use crate::transport::{Dial as _, Streams as _};

/// Fetches.
pub(crate) async fn get(args: &args::Get) -> Result<(), Failure> {
    let location = Location::parse(&args.source)?;
    let progress = Progress::new("get", args.client.progress);
    moving(
        &args.client,
        &location,
        &progress,
        async |client: files::Client<Quic>| client.get(&location.name, &args.destination).await,
    )
    .await
}

/// Sends.
pub(crate) async fn put(args: &args::Put) -> Result<(), Failure> {
    let location = Location::parse(&args.destination)?;
    // Found out before the server is bothered.
    std::fs::metadata(&args.source)
        .map_err(|e| Failure::reading(&crate::failure::shown(&args.source), &e))?;
    let progress = Progress::new("put", args.client.progress);
    moving(
        &args.client,
        &location,
        &progress,
        async |client: files::Client<Quic>| {
            client
                .put(&args.source, &location.name, location.into)
                .await
        },
    )
    .await
}

async fn moving(
    args: &args::Client,
    location: &Location,
    progress: &Progress,
    work: impl AsyncFnOnce(files::Client<Quic>) -> Result<Report, Failure>,
) -> Result<(), Failure> {
    let mut interrupt = Interrupt::new()?;
    let quic = interrupt.or(connect(args, location)).await?;
    let client = files::Client::new(quic.clone(), args.streams, args.resume, progress.clone());
    let start = Instant::now();
    let mut moved = interrupt.or(work(client)).await;
    let time = start.elapsed();
    if let Err(failure) = moved {
        moved = Err(quic.why(failure).await);
    }
    progress.clear();
    let stats = about(&quic);
    match &moved {
        Ok(_) => quic.close(0, "done"),
        Err(failure) if failure.exit() == Exit::Interrupted => quic.close(1, "interrupted"),
        Err(_) => quic.close(1, "failed"),
    }
    quic.gone().await;
    let report = moved?;
    if args.json {
        say(&with_stats(stats, &report, time).to_string());
    } else {
        note(&in_words(&report, time));
    }
    check_whole(&report)
}

async fn connect(args: &args::Client, location: &Location) -> Result<Quic, Failure> {
    let mut builder = inquic::tokio::Connection::builder()
        .roots(quic::roots(args.ca.as_deref())?)
        .alpn([files::ALPN])
        .key_log_from_env()
        .config(quic::transport(args.datagram));
    if let Some(name) = &args.server_name {
        builder = builder.server_name(name);
    }
    if let Some(directory) = quic::logs(args.qlog.as_deref())? {
        builder = builder.qlog(directory);
    }
    Dialer {
        builder,
        server: location.server.clone(),
    }
    .connect()
    .await
}

/// What is to be said about a connection.
pub(crate) fn about(quic: &Quic) -> Value {
    let (info, stats) = (quic.0.handshake_info(), quic.0.stats());
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let drops: serde_json::Map<_, Value> = stats
        .drops
        .counted()
        .map(|(reason, count)| (format!("{reason:?}"), count.into()))
        .collect();
    json!({
        "home": quic.0.home(),
        "peer": quic.0.peer_addr().to_string(),
        "version": info.as_ref().map(quic::version),
        "cipher": info.as_ref().map(quic::cipher),
        "key_exchange": info.as_ref().map(quic::key_exchange),
        "handshake_ms": milliseconds(stats.handshake),
        "rtt_ms": milliseconds(stats.rtt),
        "packets_sent": stats.packets_sent,
        "packets_received": stats.packets_received,
        "packets_lost": stats.packets_lost,
        "packets_dropped": drops,
        "udp_payload": stats.datagram_size,
        "ecn": format!("{:?}", stats.ecn),
    })
}

fn with_stats(mut stats: Value, report: &Report, time: Duration) -> Value {
    let Report {
        files,
        bytes,
        kept,
        left_out,
    } = *report;
    let moved = bytes.saturating_sub(kept);
    let numbers = json!({
        "files": files,
        "bytes": bytes,
        "bytes_kept": kept,
        "left_out": left_out.odd,
        "unreadable": left_out.unreadable,
        "seconds": time.as_secs_f64(),
        "gbit_s": moved as f64 * 8e-9 / time.as_secs_f64().max(1e-9),
    });
    if let (Value::Object(stats), Value::Object(numbers)) = (&mut stats, numbers) {
        stats.extend(numbers);
    }
    stats
}

fn in_words(report: &Report, time: Duration) -> String {
    use indicatif::HumanBytes;
    let Report {
        files,
        bytes,
        kept,
        left_out,
    } = *report;
    let seconds = time.as_secs_f64();
    let moved = bytes.saturating_sub(kept);
    let noun = if files == 1 { "file" } else { "files" };
    let mut words = format!("{files} {noun}, {} in {seconds:.2} s", HumanBytes(bytes));
    if moved > 0 {
        words += &format!(
            " ({}/s)",
            HumanBytes((moved as f64 / seconds.max(1e-9)) as u64)
        );
    }
    words += ", SHA-256 compared";
    if kept > 0 {
        words += &format!("; {} of it was there before", HumanBytes(kept));
    }
    if left_out.odd > 0 {
        words += &format!(
            "; {} links, devices or partial files left out",
            left_out.odd
        );
    }
    words
}

/// A copy from which something is missing is no success.
fn check_whole(report: &Report) -> Result<(), Failure> {
    match report.left_out.unreadable {
        0 => Ok(()),
        missing => Err(Failure::new(
            Exit::Local,
            format!(
                "{missing} entries of the tree could not be read or named, all others were transferred"
            ),
            "check their permissions, and that their names are UTF-8 without backslashes",
        )),
    }
}
