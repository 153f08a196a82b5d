//! What a seed turns on: every run has some of the faults, at some rate, and not the others. A number comes in, a plan goes out.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use inquic_engine::recovery::Algorithm;
use inquic_engine::stream::{self, Window};
use inquic_engine::{Config, RetryPolicy};
use inquic_platform::{CipherSuite, Duration};
use inquic_wire::{Version, Versions};

use crate::{Bursts, Discipline, Faults, Marking, Rng};

/// Everything that a seed decides before the run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) up: Faults,
    pub(super) down: Faults,
    pub(super) weather: Weather,
    pub(super) hosts: [HostFaults; 2],
    pub(super) habits: [Habits; 2],
    pub(super) meddling: Meddling,
    pub(super) configs: [Config; 2],
    pub(super) suite: CipherSuite,
    pub(super) certificate: usize,
    pub(super) retry: RetryPolicy,
    /// Connections in all, and at once.
    pub(super) connections: (u8, usize),
    /// How long the faults are on.
    pub(super) storm: Duration,
    pub(super) early: EarlyPlan,
    /// Allocations that are refused, of 65,536.
    pub(super) refusals: u32,
    /// Whether a client uses the tokens that it got.
    pub(super) tokens: bool,
    /// Where the server would rather be reached, and whether it is reached there.
    pub(super) preferred: Option<SocketAddr>,
    pub(super) preferred_works: bool,
}

/// What becomes of 0-RTT.
#[derive(Clone, Debug)]
pub(super) enum EarlyPlan {
    Off,
    /// The server accepts it, once for each ticket.
    Accepted,
    /// The server is the same as before and refuses it.
    Refused,
    /// The server refuses it, and had other limits before.
    Changed(stream::Config),
}

/// What changes while the faults are on.
#[derive(Debug)]
pub(super) struct Weather {
    /// One of these at a time.
    pub(super) changes: Vec<Change>,
    /// About how long between two.
    pub(super) pause: Duration,
}

/// One change of weather.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    RebindPort,
    RebindAddress,
    Partition,
    HalfPartition,
    Mtu,
    BlackHole,
    ClockJump,
    SpuriousWake,
    Vanish,
    IcmpLie,
}

/// What a host's system does wrong. Chances are per mille.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HostFaults {
    pub(super) late_timer: u32,
    pub(super) send_blocked: u32,
    pub(super) send_refused: u32,
    /// Bytes of the largest datagram that the system sends.
    pub(super) largest: Option<usize>,
    pub(super) partial_batch: u32,
    pub(super) permuted_batch: u32,
}

/// What an application does. Chances are per mille.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habits {
    pub(super) never_reads: bool,
    pub(super) never_writes: bool,
    pub(super) never_accepts: bool,
    pub(super) byte_by_byte: bool,
    pub(super) many_streams: bool,
    pub(super) reset: u32,
    pub(super) stop: u32,
    pub(super) key_update: u32,
    /// Sends datagrams.
    pub(super) datagrams: u32,
    /// Moves to another address, if it is a client's.
    pub(super) moves: u32,
    /// When it closes, counted from its beginning, and whether at once.
    pub(super) close: Option<(Duration, bool)>,
    /// Streams that it opens.
    pub(super) streams: u32,
    /// Bytes that it writes to each at most.
    pub(super) bytes: u64,
}

/// What an attacker on the path does. Chances are per mille, for each datagram that passes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meddling {
    pub(super) forgery: u32,
    pub(super) mutation: u32,
    pub(super) spoof: u32,
}

