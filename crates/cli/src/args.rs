//! Comes in: the command line. Goes out: what to do, in types that cannot be wrong.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::files::STREAMS_MAX;

/// Files over QUIC sockets.
#[derive(Clone, Debug, Parser)]
#[command(name = "inquic", version, arg_required_else_help = true, after_help = TOP_HELP, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows it all on this machine: sends files up and down between two processes and compares them
    #[command(after_help = DEMO_HELP)]
    Demo(Demo),
    /// Serves a directory
    #[command(after_help = SERVE_HELP)]
    Serve(Serve),
    /// Fetches a file, or everything in a directory
    #[command(after_help = GET_HELP)]
    Get(Get),
    /// Sends a file, or everything in a directory
    #[command(after_help = PUT_HELP)]
    Put(Put),
    /// Runs a program that uses QUIC sockets by the ordinary socket calls
    #[command(after_help = RUN_HELP)]
    Run(Run),
    /// Measures throughput, request rate, handshakes and idle connections
    #[command(subcommand, after_help = PERF_HELP)]
    Perf(Perf),
    /// Makes a certificate authority and certificates
    #[command(after_help = CERT_HELP)]
    Cert(Cert),
}

/// What the demonstration sends.
#[derive(Args, Clone, Debug)]
pub(crate) struct Demo {
    /// MiB in the large file
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(0..=65536))]
    pub(crate) mib: u64,
    /// How many small files
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(crate) files: u32,
    /// Where the random content begins; the same number gives the same files
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// One JSON object on standard output instead of lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// How to serve.
#[derive(Args, Clone, Debug)]
pub(crate) struct Serve {
    /// The directory to serve. Nothing outside it can be reached, through links neither
    pub(crate) directory: PathBuf,
    /// Address and port to listen on; port 0 takes any that is free
    #[arg(long, value_name = "ADDR", default_value = "[::]:4433")]
    pub(crate) listen: SocketAddr,
    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Have the port together with other servers of this user, and take the clients that ask for NAME; may be given more than once,
    /// and `*.example.org` stands for one label more
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Vec<String>,
    /// Take uploads, too
    #[arg(long)]
    pub(crate) writable: bool,
    /// Make every client prove its address first (Retry, one round trip more)
    #[arg(long)]
    pub(crate) retry: bool,
    /// One JSON object on standard output for each connection that ended
    #[arg(long)]
    pub(crate) json: bool,
    /// Log what happens on each connection to a file in DIR, in the qlog format [default: QLOGDIR, else no logs]
    #[arg(long, value_name = "DIR")]
    pub(crate) qlog: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) datagram: Datagram,
}

/// What a client needs to know of the server, and how to show what it does.
#[derive(Args, Clone, Debug)]
pub(crate) struct Client {
    /// Trust this CA (PEM) instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The name the server's certificate must have [default: the host]
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<String>,
    /// Go on where an interrupted transfer stopped; skip what is there already
    #[arg(long)]
    pub(crate) resume: bool,
    /// Files in flight at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = streams)]
    pub(crate) streams: usize,
    /// Show progress even where standard error is no terminal
    #[arg(long)]
    pub(crate) progress: bool,
    /// One JSON object on standard output when done
    #[arg(long)]
    pub(crate) json: bool,
    /// Log what happens on each connection to a file in DIR, in the qlog format [default: QLOGDIR, else no logs]
    #[arg(long, value_name = "DIR")]
    pub(crate) qlog: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) datagram: Datagram,
}

/// How large datagrams are, and of which version.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Datagram {
    /// Bytes of UDP payload in the first full packets. Every path carries 1200, and larger ones are searched for up to what
    /// Ethernet carries; more than 1200 must be known to arrive, as 1452 does where the path is Ethernet throughout
    #[arg(long, value_name = "N", default_value_t = 1200, value_parser = clap::value_parser!(u16).range(1200..=9000))]
    pub(crate) mtu: u16,
    /// Versions of QUIC, the preferred one first. A server that prefers another than the client began with goes over to it
    #[arg(long, value_name = "LIST", default_value = "1,2")]
    pub(crate) quic_version: QuicVersions,
}

/// What to fetch.
#[derive(Args, Clone, Debug)]
pub(crate) struct Get {
    /// The server and the path there.
    #[arg(value_name = "URL", help = GET_URL)]
    pub(crate) source: String,
    /// Where it goes. A file goes into a directory that is there; what is in a directory goes into DEST
    #[arg(value_name = "DEST", default_value = ".")]
    pub(crate) destination: PathBuf,
    #[command(flatten)]
    pub(crate) client: Client,
}

/// What to send.
#[derive(Args, Clone, Debug)]
pub(crate) struct Put {
    /// A file or a directory here
    pub(crate) source: PathBuf,
    /// The server and the path there.
    #[arg(value_name = "URL", help = PUT_URL)]
    pub(crate) destination: String,
    #[command(flatten)]
    pub(crate) client: Client,
}

