//! One end: the real endpoint with its connections, driven as a home would drive them, without a socket or a clock.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use inquic_engine::{
    Config, Connection, Endpoint, EndpointKeys, Event, Handle, Listen, Path, Received, RetryPolicy,
    Route,
};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::memory::Own;
use inquic_platform::{CipherSuite, Instant, Platform};
use inquic_wire::Role;

use crate::{Datagram, Early, Hello};

/// How a host behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Settings of its connections.
    pub config: Config,
    /// The cipher suite that its handshakes take.
    pub suite: CipherSuite,
    /// Bytes of its certificate.
    pub certificate: usize,
    /// When it asks for address validation.
    pub retry: RetryPolicy,
    /// What it does about 0-RTT.
    pub early: Early,
}

/// An endpoint and its connections.
pub struct Host {
    /// The table of connections.
    pub endpoint: Endpoint,
    /// Its address.
    pub address: SocketAddr,
    settings: Settings,
    config: Arc<Config>,
    connections: BTreeMap<Handle, (Own<Connection>, Hello)>,
    events: Vec<(Handle, Event)>,
    replies: Vec<(SocketAddr, Vec<u8>)>,
    /// Where datagrams are built; kept for the next time.
    buffer: Vec<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            config: Config::default(),
            suite: CipherSuite::Aes128GcmSha256,
            certificate: 900,
            retry: RetryPolicy::WhenBusy,
            early: Early::Off,
        }
    }
}

impl Host {
    /// A host whose randomness comes from `seed`.
    #[must_use]
    pub fn new(address: SocketAddr, settings: Settings, seed: u64) -> Self {
        Self::on(Arc::new(AwsLc::seeded(seed)), address, settings)
    }

    /// A host on another platform.
    #[must_use]
    pub fn on(platform: Arc<dyn Platform>, address: SocketAddr, settings: Settings) -> Self {
        let keys = EndpointKeys::random(&*platform);
        Self {
            endpoint: Endpoint::new(platform, keys),
            address,
            config: Arc::new(settings.config.clone()),
            settings,
            connections: BTreeMap::new(),
            events: Vec::new(),
            replies: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Begins to accept connections.
    pub fn listen(&mut self) {
        self.endpoint.set_listening(Some(Listen {
            retry: self.settings.retry,
            versions: self.settings.config.versions,
            ..Listen::default()
        }));
    }

    /// Begins a connection to `remote`, with a token of an earlier one if there is any.
    ///
    /// # Panics
    ///
    /// When the platform cannot make keys.
    pub fn connect(&mut self, now: Instant, remote: SocketAddr, token: &[u8]) -> Handle {
        let path = Path {
            local: Some(self.address),
            remote,
        };
        let (handle, connection) = self
            .endpoint
            .connect(now, &self.config, path, token)
            .expect("keys can be made");
        let hello = Hello::new(Role::Client, self.settings.suite, self.settings.certificate)
            .with_early(self.settings.early.clone());
        self.connections.insert(handle, (connection, hello));
        self.settle(now, handle);
        handle
    }

    /// A connection that is there.
    ///
    /// # Panics
    ///
    /// When it is not.
    pub fn connection(&mut self, handle: Handle) -> &mut Connection {
        &mut self
            .connections
            .get_mut(&handle)
            .expect("a connection of this host")
            .0
    }

    /// Forgets a connection without a word, as after a crash.
    pub fn forget(&mut self, handle: Handle) {
        self.endpoint.remove(handle);
        self.connections.remove(&handle);
    }

    /// Bytes that the simulated TLS of all connections holds.
    #[must_use]
    pub fn hello_bytes(&self) -> usize {
        let hellos = self.connections.values();
        hellos
            .map(|(_, hello)| size_of::<Hello>() + hello.heap_bytes())
            .sum()
    }

    /// A connection, if it is there.
    pub fn get(&mut self, handle: Handle) -> Option<&mut Connection> {
        self.connections.get_mut(&handle).map(|entry| &mut *entry.0)
    }

    /// All connections.
    #[must_use]
    pub fn handles(&self) -> Vec<Handle> {
        self.connections.keys().copied().collect()
    }

    /// A datagram arrived.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) {
        self.receive_marked(now, from, 0, datagram);
    }

    /// A datagram arrived with these ECN bits.
    pub fn receive_marked(&mut self, now: Instant, from: SocketAddr, ecn: u8, datagram: &mut [u8]) {
        let path = Path {
            local: Some(self.address),
            remote: from,
        };
        self.receive_on(now, path, ecn, datagram);
    }

    /// A datagram arrived by this path.
    pub fn receive_on(&mut self, now: Instant, path: Path, ecn: u8, datagram: &mut [u8]) {
        let mut reply = [0; 1_500];
        let handle = match self.endpoint.route(now, &path, datagram, &mut reply) {
            Route::Connection(handle) => handle,
            Route::Incoming(incoming) => {
                let Ok((handle, connection)) = self.endpoint.accept(now, &incoming, &self.config)
                else {
                    return;
                };
                let hello =
                    Hello::new(Role::Server, self.settings.suite, self.settings.certificate)
                        .with_early(self.settings.early.clone());
                self.connections.insert(handle, (connection, hello));
                handle
            }
            Route::Reply(count) => {
                return self.replies.push((path.remote, reply[..count].to_vec()));
            }
            Route::Held | Route::Forward(_) | Route::Drop(_) => return,
        };
        let segment = datagram.len();
        if let Some(entry) = self.connections.get_mut(&handle) {
            let (connection, _) = &mut *entry;
            connection.receive(
                now,
                Received {
                    path,
                    bytes: datagram,
                    segment,
                    ecn,
                },
            );
        }
        self.settle(now, handle);
    }

    /// Tells time to every connection that waits for it.
    pub fn expire(&mut self, now: Instant) {
        for handle in self.handles() {
            let (connection, _) = self.connections.get_mut(&handle).expect("listed just now");
            if connection.next_deadline().is_some_and(|at| at <= now) {
                connection.expire(now);
                self.settle(now, handle);
            }
        }
    }

    /// The earliest deadline of all connections.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.connections
            .values()
            .filter_map(|entry| entry.0.next_deadline())
            .min()
    }

