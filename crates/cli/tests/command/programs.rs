//! Programs under `inquic run`: ordinary socket calls, in processes of all kinds, against each other.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Place, Server, code, inquic, skipped};

/// The program in `examples/program`, which knows nothing of inquic's home.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap();
    built.join("examples/program")
}

pub(crate) fn under_run(words: &[&str]) -> Command {
    let mut command = inquic();
    command.arg("run").arg(program()).args(words);
    command
}

/// An echo server that prints `listening ADDR`, and a line for each connection that has ended.
struct Echo {
    child: Child,
    address: String,
    lines: BufReader<ChildStdout>,
}

impl Echo {
    fn start(place: &Place, how: &str) -> Self {
        let (certificate, key) = (place.text("cert.pem"), place.text("key.pem"));
        let words = ["server", how, "127.0.0.1:0", &certificate, &key];
        let mut command = under_run(&words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut echo = Self {
            child,
            address: String::new(),
            lines,
        };
        let line = echo.line();
        echo.address
            .push_str(line.strip_prefix("listening ").unwrap());
        echo
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Tells it to go on.
    fn tell(&mut self) {
        let orders = self.child.stdin.as_mut().unwrap();
        orders.write_all(b"\n").unwrap();
    }

    /// A client's words, and what it printed.
    fn ask(&self, place: &Place, words: &str) -> Output {
        let ca = place.text("ca.pem");
        under_run(&["client", &self.address, &ca, words])
            .output()
            .unwrap()
    }

    fn echoes(how: &str) {
        let place = Place::new();
        let mut echo = Self::start(&place, how);
        for words in ["one", "two", "three"] {
            let answer = echo.ask(&place, words);
            assert_eq!(out(&answer), format!("{words}\n"), "{}", err(&answer));
            assert_eq!(code(&answer), 0);
            assert!(echo.line().starts_with("ended "), "it hears of the end");
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        signal(&self.child, Signal::TERM);
        drop(self.child.wait());
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn two_programs_talk_by_socket_calls() {
    Echo::echoes("serial");
}

#[test]
fn a_server_that_forks_serves_in_its_children() {
    Echo::echoes("fork");
}

#[test]
fn a_connection_is_passed_to_another_process() {
    Echo::echoes("pass");
}

#[test]
fn an_epoll_server_is_told_what_is_ready_and_nothing_else() {
    // It prints `nothing` where epoll said something and recvmsg says EAGAIN, which would not be `ended`.
    Echo::echoes("epoll");
}

#[test]
fn a_program_that_is_killed_loses_its_connections() {
    let place = Place::new();
    let mut echo = Echo::start(&place, "serial");
    let ca = place.text("ca.pem");
    let words = ["hold", &echo.address, &ca];
    let mut holder = under_run(&words).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "holding on\n");

    let program = only_child_of(holder.id());
    kill_process(program, Signal::KILL).unwrap();

    assert!(
        echo.line().starts_with("ended "),
        "at once, not after the idle timeout"
    );
    assert_eq!(holder.wait().unwrap().code(), Some(137));
}

#[test]
fn calls_of_those_whose_home_is_killed_come_back() {
    let place = Place::new();
    let late = Echo::start(&place, "late");
    let ca = place.text("ca.pem");
    let mut run = under_run(&["orphans", &late.address, &ca]);
    let mut run = run.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    let expected = [
        "accept 22",
        "epoll ok",
        "getsockopt 107",
        // ECONNRESET, EPIPE, ENOTCONN, ENETDOWN, ENOTCONN twice, EPROTONOSUPPORT; then SO_ERROR and poll.
        "later 104 32 107 100 107 107 93 Some(104) 0x15",
        // POLLIN 1, POLLOUT 4, POLLERR 8, POLLHUP 0x10, POLLRDHUP 0x2000.
        "poll 0x201d",
        "poll-listener 0x201d",
        "poll-stream 0x201d",
        "read 104",
        "recv 104",
        "send 32",
    ];
    for _ in expected {
        let line = lines.next().unwrap().unwrap();
        assert!(line.starts_with("waits "), "{line}");
    }
    // Most of them are in their calls by now; the others make them later.
    std::thread::sleep(Duration::from_millis(300));
    signal(&run, Signal::KILL);
    let killed = now();
    let mut said: Vec<_> = lines.map(Result::unwrap).collect();
    // They have ended, all of them, or this would not be the end of what they say.
    let took = killed.elapsed();
    said.sort();
    assert_eq!(said, expected);
    // A tenth of a second, where nobody else wants the cores.
    assert!(took < Duration::from_secs(2), "{took:?}");
    run.wait().unwrap();
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn addresses_that_are_nobodys_are_efault() {
    let done = under_run(&["errors"]).output().unwrap();
    assert_eq!(code(&done), 0, "{}", err(&done));
    let text = out(&done);
    assert_eq!(text.lines().count(), 11);
    for line in text.lines() {
        assert!(line.ends_with("Some(14)"), "{line}");
    }
}

#[test]
fn poll_says_what_the_connection_is_like() {
    let place = Place::new();
    let mut late = Echo::start(&place, "late");
    let ca = place.text("ca.pem");
    let mut client = under_run(&["masks", &late.address, &ca]);
    let mut client = client.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(client.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // It reads when its client has filled what there was, and closes when its client has its answer.
        if line.starts_with("full ") || line.starts_with("said ") {
            late.tell();
        }
        said.push(line);
    }
    assert_eq!(client.wait().unwrap().code(), Some(0), "{said:?}");
    // POLLIN 1, POLLOUT 4, POLLERR 8, POLLHUP 0x10, POLLRDHUP 0x2000.
    let expected = [
        "fresh 0x4",
        "connecting 0x0",
        "established 0x4",
        "full 0x0 WouldBlock",
        "room 0x4",
        "answer 0x1",
        "said 2",
        "closed 0x2018",
        "closed 0x201d",
        "end Some(NotConnected)",
    ];
    assert_eq!(said, expected);
}

#[test]
fn data_moves_by_every_call_that_moves_data() {
    let place = Place::new();
    let echo = Echo::start(&place, "serial");
    let ca = place.text("ca.pem");
    let done = under_run(&["calls", &echo.address, &ca]).output().unwrap();
    assert_eq!(code(&done), 0, "{}", err(&done));
    let expected = [
        "opened 0",
        "writev 6",
        "sendmmsg (2, [2, 3])",
        "fin 1",
        "readv hello world!",
        // As in the ABI: what moves data in the kernel does not work on QUIC sockets.
        "sendfile Some(22)",
    ];
    assert_eq!(out(&done).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_stream_has_a_descriptor_of_its_own() {
    let place = Place::new();
    let echo = Echo::start(&place, "serial");
    let ca = place.text("ca.pem");
    let done = under_run(&["stream", &echo.address, &ca]).output().unwrap();
    assert_eq!(code(&done), 0, "{}", err(&done));
    assert_eq!(out(&done), "write 9\nread by itself\n");
}

#[test]
fn a_waiting_call_ends_with_a_signal_or_its_time() {
    let place = Place::new();
    let echo = Echo::start(&place, "serial");
    let ca = place.text("ca.pem");
    let done = under_run(&["waits", &echo.address, &ca]).output().unwrap();
    assert_eq!(code(&done), 0, "{}", err(&done));
    let text = out(&done);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(lines[0][..2], ["interrupted", "Some(4)"], "EINTR");
    assert_eq!(lines[1][..2], ["timeout", "Some(11)"], "EAGAIN");
    assert!(lines[0][2].parse::<u32>().unwrap() >= 1, "{text}");
    assert!(lines[1][2].parse::<u32>().unwrap() >= 3, "{text}");
    assert_eq!(lines[2], ["restarted", "4"]);
}

#[test]
fn python_talks_to_itself_with_its_socket_module() {
    if Command::new("python3").arg("--version").output().is_err() {
        return skipped("python3 is not installed");
    }
    let place = Place::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/command/talk.py");
    let program = program();
    let done = inquic()
        .args(["run", "python3", script])
        .arg(program)
        .args([
            place.path("cert.pem"),
            place.path("key.pem"),
            place.path("ca.pem"),
        ])
        .output()
        .unwrap();
    assert_eq!(code(&done), 0, "{}", err(&done));
    assert_eq!(out(&done), "b'HELLO' 0 512\nend of the connection\n");
}

#[test]
fn servers_in_python_fork_and_pass_descriptors() {
    if Command::new("python3").arg("--version").output().is_err() {
        return skipped("python3 is not installed");
    }
    let place = Place::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/command/servers.py");
    let library = std::env::current_exe().unwrap();
    let library = library.with_file_name("libquic.so");
    // Two take turns, or each connection has one of its own.
    for (how, processes) in [("fork", "3"), ("pass", "2"), ("each", "3")] {
        let done = inquic()
            .args(["run", "python3", script, how])
            .arg(&library)
            .args([place.path("cert.pem"), place.path("key.pem")])
            .env("SSL_CERT_FILE", place.path("ca.pem"))
            .output()
            .unwrap();
        assert_eq!(
            out(&done),
            format!("{processes} processes\n"),
            "{how}: {}",
            err(&done)
        );
        // It ends all its processes, itself too.
        assert_eq!(code(&done), 143, "{how}");
    }
}

#[test]
fn a_program_that_knocked_is_heard_after_a_stop() {
    if Command::new("python3").arg("--version").output().is_err() {
        return skipped("python3 is not installed");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/command/knock.py");
    let done = inquic().args(["run", "python3", script]).output().unwrap();
    assert_eq!(
        (out(&done).as_str(), code(&done)),
        ("0\n", 0),
        "{}",
        err(&done)
    );
}

#[test]
fn the_exit_code_is_the_programs() {
    for (script, expected) in [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143)] {
        let done = inquic().args(["run", "sh", "-c", script]).output().unwrap();
        assert_eq!(code(&done), expected, "{script}");
    }
}

#[test]
fn a_program_that_is_not_there_is_127_and_one_that_cannot_run_126() {
    let missing = inquic().args(["run", "/no/such/program"]).output().unwrap();
    assert_eq!(code(&missing), 127);
    assert!(err(&missing).contains("/no/such/program"));
    let place = Place::new();
    let text = inquic()
        .arg("run")
        .arg(place.path("cert.pem"))
        .output()
        .unwrap();
    assert_eq!(code(&text), 126);
}

#[test]
fn a_signal_goes_on_to_the_program() {
    let script = "trap 'echo got it; exit 3' USR1; echo ready; while :; do sleep 0.05; done";
    let mut child = inquic()
        .args(["run", "sh", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    signal(&child, Signal::USR1);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "got it\n");
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn a_program_without_quic_is_as_it_was() {
    let script = "printf 'a\\nb\\n' | sort -r | head -1; ls /proc/self/fd | wc -l";
    let plain = Command::new("sh").args(["-c", script]).output().unwrap();
    let run = inquic().args(["run", "sh", "-c", script]).output().unwrap();
    assert_eq!(out(&run), out(&plain), "{}", err(&run));
    assert_eq!(run.status.code(), Some(0));
    assert_eq!(run.status.signal(), None);
}

#[test]
fn without_the_library_nothing_runs() {
    let done = inquic()
        .args(["run", "--library", "/has a space/a.so", "true"])
        .output()
        .unwrap();
    assert_ne!(code(&done), 0);
    assert!(err(&done).contains("space"), "{}", err(&done));
}

#[test]
fn a_program_measures_against_the_rust_api() {
    let place = Place::new();
    let mut server = inquic();
    server.args(["perf", "server", "--listen", "127.0.0.1:0", "--cert"]);
    server
        .arg(place.path("cert.pem"))
        .arg("--key")
        .arg(place.path("key.pem"));
    let server = Server::start(server);
    let ca = place.text("ca.pem");
    for (mode, amount) in [
        ("bulk-down", "3000000"),
        ("bulk-up", "3000000"),
        ("rr", "20"),
    ] {
        let done = under_run(&["perf", &server.address, &ca, mode, amount, "262144"])
            .output()
            .unwrap();
        assert_eq!(code(&done), 0, "{mode}: {}", err(&done));
        assert!(out(&done).contains(mode), "{}", out(&done));
    }
}

pub(crate) fn out(done: &Output) -> String {
    String::from_utf8_lossy(&done.stdout).into_owned()
}

pub(crate) fn err(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// The one process that `parent` has started.
pub(crate) fn only_child_of(parent: u32) -> Pid {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children = std::fs::read_to_string(path).unwrap();
    Pid::from_raw(children.trim().parse().unwrap()).unwrap()
}
