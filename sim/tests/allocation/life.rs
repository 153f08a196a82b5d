//! A client and a server that allocate nothing of their own inside the engine's calls, and the links between them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use inquic_engine::{
    Config, Connection, Endpoint, EndpointKeys, Event, Handle, Listen, Path, Received, RetryPolicy,
    Route,
};
use inquic_platform::crypto::HASH_LEN_MAX;
use inquic_platform::memory::Own;
use inquic_platform::{
    CipherSuite, CryptoError, Duration, HeaderKey, Instant, KeySide, OpenJob, PacketKey, Platform,
    SealJob, Tails,
};
use inquic_sim::NullCipher;
use inquic_wire::Role;

use crate::allocator::{engine, outside, refuses_key};
use crate::hello::{Hello, Parameters};

/// The null cipher as a home has it: its own memory is none of the engine's, and a key that it cannot make is an error.
pub(crate) struct Home(pub(crate) NullCipher);

impl Platform for Home {
    fn random(&self, out: &mut [u8]) {
        self.0.random(out);
    }

    fn hmac(
        &self,
        suite: CipherSuite,
        key: &[u8],
        parts: &[&[u8]],
        out: &mut [u8; HASH_LEN_MAX],
    ) -> usize {
        self.0.hmac(suite, key, parts, out)
    }

    fn packet_key(
        &self,
        suite: CipherSuite,
        side: KeySide,
        key: &[u8],
        iv: &[u8; 12],
    ) -> Result<Box<dyn PacketKey>, CryptoError> {
        outside(|| {
            if refuses_key() {
                return Err(CryptoError::Unavailable);
            }
            let real = self.0.packet_key(suite, side, key, iv)?;
            Ok(Box::new(Scarce(real)) as Box<dyn PacketKey>)
        })
    }

    fn header_key(
        &self,
        suite: CipherSuite,
        key: &[u8],
    ) -> Result<Box<dyn HeaderKey>, CryptoError> {
        outside(|| {
            if refuses_key() {
                return Err(CryptoError::Unavailable);
            }
            self.0.header_key(suite, key)
        })
    }
}

/// A key that needs memory to seal, which counts like the engine's.
struct Scarce(Box<dyn PacketKey>);

impl PacketKey for Scarce {
    fn seal(
        &self,
        buffer: &mut [u8],
        jobs: &[SealJob],
        tails: &dyn Tails,
    ) -> Result<(), CryptoError> {
        if outside(refuses_key) {
            return Err(CryptoError::Unavailable);
        }
        self.0.seal(buffer, jobs, tails)
    }

    fn open(&self, buffer: &mut [u8], jobs: &mut [OpenJob]) {
        self.0.open(buffer, jobs);
    }
}

/// One end.
pub(crate) struct End {
    endpoint: Endpoint,
    config: Arc<Config>,
    address: SocketAddr,
    handle: Option<Handle>,
    /// Its connection, until it is gone.
    pub(crate) connection: Option<Own<Connection>>,
    hello: Hello,
    /// Whether it ever had a connection.
    began: bool,
    /// A client's for its next connection: the server's token and transport parameters.
    token: Vec<u8>,
    remembered: Option<Parameters>,
    /// Paths that it has taken, and those that it was refused.
    pub(crate) migrations: u32,
    pub(crate) failed_migrations: u32,
}

/// A datagram under way: when it arrives, at which end, by which addresses.
struct Flying {
    at: Instant,
    to: usize,
    path: Path,
    bytes: Vec<u8>,
}

/// Both ends and what flies between them.
pub(crate) struct Life {
    pub(crate) now: Instant,
    /// The client, then the server.
    pub(crate) ends: [End; 2],
    flying: VecDeque<Flying>,
    carried: u64,
    /// Every datagram of this number is lost; 0 for none.
    pub(crate) lost: u64,
    buffer: Vec<u8>,
}

impl Life {
    /// Both ends with these settings, the client's and the server's.
    pub(crate) fn new(retry: RetryPolicy, [client, server]: [Config; 2]) -> Self {
        let versions = server.versions;
        let end = |role, seed, config, address: &str| {
            let platform: Arc<dyn Platform> = Arc::new(Home(NullCipher::seeded(seed)));
            End {
                endpoint: Endpoint::new(platform, EndpointKeys::from_master([7; 32])),
                config: Arc::new(config),
                address: address.parse().unwrap(),
                handle: None,
                connection: None,
                hello: Hello::new(role),
                began: false,
                token: Vec::new(),
                remembered: None,
                migrations: 0,
                failed_migrations: 0,
            }
        };
        let mut life = Self {
            now: Instant::ZERO + Duration::from_secs(1),
            ends: [
                end(Role::Client, 1, client, "192.0.2.1:50000"),
                end(Role::Server, 2, server, "192.0.2.2:4433"),
            ],
            flying: VecDeque::new(),
            carried: 0,
            lost: 0,
            buffer: vec![0; 65_507],
        };
        life.ends[1].endpoint.set_listening(Some(Listen {
            retry,
            versions,
            ..Listen::default()
        }));
        life
    }

    /// The client begins a connection, the second time with what it remembers; `false` when it could not.
    pub(crate) fn connect(&mut self) -> bool {
        let path = Path {
            local: Some(self.ends[0].address),
            remote: self.ends[1].address,
        };
        let now = self.now;
        let client = &mut self.ends[0];
        let token = std::mem::take(&mut client.token);
        let made = engine(|| client.endpoint.connect(now, &client.config, path, &token));
        let Ok((handle, connection)) = made else {
            return false;
        };
        client.handle = Some(handle);
        client.connection = Some(connection);
        client.began = true;
        self.ends[1].began = false;
        let client = &mut self.ends[0];
        client.hello = Hello::remembering(client.remembered.take());
        client.settle(now);
        true
    }

