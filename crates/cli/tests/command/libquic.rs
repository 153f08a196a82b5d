//! Programs in C that link libquic, under `inquic run`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{Place, Server, code, inquic};

/// Compiles `libquic.c` into a place, against the library of this build.
fn compiled(place: &Place) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = std::env::current_exe().unwrap();
    let libraries = built.parent().unwrap();
    let program = place.path("program");
    let done = Command::new("cc")
        .args(["-Wall", "-Wextra", "-Werror", "-std=c11", "-D_GNU_SOURCE"])
        .arg("-I")
        .arg(root.join("../../include"))
        .arg(root.join("tests/command/libquic.c"))
        .arg("-L")
        .arg(libraries)
        .arg("-lquic")
        .arg(format!("-Wl,-rpath,{}", libraries.display()))
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    program
}

fn server(place: &Place, program: &Path, how: &str, connections: &str) -> Server {
    let mut command = inquic();
    command
        .arg("run")
        .arg(program)
        .args(["server", how])
        .arg(place.path("key.pem"))
        .arg(place.path("cert.pem"))
        .arg(connections);
    Server::start(command)
}

fn client(place: &Place, program: &Path, how: &str, server: &Server, name: &str) -> Output {
    let port = server.address.rsplit(':').next().unwrap();
    inquic()
        .arg("run")
        .arg(program)
        .args([how, port, name, "hello"])
        .env("SSL_CERT_FILE", place.path("ca.pem"))
        .output()
        .unwrap()
}

#[test]
fn programs_in_c_shake_hands_at_once_and_step_by_step() {
    let place = Place::new();
    let program = compiled(&place);
    let server = server(&place, &program, "serial", "2");
    for how in ["client", "steps"] {
        let answer = client(&place, &program, how, &server, "localhost");
        assert_eq!(answer.stdout, b"hello\n", "{how}: {answer:?}");
        assert_eq!(code(&answer), 0);
    }
}

#[test]
fn servers_in_c_fork_pass_descriptors_and_poll() {
    let place = Place::new();
    let program = compiled(&place);
    for how in ["fork", "pass", "poll"] {
        let mut server = server(&place, &program, how, "3");
        for by in ["client", "steps", "poll"] {
            let answer = client(&place, &program, by, &server, "localhost");
            assert_eq!(answer.stdout, b"hello\n", "{how}, {by}: {answer:?}");
        }
        assert!(server.child.wait().unwrap().success(), "{how}");
    }
}

#[test]
fn certificate_is_verified_by_default() {
    let place = Place::new();
    let program = compiled(&place);
    let server = server(&place, &program, "serial", "2");
    let answer = client(&place, &program, "client", &server, "example.org");
    assert_eq!(
        answer.stdout, b"handshake: Key was rejected by service\n",
        "{answer:?}"
    );
    // Without the authority.
    let place = Place::new();
    let answer = client(&place, &program, "steps", &server, "localhost");
    assert_eq!(
        answer.stdout, b"handshake: Key was rejected by service\n",
        "{answer:?}"
    );
}

const KEYS: &str = "one:00112233445566778899aabbccddeeff\ntwo:ffeeddccbbaa99887766554433221100\n";

/// A server with the two keys.
fn server_with_keys(place: &Place, program: &Path, connections: &str) -> Server {
    std::fs::write(place.path("keys"), KEYS).unwrap();
    let mut command = inquic();
    command
        .arg("run")
        .arg(program)
        .args(["server", "serial"])
        .arg(place.path("keys"))
        .args(["-", connections]);
    Server::start(command)
}

/// A client with the keys of this text.
fn client_with_keys(
    place: &Place,
    program: &Path,
    how: &str,
    server: &Server,
    keys: &str,
) -> Output {
    std::fs::write(place.path("ours"), keys).unwrap();
    let port = server.address.rsplit(':').next().unwrap();
    inquic()
        .arg("run")
        .arg(program)
        .args([how, port, "localhost", "hello"])
        .env("PSK_FILE", place.path("ours"))
        .output()
        .unwrap()
}

#[test]
fn a_pre_shared_key_stands_in_for_certificates() {
    let place = Place::new();
    let program = compiled(&place);
    let server = server_with_keys(&place, &program, "4");
    let second = KEYS.lines().nth(1).unwrap();
    let unknown_first = format!("three:{}\n{second}", "ab".repeat(32));
    for (how, keys) in [
        ("psk", KEYS),
        ("steps", KEYS),
        ("psk", second),
        ("psk", unknown_first.as_str()),
    ] {
        let answer = client_with_keys(&place, &program, how, &server, keys);
        assert_eq!(answer.stdout, b"hello\n", "{how}, {keys}: {answer:?}");
        assert_eq!(code(&answer), 0);
    }
}

#[test]
fn a_wrong_or_unknown_pre_shared_key_is_refused_with_its_alert() {
    let place = Place::new();
    let program = compiled(&place);
    let server = server_with_keys(&place, &program, "3");
    let aborted = b"handshake: Software caused connection abort\n";
    for (keys, alert) in [
        ("one:ffeeddccbbaa99887766554433221100", "alert 51 "),
        ("three:00112233445566778899aabbccddeeff", "alert 115 "),
    ] {
        let answer = client_with_keys(&place, &program, "psk", &server, keys);
        assert_eq!(answer.stdout, aborted, "{keys}: {answer:?}");
        let log = String::from_utf8_lossy(&answer.stderr);
        assert!(log.contains(alert), "{log}");
    }
    // The server goes on.
    let answer = client_with_keys(&place, &program, "psk", &server, KEYS);
    assert_eq!(answer.stdout, b"hello\n", "{answer:?}");
}