/// What to run.
#[derive(Args, Clone, Debug)]
pub(crate) struct Run {
    /// The library that is loaded into the program [default: libinquic_preload.so in deps, beside this command, or in ../lib/inquic
    /// or ../lib]
    #[arg(long, value_name = "FILE")]
    pub(crate) library: Option<PathBuf>,
    /// The program: a path, or a name that is looked up in PATH
    pub(crate) program: OsString,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}

/// The two ends of a measurement.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Perf {
    /// Answers measurements until it is ended; prints `listening ADDR`
    Server(PerfServer),
    /// Measures
    Client(PerfClient),
}

/// How to answer measurements.
#[derive(Args, Clone, Debug)]
pub(crate) struct PerfServer {
    /// Address and port to listen on; port 0 takes any that is free
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: PathBuf,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    #[command(flatten)]
    pub(crate) transport: Transport,
}

/// What to measure.
#[derive(Args, Clone, Debug)]
pub(crate) struct PerfClient {
    /// HOST:PORT of the server
    #[arg(long, value_name = "ADDR")]
    pub(crate) connect: String,
    /// The name the server's certificate must have
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    pub(crate) server_name: String,
    /// The CA that signed it, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: PathBuf,
    /// What to measure
    #[arg(long)]
    pub(crate) mode: Mode,
    /// Bytes of a bulk transfer
    #[arg(long, value_name = "N", default_value_t = 1 << 30)]
    pub(crate) bytes: u64,
    /// Requests or handshakes at once
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(crate) in_flight: u32,
    /// How long requests or handshakes go on, or idle connections are held
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// How many requests or handshakes are made, whatever the time, or connections are held
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// One JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) transport: Transport,
}

/// How packets leave.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Transport {
    /// Congestion control
    #[arg(long, default_value = "cubic")]
    pub(crate) cc: Congestion,
    /// Cipher suite
    #[arg(long, default_value = "aes128")]
    pub(crate) cipher: Cipher,
    /// Key exchange
    #[arg(long, default_value = "x25519")]
    pub(crate) kx: KeyExchange,
    /// Bytes of UDP payload in a full packet, which must be known to arrive; there is no search for a larger one
    #[arg(long, value_name = "N", default_value_t = 1452, value_parser = clap::value_parser!(u16).range(1200..=9000))]
    pub(crate) mtu: u16,
    /// Versions of QUIC, the preferred one first
    #[arg(long, value_name = "LIST", default_value = "1,2")]
    pub(crate) quic_version: QuicVersions,
    /// INSECURE: leave all packets after the handshake in clear if the other end is told the same, to measure what protection
    /// costs. Anybody on the way can read and forge them
    #[arg(long)]
    pub(crate) insecure_disable_1rtt_encryption: bool,
}

/// Versions of QUIC, the preferred one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum QuicVersions {
    /// RFC 9000 alone
    #[value(name = "1")]
    One,
    /// RFC 9369 alone
    #[value(name = "2")]
    Two,
    /// Both
    #[value(name = "1,2")]
    OneTwo,
    /// Both; a client begins with version 1, and a server goes over to version 2
    #[value(name = "2,1")]
    TwoOne,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// One stream, the data from the server
    BulkDown,
    /// One stream, the data to the server
    BulkUp,
    /// 1 KiB requests, 1 KiB responses, a stream for each
    Rr,
    /// Connections made and closed
    Handshake,
    /// Connections made and held
    Idle,
}

/// A congestion controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Congestion {
    /// RFC 9438
    Cubic,
    /// RFC 9002
    #[value(name = "newreno")]
    NewReno,
    /// Version 3 of BBR: for paths that lose packets without being full, or have long queues
    Bbr,
}

/// A cipher suite of TLS 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cipher {
    /// TLS_AES_128_GCM_SHA256
    Aes128,
    /// TLS_AES_256_GCM_SHA384
    Aes256,
    /// TLS_CHACHA20_POLY1305_SHA256
    Chacha20,
    /// TLS_AES_128_CCM_SHA256
    #[value(name = "aes128ccm")]
    Aes128Ccm,
}

/// A key exchange of TLS 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyExchange {
    /// Elliptic curve
    X25519,
    /// Elliptic curve and ML-KEM, safe from quantum computers
    #[value(name = "x25519mlkem768")]
    X25519MlKem768,
}

/// What to certify.
#[derive(Args, Clone, Debug)]
pub(crate) struct Cert {
    /// Host names and IP addresses the certificate is for
    #[arg(value_name = "NAME", default_value = "localhost")]
    pub(crate) names: Vec<String>,
    /// Where the files go, and where the CA of an earlier time is
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,
    /// How long it is valid
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) days: u32,
}

fn streams(raw: &str) -> Result<usize, String> {
    let wrong = format!("a number from 1 to {STREAMS_MAX} is needed");
    raw.parse()
        .ok()
        .filter(|streams| (1..=STREAMS_MAX).contains(streams))
        .ok_or(wrong)
}

