//! What is written is read again, and what is cut is refused.

use super::*;
use crate::frame::{
    stream_header_len, write_connection_close, write_new_token, write_stream, write_stream_header,
};
use crate::reader::Reader;

#[test]
fn every_frame_is_read_as_it_was_written() {
    for frame in samples() {
        let bytes = written(|w| frame.write(w));
        assert_eq!(read_one(&bytes), Ok(frame));
    }
}

#[test]
fn every_frame_is_written_under_its_own_type() {
    for frame in samples() {
        let bytes = written(|w| frame.write(w));
        let flags = if matches!(frame, Frame::Stream { .. }) {
            types::STREAM_LEN
        } else {
            0
        };
        let mut r = Reader::new(&bytes);
        let frame_type = r.varint().unwrap() & !u64::from(flags);
        assert_eq!(frame_type, frame.frame_type(), "{frame:?}");
    }
}

#[test]
fn every_frame_that_is_cut_is_truncated() {
    for frame in samples() {
        let bytes = written(|w| frame.write(w));
        let truncated = PeerError::new(Code::FrameEncoding, "truncated");
        for cut in 1..bytes.len() {
            // A type that is cut is none.
            let frame_type = Reader::new(&bytes[..cut]).varint().unwrap_or(0);
            let expected = Err(truncated.in_frame(frame_type));
            assert_eq!(read_one(&bytes[..cut]), expected, "{frame:?} cut at {cut}");
        }
    }
}

#[test]
fn every_frame_that_does_not_fit_is_not_written() {
    for frame in samples() {
        let len = written(|w| frame.write(w)).len();
        // The reason of a close is cut until it fits.
        let least = if matches!(frame, Frame::ConnectionClose { .. }) {
            len - 2
        } else {
            len
        };
        for room in 0..=len {
            let mut buffer = std::vec![0; room + 1];
            let mut w = Writer::new(&mut buffer);
            w.u8(0x55).unwrap();
            let done = frame.write(&mut w);
            assert_eq!(done.is_ok(), room >= least, "{frame:?} in {room} bytes");
            if done.is_err() {
                assert_eq!(w.position(), 1);
            }
        }
    }
}

#[test]
fn frames_follow_each_other_in_one_packet() {
    let payload = written(|w| samples().iter().try_for_each(|frame| frame.write(w)));
    let frames: Result<Vec<_>, _> = read(&payload).into_iter().collect();
    assert_eq!(frames, Ok(samples()));
}

#[test]
fn a_stream_frame_has_one_of_eight_layouts() {
    for fin in [false, true] {
        for last in [false, true] {
            for offset in [0, 5] {
                let bytes = written(|w| {
                    write_stream(w, id(4), offset, 3, fin, last)?.copy_from_slice(b"abc");
                    Ok(())
                });
                let off = u8::from(offset != 0) << 2;
                assert_eq!(bytes[0], 0x08 | off | u8::from(!last) << 1 | u8::from(fin));
                assert_eq!(bytes.len(), stream_header_len(id(4), offset, 3, last) + 3);
                assert_eq!(
                    read_one(&bytes),
                    Ok(Frame::Stream {
                        id: id(4),
                        offset,
                        data: b"abc",
                        fin
                    })
                );
            }
        }
    }
}

#[test]
fn a_stream_frame_without_length_takes_the_rest_of_the_packet() {
    let bytes = [0x08, 0x04, 0x01, 0x01, 0x00];
    let frame = Frame::Stream {
        id: id(4),
        offset: 0,
        data: &[1, 1, 0],
        fin: false,
    };
    assert_eq!(read_one(&bytes), Ok(frame));
}

#[test]
fn an_empty_stream_frame_is_a_frame() {
    for bytes in [&[0x09, 0x04][..], &[0x0b, 0x04, 0x00]] {
        let frame = Frame::Stream {
            id: id(4),
            offset: 0,
            data: &[],
            fin: true,
        };
        assert_eq!(read_one(bytes), Ok(frame));
    }
}

#[test]
fn a_stream_frame_is_written_only_with_its_data() {
    let mut buffer = [0; 8];
    let mut w = Writer::new(&mut buffer);
    assert_eq!(
        write_stream(&mut w, id(1), 0, 6, false, false).err(),
        Some(Full)
    );
    assert_eq!(w.position(), 0);
    assert_eq!(
        write_stream_header(&mut w, id(1), 0, 6, false, false),
        Ok(())
    );
    assert_eq!(w.written(), [0x0a, 0x01, 0x06]);
}

