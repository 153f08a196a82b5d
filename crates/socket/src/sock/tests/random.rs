//! Calls in any order with any values on two sockets that are joined: nothing panics or hangs, no answer is longer than what was
//! asked for, and once both are closed the ports know nothing of them.

use alloc::vec;
use alloc::vec::Vec;

use inquic_platform::Duration;
use inquic_uapi::flags::{MSG_PEEK, MSG_TRUNC, SEND_FLAGS, STREAM_FLAGS};
use inquic_uapi::{EventType, SOL_QUIC};
use inquic_wire::StreamId;

use super::{Host, Pair, control, handshake, std, stream, want};

/// A small generator of numbers: the same seed, the same calls.
struct Dice(u64);

impl Dice {
    fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Bytes that are now and then a structure: zeros with a few small numbers among them.
    fn bytes(&mut self) -> Vec<u8> {
        let len = self.pick(&[0, 1, 2, 4, 5, 8, 12, 16, 28, 56, 72, 100, 600]);
        let wild = self.below(4) == 0;
        (0..len)
            .map(|_| match self.below(4) {
                _ if wild => self.number() as u8,
                0 => self.below(12) as u8,
                _ => 0,
            })
            .collect()
    }

    fn stream_id(&mut self) -> i64 {
        match self.below(8) {
            0 => -1,
            1 => self.number() as i64,
            _ => self.below(24) as i64,
        }
    }

    fn control(&mut self) -> Vec<u8> {
        match self.below(8) {
            0..=2 => Vec::new(),
            3..=5 => {
                let flags = self.number() as u32 & self.pick(&[STREAM_FLAGS, u32::MAX, 0x600]);
                stream(self.stream_id(), flags)
            }
            6 => handshake(self.below(5) as u8),
            _ => {
                let mut wild = control(self.below(3) as i32, &[0; 16]);
                let at = self.below(wild.len() as u64) as usize;
                wild[at] = self.number() as u8;
                wild
            }
        }
    }
}

/// Makes a call on the socket of a host, and judges its answer.
fn call(host: &mut Host, now: inquic_platform::Instant, dice: &mut Dice) {
    if host.used.is_none() {
        return;
    }
    let sock = host.sock();
    let name = dice.pick(&[
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 64, 65, 66, 67, 68, 69, 70, -1,
    ]);
    let id = StreamId::from_u64(dice.below(24)).unwrap();
    match dice.below(20) {
        0..=2 => {
            // Secrets that are made up end the conversation too soon.
            let value = dice.bytes();
            if name != 13 || dice.below(20) == 0 {
                let _ = sock.setsockopt(now, SOL_QUIC, name, &value);
            }
        }
        3..=5 => {
            let mut out = dice.bytes();
            let room = out.len();
            if let Ok(super::Got::Bytes(len)) =
                sock.getsockopt(SOL_QUIC, name, &dice.bytes(), &mut out)
            {
                assert!(len <= room, "{name}: {len} bytes in {room}");
            }
        }
        6..=10 => {
            let flags = dice.number() as u32 & dice.pick(&[SEND_FLAGS, 0x600, 0x1600, u32::MAX]);
            let len = dice.pick(&[0, 1, 100, 1_200, 5_000, 100_000]);
            let data = vec![7; len];
            if let Ok(sent) = sock.sendmsg(now, &dice.control(), flags, &data) {
                assert!(sent.bytes <= len);
            }
        }
        11..=14 => {
            let flags = dice.number() as u32 & (MSG_PEEK | MSG_TRUNC);
            let len = dice.pick(&[0, 1, 9, 100, 70_000]);
            let (mut out, mut room) = (vec![0; len], dice.bytes());
            if let Ok(message) = sock.recvmsg(now, flags, &mut out, &mut room) {
                assert!(message.bytes <= len || flags & MSG_TRUNC != 0);
                assert!(message.control <= room.len());
            }
        }
        15 => drop(sock.ioctl(dice.pick(&[0x541b, 0x5411, 0x894b, 1]))),
        16 => match dice.below(4) {
            0 => drop(sock.stream_read(now, id, &mut [0; 50])),
            1 => drop(sock.stream_write(id, &[1; 2_000])),
            2 => drop(sock.stream_shutdown(id, dice.below(4) as i32)),
            _ => sock.stream_close(id),
        },
        17 => {
            let mask = sock.poll(None) | sock.stream_poll(id);
            assert_eq!(mask & !0x215d, 0, "bits of poll(2)");
        }
        18 if dice.below(8) == 0 => {
            let port = 1_000 + dice.below(3) as u16;
            let there = core::net::SocketAddr::new(host.address.ip(), port);
            if host.sock().on_receiving(now, there).is_ok() {
                host.address = there;
            }
        }
        19 if dice.below(60) == 0 => drop(sock.shutdown(now, dice.below(3) as i32)),
        _ => {}
    }
}

fn play(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let stage = dice.below(8);
    let mut pair = Pair::connecting_with(&mut |client, server| {
        for event in 1..=9 {
            let event = EventType::from_u8(event).unwrap();
            if dice.below(2) == 0 {
                want(client, event);
                want(server, event);
            }
        }
    });
    if stage > 0 {
        pair.greet();
    }
    if stage > 1 {
        pair.shake_hands_quietly();
    }
    for _ in 0..CALLS {
        let now = pair.now;
        match dice.below(5) {
            0 | 1 => call(&mut pair.client, now, &mut dice),
            2 | 3 => call(&mut pair.server, now, &mut dice),
            _ => pair.run(1 + dice.below(4)),
        }
        if dice.below(300) == 0 {
            pair.now = now + Duration::from_millis(dice.below(40_000));
        }
    }
    finish(&mut pair, seed);
}

/// Everything is closed, and a while later nothing is left of it.
fn finish(pair: &mut Pair, seed: u64) {
    let now = pair.now;
    for host in [&mut pair.client, &mut pair.server] {
        while host.listener.unlisten(&mut host.port).is_some() {}
        for sock in host.table.values_mut() {
            sock.close(now);
        }
    }
    for _ in 0..600 {
        pair.run(1);
        pair.now = pair.now + Duration::from_secs(1);
        if pair.client.table.is_empty() && pair.server.table.is_empty() {
            break;
        }
    }
    for host in [&pair.client, &pair.server] {
        assert!(host.table.is_empty(), "seed {seed}: still there");
        assert!(
            host.port.endpoint().is_empty(),
            "seed {seed}: not forgotten"
        );
    }
}

#[test]
fn calls_in_any_order_end_well() {
    for seed in 0..SEEDS {
        std::eprintln!("seed {seed}");
        play(seed);
    }
}

/// Calls of one run, and runs.
const CALLS: usize = 200;
const SEEDS: u64 = 150;
