//! The nine events: that they are told when they were asked for, and what they carry.

use inquic_uapi::event::{
    EVENT_LEN, QUIC_STREAM_RECV_STATE_READ, QUIC_STREAM_RECV_STATE_RECV,
    QUIC_STREAM_RECV_STATE_RECVD, QUIC_STREAM_RECV_STATE_RESET_READ,
    QUIC_STREAM_RECV_STATE_RESET_RECVD, QUIC_STREAM_RECV_STATE_SIZE_KNOWN,
    QUIC_STREAM_SEND_STATE_READY, QUIC_STREAM_SEND_STATE_RECVD, QUIC_STREAM_SEND_STATE_RESET_RECVD,
    QUIC_STREAM_SEND_STATE_RESET_SENT, QUIC_STREAM_SEND_STATE_SEND, QUIC_STREAM_SEND_STATE_SENT,
};
use inquic_uapi::flags::{MSG_EOR, MSG_QUIC_NOTIFICATION};
use inquic_uapi::option::{
    QUIC_SOCKOPT_CONNECTION_CLOSE, QUIC_SOCKOPT_CONNECTION_ID, QUIC_SOCKOPT_CONNECTION_MIGRATION,
    QUIC_SOCKOPT_KEY_UPDATE, QUIC_SOCKOPT_STREAM_RESET, QUIC_SOCKOPT_STREAM_STOP_SENDING,
    QUIC_SOCKOPT_TOKEN, QUIC_SOCKOPT_TRANSPORT_PARAM,
};
use inquic_uapi::structs::{
    ConnectionClose, ConnectionIdInfo, ErrInfo, StreamMaxData, StreamUpdate, TransportParam,
};
use inquic_uapi::{EventType, Layout, QUIC_CLOSE_PHRASE_BUFFER_SIZE, QUIC_CRYPTO_APP};
use libc::{EAGAIN, EINVAL, ENOSPC};

use super::pair::{
    DONTWAIT, Ends, FIN, NEW, bytes, event, free, get, level, name, next, send_on, set, there, want,
};
use super::process::{until, until_not};
use super::{Check, check, raw};
use crate::sys::Fd;

pub(super) const CHECKS: &[Check] = &[
    check!(
        events_that_nobody_asked_for_are_not_told,
        "QUIC_SOCKOPT_EVENT"
    ),
    check!(
        event_1_tells_of_first_data_and_the_end,
        "QUIC_EVENT_STREAM_UPDATE QUIC_STREAM_RECV_STATE_RECV QUIC_STREAM_RECV_STATE_RECVD QUIC_STREAM_SEND_STATE_RECVD"
    ),
    check!(
        event_1_tells_of_an_end_that_comes_before_the_data,
        "QUIC_EVENT_STREAM_UPDATE QUIC_STREAM_RECV_STATE_SIZE_KNOWN"
    ),
    check!(
        event_1_tells_both_ends_of_a_reset,
        "QUIC_EVENT_STREAM_UPDATE QUIC_STREAM_RECV_STATE_RESET_RECVD QUIC_STREAM_SEND_STATE_RESET_RECVD"
    ),
    check!(
        event_1_tells_that_the_peer_wants_no_more,
        "QUIC_EVENT_STREAM_UPDATE QUIC_STREAM_SEND_STATE_RESET_SENT"
    ),
    check!(
        states_of_no_event_are_never_told,
        "QUIC_STREAM_SEND_STATE_READY QUIC_STREAM_SEND_STATE_SEND QUIC_STREAM_SEND_STATE_SENT QUIC_STREAM_RECV_STATE_READ QUIC_STREAM_RECV_STATE_RESET_READ"
    ),
    check!(event_2_follows_enospc, "QUIC_EVENT_STREAM_MAX_DATA ENOSPC"),
    check!(
        event_3_tells_of_one_more_for_each_that_is_over,
        "QUIC_EVENT_STREAM_MAX_STREAM"
    ),
    check!(
        event_4_tells_both_ends_of_retired_ids,
        "QUIC_EVENT_CONNECTION_ID"
    ),
    check!(
        event_5_tells_the_peers_words,
        "QUIC_EVENT_CONNECTION_CLOSE QUIC_CLOSE_PHRASE_BUFFER_SIZE EVENT_LEN"
    ),
    check!(
        event_6_tells_whose_address_changed,
        "QUIC_EVENT_CONNECTION_MIGRATION"
    ),
    check!(event_7_tells_the_key_phase, "QUIC_EVENT_KEY_UPDATE"),
    check!(event_8_carries_the_token, "QUIC_EVENT_NEW_TOKEN"),
    check!(event_9_carries_the_ticket, "QUIC_EVENT_NEW_SESSION_TICKET"),
];

