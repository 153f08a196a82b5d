//! Comes in: what a process is to do. Goes out: this same program, doing it, and what it said.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::PATIENCE;
use crate::failure::{Exit, Failure};

/// The server's process.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: String,
}

impl Server {
    /// Starts a server for a directory and waits until it listens.
    pub(crate) async fn start(directory: &Path, pki: &Path) -> Result<Self, Failure> {
        let mut command = this_program()?;
        command.arg("serve").arg(directory).args([
            "--listen",
            "127.0.0.1:0",
            "--writable",
            "--mtu",
            LOOPBACK_MTU,
            "--json",
        ]);
        command
            .arg("--cert")
            .arg(pki.join("cert.pem"))
            .arg("--key")
            .arg(pki.join("key.pem"));
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| cannot_start(&e))?;
        let Some(out) = child.stdout.take() else {
            return Err(ended("server"));
        };
        let mut lines = BufReader::new(out).lines();
        let first = timeout(PATIENCE, lines.next_line())
            .await
            .ok()
            .and_then(Result::ok)
            .flatten();
        let address = first
            .as_deref()
            .and_then(|line| line.strip_prefix("listening "));
        let address = address.ok_or_else(|| ended("server"))?.to_owned();
        Ok(Self {
            child,
            lines,
            address,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Ends it as Ctrl-C would, and gives what it says of each connection.
    pub(crate) async fn stop(&mut self) -> Result<Vec<Value>, Failure> {
        let id = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(id) = id {
            kill_process(id, Signal::INT).map_err(|e| cannot_start(&e.into()))?;
        }
        let mut connections = Vec::new();
        let wait = async {
            while let Ok(Some(line)) = self.lines.next_line().await {
                connections.extend(serde_json::from_str(&line).ok());
            }
            self.child.wait().await
        };
        match timeout(PATIENCE, wait).await {
            Ok(Ok(status)) if status.success() => Ok(connections),
            _ => Err(ended("server")),
        }
    }
}

/// Runs `get` or `put` to its end and gives what it reports. What it says to people passes through.
pub(crate) async fn transfer(
    verb: &str,
    from: &OsStr,
    to: &OsStr,
    pki: &Path,
) -> Result<Value, Failure> {
    let mut command = this_program()?;
    command
        .arg(verb)
        .arg(from)
        .arg(to)
        .arg("--ca")
        .arg(pki.join("ca.pem"));
    command.args([
        "--server-name",
        "localhost",
        "--json",
        "--progress",
        "--mtu",
        LOOPBACK_MTU,
    ]);
    let child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| cannot_start(&e))?;
    let ran = timeout(PATIENCE, child.wait_with_output()).await;
    match ran {
        Ok(Ok(output)) if output.status.success() => {
            serde_json::from_slice(&output.stdout).map_err(|_| ended("client"))
        }
        _ => Err(ended("client")),
    }
}

fn this_program() -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe().map_err(|e| cannot_start(&e))?);
    command.stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

fn cannot_start(error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Unexpected,
        format!("cannot start a process: {error}"),
        "see whether more are allowed (ulimit -u)",
    )
}

fn ended(who: &str) -> Failure {
    Failure::new(
        Exit::Unexpected,
        format!("the {who}'s process did not do its part"),
        "see what it said above",
    )
}

/// Between two processes of one machine the path is known.
const LOOPBACK_MTU: &str = "1452";
