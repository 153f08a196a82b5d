//! Socket calls of two programs in any order, with any numbers, bytes and control messages, on two sockets that are joined. No panic,
//! no hang, no answer longer than its room, and nothing is left of either once both are closed.
#![no_main]

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use common::Choices;
use inquic_engine::{EndpointKeys, Handle, Path, Received, Route};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::{Duration, Instant};
use inquic_socket::sock::{Got, address};
use inquic_socket::{Port, Sock};
use inquic_uapi::flags::{MSG_TRUNC, SEND_FLAGS, STREAM_FLAGS};
use inquic_uapi::socket::{AF_INET, SOCK_STREAM};
use inquic_uapi::structs::{CryptoSecret, HandshakeInfo, StreamInfo};
use inquic_uapi::{ControlMessage, Layout, SOL_QUIC, option};
use inquic_wire::StreamId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let since = common::begin();
    let mut choices = Choices(input);
    let mut scene = Scene::new();
    let stage = choices.byte();
    if stage & 3 != 0 {
        scene.establish();
    }
    for _ in 0..OPERATIONS {
        if choices.is_empty() {
            break;
        }
        scene.operate(&mut choices);
    }
    scene.finish();
    drop(scene);
    let peak = common::peak(since);
    assert!(peak <= PEAK, "{peak} bytes at once");
});

/// A port, a listener that may listen, and the connections.
struct Host {
    address: SocketAddr,
    port: Port,
    listener: Sock,
    table: BTreeMap<Handle, Sock>,
}

/// Two programs with a socket each, and the clock.
struct Scene {
    now: Instant,
    hosts: [Host; 2],
}

impl Host {
    fn new(seed: u64, address: &str) -> Self {
        Self {
            address: address.parse().unwrap(),
            port: Port::new(
                Arc::new(AwsLc::seeded(seed)),
                EndpointKeys::from_master([7; 32]),
            ),
            listener: Sock::new(AF_INET, SOCK_STREAM).unwrap(),
            table: BTreeMap::new(),
        }
    }

    /// What a home does after calls, datagrams and time; the datagrams that leave.
    fn turn(&mut self, now: Instant) -> Vec<(Vec<u8>, usize)> {
        let mut leaving = Vec::new();
        let mut gone = Vec::new();
        let mut out = vec![0; 65_507];
        if self.listener.needs_port() {
            self.port.settle(now, &mut self.listener);
        }
        for sock in self.table.values_mut() {
            for _ in 0..64 {
                sock.take_changes();
                if sock.needs_port() {
                    gone.extend(self.port.settle(now, sock).gone);
                }
                let Some(batch) = sock.transmit(now, &mut out) else {
                    break;
                };
                leaving.push((out[..batch.bytes].to_vec(), batch.segment));
            }
        }
        for handle in gone {
            self.table.remove(&handle);
        }
        leaving
    }

    fn receive(&mut self, now: Instant, remote: SocketAddr, bytes: &mut [u8], segment: usize) {
        let path = Path {
            local: Some(self.address),
            remote,
        };
        let first = &bytes[..segment.min(bytes.len())];
        let handle = match self.port.route(now, &path, first, &mut [0; 1500]) {
            Route::Connection(handle) => handle,
            Route::Incoming(incoming) => match self.port.admit_sock(now, &incoming) {
                Ok((handle, sock)) => {
                    self.table.insert(handle, sock);
                    handle
                }
                Err(_) => return,
            },
            _ => return,
        };
        if let Some(sock) = self.table.get_mut(&handle) {
            sock.receive(
                now,
                Received {
                    path,
                    bytes,
                    segment,
                    ecn: 0,
                },
            );
        }
    }
}