/// Both ends are told of an event.
fn told(event: EventType) -> Ends {
    Ends::made_with(|client, listener| {
        want(client, event);
        want(listener, event);
    })
}

/// The next change of a stream: its number, state, code and size.
#[track_caller]
fn update(socket: &Fd) -> (i64, u8, u32, u64) {
    let payload = event(socket, EventType::StreamUpdate);
    assert_eq!(payload.len(), StreamUpdate::SIZE);
    let update = StreamUpdate::read(&payload);
    (update.id, update.state, update.errcode, update.finalsz)
}

fn events_that_nobody_asked_for_are_not_told() {
    let ends = Ends::made();
    assert_eq!(send_on(&ends.client, -1, NEW | FIN, b"x"), Ok(1));
    assert_eq!(next(&ends.server).data, b"x");
    assert_eq!(send_on(&ends.server, 0, FIN, b"y"), Ok(1));
    assert_eq!(next(&ends.client).data, b"y");
    assert_eq!(there(&ends.server), Err(EAGAIN));
    assert_eq!(there(&ends.client), Err(EAGAIN));
}

fn event_1_tells_of_first_data_and_the_end() {
    let ends = told(EventType::StreamUpdate);
    assert_eq!(send_on(&ends.client, -1, NEW, b"abc"), Ok(3));
    let first = update(&ends.server);
    assert_eq!(first, (0, QUIC_STREAM_RECV_STATE_RECV, 0, 0));
    assert_eq!(send_on(&ends.client, 0, FIN, b"de"), Ok(2));
    // The first data waits as well; when it is taken, all of it may be there.
    let mut data = Vec::new();
    let end = loop {
        let got = next(&ends.server);
        if got.flags & MSG_QUIC_NOTIFICATION != 0 {
            break StreamUpdate::read(&got.data[1..]);
        }
        data.extend(got.data);
    };
    assert!(b"abcde".starts_with(&data), "{data:?}");
    assert_eq!((end.state, end.finalsz), (QUIC_STREAM_RECV_STATE_RECVD, 5));
    let sent = update(&ends.client);
    assert_eq!(sent, (0, QUIC_STREAM_SEND_STATE_RECVD, 0, 0));
}

fn event_1_tells_of_an_end_that_comes_before_the_data() {
    let (ends, relay) = Ends::apart(|_, listener| want(listener, EventType::StreamUpdate));
    // A probe of the client's may bring the data before the end; then it is another stream's turn.
    until("the end comes first", || {
        let before = relay.dropped();
        relay.deafen(true);
        assert_eq!(send_on(&ends.client, -1, NEW, &[1; 500]), Ok(500));
        until("it is lost", || relay.dropped() > before);
        relay.deafen(false);
        assert_eq!(raw::send(&ends.client, raw::of(b"end"), 3, FIN), Ok(3));
        let mut states = Vec::new();
        loop {
            let got = next(&ends.server);
            if got.flags & MSG_QUIC_NOTIFICATION != 0 {
                states.push(StreamUpdate::read(&got.data[1..]).state);
            } else if got.flags & FIN != 0 {
                break;
            }
        }
        states
            == [
                QUIC_STREAM_RECV_STATE_RECV,
                QUIC_STREAM_RECV_STATE_SIZE_KNOWN,
                QUIC_STREAM_RECV_STATE_RECVD,
            ]
    });
}

fn code(stream_id: i64, errcode: u32) -> Vec<u8> {
    bytes(&ErrInfo { stream_id, errcode })
}

fn event_1_tells_both_ends_of_a_reset() {
    let ends = told(EventType::StreamUpdate);
    assert_eq!(send_on(&ends.client, -1, NEW, b"abc"), Ok(3));
    assert_eq!(update(&ends.server).1, QUIC_STREAM_RECV_STATE_RECV);
    let number = QUIC_SOCKOPT_STREAM_RESET;
    assert_eq!(set(&ends.client, number, &code(0, 9)), Ok(()));
    let server = loop {
        let got = next(&ends.server);
        if got.flags & MSG_QUIC_NOTIFICATION != 0 {
            break StreamUpdate::read(&got.data[1..]);
        }
    };
    assert_eq!(server.state, QUIC_STREAM_RECV_STATE_RESET_RECVD);
    assert_eq!((server.errcode, server.finalsz), (9, 3));
    let client = update(&ends.client);
    assert_eq!(client, (0, QUIC_STREAM_SEND_STATE_RESET_RECVD, 9, 3));
}

