//! RFC 9000 table 3: which frame may be in which packet, and to whom.

use super::*;

/// A frame of each type, and the column "Pkts" of the table, narrowed by §12.5 and by who may send it ("c": only to a
/// client).
const TABLE: [(&[u8], &str); 35] = [
    (&[0x00], "IH01"),
    (&[0x01], "IH01"),
    (&[0x02, 0, 0, 0, 0], "IH_1"),
    (&[0x03, 0, 0, 0, 0, 0, 0, 0], "IH_1"),
    (&[0x04, 0, 0, 0], "__01"),
    (&[0x05, 0, 0], "__01"),
    (&[0x06, 0, 0], "IH_1"),
    (&[0x07, 1, 9], "___1c"),
    (&[0x08, 0], "__01"),
    (&[0x09, 0], "__01"),
    (&[0x0a, 0, 0], "__01"),
    (&[0x0b, 0, 0], "__01"),
    (&[0x0c, 0, 0], "__01"),
    (&[0x0d, 0, 0], "__01"),
    (&[0x0e, 0, 0, 0], "__01"),
    (&[0x0f, 0, 0, 0], "__01"),
    (&[0x10, 0], "__01"),
    (&[0x11, 0, 0], "__01"),
    (&[0x12, 0], "__01"),
    (&[0x13, 0], "__01"),
    (&[0x14, 0], "__01"),
    (&[0x15, 0, 0], "__01"),
    (&[0x16, 0], "__01"),
    (&[0x17, 0], "__01"),
    (
        &[
            0x18, 0, 0, 1, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
        ],
        "__01",
    ),
    (&[0x19, 0], "___1"),
    (&[0x1a, 1, 2, 3, 4, 5, 6, 7, 8], "__01"),
    (&[0x1b, 1, 2, 3, 4, 5, 6, 7, 8], "___1"),
    (&[0x1c, 0, 0, 0], "IH01"),
    (&[0x1d, 0, 0], "__01"),
    (&[0x1e], "___1c"),
    // draft-ietf-quic-ack-frequency §3.
    (&[0x1f], "___1"),
    // RFC 9221 §5.
    (&[0x30, 1, 2], "__01"),
    (&[0x31, 1, 2], "__01"),
    (&[0x40, 0xaf, 1, 2, 3, 4], "___1"),
];

const LETTERS: [(Level, char); 4] = [
    (Level::Initial, 'I'),
    (Level::Handshake, 'H'),
    (Level::ZeroRtt, '0'),
    (Level::OneRtt, '1'),
];

#[test]
fn a_frame_is_read_where_the_table_permits_it_and_nowhere_else() {
    for (frame_type, (payload, permitted)) in (0..0x20).chain([0x30, 0x31, 0xaf]).zip(TABLE) {
        assert!([payload[0], payload.get(1).copied().unwrap_or(0)].contains(&(frame_type as u8)));
        for (level, letter) in LETTERS {
            for receiver in [Role::Client, Role::Server] {
                let frames: Vec<_> = Frames::new(payload, level, receiver).collect();
                assert_eq!(frames.len(), 1);
                let to_whom = receiver == Role::Client || !permitted.contains('c');
                let case = (frame_type, level, receiver);
                if permitted.contains(letter) && to_whom {
                    assert!(frames[0].is_ok(), "{case:?} {frames:?}");
                } else {
                    let error = frames[0].clone().unwrap_err();
                    assert_eq!(
                        (error.code, error.frame_type),
                        (Code::ProtocolViolation, frame_type),
                        "{case:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_frame_that_is_not_permitted_is_not_read_further() {
    // Cut short as well: the rule that is broken first is the one that is told.
    for level in [Level::Initial, Level::ZeroRtt, Level::Handshake] {
        let error = Frames::new(&[0x07], level, Role::Client)
            .next()
            .unwrap()
            .unwrap_err();
        assert_eq!(error.code, Code::ProtocolViolation);
    }
}

#[test]
fn an_unknown_type_is_a_frame_encoding_error() {
    for level in Level::ALL {
        for receiver in [Role::Client, Role::Server] {
            for frame_type in (0x20..=0x2f).chain(0x32..=0x3f) {
                let mut frames = Frames::new(std::slice::from_ref(&frame_type), level, receiver);
                let error = PeerError::new(Code::FrameEncoding, "unknown frame type");
                assert_eq!(
                    frames.next(),
                    Some(Err(error.in_frame(u64::from(frame_type))))
                );
                assert_eq!(frames.next(), None);
            }
        }
    }
}

#[test]
fn an_unknown_type_of_many_bytes_is_a_frame_encoding_error() {
    for (payload, frame_type) in [
        (&[0x40, 0x40][..], 0x40),
        (&[0x7f, 0xff], 0x3fff),
        (&[0x80, 0x00, 0x40, 0x00], 0x4000),
        (&[0xc0, 0, 0, 0, 0x40, 0, 0, 0], 0x4000_0000),
        (&[0xff; 8], (1 << 62) - 1),
    ] {
        let error = PeerError::new(Code::FrameEncoding, "unknown frame type");
        assert_eq!(read_one(payload), Err(error.in_frame(frame_type)));
    }
}

#[test]
fn a_type_in_more_bytes_than_it_needs_is_a_protocol_violation() {
    for frame_type in 0..0x40_u8 {
        for payload in [
            &[0x40, frame_type][..],
            &[0x80, 0, 0, frame_type],
            &[0xc0, 0, 0, 0, 0, 0, 0, frame_type],
        ] {
            let error = read_one(payload).unwrap_err();
            let expected = (Code::ProtocolViolation, u64::from(frame_type));
            assert_eq!((error.code, error.frame_type), expected);
        }
    }
}

#[test]
fn a_type_that_is_cut_is_truncated() {
    for payload in [&[0x40][..], &[0x80, 0, 0], &[0xc0, 0, 0, 0, 0, 0, 0]] {
        assert_eq!(
            read_one(payload),
            Err(PeerError::new(Code::FrameEncoding, "truncated"))
        );
    }
}

#[test]
fn a_packet_without_frames_is_a_protocol_violation() {
    for level in Level::ALL {
        for receiver in [Role::Client, Role::Server] {
            let mut frames = Frames::new(&[], level, receiver);
            assert_eq!(
                frames.next().unwrap().unwrap_err().code,
                Code::ProtocolViolation
            );
            assert_eq!(frames.next(), None);
            assert_eq!(frames.next(), None);
        }
    }
}

#[test]
fn nothing_is_read_after_an_offence() {
    let mut frames = Frames::new(&[0x01, 0x2f, 0x01, 0x01], Level::OneRtt, Role::Server);
    assert_eq!(frames.next(), Some(Ok(Frame::Ping)));
    assert!(frames.next().unwrap().is_err());
    assert_eq!(frames.next(), None);
    assert_eq!(frames.next(), None);
}