#[test]
fn padding_is_one_item_however_long() {
    for count in (1..70).chain([1199, 1200, 1452]) {
        let zeros = std::vec![0; count];
        assert_eq!(read_one(&zeros), Ok(Frame::Padding { count }));
        let mut with_ping = zeros.clone();
        with_ping.push(1);
        assert_eq!(
            read(&with_ping),
            [Ok(Frame::Padding { count }), Ok(Frame::Ping)]
        );
    }
}

#[test]
fn a_reason_is_cut_to_fit_and_not_inside_a_character() {
    let reason = "né".as_bytes();
    for (room, kept) in [(4, 0), (5, 1), (6, 1), (7, 3), (8, 3)] {
        let mut buffer = std::vec![0; room];
        let mut w = Writer::new(&mut buffer);
        write_connection_close(&mut w, Code::NoError, 0, reason).unwrap();
        let frame = Frame::ConnectionClose {
            code: Code::NoError,
            frame_type: 0,
            reason: &reason[..kept],
        };
        assert_eq!(read_one(w.written()), Ok(frame));
    }
}

#[test]
fn a_reason_fills_the_room_there_is() {
    let reason = [b'x'; 300];
    for room in 4..300 {
        let mut buffer = std::vec![0; room];
        let mut w = Writer::new(&mut buffer);
        write_connection_close(&mut w, Code::NoError, 0, &reason).unwrap();
        // One byte may be lost where the length begins to take two.
        assert!(w.remaining() <= usize::from(room == 3 + 1 + 64), "{room}");
        assert!(read_one(w.written()).is_ok());
    }
}

#[test]
fn an_empty_token_is_not_written() {
    let mut buffer = [0; 8];
    assert_eq!(
        write_new_token(&mut Writer::new(&mut buffer), &[]),
        Err(Full)
    );
}

#[test]
fn only_ack_padding_and_close_elicit_no_ack() {
    for frame in samples() {
        let silent = matches!(frame.frame_type(), 0x00 | 0x02 | 0x03 | 0x1c | 0x1d);
        assert_eq!(frame.is_ack_eliciting(), !silent, "{frame:?}");
    }
}

#[test]
fn four_types_of_frame_probe() {
    for frame in samples() {
        let probing = matches!(frame.frame_type(), 0x00 | 0x18 | 0x1a | 0x1b);
        assert_eq!(frame.is_probing(), probing, "{frame:?}");
    }
}

#[test]
fn a_datagram_without_a_length_ends_with_its_packet() {
    let frame = Frame::Datagram {
        data: b"the rest of it",
        has_len: false,
    };
    let bytes = written(|w| frame.write(w));
    assert_eq!(bytes[0], 0x30);
    assert_eq!(bytes.len(), 1 + 14);
    assert_eq!(read_one(&bytes), Ok(frame));
}

#[test]
fn an_empty_datagram_is_a_datagram() {
    for (bytes, has_len) in [(&[0x30][..], false), (&[0x31, 0], true)] {
        let frame = Frame::Datagram { data: b"", has_len };
        assert_eq!(read_one(bytes), Ok(frame));
    }
}

/// The frames of a payload, STREAM frames taken out by `next_stream` wherever it does.
fn read_by_streams(payload: &[u8], level: Level) -> Vec<Result<Frame<'_>, PeerError>> {
    let mut frames = Frames::new(payload, level, Role::Server);
    let mut all = Vec::new();
    loop {
        while let Some(frame) = frames.next_stream() {
            all.push(Ok(frame.into()));
        }
        match frames.next() {
            Some(frame) => all.push(frame),
            None => return all,
        }
    }
}

#[test]
fn taking_stream_frames_first_changes_neither_frames_nor_offences() {
    // PING, a STREAM frame with a length, one that is permitted only in some packets, one cut short.
    let payloads: [&[u8]; 6] = [
        &[0x01, 0x0a, 0x04, 0x02, 7, 8, 0x01, 0x08, 0x04, 9],
        &[0x0a, 0x04, 0x02, 7, 8, 0x1e],
        &[0x0e, 0x04, 0x40],
        &[
            0x0c, 0x04, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
        ],
        &[0x0a, 0x04, 0x05, 1],
        &[],
    ];
    for payload in payloads {
        for level in [Level::Initial, Level::ZeroRtt, Level::OneRtt] {
            let plain: Vec<_> = Frames::new(payload, level, Role::Server).collect();
            assert_eq!(
                read_by_streams(payload, level),
                plain,
                "{payload:x?} {level:?}"
            );
        }
    }
}
