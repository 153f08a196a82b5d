//! What can go wrong between a client and a server: one line with the cause and the way out, and an exit code.

use std::net::UdpSocket;
use std::time::{Duration, SystemTime};

use crate::common::{Place, Server, code, fails, inquic, run, skipped};
use inquic::cert::CertificateAuthority;

#[test]
fn command_line_that_makes_no_sense_is_one_line() {
    for args in [
        &["get"][..],
        &["fetch"],
        &["get", "http://host/x"],
        &["get", "host:99999/x"],
        &["get", "host/../x"],
        &["get", "host/x", "--streams", "65"],
        &["put", ".", "host/x", "--streams", "0"],
        &["serve", "."],
        &["serve", ".", "--listen", "nowhere"],
        &[
            "perf",
            "client",
            "--connect",
            "x",
            "--ca",
            "y",
            "--mode",
            "z",
        ],
        &["cert", "ünïcödé", "--out", "/tmp/inquic-never"],
    ] {
        fails(&run(args), 2, &["inquic: ", "; "]);
    }
}

#[test]
fn help_has_examples_and_exit_codes() {
    let help = run(["--help"]);
    let text = String::from_utf8(help.stdout.clone()).unwrap();
    assert_eq!(code(&help), 0);
    assert!(
        text.contains("Exit codes:") && text.contains("inquic demo"),
        "{text}"
    );
    let help = String::from_utf8(run(["get", "--help"]).stdout).unwrap();
    assert!(help.contains("Examples:"), "{help}");
}

#[test]
fn unknown_host_is_named() {
    let place = Place::new();
    let got = place
        .client("get", "no-such-host.invalid/x", place.path("x"))
        .output()
        .unwrap();
    fails(
        &got,
        4,
        &["unknown host", "no-such-host.invalid", "check the name"],
    );
}

#[test]
fn port_in_use_is_named() {
    let place = Place::new();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let served = inquic()
        .arg("serve")
        .arg(place.path("served"))
        .args([
            "--listen",
            &address,
            "--cert",
            &place.text("cert.pem"),
            "--key",
            &place.text("key.pem"),
        ])
        .output();
    fails(
        &served.unwrap(),
        4,
        &["port in use", &address, "choose another port"],
    );
}

#[test]
fn address_of_another_machine_cannot_be_listened_on() {
    let place = Place::new();
    let served = inquic()
        .arg("serve")
        .arg(place.path("served"))
        .args([
            "--listen",
            "192.0.2.1:0",
            "--cert",
            &place.text("cert.pem"),
            "--key",
            &place.text("key.pem"),
        ])
        .output();
    fails(
        &served.unwrap(),
        4,
        &["192.0.2.1:0", "no address of this machine"],
    );
}

#[test]
fn server_that_is_not_there_is_given_up() {
    let place = Place::new();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("{}/x", silent.local_addr().unwrap());
    let got = place.client("get", url, place.path("x")).output().unwrap();
    fails(&got, 4, &["no answer from 127.0.0.1"]);
}

#[test]
fn network_without_a_route_is_said_to_be_one() {
    let place = Place::new();
    let mut command = std::process::Command::new("unshare");
    command
        .arg("--net")
        .arg(env!("CARGO_BIN_EXE_inquic"))
        .arg("get")
        .arg("192.0.2.1/x")
        .arg(place.path("x"));
    let got = command.arg("--ca").arg(place.path("ca.pem")).output();
    let Ok(got) = got else {
        return skipped("there is no unshare");
    };
    if String::from_utf8_lossy(&got.stderr).starts_with("unshare") {
        return skipped("no network namespace can be made");
    }
    fails(
        &got,
        4,
        &["no route to 192.0.2.1:4433", "check the network"],
    );
}

#[test]
fn wrong_ca_is_said_to_be_wrong() {
    let place = Place::new();
    let other = Place::new();
    let server = place.serve(&[]);
    let got = other
        .client("get", server.url("x"), other.path("x"))
        .output()
        .unwrap();
    fails(&got, 5, &["wrong CA"]);
}

#[test]
fn wrong_name_is_said_to_be_wrong() {
    let place = Place::new();
    let server = place.serve(&[]);
    let mut command = inquic();
    command
        .arg("get")
        .arg(server.url("x"))
        .arg(place.path("x"))
        .arg("--ca")
        .arg(place.path("ca.pem"));
    let got = command
        .args(["--server-name", "other.example"])
        .output()
        .unwrap();
    fails(&got, 5, &["wrong name", "other.example"]);
}

#[test]
fn expired_certificate_is_said_to_be_expired() {
    let place = Place::new();
    let key = std::fs::read_to_string(place.path("ca.key")).unwrap();
    let authority = CertificateAuthority::from_key_pem("inquic CA", &key).unwrap();
    let day = Duration::from_secs(24 * 3600);
    let now = SystemTime::UNIX_EPOCH + SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let expired = authority
        .issue_between(&["localhost"], now - 2 * day, now - day)
        .unwrap();
    std::fs::write(place.path("cert.pem"), expired.certificate_pem).unwrap();
    std::fs::write(place.path("key.pem"), expired.key_pem).unwrap();
    let server = place.serve(&[]);
    let got = place
        .client("get", server.url("x"), place.path("x"))
        .output()
        .unwrap();
    fails(&got, 5, &["expired"]);
}

#[test]
fn no_common_alpn_is_said() {
    let place = Place::new();
    let mut command = inquic();
    command.args(["perf", "server", "--listen", "127.0.0.1:0"]);
    command
        .arg("--cert")
        .arg(place.path("cert.pem"))
        .arg("--key")
        .arg(place.path("key.pem"));
    let server = Server::start(command);
    let got = place
        .client("get", server.url("x"), place.path("x"))
        .output()
        .unwrap();
    // The files' client offers every key exchange, of which the perf server takes one.
    fails(&got, 5, &["no common ALPN"]);
}

#[test]
fn file_that_is_no_ca_is_named() {
    let place = Place::new();
    std::fs::write(place.path("ca.pem"), "nonsense").unwrap();
    let got = place
        .client("get", "127.0.0.1:1/x", place.path("x"))
        .output()
        .unwrap();
    fails(
        &got,
        3,
        &["ca.pem", "no usable CA certificate", "inquic cert"],
    );
}

#[test]
fn key_of_another_certificate_is_refused() {
    let place = Place::new();
    let other = Place::new();
    let served = inquic()
        .arg("serve")
        .arg(place.path("served"))
        .args([
            "--listen",
            "127.0.0.1:0",
            "--cert",
            &place.text("cert.pem"),
            "--key",
            &other.text("key.pem"),
        ])
        .output();
    fails(
        &served.unwrap(),
        2,
        &["the private key is not that of the certificate"],
    );
}

#[test]
fn peer_that_vanishes_is_noticed() {
    let place = Place::new();
    std::fs::write(place.path("f"), crate::common::pattern(256 << 20)).unwrap();
    let mut server = place.serve(&["--writable"]);
    let mut command = place.client("put", place.path("f"), server.url("f"));
    let child = command
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let partial = place.path("served/.f.inquic-part");
    crate::common::until("a partial file", || partial.exists());
    server.child.kill().unwrap();
    fails(&child.wait_with_output().unwrap(), 4, &["peer is gone"]);
}

#[test]
fn interrupted_server_ends_in_order() {
    let place = Place::new();
    assert_eq!(place.serve(&[]).interrupt(), 0);
}
