//! Calls of two applications in any order over a link with faults. What is read is a prefix of what was written, a deadline
//! exists while something is unacknowledged, and when the faults stop everything completes or closes.
#![no_main]

mod common;

use std::collections::BTreeMap;

use common::Choices;
use inquic_engine::stream::{ReadError, WriteError};
use inquic_engine::{Config, Handle, RetryPolicy};
use inquic_platform::Duration;
use inquic_sim::{Faults, Settings, World};
use inquic_wire::{Direction, StreamId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let since = common::begin();
    let mut choices = Choices(input);
    let mut play = Play::new(&mut choices);
    for _ in 0..OPERATIONS {
        if choices.is_empty() || play.is_over() {
            break;
        }
        play.operate(&mut choices);
        play.check();
    }
    play.finish();
    drop(play);
    let peak = common::peak(since);
    assert!(peak <= PEAK, "{peak} bytes at once");
});

/// Two connected ends and what each stream carried.
struct Play {
    world: World,
    /// The client's connection, then the server's.
    handles: [Handle; 2],
    streams: Vec<StreamId>,
    /// By sender and stream.
    flows: BTreeMap<(usize, StreamId), Flow>,
}

/// One direction of a stream.
#[derive(Default)]
struct Flow {
    written: u64,
    read: u64,
    finished: bool,
    /// Reset, stopped or read to its end: nothing more is expected.
    over: bool,
}

impl Play {
    fn new(choices: &mut Choices<'_>) -> Self {
        let kind = choices.byte();
        let small = kind & 1 != 0;
        let mut config = Config::default();
        if small {
            config.streams.stream_window.initial = 2_000;
            config.streams.stream_window.ceiling = 4_000;
            config.streams.connection_window.initial = 3_000;
            config.streams.connection_window.ceiling = 6_000;
            config.streams.max_streams_bidi = 3;
            config.streams.max_streams_uni = 2;
            config.streams.send_buffer = 8_000;
            config.streams.stream_send_buffer = 4_000;
        }
        config.keep_alive = (kind & 2 != 0).then_some(Duration::from_secs(5));
        config.udp_payload = if kind & 4 != 0 { 9_000 } else { 1_200 };
        config.algorithm = if kind & 8 != 0 {
            inquic_engine::recovery::Algorithm::NewReno
        } else {
            inquic_engine::recovery::Algorithm::Cubic
        };
        let retry = if kind & 16 != 0 {
            RetryPolicy::Always
        } else {
            RetryPolicy::Never
        };
        let settings = Settings {
            config,
            retry,
            ..Settings::default()
        };
        let mut world = World::open(
            u64::from(choices.byte()),
            settings.clone(),
            settings,
            Faults::default(),
        );
        let (client, server) = world.connected();
        let mut play = Self {
            world,
            handles: [client, server],
            streams: Vec::new(),
            flows: BTreeMap::new(),
        };
        play.set_faults(choices);
        play
    }

    fn set_faults(&mut self, choices: &mut Choices<'_>) {
        let faults = Faults {
            delay: Duration::from_millis(1 + u64::from(choices.byte())),
            jitter: Duration::from_millis(u64::from(choices.byte()) / 4),
            loss: u32::from(choices.byte()),
            duplication: u32::from(choices.byte() / 2),
            ..Faults::default()
        };
        self.world.up.faults = faults;
        self.world.down.faults = faults;
    }

    fn connection(&mut self, end: usize) -> Option<&mut inquic_engine::Connection> {
        let host = if end == 0 {
            &mut self.world.client
        } else {
            &mut self.world.server
        };
        host.get(self.handles[end])
    }

    fn is_over(&mut self) -> bool {
        self.connection(0).is_none() && self.connection(1).is_none()
    }

