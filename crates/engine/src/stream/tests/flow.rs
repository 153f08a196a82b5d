use inquic_wire::{Code, Role, TransportParameters};

use super::helper::*;
use crate::stream::{Config, Streams, WriteError};

#[test]
fn a_streams_limit_is_met_and_not_passed() {
    let mut server = server();
    receives(&mut server, 0, 0, &[0; 100], false);
    let offence = server.on_stream(id(0), 100, &[0], false).unwrap_err();
    assert_eq!(offence.code, Code::FlowControl);
    assert_eq!(
        server.on_stream(id(4), 101, b"", false).unwrap_err().code,
        Code::FlowControl
    );
}

#[test]
fn the_connections_limit_is_met_and_not_passed() {
    let mut server = server();
    receives(&mut server, 0, 0, &[0; 100], false);
    receives(&mut server, 4, 99, &[0], false);
    receives(&mut server, 8, 0, &[0; 50], false);
    let offence = server.on_stream(id(8), 50, &[0], false).unwrap_err();
    assert_eq!(offence.code, Code::FlowControl);
}

#[test]
fn windows_open_only_by_what_was_read() {
    let mut server = server();
    receives(&mut server, 0, 0, &[0; 100], false);
    receives(&mut server, 4, 0, &[0; 100], false);
    accept_all(&mut server);
    assert!(!server.wants_to_send());
    let mut out = [0; 49];
    server.read(at(0), RTT, id(0), &mut out).unwrap();
    assert!(!server.wants_to_send());
    server.read(at(100), RTT, id(0), &mut out[..1]).unwrap();
    assert_eq!(
        flush(&mut server).frames,
        [Out::MaxStreamData { id: 0, max: 150 }]
    );
    let mut rest = [0; 100];
    server.read(at(200), RTT, id(0), &mut rest).unwrap();
    server.read(at(200), RTT, id(4), &mut rest).unwrap();
    assert_eq!(
        flush(&mut server).frames,
        [
            Out::MaxData(450),
            Out::MaxStreamData { id: 0, max: 200 },
            Out::MaxStreamData { id: 4, max: 200 },
        ]
    );
}

#[test]
fn a_lost_limit_is_sent_again_as_it_is_now() {
    let mut server = server();
    receives(&mut server, 0, 0, &[0; 100], false);
    accept_all(&mut server);
    let mut out = [0; 60];
    server.read(at(0), RTT, id(0), &mut out).unwrap();
    let first = flush(&mut server);
    assert_eq!(first.frames, [Out::MaxStreamData { id: 0, max: 160 }]);
    server.read(at(500), RTT, id(0), &mut out[..20]).unwrap();
    lose(&mut server, &first.sent);
    assert_eq!(
        flush(&mut server).frames,
        [Out::MaxStreamData { id: 0, max: 180 }]
    );
}

#[test]
fn a_stream_whose_end_is_known_gets_no_more_credit() {
    let mut server = server();
    receives(&mut server, 0, 0, &[0; 100], true);
    accept_all(&mut server);
    let mut out = [0; 90];
    server.read(at(0), RTT, id(0), &mut out).unwrap();
    assert!(!server.wants_to_send());
}

#[test]
fn a_window_read_within_two_round_trips_doubles_up_to_the_ceiling() {
    let mut server = server();
    let mut limits = Vec::new();
    let mut offset = 0;
    let mut granted = 100;
    accept_all(&mut server);
    for round in 0..12 {
        let len = (granted - offset).min(100) as usize;
        receives(&mut server, 0, offset, &vec![0; len], false);
        offset += len as u64;
        let mut out = [0; 100];
        server.read(at(round), RTT, id(0), &mut out[..len]).unwrap();
        for frame in flush(&mut server).frames {
            if let Out::MaxStreamData { max, .. } = frame {
                granted = max;
                limits.push(max - offset);
            }
        }
    }
    assert_eq!(limits.iter().max(), Some(&400));
    assert!(
        limits.is_sorted_by(|a, b| a <= b || *b >= 200),
        "{limits:?}"
    );
}

#[test]
fn a_slow_reader_keeps_its_window() {
    let mut server = server();
    for round in 0..20 {
        receives(&mut server, 0, round * 50, &[0; 50], false);
        let mut out = [0; 50];
        server.read(at(round * 11), RTT, id(0), &mut out).unwrap();
        for frame in flush(&mut server).frames {
            if let Out::MaxStreamData { max, .. } = frame {
                assert_eq!(max - (round + 1) * 50, 100);
            }
        }
    }
}

