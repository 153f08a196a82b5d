//! How to listen: choices in, a listener of the one home or the other out.

use std::marker::PhantomData;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

use inquic_engine::{Claim, RetryPolicy, Routing};
use inquic_handshake::{Certificate, CipherSuite, KeyExchange, ServerConfig, ServerConfigBuilder};
use inquic_socket::port::ListenOptions;
use inquic_uapi::option::{ALPN_LEN_MAX, SERVER_NAMES_LEN_MAX};

use super::logging_calls;
use crate::config::TransportConfig;
use crate::error::Error;
use crate::home::limits;
use crate::home::listener::Listener;
use crate::home::port::Service;
use crate::home::ports::{self, Drive, Secrets};
use crate::home::trace::LogTo;
use crate::kernel::{self, Choice, Home, Settings, Wishes};
use crate::transport::Acceptor;

/// How to listen. Made by [`crate::Listener::builder`] and [`crate::tokio::Listener::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ListenerBuilder<Face> {
    tls: ServerConfigBuilder,
    config: TransportConfig,
    retry: RetryPolicy,
    token_key: Option<[u8; 32]>,
    routing: Option<Routing>,
    backlog: usize,
    io_threads: usize,
    preferred: Vec<Preferred>,
    log_to: LogTo,
    protocols: Vec<Vec<u8>>,
    names: Vec<Vec<u8>>,
    shares: bool,
    spreads: bool,
    early: bool,
    face: PhantomData<Face>,
}

impl<Face> ListenerBuilder<Face> {
    pub(crate) fn new() -> Self {
        Self {
            tls: ServerConfig::builder(),
            config: TransportConfig::default(),
            retry: RetryPolicy::WhenBusy,
            token_key: None,
            routing: None,
            backlog: limits::BACKLOG,
            io_threads: 1,
            preferred: Vec::new(),
            log_to: LogTo::default(),
            protocols: Vec::new(),
            names: Vec::new(),
            shares: false,
            spreads: false,
            early: false,
            face: PhantomData,
        }
    }