    /// Runs until `done` or for a length of virtual time; whether it was done.
    pub(crate) fn run(
        &mut self,
        length: Duration,
        done: &mut dyn FnMut(&mut Self) -> bool,
    ) -> bool {
        let end = self.now + length;
        for _ in 0..20_000 {
            self.flush();
            if done(self) {
                return true;
            }
            self.flush();
            let deadlines = self.ends.iter().filter_map(|end| end.connection.as_ref());
            let deadlines = deadlines.filter_map(|connection| connection.next_deadline());
            let arrival = self.flying.front().map(|flying| flying.at);
            let Some(next) = deadlines.chain(arrival).min().filter(|&at| at <= end) else {
                self.now = end;
                return done(self);
            };
            self.now = self.now.max(next);
            while self
                .flying
                .front()
                .is_some_and(|flying| flying.at <= self.now)
            {
                let flying = self.flying.pop_front().unwrap();
                self.deliver(flying);
            }
            for end in &mut self.ends {
                end.expire(self.now);
            }
        }
        panic!("the life does not end");
    }

    /// Whether both ends have forgotten the connection.
    pub(crate) fn is_over(&self) -> bool {
        self.ends.iter().all(|end| end.connection.is_none())
    }

    /// Whether one of the ends has closed, or could not even begin.
    pub(crate) fn has_failed(&self) -> bool {
        self.ends.iter().any(|end| {
            let connection = end.connection.as_ref();
            connection.is_none_or(|connection| connection.close_reason().is_some()) && end.began
        })
    }

    /// The connections of both ends, once both are connected.
    pub(crate) fn both(&mut self) -> Option<(&mut Connection, &mut Connection)> {
        let [client, server] = &mut self.ends;
        let client = client
            .connection
            .as_deref_mut()
            .filter(|it| it.is_connected())?;
        let server = server
            .connection
            .as_deref_mut()
            .filter(|it| it.is_connected())?;
        Some((client, server))
    }

    fn flush(&mut self) {
        for from in 0..2 {
            let end = &mut self.ends[from];
            let Some(connection) = &mut end.connection else {
                continue;
            };
            while let Some(sent) = engine(|| connection.transmit(self.now, &mut self.buffer)) {
                for datagram in self.buffer[..sent.bytes].chunks(sent.segment) {
                    self.carried += 1;
                    if self.lost == 0 || !self.carried.is_multiple_of(self.lost) {
                        self.flying.push_back(Flying {
                            at: self.now + Duration::from_millis(10),
                            to: 1 - from,
                            path: Path {
                                local: Some(sent.path.remote),
                                remote: sent.path.local.unwrap_or(end.address),
                            },
                            bytes: datagram.to_vec(),
                        });
                    }
                }
            }
            end.settle(self.now);
        }
    }

    fn deliver(&mut self, flying: Flying) {
        let Flying {
            to,
            path,
            mut bytes,
            ..
        } = flying;
        let now = self.now;
        let end = &mut self.ends[to];
        let mut reply = [0; 1_500];
        match engine(|| end.endpoint.route(now, &path, &bytes, &mut reply)) {
            Route::Connection(handle) if Some(handle) == end.handle => {}
            Route::Incoming(incoming) => {
                if end.connection.is_some() {
                    return;
                }
                let made = engine(|| end.endpoint.accept(now, &incoming, &end.config));
                let Ok((handle, connection)) = made else {
                    return;
                };
                end.handle = Some(handle);
                end.connection = Some(connection);
                end.began = true;
                end.hello = Hello::new(Role::Server);
            }
            Route::Reply(count) => {
                return self.flying.push_back(Flying {
                    at: now + Duration::from_millis(10),
                    to: 1 - to,
                    path: Path {
                        local: Some(path.remote),
                        remote: path.local.unwrap(),
                    },
                    bytes: reply[..count].to_vec(),
                });
            }
            Route::Connection(_) | Route::Held | Route::Forward(_) | Route::Drop(_) => return,
        }
        let segment = bytes.len();
        if let Some(connection) = &mut end.connection {
            let received = Received {
                path,
                bytes: &mut bytes,
                segment,
                ecn: 0,
            };
            engine(|| connection.receive(now, received));
        }
        end.settle(now);
    }
}

impl End {
    fn expire(&mut self, now: Instant) {
        if let Some(connection) = &mut self.connection
            && connection.next_deadline().is_some_and(|at| at <= now)
        {
            engine(|| connection.expire(now));
            self.settle(now);
        }
    }

    /// Runs the handshake, serves the endpoint's part.
    fn settle(&mut self, now: Instant) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let mut gone = false;
        let failed = self.hello.step(now, connection).is_err();
        while let Some(event) = engine(|| connection.next_event()) {
            match event {
                Event::Gone => gone = true,
                Event::Token => {
                    self.token = engine(|| connection.take_token()).unwrap_or_default();
                }
                Event::Migrated => self.migrations += 1,
                Event::MigrationFailed => self.failed_migrations += 1,
                _ => {}
            }
        }
        if failed && connection.close_reason().is_none() {
            engine(|| connection.fail_handshake(now, INTERNAL_ERROR));
        }
        if connection.needs_endpoint()
            && let Some(handle) = self.handle
        {
            engine(|| self.endpoint.service(now, handle, connection));
        }
        if gone && let Some(handle) = self.handle.take() {
            self.endpoint.remove(handle);
            self.connection = None;
            self.remembered = self.hello.heard.take();
        }
    }
}

/// The alert of TLS for a failure of one's own.
const INTERNAL_ERROR: u8 = 80;