#[test]
fn thrown_away_data_is_given_back_but_earns_no_larger_window() {
    let mut server = server();
    accept_all(&mut server);
    let mut granted = 250;
    let mut sent = 0;
    for index in 0..100 {
        let raw = index * 4 + 2;
        if sent + 100 > granted {
            break;
        }
        let _ = server.on_reset_stream(id(raw), 0, 100).unwrap();
        sent += 100;
        accept_all(&mut server);
        let _ = server.read(at(index), RTT, id(raw), &mut []);
        for frame in flush(&mut server).frames {
            if let Out::MaxData(max) = frame {
                granted = max;
                assert!(max - sent <= 250, "the window stays what it was");
            }
        }
    }
    assert_eq!(sent, 10_000);
}

#[test]
fn a_sender_keeps_to_the_streams_limit_and_says_so_once() {
    let mut client = Streams::new(&Config::new(Role::Client));
    client.set_peer_parameters(&TransportParameters {
        initial_max_stream_data_uni: 10,
        ..generous()
    });
    let id = client.open(UNI).unwrap();
    client.write(id, &bytes(0, 30)).unwrap();
    let first = flush(&mut client);
    assert_eq!(
        first.frames,
        [
            Out::Stream {
                id: 2,
                offset: 0,
                data: bytes(0, 10),
                fin: false
            },
            Out::StreamDataBlocked { id: 2, limit: 10 },
        ]
    );
    client.write(id, &bytes(30, 5)).unwrap();
    assert!(!client.wants_to_send());
    let _ = client.on_max_stream_data(id, 9).unwrap();
    assert!(!client.wants_to_send());
    lose(&mut client, &first.sent[1..]);
    assert_eq!(
        flush(&mut client).frames,
        [Out::StreamDataBlocked { id: 2, limit: 10 }]
    );
    let _ = client.on_max_stream_data(id, 40).unwrap();
    lose(&mut client, &first.sent[1..]);
    assert_eq!(
        flush(&mut client).frames,
        [Out::Stream {
            id: 2,
            offset: 10,
            data: bytes(10, 25),
            fin: false
        }]
    );
}

#[test]
fn a_sender_keeps_to_the_connections_limit_and_says_so_once() {
    let mut client = Streams::new(&Config::new(Role::Client));
    client.set_peer_parameters(&TransportParameters {
        initial_max_data: 10,
        ..generous()
    });
    let (a, b) = (client.open(UNI).unwrap(), client.open(UNI).unwrap());
    client.write(a, &bytes(0, 8)).unwrap();
    client.write(b, &bytes(0, 8)).unwrap();
    let first = flush(&mut client);
    assert_eq!(
        first.frames,
        [
            Out::Stream {
                id: 2,
                offset: 0,
                data: bytes(0, 8),
                fin: false
            },
            Out::Stream {
                id: 6,
                offset: 0,
                data: bytes(0, 2),
                fin: false
            },
            Out::DataBlocked(10),
        ]
    );
    assert!(!client.wants_to_send());
    // What was lost needs no credit.
    lose(&mut client, &first.sent[..1]);
    assert_eq!(
        flush(&mut client).frames,
        [Out::Stream {
            id: 2,
            offset: 0,
            data: bytes(0, 8),
            fin: false
        }]
    );
    lose(&mut client, &first.sent[2..]);
    assert_eq!(flush(&mut client).frames, [Out::DataBlocked(10)]);
    client.on_max_data(100);
    assert_eq!(
        flush(&mut client).frames,
        [Out::Stream {
            id: 6,
            offset: 2,
            data: bytes(2, 6),
            fin: false
        }]
    );
}

#[test]
fn an_end_without_bytes_needs_no_credit() {
    let mut client = Streams::new(&Config::new(Role::Client));
    client.set_peer_parameters(&TransportParameters {
        initial_max_data: 0,
        ..generous()
    });
    let id = client.open(UNI).unwrap();
    client.finish(id).unwrap();
    assert_eq!(
        flush(&mut client).frames,
        [Out::Stream {
            id: 2,
            offset: 0,
            data: vec![],
            fin: true
        }]
    );
}

#[test]
fn parameters_that_come_late_raise_the_limits_of_open_streams() {
    let mut server = Streams::new(&small(Role::Server));
    receives(&mut server, 0, 0, b"x", true);
    accept_all(&mut server);
    assert_eq!(server.write(id(0), b"answer"), Ok(6));
    server.set_peer_parameters(&generous());
    let frames = flush(&mut server).frames;
    assert!(frames.contains(&Out::Stream {
        id: 0,
        offset: 0,
        data: b"answer".to_vec(),
        fin: false
    }));
    assert_eq!(server.write(id(0), b""), Ok(0));
    assert_ne!(server.write(id(0), b"more"), Err(WriteError::Blocked));
}
