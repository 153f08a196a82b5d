//! One side's streams, and the other side as a script writes it.

pub(super) use alloc::{vec, vec::Vec};

use inquic_platform::{Duration, Instant, Tail, Tails};
use inquic_wire::{
    Direction, Frame, Frames, Level, PeerError, Role, StreamId, TransportParameters, Writer,
};

use crate::recovery::{Fate, SentFrame};
use crate::stream::{Config, OnStream, ReadError, StreamEvent, Streams, Window};

pub(super) const RTT: Duration = Duration::from_millis(10);
pub(super) const BIDI: Direction = Direction::Bidirectional;
pub(super) const UNI: Direction = Direction::Unidirectional;

/// Milliseconds since the start.
pub(super) const fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

pub(super) fn id(raw: u64) -> StreamId {
    StreamId::from_u64(raw).expect("a stream id")
}

/// Small round numbers: 100 bytes a stream, 250 a connection, 4 streams of each type.
pub(super) fn small(role: Role) -> Config {
    Config {
        stream_window: Window {
            initial: 100,
            ceiling: 400,
        },
        connection_window: Window {
            initial: 250,
            ceiling: 1_000,
        },
        max_streams_bidi: 4,
        max_streams_uni: 4,
        ..Config::new(role)
    }
}

/// A peer that allows a megabyte of everything and 1,000 streams.
pub(super) fn generous() -> TransportParameters {
    TransportParameters {
        initial_max_data: 1 << 20,
        initial_max_stream_data_bidi_local: 1 << 20,
        initial_max_stream_data_bidi_remote: 1 << 20,
        initial_max_stream_data_uni: 1 << 20,
        initial_max_streams_bidi: 1_000,
        initial_max_streams_uni: 1_000,
        ..TransportParameters::default()
    }
}

pub(super) fn streams(config: &Config) -> Streams {
    let mut streams = Streams::new(config);
    streams.set_peer_parameters(&generous());
    streams
}

/// A server with [`small`] windows; its peer's streams are 0, 4, 8 … and 2, 6, 10 …
pub(super) fn server() -> Streams {
    streams(&small(Role::Server))
}

/// A client with the default windows; its streams are 0, 4, 8 … and 2, 6, 10 …
pub(super) fn client() -> Streams {
    streams(&Config::new(Role::Client))
}

/// A frame that was sent, owning its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Out {
    Stream {
        id: u64,
        offset: u64,
        data: Vec<u8>,
        fin: bool,
    },
    Reset {
        id: u64,
        code: u64,
        size: u64,
    },
    Stop {
        id: u64,
        code: u64,
    },
    MaxData(u64),
    MaxStreamData {
        id: u64,
        max: u64,
    },
    MaxStreams(Direction, u64),
    DataBlocked(u64),
    StreamDataBlocked {
        id: u64,
        limit: u64,
    },
    StreamsBlocked(Direction, u64),
}

/// One packet: what it says, and what recovery would be told of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Packet {
    pub(super) frames: Vec<Out>,
    pub(super) sent: Vec<SentFrame>,
    pub(super) bytes: Vec<u8>,
}

/// One packet of at most `size` bytes of frames.
pub(super) fn packet(streams: &mut Streams, size: usize) -> Packet {
    let mut bytes = vec![0; size];
    let mut sent = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    streams.write_frames(at(0), &mut writer, None, &mut |frame| {
        sent.push(frame);
        true
    });
    let len = writer.position();
    bytes.truncate(len);
    let frames = parse(&bytes);
    assert_eq!(
        frames.len(),
        sent.len(),
        "every frame is reported: {frames:?} {sent:?}"
    );
    Packet {
        frames,
        sent,
        bytes,
    }
}

/// One packet of at most `size` bytes of frames, made as a packet that is sealed: how many of its last bytes were left out
/// before they were put in.
pub(super) fn sealed_packet(streams: &mut Streams, size: usize) -> (Packet, usize) {
    let mut bytes = vec![0; size];
    let mut sent = Vec::new();
    let mut tail = Tail::NONE;
    let mut writer = Writer::new(&mut bytes);
    streams.write_frames(at(0), &mut writer, Some(&mut tail), &mut |frame| {
        sent.push(frame);
        true
    });
    let len = writer.position();
    bytes.truncate(len);
    let left_out = usize::from(tail.len);
    if left_out > 0 {
        assert!(bytes[len - left_out..].iter().all(|byte| *byte == 0));
        bytes[len - left_out..].copy_from_slice(streams.tail(tail).expect("it is kept"));
    }
    let frames = parse(&bytes);
    let packet = Packet {
        frames,
        sent,
        bytes,
    };
    (packet, left_out)
}

