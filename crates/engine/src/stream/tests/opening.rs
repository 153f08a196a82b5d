use inquic_wire::{Code, Direction, Role, StreamId};

use super::helper::*;
use crate::stream::{Config, OnStream, OpenError, StreamEvent, Streams};

#[test]
fn streams_open_in_order_up_to_the_peers_limit() {
    let mut client = Streams::new(&Config::new(Role::Client));
    assert_eq!(client.open(BIDI), Err(OpenError::Limit));
    client.set_peer_parameters(&inquic_wire::TransportParameters {
        initial_max_streams_bidi: 2,
        ..generous()
    });
    assert_eq!(events(&mut client), [StreamEvent::MaxStreams(BIDI)]);
    assert_eq!(client.open(BIDI), Ok(id(0)));
    assert_eq!(client.open(BIDI), Ok(id(4)));
    assert_eq!(client.open(BIDI), Err(OpenError::Limit));
    assert_eq!(client.open(BIDI), Err(OpenError::Limit));
    assert_eq!(flush(&mut client).frames, [Out::StreamsBlocked(BIDI, 2)]);
    assert_eq!(client.open(BIDI), Err(OpenError::Limit));
    assert!(!client.wants_to_send());
    client.on_max_streams(BIDI, 1).unwrap();
    assert_eq!(events(&mut client), []);
    client.on_max_streams(BIDI, 3).unwrap();
    assert_eq!(events(&mut client), [StreamEvent::MaxStreams(BIDI)]);
    assert_eq!(client.open(BIDI), Ok(id(8)));
    assert_eq!(client.open(UNI), Ok(id(2)));
}

#[test]
fn opening_one_of_the_peers_streams_opens_all_below_as_numbers() {
    let mut server = server();
    receives(&mut server, 12, 0, b"x", false);
    assert_eq!(server.stats().open, 1);
    assert_eq!(server.stats().opened_remote, 4);
    assert_eq!(events(&mut server), [StreamEvent::Incoming(BIDI)]);
    assert_eq!(accept_all(&mut server), [0, 4, 8, 12]);
    assert_eq!(server.accept(BIDI), None);
    assert_eq!(events(&mut server), []);
}

#[test]
fn a_stream_is_readable_only_once_it_was_accepted() {
    let mut server = server();
    receives(&mut server, 4, 0, b"x", false);
    assert_eq!(events(&mut server), [StreamEvent::Incoming(BIDI)]);
    assert_eq!(server.accept(BIDI), Some(id(0)));
    assert_eq!(events(&mut server), []);
    assert_eq!(server.accept(BIDI), Some(id(4)));
    assert_eq!(events(&mut server), [StreamEvent::Readable(id(4))]);
}

/// Every frame that names a stream, for one of them.
fn frames_naming(raw: u64) -> [Out; 5] {
    [
        Out::Stream {
            id: raw,
            offset: 0,
            data: vec![],
            fin: false,
        },
        Out::Reset {
            id: raw,
            code: 0,
            size: 0,
        },
        Out::StreamDataBlocked { id: raw, limit: 0 },
        Out::Stop { id: raw, code: 0 },
        Out::MaxStreamData { id: raw, max: 0 },
    ]
}

#[test]
fn the_limit_of_streams_holds_for_every_frame_that_names_one() {
    for frame in frames_naming(12) {
        assert_eq!(
            deliver(&mut server(), &frame),
            Ok(OnStream::Taken),
            "{frame:?}"
        );
    }
    let highest = StreamId::new(Role::Client, BIDI, (1 << 60) - 1)
        .unwrap()
        .to_u64();
    for raw in [16, highest] {
        for frame in frames_naming(raw) {
            let offence = deliver(&mut server(), &frame).unwrap_err();
            assert_eq!(offence.code, Code::StreamLimit, "{frame:?}");
        }
    }
    for frame in &frames_naming(18)[..3] {
        assert_eq!(
            deliver(&mut server(), frame).unwrap_err().code,
            Code::StreamLimit
        );
    }
}

#[test]
fn a_stream_of_ours_that_is_not_open_is_an_offence() {
    for raw in [1, 5, 401] {
        for frame in frames_naming(raw) {
            let offence = deliver(&mut server(), &frame).unwrap_err();
            assert_eq!(offence.code, Code::StreamState, "{frame:?}");
        }
    }
}

