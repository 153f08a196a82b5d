//! Any bytes as datagrams, and real datagrams damaged, into two endpoints with connections in every state. No panic, no growth,
//! never three times more than what came to an address that showed nothing, and every packet is processed or counted as dropped.
#![no_main]

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use common::Choices;
use inquic_engine::{Handle, RetryPolicy};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::{Duration, Instant, Platform};
use inquic_sim::{Host, NullCipher, Settings};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let since = common::begin();
    let mut choices = Choices(input);
    let mut scene = Scene::new(choices.byte());
    for _ in 0..choices.byte() % 16 {
        scene.exchange();
    }
    for _ in 0..OPERATIONS {
        if choices.is_empty() {
            break;
        }
        scene.operate(&mut choices);
    }
    scene.now = scene.now + Duration::from_secs(120);
    for _ in 0..64 {
        scene
            .ends
            .iter_mut()
            .for_each(|host| host.expire(scene.now));
        scene.collect();
        // Three probe timeouts are long where what came late made the path look slow.
        scene.now = scene.now + Duration::from_secs(600);
    }
    assert!(
        scene.ends.iter().all(|host| host.endpoint.is_empty()),
        "silence ends every connection"
    );
    drop(scene);
    let peak = common::peak(since);
    assert!(peak <= PEAK, "{peak} bytes at once");
});

/// A client and a server, and all that they sent to each other so far.
struct Scene {
    now: Instant,
    /// The client, then the server.
    ends: [Host; 2],
    /// On their way: to which end, and the datagram.
    flying: Vec<(usize, Vec<u8>)>,
    recorded: Vec<(usize, Vec<u8>)>,
    /// Bytes from and to addresses that belong to nobody.
    strangers: BTreeMap<SocketAddr, (u64, u64)>,
    /// Whether a token shows anything: the null cipher binds none to its address.
    tokens_hold: bool,
}

impl Scene {
    fn new(kind: u8) -> Self {
        let platform = |seed| -> Arc<dyn Platform> {
            if kind & 1 == 0 {
                Arc::new(NullCipher::seeded(seed))
            } else {
                Arc::new(AwsLc::seeded(seed))
            }
        };
        let retry = if kind & 2 == 0 {
            RetryPolicy::WhenBusy
        } else {
            RetryPolicy::Always
        };
        let certificate = if kind & 4 == 0 { 900 } else { 9_000 };
        let settings = Settings {
            retry,
            certificate,
            ..Settings::default()
        };
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut client = Host::on(platform(1), address("192.0.2.1:50000"), settings.clone());
        let mut server = Host::on(platform(2), address("192.0.2.2:4433"), settings);
        server.listen();
        let now = Instant::ZERO + Duration::from_secs(1);
        client.connect(now, server.address, &[]);
        let mut scene = Self {
            now,
            ends: [client, server],
            flying: Vec::new(),
            recorded: Vec::new(),
            strangers: BTreeMap::new(),
            tokens_hold: kind & 3 != 2,
        };
        scene.collect();
        scene
    }

    /// Takes what both ends send.
    fn collect(&mut self) {
        let addresses = [self.ends[0].address, self.ends[1].address];
        let Self {
            now,
            ends,
            flying,
            recorded,
            strangers,
            tokens_hold,
        } = self;
        for host in ends {
            host.transmit_to(*now, &mut |to, datagram| {
                if let Some(end) = addresses.iter().position(|&address| address == to) {
                    if flying.len() < 64 {
                        flying.push((end, datagram.to_vec()));
                    }
                    if recorded.len() < 64 {
                        recorded.push((end, datagram.to_vec()));
                    }
                } else {
                    strangers.entry(to).or_default().1 += datagram.len() as u64;
                }
            });
        }
        for (address, (received, sent)) in strangers {
            assert!(
                *sent <= 3 * *received || !*tokens_hold,
                "{sent} bytes to {address} for {received}"
            );
        }
    }

    /// The oldest datagram on its way arrives.
    fn exchange(&mut self) {
        if self.flying.is_empty() {
            return;
        }
        let (end, mut datagram) = self.flying.remove(0);
        let from = self.ends[1 - end].address;
        self.now = self.now + Duration::from_millis(1);
        self.deliver(end, from, &mut datagram);
    }

    fn deliver(&mut self, end: usize, from: SocketAddr, datagram: &mut [u8]) {
        if self.ends.iter().all(|host| host.address != from) {
            self.strangers.entry(from).or_default().0 += datagram.len() as u64;
        }
        let before = counts(&mut self.ends[end]);
        self.ends[end].receive(self.now, from, datagram);
        let after = counts(&mut self.ends[end]);
        check(&before, &after, datagram.len());
        self.collect();
    }

