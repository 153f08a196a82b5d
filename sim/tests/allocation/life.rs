//! A client and a server that allocate nothing of their own inside the engine's calls, and the links between them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use inquic_engine::{
    Config, Connection, Endpoint, EndpointKeys, Event, Handle, HandshakeError, Listen, Path,
    Received, RetryPolicy, Route,
};
use inquic_platform::crypto::HASH_LEN_MAX;
use inquic_platform::memory::Own;
use inquic_platform::{
    CipherSuite, CryptoError, Duration, HeaderKey, Instant, KeySide, PacketKey, Platform,
};
use inquic_sim::NullCipher;
use inquic_wire::{Level, Role};

use crate::allocator::{engine, outside, refuses_key};

/// The null cipher as a home has it: its own memory is none of the engine's, and a key that it cannot make is an error.
struct Home(NullCipher);

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
            self.0.packet_key(suite, side, key, iv)
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
}

/// Both ends and what flies between them.
pub(crate) struct Life {
    pub(crate) now: Instant,
    /// The client, then the server.
    pub(crate) ends: [End; 2],
    flying: VecDeque<(Instant, usize, Vec<u8>)>,
    carried: u64,
    /// Every datagram of this number is lost; 0 for none.
    pub(crate) lost: u64,
    buffer: Vec<u8>,
    token: Vec<u8>,
}

impl Life {
    pub(crate) fn new(retry: RetryPolicy) -> Self {
        let end = |role, seed, address: &str| {
            let platform: Arc<dyn Platform> = Arc::new(Home(NullCipher::seeded(seed)));
            End {
                endpoint: Endpoint::new(platform, EndpointKeys::from_master([7; 32])),
                config: Arc::new(Config::default()),
                address: address.parse().unwrap(),
                handle: None,
                connection: None,
                hello: Hello::new(role),
                began: false,
            }
        };
        let mut life = Self {
            now: Instant::ZERO + Duration::from_secs(1),
            ends: [
                end(Role::Client, 1, "192.0.2.1:50000"),
                end(Role::Server, 2, "192.0.2.2:4433"),
            ],
            flying: VecDeque::new(),
            carried: 0,
            lost: 0,
            buffer: vec![0; 65_507],
            token: Vec::new(),
        };
        life.ends[1].endpoint.set_listening(Some(Listen {
            retry,
            ..Listen::default()
        }));
        life
    }

    /// The client begins a connection; `false` when it could not.
    pub(crate) fn connect(&mut self) -> bool {
        let path = Path {
            local: None,
            remote: self.ends[1].address,
        };
        let now = self.now;
        let client = &mut self.ends[0];
        let token = std::mem::take(&mut self.token);
        let made = engine(|| client.endpoint.connect(now, &client.config, path, &token));
        let Ok((handle, connection)) = made else {
            return false;
        };
        client.handle = Some(handle);
        client.connection = Some(connection);
        client.began = true;
        client.hello = Hello::new(Role::Client);
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
            let arrival = self.flying.front().map(|(at, ..)| *at);
            let Some(next) = deadlines.chain(arrival).min().filter(|&at| at <= end) else {
                self.now = end;
                return done(self);
            };
            self.now = self.now.max(next);
            while self.flying.front().is_some_and(|(at, ..)| *at <= self.now) {
                let (_, to, mut datagram) = self.flying.pop_front().unwrap();
                self.deliver(to, &mut datagram);
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
                        let at = self.now + Duration::from_millis(10);
                        self.flying.push_back((at, 1 - from, datagram.to_vec()));
                    }
                }
            }
            end.settle(self.now);
        }
    }

    fn deliver(&mut self, to: usize, datagram: &mut [u8]) {
        let from = self.ends[1 - to].address;
        let path = Path {
            local: None,
            remote: from,
        };
        let now = self.now;
        let end = &mut self.ends[to];
        let mut reply = [0; 1_500];
        match engine(|| end.endpoint.route(now, &path, datagram, &mut reply)) {
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
                let at = now + Duration::from_millis(10);
                let reply = reply[..count].to_vec();
                return self.flying.push_back((at, 1 - to, reply));
            }
            Route::Connection(_) | Route::Held | Route::Forward(_) | Route::Drop(_) => return,
        }
        let segment = datagram.len();
        if let Some(connection) = &mut end.connection {
            let received = Received {
                path,
                bytes: datagram,
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
            gone |= event == Event::Gone;
            if event == Event::Token {
                drop(engine(|| connection.take_token()));
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
        }
    }
}

/// The handshake of the simulator, in arrays.
struct Hello {
    role: Role,
    /// What has come at Initial and Handshake level, and how much.
    read: [([u8; 2_048], usize); 2],
    began: bool,
    handshake: bool,
    done: bool,
}

