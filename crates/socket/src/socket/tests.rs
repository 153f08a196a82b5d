//! Two ports joined by memory, in virtual time.

extern crate std;

mod close;

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_engine::{Config, EndpointKeys, Path, Received, RetryPolicy, Route};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::{CipherSuite, Duration, Instant, KeySide};
use inquic_wire::Level;

use super::{News, Socket};
use crate::errno::Errno;
use crate::port::{ListenOptions, ListenerId, Port};

/// One host: a port and at most one connection.
pub(super) struct Host {
    address: SocketAddr,
    port: Port,
    listener: Option<ListenerId>,
    pub(super) socket: Option<Socket>,
    pub(super) news: Vec<News>,
}

/// Two hosts and the clock. A datagram takes a millisecond.
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) client: Host,
    pub(super) server: Host,
    /// Nothing that the client sends arrives.
    pub(super) client_is_cut_off: bool,
}

impl Host {
    fn new(seed: u64, address: &str) -> Self {
        let platform = Arc::new(AwsLc::seeded(seed));
        Self {
            address: address.parse().unwrap(),
            port: Port::new(platform, EndpointKeys::from_master([7; 32])),
            listener: None,
            socket: None,
            news: Vec::new(),
        }
    }

    pub(super) fn socket(&mut self) -> &mut Socket {
        self.socket.as_mut().unwrap()
    }

    fn receive(&mut self, now: Instant, from: SocketAddr, bytes: &mut [u8], segment: usize) {
        let path = Path {
            local: None,
            remote: from,
        };
        let mut reply = [0; 1500];
        match self
            .port
            .route(now, &path, &bytes[..segment.min(bytes.len())], &mut reply)
        {
            Route::Connection(_) => {}
            Route::Incoming(incoming) => {
                let (_, socket) = self.port.admit(now, &incoming).unwrap();
                self.socket = Some(socket);
            }
            Route::Reply(_) | Route::Held | Route::Forward(_) | Route::Drop(_) => return,
        }
        self.socket().receive(
            now,
            Received {
                path,
                bytes,
                segment,
                ecn: 0,
            },
        );
    }

    /// Keeps the news, and does what they ask of the port.
    fn tell(&mut self, now: Instant) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        while let Some(news) = socket.next_news() {
            if news == News::Established {
                self.port.on_established(socket.listener(), socket.handle());
            }
            if news == News::Gone {
                self.port.remove(socket);
            }
            self.news.push(news);
        }
        if socket.needs_port() {
            self.port.service(now, socket);
        }
    }

    /// Everything that is to be sent now.
    fn flush(&mut self, now: Instant) -> Vec<(Vec<u8>, usize)> {
        let mut batches = Vec::new();
        let Some(socket) = &mut self.socket else {
            return batches;
        };
        let mut out = vec![0; 65_507];
        while let Some(batch) = socket.transmit(now, &mut out) {
            batches.push((out[..batch.bytes].to_vec(), batch.segment));
        }
        self.tell(now);
        batches
    }
}

impl Pair {
    /// A client that has called connect(), and a server that listens.
    pub(super) fn connecting() -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let mut client = Host::new(1, "192.0.2.1:1000");
        let mut server = Host::new(2, "192.0.2.2:443");
        let listening = server.port.listen(ListenOptions {
            backlog: 4,
            max_half_open: 4,
            retry: RetryPolicy::default(),
            ..ListenOptions::new(Arc::<Config>::default())
        });
        server.listener = listening.ok();
        let path = Path {
            local: None,
            remote: server.address,
        };
        let (_, socket) = client
            .port
            .connect(now, Arc::<Config>::default(), path, &[])
            .unwrap();
        client.socket = Some(socket);
        Self {
            now,
            client,
            server,
            client_is_cut_off: false,
        }
    }

    /// Both ends established, by a handshake of made-up messages and secrets through the ABI's calls.
    pub(super) fn established() -> Self {
        let mut pair = Self::connecting();
        let client = pair.client.socket();
        client
            .handshake_send(Level::Initial, b"client hello")
            .unwrap();
        pair.run(1);
        let mut out = [0; 512];
        let hello = pair.server.socket().handshake_receive(&mut out);
        assert_eq!(hello, Some((Level::Initial, 12)));
        swap_parameters(&mut pair);
        for (level, client, server) in [(Level::Handshake, 1, 2), (Level::OneRtt, 3, 4)] {
            let now = pair.now;
            install(pair.server.socket(), now, level, KeySide::Seal, server);
            install(pair.server.socket(), now, level, KeySide::Open, client);
            install(pair.client.socket(), now, level, KeySide::Seal, client);
            install(pair.client.socket(), now, level, KeySide::Open, server);
        }
        pair.run(20);
        assert!(pair.client.news.contains(&News::Confirmed));
        assert!(pair.server.news.contains(&News::Established));
        assert_eq!(
            pair.server.port.accept(pair.server.listener.unwrap()),
            pair.server.socket.as_ref().map(Socket::handle)
        );
        pair
    }

    /// Lets `millis` pass, a millisecond at a time.
    pub(super) fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            let to_server = self.client.flush(self.now);
            let to_client = self.server.flush(self.now);
            self.now = self.now + Duration::from_millis(1);
            for (mut bytes, segment) in to_server {
                if !self.client_is_cut_off {
                    self.server
                        .receive(self.now, self.client.address, &mut bytes, segment);
                }
            }
            for (mut bytes, segment) in to_client {
                self.client
                    .receive(self.now, self.server.address, &mut bytes, segment);
            }
            for host in [&mut self.client, &mut self.server] {
                let now = self.now;
                if let Some(socket) = host.socket.as_mut()
                    && socket
                        .next_deadline()
                        .is_some_and(|deadline| deadline <= now)
                {
                    socket.expire(now);
                }
            }
        }
        self.client.tell(self.now);
        self.server.tell(self.now);
    }
}

