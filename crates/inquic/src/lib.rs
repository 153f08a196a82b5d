//! QUIC as sockets: listen, connect, and read and write streams, encrypted and multiplexed over UDP.
//!
//! This crate is QUIC, version 1 (RFC 9000) and version 2 (RFC 9369), for programs that want sockets and not packets. A [`Listener`] accepts
//! [`Connection`]s, a connection carries any number of [`Stream`]s, and a stream is [`Read`](std::io::Read) and
//! [`Write`](std::io::Write). The same names with `async` calls are in [`mod@tokio`].
//!
//! # A server and a client
//!
//! ```
//! use std::io::{Read, Write};
//! use std::time::Duration;
//!
//! use inquic::cert::CertificateAuthority;
//! use inquic::{Certificate, Connection, Listener, Roots};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A private authority and a certificate for the server. On the internet, use files from a public one:
//! // `Certificate::from_pem_files("chain.pem", "key.pem")`, and leave `roots` out on the client.
//! let authority = CertificateAuthority::new("My CA")?;
//! let issued = authority.issue(&["localhost"], Duration::from_secs(24 * 3600))?;
//! let certificate = Certificate::from_pem(issued.certificate_pem.as_bytes(), issued.key_pem.as_bytes())?;
//!
//! // The server. ALPN names the protocol that both ends speak on top; QUIC asks for one.
//! let listener = Listener::builder()
//!     .certificate(certificate)
//!     .alpn(["shout/1"])
//!     .bind("[::]:0")?;
//! let port = listener.local_addr().port();
//! let server = std::thread::spawn(move || -> std::io::Result<()> {
//!     let connection = listener.accept()?;
//!     // `None` once the client has closed.
//!     while let Some(mut stream) = connection.accept()? {
//!         let mut request = String::new();
//!         stream.read_to_string(&mut request)?;
//!         stream.write_all(request.to_uppercase().as_bytes())?;
//!         stream.finish()?;
//!     }
//!     Ok(())
//! });
//!
//! // The client. The name is looked up, and the server's certificate must be for it.
//! let connection = Connection::builder()
//!     .roots(Roots::pem(authority.pem().as_bytes())?)
//!     .alpn(["shout/1"])
//!     .connect(&format!("localhost:{port}"))?;
//! let mut stream = connection.open()?;
//! stream.write_all(b"is anybody there?")?;
//! stream.finish()?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer)?;
//! assert_eq!(answer, "IS ANYBODY THERE?");
//!
//! drop(stream);
//! connection.close(0, "done");
//! server.join().unwrap()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Streams
//!
//! [`Connection::open`] opens a stream in both directions, [`Connection::open_uni`] one in our direction only; neither costs a
//! round trip. The peer learns of a stream when something is written to it, and gets it from [`Connection::accept`] or
//! [`Connection::accept_uni`]. A lost packet delays only the streams that it carried data of.
//!
//! A stream ends in one of three ways. [`Stream::finish`] says that all was written: the peer reads 0 bytes at its end.
//! [`Stream::reset`] abandons what we send, [`Stream::stop`] what we receive; each carries a code for the other application.
//! Dropping a stream that was not finished resets it, so that a program which fails half-way is not taken for one that is done.
//!
//! # Datagrams
//!
//! A datagram is a message of its own that arrives whole or not at all (RFC 9221): under the connection's encryption and
//! congestion control, and never sent a second time. Whoever receives allows them with [`TransportConfig::datagrams`].
//!
//! ```
//! # use inquic::cert::CertificateAuthority;
//! # use inquic::{Certificate, Connection, Listener, Roots, TransportConfig};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let authority = CertificateAuthority::new("My CA")?;
//! # let issued = authority.issue(&["localhost"], std::time::Duration::from_secs(3600))?;
//! # let certificate = Certificate::from_pem(issued.certificate_pem.as_bytes(), issued.key_pem.as_bytes())?;
//! let config = TransportConfig::default().datagrams(true);
//! let listener = Listener::builder()
//!     .certificate(certificate)
//!     .alpn(["clock/1"])
//!     .config(config.clone())
//!     .bind("[::]:0")?;
//! # let port = listener.local_addr().port();
//! # let roots = Roots::pem(authority.pem().as_bytes())?;
//! let server = std::thread::spawn(move || -> Result<(), inquic::Error> {
//!     let connection = listener.accept()?;
//!     while let Some(question) = connection.recv_datagram()? {
//!         assert_eq!(question, b"what time is it?");
//!         connection.send_datagram(b"tea time")?;
//!     }
//!     Ok(())
//! });
//!
//! let connection = Connection::builder()
//!     .roots(roots)
//!     .alpn(["clock/1"])
//!     .config(config)
//!     .connect(&format!("localhost:{port}"))?;
//! assert!(connection.max_datagram_size() >= Some(1_100));
//! connection.send_datagram(b"what time is it?")?;
//! // Over a real network a program would ask again when no answer comes.
//! assert_eq!(connection.recv_datagram()?, Some(b"tea time".to_vec()));
//! connection.close(0, "done");
//! # server.join().unwrap()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Early data
//!
//! A client that was connected before can send with its very first packets, in 0-RTT: [`ConnectionBuilder::connect_early`] gives
//! a connection before the handshake is complete. The server must want it, [`ListenerBuilder::early_data`], and is told of what
//! came early by [`Connection::is_early`]: only then could it be a replay of something recorded.
//!
//! ```
//! # use std::io::{Read, Write};
//! # use inquic::cert::CertificateAuthority;
//! # use inquic::{Certificate, Connection, Listener, Roots};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let authority = CertificateAuthority::new("My CA")?;
//! # let issued = authority.issue(&["localhost"], std::time::Duration::from_secs(3600))?;
//! # let certificate = Certificate::from_pem(issued.certificate_pem.as_bytes(), issued.key_pem.as_bytes())?;
//! # let roots = Roots::pem(authority.pem().as_bytes())?;
//! let listener = Listener::builder()
//!     .certificate(certificate)
//!     .alpn(["weather/1"])
//!     .early_data(true)
//!     .bind("[::]:0")?;
//! # let address = format!("localhost:{}", listener.local_addr().port());
//! let server = std::thread::spawn(move || -> std::io::Result<()> {
//!     for _ in 0..2 {
//!         let connection = listener.accept()?;
//!         let mut stream = connection.accept()?.expect("a question");
//!         let mut question = String::new();
//!         stream.read_to_string(&mut question)?;
//!         // Saying what the weather is twice does no harm. Before an order is taken: `connection.established()?`.
//!         stream.write_all(b"sunny")?;
//!         stream.finish()?;
//!         connection.closed();
//!     }
//!     Ok(())
//! });
//!
//! let builder = Connection::builder().roots(roots).alpn(["weather/1"]);
//! for again in [false, true] {
//!     let connection = builder.connect_early(&address)?;
//!     let mut stream = connection.open()?;
//!     stream.write_all(b"what is the weather?")?;
//!     stream.finish()?;
//!     let mut answer = String::new();
//!     stream.read_to_string(&mut answer)?;
//!     assert_eq!(answer, "sunny");
//!     // The first connection brought the ticket that the second one used.
//!     assert_eq!(connection.early_data_accepted()?, again);
//!     connection.close(0, "done");
//!     connection.closed();
//! }
//! # server.join().unwrap()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Closing
//!
//! [`Connection::close`], or dropping the last handle, delivers in the background what was written, then tells the peer a code
//! and a reason. Before a process ends, [`Connection::closed`] waits for that.
//!
//! # Errors
//!
//! Calls give an [`Error`] that names the cause and the way out in one line; inside an [`std::io::Error`] it is found with
//! `get_ref()` and `downcast_ref`.
//!
//! ```
//! use std::io::Read;
//!
//! /// The code with which the peer reset the stream, if it did.
//! fn reset_code(stream: &mut inquic::Stream) -> Option<u64> {
//!     let error = stream.read_to_end(&mut Vec::new()).err()?;
//!     match error.get_ref()?.downcast_ref() {
//!         Some(inquic::Error::Reset(code)) => Some(*code),
//!         _ => None,
//!     }
//! }
//! ```
//!
//! # Threads, tasks and descriptors
//!
//! Blocking connections are driven by a thread for each listener's port, and one for all connections that the process opens;
//! [`ListenerBuilder::io_threads`] gives a busy listener more. A call that writes sends by itself. In a tokio runtime there is
//! no extra thread, see [`mod@tokio`]. For event loops, calls can be made to return at once, and a [`Readiness`] is a file
//! descriptor to wait on.
//!
//! # Settings
//!
//! [`TransportConfig`] has timeouts, the congestion controller and the packet size.
//!
//! # Where the protocol runs
//!
//! Where the system has QUIC sockets, with the module `quic.ko` or under `inquic run`, connections and listeners are such sockets, and the
//! protocol runs in the kernel; TLS, with its private keys, stays in this process. Elsewhere the protocol runs here. `INQUIC_HOME` in the
//! environment says otherwise: `embedded`, here in any case; `kernel`, in the kernel or not at all. [`Connection::home`] tells.
//!
//! What those sockets have no option for runs here unless `INQUIC_HOME` is `kernel`, which then fails with the name of it: 0-RTT, qlog,
//! NewReno, other versions than usual in another order, `handshake_timeout`, `udp_payload`, `udp_payload_ceiling`, `receive_windows`,
//! `send_buffers`, `spin_bit`, `grease_quic_bit` off, `insecure_disable_1rtt_encryption`, `keep_alive` under 1.5 s, `token_key`, `routing`,
//! `preferred_address`, [`RetryPolicy::Never`]. With the kernel's sockets codes that end streams and connections have 32 bits, reasons 63
//! bytes, [`Listener::drops`] says nothing (`/proc/net/quic/snmp` does, for all), and listeners of one user with other protocols or names may
//! have the same port whether or not they [`ListenerBuilder::share_port`]. A connection and each stream in use take a descriptor.
#![deny(unsafe_code)]

mod blocking;
mod builder;
mod config;
mod connect;
mod connection;
mod error;
mod handshake_info;
mod home;
mod kernel;
#[cfg(feature = "qlog")]
pub mod qlog;
mod stats;
mod stream;
pub mod tokio;
mod transport;

pub use blocking::{Connection, Listener, ReceiveStream, SendStream, Stream};
pub use builder::{Blocking, ConnectionBuilder, ListenerBuilder, Tokio};
pub use config::TransportConfig;
pub use error::Error;
pub use handshake_info::HandshakeInfo;
pub use home::programs::Programs;
pub use inquic_engine::recovery::Algorithm;
pub use inquic_engine::{Drop as DropReason, Drops, EcnFailure, EcnState, RetryPolicy, Routing};
pub use inquic_handshake::{Certificate, CipherSuite, ConfigError, KeyExchange, Roots, cert};
pub use inquic_wire::Version;
pub use stats::Stats;
pub use stream::Readiness;

#[cfg(test)]
mod tests;
