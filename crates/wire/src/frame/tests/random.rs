//! Frames and bytes that nobody chose.

use proptest::prelude::*;

use super::*;
use crate::varint::VARINT_MAX;

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..64, 0_u64..1 << 14, 0_u64..1 << 30, 0..=VARINT_MAX]
}

/// What a frame is made from: which type, its numbers, its bytes.
type Seed = (usize, [u64; 3], Vec<u8>, bool);

fn seed() -> impl Strategy<Value = Seed> {
    (
        0_usize..20,
        [number(), number(), number()],
        prop::collection::vec(any::<u8>(), 0..100),
        any::<bool>(),
    )
}

fn frame((kind, [a, b, c], bytes, flag): &Seed) -> Frame<'_> {
    let (a, b, c, flag) = (*a, *b, *c, *flag);
    let data = &bytes[..];
    let direction = Direction::ALL[usize::from(flag)];
    let streams = a.min(1 << 60);
    match kind {
        0 => Frame::Padding {
            count: data.len() + 1,
        },
        1 => Frame::Ping,
        2 => Frame::ResetStream {
            id: id(a),
            code: b,
            final_size: c,
        },
        3 => Frame::StopSending { id: id(a), code: b },
        4 => Frame::Crypto {
            offset: a.min(VARINT_MAX - 100),
            data,
        },
        5 if !data.is_empty() => Frame::NewToken { token: data },
        6 => Frame::MaxData(a),
        7 => Frame::MaxStreamData { id: id(a), max: b },
        8 => Frame::MaxStreams {
            direction,
            max: streams,
        },
        9 => Frame::DataBlocked(a),
        10 => Frame::StreamDataBlocked {
            id: id(a),
            limit: b,
        },
        11 => Frame::StreamsBlocked {
            direction,
            limit: streams,
        },
        12 => Frame::NewConnectionId {
            sequence: a.max(b),
            retire_prior_to: a.min(b),
            id: ConnectionId::new(&[c as u8; 20][..1 + data.len() % 20]).unwrap(),
            reset_token: [b as u8; 16],
        },
        13 => Frame::RetireConnectionId { sequence: a },
        14 => Frame::PathChallenge(a.to_be_bytes()),
        15 => Frame::PathResponse(a.to_be_bytes()),
        16 => Frame::ConnectionClose {
            code: Code::from_u64(a),
            frame_type: b,
            reason: data,
        },
        17 => Frame::ApplicationClose {
            code: a,
            reason: data,
        },
        18 => Frame::Datagram {
            data,
            has_len: true,
        },
        _ => Frame::Stream {
            id: id(a),
            offset: b.min(VARINT_MAX - 100),
            data,
            fin: flag,
        },
    }
}

proptest! {
    #[test]
    fn any_frames_are_read_as_they_were_written(seeds in prop::collection::vec(seed(), 1..8)) {
        let mut frames: Vec<_> = seeds.iter().map(frame).collect();
        // Two runs of PADDING in a row would be read as one.
        frames.dedup_by(|a, b| matches!((a, b), (Frame::Padding { .. }, Frame::Padding { .. })));
        let payload = written(|w| frames.iter().try_for_each(|frame| frame.write(w)));
        let read: Result<Vec<_>, _> = read(&payload).into_iter().collect();
        prop_assert_eq!(read, Ok(frames));
    }

    #[test]
    fn any_frame_that_is_cut_is_truncated(seed in seed()) {
        let frame = frame(&seed);
        prop_assume!(!matches!(frame, Frame::Padding { .. }));
        let bytes = written(|w| frame.write(w));
        for cut in 1..bytes.len() {
            let error = read_one(&bytes[..cut]).unwrap_err();
            prop_assert_eq!(error, PeerError::new(Code::FrameEncoding, "truncated").in_frame(u64::from(bytes[0])));
        }
    }

    #[test]
    fn any_bytes_end_in_no_more_frames_than_bytes(payload in prop::collection::vec(any::<u8>(), 0..200), level in 0_usize..4, server in any::<bool>()) {
        let receiver = if server { Role::Server } else { Role::Client };
        let frames: Vec<_> = Frames::new(&payload, Level::ALL[level], receiver).collect();
        prop_assert!(frames.len() <= payload.len().max(1));
        let errors = frames.iter().filter(|frame| frame.is_err()).count();
        prop_assert!(errors <= 1 && frames.iter().rev().skip(1).all(Result::is_ok));
    }

    #[test]
    fn bytes_that_look_like_frames_are_read_or_refused(payload in prop::collection::vec(0_u8..0x20, 0..200)) {
        for frame in read(&payload) {
            match frame {
                Ok(frame) => { written(|w| frame.write(w)); }
                Err(error) => prop_assert!(error.frame_type < 0x20),
            }
        }
    }
}
