//! The options of the ABI that act on a connection: events, streams, ids, the words of its end, addresses, keys.

use inquic_uapi::option::{
    QUIC_SOCKOPT_CONNECTION_CLOSE, QUIC_SOCKOPT_CONNECTION_ID, QUIC_SOCKOPT_CONNECTION_MIGRATION,
    QUIC_SOCKOPT_EVENT, QUIC_SOCKOPT_KEY_UPDATE, QUIC_SOCKOPT_STREAM_OPEN,
    QUIC_SOCKOPT_STREAM_RESET, QUIC_SOCKOPT_STREAM_STOP_SENDING, QUIC_SOCKOPT_TRANSPORT_PARAM,
};
use inquic_uapi::structs::{
    ConnectionClose, ConnectionIdInfo, ErrInfo, EventOption, StreamInfo, StreamUpdate,
    TransportParam,
};
use inquic_uapi::{EventType, Layout, flags};
use libc::{EAGAIN, EINVAL, ENOSTR};

use super::pair::{
    Ends, FIN, NEW, UNI, bytes, echo, free, get, got, local, name, next, peer, send_on, set,
    socket, there, want,
};
use super::process::{until, until_not};
use super::{Check, check, raw};
use crate::sys::Fd;

pub(super) const CHECKS: &[Check] = &[
    check!(event_turns_on_and_off, "QUIC_SOCKOPT_EVENT"),
    check!(accepted_sockets_inherit_events, "QUIC_SOCKOPT_EVENT"),
    check!(
        stream_open_gives_the_next_id_or_the_named_one,
        "QUIC_SOCKOPT_STREAM_OPEN EINVAL ENOSTR"
    ),
    check!(
        stream_open_at_the_limit_waits_or_says_eagain,
        "QUIC_SOCKOPT_STREAM_OPEN MSG_QUIC_STREAM_DONTWAIT EAGAIN"
    ),
    check!(
        stream_reset_ends_what_is_sent,
        "QUIC_SOCKOPT_STREAM_RESET EINVAL"
    ),
    check!(
        stop_sending_stops_the_peer,
        "QUIC_SOCKOPT_STREAM_STOP_SENDING EAGAIN EINVAL"
    ),
    check!(
        our_connection_ids_are_retired,
        "QUIC_SOCKOPT_CONNECTION_ID EAGAIN"
    ),
    check!(
        the_peers_connection_ids_are_changed,
        "QUIC_SOCKOPT_CONNECTION_ID EINVAL"
    ),
    check!(
        words_of_close_are_kept_and_told,
        "QUIC_SOCKOPT_CONNECTION_CLOSE"
    ),
    check!(
        a_client_moves_and_both_names_follow,
        "QUIC_SOCKOPT_CONNECTION_MIGRATION EAGAIN"
    ),
    check!(
        an_accepting_server_prefers_an_address,
        "QUIC_SOCKOPT_CONNECTION_MIGRATION"
    ),
    check!(
        keys_are_updated_one_at_a_time,
        "QUIC_SOCKOPT_KEY_UPDATE EINVAL"
    ),
];

fn event_turns_on_and_off() {
    let socket = socket();
    for event in 1..=9 {
        let asked = |value: &[u8]| get(&socket, QUIC_SOCKOPT_EVENT, value);
        assert_eq!(asked(&[event, 9]), Ok(vec![event, 0]));
        assert_eq!(set(&socket, QUIC_SOCKOPT_EVENT, &[event, 1]), Ok(()));
        assert_eq!(asked(&[event, 0]), Ok(vec![event, 1]));
        assert_eq!(set(&socket, QUIC_SOCKOPT_EVENT, &[event, 0]), Ok(()));
        assert_eq!(asked(&[event]), Ok(vec![event, 0]));
    }
}

fn accepted_sockets_inherit_events() {
    let ends = Ends::made_with(|_, listener| want(listener, EventType::KeyUpdate));
    let kept: EventOption =
        EventOption::read(&get(&ends.server, QUIC_SOCKOPT_EVENT, &[7, 0]).unwrap());
    assert_eq!((kept.event_type, kept.on), (7, 1));
}

fn open(socket: &Fd, stream_id: i64, stream_flags: u32) -> raw::Tried<i64> {
    let info = StreamInfo {
        stream_id,
        stream_flags,
    };
    let value = get(socket, QUIC_SOCKOPT_STREAM_OPEN, &bytes(&info))?;
    Ok(StreamInfo::read(&value).stream_id)
}

