//! Files between processes, over real sockets.

use std::fs;
use std::process::Stdio;

use crate::common::{Place, code, fails, interrupt, pattern, skipped, tree, until};
use serde_json::Value;

/// Enough that a transfer is still under way when something happens to it.
const LARGE: usize = if cfg!(debug_assertions) {
    96 << 20
} else {
    512 << 20
};

fn fill(place: &Place) {
    let source = place.path("source");
    fs::create_dir_all(source.join("deep/er")).unwrap();
    fs::write(source.join("empty"), b"").unwrap();
    fs::write(source.join("a name  with spaces"), b"spaces").unwrap();
    fs::write(source.join("deep/er/ünïcödé 日本.txt"), b"utf-8").unwrap();
    fs::write(source.join("big"), pattern(5_000_001)).unwrap();
    for i in 0..300 {
        fs::write(source.join(format!("deep/small {i}")), pattern(i * 7)).unwrap();
    }
}

#[test]
fn tree_goes_up_and_comes_down_unharmed() {
    let place = Place::new();
    fill(&place);
    let server = place.serve(&["--writable"]);
    let up = place
        .client("put", place.path("source"), server.url("up"))
        .arg("--json")
        .output()
        .unwrap();
    assert_eq!(code(&up), 0, "{up:?}");
    let report: Value = serde_json::from_slice(&up.stdout).unwrap();
    assert_eq!(report["files"].as_u64(), Some(304));
    assert!(report["handshake_ms"].as_f64().unwrap() > 0.0);
    assert!(
        up.stderr.is_empty(),
        "quiet where there is no terminal: {up:?}"
    );
    let down = place
        .client("get", server.url("up"), place.path("down"))
        .output()
        .unwrap();
    assert_eq!(code(&down), 0, "{down:?}");
    let source = tree(&place.path("source"));
    assert!(
        source == tree(&place.path("served/up")),
        "what is stored is what was sent"
    );
    assert!(
        source == tree(&place.path("down")),
        "what came down is what went up"
    );
    assert_eq!(server.interrupt(), 0);
}

#[test]
fn retry_costs_a_round_trip_and_nothing_else() {
    let place = Place::new();
    fs::write(place.path("served/f"), "content").unwrap();
    let server = place.serve(&["--retry"]);
    let got = place
        .client("get", server.url("f"), place.path("f"))
        .output()
        .unwrap();
    assert_eq!(code(&got), 0, "{got:?}");
}

#[test]
fn upload_to_a_server_that_takes_none_is_refused() {
    let place = Place::new();
    let server = place.serve(&[]);
    fs::write(place.path("f"), pattern(3_000_000)).unwrap();
    let put = place
        .client("put", place.path("f"), server.url("f"))
        .output()
        .unwrap();
    fails(&put, 6, &["uploads are off", "--writable"]);
    assert!(tree(&place.path("served")).is_empty());
}

#[test]
fn missing_file_is_refused_by_the_server() {
    let place = Place::new();
    let server = place.serve(&[]);
    let got = place
        .client("get", server.url("no"), place.path("f"))
        .output()
        .unwrap();
    fails(&got, 6, &["cannot read no: No such file", "check the name"]);
}

#[test]
fn missing_file_here_is_found_before_the_server_is_asked() {
    let place = Place::new();
    let put = place
        .client("put", place.path("no"), "127.0.0.1:1/x")
        .output()
        .unwrap();
    fails(&put, 3, &["No such file or directory", "check the name"]);
}