/// The dice, and how likely each fault is to be on in this run.
struct Dice {
    rng: Rng,
    density: u32,
}

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let density = [60, 150, 250, 400][rng.below(4) as usize];
        let mut dice = Dice { rng, density };
        let base = dice.line();
        let mut up = dice.link(base);
        let mut down = dice.link(base);
        if dice.half() {
            // One direction loses, the other is perfect in that.
            let loss = dice.up_to(300);
            (up.one_way, down.one_way) = (true, true);
            (up.loss, down.loss) = if dice.half() { (loss, 0) } else { (0, loss) };
        }
        let idle = [3, 10, 30][dice.below(3) as usize];
        let mut plan = Self {
            up,
            down,
            weather: dice.weather(),
            hosts: [dice.host(), dice.host()],
            habits: [dice.habits(), dice.habits()],
            meddling: Meddling {
                forgery: dice.rate(200),
                mutation: dice.rate(500),
                spoof: dice.rate(1_000),
            },
            configs: [dice.config(idle), dice.config(idle)],
            suite: [
                CipherSuite::Aes128GcmSha256,
                CipherSuite::Aes256GcmSha384,
                CipherSuite::ChaCha20Poly1305Sha256,
            ][dice.below(3) as usize],
            certificate: [500, 900, 4_000][dice.below(3) as usize],
            retry: [
                RetryPolicy::WhenBusy,
                RetryPolicy::Always,
                RetryPolicy::Never,
            ][dice.below(3) as usize],
            connections: (6 + dice.below(14) as u8, 1 + dice.below(3) as usize),
            storm: Duration::from_millis(3_000 + dice.below(18_000)),
            early: EarlyPlan::Off,
            refusals: 0,
            tokens: false,
            preferred: None,
            preferred_works: false,
        };
        // Dice of their own, so that what is above did not change when these came.
        dice.rng = Rng::new(!seed);
        dice.uses(&mut plan);
        // Likewise.
        dice.rng = Rng::new(seed.rotate_left(32) ^ 0x6d65_6d6f);
        plan.refusals = dice.rate(400);
        plan
    }

    /// Bytes that are let through in a round trip, at least: by flow control, or by the smallest congestion window there is.
    pub(super) fn window(&self) -> u64 {
        let windows = self.configs.iter().map(|config| {
            let streams = &config.streams;
            let window = streams.stream_window.initial;
            window.min(streams.connection_window.initial)
        });
        windows.fold(2 * 1_200, u64::min)
    }

    /// The version that both ends have to agree on, whoever meddles.
    pub(super) fn version(&self) -> Option<Version> {
        let [client, server] = &self.configs;
        server
            .versions
            .first(|version| client.versions.contains(version))
    }
}

impl Dice {
    /// Whether a fault is on.
    const fn on(&mut self) -> bool {
        self.rng.chance(self.density)
    }

    const fn half(&mut self) -> bool {
        self.rng.chance(500)
    }

    const fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// From 1 to `most`, more often small.
    const fn up_to(&mut self, most: u64) -> u32 {
        let bound = 1 + self.rng.below(most);
        1 + self.rng.below(bound) as u32
    }

    /// A chance of up to `most`, or none if the fault is off.
    const fn rate(&mut self, most: u64) -> u32 {
        if self.on() { self.up_to(most) } else { 0 }
    }

    /// A chance of up to `most` in every second run, for what is rare.
    const fn often(&mut self, most: u64) -> u32 {
        if self.half() { self.up_to(most) } else { 0 }
    }

    /// Delay and rate, which both directions share.
    const fn line(&mut self) -> (Duration, u64) {
        let delay = if self.on() {
            // Half a second to a minute, more often short.
            let bound = 1 + self.below(59_500);
            500 + self.below(bound)
        } else {
            self.below(120)
        };
        let rate = if self.half() {
            2_000 << self.below(10)
        } else {
            0
        };
        (Duration::from_millis(delay), rate)
    }

    fn link(&mut self, (delay, rate): (Duration, u64)) -> Faults {
        let ecn = [Marking::Bleached, Marking::Remarked, Marking::AllCe][self.below(3) as usize];
        let bursts = Bursts {
            begin: self.up_to(100),
            end: 20 + self.up_to(500),
            loss: 300 + self.up_to(700),
        };
        Faults {
            delay,
            jitter: if self.on() {
                Duration::from_millis(1 + self.below(200))
            } else {
                Duration::ZERO
            },
            loss: self.often(300),
            bursts: self.on().then_some(bursts),
            duplication: self.rate(300),
            reordering: self.often(200),
            corruption: self.often(200),
            truncation: self.often(200),
            extension: self.often(200),
            replay: self.often(200),
            split: if self.half() { 700 } else { 0 },
            rate,
            queue: 1 + self.below(24) as usize,
            discipline: if self.half() {
                Discipline::CoDel
            } else {
                Discipline::TailDrop
            },
            ecn: if self.half() { ecn } else { Marking::Kept },
            ..Faults::default()
        }
    }

    fn weather(&mut self) -> Weather {
        let all = [
            Change::RebindPort,
            Change::RebindAddress,
            Change::Partition,
            Change::HalfPartition,
            Change::Mtu,
            Change::BlackHole,
            Change::ClockJump,
            Change::SpuriousWake,
            Change::Vanish,
            Change::IcmpLie,
        ];
        let mut changes = Vec::new();
        for change in all {
            if self.on() {
                changes.push(change);
            }
        }
        Weather {
            changes,
            pause: Duration::from_millis(50 << self.below(5)),
        }
    }

