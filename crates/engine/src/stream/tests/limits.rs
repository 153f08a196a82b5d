use inquic_wire::{Code, Role};

use super::helper::*;
use crate::stream::limits::*;
use crate::stream::{Config, OnStream, OpenError, StreamEvent, Window, WriteError};

/// A server with a window of 8 MiB on each stream and of 16 MiB in all.
fn wide() -> Config {
    Config {
        stream_window: Window {
            initial: STREAM_WINDOW_MAX,
            ceiling: STREAM_WINDOW_MAX,
        },
        connection_window: Window {
            initial: CONNECTION_WINDOW_MAX,
            ceiling: CONNECTION_WINDOW_MAX,
        },
        ..Config::new(Role::Server)
    }
}

#[test]
fn small_pieces_are_kept_up_to_the_bound_and_then_refused() {
    let mut server = streams(&wide());
    for piece in 0..PIECES as u64 {
        receives(&mut server, 0, 1 + piece * 2, b"x", false);
    }
    let beyond = PIECES as u64 * 2 + 1;
    assert_eq!(
        server.on_stream(id(0), beyond, b"x", false),
        Ok(OnStream::Refused)
    );
    assert_eq!(server.stats().frames_refused, 1);
    // What joins a piece makes none, and what closes the first hole takes one away.
    receives(&mut server, 0, 2, b"x", false);
    receives(&mut server, 0, 0, b"x", false);
    receives(&mut server, 0, beyond, b"x", false);
}

#[test]
fn the_thousandth_refusal_without_progress_closes_the_connection() {
    let mut server = streams(&wide());
    for piece in 0..PIECES as u64 {
        receives(&mut server, 0, 10 + piece * 2, b"x", false);
    }
    let far = 100_000;
    for _ in 1..REFUSALS {
        assert_eq!(
            server.on_stream(id(0), far, b"x", false),
            Ok(OnStream::Refused)
        );
    }
    receives(&mut server, 0, 0, b"x", false);
    for _ in 1..REFUSALS {
        assert_eq!(
            server.on_stream(id(0), far, b"x", false),
            Ok(OnStream::Refused)
        );
    }
    let offence = server.on_stream(id(0), far, b"x", false).unwrap_err();
    assert_eq!(offence.code, Code::ProtocolViolation);
}

#[test]
fn honest_loss_of_every_second_packet_is_kept_up_to_the_bound_of_all_pieces() {
    let mut server = streams(&wide());
    let packet = [7; 1_200];
    for piece in 0..PIECES_MAX as u64 {
        receives(&mut server, 0, (1 + piece * 2) * 1_200, &packet, false);
    }
    let beyond = (1 + PIECES_MAX as u64 * 2) * 1_200;
    for _ in 0..2 * REFUSALS {
        // It is sent again after the holes are filled, and is no offence.
        assert_eq!(
            server.on_stream(id(0), beyond, &packet, false),
            Ok(OnStream::Refused)
        );
    }
    receives(&mut server, 0, 0, &packet, false);
    receives(&mut server, 0, beyond, &packet, false);
}

#[test]
fn alternating_acknowledgements_beyond_the_bound_lose_nothing() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    let mut sent = Vec::new();
    let frames = 2 * SENT_RANGES + 10;
    for at in 0..frames as u64 {
        client.write(id, &bytes(at, 1)).unwrap();
        sent.extend(packet(&mut client, 100).sent);
    }
    for pair in sent.chunks(2) {
        acknowledge(&mut client, &pair[1..]);
    }
    for pair in sent.chunks(2) {
        lose(&mut client, &pair[..1]);
    }
    let mut arrived = vec![0_u8; frames];
    for at in (1..frames).step_by(2) {
        arrived[at] = 1;
    }
    while client.wants_to_send() {
        let next = packet(&mut client, 1_200);
        for frame in &next.frames {
            let Out::Stream { offset, data, .. } = frame else {
                panic!("{frame:?}");
            };
            assert_eq!(*data, bytes(*offset, data.len()));
            arrived[*offset as usize..][..data.len()].fill(1);
        }
        acknowledge(&mut client, &next.sent);
    }
    assert!(arrived.iter().all(|byte| *byte == 1));
    assert_eq!(client.writable(id), STREAM_SEND_BUFFER);
}

#[test]
fn scattered_losses_beyond_the_bound_are_all_sent_again() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    let mut sent = Vec::new();
    let frames = 2 * SENT_RANGES + 10;
    for at in 0..frames as u64 {
        client.write(id, &bytes(at, 1)).unwrap();
        sent.extend(packet(&mut client, 100).sent);
    }
    let mut missing = vec![false; frames];
    for (at, frame) in sent.iter().enumerate().step_by(2) {
        lose(&mut client, &[*frame]);
        missing[at] = true;
    }
    while client.wants_to_send() {
        for frame in &packet(&mut client, 1_200).frames {
            let Out::Stream { offset, data, .. } = frame else {
                panic!("{frame:?}");
            };
            assert_eq!(*data, bytes(*offset, data.len()));
            missing[*offset as usize..][..data.len()].fill(false);
        }
    }
    assert!(!missing.contains(&true));
}

#[test]
fn a_streams_send_buffer_is_met_exactly() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    let data = vec![1; STREAM_SEND_BUFFER + 1];
    assert_eq!(client.write(id, &data), Ok(STREAM_SEND_BUFFER));
    assert_eq!(client.write(id, &data[..1]), Err(WriteError::Blocked));
}

