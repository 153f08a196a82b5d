//! A client and a server with many addresses, a NAT that changes its mind, and somebody on the way who copies datagrams and sends
//! them from elsewhere. Unlike [`crate::World`] it loses nothing that is not sent to a wrong address.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use inquic_engine::{Connection, Handle, Path};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::{Duration, Instant, Platform};

use crate::{Datagram, Host, NullCipher, Settings};

/// A client, a server and what lies between.
pub struct Crossing {
    /// Virtual time.
    pub now: Instant,
    /// The side that connects. It receives at every address that it sends from.
    pub client: Host,
    /// The side that listens. It receives at [`Crossing::server_addresses`].
    pub server: Host,
    /// The server's addresses.
    pub server_addresses: Vec<SocketAddr>,
    /// From each address of the client to the one that the NAT shows. What is sent to another does not arrive.
    pub nat: BTreeMap<SocketAddr, SocketAddr>,
    /// One way.
    pub delay: Duration,
    /// Sends a copy of the next so many datagrams of the client from these addresses, each once.
    pub copies: Vec<SocketAddr>,
    /// How long an original of which there is a copy comes after it.
    pub lead: Duration,
    /// Addresses of the client at which nothing arrives.
    pub deaf: Vec<SocketAddr>,
    /// Whether the client's datagrams arrive.
    pub is_up: bool,
    /// Bytes of the server by their destination.
    pub sent_to: BTreeMap<SocketAddr, u64>,
    /// Bytes that came to the server by their source.
    pub came_from: BTreeMap<SocketAddr, u64>,
    /// Everything that the server sent, with the time.
    pub log: Vec<(Instant, Datagram)>,
    flying: BTreeMap<(Instant, u64), Datagram>,
    sequence: u64,
    /// Steps at the same moment.
    same: u32,
}

impl Crossing {
    /// Two hosts that are 10 ms from each other.
    #[must_use]
    pub fn new(client: Settings, server: Settings) -> Self {
        Self::on(&|seed| Arc::new(AwsLc::seeded(seed)), client, server)
    }

    /// The same without packet protection.
    #[must_use]
    pub fn open(client: Settings, server: Settings) -> Self {
        Self::on(&|seed| Arc::new(NullCipher::seeded(seed)), client, server)
    }

    fn on(platform: &dyn Fn(u64) -> Arc<dyn Platform>, client: Settings, server: Settings) -> Self {
        let address = |text: &str| text.parse::<SocketAddr>().expect("well formed");
        let mut server = Host::on(platform(2), address("192.0.2.2:4433"), server);
        server.listen();
        Self {
            now: Instant::ZERO + Duration::from_secs(1),
            client: Host::on(platform(1), address("192.0.2.1:50000"), client),
            server_addresses: vec![server.address],
            server,
            nat: BTreeMap::new(),
            delay: Duration::from_millis(10),
            copies: Vec::new(),
            lead: Duration::from_millis(1),
            deaf: Vec::new(),
            is_up: true,
            sent_to: BTreeMap::new(),
            came_from: BTreeMap::new(),
            log: Vec::new(),
            flying: BTreeMap::new(),
            sequence: 0,
            same: 0,
        }
    }

    /// Connects and confirms the handshake; the handles of both ends.
    ///
    /// # Panics
    ///
    /// When that takes longer than a second.
    pub fn connected(&mut self) -> (Handle, Handle) {
        let client = self.client.connect(self.now, self.server.address, &[]);
        self.run_for(Duration::from_secs(1));
        assert!(self.client.connection(client).is_connected());
        let server = *self.server.handles().last().expect("a connection");
        (client, server)
    }

    /// Lets both ends send what they have.
    pub fn flush(&mut self) {
        let now = self.now;
        let mut sent = Vec::new();
        self.client
            .transmit_each(now, &mut |datagram| sent.push(datagram));
        for mut datagram in sent {
            let outside = *self.nat.entry(datagram.from).or_insert(datagram.from);
            datagram.from = outside;
            let mut at = now + self.delay;
            if let Some(from) = self.copies.pop() {
                self.fly(
                    at,
                    Datagram {
                        from,
                        ..datagram.clone()
                    },
                );
                at = at + self.lead;
            }
            if self.is_up {
                self.fly(at, datagram);
            }
        }
        let mut sent = Vec::new();
        self.server
            .transmit_each(now, &mut |datagram| sent.push(datagram));
        for datagram in sent {
            *self.sent_to.entry(datagram.to).or_default() += datagram.bytes.len() as u64;
            self.log.push((now, datagram.clone()));
            self.fly(now + self.delay, datagram);
        }
    }

    fn fly(&mut self, at: Instant, datagram: Datagram) {
        self.sequence += 1;
        self.flying.insert((at, self.sequence), datagram);
    }

    /// Goes to the next moment at which something happens, not beyond `end`; `false` when nothing does before.
    ///
    /// # Panics
    ///
    /// When an end asks for the same moment again and again.
    pub fn step(&mut self, end: Instant) -> bool {
        self.flush();
        let arrival = self.flying.first_key_value().map(|(&(at, _), _)| at);
        let deadlines = [
            self.client.next_deadline(),
            self.server.next_deadline(),
            arrival,
        ];
        let Some(next) = deadlines
            .into_iter()
            .flatten()
            .min()
            .filter(|&next| next <= end)
        else {
            self.now = end;
            return false;
        };
        self.same = if next <= self.now { self.same + 1 } else { 0 };
        assert!(self.same < STEPS, "{STEPS} steps at {:?}", self.now);
        self.now = self.now.max(next);
        while let Some(entry) = self
            .flying
            .first_entry()
            .filter(|entry| entry.key().0 <= self.now)
        {
            let datagram = entry.remove();
            self.arrive(datagram);
        }
        self.client.expire(self.now);
        self.server.expire(self.now);
        self.flush();
        true
    }

    fn arrive(&mut self, datagram: Datagram) {
        let Datagram {
            from,
            to,
            ecn,
            mut bytes,
        } = datagram;
        if self.server_addresses.contains(&to) {
            *self.came_from.entry(from).or_default() += bytes.len() as u64;
            let path = Path {
                local: Some(to),
                remote: from,
            };
            self.server.receive_on(self.now, path, ecn, &mut bytes);
            return;
        }
        let inside = self.nat.iter().find(|&(_, &outside)| outside == to);
        if let Some((&inside, _)) = inside
            && !self.deaf.contains(&inside)
        {
            let path = Path {
                local: Some(inside),
                remote: from,
            };
            self.client.receive_on(self.now, path, ecn, &mut bytes);
        }
    }

    /// Runs until `done` or for `at_most`; whether it was done.
    pub fn run_until(
        &mut self,
        at_most: Duration,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> bool {
        let end = self.now + at_most;
        loop {
            if done(self) {
                return true;
            }
            if !self.step(end) {
                return done(self);
            }
        }
    }

    /// Runs for a length of virtual time.
    pub fn run_for(&mut self, length: Duration) {
        let end = self.now + length;
        while self.step(end) {}
    }

    /// The client's connection.
    pub fn at_client(&mut self, handle: Handle) -> &mut Connection {
        self.client.connection(handle)
    }

    /// The server's connection.
    pub fn at_server(&mut self, handle: Handle) -> &mut Connection {
        self.server.connection(handle)
    }
}

/// More than what can honestly happen at one moment.
const STEPS: u32 = 1_000;
