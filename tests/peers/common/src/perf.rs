//! In: a way to connect and to do one exchange. Out: the measurement of benches/PROTOCOL.md. Same for every peer.

use crate::{Latencies, Mode, PerfClientArgs, Timer, say};
use bytes::Bytes;
use serde_json::{Value, json};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Makes connections.
pub trait PerfDialer: Clone + Send + Sync + 'static {
    /// What it makes.
    type Connection: PerfConnection;
    /// Connects, and is done when the handshake is.
    fn connect(&self) -> impl Future<Output = anyhow::Result<Self::Connection>> + Send;
}

/// An established connection; clones are the same one.
pub trait PerfConnection: Clone + Send + Sync + 'static {
    /// Sends the number of bytes wanted and `up` bytes, reads `down` bytes and the FIN.
    fn exchange(&self, up: u64, down: u64) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// Closes with code 0.
    fn close(&self);
}

/// Runs one measurement and prints it.
///
/// # Errors
///
/// What the implementation says.
pub async fn run_perf<D: PerfDialer>(dialer: &D, args: &PerfClientArgs) -> anyhow::Result<()> {
    let result = match args.mode {
        Mode::BulkDown => bulk(dialer, "bulk-down", 0, args.bytes, args.bytes).await?,
        Mode::BulkUp => bulk(dialer, "bulk-up", args.bytes, 0, args.bytes).await?,
        Mode::Rr => requests(dialer, args).await?,
        Mode::Handshake => handshakes(dialer, args).await?,
        Mode::Idle => idle(dialer, args).await?,
    };
    if args.json {
        say(&result.to_string());
    } else {
        for (name, value) in result.as_object().into_iter().flatten() {
            say(&format!("{name}: {value}"));
        }
    }
    Ok(())
}

/// The number of bytes wanted, with as much of the data behind it as makes one small write; and how much is left.
#[must_use]
pub fn request(up: u64, down: u64) -> (Bytes, u64) {
    let now = up.min(4096);
    let mut first = vec![0; 8 + now as usize];
    first[..8].copy_from_slice(&down.to_be_bytes());
    (first.into(), up - now)
}

async fn bulk<D: PerfDialer>(
    dialer: &D,
    mode: &str,
    up: u64,
    down: u64,
    bytes: u64,
) -> anyhow::Result<Value> {
    let connection = dialer.connect().await?;
    connection.exchange(0, 0).await?;
    let timer = Timer::start();
    connection.exchange(up, down).await?;
    let seconds = timer.elapsed().as_secs_f64();
    connection.close();
    Ok(
        json!({ "mode": mode, "bytes": bytes, "seconds": seconds, "gbit_s": bytes as f64 * 8e-9 / seconds }),
    )
}

async fn requests<D: PerfDialer>(dialer: &D, args: &PerfClientArgs) -> anyhow::Result<Value> {
    let connection = dialer.connect().await?;
    connection.exchange(1016, 1024).await?;
    let shared = connection.clone();
    let (seconds, mut took) = repeat(args, move || {
        let connection = shared.clone();
        async move {
            let timer = Timer::start();
            connection.exchange(1016, 1024).await?;
            Ok(timer.elapsed())
        }
    })
    .await?;
    connection.close();
    Ok(
        json!({ "mode": "rr", "in_flight": args.in_flight, "requests": took.count(), "seconds": seconds,
        "rate": took.count() as f64 / seconds, "p50_us": took.percentile_us(0.5), "p99_us": took.percentile_us(0.99) }),
    )
}

async fn handshakes<D: PerfDialer>(dialer: &D, args: &PerfClientArgs) -> anyhow::Result<Value> {
    let shared = dialer.clone();
    let (seconds, mut took) = repeat(args, move || {
        let dialer = shared.clone();
        async move {
            let timer = Timer::start();
            let connection = dialer.connect().await?;
            let took = timer.elapsed();
            connection.exchange(0, 0).await?;
            connection.close();
            Ok(took)
        }
    })
    .await?;
    Ok(
        json!({ "mode": "handshake", "in_flight": args.in_flight, "handshakes": took.count(), "seconds": seconds,
        "rate": took.count() as f64 / seconds, "p50_us": took.percentile_us(0.5), "p99_us": took.percentile_us(0.99) }),
    )
}

async fn idle<D: PerfDialer>(dialer: &D, args: &PerfClientArgs) -> anyhow::Result<Value> {
    let wanted = args.count.unwrap_or(1);
    let mut held = Vec::new();
    for _ in 0..wanted {
        let connection = dialer.connect().await?;
        connection.exchange(0, 0).await?;
        held.push(connection);
    }
    say(&format!("held {wanted}"));
    let timer = Timer::start();
    tokio::time::sleep(Duration::from_secs_f64(args.seconds)).await;
    for connection in &held {
        connection.close();
    }
    Ok(
        json!({ "mode": "idle", "connections": held.len(), "seconds": timer.elapsed().as_secs_f64() }),
    )
}

/// Keeps `in_flight` of `one` going until the time or the count is reached.
async fn repeat<F, R>(args: &PerfClientArgs, one: F) -> anyhow::Result<(f64, Latencies)>
where
    F: Fn() -> R + Clone + Send + 'static,
    R: Future<Output = anyhow::Result<Duration>> + Send,
{
    let begun = Arc::new(AtomicU64::new(0));
    let timer = Timer::start();
    let (end, count) = (Duration::from_secs_f64(args.seconds), args.count);
    let tasks: Vec<_> = (0..args.in_flight)
        .map(|_| {
            let (one, begun) = (one.clone(), begun.clone());
            tokio::spawn(async move {
                let mut took = Latencies::default();
                loop {
                    let number = begun.fetch_add(1, Ordering::Relaxed);
                    if count.map_or(timer.elapsed() >= end, |count| number >= count) {
                        return Ok::<_, anyhow::Error>(took);
                    }
                    took.add(one().await?);
                }
            })
        })
        .collect();
    let mut all = Latencies::default();
    for task in tasks {
        all.merge(task.await??);
    }
    Ok((timer.elapsed().as_secs_f64(), all))
}
