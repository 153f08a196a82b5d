//! Builders of connections, shared by the blocking and the tokio face: choices in, what is needed to connect out. Those of listeners are in
//! [`listener`].

mod listener;

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use inquic_handshake::{CipherSuite, ClientConfig, ClientConfigBuilder, KeyExchange, Roots};

use crate::config::TransportConfig;
use crate::connect::{From, Race, Target};
use crate::error::Error;
use crate::home::ports::{self, Drive};
use crate::home::tokens::Tokens;
use crate::home::trace::LogTo;
use crate::kernel::{self, Choice, Home, Settings};

pub use listener::ListenerBuilder;

/// The calls of a builder that have connections logged, beside `key_log`, which each builder has of its own.
macro_rules! logging_calls {
    () => {
        /// As `key_log`, to the file that the environment variable `SSLKEYLOGFILE` names, as browsers and curl do; nothing without
        /// it. Never the default: a library does not give secrets away because of a variable.
        pub fn key_log_from_env(self) -> Self {
            match $crate::builder::path_in("SSLKEYLOGFILE") {
                Some(path) => self.key_log(path),
                None => self,
            }
        }

        /// Logs what happens on every connection, for people who look into one: a file for each in `directory`, in the qlog format, named
        /// for the connection's first id. Its keys and data stay out; names, addresses and sizes do not.
        ///
        /// Bounds: 32 MiB in a file, 256 connections at once; the rest is not logged. A log never makes a connection fail or wait. Call
        /// [`crate::qlog::flush`] before the process ends.
        #[cfg(feature = "qlog")]
        pub fn qlog(mut self, directory: impl AsRef<::std::path::Path>) -> Self {
            self.log_to.directory = Some(directory.as_ref().into());
            self
        }

        /// As `qlog`, to the directory that the environment variable `QLOGDIR` names; nothing without it.
        #[cfg(feature = "qlog")]
        pub fn qlog_from_env(self) -> Self {
            match $crate::builder::path_in("QLOGDIR") {
                Some(directory) => self.qlog(directory),
                None => self,
            }
        }
    };
}
use logging_calls;

/// Marks what belongs to the blocking face.
#[derive(Clone, Copy, Debug)]
pub enum Blocking {}
/// Marks what belongs to the tokio face.
#[derive(Clone, Copy, Debug)]
pub enum Tokio {}

/// How to connect. Made by [`crate::Connection::builder`] and [`crate::tokio::Connection::builder`].
///
/// One builder can connect many times; its connections share the tickets with which servers let them resume and
/// skip the proof of address.
#[derive(Clone, Debug)]
#[must_use]
pub struct ConnectionBuilder<Face> {
    tls: ClientConfigBuilder,
    /// What `tls` gave, once it was needed.
    built: OnceLock<ClientConfig>,
    /// Proofs of address that servers gave to earlier connections.
    tokens: Arc<Tokens>,
    config: TransportConfig,
    server_name: Option<String>,
    log_to: LogTo,
    face: PhantomData<Face>,
}

impl<Face> ConnectionBuilder<Face> {
    pub(crate) fn new() -> Self {
        Self {
            tls: ClientConfig::builder(),
            built: OnceLock::new(),
            tokens: Arc::default(),
            config: TransportConfig::default(),
            server_name: None,
            log_to: LogTo::default(),
            face: PhantomData,
        }
    }

    /// The authorities whose word about the server's name is taken. This machine's by default.
    pub fn roots(self, roots: Roots) -> Self {
        self.tls(|tls| tls.roots(roots))
    }

    /// The application protocols that we speak, the preferred one first (ALPN). There is no default.
    pub fn alpn(self, protocols: impl IntoIterator<Item: AsRef<[u8]>>) -> Self {
        self.tls(|tls| tls.alpn(protocols))
    }

    /// The cipher suites that we offer, the preferred one first. All by default.
    pub fn cipher_suites(self, suites: impl IntoIterator<Item = CipherSuite>) -> Self {
        self.tls(|tls| tls.cipher_suites(suites))
    }

    /// The key exchanges that we offer, the preferred one first. X25519MLKEM768, then the classical ones by default.
    pub fn key_exchange(self, exchanges: impl IntoIterator<Item = KeyExchange>) -> Self {
        self.tls(|tls| tls.key_exchange(exchanges))
    }

    /// Remembers the tickets of so many servers, so that later connections resume; none turns resumption off.
    pub fn resumption(self, servers: usize) -> Self {
        self.tls(|tls| tls.resumption(servers))
    }

    /// Appends the secrets of every connection to a file, for a packet analyser. Whoever reads it can read the traffic.
    pub fn key_log(self, path: impl AsRef<Path>) -> Self {
        self.tls(|tls| tls.key_log(path))
    }

    logging_calls!();

    /// The name that the server's certificate must be for. By default the host that is connected to.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// The settings of the transport.
    pub fn config(mut self, config: TransportConfig) -> Self {
        self.config = config;
        self
    }

    fn tls(mut self, change: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder) -> Self {
        self.tls = change(self.tls);
        self.built = OnceLock::new();
        self
    }

    /// The home of connections.
    fn home(&self, early: bool) -> Result<Home, Error> {
        let settings = match (early, self.log_to.is_wanted()) {
            (true, _) => Err("0-RTT"),
            (_, true) => Err("qlog"),
            _ => Settings::of(&self.config.engine()),
        };
        Choice::here()?.home(kernel::is_there, settings)
    }

    /// The race for a connection to `target`, with 0-RTT if it is to be early, on a port that `drive` drives where it is one of this process.
    pub(crate) fn race(
        &self,
        target: &Target<'_>,
        addresses: Vec<SocketAddr>,
        drive: Drive,
        early: bool,
    ) -> Result<Race, Error> {
        let tls = if let Some(tls) = self.built.get() {
            tls.clone()
        } else {
            let tls = self.tls.clone().build()?;
            self.built.get_or_init(|| tls).clone()
        };
        let name = self
            .server_name
            .clone()
            .unwrap_or_else(|| target.host.to_owned());
        let from = match self.home(early)? {
            Home::Kernel(settings) => From::Kernel(settings),
            Home::Embedded => From::Port {
                port: ports::for_connecting(drive)?,
                config: self.config.engine(),
                log_to: self.log_to.clone(),
            },
        };
        let tokens = self.tokens.clone();
        Ok(Race::new(from, tls, tokens, name, addresses, early))
    }
}

/// The path in a variable of the environment, if it has one.
fn path_in(variable: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(variable).filter(|path| !path.is_empty())
}
