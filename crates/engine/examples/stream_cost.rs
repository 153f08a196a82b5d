//! Moves bytes through the streams of two connections, for counting instructions: `stream_cost send|receive|short MEBIBYTES`.
//!
//! Under `valgrind --tool=callgrind` the same arguments give the same numbers on every machine.
#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what measures may abort when memory is refused"
)]

use inquic_engine::recovery::{Fate, SentFrame};
use inquic_engine::stream::{Config, OnStream, Streams, Window};
use inquic_platform::{Duration, Instant};
use inquic_wire::{Direction, Role, TransportParameters, Writer};

const PAYLOAD: usize = 1_400;
const BATCH: usize = 44;
const UNI: Direction = Direction::Unidirectional;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, mebibytes] = arguments.as_slice() else {
        return eprintln!("usage: stream_cost send|receive|short MEBIBYTES");
    };
    let bytes = mebibytes.parse::<usize>().unwrap_or(1) << 20;
    let packets = match what.as_str() {
        "send" => send(bytes),
        "receive" => receive(bytes),
        _ => short(bytes),
    };
    println!("{packets} packets or streams");
}

fn config(role: Role) -> Config {
    let window = Window {
        initial: 8 << 20,
        ceiling: 8 << 20,
    };
    Config {
        stream_window: window,
        connection_window: window,
        ..Config::new(role)
    }
}

fn client() -> Streams {
    let mut client = Streams::new(&config(Role::Client));
    client.set_peer_parameters(&TransportParameters {
        initial_max_data: 1 << 60,
        initial_max_stream_data_uni: 1 << 60,
        initial_max_streams_uni: 1 << 60,
        ..TransportParameters::default()
    });
    client
}

/// One hot stream: write, 44 packets, and their acknowledgement.
fn send(bytes: usize) -> usize {
    let mut client = client();
    let Ok(id) = client.open(UNI) else { return 0 };
    let data = vec![7; 64 * 1024];
    let mut buffer = vec![0; PAYLOAD];
    let mut sent: Vec<SentFrame> = Vec::with_capacity(BATCH);
    let (mut written, mut packets) = (0, 0);
    while written < bytes {
        written += client.write(id, &data).unwrap_or(0);
        while client.wants_to_send() {
            for _ in 0..BATCH {
                let mut writer = Writer::new(&mut buffer);
                client.write_frames(Instant::ZERO, &mut writer, None, &mut |frame| {
                    sent.push(frame);
                    true
                });
                packets += 1;
                if !client.wants_to_send() {
                    break;
                }
            }
            for frame in sent.drain(..) {
                client.on_frame_fate(Fate::Acknowledged, frame);
            }
        }
        while client.next_event().is_some() {}
    }
    packets
}

/// One hot stream: 44 packets in order, then the application reads them in pieces of 64 KiB.
fn receive(bytes: usize) -> usize {
    let mut server = Streams::new(&config(Role::Server));
    let Some(id) = inquic_wire::StreamId::new(Role::Client, UNI, 0) else {
        return 0;
    };
    let data = vec![7; PAYLOAD];
    let mut out = vec![0; 64 * 1024];
    let mut buffer = vec![0; PAYLOAD];
    let (mut offset, mut packets) = (0, 0);
    while offset < bytes as u64 {
        for _ in 0..BATCH {
            if server.on_stream(id, offset, &data, false) != Ok(OnStream::Taken) {
                return 0;
            }
            offset += PAYLOAD as u64;
            packets += 1;
        }
        while server.accept(UNI).is_some() {}
        while server.next_event().is_some() {}
        let now = Instant::from_nanos(offset);
        while server
            .read(now, Duration::from_millis(1), id, &mut out)
            .is_ok()
        {}
        let mut writer = Writer::new(&mut buffer);
        server.write_frames(now, &mut writer, None, &mut |_| true);
    }
    packets
}

/// Streams of 1 KiB, 32 at a time, from open to gone on both sides.
fn short(bytes: usize) -> usize {
    let mut client = client();
    let mut server = Streams::new(&config(Role::Server));
    let data = vec![7; 1_024];
    let mut out = vec![0; 2_048];
    let mut buffer = vec![0; PAYLOAD];
    let mut sent: Vec<SentFrame> = Vec::new();
    let mut streams = 0;
    while streams < bytes / data.len() {
        for _ in 0..32 {
            let Ok(id) = client.open(UNI) else { return 0 };
            let _ = client.write(id, &data);
            let _ = client.finish(id);
            streams += 1;
        }
        while client.wants_to_send() {
            let mut writer = Writer::new(&mut buffer);
            client.write_frames(Instant::ZERO, &mut writer, None, &mut |frame| {
                sent.push(frame);
                true
            });
        }
        for frame in sent.drain(..) {
            if let SentFrame::Stream {
                id,
                offset,
                len,
                fin,
            } = frame
            {
                let _ = server.on_stream(id, offset, &data[..usize::from(len)], fin);
            }
            client.on_frame_fate(Fate::Acknowledged, frame);
        }
        while server.next_event().is_some() {}
        while let Some(id) = server.accept(UNI) {
            let _ = server.read(Instant::ZERO, Duration::ZERO, id, &mut out);
        }
        while client.next_event().is_some() {}
        let mut writer = Writer::new(&mut buffer);
        server.write_frames(Instant::ZERO, &mut writer, None, &mut |_| true);
    }
    streams
}
