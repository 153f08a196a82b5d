use std::sync::Arc;
use std::time::Duration;

use super::buffers::Buffers;
use super::exchange::{answer, ask};
use super::report::{Latencies, Report};
use super::*;
use crate::failure::Failure;
use crate::transport::Dial;
use crate::transport::memory::{self, Memory};

/// Connections in memory, each with a server behind it.
#[derive(Clone)]
struct Dialer;

impl Dial for Dialer {
    type Connection = Memory;

    async fn connect(&self) -> Result<Memory, Failure> {
        let (client, server) = memory::pair();
        tokio::spawn(serve(server, Arc::new(Buffers::default())));
        Ok(client)
    }
}

async fn measured(work: Work, count: Option<u64>) -> serde_json::Value {
    let plan = Plan {
        work,
        in_flight: 8,
        time: Duration::from_millis(20),
        count,
    };
    let report = run(&Dialer, &plan, |_| {}).await.unwrap();
    serde_json::from_str(&report.json()).unwrap()
}

#[tokio::test]
async fn bulk_moves_every_byte_either_way() {
    for (work, mode) in [
        (Work::BulkDown(1_000_003), "bulk-down"),
        (Work::BulkUp(1_000_003), "bulk-up"),
    ] {
        let report = measured(work, None).await;
        assert_eq!(
            (report["mode"].as_str(), report["bytes"].as_u64()),
            (Some(mode), Some(1_000_003))
        );
        assert!(report["gbit_s"].as_f64().unwrap() > 0.0);
    }
}

#[tokio::test]
async fn requests_are_as_many_as_asked_for() {
    let report = measured(Work::Requests, Some(500)).await;
    assert_eq!(report["requests"].as_u64(), Some(500));
    assert!(report["p50_us"].as_f64() <= report["p99_us"].as_f64());
}

#[tokio::test]
async fn handshakes_go_on_for_the_time() {
    let report = measured(Work::Handshakes, None).await;
    assert!(report["handshakes"].as_u64().unwrap() > 0);
    assert!(report["seconds"].as_f64().unwrap() >= 0.02);
}

#[tokio::test]
async fn idle_holds_so_many_and_says_so() {
    let plan = Plan {
        work: Work::Idle,
        in_flight: 1,
        time: Duration::from_millis(1),
        count: Some(7),
    };
    let mut told = None;
    let report = run(&Dialer, &plan, |held| told = Some(held)).await.unwrap();
    assert_eq!(told, Some(7));
    assert!(report.to_string().ends_with("7 connections held"));
}

#[tokio::test]
async fn request_without_a_whole_number_is_an_error() {
    let (mut client, server) = tokio::io::duplex(64);
    tokio::io::AsyncWriteExt::write_all(&mut client, &[0; 7])
        .await
        .unwrap();
    drop(client);
    assert!(answer(server, &Buffers::default()).await.is_err());
}

#[tokio::test]
async fn short_response_is_an_error() {
    let (client, mut server) = tokio::io::duplex(64 * 1024);
    let asking = tokio::spawn(async move { ask(client, &Buffers::default(), 0, 10).await });
    tokio::io::AsyncWriteExt::write_all(&mut server, &[0; 9])
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut server)
        .await
        .unwrap();
    assert_eq!(
        asking.await.unwrap().unwrap_err().to_string(),
        "9 bytes came instead of 10"
    );
}

#[test]
fn percentiles_are_exact_to_three_digits() {
    let mut latencies = Latencies::new();
    (1..=1000).for_each(|us| latencies.add(Duration::from_micros(us)));
    assert!((latencies.percentile_us(50.0) - 500.0).abs() <= 1.0);
    assert!((latencies.percentile_us(99.0) - 990.0).abs() <= 1.0);
    let report = Report::requests(1, Duration::from_secs(1), &latencies);
    assert!(
        report
            .to_string()
            .contains("1000 requests, 1000 per second with 1 in flight")
    );
}
