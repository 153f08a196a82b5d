//! In: the command line. Out: what to do. Every peer takes the same.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A QUIC implementation as a process.
#[derive(Debug, Parser)]
pub enum Command {
    /// Serves a directory over HTTP/0.9 or HTTP/3.
    Server(ServerArgs),
    /// Fetches files.
    Client(ClientArgs),
    /// The performance protocol, benches/PROTOCOL.md.
    #[command(subcommand)]
    Perf(PerfCommand),
}

/// A cipher suite of TLS 1.3.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Cipher {
    /// TLS_AES_128_GCM_SHA256.
    Aes128,
    /// TLS_AES_256_GCM_SHA384.
    Aes256,
    /// TLS_CHACHA20_POLY1305_SHA256.
    Chacha20,
}

/// How to serve files.
#[derive(Args, Clone, Debug)]
pub struct ServerArgs {
    /// The address to listen on; port 0 takes any.
    #[arg(long)]
    pub listen: SocketAddr,
    /// The certificate chain, PEM.
    #[arg(long)]
    pub cert: PathBuf,
    /// Its key, PEM.
    #[arg(long)]
    pub key: PathBuf,
    /// What is served.
    #[arg(long)]
    pub dir: PathBuf,
    /// Offer this cipher suite only.
    #[arg(long)]
    pub cipher: Option<Cipher>,
    /// Answer every first packet with Retry.
    #[arg(long)]
    pub retry: bool,
    /// Accept 0-RTT.
    #[arg(long)]
    pub early: bool,
    /// Update the keys of each connection after its first request.
    #[arg(long)]
    pub key_update: bool,
    /// Ask clients to go to another address; behind `=`, the one at which what they send there arrives.
    #[arg(long, value_name = "PUBLIC=LOCAL")]
    pub preferred: Vec<String>,
    /// Speak HTTP/3.
    #[arg(long)]
    pub http3: bool,
}

/// How to fetch files.
#[derive(Args, Clone, Debug)]
pub struct ClientArgs {
    /// The server.
    #[arg(long)]
    pub connect: SocketAddr,
    /// The name that its certificate must have.
    #[arg(long, default_value = "localhost")]
    pub server_name: String,
    /// The CA, PEM.
    #[arg(long)]
    pub ca: PathBuf,
    /// Where the files go.
    #[arg(long)]
    pub dir: PathBuf,
    /// Offer this cipher suite only.
    #[arg(long)]
    pub cipher: Option<Cipher>,
    /// Fetch the first file, connect again with the ticket, fetch the others.
    #[arg(long)]
    pub resume: bool,
    /// With --resume: connect again in 0-RTT.
    #[arg(long)]
    pub early: bool,
    /// Fetch the first file, update the keys, fetch the others.
    #[arg(long)]
    pub key_update: bool,
    /// Fetch every file over a connection of its own, one after the other.
    #[arg(long)]
    pub multiconnect: bool,
    /// Offer a reserved version first.
    #[arg(long)]
    pub version_negotiation: bool,
    /// Speak HTTP/3.
    #[arg(long)]
    pub http3: bool,
    /// The paths to fetch, each on a stream of its own, all at once.
    #[arg(required = true)]
    pub paths: Vec<String>,
}

/// One end of the performance protocol.
#[derive(Debug, Subcommand)]
pub enum PerfCommand {
    /// Answers until it is ended.
    Server(PerfServerArgs),
    /// Measures.
    Client(PerfClientArgs),
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Mode {
    /// One stream, the data from the server.
    BulkDown,
    /// One stream, the data to the server.
    BulkUp,
    /// 1 KiB requests, 1 KiB responses.
    Rr,
    /// Connections made and closed.
    Handshake,
    /// Connections made and held.
    Idle,
}

/// A performance server.
#[derive(Args, Clone, Debug)]
pub struct PerfServerArgs {
    /// The address to listen on; port 0 takes any.
    #[arg(long)]
    pub listen: SocketAddr,
    /// The certificate chain, PEM.
    #[arg(long)]
    pub cert: PathBuf,
    /// Its key, PEM.
    #[arg(long)]
    pub key: PathBuf,
    /// How packets leave.
    #[command(flatten)]
    pub transport: PerfTransport,
}

/// A performance client.
#[derive(Args, Clone, Debug)]
pub struct PerfClientArgs {
    /// The server.
    #[arg(long)]
    pub connect: SocketAddr,
    /// The name that its certificate must have.
    #[arg(long, default_value = "localhost")]
    pub server_name: String,
    /// The CA, PEM.
    #[arg(long)]
    pub ca: PathBuf,
    /// What to measure.
    #[arg(long)]
    pub mode: Mode,
    /// How much a bulk transfer moves.
    #[arg(long, default_value_t = 1 << 30)]
    pub bytes: u64,
    /// How many requests or handshakes run at once.
    #[arg(long, default_value_t = 1)]
    pub in_flight: u32,
    /// How long requests or handshakes are made, or idle connections are held.
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// How many requests or handshakes are made, whatever the time; how many connections are held.
    #[arg(long)]
    pub count: Option<u64>,
    /// One JSON object on standard output.
    #[arg(long)]
    pub json: bool,
    /// How packets leave.
    #[command(flatten)]
    pub transport: PerfTransport,
}

/// What both ends of a measurement have in common.
#[derive(Args, Clone, Debug)]
pub struct PerfTransport {
    /// The congestion controller; only CUBIC is measured.
    #[arg(long, default_value = "cubic", value_parser = ["cubic"])]
    pub cc: String,
    /// The cipher suite; only AES-128-GCM is measured.
    #[arg(long, default_value = "aes128", value_parser = ["aes128"])]
    pub cipher: String,
    /// Bytes of UDP payload in a full packet.
    #[arg(long, default_value_t = 1452)]
    pub mtu: u16,
}