/// The transport parameters of each end to the other, as TLS would carry them.
fn swap_parameters(pair: &mut Pair) {
    let now = pair.now;
    let mut value = [0; 512];
    let len = pair.client.socket().transport_parameters(&mut value);
    let client = &value[..len.unwrap()];
    let server = pair.server.socket();
    server.set_peer_transport_parameters(now, client).unwrap();
    // The client must have heard the server first: its parameters name the id of the server's first packet.
    server
        .handshake_send(Level::Initial, b"server hello")
        .unwrap();
    pair.run(2);
    let len = pair.server.socket().transport_parameters(&mut value);
    let server = &value[..len.unwrap()];
    let now = pair.now;
    let client = pair.client.socket();
    client.set_peer_transport_parameters(now, server).unwrap();
}

fn install(socket: &mut Socket, now: Instant, level: Level, side: KeySide, seed: u8) {
    let suite = CipherSuite::Aes128GcmSha256;
    socket
        .install_secret(now, level, side, suite, &[seed; 32])
        .unwrap();
}

#[test]
fn connect_sends_nothing_before_the_handshake_does() {
    let mut pair = Pair::connecting();
    let now = pair.now;
    assert_eq!(pair.client.flush(now).len(), 0);
}

#[test]
fn a_port_that_does_not_listen_admits_nobody() {
    let mut pair = Pair::connecting();
    let listener = pair.server.listener.unwrap();
    assert_eq!(pair.server.port.stop_listening(listener), None);
    pair.client
        .socket()
        .handshake_send(Level::Initial, b"client hello")
        .unwrap();
    pair.run(10);
    assert!(pair.server.socket.is_none());
}

#[test]
fn a_client_that_finds_the_backlog_full_may_come_again_with_the_token_of_its_retry() {
    let mut pair = Pair::connecting();
    let listener = pair.server.listener.unwrap();
    let options = ListenOptions {
        backlog: 2,
        max_half_open: 4,
        retry: RetryPolicy::Always,
        ..ListenOptions::new(Arc::<Config>::default())
    };
    pair.server.port.relisten(listener, options).unwrap();
    let now = pair.now;
    pair.client
        .socket()
        .handshake_send(Level::Initial, b"client hello")
        .unwrap();
    let route = |pair: &mut Pair, datagram: &[u8], reply: &mut [u8]| {
        let path = Path {
            local: None,
            remote: pair.client.address,
        };
        pair.server.port.route(now, &path, datagram, reply)
    };
    let mut reply = [0; 1500];
    let (first, _) = pair.client.flush(now).remove(0);
    let Route::Reply(len) = route(&mut pair, &first, &mut reply) else {
        panic!("a Retry packet")
    };
    let from = pair.server.address;
    pair.client.receive(now, from, &mut reply[..len], len);
    let (second, _) = pair.client.flush(now).remove(0);
    let waiting = pair.client.socket().handle();
    for _ in 0..2 {
        assert!(pair.server.port.on_established(Some(listener), waiting));
    }
    for _ in 0..3 {
        let Route::Incoming(incoming) = route(&mut pair, &second, &mut reply) else {
            panic!("it brings the token that it was given")
        };
        let admitted = pair.server.port.admit(now, &incoming);
        assert_eq!(admitted.err(), Some(Errno::EAGAIN));
    }
    pair.server.port.accept(listener);
    let Route::Incoming(incoming) = route(&mut pair, &second, &mut reply) else {
        panic!("it is let in")
    };
    assert!(incoming.is_validated());
    assert!(pair.server.port.admit(now, &incoming).is_ok());
    let again = route(&mut pair, &second, &mut reply);
    assert!(matches!(again, Route::Connection(_)), "{again:?}");
}

#[test]
fn both_secrets_of_the_application_establish_the_connection() {
    let mut pair = Pair::established();
    assert!(pair.client.socket().is_established());
    assert!(pair.server.socket().is_established());
    assert_eq!(pair.client.socket().path().remote, pair.server.address);
}

#[test]
fn the_secret_of_another_suite_fails_by_its_length_only() {
    let mut pair = Pair::connecting();
    let now = pair.now;
    let socket = pair.client.socket();
    let short = socket.install_secret(
        now,
        Level::Handshake,
        KeySide::Seal,
        CipherSuite::Aes256GcmSha384,
        &[1; 32],
    );
    assert_eq!(short, Err(Errno::EINVAL));
    let whole = socket.install_secret(
        now,
        Level::Handshake,
        KeySide::Seal,
        CipherSuite::Aes256GcmSha384,
        &[1; 48],
    );
    assert_eq!(whole, Ok(()));
}