    /// Everything that can be sent now, each datagram to `send`.
    pub fn transmit(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) {
        self.transmit_each(now, &mut |sent| send(&sent.bytes));
    }

    /// Everything that can be sent now, each datagram with its destination to `send`.
    pub fn transmit_to(&mut self, now: Instant, send: &mut dyn FnMut(SocketAddr, &[u8])) {
        self.transmit_each(now, &mut |sent| send(sent.to, &sent.bytes));
    }

    /// Everything that can be sent now, each datagram with its addresses and ECN bits to `send`.
    pub fn transmit_each(&mut self, now: Instant, send: &mut dyn FnMut(Datagram)) {
        let address = self.address;
        for (to, bytes) in self.replies.drain(..) {
            send(Datagram {
                from: address,
                to,
                ecn: 0,
                bytes,
            });
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(65_507, 0);
        for entry in self.connections.values_mut() {
            let (connection, _) = &mut *entry;
            while let Some(sent) = connection.transmit(now, &mut buffer) {
                let from = sent.path.local.unwrap_or(address);
                for datagram in buffer[..sent.bytes].chunks(sent.segment) {
                    send(Datagram {
                        from,
                        to: sent.path.remote,
                        ecn: sent.ecn,
                        bytes: datagram.to_vec(),
                    });
                }
            }
        }
        self.buffer = buffer;
        for handle in self.handles() {
            self.settle(now, handle);
        }
    }

    /// What has happened since the last call.
    pub fn take_events(&mut self) -> Vec<(Handle, Event)> {
        std::mem::take(&mut self.events)
    }

    /// Runs the handshake, serves the endpoint's part, collects events.
    fn settle(&mut self, now: Instant, handle: Handle) {
        let Some(entry) = self.connections.get_mut(&handle) else {
            return;
        };
        let (connection, hello) = &mut *entry;
        // A failed step has closed the connection, which its events tell.
        let _ = hello.step(now, &mut **connection);
        let mut gone = false;
        while let Some(event) = connection.next_event() {
            match event {
                Event::Handshake => {
                    let _ = hello.step(now, &mut **connection);
                }
                Event::Gone => gone = true,
                _ => {}
            }
            self.events.push((handle, event));
        }
        if connection.needs_endpoint() {
            self.endpoint.service(now, handle, connection);
        }
        if gone {
            self.endpoint.remove(handle);
            self.connections.remove(&handle);
        }
    }
}