fn event_1_tells_that_the_peer_wants_no_more() {
    let ends = Ends::made_with(|client, _| want(client, EventType::StreamUpdate));
    assert_eq!(send_on(&ends.client, -1, NEW, b"abc"), Ok(3));
    assert_eq!(next(&ends.server).data, b"abc");
    let number = QUIC_SOCKOPT_STREAM_STOP_SENDING;
    assert_eq!(set(&ends.server, number, &code(0, 7)), Ok(()));
    let told = update(&ends.client);
    assert_eq!(told, (0, QUIC_STREAM_SEND_STATE_RESET_SENT, 7, 3));
}

fn states_of_no_event_are_never_told() {
    const NEVER: [u8; 5] = [
        QUIC_STREAM_SEND_STATE_READY,
        QUIC_STREAM_SEND_STATE_SEND,
        QUIC_STREAM_SEND_STATE_SENT,
        QUIC_STREAM_RECV_STATE_READ,
        QUIC_STREAM_RECV_STATE_RESET_READ,
    ];
    let ends = told(EventType::StreamUpdate);
    // A stream through all of its states, and one that is reset.
    assert_eq!(send_on(&ends.client, -1, NEW | FIN, b"ask"), Ok(3));
    assert_eq!(send_on(&ends.client, 4, NEW, b"ask"), Ok(3));
    let number = QUIC_SOCKOPT_STREAM_RESET;
    assert_eq!(set(&ends.client, number, &code(4, 9)), Ok(()));
    let mut told = 0;
    let mut answered = false;
    until("all is told", || {
        for socket in [&ends.client, &ends.server] {
            while let Ok(got) = there(socket) {
                if got.flags & MSG_QUIC_NOTIFICATION == 0 {
                    continue;
                }
                let state = StreamUpdate::read(&got.data[1..]).state;
                assert!(!NEVER.contains(&state), "{state}");
                told += 1;
            }
        }
        if told >= 4 && !answered {
            answered = send_on(&ends.server, 0, FIN, b"answer").is_ok();
        }
        told >= 7
    });
}

fn event_2_follows_enospc() {
    let ends = Ends::made_with(|client, _| want(client, EventType::StreamMaxData));
    let data = vec![0; 64 * 1024];
    assert_eq!(send_on(&ends.client, -1, NEW, b"x"), Ok(1));
    until("there is no room", || {
        while send_on(&ends.client, 0, 0, &data).is_ok() {}
        std::thread::sleep(std::time::Duration::from_millis(20));
        while there(&ends.client).is_ok() {}
        send_on(&ends.client, 0, 0, &data) == Err(ENOSPC) && there(&ends.client) == Err(EAGAIN)
    });
    let payload = until_some(|| {
        while there(&ends.server).is_ok() {}
        there(&ends.client).ok()
    });
    assert_eq!(payload.flags, MSG_QUIC_NOTIFICATION | MSG_EOR);
    assert_eq!(payload.data[0], EventType::StreamMaxData as u8);
    let told = StreamMaxData::read(&payload.data[1..]);
    assert_eq!(told.id, 0);
    assert!(told.max_data >= 65_535 * 16, "{}", told.max_data);
    assert!(send_on(&ends.client, 0, 0, b"more").is_ok());
}

fn until_some<T>(mut call: impl FnMut() -> Option<T>) -> T {
    let said = until_not(EAGAIN, || call().ok_or(EAGAIN));
    said.expect("something")
}

fn event_3_tells_of_one_more_for_each_that_is_over() {
    let few = TransportParam {
        max_streams_bidi: 2,
        ..TransportParam::default()
    };
    let ends = Ends::made_with(|client, listener| {
        want(client, EventType::StreamMaxStream);
        set(listener, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&few)).unwrap();
    });
    assert_eq!(send_on(&ends.client, -1, NEW | FIN, b"ask"), Ok(3));
    assert_eq!(next(&ends.server).data, b"ask");
    assert_eq!(send_on(&ends.server, 0, FIN, b"answer"), Ok(6));
    // Three streams: the identifier of the fourth would be 12. Whoever reads the answer late is told of it first.
    let told = [
        &[EventType::StreamMaxStream as u8],
        &12_u64.to_ne_bytes()[..],
    ]
    .concat();
    let mut both = [next(&ends.client).data, next(&ends.client).data];
    both.sort_unstable();
    assert_eq!(both, [told, b"answer".to_vec()]);
}