    fn operate(&mut self, choices: &mut Choices<'_>) {
        let end = choices.below(2);
        let peer = self.ends[1 - end].address;
        let stranger = SocketAddr::from(([203, 0, 113, choices.byte() % 4], 7));
        match choices.byte() % 8 {
            0 => self.exchange(),
            1 => {
                let wait = choices.number() % 40_000_000;
                self.now = self.now + Duration::from_micros(wait);
                self.ends.iter_mut().for_each(|host| host.expire(self.now));
                self.collect();
            }
            2 => {
                let from = if choices.byte() & 1 == 0 {
                    peer
                } else {
                    stranger
                };
                let len = usize::from(choices.u16()) % 1_500;
                let mut datagram = choices.bytes(len).to_vec();
                if choices.byte() & 1 == 0 {
                    datagram.resize(datagram.len().max(1_200), 0);
                }
                self.deliver(end, from, &mut datagram);
            }
            3 => {
                let now = self.now;
                if let Some(handle) = self.ends[end].handles().first().copied() {
                    self.ends[end].connection(handle).close(now, 1, b"fuzz");
                    self.collect();
                }
            }
            _ => {
                let Some((to, datagram)) = self.recorded.get(choices.below(self.recorded.len()))
                else {
                    return;
                };
                let (to, mut datagram) = (*to, datagram.clone());
                for _ in 0..choices.byte() % 4 {
                    self.damage(choices, &mut datagram);
                }
                let from = if choices.byte() % 4 == 0 {
                    stranger
                } else {
                    self.ends[1 - to].address
                };
                self.deliver(to, from, &mut datagram);
            }
        }
    }

    fn damage(&self, choices: &mut Choices<'_>, datagram: &mut Vec<u8>) {
        let at = usize::from(choices.u16()) % datagram.len().max(1);
        match choices.byte() % 6 {
            0 => datagram.truncate(at),
            1 => datagram.resize((datagram.len() + at).min(3_000), 0x55),
            2 => {
                let other = self.recorded.get(choices.below(self.recorded.len()));
                datagram.extend_from_slice(other.map_or(&[], |(_, other)| other));
            }
            3 => {
                let bytes = choices.bytes(8);
                for (place, byte) in datagram.iter_mut().skip(at).zip(bytes) {
                    *place = *byte;
                }
            }
            _ => {
                if let Some(byte) = datagram.get_mut(at) {
                    *byte ^= choices.byte();
                }
            }
        }
    }
}

/// What was counted in the endpoint and in each connection.
struct Counts {
    dropped: u64,
    connections: BTreeMap<Handle, Count>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    is_connected: bool,
    is_closed: bool,
    bytes: u64,
    /// Packets processed or dropped.
    packets: u64,
}

fn counts(host: &mut Host) -> Counts {
    let mut connections = BTreeMap::new();
    for handle in host.handles() {
        let connection = host.connection(handle);
        let stats = connection.stats();
        let count = Count {
            is_connected: connection.is_connected(),
            is_closed: connection.close_reason().is_some(),
            bytes: stats.bytes_received,
            packets: stats.packets_received + stats.drops.total(),
        };
        connections.insert(handle, count);
    }
    let dropped = host.endpoint.drops().total();
    Counts {
        dropped,
        connections,
    }
}

/// One datagram was given: its packets are counted where it went.
fn check(before: &Counts, after: &Counts, len: usize) {
    let mut counted = after.dropped - before.dropped;
    assert!(counted <= 1);
    for (handle, now) in &after.connections {
        let earlier = before.connections.get(handle).copied().unwrap_or_default();
        counted += now.packets - earlier.packets;
        // Before that, packets are held or followed as a Retry. A stateless reset is none, and closes.
        let settled = earlier.is_connected || earlier.is_closed;
        if settled && now.bytes > earlier.bytes && now.is_closed == earlier.is_closed {
            assert!(
                now.packets > earlier.packets,
                "a datagram that nobody counted"
            );
        }
    }
    // A packet has a byte of header, an id or a version, a number and a tag; held ones are counted when they are taken.
    assert!(
        counted <= 10 + len as u64 / 8,
        "{counted} packets in {len} bytes"
    );
}

const OPERATIONS: usize = 200;
const PEAK: usize = 8 << 20;