#[test]
fn a_connections_send_buffer_is_met_exactly() {
    let mut client = client();
    let data = vec![1; STREAM_SEND_BUFFER];
    let mut taken = 0;
    for _ in 0..4 {
        let id = client.open(UNI).unwrap();
        taken += client.write(id, &data).unwrap_or(0);
    }
    assert_eq!(taken, SEND_BUFFER);
}

#[test]
fn a_peer_may_open_as_many_streams_as_its_window_pays_for() {
    assert_eq!(streams_at_once(CONNECTION_WINDOW, [256, 256]), [143, 143]);
    assert_eq!(streams_at_once(CONNECTION_WINDOW, [256, 3]), [256, 3]);
    assert_eq!(streams_at_once(CONNECTION_WINDOW, [400, 3]), [284, 3]);
    assert_eq!(streams_at_once(0, [256, 256]), [7, 7]);
    let most = streams_at_once(CONNECTION_WINDOW_MAX, [STREAMS, u64::MAX]);
    assert_eq!(most, [STREAMS, 11_665 - STREAMS]);
}

#[test]
fn more_streams_are_offered_when_the_window_has_grown() {
    let config = Config {
        connection_window: Window {
            initial: 10_000,
            ceiling: 1 << 20,
        },
        stream_window: Window {
            initial: 10_000,
            ceiling: 1 << 20,
        },
        ..Config::new(Role::Server)
    };
    let mut server = streams(&config);
    let [before, _] = streams_at_once(10_000, [STREAMS; 2]);
    let mut offset = 0;
    while server.receive_window() < 1 << 20 {
        receives(&mut server, 0, offset, &[1; 5_000], false);
        offset += 5_000;
        accept_all(&mut server);
        read_all(&mut server, 0);
        flush(&mut server);
    }
    let [after, _] = streams_at_once(1 << 20, [STREAMS; 2]);
    assert!(after > 2 * before, "{before} {after}");
    for index in 1..after {
        receives(&mut server, index * 4, 0, b"x", false);
        flush(&mut server);
    }
    let beyond = server.on_stream(id(after * 4), 0, b"x", false);
    assert_eq!(beyond.unwrap_err().code, Code::StreamLimit);
}

#[test]
fn streams_of_ours_take_half_of_a_send_buffer_and_leave_the_rest_to_write() {
    let config = Config {
        send_buffer: 100_000,
        ..Config::new(Role::Client)
    };
    let mut client = streams(&config);
    client.on_max_streams(UNI, 1 << 60).unwrap();
    client.on_max_data(1 << 40);
    for _ in 0..local_streams(100_000) {
        client.open(UNI).unwrap();
    }
    assert_eq!(client.open(UNI), Err(OpenError::Limit));
    let data = vec![1; 100_000];
    let taken = client.write(id(2), &data).unwrap();
    assert!((50_000..60_000).contains(&taken), "{taken}");
}

#[test]
fn our_own_streams_are_bounded_whatever_the_peer_allows() {
    let mut client = streams(&Config {
        send_buffer: 64 << 20,
        ..Config::new(Role::Client)
    });
    client.on_max_streams(UNI, 1 << 60).unwrap();
    client.on_max_data(1 << 40);
    for _ in 0..LOCAL_STREAMS {
        client.open(UNI).unwrap();
    }
    assert_eq!(client.open(UNI), Err(OpenError::Limit));
    let first = id(2);
    client.finish(first).unwrap();
    let sent = packet(&mut client, 1_200).sent;
    acknowledge(&mut client, &sent);
    assert_eq!(
        events(&mut client),
        [StreamEvent::Finished(first), StreamEvent::MaxStreams(UNI)]
    );
    assert!(client.open(UNI).is_ok());
    assert_eq!(client.open(UNI), Err(OpenError::Limit));
}

#[test]
fn no_configuration_allows_more_streams_than_have_places() {
    let config = Config {
        max_streams_bidi: 0,
        max_streams_uni: u64::MAX,
        connection_window: Window {
            initial: 1 << 28,
            ceiling: 1 << 28,
        },
        ..Config::new(Role::Server)
    };
    let mut server = streams(&config);
    let last = STREAMS_MAX * 4 - 4 + 2;
    receives(&mut server, last, 0, b"x", false);
    assert_eq!(
        server
            .on_stream(id(last + 4), 0, b"x", false)
            .unwrap_err()
            .code,
        Code::StreamLimit
    );
}

#[test]
fn a_stream_that_outlives_many_is_still_found() {
    let mut server = server();
    receives(&mut server, 2, 0, b"a", false);
    accept_all(&mut server);
    for index in 1..2 * RECENT as u64 {
        receives(&mut server, index * 4 + 2, 0, b"x", true);
        accept_all(&mut server);
        read_all(&mut server, index * 4 + 2);
        flush(&mut server);
    }
    assert_eq!(server.stats().open, 1);
    receives(&mut server, 2, 1, b"b", true);
    assert_eq!(read_all(&mut server, 2), (b"ab".to_vec(), true));
    assert_eq!(server.stats().open, 0);
}

#[test]
fn a_writer_is_woken_for_no_less_than_a_quarter_of_a_small_buffer_and_an_eighth_of_a_large_one() {
    assert_eq!(writable(0), 1);
    assert_eq!(writable(1_000), 250);
    assert_eq!(writable(4 * WRITABLE), WRITABLE);
    assert_eq!(writable(8 * WRITABLE), WRITABLE);
    assert_eq!(writable(16 * WRITABLE), 2 * WRITABLE);
}
