//! Two hosts and the links between them, stepped from one moment of interest to the next.

use std::net::SocketAddr;
use std::sync::Arc;

use inquic_engine::{Connection, Handle};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::{Duration, Instant, Platform};

use crate::{Datagram, Faults, Host, Link, NullCipher, Settings};

/// A client, a server and what lies between.
pub struct World {
    /// Virtual time.
    pub now: Instant,
    /// The side that connects.
    pub client: Host,
    /// The side that listens.
    pub server: Host,
    /// Client to server.
    pub up: Link,
    /// Server to client.
    pub down: Link,
    /// The client's address as the NAT before it shows it; none when there is no NAT. Another one is a rebinding: what was
    /// sent to the one before no longer arrives.
    pub nat: Option<SocketAddr>,
    steps: u64,
}

impl World {
    /// A world for one seed, with the same faults in both directions.
    #[must_use]
    pub fn new(seed: u64, client: Settings, server: Settings, faults: Faults) -> Self {
        let platform = |seed| -> Arc<dyn Platform> { Arc::new(AwsLc::seeded(seed)) };
        Self::on(seed, &platform, client, server, faults)
    }

    /// The same without packet protection, for many runs in a short time. Faults must not corrupt.
    #[must_use]
    pub fn open(seed: u64, client: Settings, server: Settings, faults: Faults) -> Self {
        let platform = |seed| -> Arc<dyn Platform> { Arc::new(NullCipher::seeded(seed)) };
        Self::on(seed, &platform, client, server, faults)
    }

    fn on(
        seed: u64,
        platform: &dyn Fn(u64) -> Arc<dyn Platform>,
        client: Settings,
        server: Settings,
        faults: Faults,
    ) -> Self {
        let address = |text: &str| text.parse::<SocketAddr>().expect("well formed");
        let mut server = Host::on(platform(seed ^ 0xb0b), address("192.0.2.2:4433"), server);
        server.listen();
        Self {
            now: Instant::ZERO + Duration::from_secs(1),
            client: Host::on(platform(seed ^ 0xa11ce), address("192.0.2.1:50000"), client),
            server,
            up: Link::new(faults, seed.wrapping_mul(3)),
            down: Link::new(faults, seed.wrapping_mul(5)),
            nat: None,
            steps: 0,
        }
    }

    /// Client and server with default settings on a good link.
    #[must_use]
    pub fn plain(seed: u64) -> Self {
        Self::new(
            seed,
            Settings::default(),
            Settings::default(),
            Faults::default(),
        )
    }

    /// Begins a connection; the handle is the client's.
    pub fn connect(&mut self) -> Handle {
        let handle = self.client.connect(self.now, self.server.address, &[]);
        self.flush();
        handle
    }

    /// Connects and runs until both ends are connected and the handshake is confirmed; the handles of both ends.
    ///
    /// # Panics
    ///
    /// When that takes longer than ten seconds of virtual time.
    pub fn connected(&mut self) -> (Handle, Handle) {
        let client = self.connect();
        let connected = |world: &mut Self| {
            let server = world.server.handles().last().copied();
            world.client.connection(client).is_connected()
                && server.is_some_and(|server| world.server.connection(server).is_connected())
        };
        assert!(
            self.run_until(Duration::from_secs(10), connected),
            "no handshake within ten seconds"
        );
        self.run_for(Duration::from_millis(100));
        let server = self
            .server
            .handles()
            .last()
            .copied()
            .expect("connected just now");
        (client, server)
    }

    /// Lets both ends send what they have.
    pub fn flush(&mut self) {
        let Self {
            now,
            client,
            server,
            up,
            down,
            nat,
            ..
        } = self;
        client.transmit_each(*now, &mut |mut sent| {
            sent.from = nat.unwrap_or(sent.from);
            up.send(*now, sent);
        });
        server.transmit_each(*now, &mut |sent| down.send(*now, sent));
    }

    /// Goes to the next moment at which something happens, not beyond `end`; `false` when nothing does before.
    ///
    /// # Panics
    ///
    /// When more steps were made than any honest run needs: something spins.
    pub fn step(&mut self, end: Instant) -> bool {
        self.flush();
        let moments = [
            self.up.next_arrival(),
            self.down.next_arrival(),
            self.client.next_deadline(),
            self.server.next_deadline(),
        ];
        let Some(next) = moments
            .into_iter()
            .flatten()
            .min()
            .filter(|&next| next <= end)
        else {
            self.now = end;
            return false;
        };
        self.steps += 1;
        assert!(self.steps < STEPS, "{STEPS} steps without an end");
        self.now = self.now.max(next);
        while let Some(Datagram {
            from,
            ecn,
            mut bytes,
            ..
        }) = self.up.receive(self.now)
        {
            self.server.receive_marked(self.now, from, ecn, &mut bytes);
        }
        while let Some(Datagram {
            from,
            to,
            ecn,
            mut bytes,
        }) = self.down.receive(self.now)
        {
            if to == self.nat.unwrap_or(self.client.address) {
                self.client.receive_marked(self.now, from, ecn, &mut bytes);
            }
        }
        self.client.expire(self.now);
        self.server.expire(self.now);
        self.flush();
        true
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

    /// A client's connection.
    pub fn at_client(&mut self, handle: Handle) -> &mut Connection {
        self.client.connection(handle)
    }

    /// A server's connection.
    pub fn at_server(&mut self, handle: Handle) -> &mut Connection {
        self.server.connection(handle)
    }
}

/// More than the longest honest run in the tests takes.
const STEPS: u64 = 20_000_000;
