//! A fleet of servers behind a load balancer that keeps no state: it reads the server from the connection id.

use std::sync::Arc;

use inquic_engine::{
    CloseReason, Config, Connection, Endpoint, EndpointKeys, Handle, Listen, Path, Received,
    RetryPolicy, Route, Routing,
};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::memory::Own;
use inquic_platform::{CipherSuite, Duration, HeaderKey, Instant, Platform};
use inquic_sim::Hello;
use inquic_wire::{Direction, Role, dcid_of};

const KEY: [u8; 16] = [9; 16];
const ROTATION: u8 = 2;
const SUITE: CipherSuite = CipherSuite::Aes128GcmSha256;

/// The load balancer: the server that a datagram names; any, when it names none (QUIC-LB §4.1).
fn balance(cipher: &dyn HeaderKey, datagram: &[u8], servers: usize) -> usize {
    let dcid = dcid_of(datagram, 8).expect("a QUIC packet");
    let Ok([first, a, b, c, middle, d, e, f]) = <[u8; 8]>::try_from(dcid) else {
        return 0;
    };
    if first >> 5 != ROTATION {
        return usize::from(f) % servers;
    }
    // Three passes backwards give the left half, in which a server id of three bytes lies whole.
    let mut left = [a, b, c, middle & 0xf0];
    let mut right = [middle & 0x0f, d, e, f];
    for (number, of_left) in [(4, true), (3, false), (2, true)] {
        let (from, onto) = if of_left {
            (right, &mut left)
        } else {
            (left, &mut right)
        };
        let mut sample = [0; 16];
        sample[..4].copy_from_slice(&from);
        sample[14..].copy_from_slice(&[7, number]);
        let mut masks = [[0; 5]];
        cipher.masks(&[sample], &mut masks);
        for (byte, mask) in onto.iter_mut().zip(masks[0]) {
            *byte ^= mask;
        }
        if of_left {
            left[3] &= 0xf0;
        } else {
            right[0] &= 0x0f;
        }
    }
    usize::from(left[2]) % servers
}

struct Server {
    endpoint: Endpoint,
    connection: Option<(Handle, Own<Connection>, Hello)>,
    datagrams: usize,
}

struct Fleet {
    now: Instant,
    config: Arc<Config>,
    cipher: Box<dyn HeaderKey>,
    servers: Vec<Server>,
    near: Endpoint,
    handle: Handle,
    client: Own<Connection>,
    hello: Hello,
    /// Where the servers see the client.
    seen: Path,
}

fn server(platform: &Arc<dyn Platform>, id: u8) -> Server {
    let routing = Routing::new(ROTATION, &[0, 0, id], Some(KEY)).expect("in bounds");
    let keys = EndpointKeys::from_master([7; 32]).with_routing(routing);
    let mut endpoint = Endpoint::new(Arc::clone(platform), keys);
    endpoint.set_listening(Some(Listen {
        retry: RetryPolicy::Always,
        ..Listen::default()
    }));
    Server {
        endpoint,
        connection: None,
        datagrams: 0,
    }
}

impl Fleet {
    fn new(seed: u64) -> Self {
        let platform: Arc<dyn Platform> = Arc::new(AwsLc::seeded(seed));
        let now = Instant::ZERO + Duration::from_secs(1);
        let config = Arc::new(Config::default());
        let mut near = Endpoint::new(Arc::clone(&platform), EndpointKeys::random(&*platform));
        let address = |text: &str| text.parse().expect("well formed");
        let to_fleet = Path {
            local: None,
            remote: address("192.0.2.2:443"),
        };
        let (handle, client) = near.connect(now, &config, to_fleet, &[]).expect("keys");
        Self {
            now,
            config,
            cipher: platform.header_key(SUITE, &KEY).expect("a key"),
            servers: (0..5).map(|id| server(&platform, id)).collect(),
            near,
            handle,
            client,
            hello: Hello::new(Role::Client, SUITE, 900),
            seen: Path {
                local: None,
                remote: address("192.0.2.1:5000"),
            },
        }
    }