    fn operate(&mut self, choices: &mut Choices<'_>) {
        let end = choices.below(2);
        let now = self.world.now;
        let direction = [Direction::Bidirectional, Direction::Unidirectional][choices.below(2)];
        let chosen = self.streams.get(choices.below(self.streams.len())).copied();
        let kind = choices.byte() % 32;
        let Some(connection) = self.connection(end) else {
            return;
        };
        match (kind, chosen) {
            (0..=3, _) => {
                let opened = connection.open(direction).ok();
                self.streams.extend(opened);
            }
            (4..=10, Some(id)) => self.write(end, id, usize::from(choices.u16()) % 20_000),
            (11..=15, Some(id)) => self.read(end, id, 1 + usize::from(choices.u16()) % 20_000),
            (16 | 17, Some(id)) => {
                if connection
                    .streams()
                    .is_ok_and(|streams| streams.finish(id).is_ok())
                {
                    self.flows.entry((end, id)).or_default().finished = true;
                }
            }
            (18, Some(id)) => {
                if connection
                    .streams()
                    .is_ok_and(|streams| streams.reset(id, 7).is_ok())
                {
                    self.flows.entry((end, id)).or_default().over = true;
                }
            }
            (19, Some(id)) => {
                if connection
                    .streams()
                    .is_ok_and(|streams| streams.stop(id, 8).is_ok())
                {
                    self.flows.entry((1 - end, id)).or_default().over = true;
                }
            }
            (20, Some(id)) => {
                let priority = i32::from(choices.byte()) - 128;
                if let Ok(streams) = connection.streams() {
                    let _ = streams.set_priority(id, priority);
                }
            }
            (21, _) => drop(connection.initiate_key_update(now)),
            (22, _) => connection.send_ping(),
            (23, _) => self.set_faults(choices),
            (24, _) if choices.byte() < 16 => connection.close(now, 9, b"done"),
            (25, _) => self.accept(end),
            // The clock jumps, as after a suspend.
            (26, _) => self.world.now = now + Duration::from_millis(choices.number() % 3_600_000),
            (_, _) => self
                .world
                .run_for(Duration::from_micros(choices.number() % 2_000_000)),
        }
        self.world.flush();
    }

    fn accept(&mut self, end: usize) {
        for direction in [Direction::Bidirectional, Direction::Unidirectional] {
            while self
                .connection(end)
                .is_some_and(|connection| connection.accept(direction).is_some())
            {}
        }
    }

    fn write(&mut self, end: usize, id: StreamId, len: usize) {
        let flow = self.flows.entry((end, id)).or_default();
        let data: Vec<u8> = (flow.written..flow.written + len as u64)
            .map(|at| byte(end, id, at))
            .collect();
        let wrote = self
            .connection(end)
            .map(|connection| connection.write(id, &data));
        let flow = self.flows.entry((end, id)).or_default();
        match wrote {
            Some(Ok(count)) => {
                assert!(count <= len && !flow.finished);
                flow.written += count as u64;
            }
            Some(Err(WriteError::Stopped(code))) => {
                assert_eq!(code, 8);
                flow.over = true;
            }
            Some(Err(
                WriteError::Blocked
                | WriteError::Finished
                | WriteError::Unknown
                | WriteError::Memory,
            ))
            | None => {}
        }
    }

    fn read(&mut self, end: usize, id: StreamId, room: usize) {
        let now = self.world.now;
        let mut out = vec![0; room];
        let Some(connection) = self.connection(end) else {
            return;
        };
        let read = connection.read(now, id, &mut out);
        let Some(flow) = self.flows.get_mut(&(1 - end, id)) else {
            return;
        };
        match read {
            Ok(read) => {
                for (index, got) in out[..read.bytes].iter().enumerate() {
                    assert_eq!(
                        *got,
                        byte(1 - end, id, flow.read + index as u64),
                        "a byte that was not written there"
                    );
                }
                flow.read += read.bytes as u64;
                assert!(flow.read <= flow.written);
                if read.fin {
                    assert!(
                        flow.finished && flow.read == flow.written,
                        "the end before the end"
                    );
                    flow.over = true;
                }
            }
            Err(ReadError::Reset(code)) => {
                assert!(code == 7 || code == 8);
                flow.over = true;
            }
            Err(ReadError::Blocked | ReadError::Stopped | ReadError::Unknown) => {}
        }
    }

