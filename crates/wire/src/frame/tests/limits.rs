//! Values at the edge of what a frame may say, and one past it.

use super::*;
use crate::{
    frame::{MAX_STREAMS_LIMIT, write_crypto_header, write_new_connection_id, write_stream_header},
    varint::VARINT_MAX,
};

#[test]
fn stream_data_ends_at_the_largest_offset() {
    for last in [false, true] {
        for (offset, within) in [
            (VARINT_MAX - 3, true),
            (VARINT_MAX - 2, false),
            (VARINT_MAX, false),
        ] {
            let bytes = written(|w| {
                write_stream_header(w, id(0), offset, 3, false, last)?;
                w.bytes(b"abc")
            });
            match read_one(&bytes) {
                Ok(_) => assert!(within),
                Err(error) => {
                    assert!(!within);
                    assert_eq!(error.code, Code::FrameEncoding);
                    assert_eq!(error.frame_type, u64::from(bytes[0]));
                }
            }
        }
    }
}

#[test]
fn crypto_data_ends_at_the_largest_offset() {
    for (offset, within) in [
        (VARINT_MAX - 3, true),
        (VARINT_MAX - 2, false),
        (VARINT_MAX, false),
    ] {
        let bytes = written(|w| {
            write_crypto_header(w, offset, 3)?;
            w.bytes(b"abc")
        });
        match read_one(&bytes) {
            Ok(_) => assert!(within),
            Err(error) => {
                assert!(!within);
                assert_eq!((error.code, error.frame_type), (Code::FrameEncoding, 6));
            }
        }
    }
}

#[test]
fn an_empty_frame_at_the_largest_offset_is_allowed() {
    let bytes = written(|w| write_stream_header(w, id(0), VARINT_MAX, 0, true, true));
    assert!(read_one(&bytes).is_ok());
}

#[test]
fn a_length_beyond_the_packet_is_truncated() {
    let truncated = PeerError::new(Code::FrameEncoding, "truncated");
    for payload in [
        &[0x06, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..],
        &[0x0a, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x07, 0x02, 0],
        &[0x1c, 0, 0, 1],
        &[0x1d, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert_eq!(
            read_one(payload),
            Err(truncated.in_frame(u64::from(payload[0])))
        );
    }
}

#[test]
fn streams_are_counted_to_2_to_the_60() {
    for frame_type in [0x12, 0x13, 0x16, 0x17] {
        for (count, within) in [
            (MAX_STREAMS_LIMIT, true),
            (MAX_STREAMS_LIMIT + 1, false),
            (VARINT_MAX, false),
        ] {
            let bytes = written(|w| {
                w.u8(frame_type)?;
                w.varint(count)
            });
            match read_one(&bytes) {
                Ok(_) => assert!(within),
                Err(error) => {
                    assert!(!within);
                    let expected = (Code::FrameEncoding, u64::from(frame_type));
                    assert_eq!((error.code, error.frame_type), expected);
                }
            }
        }
    }
}

#[test]
fn a_new_connection_id_has_1_to_20_bytes() {
    for len in 0..=255 {
        let mut bytes = std::vec![0x18, 3, 2, len];
        bytes.extend([0xaa; 255 + 16].iter().take(usize::from(len) + 16));
        match read_one(&bytes) {
            Ok(frame) => {
                assert!((1..=20).contains(&len));
                let Frame::NewConnectionId { id, .. } = frame else {
                    panic!("{frame:?}")
                };
                assert_eq!(id.len(), usize::from(len));
            }
            Err(error) => {
                assert!(!(1..=20).contains(&len));
                assert_eq!((error.code, error.frame_type), (Code::FrameEncoding, 0x18));
            }
        }
    }
}

#[test]
fn a_new_connection_id_retires_none_after_itself() {
    let cid = ConnectionId::new(&[1]).unwrap();
    for (retire, within) in [(0, true), (5, true), (6, false), (VARINT_MAX, false)] {
        let bytes = written(|w| write_new_connection_id(w, 5, retire, &cid, &[0; 16]));
        assert_eq!(read_one(&bytes).is_ok(), within);
    }
}

#[test]
fn an_empty_connection_id_is_not_written() {
    let mut buffer = [0; 64];
    let mut w = Writer::new(&mut buffer);
    assert_eq!(
        write_new_connection_id(&mut w, 0, 0, &ConnectionId::EMPTY, &[0; 16]),
        Err(Full)
    );
}

#[test]
fn an_empty_token_is_a_frame_encoding_error() {
    let error = PeerError::new(Code::FrameEncoding, "empty token");
    assert_eq!(read_one(&[0x07, 0]), Err(error.in_frame(7)));
}

#[test]
fn what_is_kept_for_each_frame_is_small() {
    assert!(size_of::<Frame<'_>>() <= 96);
    assert!(size_of::<PeerError>() <= 40);
}
