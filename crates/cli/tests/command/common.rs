//! The command as a process. In: arguments; out: its exit code and what it said. Servers end with the test.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A directory with a CA, a certificate for localhost, and room for files.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

/// A process that prints `listening ADDR`.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
    _out: BufReader<std::process::ChildStdout>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Self { dir };
        let made = run([
            "cert".as_ref(),
            "localhost".as_ref(),
            "--out".as_ref(),
            place.dir.path().as_os_str(),
        ]);
        assert_eq!(code(&made), 0, "{made:?}");
        std::fs::create_dir(place.path("served")).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Serves `served/`.
    pub(crate) fn serve(&self, options: &[&str]) -> Server {
        self.serve_with(options, None)
    }

    /// Serves `served/`, and logs its secrets.
    pub(crate) fn serve_with(&self, options: &[&str], keys: Option<&Path>) -> Server {
        let mut command = inquic();
        command.envs(keys.map(|keys| ("SSLKEYLOGFILE", keys)));
        command
            .arg("serve")
            .arg(self.path("served"))
            .args(["--listen", "127.0.0.1:0"])
            .args(options);
        command
            .arg("--cert")
            .arg(self.path("cert.pem"))
            .arg("--key")
            .arg(self.path("key.pem"));
        Server::start(command)
    }

    /// A command with what a client needs to trust the server.
    pub(crate) fn client(
        &self,
        verb: &str,
        from: impl AsRef<OsStr>,
        to: impl AsRef<OsStr>,
    ) -> Command {
        let mut command = inquic();
        command
            .arg(verb)
            .arg(from)
            .arg(to)
            .arg("--ca")
            .arg(self.path("ca.pem"))
            .args(["--server-name", "localhost"]);
        command
    }
}

impl Server {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening ")
            .expect("a server that listens")
            .to_owned();
        Self {
            child,
            address,
            _out: out,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("quic://{}/{path}", self.address)
    }

    /// Ctrl-C, and its exit code.
    pub(crate) fn interrupt(mut self) -> i32 {
        interrupt(&self.child);
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn inquic() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inquic"));
    command.stdin(Stdio::null());
    command
}

pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    inquic().args(args).output().unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

pub(crate) fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

/// Asserts the exit code, and that there is one line on standard error with every one of the words in it.
#[track_caller]
pub(crate) fn fails(output: &Output, exit: i32, words: &[&str]) {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(code(output), exit, "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}

/// Says that a test cannot be done here, and why.
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// An address of loopback that is free and stays so: no other process has the address, and the system gives nobody the port.
pub(crate) fn own_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("127.{}.{middle}.{low}:{port}", 64 + high)
}

/// Waits until something is so.
#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "a test that waits for a process waits in real time"
)]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !so() {
        assert!(Instant::now() < end, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Bytes without a pattern that a shift would not disturb.
pub(crate) fn pattern(bytes: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut all = Vec::with_capacity(bytes + 8);
    while all.len() < bytes {
        all.extend(next().to_le_bytes());
    }
    all.truncate(bytes);
    all
}

/// Every file below a directory.
pub(crate) fn tree(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                files.push((
                    path.strip_prefix(dir).unwrap().to_owned(),
                    std::fs::read(&path).unwrap(),
                ));
            }
        }
    }
    files.sort();
    files
}
