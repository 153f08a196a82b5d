mod ack;
mod limits;
mod random;
mod table;
mod trip;

use std::vec::Vec;

use super::*;
use crate::{
    error::{Full, PeerError},
    level::{Level, Role},
    writer::Writer,
};

/// Reads a 1-RTT payload at a client, to which every frame may go.
fn read(payload: &[u8]) -> Vec<Result<Frame<'_>, PeerError>> {
    Frames::new(payload, Level::OneRtt, Role::Client).collect()
}

/// The single frame that a payload holds.
fn read_one(payload: &[u8]) -> Result<Frame<'_>, PeerError> {
    let mut frames = read(payload);
    assert_eq!(frames.len(), 1, "{frames:?}");
    frames.remove(0)
}

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Vec<u8> {
    let mut buffer = [0xee; 2048];
    let mut w = Writer::new(&mut buffer);
    write(&mut w).unwrap();
    w.written().to_vec()
}

fn id(id: u64) -> StreamId {
    StreamId::from_u64(id).unwrap()
}

/// One frame of each type, STREAM with an offset and a length.
fn samples() -> Vec<Frame<'static>> {
    std::vec![
        Frame::Padding { count: 1 },
        Frame::Ping,
        read_one(&[2, 0x50, 0, 8, 2, 4, 1, 3, 5, 7]).unwrap(),
        read_one(&[3, 0x50, 0, 8, 1, 4, 1, 3, 9, 8, 7]).unwrap(),
        Frame::ResetStream {
            id: id(4),
            code: 300,
            final_size: 70_000
        },
        Frame::StopSending {
            id: id(7),
            code: 1 << 40
        },
        Frame::Crypto {
            offset: 1200,
            data: b"hello"
        },
        Frame::NewToken { token: b"token" },
        Frame::Stream {
            id: id(8),
            offset: 65_536,
            data: b"stream data",
            fin: false
        },
        Frame::Stream {
            id: id(8),
            offset: 65_536,
            data: b"stream data",
            fin: true
        },
        Frame::Stream {
            id: id(8),
            offset: 0,
            data: b"stream data",
            fin: false
        },
        Frame::Stream {
            id: id(8),
            offset: 0,
            data: b"stream data",
            fin: true
        },
        Frame::MaxData(1 << 30),
        Frame::MaxStreamData { id: id(2), max: 99 },
        Frame::MaxStreams {
            direction: Direction::Bidirectional,
            max: 1 << 60
        },
        Frame::MaxStreams {
            direction: Direction::Unidirectional,
            max: 3
        },
        Frame::DataBlocked(0),
        Frame::StreamDataBlocked {
            id: id(3),
            limit: 1 << 61
        },
        Frame::StreamsBlocked {
            direction: Direction::Bidirectional,
            limit: 100
        },
        Frame::StreamsBlocked {
            direction: Direction::Unidirectional,
            limit: 1 << 60
        },
        Frame::NewConnectionId {
            sequence: 9,
            retire_prior_to: 9,
            id: ConnectionId::new(&[0xc1; 8]).unwrap(),
            reset_token: [0x7e; 16],
        },
        Frame::RetireConnectionId { sequence: 77 },
        Frame::PathChallenge([1, 2, 3, 4, 5, 6, 7, 8]),
        Frame::PathResponse([8, 7, 6, 5, 4, 3, 2, 1]),
        Frame::ConnectionClose {
            code: Code::Crypto(40),
            frame_type: 6,
            reason: b"no"
        },
        Frame::ApplicationClose {
            code: 0,
            reason: b""
        },
        Frame::HandshakeDone,
        Frame::ImmediateAck,
        Frame::AckFrequency(AckFrequency {
            sequence: 7,
            threshold: 30,
            max_ack_delay_us: 25_000,
            reordering: 3,
        }),
        Frame::Datagram {
            data: b"datagram",
            has_len: true
        },
    ]
}