fn event_4_tells_both_ends_of_retired_ids() {
    let ends = told(EventType::ConnectionId);
    let old = ConnectionIdInfo {
        prior_to: 3,
        ..ConnectionIdInfo::default()
    };
    let number = QUIC_SOCKOPT_CONNECTION_ID;
    let retire = || set(&ends.client, number, &bytes(&old));
    assert_eq!(until_not(EINVAL, retire), Ok(()));
    assert_eq!(send_on(&ends.client, -1, NEW, b"x"), Ok(1));
    for (socket, dest) in [(&ends.client, 0), (&ends.server, 1)] {
        let told = loop {
            // The packet behind may come first.
            let got = next(socket);
            if got.flags & MSG_QUIC_NOTIFICATION != 0 {
                break got.data;
            }
        };
        assert_eq!(told[0], EventType::ConnectionId as u8);
        let info = ConnectionIdInfo::read(&told[1..]);
        assert_eq!((info.dest, info.prior_to), (dest, 3));
        assert!(info.active >= 3);
    }
}

fn event_5_tells_the_peers_words() {
    let ends = told(EventType::ConnectionClose);
    let words = ConnectionClose {
        errcode: 0x0102,
        phrase: [b'x'; QUIC_CLOSE_PHRASE_BUFFER_SIZE],
        ..ConnectionClose::default()
    };
    let number = QUIC_SOCKOPT_CONNECTION_CLOSE;
    assert_eq!(set(&ends.client, number, &bytes(&words)), Ok(()));
    drop(ends.client);
    let payload = event(&ends.server, EventType::ConnectionClose);
    assert!(payload.len() < EVENT_LEN, "{}", payload.len());
    assert_eq!(payload[..8], [2, 1, 0, 0, 0, 0, 0, 0]);
    assert!(payload[8..].iter().all(|byte| *byte == b'x'));
    assert!(payload.len() >= 8 + 60, "{}", payload.len());
    // One without a phrase is trimmed to what there is.
    let ends = told(EventType::ConnectionClose);
    drop(ends.client);
    assert_eq!(event(&ends.server, EventType::ConnectionClose), [0; 8]);
}

fn event_6_tells_whose_address_changed() {
    let ends = told(EventType::ConnectionMigration);
    let number = QUIC_SOCKOPT_CONNECTION_MIGRATION;
    let moves = || set(&ends.client, number, &name(free()));
    assert_eq!(until_not(EAGAIN, moves), Ok(()));
    assert_eq!(event(&ends.client, EventType::ConnectionMigration), [1]);
    assert_eq!(event(&ends.server, EventType::ConnectionMigration), [0]);
}

fn event_7_tells_the_key_phase() {
    let ends = told(EventType::KeyUpdate);
    for (phase, flags) in [(1, NEW), (0, 0)] {
        assert_eq!(
            raw::send(&ends.client, raw::of(b"x"), 1, flags | DONTWAIT),
            Ok(1)
        );
        assert_eq!(next(&ends.server).data, b"x");
        let update = || set(&ends.client, QUIC_SOCKOPT_KEY_UPDATE, &[]);
        assert_eq!(until_not(EINVAL, update), Ok(()));
        assert_eq!(raw::send(&ends.client, raw::of(b"y"), 1, DONTWAIT), Ok(1));
        assert_eq!(event(&ends.client, EventType::KeyUpdate), [phase]);
        assert_eq!(event(&ends.server, EventType::KeyUpdate), [phase]);
        assert_eq!(next(&ends.server).data, b"y");
    }
}

fn event_8_carries_the_token() {
    let ends = Ends::made_with(|client, _| want(client, EventType::NewToken));
    let token = event(&ends.client, EventType::NewToken);
    assert!(!token.is_empty());
    assert_eq!(get(&ends.client, QUIC_SOCKOPT_TOKEN, &[]), Ok(token));
}

fn event_9_carries_the_ticket() {
    let ends = told(EventType::NewSessionTicket);
    let ticket = [&[4, 0, 0, 100][..], &[7; 100]].concat();
    let (first, rest) = ticket.split_at(30);
    for part in [first, rest] {
        raw::send_message(&ends.server, part, &level(QUIC_CRYPTO_APP), 0).unwrap();
    }
    assert_eq!(event(&ends.client, EventType::NewSessionTicket), ticket);
}