    /// The certificate to show to clients, with its key. There is no default.
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.tls = self.tls.certificate(certificate);
        self
    }

    /// The application protocols that we speak, the preferred one first (ALPN). There is no default.
    pub fn alpn(mut self, protocols: impl IntoIterator<Item: AsRef<[u8]>>) -> Self {
        let protocols = protocols.into_iter();
        self.protocols = protocols.map(|name| name.as_ref().to_vec()).collect();
        self.tls = self.tls.alpn(&self.protocols);
        self
    }

    /// The names that clients ask for (SNI) who want to reach this listener, and no other; `*.example.org` stands for every name
    /// with one label in its place. Any name by default. Listeners of other names and protocols may have the same port, see
    /// [`ListenerBuilder::share_port`], which this implies.
    pub fn server_names(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        let names = names.into_iter();
        self.names = names.map(|name| name.as_ref().into()).collect();
        self.share_port(true)
    }

    /// Lets other listeners have the same address and port, of this process or of another of the same user, which say so, too. Each
    /// gets the clients that ask for its names and protocols; those who claim the same are refused, unless both
    /// [`ListenerBuilder::reuse_port`]. Off by default. docs/port-sharing.md has the rules.
    pub const fn share_port(mut self, on: bool) -> Self {
        self.shares = on;
        self
    }

    /// Lets other listeners claim the same names and protocols on a shared port, if they want that, too: each client goes to one of
    /// them (SO_REUSEPORT). Off by default.
    pub const fn reuse_port(mut self, on: bool) -> Self {
        self.spreads = on;
        self
    }

    /// The cipher suites that we accept. All by default.
    pub fn cipher_suites(mut self, suites: impl IntoIterator<Item = CipherSuite>) -> Self {
        self.tls = self.tls.cipher_suites(suites);
        self
    }

    /// The key exchanges that we accept. All by default.
    pub fn key_exchange(mut self, exchanges: impl IntoIterator<Item = KeyExchange>) -> Self {
        self.tls = self.tls.key_exchange(exchanges);
        self
    }

    /// Gives each client so many tickets to resume with; none turns resumption off.
    pub fn tickets(mut self, number: usize) -> Self {
        self.tls = self.tls.tickets(number);
        self
    }

    /// Gives tickets that every server with the same key opens, for 12 hours at least and 24 at most; whoever has it can pass for
    /// the servers with clients that resume. Random by default. Not with [`ListenerBuilder::early_data`].
    pub fn ticket_key(mut self, key: [u8; 32]) -> Self {
        self.tls = self.tls.ticket_key(key);
        self
    }

    /// Takes 0-RTT from clients that resume: accept() then gives their connections before the handshake is complete, and what is
    /// read while `is_early()` says so may be a replay. Off by default.
    ///
    /// A ticket is good for one connection, so a recorded one is played again in vain; for that, its session is kept in this
    /// process, 8,192 of them, and servers that share clients do not share tickets.
    pub fn early_data(mut self, on: bool) -> Self {
        self.early = on;
        self.tls = self.tls.early_data(on);
        self
    }

    /// Appends the secrets of every connection to a file, for a packet analyser. Whoever reads it can read the traffic.
    pub fn key_log(mut self, path: impl AsRef<Path>) -> Self {
        self.tls = self.tls.key_log(path);
        self
    }

    logging_calls!();

    /// The settings of the transport.
    pub fn config(mut self, config: TransportConfig) -> Self {
        self.config = config;
        self
    }

    /// When a client must prove its address before the handshake goes on. When many handshakes are under way by default.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// The key of address validation tokens and stateless resets. With the same key a restarted server takes the tokens that
    /// it gave before, and tells old connections that it lost them. Random by default.
    pub const fn token_key(mut self, key: [u8; 32]) -> Self {
        self.token_key = Some(key);
        self
    }

    /// Makes connection ids by which a load balancer finds this server (draft-ietf-quic-load-balancers): a client that comes from
    /// another address is still routed to it. With the same [`ListenerBuilder::token_key`] on all servers of a fleet, any of them
    /// takes the others' address tokens, and tells clients of one that was restarted; with the same
    /// [`ListenerBuilder::ticket_key`], clients resume at any. Ids are random by default.
    pub const fn routing(mut self, routing: Routing) -> Self {
        self.routing = Some(routing);
        self
    }

    /// Connections that may wait for accept(); more are turned away until some were accepted. 1,024 by default.
    pub const fn backlog(mut self, connections: usize) -> Self {
        self.backlog = connections;
        self
    }

    /// I/O threads of the port, each with a UDP socket of its own that shares the port. 1 by default; in a tokio runtime its
    /// tasks do the work, and there are none. Bounds: 1 to 64; what is beyond is cut. The kernel's sockets need none.
    pub const fn io_threads(mut self, threads: usize) -> Self {
        self.io_threads = threads;
        self
    }

    /// Where clients that have connected are asked to go (RFC 9000 §9.6), an address for each family at most: one of this machine's
    /// that reaches it alone, while the one to bind may be shared with others. It is bound as well, if the first does not cover it.
    pub fn preferred_address(self, address: SocketAddr) -> Self {
        self.preferred_address_behind(address, address)
    }

    /// The same where addresses are translated on the way: clients are asked to go to `public`, and what they send there comes to
    /// `local`, which is bound if the first address does not cover it.
    pub fn preferred_address_behind(mut self, public: SocketAddr, local: SocketAddr) -> Self {
        self.preferred
            .retain(|other| other.public.is_ipv4() != public.is_ipv4());
        self.preferred.push(Preferred { public, local });
        self
    }

    /// A listener on the first of the addresses that can be bound.
    pub(crate) fn listen(
        self,
        address: impl ToSocketAddrs,
        drive: Drive,
    ) -> Result<Box<dyn Acceptor>, Error> {
        let home = self.home()?;
        let claim = Claim::new(&self.names, &self.protocols)
            .map_err(|error| Error::Config(format!("the listener cannot be had so: {error}")))?;
        let (public, local): (Vec<_>, Vec<_>) = self
            .preferred
            .iter()
            .map(|preferred| (preferred.public, preferred.local))
            .unzip();
        let options = ListenOptions {
            backlog: self.backlog.max(1),
            retry: self.retry,
            claim,
            spreads: self.spreads,
            ..ListenOptions::new(self.config.with_preferred(&public))
        };
        let addresses = address
            .to_socket_addrs()
            .map_err(|error| Error::io("the address to bind cannot be resolved", &error))?;
        let tls = self.tls.build()?;
        if let Home::Kernel(settings) = home {
            let wishes = Wishes {
                settings,
                tls,
                protocols: self.protocols,
                names: self.names,
                backlog: self.backlog.max(1),
                spreads: self.spreads,
            };
            return first(addresses, |address| {
                Ok(Box::new(kernel::Listener::bind(address, &wishes)?) as Box<dyn Acceptor>)
            });
        }
        let service = Service {
            tls,
            log_to: self.log_to,
            options,
        };
        first(addresses, |address| {
            let secrets = Secrets {
                master: self.token_key,
                routing: self.routing,
            };
            let listening = if self.shares {
                ports::listen_shared(address, drive, secrets, &local, &service)
            } else {
                let bound = ports::bind(address, drive, self.io_threads, secrets, &local);
                bound.and_then(|port| Ok((port.clone(), ports::listen(&port, address, &service)?)))
            };
            let (port, id) = listening?;
            Ok(Box::new(Listener { port, id }) as Box<dyn Acceptor>)
        })
    }

    /// The home of the listener.
    fn home(&self) -> Result<Home, Error> {
        let is_list = |names: &[Vec<u8>], most: usize| {
            let bytes: usize = names.iter().map(|name| name.len() + 1).sum();
            bytes <= most && !names.iter().any(|name| name.contains(&b','))
        };
        let wanted = [
            ("qlog", self.log_to.is_wanted()),
            ("early_data", self.early),
            ("token_key", self.token_key.is_some()),
            ("routing", self.routing.is_some()),
            ("preferred_address", !self.preferred.is_empty()),
            ("retry policy of Never", self.retry == RetryPolicy::Never),
            (
                "ALPN names of this length",
                !is_list(&self.protocols, ALPN_LEN_MAX),
            ),
            (
                "server names of this length",
                !is_list(&self.names, SERVER_NAMES_LEN_MAX),
            ),
        ];
        let settings = match wanted.iter().find(|(_, is_wanted)| *is_wanted) {
            Some((name, _)) => Err(*name),
            None => Settings::of(&self.config.engine()),
        };
        let settings = settings.map(|settings| match self.retry {
            RetryPolicy::Always => settings.with_retry(),
            _ => settings,
        });
        Choice::here()?.home(kernel::is_there, settings)
    }
}

/// What comes of the first address that does it.
fn first<T>(
    addresses: impl Iterator<Item = SocketAddr>,
    mut bind: impl FnMut(SocketAddr) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut failure =
        Error::Config("there is no address to bind: write host:port, as in [::]:4433".into());
    for address in addresses {
        match bind(address) {
            Ok(bound) => return Ok(bound),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Where clients are asked to go.
#[derive(Clone, Copy, Debug)]
struct Preferred {
    public: SocketAddr,
    /// Where what they send there arrives.
    local: SocketAddr,
}
