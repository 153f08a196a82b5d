use inquic_wire::Code;

use super::helper::*;
use crate::stream::{OnStream, Read, ReadError, ReceiveState, StreamEvent};

#[test]
fn data_in_order_is_read_in_order() {
    let mut server = server();
    receives(&mut server, 0, 0, b"hello ", false);
    receives(&mut server, 0, 6, b"world", true);
    assert_eq!(server.accept(BIDI), Some(id(0)));
    assert_eq!(read_all(&mut server, 0), (b"hello world".to_vec(), true));
    assert_eq!(server.recv_state(id(0)), Some(ReceiveState::DataRead));
}

#[test]
fn data_behind_a_hole_waits_for_it() {
    let mut server = server();
    receives(&mut server, 0, 6, b"world", true);
    accept_all(&mut server);
    assert!(!server.readable(id(0)));
    assert_eq!(server.recv_state(id(0)), Some(ReceiveState::SizeKnown));
    receives(&mut server, 0, 0, b"hello ", false);
    assert_eq!(server.recv_state(id(0)), Some(ReceiveState::DataRecvd));
    assert_eq!(events(&mut server), [StreamEvent::Readable(id(0))]);
    assert_eq!(read_all(&mut server, 0), (b"hello world".to_vec(), true));
}

#[test]
fn duplicates_and_overlaps_are_read_once() {
    let mut server = server();
    receives(&mut server, 0, 0, b"abcd", false);
    receives(&mut server, 0, 0, b"abcd", false);
    receives(&mut server, 0, 6, b"gh", false);
    receives(&mut server, 0, 2, b"cdefghij", false);
    receives(&mut server, 0, 6, b"gh", false);
    assert_eq!(read_all(&mut server, 0), (b"abcdefghij".to_vec(), false));
}

#[test]
fn an_empty_fin_ends_the_stream() {
    let mut server = server();
    receives(&mut server, 0, 0, b"x", false);
    assert_eq!(read_all(&mut server, 0), (b"x".to_vec(), false));
    receives(&mut server, 0, 1, b"", true);
    let mut out = [0; 4];
    let read = server.read(at(0), RTT, id(0), &mut out);
    assert_eq!(
        read,
        Ok(Read {
            bytes: 0,
            fin: true
        })
    );
}

#[test]
fn a_stream_of_nothing_is_readable_to_its_end() {
    let mut server = server();
    receives(&mut server, 2, 0, b"", true);
    assert_eq!(server.accept(UNI), Some(id(2)));
    assert_eq!(read_all(&mut server, 2), (vec![], true));
    assert_eq!(server.stats().open, 0);
}

#[test]
fn data_beyond_the_final_size_is_an_offence() {
    let mut server = server();
    receives(&mut server, 0, 0, b"abcd", true);
    let offence = server.on_stream(id(0), 4, b"e", false).unwrap_err();
    assert_eq!(offence.code, Code::FinalSize);
}

#[test]
fn a_final_size_below_what_was_sent_is_an_offence() {
    let mut server = server();
    receives(&mut server, 0, 10, b"abcd", false);
    assert_eq!(
        server.on_stream(id(0), 0, b"abc", true).unwrap_err().code,
        Code::FinalSize
    );
    assert_eq!(
        server.on_reset_stream(id(0), 7, 13).unwrap_err().code,
        Code::FinalSize
    );
}

#[test]
fn a_final_size_that_changes_is_an_offence() {
    let mut server = server();
    receives(&mut server, 0, 0, b"abcd", true);
    assert_eq!(
        server.on_stream(id(0), 0, b"abc", true).unwrap_err().code,
        Code::FinalSize
    );
    assert_eq!(
        server.on_reset_stream(id(0), 7, 5).unwrap_err().code,
        Code::FinalSize
    );
    assert_eq!(server.on_reset_stream(id(0), 7, 4), Ok(OnStream::Taken));
}

#[test]
fn a_reset_discards_what_was_not_read_and_is_told_once() {
    let mut server = server();
    receives(&mut server, 2, 0, b"abcd", false);
    accept_all(&mut server);
    assert_eq!(server.on_reset_stream(id(2), 7, 10), Ok(OnStream::Taken));
    assert_eq!(server.recv_state(id(2)), Some(ReceiveState::ResetRecvd));
    let mut out = [0; 4];
    assert_eq!(
        server.read(at(0), RTT, id(2), &mut out),
        Err(ReadError::Reset(7))
    );
    assert_eq!(
        server.read(at(0), RTT, id(2), &mut out),
        Err(ReadError::Unknown)
    );
    assert_eq!(server.stats().bytes_discarded, 10);
}

#[test]
fn a_reset_after_all_data_leaves_the_data() {
    let mut server = server();
    receives(&mut server, 0, 0, b"abcd", true);
    assert_eq!(server.on_reset_stream(id(0), 7, 4), Ok(OnStream::Taken));
    assert_eq!(read_all(&mut server, 0), (b"abcd".to_vec(), true));
}