impl Scene {
    fn new() -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let mut client = Host::new(1, "192.0.2.1:1000");
        let mut server = Host::new(2, "192.0.2.2:443");
        server.listener.on_bound(server.address);
        server.listener.listen(&mut server.port, 4).unwrap();
        let mut sock = Sock::new(AF_INET, SOCK_STREAM).unwrap();
        sock.on_bound(client.address);
        let mut peer = [0; address::ADDRESS_LEN];
        let len = address::write(server.address, &mut peer);
        let peer = sock.peer(&peer[..len]).unwrap();
        let handle = sock.connect(now, &mut client.port, peer).unwrap();
        client.table.insert(handle, sock);
        Self {
            now,
            hosts: [client, server],
        }
    }

    /// Lets `millis` pass, in at most 50 steps.
    fn run(&mut self, millis: u64) {
        let steps = millis.clamp(1, 50);
        for _ in 0..steps {
            let [client, server] = &mut self.hosts;
            let up = client.turn(self.now);
            let down = server.turn(self.now);
            self.now = self.now + Duration::from_millis(millis.div_ceil(steps));
            for (mut bytes, segment) in up {
                server.receive(self.now, client.address, &mut bytes, segment);
            }
            for (mut bytes, segment) in down {
                client.receive(self.now, server.address, &mut bytes, segment);
            }
            for host in [client, server] {
                for sock in host.table.values_mut() {
                    if sock.next_deadline().is_some_and(|at| at <= self.now) {
                        sock.expire(self.now);
                    }
                }
            }
        }
    }

    fn sock(&mut self, end: usize) -> Option<&mut Sock> {
        self.hosts[end].table.values_mut().next()
    }

    /// A handshake of made-up messages and secrets.
    fn establish(&mut self) {
        let ext = option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT as i32;
        let mut value = [0; 512];
        self.say(0, 1, b"client hello");
        self.run(2);
        let now = self.now;
        let client = self.sock(0).unwrap();
        let Ok(Got::Bytes(len)) = client.getsockopt(SOL_QUIC, ext, &[], &mut value) else {
            unreachable!("a client that connects has parameters")
        };
        let server = self.sock(1).unwrap();
        server
            .setsockopt(now, SOL_QUIC, ext, &value[..len])
            .unwrap();
        self.say(1, 1, b"server hello");
        self.run(2);
        let now = self.now;
        let server = self.sock(1).unwrap();
        let Ok(Got::Bytes(len)) = server.getsockopt(SOL_QUIC, ext, &[], &mut value) else {
            unreachable!("and so has a server that was accepted")
        };
        let client = self.sock(0).unwrap();
        client
            .setsockopt(now, SOL_QUIC, ext, &value[..len])
            .unwrap();
        for (level, seed) in [(2, 1), (0, 3)] {
            for end in [1, 0] {
                for send in [1, 0] {
                    // What one sends with, the other receives with.
                    let whose = if send == 1 { end as u8 } else { 1 - end as u8 };
                    self.install(end, level, send, seed + whose);
                }
            }
        }
        self.run(20);
    }

    fn say(&mut self, end: usize, crypto_level: u8, text: &[u8]) {
        let control = control(1, &bytes(&HandshakeInfo { crypto_level }));
        let now = self.now;
        let sock = self.sock(end).unwrap();
        sock.sendmsg(now, &control, 0, text).unwrap();
    }

    fn install(&mut self, end: usize, level: u8, send: u8, seed: u8) {
        let secret = bytes(&CryptoSecret {
            send,
            level,
            cipher_type: 51,
            secret: [seed; 48],
            ..CryptoSecret::default()
        });
        let number = option::QUIC_SOCKOPT_CRYPTO_SECRET as i32;
        let now = self.now;
        let sock = self.sock(end).unwrap();
        sock.setsockopt(now, SOL_QUIC, number, &secret).unwrap();
    }

    fn operate(&mut self, choices: &mut Choices<'_>) {
        let end = choices.below(2);
        let kind = choices.below(16);
        if kind == 0 {
            return self.run(choices.number() % 50_000);
        }
        if kind == 1 {
            return self.run(1 + u64::from(choices.byte()) % 20);
        }
        if kind == 2 && end == 1 {
            let Host { listener, port, .. } = &mut self.hosts[1];
            let _ = listener.accept(port);
            return;
        }
        let now = self.now;
        let Some(sock) = self.sock(end) else {
            return;
        };
        let id = StreamId::from_u64(u64::from(choices.byte() % 24)).unwrap();
        match kind {
            2 | 3 => {
                let name = name(choices);
                let len = usize::from(choices.byte());
                let _ = sock.setsockopt(now, SOL_QUIC, name, choices.bytes(len));
            }
            4 | 5 => {
                let name = name(choices);
                let mut out = vec![0; usize::from(choices.u16()) % 5_000];
                let len = usize::from(choices.byte()) % 80;
                let got = sock.getsockopt(SOL_QUIC, name, choices.bytes(len), &mut out);
                if let Ok(Got::Bytes(len)) = got {
                    assert!(len <= out.len());
                }
            }
            6..=9 => {
                let control = any_control(choices);
                let flags =
                    choices.number() as u32 & [SEND_FLAGS, 0x600, u32::MAX][choices.below(3)];
                let data = vec![7; usize::from(choices.u16())];
                if let Ok(sent) = sock.sendmsg(now, &control, flags, &data) {
                    assert!(sent.bytes <= data.len());
                }
            }
            10..=12 => {
                let flags = u32::from(choices.byte());
                let mut out = vec![0; usize::from(choices.u16())];
                let mut room = vec![0; choices.below(70)];
                if let Ok(message) = sock.recvmsg(now, flags, &mut out, &mut room) {
                    assert!(message.bytes <= out.len() || flags & MSG_TRUNC != 0);
                    assert!(message.control <= room.len());
                }
            }
            13 => {
                let _ = sock.stream_read(now, id, &mut [0; 100]);
                let _ = sock.stream_write(id, &[1; 100]);
                let _ = sock.stream_poll(id);
            }
            14 => end_or_ask(sock, choices, now, id),
            _ => {
                let there = SocketAddr::new([192, 0, 2, 1 + end as u8].into(), 2_000);
                if sock.on_receiving(now, there).is_ok() {
                    self.hosts[end].address = there;
                }
            }
        }
    }

    /// Both programs end.
    fn finish(&mut self) {
        for host in &mut self.hosts {
            while host.listener.unlisten(&mut host.port).is_some() {}
            for sock in host.table.values_mut() {
                sock.close(self.now);
            }
        }
        for _ in 0..64 {
            self.run(1);
            // Three probe timeouts are long where a jump of the clock made the path look slow.
            self.now = self.now + Duration::from_secs(600);
        }
        for host in &self.hosts {
            assert!(host.table.is_empty(), "a socket is still there");
            assert!(host.port.endpoint().is_empty(), "the port remembers one");
        }
    }
}

