extern crate std;

use proptest::prelude::*;

use inquic_wire::{Role, StreamId};

use super::helper::*;
use crate::recovery::SentFrame;
use crate::stream::{Config, Read, ReadError, Streams, Window, WriteError};

/// What the application on one side does, and how the network treats it.
#[derive(Clone, Debug)]
struct Script {
    /// For each stream: its direction, and how many bytes it carries.
    streams: Vec<(bool, usize)>,
    /// Sizes of writes, reads and packets, in turn.
    sizes: Vec<usize>,
    /// What happens to packets, in turn.
    fates: Vec<Treatment>,
    windows: (u64, u64),
    buffers: (usize, usize),
}

#[derive(Clone, Copy, Debug)]
enum Treatment {
    Arrives,
    ArrivesTwice,
    ArrivesButCountsAsLost,
    IsLost,
    WaitsLong,
}

fn script() -> impl Strategy<Value = Script> {
    let treatment = prop_oneof![
        4 => Just(Treatment::Arrives),
        1 => Just(Treatment::ArrivesTwice),
        1 => Just(Treatment::ArrivesButCountsAsLost),
        2 => Just(Treatment::IsLost),
        2 => Just(Treatment::WaitsLong),
    ];
    (
        prop::collection::vec((any::<bool>(), 0..30_000_usize), 1..6),
        prop::collection::vec(1..3_000_usize, 1..20),
        prop::collection::vec(treatment, 1..60),
        (100..20_000_u64, 100..40_000_u64),
        (100..60_000_usize, 100..30_000_usize),
    )
        .prop_map(|(streams, sizes, fates, windows, buffers)| Script {
            streams,
            sizes,
            fates,
            windows,
            buffers,
        })
}

struct Turns<'a, T>(&'a [T], usize);

impl<T: Copy> Turns<'_, T> {
    fn next(&mut self) -> T {
        self.1 += 1;
        self.0[self.1 % self.0.len()]
    }
}

/// One direction of the network: packets that left and have not arrived.
struct Wire<'a> {
    waiting: Vec<(Vec<Out>, Vec<SentFrame>)>,
    fates: Turns<'a, Treatment>,
}

impl Wire<'_> {
    /// One packet leaves `from` and something happens to it or to one before it.
    fn step(&mut self, from: &mut Streams, to: &mut Streams, size: usize, kind: bool) {
        let packet = packet(from, size.max(40));
        if !packet.frames.is_empty() {
            self.waiting.push((packet.frames, packet.sent));
        }
        if self.waiting.is_empty() {
            return;
        }
        let (treatment, at) = if kind {
            (Treatment::Arrives, 0)
        } else {
            (self.fates.next(), (size * 7) % self.waiting.len())
        };
        let (frames, sent) = match treatment {
            Treatment::WaitsLong if self.waiting.len() < 100 => return,
            Treatment::WaitsLong => self.waiting.remove(0),
            _ => self.waiting.remove(at),
        };
        if matches!(treatment, Treatment::IsLost) {
            return lose(from, &sent);
        }
        let times = 1 + usize::from(matches!(treatment, Treatment::ArrivesTwice));
        let mut kept = true;
        for _ in 0..times {
            for frame in &frames {
                kept &= deliver(to, frame).expect("no offence") == crate::stream::OnStream::Taken;
            }
        }
        if !kept || matches!(treatment, Treatment::ArrivesButCountsAsLost) {
            lose(from, &sent);
        } else {
            acknowledge(from, &sent);
        }
    }
}

/// What the writer of one stream has done, and what its reader got.
struct Flow {
    id: StreamId,
    len: usize,
    written: usize,
    finished: bool,
    read: Vec<u8>,
    ended: bool,
}

fn seed(id: StreamId) -> u64 {
    id.to_u64() << 32
}

fn write_some(client: &mut Streams, flow: &mut Flow, size: usize) {
    if flow.finished {
        return;
    }
    let rest = bytes(
        seed(flow.id) + flow.written as u64,
        size.min(flow.len - flow.written),
    );
    match client.write(flow.id, &rest) {
        Ok(taken) => flow.written += taken,
        Err(WriteError::Blocked) => {}
        Err(other) => panic!("{other:?}"),
    }
    if flow.written == flow.len {
        client.finish(flow.id).unwrap();
        flow.finished = true;
    }
}

fn read_some(server: &mut Streams, flow: &mut Flow, size: usize, ms: u64) {
    let mut out = vec![0; size];
    match server.read(at(ms), RTT, flow.id, &mut out) {
        Ok(Read { bytes, fin }) => {
            flow.read.extend_from_slice(&out[..bytes]);
            flow.ended |= fin;
        }
        Err(ReadError::Blocked) => {}
        Err(ReadError::Unknown) => assert!(flow.ended || flow.read.is_empty()),
        Err(other) => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_network_does_what_was_written_is_read(script in script()) {
        let (stream, connection) = script.windows;
        let window = |initial: u64| Window { initial, ceiling: initial * 4 };
        let config = Config {
            stream_window: window(stream),
            connection_window: window(connection),
            ..Config::new(Role::Server)
        };
        let mut server = streams(&config);
        let mut granted = inquic_wire::TransportParameters::default();
        config.fill(&mut granted);
        let mut client = Streams::new(&Config {
            send_buffer: script.buffers.0,
            stream_send_buffer: script.buffers.1,
            ..Config::new(Role::Client)
        });
        client.set_peer_parameters(&granted);

        let mut flows: Vec<Flow> = script.streams.iter().map(|(both, len)| Flow {
            id: client.open(if *both { BIDI } else { UNI }).unwrap(),
            len: *len,
            written: 0,
            finished: false,
            read: Vec::new(),
            ended: false,
        }).collect();
        let mut sizes = Turns(&script.sizes, 0);
        let mut there = Wire { waiting: Vec::new(), fates: Turns(&script.fates, 0) };
        let mut back = Wire { waiting: Vec::new(), fates: Turns(&script.fates, 3) };
        for round in 0..20_000 {
            // In the end the network is kind, so that all must arrive.
            let kind = round > 500;
            for flow in &mut flows {
                write_some(&mut client, flow, sizes.next());
                there.step(&mut client, &mut server, sizes.next(), kind);
                while server.accept(BIDI).or_else(|| server.accept(UNI)).is_some() {}
                read_some(&mut server, flow, sizes.next(), round);
                back.step(&mut server, &mut client, sizes.next(), kind);
            }
            let quiet = !client.wants_to_send() && !server.wants_to_send();
            if quiet && flows.iter().all(|flow| flow.ended)
                && there.waiting.is_empty() && back.waiting.is_empty()
            {
                break;
            }
        }
        for flow in &flows {
            prop_assert!(flow.ended, "{:?} got {} of {}", flow.id, flow.read.len(), flow.len);
            prop_assert_eq!(&flow.read, &bytes(seed(flow.id), flow.len));
        }
        // Nothing is left but the halves that were never used.
        events(&mut client);
        events(&mut server);
        let unused = script.streams.iter().filter(|(both, _)| *both).count() as u64;
        prop_assert_eq!(client.stats().open, unused);
        prop_assert_eq!(server.stats().open, unused);
    }
}