#[test]
fn frames_for_the_half_that_a_stream_lacks_are_offences() {
    let mut server = server();
    assert_eq!(server.open(UNI), Ok(id(3)));
    receives(&mut server, 2, 0, b"x", false);
    for frame in &frames_naming(3)[..3] {
        assert_eq!(
            deliver(&mut server, frame).unwrap_err().code,
            Code::StreamState
        );
    }
    for frame in &frames_naming(2)[3..] {
        assert_eq!(
            deliver(&mut server, frame).unwrap_err().code,
            Code::StreamState
        );
    }
}

#[test]
fn each_frame_that_may_opens_the_peers_bidirectional_stream() {
    for frame in frames_naming(4) {
        let mut server = server();
        assert_eq!(deliver(&mut server, &frame), Ok(OnStream::Taken));
        assert_eq!(accept_all(&mut server), [0, 4], "{frame:?}");
    }
}

#[test]
fn a_stop_before_the_stream_was_accepted_is_told_after() {
    let mut server = server();
    let _ = server.on_stop_sending(id(0), 5).unwrap();
    assert_eq!(events(&mut server), [StreamEvent::Incoming(BIDI)]);
    assert_eq!(server.accept(BIDI), Some(id(0)));
    assert_eq!(
        events(&mut server),
        [StreamEvent::Stopped { id: id(0), code: 5 }]
    );
}

#[test]
fn closed_streams_make_place_for_others_in_one_frame() {
    let mut server = server();
    for raw in [2, 6, 10, 14] {
        receives(&mut server, raw, 0, b"", true);
    }
    accept_all(&mut server);
    for raw in [6, 2, 14] {
        assert_eq!(read_all(&mut server, raw), (vec![], true));
    }
    let sent = flush(&mut server);
    assert_eq!(sent.frames, [Out::MaxStreams(UNI, 7)]);
    receives(&mut server, 26, 0, b"", true);
    assert_eq!(
        server.on_stream(id(30), 0, b"", true).unwrap_err().code,
        Code::StreamLimit
    );
    lose(&mut server, &sent.sent);
    assert_eq!(flush(&mut server).frames, [Out::MaxStreams(UNI, 7)]);
}

#[test]
fn a_peer_with_streams_to_spare_is_told_of_more_when_it_has_used_them() {
    let mut server = server();
    receives(&mut server, 2, 0, b"", true);
    accept_all(&mut server);
    read_all(&mut server, 2);
    assert!(!server.wants_to_send());
    receives(&mut server, 6, 0, b"", false);
    assert_eq!(flush(&mut server).frames, [Out::MaxStreams(UNI, 5)]);
}

#[test]
fn a_prompt_word_of_more_streams_rides_in_a_packet_that_goes_anyway() {
    let mut server = streams(&Config {
        is_prompt: true,
        ..small(Role::Server)
    });
    receives(&mut server, 2, 0, b"", true);
    accept_all(&mut server);
    read_all(&mut server, 2);
    assert!(!server.wants_to_send());
    assert!(server.is_patient());
    let own = server.open(UNI).unwrap();
    server.write(own, b"x").unwrap();
    let frames = flush(&mut server).frames;
    assert_eq!(frames.first(), Some(&Out::MaxStreams(UNI, 5)));
    assert_eq!(frames.len(), 2);
    assert!(!server.is_patient());
}

#[test]
fn a_bidirectional_stream_is_over_when_both_halves_are() {
    let mut server = server();
    receives(&mut server, 0, 0, b"ask", true);
    accept_all(&mut server);
    read_all(&mut server, 0);
    server.write(id(0), b"answer").unwrap();
    server.finish(id(0)).unwrap();
    assert_eq!(server.stats().open, 1);
    let sent = flush(&mut server).sent;
    acknowledge(&mut server, &sent);
    assert_eq!(events(&mut server), [StreamEvent::Finished(id(0))]);
    assert_eq!(server.stats().open, 0);
}

#[test]
fn counts_above_2_to_the_60_are_offences() {
    let mut server = server();
    for direction in Direction::ALL {
        assert_eq!(server.on_max_streams(direction, 1 << 60), Ok(()));
        assert_eq!(server.on_streams_blocked(direction, 1 << 60), Ok(()));
        let above = (1 << 60) + 1;
        assert_eq!(
            server.on_max_streams(direction, above).unwrap_err().code,
            Code::FrameEncoding
        );
        let offence = server.on_streams_blocked(direction, above).unwrap_err();
        assert_eq!(offence.code, Code::FrameEncoding);
    }
}