    /// One round: everything that the client has to say through the balancer, and the answers back.
    fn round(&mut self) {
        self.now = self.now + Duration::from_millis(10);
        let _ = self.hello.step(self.now, &mut *self.client);
        self.near.service(self.now, self.handle, &mut self.client);
        while self.client.next_event().is_some() {}
        let mut buffer = vec![0; 65_507];
        while let Some(sent) = self.client.transmit(self.now, &mut buffer) {
            for datagram in buffer[..sent.bytes].chunks_mut(sent.segment) {
                self.deliver(datagram);
            }
        }
        let to_client = self.client.path();
        for server in &mut self.servers {
            let Some((handle, connection, hello)) = &mut server.connection else {
                continue;
            };
            let _ = hello.step(self.now, &mut **connection);
            server.endpoint.service(self.now, *handle, connection);
            while connection.next_event().is_some() {}
            while let Some(sent) = connection.transmit(self.now, &mut buffer) {
                receive(
                    &mut self.client,
                    self.now,
                    to_client,
                    &mut buffer[..sent.bytes],
                    sent.segment,
                );
            }
        }
    }

    fn deliver(&mut self, datagram: &mut [u8]) {
        let place = balance(&*self.cipher, datagram, self.servers.len());
        let server = &mut self.servers[place];
        server.datagrams += 1;
        let mut reply = [0; 1500];
        let route = server
            .endpoint
            .route(self.now, &self.seen, datagram, &mut reply);
        match route {
            Route::Connection(_) => {}
            Route::Incoming(incoming) => {
                let accepted = server.endpoint.accept(self.now, &incoming, &self.config);
                let (handle, connection) = accepted.expect("keys");
                server.connection =
                    Some((handle, connection, Hello::new(Role::Server, SUITE, 900)));
            }
            Route::Reply(bytes) => {
                let path = self.client.path();
                return receive(&mut self.client, self.now, path, &mut reply[..bytes], bytes);
            }
            route => panic!("not delivered: {route:?}"),
        }
        if let Some((_, connection, _)) = &mut server.connection {
            let len = datagram.len();
            receive(connection, self.now, self.seen, datagram, len);
        }
    }
}

fn receive(to: &mut Connection, now: Instant, path: Path, bytes: &mut [u8], segment: usize) {
    to.receive(
        now,
        Received {
            path,
            bytes,
            segment,
            ecn: 0,
        },
    );
}

#[test]
fn every_packet_finds_its_server_through_a_retry() {
    for seed in 0..20 {
        let mut fleet = Fleet::new(seed);
        for _ in 0..8 {
            fleet.round();
        }
        assert!(fleet.client.is_connected(), "seed {seed}");
        let serving: Vec<usize> = (0..5)
            .filter(|&place| fleet.servers[place].connection.is_some())
            .collect();
        assert_eq!(serving.len(), 1, "seed {seed}: one server has it all");
        let before = fleet.servers[serving[0]].datagrams;
        let id = fleet.client.open(Direction::Bidirectional).expect("credit");
        assert_eq!(fleet.client.write(id, &[1; 5000]), Ok(5000));
        fleet.round();
        assert!(
            fleet.servers[serving[0]].datagrams >= before + 4,
            "seed {seed}"
        );
    }
}

#[test]
fn any_server_with_the_same_secrets_resets_what_a_lost_one_had() {
    let mut fleet = Fleet::new(3);
    for _ in 0..8 {
        fleet.round();
    }
    assert!(fleet.client.is_connected());
    let place = (0..5)
        .find(|&place| fleet.servers[place].connection.is_some())
        .expect("a server");
    // The server is lost, and another is started in its place.
    let platform: Arc<dyn Platform> = Arc::new(AwsLc::seeded(99));
    fleet.servers[place] = server(&platform, u8::try_from(place).expect("small"));
    let id = fleet.client.open(Direction::Bidirectional).expect("credit");
    assert_eq!(fleet.client.write(id, &[1; 5000]), Ok(5000));
    fleet.round();
    assert!(matches!(
        fleet.client.close_reason(),
        Some(CloseReason::StatelessReset)
    ));
}