fn stream_open_gives_the_next_id_or_the_named_one() {
    let ends = Ends::made();
    for (wanted, flags, id) in [(-1, 0, 0), (-1, UNI, 2), (8, 0, 8), (-1, 0, 12)] {
        assert_eq!(open(&ends.client, wanted, flags), Ok(id));
    }
    assert_eq!(open(&ends.server, -1, 0), Ok(1));
    assert_eq!(open(&ends.server, -1, UNI), Ok(3));
    for (wanted, flags) in [(8, 0), (1, 0), (-2, 0), (-1, 0x4000_0000), (16, 1)] {
        assert_eq!(open(&ends.client, wanted, flags), Err(EINVAL), "{wanted}");
    }
    assert_eq!(send_on(&ends.client, 4, FIN, b"ask"), Ok(3));
    assert_eq!(next(&ends.server).stream(), (4, FIN));
    assert_eq!(send_on(&ends.server, 4, FIN, b"answer"), Ok(6));
    assert_eq!(next(&ends.client).data, b"answer");
    assert_eq!(until_not(EINVAL, || open(&ends.client, 4, 0)), Err(ENOSTR));
}

fn stream_open_at_the_limit_waits_or_says_eagain() {
    let few = TransportParam {
        max_streams_bidi: 2,
        ..TransportParam::default()
    };
    let ends = Ends::made_with(|_, listener| {
        set(listener, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&few)).unwrap();
    });
    assert_eq!(open(&ends.client, 4, 0), Ok(4));
    let at_once = flags::MSG_QUIC_STREAM_DONTWAIT;
    assert_eq!(open(&ends.client, -1, at_once), Err(EAGAIN));
    raw::fcntl(&ends.client, libc::F_SETFL, libc::O_NONBLOCK).unwrap();
    assert_eq!(open(&ends.client, -1, 0), Err(EAGAIN));
    raw::fcntl(&ends.client, libc::F_SETFL, 0).unwrap();
    // What ends the waiting of the call below.
    assert_eq!(send_on(&ends.client, 0, FIN, b"ask"), Ok(3));
    next(&ends.server);
    assert_eq!(send_on(&ends.server, 0, FIN, b"answer"), Ok(6));
    next(&ends.client);
    assert_eq!(open(&ends.client, -1, 0), Ok(8));
}

fn err(stream_id: i64, errcode: u32) -> Vec<u8> {
    bytes(&ErrInfo { stream_id, errcode })
}

fn stream_reset_ends_what_is_sent() {
    let ends = Ends::made_with(|_, listener| want(listener, EventType::StreamUpdate));
    assert_eq!(send_on(&ends.client, -1, NEW, b"x"), Ok(1));
    let reset = |id| set(&ends.client, QUIC_SOCKOPT_STREAM_RESET, &err(id, 5));
    assert_eq!(reset(4), Err(EINVAL), "not opened");
    assert_eq!(reset(0), Ok(()));
    assert_eq!(reset(0), Err(EINVAL), "finished");
    assert_eq!(send_on(&ends.client, 0, 0, b"y"), Err(EINVAL));
    until("the reset is told", || {
        // What was sent before it may come before it.
        let got = next(&ends.server);
        let told = got.flags & flags::MSG_QUIC_NOTIFICATION != 0;
        told && StreamUpdate::read(&got.data[1..]).errcode == 5
    });
}

fn stop_sending_stops_the_peer() {
    let (ends, relay) = Ends::apart(|_, _| {});
    assert_eq!(send_on(&ends.client, -1, NEW | UNI, b"x"), Ok(1));
    assert_eq!(next(&ends.server).stream(), (2, 0));
    let number = QUIC_SOCKOPT_STREAM_STOP_SENDING;
    assert_eq!(
        set(&ends.client, number, &err(2, 1)),
        Err(EINVAL),
        "send-only"
    );
    relay.deafen(true);
    assert_eq!(set(&ends.server, number, &err(2, 1)), Ok(()));
    assert_eq!(set(&ends.server, number, &err(2, 1)), Err(EAGAIN), "asked");
    relay.deafen(false);
    until("the client is stopped", || {
        send_on(&ends.client, 2, 0, b"y").is_err()
    });
    let reset = set(&ends.server, QUIC_SOCKOPT_STREAM_RESET, &err(2, 1));
    assert!(reset.is_err(), "receive-only");
}

/// The ids of an end: active, lowest.
fn ids(socket: &Fd, dest: u8) -> (u32, u32) {
    let value = get(socket, QUIC_SOCKOPT_CONNECTION_ID, &[dest]).unwrap();
    let info = ConnectionIdInfo::read(&value);
    assert_eq!(info.dest, dest);
    (info.active, info.prior_to)
}

fn change(socket: &Fd, dest: u8, active: u32, prior_to: u32) -> raw::Tried<()> {
    let info = ConnectionIdInfo {
        dest,
        active,
        prior_to,
        ..ConnectionIdInfo::default()
    };
    set(socket, QUIC_SOCKOPT_CONNECTION_ID, &bytes(&info))
}

