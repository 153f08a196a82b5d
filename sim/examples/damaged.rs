//! Damaged datagrams without end: `damaged --null --count N` sends mutated packets through a cipher that hides nothing, so
//! that they reach the frames; `damaged --real --count N` sends random frames under real keys, and random bytes.
//!
//! Nothing may panic, and memory stays flat. Prints how many a second. A scene that failed can be run alone, by its number.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use inquic_engine::Handle;
use inquic_platform::Duration;
use inquic_sim::{Attacker, Bits, Duel, Rng, Settings};
use inquic_wire::{ConnectionId, Direction, Level};

/// Datagrams in one scene, at most.
const SCENE: u64 = 48;

/// Datagrams that a connection still gets after it has closed.
const AFTERWARDS: u64 = 4;

/// What memory may grow by after the first tenth of a run, in bytes: buffers of the allocator, no connection's.
const GROWTH: u64 = 16 << 20;

struct Arguments {
    real: bool,
    count: u64,
    seed: u64,
    scene: Option<u64>,
}

/// What became of the datagrams.
#[derive(Default)]
struct Tally {
    sent: AtomicU64,
    /// Packets that opened, and whose frames were looked at.
    opened: AtomicU64,
    /// Connections that closed over one.
    closed: AtomicU64,
}

#[expect(clippy::disallowed_methods, reason = "this program measures time")]
fn clock() -> std::time::Instant {
    std::time::Instant::now()
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!("damaged --null|--real [--count N] [--seed S] [--scene NUMBER]");
        return ExitCode::FAILURE;
    };
    println!("seed {}", arguments.seed);
    let tally = Tally::default();
    if let Some(scene) = arguments.scene {
        play(&arguments, scene, &tally);
        return ExitCode::SUCCESS;
    }
    let begin = clock();
    let next = AtomicU64::new(0);
    let failed = Mutex::new(Vec::new());
    let early = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&arguments, &next, &tally, &failed, &early));
        }
    });
    let [sent, opened, closed] =
        [&tally.sent, &tally.opened, &tally.closed].map(|count| count.load(Ordering::Relaxed));
    let seconds = begin.elapsed().as_secs_f64();
    let grown = resident().saturating_sub(early.load(Ordering::Relaxed));
    let failed = failed.into_inner().unwrap_or_default();
    println!(
        "{sent} datagrams, {opened} packets opened, {closed} connections closed, {:.0} a second, {} panics, memory grew {grown} bytes",
        sent as f64 / seconds.max(0.001),
        failed.len(),
    );
    for scene in &failed {
        println!("again: --seed {} --scene {scene}", arguments.seed);
    }
    // A run in which nothing opened or closed has looked at nothing.
    let looked = opened >= sent / 10 && closed >= sent / 1_000;
    if failed.is_empty() && looked && grown <= GROWTH {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Plays scenes until enough datagrams were sent.
fn work(
    arguments: &Arguments,
    next: &AtomicU64,
    tally: &Tally,
    failed: &Mutex<Vec<u64>>,
    early: &AtomicU64,
) {
    while tally.sent.load(Ordering::Relaxed) < arguments.count {
        let scene = next.fetch_add(1, Ordering::Relaxed);
        if catch_unwind(AssertUnwindSafe(|| play(arguments, scene, tally))).is_err() {
            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.push(scene);
            if failed.len() >= 10 {
                return;
            }
        }
        let first_tenth = tally.sent.load(Ordering::Relaxed) <= arguments.count / 10;
        if first_tenth && scene.is_multiple_of(256) {
            early.fetch_max(resident(), Ordering::Relaxed);
        }
    }
}

/// One victim from its first datagram until it has closed or had enough.
fn play(arguments: &Arguments, number: u64, tally: &Tally) {
    let mut rng = Rng::new(arguments.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut scene = Scene::new(arguments.real, &mut rng);
    let mut sent = 0;
    let mut left = SCENE;
    while left > 0 {
        let mut datagram = scene.datagram(&mut rng);
        let from = scene.duel.address;
        scene.duel.now = scene.duel.now + Duration::from_micros(rng.below(3_000));
        let now = scene.duel.now;
        scene.duel.host.receive(now, from, &mut datagram);
        sent += 1;
        left -= 1;
        if rng.below(3) == 0 {
            scene.live(&mut rng);
        }
        if scene.has_closed() {
            left = left.min(AFTERWARDS);
        }
    }
    scene.live(&mut rng);
    tally.sent.fetch_add(sent, Ordering::Relaxed);
    let closed = scene.has_closed();
    tally.closed.fetch_add(u64::from(closed), Ordering::Relaxed);
    let opened = scene.handle.and_then(|handle| scene.duel.host.get(handle));
    let opened = opened.map_or(0, |connection| connection.stats().packets_received);
    tally.opened.fetch_add(opened, Ordering::Relaxed);
}

/// A victim, and what it said so far.
struct Scene {
    duel: Duel,
    handle: Option<Handle>,
    level: Level,
    /// Datagrams to damage and to play back.
    kept: Vec<Vec<u8>>,
}

impl Scene {
    fn new(real: bool, rng: &mut Rng) -> Self {
        let settings = Settings::default();
        let is_server = rng.below(2) == 0;
        let duel = match (real, is_server) {
            (false, true) => Duel::with_open_server(&settings),
            (false, false) => Duel::with_open_client(&settings),
            (true, true) => Duel::with_server(&settings),
            (true, false) => Duel::with_client(&settings),
        };
        let mut scene = Self {
            duel,
            handle: None,
            level: Level::Initial,
            kept: Vec::new(),
        };
        match rng.below(8) {
            0 => {}
            1 => scene.begin(),
            _ => scene.connect(rng),
        }
        scene.kept.append(&mut scene.duel.datagrams);
        scene.handle = scene.duel.handle;
        scene
    }

    /// The attacker's first flight.
    fn begin(&mut self) {
        let parameters = self.duel.attacker.parameters();
        if self.duel.is_server() {
            let hello = Attacker::message(Some(&parameters), 250);
            let datagram = self.duel.attacker.initial(&hello);
            self.duel.send_datagram(&datagram);
            self.duel.follow_server_id();
        } else {
            self.duel.send(Level::Initial, &Attacker::message(None, 90));
        }
        self.level = Level::Handshake;
    }

    /// A whole handshake, and streams of the victim.
    fn connect(&mut self, rng: &mut Rng) {
        let parameters = self.duel.attacker.parameters();
        self.duel.shake(&parameters);
        self.level = Level::OneRtt;
        for direction in [Direction::Bidirectional, Direction::Unidirectional] {
            if rng.below(2) == 0 {
                let connection = self.duel.connection();
                let opened = connection.open(direction);
                // A full window or a small buffer is as good here.
                let _ = opened.map(|id| connection.write(id, &[7; 3_000]).is_ok());
            }
        }
        self.duel.flush();
    }

    fn has_closed(&mut self) -> bool {
        let handle = self.handle.or(self.duel.handle);
        handle.is_some_and(|handle| {
            let connection = self.duel.host.get(handle);
            connection.is_none_or(|connection| connection.close_reason().is_some())
        })
    }

    /// The victim's own life between two datagrams: its application, its timers, its packets.
    fn live(&mut self, rng: &mut Rng) {
        let now = self.duel.now;
        if self.handle.is_none() {
            self.handle = self.duel.host.handles().first().copied();
        }
        if let Some(connection) = self.handle.and_then(|handle| self.duel.host.get(handle)) {
            let mut out = [0; 512];
            for direction in [Direction::Bidirectional, Direction::Unidirectional] {
                if let Some(id) = connection.accept(direction) {
                    let _ = connection.read(now, id, &mut out);
                    let _ = connection.write(id, &out[..rng.below(512) as usize]);
                }
            }
        }
        self.duel.host.expire(now);
        let kept = &mut self.kept;
        self.duel.host.transmit(now, &mut |datagram| {
            if kept.len() < 24 {
                kept.push(datagram.to_vec());
            }
        });
        self.duel.host.take_events();
    }

    /// The next datagram: frames that were damaged, a packet that was damaged, something old, or noise.
    fn datagram(&mut self, rng: &mut Rng) -> Vec<u8> {
        let mut datagram = match rng.below(16) {
            0 => noise(rng),
            1 => self.old(rng),
            _ => self.packet(rng),
        };
        if rng.below(12) == 0 {
            let mut second = self.packet(rng);
            datagram.append(&mut second);
        }
        match rng.below(10) {
            0 => havoc(rng, &mut datagram),
            // Noise that finds its connection.
            1 if datagram.len() > 9 => {
                datagram[0] = 0x40 | datagram[0] & 0x3f;
                let id = self.duel.attacker.dcid;
                datagram[1..=id.len()].copy_from_slice(&id);
            }
            _ => {}
        }
        if self.level == Level::Initial && rng.below(4) != 0 {
            datagram.resize(datagram.len().max(1_200), 0);
        }
        datagram
    }

    /// A packet that opens, with frames that nobody should send.
    fn packet(&mut self, rng: &mut Rng) -> Vec<u8> {
        let level = match rng.below(12) {
            0 => Level::Initial,
            1 => Level::Handshake,
            _ => self.level,
        };
        let mut frames = Vec::new();
        for _ in 0..=rng.below(4) {
            frame(rng, &mut frames);
        }
        if rng.below(5) == 0 {
            havoc(rng, &mut frames);
        }
        frames.truncate(1_150);
        // Shorter packets have no room for a sample.
        frames.resize(frames.len().max(4), 0);
        if level == Level::Initial && self.duel.is_server() {
            frames.resize(frames.len().max(1_150), 0);
        }
        let attacker = &mut self.duel.attacker;
        if rng.below(40) == 0 {
            attacker.update_keys();
        }
        attacker.number_len = 1 + rng.below(4) as usize;
        let number = match rng.below(20) {
            0 => rng.below(1 << 20),
            1 => attacker.numbers[level.index()] + rng.below(300),
            _ => attacker.numbers[level.index()],
        };
        attacker.numbers[level.index()] = attacker.numbers[level.index()].max(number) + 1;
        let flipped = if rng.below(30) == 0 {
            rng.below(256) as u8 & 0x3c
        } else {
            0
        };
        attacker.packet_with(level, number, Bits { flipped }, &frames)
    }

    /// A datagram of the victim, played back to it, damaged or not.
    fn old(&mut self, rng: &mut Rng) -> Vec<u8> {
        if self.kept.is_empty() {
            return noise(rng);
        }
        let at = rng.below(self.kept.len() as u64) as usize;
        let mut datagram = self.kept[at].clone();
        if rng.below(2) == 0 {
            havoc(rng, &mut datagram);
        }
        datagram
    }
}

fn noise(rng: &mut Rng) -> Vec<u8> {
    let len = [0, 1, 20, 21, 43, 100, 1_200, 1_500][rng.below(8) as usize] + rng.below(8) as usize;
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes);
    bytes
}

/// A frame of a known type with numbers that are near an edge, or of an unknown type.
fn frame(rng: &mut Rng, out: &mut Vec<u8>) {
    let (kind, fields) = FRAMES[rng.below(FRAMES.len() as u64) as usize];
    // A frame that ends the connection for sure ends the scene: seldom.
    let kind = if matches!(kind, 0x07 | 0x1c..=0x1e | 0x2f) && rng.below(8) != 0 {
        0x01
    } else {
        kind
    };
    out.push(kind);
    if kind == 0x01 {
        return;
    }
    for field in fields.bytes() {
        match field {
            b'v' => varint(rng, out),
            b's' => write_varint(rng.below(48), out),
            b'r' => {
                let count = rng.below(6);
                write_varint(count, out);
                for _ in 0..2 * count + 1 {
                    write_varint(rng.below(5), out);
                }
            }
            b'd' => {
                let len = rng.below(60);
                write_varint(len, out);
                out.extend(std::iter::repeat_n(0x61, len as usize));
            }
            b'c' => {
                let len = 1 + rng.below(20);
                let id = ConnectionId::new(&vec![rng.below(256) as u8; len as usize]);
                out.push(len as u8);
                out.extend_from_slice(&id.unwrap_or(ConnectionId::EMPTY));
                out.extend_from_slice(&rng.next_u64().to_le_bytes().repeat(2));
            }
            _ => out.extend_from_slice(&rng.next_u64().to_le_bytes()),
        }
    }
}

/// Types, and what follows: a number, a small number, ranges, data behind its length, a connection id, eight bytes.
const FRAMES: [(u8, &str); 32] = [
    (0x00, ""),
    (0x01, ""),
    (0x02, "svr"),
    (0x02, "vvr"),
    (0x03, "svrsss"),
    (0x04, "svv"),
    (0x05, "sv"),
    (0x06, "sd"),
    (0x06, "vd"),
    (0x07, "d"),
    (0x08, "s"),
    (0x0a, "sd"),
    (0x0b, "sd"),
    (0x0e, "ssd"),
    (0x0f, "svd"),
    (0x10, "v"),
    (0x11, "sv"),
    (0x12, "v"),
    (0x13, "s"),
    (0x14, "v"),
    (0x15, "sv"),
    (0x16, "v"),
    (0x18, "ssc"),
    (0x18, "vvc"),
    (0x19, "s"),
    (0x1a, "8"),
    (0x1b, "8"),
    (0x1c, "vvd"),
    (0x1d, "vd"),
    (0x1e, ""),
    (0x31, "d"),
    (0x2f, "v"),
];

/// A number near one of the edges that codecs and limits have.
fn varint(rng: &mut Rng, out: &mut Vec<u8>) {
    let edge = EDGES[rng.below(EDGES.len() as u64) as usize];
    let value = edge.saturating_add(rng.below(3)).saturating_sub(1);
    write_varint(value.min((1 << 62) - 1), out);
}

const EDGES: [u64; 12] = [
    0,
    1,
    5,
    63,
    1_200,
    16_383,
    65_536,
    1 << 18,
    1 << 20,
    (1 << 30) - 1,
    1 << 60,
    (1 << 62) - 1,
];

fn write_varint(value: u64, out: &mut Vec<u8>) {
    match value {
        0..=0x3f => out.push(value as u8),
        0x40..=0x3fff => out.extend_from_slice(&(value as u16 | 0x4000).to_be_bytes()),
        0x4000..=0x3fff_ffff => out.extend_from_slice(&(value as u32 | 0x8000_0000).to_be_bytes()),
        _ => out.extend_from_slice(&(value | 0xc000_0000_0000_0000).to_be_bytes()),
    }
}

/// One to four kinds of damage.
fn havoc(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..=rng.below(4) {
        let len = bytes.len() as u64;
        if len == 0 {
            return;
        }
        let at = rng.below(len) as usize;
        match rng.below(8) {
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = rng.below(256) as u8,
            2 => bytes[at] = [0, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff][rng.below(7) as usize],
            3 => bytes.truncate(at),
            4 => bytes.insert(at, rng.below(256) as u8),
            5 => {
                bytes.remove(at);
            }
            6 => {
                let end = at + rng.below(len - at as u64 + 1) as usize;
                let copied = bytes[at..end.min(at + 64)].to_vec();
                bytes.extend_from_slice(&copied);
            }
            _ => {
                let other = rng.below(len) as usize;
                bytes.swap(at, other);
            }
        }
    }
}

/// Bytes of memory that the process holds; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split_whitespace().nth(1);
    pages
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * 4_096
}

fn arguments() -> Option<Arguments> {
    let mut parsed = Arguments {
        real: false,
        count: 1_000_000,
        seed: 1,
        scene: None,
    };
    let mut words = std::env::args().skip(1);
    let mut cipher = false;
    while let Some(word) = words.next() {
        let mut number = || words.next()?.parse::<u64>().ok();
        match word.as_str() {
            "--null" => (cipher, parsed.real) = (true, false),
            "--real" => (cipher, parsed.real) = (true, true),
            "--count" => parsed.count = number()?,
            "--seed" => parsed.seed = number()?,
            "--scene" => parsed.scene = Some(number()?),
            _ => return None,
        }
    }
    cipher.then_some(parsed)
}