/// A call that ends something, or only asks.
fn end_or_ask(sock: &mut Sock, choices: &mut Choices<'_>, now: Instant, id: StreamId) {
    match choices.byte() % 8 {
        0 => sock.stream_close(id),
        1 => drop(sock.stream_shutdown(id, i32::from(choices.byte() % 4))),
        2 => drop(sock.ioctl(choices.number() as u32)),
        3 => drop(sock.ioctl(0x541b)),
        4 if choices.byte() < 8 => drop(sock.shutdown(now, i32::from(choices.byte() % 4))),
        _ => drop(sock.poll(None)),
    }
}

/// An option: mostly one that there is.
fn name(choices: &mut Choices<'_>) -> i32 {
    match i32::from(choices.byte()) {
        byte @ 0..=14 | byte @ 64..=70 => byte,
        byte @ 71..=200 => byte % 15,
        byte => 64 + byte % 7,
    }
}

fn any_control(choices: &mut Choices<'_>) -> Vec<u8> {
    match choices.byte() % 8 {
        0 | 1 => Vec::new(),
        2..=5 => {
            let stream_id = match choices.byte() {
                0..=63 => -1,
                64 => choices.number() as i64,
                byte => i64::from(byte % 24),
            };
            let stream_flags = choices.number() as u32 & [STREAM_FLAGS, 0x600][choices.below(2)];
            control(
                0,
                &bytes(&StreamInfo {
                    stream_id,
                    stream_flags,
                }),
            )
        }
        6 => control(1, &[choices.byte() % 5]),
        _ => {
            let len = choices.below(64);
            choices.bytes(len).to_vec()
        }
    }
}

fn control(kind: i32, data: &[u8]) -> Vec<u8> {
    let mut control = vec![0; 64];
    let message = ControlMessage {
        level: SOL_QUIC,
        kind,
        data,
    };
    let len = message.write(&mut control).unwrap();
    control.truncate(len);
    control
}

fn bytes(value: &impl Layout) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    let len = value.write(&mut bytes);
    bytes.truncate(len);
    bytes
}

const OPERATIONS: usize = 150;
/// Both ends' windows and buffers, what is on the link, and a batch for each.
const PEAK: usize = 96 << 20;