    /// Whatever is unacknowledged has a deadline.
    fn check(&mut self) {
        for end in 0..2 {
            let Some(connection) = self.connection(end) else {
                continue;
            };
            if connection.stats().bytes_in_flight > 0 {
                assert!(
                    connection.next_deadline().is_some(),
                    "nothing will end the wait"
                );
            }
        }
    }

    /// Faults off: everything completes, or both ends close.
    fn finish(&mut self) {
        self.world.up.faults = Faults::default();
        self.world.down.faults = Faults::default();
        let ids = self.streams.clone();
        for &(end, id) in self.flows.keys().collect::<Vec<_>>().iter() {
            let (end, id) = (*end, *id);
            let finished = {
                let host = if end == 0 {
                    &mut self.world.client
                } else {
                    &mut self.world.server
                };
                host.get(self.handles[end])
                    .and_then(|connection| connection.streams().ok())
                    .is_some_and(|streams| streams.finish(id).is_ok())
            };
            let _ = finished;
        }
        for flow in self.flows.values_mut() {
            flow.finished = true;
        }
        let mut left = Vec::new();
        for round in 0..ROUNDS + SLOW_ROUNDS {
            for end in 0..2 {
                self.accept(end);
                for &id in &ids {
                    let mut before = u64::MAX;
                    while self
                        .flows
                        .get(&(1 - end, id))
                        .is_some_and(|flow| !flow.over && flow.read != before)
                    {
                        before = self.flows[&(1 - end, id)].read;
                        self.read(end, id, 20_000);
                    }
                }
            }
            self.world.flush();
            // A jump of the clock makes the path look slow for a while, and pacing with it.
            let tenths = if round < ROUNDS { 1 } else { 600 };
            self.world.run_for(Duration::from_millis(100 * tenths));
            self.check();
            left = self
                .flows
                .iter()
                .filter(|(_, flow)| !flow.over && flow.read < flow.written)
                .map(|(&key, flow)| (key, flow.read, flow.written))
                .collect();
            let closed = (0..2).any(|end| {
                self.connection(end)
                    .is_none_or(|connection| connection.close_reason().is_some())
            });
            if left.is_empty() || closed {
                break;
            }
        }
        self.assert_ended(&left);
    }

    /// Everything arrived, or both ends have closed and forget the connection.
    fn assert_ended(&mut self, left: &[((usize, StreamId), u64, u64)]) {
        let closed = (0..2).any(|end| {
            self.connection(end)
                .is_none_or(|connection| connection.close_reason().is_some())
        });
        assert!(
            left.is_empty() || closed,
            "without faults, and still: {left:?}"
        );
        if closed {
            // Three probe timeouts are long where a jump of the clock made the path look slow.
            let ended = self
                .world
                .run_until(Duration::from_secs(48 * 3_600), |world| {
                    world.client.endpoint.is_empty() && world.server.endpoint.is_empty()
                });
            assert!(ended, "both ends end");
        }
    }
}

/// The byte at an offset: its own for each sender and stream.
fn byte(end: usize, id: StreamId, offset: u64) -> u8 {
    (offset ^ offset >> 8 ^ offset >> 16 ^ id.to_u64().wrapping_mul(31) ^ (end as u64) << 7) as u8
}

const OPERATIONS: usize = 150;
/// Three idle timeouts, in tenths of a second.
const ROUNDS: usize = 900;
/// Minutes until the estimate of a round trip has forgotten a jump of the clock.
const SLOW_ROUNDS: usize = 60;
/// Both ends' windows and buffers, and what is on the link.
const PEAK: usize = 64 << 20;
