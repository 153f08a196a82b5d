//! The streams of two ends with a channel between that loses and reorders packets of frames, and frames of the fuzzer's own into
//! one of them. No panic, memory within its bound, and what is read is a prefix of what was written.
#![no_main]

mod common;

use std::collections::{BTreeMap, VecDeque};

use common::Choices;
use inquic_engine::recovery::{Fate, SentFrame};
use inquic_engine::stream::{Config, Streams};
use inquic_platform::{Duration, Instant};
use inquic_wire::{Direction, Frame, Frames, Level, Role, StreamId, TransportParameters, Writer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices(input);
    let kind = choices.byte();
    let mut config = Config::new(Role::Client);
    if kind & 1 != 0 {
        config.stream_window.initial = 1_000;
        config.connection_window.initial = 1_500;
        config.max_streams_bidi = 2;
        config.send_buffer = 3_000;
        config.stream_send_buffer = 2_000;
    }
    let mut ends = [
        End::new(config, Role::Client),
        End::new(config, Role::Server),
    ];
    let mut ids: Vec<StreamId> = Vec::new();
    let mut now = Instant::ZERO;
    let hostile = kind & 2 != 0;
    for _ in 0..OPERATIONS {
        if choices.is_empty() {
            break;
        }
        let at = choices.below(2);
        now = now + Duration::from_millis(1);
        let id = ids.get(choices.below(ids.len())).copied();
        let direction = [Direction::Bidirectional, Direction::Unidirectional][choices.below(2)];
        match (choices.byte() % 16, id) {
            (0 | 1, _) => ids.extend(ends[at].streams.open(direction).ok()),
            (2, _) => drop(ends[at].streams.accept(direction)),
            (3..=5, Some(id)) => ends[at].write(at, id, usize::from(choices.u16()) % 5_000),
            (6 | 7, Some(id)) => {
                let (data, fin) = ends[at].read(now, id, usize::from(choices.u16()) % 5_000);
                let written = ends[1 - at].written.get(&id).copied().unwrap_or_default();
                let read = ends[at].taken.entry(id).or_default();
                if !hostile {
                    for (index, got) in data.iter().enumerate() {
                        assert_eq!(*got, byte(1 - at, id, *read + index as u64));
                    }
                    assert!(*read + data.len() as u64 <= written);
                    assert!(!fin || *read + data.len() as u64 == written);
                }
                *read += data.len() as u64;
            }
            (8, Some(id)) => drop(ends[at].streams.finish(id)),
            (9, Some(id)) => match choices.below(3) {
                0 => drop(ends[at].streams.reset(id, 1)),
                1 => drop(ends[at].streams.stop(id, 2)),
                _ => drop(
                    ends[at]
                        .streams
                        .set_priority(id, i32::from(choices.byte()) - 9),
                ),
            },
            (10 | 11, _) => ends[at].send(now, 1_200),
            (12, _) if hostile => {
                let len = choices.below(200);
                let frames = choices.bytes(len).to_vec();
                ends[at].receive(&frames);
            }
            (13, _) => {
                // The channel loses the oldest packet, and the sender hears of it.
                if let Some((_, sent)) = ends[1 - at].channel.pop_front() {
                    ends[1 - at].settle(Fate::Lost, &sent);
                }
            }
            (_, _) => {
                let first = choices.byte() & 7 != 0;
                let channel = &mut ends[1 - at].channel;
                let packet = if first {
                    channel.pop_front()
                } else {
                    channel.pop_back()
                };
                if let Some((packet, sent)) = packet {
                    let taken = ends[at].receive(&packet);
                    ends[1 - at].settle(
                        if taken {
                            Fate::Acknowledged
                        } else {
                            Fate::Lost
                        },
                        &sent,
                    );
                }
            }
        }
        for end in &mut ends {
            while end.streams.next_event().is_some() {}
            let bytes = end.streams.allocated_bytes();
            assert!(bytes <= PEAK, "{bytes} bytes");
        }
        if ends.iter().any(|end| end.offended) {
            assert!(hostile, "an honest peer's frame taken for an offence");
            break;
        }
    }
});