#[test]
fn keys_and_certificates_do_not_mix() {
    let place = Place::new();
    let program = compiled(&place);
    // A client that trusts certificates, and a server that has keys.
    let keyed = server_with_keys(&place, &program, "1");
    let answer = client(&place, &program, "client", &keyed, "localhost");
    let log = String::from_utf8_lossy(&answer.stderr);
    assert!(log.contains("alert 115 "), "{log}");
    // The other way about.
    let certified = server(&place, &program, "serial", "1");
    let answer = client_with_keys(&place, &program, "psk", &certified, KEYS);
    assert_eq!(
        answer.stdout, b"handshake: Key was rejected by service\n",
        "{answer:?}"
    );
}

#[test]
fn a_file_without_keys_is_refused_before_anything_is_sent() {
    let place = Place::new();
    let program = compiled(&place);
    let server = server(&place, &program, "serial", "1");
    let answer = client_with_keys(&place, &program, "psk", &server, "one:00");
    assert_eq!(
        answer.stdout, b"handshake: Invalid argument\n",
        "{answer:?}"
    );
}

#[test]
fn a_second_connection_is_made_with_what_the_first_remembered() {
    let place = Place::new();
    let program = compiled(&place);
    let server = server(&place, &program, "serial", "2");
    let answer = client(&place, &program, "twice", &server, "localhost");
    assert_eq!(answer.stdout, b"hello\nhello\n", "{answer:?}");
    assert_eq!(code(&answer), 0);
}

#[test]
fn every_function_says_what_it_cannot_use() {
    let place = Place::new();
    let program = compiled(&place);
    let done = inquic().arg("run").arg(program).arg("misuse").output();
    let done = done.unwrap();
    assert_eq!(code(&done), 0, "{done:?}");
    let said = String::from_utf8_lossy(&done.stdout);
    for (said, expected) in said.lines().zip(MISUSE.lines()) {
        assert_eq!(said, expected);
    }
    assert_eq!(said.lines().count(), MISUSE.lines().count());
}

/// Calls, and what they return: negative errno values, or -1 with an errno. EBADF 9, EFAULT 14, EINVAL 22, ENOENT 2, ENOSPC 28, EPIPE 32,
/// ENOTCONN 107.
const MISUSE: &str = r#"quic_session_new(-1) == NULL 1
quic_client_handshake(-1, NULL, "localhost", ALPN) -9
quic_server_handshake(-1, NULL, NULL, ALPN) -9
quic_client_handshake(fd, NULL, NULL, ALPN) -22
quic_client_handshake(fd, "/no/such/keys", NULL, ALPN) -2
quic_server_handshake(pair[0], NULL, NULL, ALPN) -22
quic_server_handshake(pair[0], NULL, "/no/such/certificate", ALPN) -22
quic_server_handshake(pair[0], "/no/such/key", "/no/such/certificate", ALPN) -2
quic_sendmsg(fd, NULL, 1, -1, MSG_NOSIGNAL) -1 14
quic_sendmsg(fd, "a", 1, -1, MSG_NOSIGNAL) -1 32
quic_sendmsg(-1, "a", 1, -1, MSG_NOSIGNAL) -1 9
quic_recvmsg(fd, NULL, 1, NULL, NULL) -1 14
quic_recvmsg(fd, name, 1, NULL, NULL) -1 107
quic_recvmsg(-1, name, 1, NULL, NULL) -1 9
quic_session_set_server_name(none, "localhost") -22
quic_session_set_server_name(session, NULL) 0
quic_session_set_ca_file(none, "ca.pem") -22
quic_session_set_ca_file(session, NULL) 0
quic_session_set_certificate(none, "cert.pem", "key.pem") -22
quic_session_set_certificate(session, NULL, "key.pem") -22
quic_session_set_certificate(session, "cert.pem", NULL) -22
quic_session_set_psk_file(none, "keys") -22
quic_session_set_psk_file(session, NULL) 0
quic_session_set_timeout(none, 1) -22
quic_session_set_timeout(session, 1) 0
quic_session_set_alpn(none, ALPN, 12) -22
quic_session_set_alpn(session, NULL, 12) -22
quic_session_set_alpn(session, " , ", 3) -22
quic_session_set_alpn(session, bytes, 128) 0
quic_session_set_alpn(session, bytes, 129) -22
strlen(quic_session_error(session)) > 0 1
quic_session_set_alpn(session, ALPN, 12) 0
strlen(quic_session_error(session)) 0
quic_session_get_alpn(none, small, &size) -22
quic_session_get_alpn(session, small, NULL) -22
quic_session_get_alpn(session, small, &size) -28
size 12
quic_session_get_alpn(session, NULL, &size) 0
size 12
quic_session_get_data(none, name, &size) -22
quic_session_get_data(session, name, NULL) -22
quic_session_get_data(session, NULL, &size) 0
size 16
quic_session_get_data(session, small, &size) -28
size 16
quic_session_get_data(session, name, &size) -22
quic_session_set_data(none, name, 16) -22
quic_session_set_data(session, NULL, 16) -22
quic_session_set_data(session, bytes, 16) -22
quic_session_set_data(session, bytes, 0) -22
quic_handshake(none) -22
quic_handshake_init(none, &step) -22
quic_handshake_init(session, NULL) -22
quic_handshake_init(session, &under_way) -22
quic_handshake_step(none, &step) -22
quic_handshake_step(session, NULL) -22
quic_handshake_step(session, &step) -22
step == NULL 1
strcmp(quic_session_error(NULL), "no session") 0
quic_set_log_level(7) 5
quic_set_log_level(5) 7
quic_set_log_func(NULL) == told 1
quic_set_log_func(told) == NULL 1
close(fd) 0
"#;
