use inquic_wire::Role;

use super::helper::*;
use crate::stream::limits::*;
use crate::stream::{Config, OnStream, StreamEvent, Streams, Window};

/// A window that pays for every stream there may be.
fn paying_for_many() -> Config {
    Config {
        connection_window: Window {
            initial: 1 << 28,
            ceiling: 1 << 28,
        },
        ..Config::new(Role::Server)
    }
}

#[test]
fn a_connection_without_streams_is_small() {
    assert!(Streams::new(&Config::new(Role::Server)).allocated_bytes() <= IDLE_BYTES);
}

#[test]
fn a_connection_that_was_busy_is_small_again_when_it_is_idle() {
    let mut client = client();
    let mut server = streams(&Config::new(Role::Server));
    let id = client.open(UNI).unwrap();
    for round in 0..50_u64 {
        client.write(id, &bytes(round * 10_000, 10_000)).unwrap();
        if round == 49 {
            client.finish(id).unwrap();
        }
        let sent = flush(&mut client);
        for frame in &sent.frames {
            assert_eq!(deliver(&mut server, frame), Ok(OnStream::Taken));
        }
        read_all(&mut server, id.to_u64());
        for frame in flush(&mut server).frames {
            assert_eq!(deliver(&mut client, &frame), Ok(OnStream::Taken));
        }
        acknowledge(&mut client, &sent.sent);
    }
    accept_all(&mut server);
    events(&mut client);
    for side in [&mut client, &mut server] {
        let spare = (SPARE_PAGES + 1) * PAGE + SPARE_BUFFERS * 8 + SPARE_LISTS;
        assert!(side.allocated_bytes() <= IDLE_BYTES + spare + 4 * STREAM_BYTES * 2);
        side.shrink();
        assert!(
            side.allocated_bytes() <= 2_048,
            "{}",
            side.allocated_bytes()
        );
    }
}

#[test]
fn ten_thousand_idle_streams_take_less_than_300_bytes_each() {
    let config = Config {
        max_streams_bidi: 10_000,
        max_streams_uni: 0,
        ..paying_for_many()
    };
    let mut server = streams(&config);
    for index in 0..10_000 {
        receives(&mut server, index * 4, 0, &[1; 100], false);
        server.accept(BIDI).unwrap();
        read_all(&mut server, index * 4);
        flush(&mut server);
    }
    events(&mut server);
    server.shrink();
    let each = server.allocated_bytes() / 10_000;
    assert!(each <= 300, "{each} bytes each");
}

#[test]
fn every_second_byte_on_a_hundred_streams_costs_little_more_than_the_window() {
    let window = 1 << 20;
    let config = Config {
        stream_window: Window {
            initial: window,
            ceiling: window,
        },
        connection_window: Window {
            initial: window,
            ceiling: window,
        },
        ..Config::new(Role::Server)
    };
    // From where on the stream has holes, and how long its pieces are.
    for (solid, piece) in [(0, 1), (9_900, 1), (0, 20), (5_000, 10), (0, 600)] {
        let mut server = streams(&config);
        let before = server.allocated_bytes();
        'all: for round in 0.. {
            for index in 0..100 {
                let share = window / 100;
                let offset = if round == 0 {
                    1
                } else {
                    solid + round * 2 * piece
                };
                let len = if round == 0 { solid } else { piece };
                if offset + len > share {
                    break 'all;
                }
                let data = vec![1; len as usize];
                match server.on_stream(id(index * 4), offset, &data, false) {
                    Ok(_) => {}
                    Err(offence) => {
                        assert_eq!(offence.reason, "stream data in too many small pieces");
                        break 'all;
                    }
                }
            }
        }
        let took = server.allocated_bytes() - before;
        let bound = receive_memory(window) as usize;
        assert!(took <= bound, "{took} > {bound} with {solid} {piece}");
    }
}

#[test]
fn a_stream_of_a_hundred_bytes_costs_about_so_many_when_there_are_many() {
    let window = 24 << 20;
    let config = Config {
        max_streams_bidi: 0,
        max_streams_uni: 10_000,
        connection_window: Window {
            initial: window,
            ceiling: window,
        },
        ..Config::new(Role::Server)
    };
    let mut server = streams(&config);
    for index in 0..10_000 {
        receives(&mut server, index * 4 + 2, 0, &[1; 100], false);
    }
    let full_pages = receive_memory(window) as usize / GENEROUS_SHARE;
    let each = (server.allocated_bytes() - full_pages) / 10_000;
    // The record, the list of one page, and the page.
    assert!(each <= 300 + 128 + 280, "{each} bytes each");
}