#[test]
fn data_after_a_reset_is_dropped_and_not_counted_twice() {
    let mut server = server();
    assert_eq!(server.on_reset_stream(id(0), 7, 10), Ok(OnStream::Taken));
    receives(&mut server, 0, 0, b"abcd", false);
    assert_eq!(server.stats().bytes_received, 10);
    assert_eq!(server.stats().bytes_discarded, 10);
    assert_eq!(
        server.on_stream(id(0), 8, b"abc", false).unwrap_err().code,
        Code::FinalSize
    );
}

#[test]
fn a_reset_beyond_a_limit_is_an_offence() {
    let mut one = server();
    assert_eq!(
        one.on_reset_stream(id(0), 7, 101).unwrap_err().code,
        Code::FlowControl
    );
    let mut many = server();
    for raw in [0, 4] {
        assert_eq!(many.on_reset_stream(id(raw), 7, 100), Ok(OnStream::Taken));
    }
    // 200 of 250 were given back, but the peer was not told yet.
    assert_eq!(
        many.on_reset_stream(id(8), 7, 51).unwrap_err().code,
        Code::FlowControl
    );
}

#[test]
fn a_stopped_stream_asks_the_peer_to_stop_and_drops_what_comes() {
    let mut server = server();
    receives(&mut server, 2, 0, b"abcd", false);
    accept_all(&mut server);
    assert_eq!(server.stop(id(2), 9), Ok(()));
    assert_eq!(flush(&mut server).frames, [Out::Stop { id: 2, code: 9 }]);
    receives(&mut server, 2, 4, &[0; 50], false);
    let mut out = [0; 4];
    assert_eq!(
        server.read(at(0), RTT, id(2), &mut out),
        Err(ReadError::Stopped)
    );
    assert_eq!(server.stats().bytes_discarded, 54);
    assert_eq!(events(&mut server), []);
    // The peer answers, and nothing is left.
    assert_eq!(server.on_reset_stream(id(2), 9, 60), Ok(OnStream::Taken));
    assert_eq!(server.stats().open, 0);
}

#[test]
fn a_lost_stop_is_sent_again_only_while_it_matters() {
    let mut server = server();
    receives(&mut server, 2, 0, b"abcd", false);
    accept_all(&mut server);
    assert_eq!(server.stop(id(2), 9), Ok(()));
    let sent = flush(&mut server).sent;
    lose(&mut server, &sent);
    let again = flush(&mut server);
    assert_eq!(again.frames, [Out::Stop { id: 2, code: 9 }]);
    assert_eq!(server.on_reset_stream(id(2), 9, 4), Ok(OnStream::Taken));
    lose(&mut server, &again.sent);
    assert!(!server.wants_to_send());
}

#[test]
fn stopping_a_complete_stream_tells_the_peer_nothing() {
    let mut server = server();
    receives(&mut server, 2, 0, b"abcd", true);
    accept_all(&mut server);
    assert_eq!(server.stop(id(2), 9), Ok(()));
    assert!(
        !flush(&mut server)
            .frames
            .contains(&Out::Stop { id: 2, code: 9 })
    );
    assert_eq!(server.stats().open, 0);
}

#[test]
fn late_frames_for_a_stream_that_is_over_are_ignored() {
    let mut server = server();
    receives(&mut server, 2, 0, b"abcd", true);
    accept_all(&mut server);
    read_all(&mut server, 2);
    assert_eq!(server.stats().open, 0);
    assert_eq!(
        server.on_stream(id(2), 0, b"abcd", true),
        Ok(OnStream::Taken)
    );
    assert_eq!(server.on_reset_stream(id(2), 0, 4), Ok(OnStream::Taken));
    assert_eq!(server.on_stream_data_blocked(id(2), 4), Ok(()));
    assert_eq!(server.stats().open, 0);
    assert_eq!(server.stats().frames_late, 2);
    assert_eq!(server.accept(UNI), None);
}

#[test]
fn readable_is_told_once_until_it_was_read() {
    let mut server = server();
    receives(&mut server, 0, 0, b"a", false);
    accept_all(&mut server);
    receives(&mut server, 0, 1, b"b", false);
    assert_eq!(events(&mut server), []);
    assert_eq!(read_all(&mut server, 0), (b"ab".to_vec(), false));
    receives(&mut server, 0, 2, b"c", false);
    receives(&mut server, 0, 3, b"d", false);
    assert_eq!(events(&mut server), [StreamEvent::Readable(id(0))]);
}

#[test]
fn an_event_that_no_longer_holds_is_not_told() {
    let mut server = server();
    accept_all(&mut server);
    receives(&mut server, 0, 0, b"a", false);
    assert_eq!(server.accept(BIDI), Some(id(0)));
    assert_eq!(read_all(&mut server, 0), (b"a".to_vec(), false));
    assert_eq!(events(&mut server), []);
    receives(&mut server, 0, 1, b"b", false);
    assert_eq!(events(&mut server), [StreamEvent::Readable(id(0))]);
}