    const fn host(&mut self) -> HostFaults {
        HostFaults {
            late_timer: self.often(1_000),
            send_blocked: self.rate(400),
            send_refused: self.rate(500),
            largest: None,
            partial_batch: self.often(600),
            permuted_batch: self.often(1_000),
        }
    }

    const fn habits(&mut self) -> Habits {
        let byte_by_byte = self.on();
        let many_streams = self.on();
        let streams = if many_streams {
            20 + self.below(300)
        } else {
            1 + self.below(6)
        };
        let most = match (byte_by_byte, many_streams) {
            (true, _) => 200,
            (false, true) => 2_000,
            (false, false) => 4_000 << self.below(8),
        };
        let after = Duration::from_millis(self.below(800));
        let at_once = self.half();
        Habits {
            never_reads: self.on(),
            never_writes: self.on(),
            never_accepts: self.rng.chance(300),
            byte_by_byte,
            many_streams,
            reset: self.rate(300),
            stop: self.often(300),
            key_update: self.rate(20),
            datagrams: 0,
            moves: 0,
            close: if self.half() {
                Some((after, at_once))
            } else {
                None
            },
            streams: streams as u32,
            bytes: 1 + self.below(most),
        }
    }

    /// What the two ends use of what they can do.
    fn uses(&mut self, plan: &mut Plan) {
        for config in &mut plan.configs {
            if self.rng.below(3) == 0 {
                config.algorithm = Algorithm::Bbr;
            }
            config.spin_bit = self.half();
            config.grease_quic_bit = self.half();
            config.ack_frequency = self.half();
            config.max_datagram_frame_size = [0, 500, 65_535, 65_535][self.below(4) as usize];
        }
        self.versions(&mut plan.configs);
        for habits in &mut plan.habits {
            habits.datagrams = self.often(300);
            habits.moves = self.often(20);
        }
        for host in &mut plan.hosts {
            host.largest = self.half().then(|| 1_200 + self.rng.below(260) as usize);
        }
        plan.tokens = self.half();
        let [_, server] = &mut plan.configs;
        server.disable_active_migration = self.rng.chance(100);
        if self.half() {
            server.preferred_v4 = Some(PREFERRED);
            plan.preferred = Some(PREFERRED.into());
            plan.preferred_works = self.rng.chance(800);
        }
        plan.early = match self.below(6) {
            0 | 1 => EarlyPlan::Accepted,
            2 => EarlyPlan::Refused,
            3 => EarlyPlan::Changed(self.config(1).streams),
            _ => EarlyPlan::Off,
        };
    }

    /// Versions that overlap, and the one that the client begins with.
    fn versions(&mut self, [client, server]: &mut [Config; 2]) {
        let lists = [
            &[Version::V1, Version::V2][..],
            &[Version::V2, Version::V1],
            &[Version::V1],
            &[Version::V2],
        ];
        let mut pick = |from: u64| Versions::of(lists[self.rng.below(from) as usize]);
        server.versions = pick(4);
        client.versions = pick(4);
        if !client
            .versions
            .as_slice()
            .iter()
            .any(|version| server.versions.contains(*version))
        {
            client.versions = pick(2);
        }
        let count = client.versions.as_slice().len() as u64;
        client.version = match self.below(8) {
            0 => Version::reserved(self.rng.next_u64() as u8),
            _ => client.versions.as_slice()[self.below(count) as usize],
        };
    }

    fn config(&mut self, idle: u64) -> Config {
        let mut config = Config {
            idle_timeout: Duration::from_secs(idle),
            keep_alive: self
                .half()
                .then(|| Duration::from_secs(1 + self.rng.below(10))),
            algorithm: [Algorithm::Cubic, Algorithm::NewReno][self.below(2) as usize],
            udp_payload: [1_200, 1_200, 1_350, 1_452][self.below(4) as usize],
            ..Config::default()
        };
        if self.half() {
            let stream = 1_000 << self.below(8);
            let ceiling = stream << self.below(4);
            config.streams.stream_window = Window {
                initial: stream,
                ceiling,
            };
            config.streams.connection_window = Window {
                initial: stream + stream / 2,
                ceiling: 2 * ceiling,
            };
            config.streams.max_streams_bidi = 1 + self.below(20);
            config.streams.max_streams_uni = 1 + self.below(20);
            config.streams.send_buffer = 4_000 << self.below(8);
            config.streams.stream_send_buffer = config.streams.send_buffer / 2;
        }
        config
    }
}

/// Where servers would rather be reached.
const PREFERRED: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 77), 443);