/// All frames that are to be sent now, in packets of 1,200 bytes.
pub(super) fn flush(streams: &mut Streams) -> Packet {
    let mut all = Packet::default();
    for _ in 0..100_000 {
        if !streams.wants_to_send() {
            return all;
        }
        let next = packet(streams, 1_200);
        all.frames.extend(next.frames);
        all.sent.extend(next.sent);
    }
    panic!("it never stops wanting to send");
}

pub(super) fn acknowledge(streams: &mut Streams, sent: &[SentFrame]) {
    for frame in sent {
        streams.on_frame_fate(Fate::Acknowledged, *frame);
    }
}

pub(super) fn lose(streams: &mut Streams, sent: &[SentFrame]) {
    for frame in sent {
        streams.on_frame_fate(Fate::Lost, *frame);
    }
}

fn parse(bytes: &[u8]) -> Vec<Out> {
    if bytes.is_empty() {
        return Vec::new();
    }
    // What a client may send a server may send too, as far as streams go.
    Frames::new(bytes, Level::OneRtt, Role::Client)
        .map(|frame| match frame.expect("a frame that parses") {
            Frame::Stream {
                id,
                offset,
                data,
                fin,
            } => Out::Stream {
                id: id.to_u64(),
                offset,
                data: data.to_vec(),
                fin,
            },
            Frame::ResetStream {
                id,
                code,
                final_size,
            } => Out::Reset {
                id: id.to_u64(),
                code,
                size: final_size,
            },
            Frame::StopSending { id, code } => Out::Stop {
                id: id.to_u64(),
                code,
            },
            Frame::MaxData(max) => Out::MaxData(max),
            Frame::MaxStreamData { id, max } => Out::MaxStreamData {
                id: id.to_u64(),
                max,
            },
            Frame::MaxStreams { direction, max } => Out::MaxStreams(direction, max),
            Frame::DataBlocked(limit) => Out::DataBlocked(limit),
            Frame::StreamDataBlocked { id, limit } => Out::StreamDataBlocked {
                id: id.to_u64(),
                limit,
            },
            Frame::StreamsBlocked { direction, limit } => Out::StreamsBlocked(direction, limit),
            other => panic!("streams do not send {other:?}"),
        })
        .collect()
}

/// Gives a frame to the other side.
pub(super) fn deliver(streams: &mut Streams, frame: &Out) -> Result<OnStream, PeerError> {
    match frame {
        Out::Stream {
            id: raw,
            offset,
            data,
            fin,
        } => {
            return streams.on_stream(id(*raw), *offset, data, *fin);
        }
        Out::Reset {
            id: raw,
            code,
            size,
        } => return streams.on_reset_stream(id(*raw), *code, *size),
        Out::Stop { id: raw, code } => return streams.on_stop_sending(id(*raw), *code),
        Out::MaxData(max) => {
            streams.on_max_data(*max);
            Ok(())
        }
        Out::MaxStreamData { id: raw, max } => {
            return streams.on_max_stream_data(id(*raw), *max);
        }
        Out::MaxStreams(direction, max) => streams.on_max_streams(*direction, *max),
        Out::DataBlocked(limit) => {
            streams.on_data_blocked(*limit);
            Ok(())
        }
        Out::StreamDataBlocked { id: raw, limit } => {
            streams.on_stream_data_blocked(id(*raw), *limit)
        }
        Out::StreamsBlocked(direction, limit) => streams.on_streams_blocked(*direction, *limit),
    }
    .map(|()| OnStream::Taken)
}

/// The peer sends bytes that are kept.
pub(super) fn receives(streams: &mut Streams, raw: u64, offset: u64, data: &[u8], fin: bool) {
    assert_eq!(
        streams.on_stream(id(raw), offset, data, fin),
        Ok(OnStream::Taken)
    );
}

/// Everything that is there to read, and whether it was the end.
pub(super) fn read_all(streams: &mut Streams, raw: u64) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    let mut some = [0; 1_000];
    loop {
        match streams.read(at(0), RTT, id(raw), &mut some) {
            Ok(read) => {
                all.extend_from_slice(&some[..read.bytes]);
                if read.fin {
                    return (all, true);
                }
            }
            Err(ReadError::Blocked) => return (all, false),
            Err(other) => panic!("reading failed: {other:?}"),
        }
    }
}

pub(super) fn events(streams: &mut Streams) -> Vec<StreamEvent> {
    core::iter::from_fn(|| streams.next_event()).collect()
}

/// Accepts every stream, and forgets what was told so far.
pub(super) fn accept_all(streams: &mut Streams) -> Vec<u64> {
    let mut accepted = Vec::new();
    for direction in Direction::ALL {
        while let Some(id) = streams.accept(direction) {
            accepted.push(id.to_u64());
        }
    }
    events(streams);
    accepted
}

/// `len` bytes that differ from each other and from those elsewhere.
pub(super) fn bytes(start: u64, len: usize) -> Vec<u8> {
    (start..start + len as u64)
        .map(|at| (at.wrapping_mul(0x9e37_79b9) >> 13) as u8)
        .collect()
}
