//! Any payload at any level and role, which the first byte chooses. There are no more frames than bytes, nothing follows
//! an offence, 1-RTT to a client permits all that others permit, and what is read can be written and read again.
#![no_main]

use inquic_wire::{Frame, Frames, Level, Role, VARINT_MAX, Writer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&first, payload)) = input.split_first() else {
        return;
    };
    let level = Level::ALL[usize::from(first % 4)];
    let receiver = if first & 4 == 0 {
        Role::Server
    } else {
        Role::Client
    };

    let mut anywhere = Frames::new(payload, Level::OneRtt, Role::Client);
    let mut items = 0;
    let mut ended = false;
    for item in Frames::new(payload, level, receiver) {
        assert!(!ended, "an item after an offence");
        items += 1;
        assert!(items <= payload.len().max(1));
        match item {
            Ok(frame) => {
                assert_eq!(anywhere.next(), Some(Ok(frame.clone())));
                check(&frame);
                again(&frame, payload.len());
            }
            Err(_) => ended = true,
        }
    }
    assert!(items > 0, "an empty payload is an offence");
});

/// What a frame promises to those who take it from here.
fn check(frame: &Frame<'_>) {
    match frame {
        Frame::Padding { count } => assert!(*count > 0),
        Frame::Ack(ack) => {
            let mut above: Option<u64> = None;
            for range in ack.ranges() {
                assert!(range.start() <= range.end());
                match above {
                    Some(above) => assert!(*range.end() + 1 < above),
                    None => assert_eq!(*range.end(), ack.largest),
                }
                above = Some(*range.start());
            }
            assert!(above.is_some());
        }
        Frame::Crypto { offset, data } | Frame::Stream { offset, data, .. } => {
            assert!(offset + data.len() as u64 <= VARINT_MAX);
        }
        Frame::NewToken { token } => assert!(!token.is_empty()),
        Frame::MaxStreams { max: streams, .. } | Frame::StreamsBlocked { limit: streams, .. } => {
            assert!(*streams <= 1 << 60);
        }
        Frame::NewConnectionId {
            sequence,
            retire_prior_to,
            id,
            ..
        } => {
            assert!(retire_prior_to <= sequence);
            assert!((1..=20).contains(&id.len()));
        }
        _ => {}
    }
}

fn again(frame: &Frame<'_>, payload_len: usize) {
    // The shortest encoding is no longer than the one that was read, but for the length of a frame that had none.
    let mut buffer = vec![0; payload_len + 8];
    let mut w = Writer::new(&mut buffer);
    frame.write(&mut w).unwrap();
    let mut frames = Frames::new(w.written(), Level::OneRtt, Role::Client);
    assert_eq!(frames.next(), Some(Ok(frame.clone())));
    assert_eq!(frames.next(), None);
}