struct End {
    role: Role,
    streams: Streams,
    channel: VecDeque<(Vec<u8>, Vec<SentFrame>)>,
    written: BTreeMap<StreamId, u64>,
    taken: BTreeMap<StreamId, u64>,
    offended: bool,
}

impl End {
    fn new(config: Config, role: Role) -> Self {
        let mut streams = Streams::new(&Config { role, ..config });
        let mut peer = TransportParameters::default();
        config.fill(&mut peer);
        streams.set_peer_parameters(&peer);
        Self {
            role,
            streams,
            channel: VecDeque::new(),
            written: BTreeMap::new(),
            taken: BTreeMap::new(),
            offended: false,
        }
    }

    fn write(&mut self, end: usize, id: StreamId, len: usize) {
        let at = self.written.entry(id).or_default();
        let data: Vec<u8> = (*at..*at + len as u64)
            .map(|at| byte(end, id, at))
            .collect();
        if let Ok(count) = self.streams.write(id, &data) {
            *at += count as u64;
        }
    }

    fn read(&mut self, now: Instant, id: StreamId, room: usize) -> (Vec<u8>, bool) {
        let mut out = vec![0; room];
        match self
            .streams
            .read(now, Duration::from_millis(10), id, &mut out)
        {
            Ok(read) => {
                out.truncate(read.bytes);
                (out, read.fin)
            }
            Err(_) => (Vec::new(), false),
        }
    }

    fn send(&mut self, now: Instant, size: usize) {
        let mut packet = vec![0; size];
        let mut sent = Vec::new();
        let mut writer = Writer::new(&mut packet);
        self.streams
            .write_frames(now, &mut writer, None, &mut |frame| {
                sent.push(frame);
                true
            });
        let len = writer.position();
        packet.truncate(len);
        if len > 0 {
            self.channel.push_back((packet, sent));
        }
    }

    fn settle(&mut self, fate: Fate, sent: &[SentFrame]) {
        for frame in sent {
            self.streams.on_frame_fate(fate, *frame);
        }
    }

    /// Takes a packet of frames; whether it may be acknowledged.
    fn receive(&mut self, packet: &[u8]) -> bool {
        use inquic_engine::stream::OnStream;
        let streams = &mut self.streams;
        let mut taken = true;
        for frame in Frames::new(packet, Level::OneRtt, self.role) {
            let result = match frame {
                Err(error) => Err(error),
                Ok(Frame::Stream {
                    id,
                    offset,
                    data,
                    fin,
                }) => streams
                    .on_stream(id, offset, data, fin)
                    .map(|on| taken &= on == OnStream::Taken),
                Ok(Frame::ResetStream {
                    id,
                    code,
                    final_size,
                }) => streams
                    .on_reset_stream(id, code, final_size)
                    .map(|on| taken &= on == OnStream::Taken),
                Ok(Frame::StopSending { id, code }) => streams
                    .on_stop_sending(id, code)
                    .map(|on| taken &= on == OnStream::Taken),
                Ok(Frame::MaxStreamData { id, max }) => streams
                    .on_max_stream_data(id, max)
                    .map(|on| taken &= on == OnStream::Taken),
                Ok(Frame::MaxStreams { direction, max }) => streams.on_max_streams(direction, max),
                Ok(Frame::StreamDataBlocked { id, limit }) => {
                    streams.on_stream_data_blocked(id, limit)
                }
                Ok(Frame::StreamsBlocked { direction, limit }) => {
                    streams.on_streams_blocked(direction, limit)
                }
                Ok(Frame::MaxData(max)) => {
                    streams.on_max_data(max);
                    Ok(())
                }
                Ok(Frame::DataBlocked(limit)) => {
                    streams.on_data_blocked(limit);
                    Ok(())
                }
                Ok(_) => Ok(()),
            };
            if result.is_err() {
                self.offended = true;
                return false;
            }
        }
        taken
    }
}

fn byte(end: usize, id: StreamId, offset: u64) -> u8 {
    (offset ^ offset >> 8 ^ id.to_u64().wrapping_mul(31) ^ (end as u64) << 7) as u8
}

const OPERATIONS: usize = 400;
/// Both buffers at their bounds, and 256 streams of each kind.
const PEAK: usize = 6 << 20;