fn seconds(raw: &str) -> Result<f64, String> {
    let wrong = "a number of seconds from 0 to 86400 is needed".to_owned();
    raw.parse()
        .ok()
        .filter(|seconds| (0.0..=86400.0).contains(seconds))
        .ok_or(wrong)
}

const GET_URL: &str = "quic://HOST[:PORT]/PATH or HOST[:PORT]/PATH; port 4433 where none is given";
const PUT_URL: &str = "quic://HOST[:PORT]/PATH or HOST[:PORT]/PATH. With `/` at its end a file goes into it under its own name";

const DEMO_HELP: &str = "\
Examples:
  inquic demo
  inquic demo --mib 1024 --files 0 --json

Everything happens in one temporary directory (TMPDIR), which needs room for three copies and is removed.
It succeeds only if the SHA-256 of every file is the same at the source, on the server and back again.";

const TOP_HELP: &str = "\
A first try, on this machine:
  inquic demo

Between two machines:
  inquic cert server.example.org --out pki           # on the server, once
  inquic serve /srv/files --cert pki/cert.pem --key pki/key.pem --writable
  inquic get --ca pki/ca.pem quic://server.example.org/docs docs
  inquic put --ca pki/ca.pem report.pdf quic://server.example.org/docs/

Exit codes:
  0  done, and every byte compared
  1  something unforeseen
  2  the command line asks for something that cannot be
  3  a file or directory here cannot be read or written, or a disk is full
  4  network: unknown host, no route, port in use, no answer, peer gone
  5  handshake: wrong CA, expired certificate, wrong name, no common ALPN
  6  the peer said no: no such file there, uploads off, path refused
  7  a file changed while it was read, or what arrived is not what was sent
  130  interrupted (Ctrl-C)

INQUIC_HOME=embedded runs QUIC in this process though the system has QUIC sockets; INQUIC_HOME=kernel runs it there or not at all.
SSLKEYLOGFILE=FILE appends the secrets of every connection of serve, get, put and perf to FILE, with which Wireshark reads the
traffic; under run it is for the program's TLS library.
QLOGDIR=DIR logs every connection of serve, get and put as --qlog does; qvis shows what is in such a log.";

const SERVE_HELP: &str = "\
Examples:
  inquic cert localhost && inquic serve . --cert cert.pem --key key.pem
  inquic serve /srv/in --listen 192.0.2.1:4433 --cert cert.pem --key key.pem --writable --retry
  inquic serve a --name a.example … & inquic serve b --name b.example …        # both on one port

Prints `listening ADDR` when it is ready. Ctrl-C closes every connection and ends it.
Files are written under a temporary name, synced, then renamed: nobody sees half a file.";

const GET_HELP: &str = "\
Examples:
  inquic get --ca ca.pem quic://example.org/notes.txt            # into this directory
  inquic get --ca ca.pem example.org:4433/photos photos          # everything below photos/
  inquic get --ca ca.pem quic://192.0.2.1/a%20b c --server-name example.org --resume

A file that is there under the final name is replaced when the new one is whole and right.
An interrupted transfer leaves .NAME.inquic-part, which --resume continues after comparing its hash.";

const PUT_HELP: &str = "\
Examples:
  inquic put --ca ca.pem notes.txt quic://example.org/notes.txt
  inquic put --ca ca.pem notes.txt quic://example.org/inbox/     # as inbox/notes.txt
  inquic put --ca ca.pem photos example.org:4433/photos --resume # everything below photos/

The server must run with --writable. Links to directories or out of the tree, and devices, are left out.";

const RUN_HELP: &str = "\
The program, and all that it starts, has sockets of IPPROTO_QUIC: socket(AF_INET, SOCK_STREAM, 261) and what follows from it.
Where the kernel has such sockets itself, they are used. Statically linked programs, and those that change user by themselves
when they are started (setuid), get none.

The exit code is the program's; 128 and the signal's number where a signal has ended it, 127 where there is no such program,
126 where it cannot be run. Signals that are sent to this process go on to the program.

Examples:
  inquic run ./server --port 4433
  inquic run python3 client.py";
const PERF_HELP: &str = "\
Examples:
  inquic cert localhost
  inquic perf server --listen 127.0.0.1:4434 --cert cert.pem --key key.pem
  inquic perf client --connect 127.0.0.1:4434 --ca ca.pem --mode bulk-down --bytes 1000000000
  inquic perf client --connect 127.0.0.1:4434 --ca ca.pem --mode rr --in-flight 32 --seconds 10 --json

The protocol is in benches/PROTOCOL.md.";

const CERT_HELP: &str = "\
Examples:
  inquic cert                                  # for localhost, here
  inquic cert example.org 192.0.2.1 --out pki  # for a name and an address

Writes ca.pem (give it to clients as --ca), ca.key, cert.pem and key.pem (give them to the server).
A ca.key that is there is used again, so that clients need not change. Keys are readable by you alone.";

#[cfg(test)]
mod tests;
