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

#[test]
fn external_key_is_refused_before_anything_is_sent() {
    let place = Place::new();
    let program = compiled(&place);
    let server = server(&place, &program, "serial", "1");
    let answer = client(&place, &program, "psk", &server, "localhost");
    assert_eq!(
        answer.stdout, b"handshake: Operation not supported\n",
        "{answer:?}"
    );
}