#[test]
fn link_that_leads_out_is_refused() {
    let place = Place::new();
    fs::write(place.path("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(place.path("secret"), place.path("served/link")).unwrap();
    let server = place.serve(&[]);
    let got = place
        .client("get", server.url("link"), place.path("f"))
        .output()
        .unwrap();
    fails(&got, 6, &["name something inside the directory"]);
    assert!(!place.path("f").exists());
}

#[test]
fn interrupted_get_leaves_no_file_and_resume_continues_it() {
    let place = Place::new();
    fs::write(place.path("served/large"), pattern(LARGE)).unwrap();
    let server = place.serve(&[]);
    let mut command = place.client("get", server.url("large"), place.path("got"));
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let partial = place.path(".got.inquic-part");
    until("a partial file", || {
        fs::metadata(&partial).is_ok_and(|metadata| metadata.len() > 4 << 20)
    });
    interrupt(&child);
    fails(
        &child.wait_with_output().unwrap(),
        130,
        &["interrupted", "--resume"],
    );
    assert!(!place.path("got").exists());
    assert!(partial.exists());

    let resumed = place
        .client("get", server.url("large"), place.path("got"))
        .args(["--resume", "--json"])
        .output();
    let resumed = resumed.unwrap();
    assert_eq!(code(&resumed), 0, "{resumed:?}");
    let report: Value = serde_json::from_slice(&resumed.stdout).unwrap();
    assert!(report["bytes_kept"].as_u64().unwrap() > 4 << 20, "{report}");
    assert!(fs::read(place.path("got")).unwrap() == fs::read(place.path("served/large")).unwrap());
    assert!(!partial.exists());
}

#[test]
fn server_that_is_stopped_tells_its_client_and_leaves_no_file() {
    let place = Place::new();
    fs::write(place.path("large"), pattern(LARGE)).unwrap();
    let server = place.serve(&["--writable"]);
    let mut command = place.client("put", place.path("large"), server.url("large"));
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let partial = place.path("served/.large.inquic-part");
    until("a partial file", || {
        fs::metadata(&partial).is_ok_and(|metadata| metadata.len() > 4 << 20)
    });
    assert_eq!(server.interrupt(), 0);
    fails(
        &child.wait_with_output().unwrap(),
        4,
        &["the server was stopped"],
    );
    assert!(!place.path("served/large").exists());

    let server = place.serve(&["--writable"]);
    let mut command = place.client("put", place.path("large"), server.url("large"));
    let resumed = command.args(["--resume", "--json"]).output().unwrap();
    assert_eq!(code(&resumed), 0, "{resumed:?}");
    let report: Value = serde_json::from_slice(&resumed.stdout).unwrap();
    assert!(report["bytes_kept"].as_u64().unwrap() > 4 << 20, "{report}");
    assert!(
        fs::read(place.path("large")).unwrap() == fs::read(place.path("served/large")).unwrap()
    );
}

#[test]
fn file_that_changes_while_it_is_read_fails_and_leaves_nothing() {
    let place = Place::new();
    fs::write(place.path("served/large"), pattern(LARGE)).unwrap();
    let server = place.serve(&[]);
    let mut command = place.client("get", server.url("large"), place.path("got"));
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let partial = place.path(".got.inquic-part");
    until("a partial file", || {
        fs::metadata(&partial).is_ok_and(|metadata| metadata.len() > 1 << 20)
    });
    let file = fs::File::options()
        .append(true)
        .open(place.path("served/large"))
        .unwrap();
    std::io::Write::write_all(&mut &file, b"more").unwrap();
    fails(
        &child.wait_with_output().unwrap(),
        7,
        &[
            "large changed while it was read",
            "when nobody writes to it",
        ],
    );
    assert!(!place.path("got").exists() && !partial.exists());
}

/// A file system of 4 MiB; nothing where it cannot be mounted.
struct Small<'a>(&'a std::path::Path);

impl<'a> Small<'a> {
    fn mount(at: &'a std::path::Path) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(at)
            .stderr(Stdio::null());
        let mounted = mount.status().is_ok_and(|status| status.success());
        if !mounted {
            skipped("no file system can be mounted");
        }
        mounted.then_some(Self(at))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        drop(
            std::process::Command::new("umount")
                .arg("-l")
                .arg(self.0)
                .status(),
        );
    }
}

#[test]
fn full_disk_is_one_line_on_either_side() {
    let place = Place::new();
    fs::write(place.path("big"), pattern(20 << 20)).unwrap();
    fs::copy(place.path("big"), place.path("served/big")).unwrap();
    let full = place.path("full");
    fs::create_dir(&full).unwrap();
    let Some(_small) = Small::mount(&full) else {
        return;
    };
    let server = place.serve(&[]);
    let got = place
        .client("get", server.url("big"), full.join("big"))
        .output()
        .unwrap();
    fails(
        &got,
        3,
        &["No space left on device", "make room on the disk"],
    );
    drop(server);
    fs::remove_file(full.join(".big.inquic-part")).unwrap();

    fs::rename(place.path("served"), place.path("served before")).unwrap();
    std::os::unix::fs::symlink(&full, place.path("served")).unwrap();
    let server = place.serve(&["--writable"]);
    let put = place
        .client("put", place.path("big"), server.url("big"))
        .output()
        .unwrap();
    fails(&put, 6, &["the peer says", "No space left on device"]);
    assert!(!full.join("big").exists());
}

#[test]
fn two_uploads_of_one_file_do_not_mix() {
    let place = Place::new();
    fs::write(place.path("large"), pattern(LARGE)).unwrap();
    fs::write(place.path("other"), "other").unwrap();
    let server = place.serve(&["--writable"]);
    let mut first = place
        .client("put", place.path("large"), server.url("f"))
        .spawn()
        .unwrap();
    let partial = place.path("served/.f.inquic-part");
    until("a partial file", || partial.exists());
    let second = place
        .client("put", place.path("other"), server.url("f"))
        .output()
        .unwrap();
    fails(
        &second,
        6,
        &["another transfer is writing f", "wait until it is done"],
    );
    assert!(first.wait().unwrap().success());
    assert!(fs::read(place.path("served/f")).unwrap() == fs::read(place.path("large")).unwrap());
}

#[test]
fn progress_is_shown_where_it_is_asked_for() {
    let place = Place::new();
    fs::write(place.path("served/f"), pattern(3 << 20)).unwrap();
    let server = place.serve(&[]);
    let got = place
        .client("get", server.url("f"), place.path("f"))
        .arg("--progress")
        .output()
        .unwrap();
    assert!(
        String::from_utf8(got.stderr)
            .unwrap()
            .contains("get: 100% (3.00 MiB of 3.00 MiB")
    );
}

#[test]
fn secrets_are_logged_where_the_environment_says_and_are_the_same_at_both_ends() {
    let place = Place::new();
    fs::write(place.path("served/file"), pattern(1000)).unwrap();
    let server = place.serve_with(&[], Some(&place.path("server.keys")));
    let get = place
        .client("get", server.url("file"), place.path("got"))
        .env("SSLKEYLOGFILE", place.path("client.keys"))
        .output()
        .unwrap();
    assert_eq!(code(&get), 0, "{get:?}");
    let secrets = |name: &str| {
        let text = fs::read_to_string(place.path(name)).unwrap();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let client = secrets("client.keys");
    assert!(
        client
            .iter()
            .any(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")),
        "{client:?}"
    );
    assert_eq!(client, secrets("server.keys"));
}

#[test]
fn connections_are_logged_where_they_are_asked_to_be_and_where_the_environment_says() {
    let place = Place::new();
    fs::write(place.path("served/file"), pattern(1000)).unwrap();
    let server = place.serve(&["--qlog", &place.text("server/logs")]);
    let get = place
        .client("get", server.url("file"), place.path("got"))
        .env("QLOGDIR", place.path("client-logs"))
        .output()
        .unwrap();
    assert_eq!(code(&get), 0, "{get:?}");
    assert_eq!(server.interrupt(), 0);
    let log = |name: &str| {
        let mut files = fs::read_dir(place.path(name)).unwrap();
        let file = files.next().unwrap().unwrap();
        assert!(files.next().is_none());
        let name = file.file_name().into_string().unwrap();
        (name, fs::read_to_string(file.path()).unwrap())
    };
    let (client, server) = (log("client-logs"), log("server/logs"));
    let id = client.0.strip_suffix("_client.sqlog").unwrap();
    assert_eq!(server.0, format!("{id}_server.sqlog"));
    for (_, text) in [client, server] {
        assert!(text.starts_with("\u{1e}{") && text.ends_with("}\n"));
        for event in [
            "quic:packet_sent",
            "quic:packet_received",
            "quic:connection_closed",
        ] {
            assert!(text.contains(event), "{event}");
        }
    }
}

#[test]
fn directory_for_logs_that_cannot_be_made_is_told_before_anything_is_fetched() {
    let place = Place::new();
    fs::write(place.path("no-directory"), "a file").unwrap();
    let got = place
        .client("get", "quic://127.0.0.1:9/f", place.path("got"))
        .args(["--qlog", &place.text("no-directory/logs")])
        .output()
        .unwrap();
    assert_eq!(code(&got), 3, "{got:?}");
}