impl Hello {
    fn new(role: Role) -> Self {
        Self {
            role,
            read: [([0; 2_048], 0); 2],
            began: false,
            handshake: false,
            done: false,
        }
    }

    fn step(&mut self, now: Instant, connection: &mut Connection) -> Result<(), HandshakeError> {
        if self.role == Role::Client && !self.began {
            self.began = true;
            say(connection, Level::Initial, 250, true)?;
        }
        let mut buffer = [0; 2_048];
        while let Some((level, count)) = engine(|| connection.handshake_receive(&mut buffer)) {
            let (bytes, len) = &mut self.read[usize::from(level != Level::Initial)];
            if let Some(place) = bytes.get_mut(*len..*len + count) {
                place.copy_from_slice(&buffer[..count]);
                *len += count;
            }
        }
        match self.role {
            Role::Client => self.step_client(now, connection),
            Role::Server => self.step_server(now, connection),
        }
    }

    fn step_client(
        &mut self,
        now: Instant,
        connection: &mut Connection,
    ) -> Result<(), HandshakeError> {
        if !self.handshake && self.take(0).is_some() {
            self.handshake = true;
            self.install(now, connection, Level::Handshake, KeySide::Seal)?;
            self.install(now, connection, Level::Handshake, KeySide::Open)?;
        }
        if self.handshake
            && !self.done
            && let Some((parameters, count)) = self.take(1)
        {
            self.done = true;
            let parameters = &parameters[..count];
            engine(|| connection.set_peer_transport_parameters(now, parameters))?;
            say(connection, Level::Handshake, 36, false)?;
            self.install(now, connection, Level::OneRtt, KeySide::Seal)?;
            self.install(now, connection, Level::OneRtt, KeySide::Open)?;
        }
        Ok(())
    }

    fn step_server(
        &mut self,
        now: Instant,
        connection: &mut Connection,
    ) -> Result<(), HandshakeError> {
        if !self.began
            && let Some((parameters, count)) = self.take(0)
        {
            self.began = true;
            let parameters = &parameters[..count];
            engine(|| connection.set_peer_transport_parameters(now, parameters))?;
            say(connection, Level::Initial, 90, false)?;
            self.install(now, connection, Level::Handshake, KeySide::Seal)?;
            self.install(now, connection, Level::Handshake, KeySide::Open)?;
            say(connection, Level::Handshake, 900, true)?;
            self.install(now, connection, Level::OneRtt, KeySide::Seal)?;
        }
        if self.began && !self.done && self.take(1).is_some() {
            self.done = true;
            self.install(now, connection, Level::OneRtt, KeySide::Open)?;
        }
        Ok(())
    }

    /// The parameters of a whole message, if it is there.
    fn take(&mut self, level: usize) -> Option<([u8; 512], usize)> {
        let (bytes, len) = &mut self.read[level];
        let number = |at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        let (count, padding) = (number(0), number(2));
        let whole = 4 + count + padding;
        if *len < 4 || *len < whole {
            return None;
        }
        let mut parameters = [0; 512];
        parameters[..count].copy_from_slice(&bytes[4..4 + count]);
        bytes.copy_within(whole..*len, 0);
        *len -= whole;
        Some((parameters, count))
    }

    fn install(
        &self,
        now: Instant,
        connection: &mut Connection,
        level: Level,
        side: KeySide,
    ) -> Result<(), HandshakeError> {
        let sender = if side == KeySide::Seal {
            self.role
        } else {
            self.role.peer()
        };
        let suite = CipherSuite::Aes128GcmSha256;
        engine(|| connection.install_secret(now, level, side, suite, &secret(sender, level)))
    }
}

/// The traffic secret of what `sender` sends at `level`: bytes that are nowhere else.
pub(crate) fn secret(sender: Role, level: Level) -> [u8; 32] {
    let which = level.index() as u8 * 2 + u8::from(sender == Role::Client);
    std::array::from_fn(|at| (at as u8).wrapping_mul(37) ^ 0xa5 ^ which)
}

fn say(
    connection: &mut Connection,
    level: Level,
    padding: usize,
    parameters: bool,
) -> Result<(), HandshakeError> {
    let mut message = [0x5a; 2_048];
    let mut body = [0; 512];
    let count = if parameters {
        engine(|| connection.transport_parameters(&mut body))
    } else {
        0
    };
    message[..2].copy_from_slice(&(count as u16).to_be_bytes());
    message[2..4].copy_from_slice(&(padding as u16).to_be_bytes());
    message[4..4 + count].copy_from_slice(&body[..count]);
    engine(|| connection.handshake_send(level, &message[..4 + count + padding]))
}

/// The alert of TLS for a failure of one's own.
const INTERNAL_ERROR: u8 = 80;
