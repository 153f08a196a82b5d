//! Both ends of the performance protocol as processes.

use std::process::Output;

use crate::common::{Place, Server, code, inquic};
use serde_json::Value;

fn measured(options: &[&str], server_options: &[&str]) -> (Value, Output) {
    let place = Place::new();
    let mut command = inquic();
    command
        .args(["perf", "server", "--listen", "127.0.0.1:0"])
        .args(server_options);
    command
        .arg("--cert")
        .arg(place.path("cert.pem"))
        .arg("--key")
        .arg(place.path("key.pem"));
    let server = Server::start(command);
    let mut command = inquic();
    command.args([
        "perf",
        "client",
        "--connect",
        &server.address,
        "--server-name",
        "localhost",
        "--json",
    ]);
    let output = command
        .arg("--ca")
        .arg(place.path("ca.pem"))
        .args(options)
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{output:?}");
    let last = output
        .stdout
        .trim_ascii()
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap();
    (serde_json::from_slice(last).unwrap(), output)
}

#[test]
fn bulk_either_way_is_measured() {
    for mode in ["bulk-down", "bulk-up"] {
        let (report, _) = measured(&["--mode", mode, "--bytes", "50000000"], &[]);
        assert_eq!(
            (report["mode"].as_str(), report["bytes"].as_u64()),
            (Some(mode), Some(50_000_000))
        );
        assert!(
            report["gbit_s"].as_f64().unwrap() > 0.0 && report["seconds"].as_f64().unwrap() > 0.0
        );
    }
}

#[test]
fn every_cipher_and_key_exchange_can_be_measured() {
    for cipher in ["aes128", "aes256", "chacha20"] {
        let options = [
            "--cipher",
            cipher,
            "--kx",
            "x25519mlkem768",
            "--cc",
            "newreno",
            "--mtu",
            "1200",
        ];
        let client = [&["--mode", "bulk-down", "--bytes", "1000000"][..], &options].concat();
        measured(&client, &options);
    }
}

#[test]
fn every_congestion_controller_can_be_measured() {
    for cc in ["cubic", "bbr"] {
        let options = ["--cc", cc];
        for mode in ["bulk-down", "bulk-up"] {
            let client = ["--mode", mode, "--bytes", "4000000", "--cc", cc];
            measured(&client, &options);
        }
    }
}

#[test]
fn requests_have_a_rate_and_percentiles() {
    let (report, _) = measured(
        &["--mode", "rr", "--in-flight", "32", "--count", "5000"],
        &[],
    );
    assert_eq!(report["requests"].as_u64(), Some(5000));
    assert!(report["rate"].as_f64().unwrap() > 0.0);
    assert!(report["p50_us"].as_f64() <= report["p90_us"].as_f64());
    assert!(report["p90_us"].as_f64() <= report["p99_us"].as_f64());
}

#[test]
fn handshakes_go_on_for_the_time() {
    // On a busy machine eight at once may take longer than that.
    let handshakes = [0.5, 4.0, 32.0].iter().map(|seconds| {
        let mode = ["--mode", "handshake", "--in-flight", "8", "--seconds"];
        let (report, _) = measured(&[&mode[..], &[&seconds.to_string()]].concat(), &[]);
        assert!(report["seconds"].as_f64().unwrap() >= *seconds);
        report["handshakes"].as_u64().unwrap()
    });
    assert!(handshakes.into_iter().any(|handshakes| handshakes > 0));
}

#[test]
fn idle_connections_are_held_and_announced() {
    let (report, output) = measured(
        &["--mode", "idle", "--count", "20", "--seconds", "0.1"],
        &[],
    );
    assert_eq!(report["connections"].as_u64(), Some(20));
    assert!(output.stdout.starts_with(b"held 20\n"), "{output:?}");
}

#[test]
fn transfer_without_encryption_is_measured_and_warned_of() {
    let insecure = "--insecure-disable-1rtt-encryption";
    let client = ["--mode", "bulk-down", "--bytes", "5000000", insecure];
    let (report, output) = measured(&client, &[insecure]);
    assert_eq!(report["bytes"].as_u64(), Some(5_000_000));
    let warned = |output: &Output| String::from_utf8_lossy(&output.stderr).contains("INSECURE");
    assert!(warned(&output));
    let (_, output) = measured(&client[..4], &[insecure]);
    assert!(!warned(&output));
}
