use inquic_uapi::flags::{MSG_EOR, MSG_PEEK, MSG_QUIC_DATAGRAM, MSG_QUIC_STREAM_FIN, MSG_TRUNC};
use inquic_uapi::structs::StreamInfo;
use inquic_uapi::{ControlMessage, ControlMessages, Layout, QUIC_STREAM_INFO, SOL_QUIC};

use super::{Piece, Receiving, Taken, Undelivered};

const FIN: u32 = MSG_QUIC_STREAM_FIN;

fn with_room(room: usize, flags: u32) -> Receiving {
    Receiving {
        pieces: vec![Piece::default()],
        room,
        flags,
        message: None,
        name_len_at: 0,
        count_at: 0,
    }
}

fn end_of_a_stream() -> Taken {
    let info = StreamInfo {
        stream_id: 4,
        stream_flags: FIN,
    };
    let mut data = [0; 16];
    info.write(&mut data);
    let mut control = vec![0; 32];
    let message = ControlMessage {
        level: SOL_QUIC,
        kind: QUIC_STREAM_INFO,
        data: &data,
    };
    message.write(&mut control);
    Taken {
        bytes: 10,
        flags: FIN,
        control,
    }
}

fn stream_flags(taken: &Taken) -> u32 {
    let message = ControlMessages::new(&taken.control).next();
    StreamInfo::read(message.unwrap().unwrap().data).stream_flags
}

#[test]
fn undelivered_data_is_given_in_parts_and_the_end_with_the_last() {
    let kept = Undelivered::new(end_of_a_stream(), &with_room(10, 0), b"0123456789");
    let mut buffer = Vec::new();
    let (first, kept) = kept.take(&with_room(4, 0), &mut buffer);
    assert_eq!((first.bytes, &buffer[..4]), (4, &b"0123"[..]));
    assert_eq!((first.flags, stream_flags(&first)), (0, 0));
    let kept = kept.unwrap();
    assert_eq!(kept.len(), 6);
    let (last, kept) = kept.take(&with_room(100, 0), &mut buffer);
    assert_eq!((last.bytes, &buffer[..6]), (6, &b"456789"[..]));
    assert_eq!((last.flags, stream_flags(&last)), (FIN, FIN));
    assert!(kept.is_none());
}

#[test]
fn undelivered_data_that_is_peeked_at_stays() {
    let kept = Undelivered::new(end_of_a_stream(), &with_room(10, 0), b"0123456789");
    let mut buffer = Vec::new();
    let (look, kept) = kept.take(&with_room(4, MSG_PEEK), &mut buffer);
    assert_eq!((look.bytes, look.flags), (4, 0));
    assert_eq!(kept.unwrap().len(), 10);
}

#[test]
fn undelivered_message_is_cut_where_that_is_asked_for() {
    let taken = Taken {
        bytes: 10,
        flags: MSG_QUIC_DATAGRAM | MSG_EOR,
        control: Vec::new(),
    };
    let kept = Undelivered::new(taken, &with_room(10, 0), b"0123456789");
    let mut buffer = Vec::new();
    let (cut, kept) = kept.take(&with_room(4, MSG_TRUNC), &mut buffer);
    let flags = MSG_QUIC_DATAGRAM | MSG_EOR | MSG_TRUNC;
    assert_eq!((cut.bytes, cut.flags), (10, flags));
    assert!(kept.is_none());
}

#[test]
fn undelivered_message_that_was_cut_has_nothing_behind_what_fitted() {
    let taken = Taken {
        bytes: 10,
        flags: MSG_QUIC_DATAGRAM | MSG_EOR | MSG_TRUNC,
        control: Vec::new(),
    };
    // The rest of the buffer is an earlier call's.
    let kept = Undelivered::new(taken, &with_room(4, MSG_TRUNC), b"0123other!");
    let mut buffer = Vec::new();
    let (all, kept) = kept.take(&with_room(100, 0), &mut buffer);
    assert_eq!((all.bytes, &buffer[..]), (4, &b"0123"[..]));
    assert!(kept.is_none());
}