fn our_connection_ids_are_retired() {
    let ends = Ends::made();
    echo(&ends);
    assert_eq!(ids(&ends.client, 0), (0, 0));
    assert_eq!(change(&ends.client, 0, 0, 3), Ok(()));
    let again = change(&ends.client, 0, 0, 4);
    assert!(matches!(again, Err(EAGAIN) | Ok(())), "{again:?}");
    echo(&ends);
    until("three are gone", || ids(&ends.client, 0).1 >= 3);
    until("the peer has seen it", || ids(&ends.server, 1).1 >= 3);
    assert_eq!(change(&ends.client, 0, 0, 100), Err(EINVAL));
}

fn the_peers_connection_ids_are_changed() {
    let ends = Ends::made();
    echo(&ends);
    assert_eq!(change(&ends.client, 1, 2, 0), Ok(()));
    assert_eq!(ids(&ends.client, 1).0, 2);
    assert_eq!(change(&ends.client, 1, 2, 0), Err(EINVAL), "it is in use");
    echo(&ends);
    until("the server hears it", || ids(&ends.server, 0).0 == 2);
    assert_eq!(change(&ends.client, 1, 0, 5), Ok(()));
    echo(&ends);
    until("all below are gone", || ids(&ends.client, 1) == (5, 5));
    assert_eq!(change(&ends.client, 1, 0, 5), Err(EINVAL));
}

fn words_of_close_are_kept_and_told() {
    let ends = Ends::made();
    let mut words = ConnectionClose {
        errcode: 77,
        frame: 9,
        reserved: [7; 3],
        ..ConnectionClose::default()
    };
    words.phrase[..6].copy_from_slice(b"enough");
    let number = QUIC_SOCKOPT_CONNECTION_CLOSE;
    assert_eq!(set(&ends.client, number, &bytes(&words)), Ok(()));
    let kept: ConnectionClose = got(&ends.client, number);
    assert_eq!((kept.errcode, kept.frame, kept.reserved), (77, 0, [0; 3]));
    assert_eq!(kept.phrase, words.phrase);
    drop(ends.client);
    until_not(EAGAIN, || there(&ends.server)).unwrap_err();
    let told: ConnectionClose = got(&ends.server, number);
    assert_eq!((told.errcode, told.frame), (77, 0));
    assert!(told.phrase.starts_with(b"enough\0"));
}

fn a_client_moves_and_both_names_follow() {
    let ends = Ends::made();
    echo(&ends);
    let number = QUIC_SOCKOPT_CONNECTION_MIGRATION;
    let there = free();
    let moves = || set(&ends.client, number, &name(there));
    // The handshake has to be confirmed first.
    assert_eq!(until_not(EAGAIN, moves), Ok(()));
    echo(&ends);
    until("the client's name", || local(&ends.client) == there);
    until("the server's peer", || peer(&ends.server) == Ok(there));
    assert_eq!(peer(&ends.client), Ok(ends.at));
    let to = |address: &str| set(&ends.client, number, &name(address.parse().unwrap()));
    assert_eq!(until_not(EAGAIN, || to("127.0.0.1:0")), Err(EINVAL));
    assert_eq!(
        set(&ends.client, number, &name(there)),
        Err(EINVAL),
        "there it is"
    );
    assert_eq!(to("[::1]:7"), Err(EINVAL), "another family");
    assert_eq!(set(&ends.client, number, &name(there)[..15]), Err(EINVAL));
    assert_eq!(
        set(&ends.server, number, &name(free())),
        Err(EINVAL),
        "a server"
    );
}

fn an_accepting_server_prefers_an_address() {
    let ends = Ends::greeted();
    let there = free();
    let number = QUIC_SOCKOPT_CONNECTION_MIGRATION;
    assert_eq!(set(&ends.client, number, &name(free())), Err(EINVAL));
    assert_eq!(set(&ends.server, number, &name(there)), Ok(()));
    ends.shake_hands();
    echo(&ends);
    until("the client goes there", || peer(&ends.client) == Ok(there));
    until("the server is there", || local(&ends.server) == there);
    echo(&ends);
}

fn keys_are_updated_one_at_a_time() {
    let ends = Ends::made();
    echo(&ends);
    let update = || set(&ends.client, QUIC_SOCKOPT_KEY_UPDATE, &[]);
    assert_eq!(until_not(EINVAL, update), Ok(()));
    assert_eq!(update(), Err(EINVAL), "one is under way");
    echo(&ends);
    assert_eq!(
        until_not(EINVAL, update),
        Ok(()),
        "within the time of a check"
    );
    echo(&ends);
}
