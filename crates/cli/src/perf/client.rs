//! Comes in: a way to connect and a plan. Goes out: the measurement.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::buffers::Buffers;
use super::exchange::ask;
use super::report::{Latencies, Report};
use crate::failure::{Exit, Failure};
use crate::transport::{Dial, Streams};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// One stream, so many bytes from the server.
    BulkDown(u64),
    /// One stream, so many bytes to the server.
    BulkUp(u64),
    /// 1 KiB requests, 1 KiB responses, each on a new stream of one connection.
    Requests,
    /// Connections, with one empty exchange on each.
    Handshakes,
    /// Connections that are held.
    Idle,
}

/// How it is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// What.
    pub(crate) work: Work,
    /// Requests or handshakes at once.
    pub(crate) in_flight: usize,
    /// How long it goes on, where there is no count.
    pub(crate) time: Duration,
    /// How many are done, whatever the time.
    pub(crate) count: Option<u64>,
}

/// Measures. `held` is called when all connections of an idle measurement are open.
pub(crate) async fn run<D: Dial>(
    dial: &D,
    plan: &Plan,
    held: impl FnOnce(u64),
) -> Result<Report, Failure> {
    let buffers = Arc::new(Buffers::default());
    match plan.work {
        Work::BulkDown(bytes) => bulk(dial, &buffers, "bulk-down", 0, bytes).await,
        Work::BulkUp(bytes) => bulk(dial, &buffers, "bulk-up", bytes, 0).await,
        Work::Requests => requests(dial, plan, &buffers).await,
        Work::Handshakes => handshakes(dial, plan, &buffers).await,
        Work::Idle => idle(dial, plan, &buffers, held).await,
    }
}

async fn bulk<D: Dial>(
    dial: &D,
    buffers: &Buffers,
    mode: &'static str,
    up: u64,
    down: u64,
) -> Result<Report, Failure> {
    let connection = dial.connect().await?;
    exchange(&connection, buffers, 0, 0).await?;
    let start = Instant::now();
    exchange(&connection, buffers, up, down).await?;
    let report = Report::bulk(mode, up.saturating_add(down), start.elapsed());
    connection.close(0, "");
    connection.gone().await;
    Ok(report)
}

async fn requests<D: Dial>(
    dial: &D,
    plan: &Plan,
    buffers: &Arc<Buffers>,
) -> Result<Report, Failure> {
    let connection = dial.connect().await?;
    exchange(&connection, buffers, REQUEST, RESPONSE).await?;
    let (shared, buffers) = (connection.clone(), Arc::clone(buffers));
    let (time, latencies) = repeat(plan, move || {
        let (connection, buffers) = (shared.clone(), Arc::clone(&buffers));
        async move {
            let start = Instant::now();
            exchange(&connection, &buffers, REQUEST, RESPONSE).await?;
            Ok(start.elapsed())
        }
    })
    .await?;
    connection.close(0, "");
    connection.gone().await;
    Ok(Report::requests(plan.in_flight, time, &latencies))
}

async fn handshakes<D: Dial>(
    dial: &D,
    plan: &Plan,
    buffers: &Arc<Buffers>,
) -> Result<Report, Failure> {
    let (dial, buffers) = (dial.clone(), Arc::clone(buffers));
    let (time, latencies) = repeat(plan, move || {
        let (dial, buffers) = (dial.clone(), Arc::clone(&buffers));
        async move {
            let start = Instant::now();
            let connection = dial.connect().await?;
            let took = start.elapsed();
            exchange(&connection, &buffers, 0, 0).await?;
            connection.close(0, "");
            Ok(took)
        }
    })
    .await?;
    Ok(Report::handshakes(plan.in_flight, time, &latencies))
}

async fn idle<D: Dial>(
    dial: &D,
    plan: &Plan,
    buffers: &Buffers,
    held: impl FnOnce(u64),
) -> Result<Report, Failure> {
    let mut connections = Vec::new();
    for _ in 0..plan.count.unwrap_or(1) {
        let connection = dial.connect().await?;
        exchange(&connection, buffers, 0, 0).await?;
        connections.push(connection);
    }
    held(connections.len() as u64);
    let start = Instant::now();
    sleep(plan.time).await;
    let report = Report::idle(connections.len() as u64, start.elapsed());
    for connection in &connections {
        connection.close(0, "");
    }
    for connection in &connections {
        connection.gone().await;
        connection.gone().await;
    }
    Ok(report)
}

/// Keeps so many of `one` going until the time is over or the count is reached.
async fn repeat<F, R>(plan: &Plan, one: F) -> Result<(Duration, Latencies), Failure>
where
    F: Fn() -> R + Clone + Send + 'static,
    R: Future<Output = Result<Duration, Failure>> + Send,
{
    let begun = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let Plan {
        in_flight,
        time,
        count,
        ..
    } = *plan;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..in_flight.max(1) {
        let (one, begun) = (one.clone(), Arc::clone(&begun));
        tasks.spawn(async move {
            let mut latencies = Latencies::new();
            loop {
                let number = begun.fetch_add(1, Ordering::Relaxed);
                if count.map_or_else(|| start.elapsed() >= time, |count| number >= count) {
                    return Ok(latencies);
                }
                latencies.add(one().await?);
            }
        });
    }
    let mut all = Latencies::new();
    while let Some(task) = tasks.join_next().await {
        let ended = |error| {
            Failure::new(
                Exit::Unexpected,
                format!("a worker stopped: {error}"),
                "report this",
            )
        };
        all.merge(&task.map_err(ended)??);
    }
    Ok((start.elapsed(), all))
}

async fn exchange<T: Streams>(
    connection: &T,
    buffers: &Buffers,
    up: u64,
    down: u64,
) -> Result<(), Failure> {
    let stream = connection.open().await.map_err(|e| Failure::broken(&e))?;
    ask(stream, buffers, up, down)
        .await
        .map_err(|e| Failure::broken(&e))
}

/// What a request has beside the number: 1 KiB in all.
const REQUEST: u64 = 1016;
/// What it asks for.
const RESPONSE: u64 = 1024;