#[test]
fn a_peer_that_resets_what_it_opens_is_held_by_an_application_that_does_not_look() {
    let mut server = streams(&Config::new(Role::Server));
    let mut opened = 0;
    for index in 0..100_000 {
        let raw = index * 4 + 2;
        match server.on_reset_stream(id(raw), 0, 0) {
            Ok(_) => opened += 1,
            Err(_) => break,
        }
    }
    let [_, allowed] = streams_at_once(CONNECTION_WINDOW, [STREAMS; 2]);
    assert_eq!(opened, allowed);
    assert_eq!(server.stats().open, allowed);
    assert_eq!(events(&mut server), [StreamEvent::Incoming(UNI)]);
}

#[test]
fn a_peer_that_resets_what_it_opens_leaves_nothing_behind() {
    let mut server = streams(&Config::new(Role::Server));
    for index in 0..200_000 {
        let raw = index * 4 + 2;
        assert_eq!(server.on_reset_stream(id(raw), 0, 0), Ok(OnStream::Taken));
        server.accept(UNI).unwrap();
        let _ = server.read(at(0), RTT, id(raw), &mut []);
        if index % 40 == 0 {
            packet(&mut server, 1_200);
        }
    }
    events(&mut server);
    assert_eq!(server.stats().open, 0);
    server.shrink();
    assert!(server.allocated_bytes() <= 2_048);
}

#[test]
fn only_the_highest_of_many_streams_is_an_object() {
    let config = Config {
        max_streams_bidi: STREAMS_MAX,
        max_streams_uni: 0,
        ..paying_for_many()
    };
    let mut server = streams(&config);
    receives(&mut server, (STREAMS_MAX - 1) * 4, 0, b"x", false);
    assert_eq!(server.stats().open, 1);
    assert!(server.allocated_bytes() <= IDLE_BYTES + PAGE + 4 * STREAM_BYTES * 2);
}

#[test]
fn a_million_of_each_frame_leave_one_answer_of_each_kind() {
    let mut server = server();
    receives(&mut server, 0, 0, &[1; 100], false);
    accept_all(&mut server);
    let stopped = server.open(BIDI).unwrap();
    for _ in 0..100_000 {
        server.on_max_data(5);
        let _ = server.on_max_stream_data(id(0), 5).unwrap();
        server.on_max_streams(BIDI, 1_000).unwrap();
        server.on_data_blocked(5);
        server.on_stream_data_blocked(id(0), 5).unwrap();
        server.on_streams_blocked(BIDI, 5).unwrap();
        let _ = server.on_stop_sending(stopped, 1).unwrap();
        receives(&mut server, 0, 0, &[1; 100], false);
        let _ = server.on_reset_stream(id(4), 1, 5).unwrap();
    }
    assert_eq!(
        flush(&mut server).frames,
        [Out::Reset {
            id: stopped.to_u64(),
            code: 1,
            size: 0
        }]
    );
    assert_eq!(
        events(&mut server),
        [
            StreamEvent::Incoming(BIDI),
            StreamEvent::Stopped {
                id: stopped,
                code: 1
            }
        ]
    );
}

#[test]
fn a_sparse_sender_earns_no_window() {
    let mut server = server();
    receives(&mut server, 0, 99, b"x", false);
    receives(&mut server, 4, 99, b"x", false);
    accept_all(&mut server);
    let mut out = [0; 100];
    for hour in 0..3_600 {
        assert!(server.read(at(hour * 1_000), RTT, id(0), &mut out).is_err());
        assert!(!server.wants_to_send());
    }
}

#[test]
fn data_that_nobody_reads_earns_no_credit_until_it_is_stopped() {
    let mut server = server();
    receives(&mut server, 0, 0, &[1; 100], false);
    receives(&mut server, 4, 0, &[1; 100], false);
    accept_all(&mut server);
    assert!(!server.wants_to_send());
    server.stop(id(0), 3).unwrap();
    server.stop(id(4), 3).unwrap();
    assert_eq!(
        flush(&mut server).frames,
        [
            Out::MaxData(450),
            Out::Stop { id: 0, code: 3 },
            Out::Stop { id: 4, code: 3 }
        ]
    );
}
