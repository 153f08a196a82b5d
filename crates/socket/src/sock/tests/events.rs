//! Every event of socket-abi 1.7, and what it carries.

use alloc::vec;
use alloc::vec::Vec;

use inquic_uapi::event::{
    QUIC_STREAM_RECV_STATE_RECV, QUIC_STREAM_RECV_STATE_RECVD, QUIC_STREAM_RECV_STATE_RESET_RECVD,
    QUIC_STREAM_RECV_STATE_SIZE_KNOWN, QUIC_STREAM_SEND_STATE_RECVD,
    QUIC_STREAM_SEND_STATE_RESET_RECVD, QUIC_STREAM_SEND_STATE_RESET_SENT,
};
use inquic_uapi::flags::{
    MSG_EOR, MSG_QUIC_NOTIFICATION, MSG_QUIC_STREAM_DONTWAIT, MSG_QUIC_STREAM_FIN,
    MSG_QUIC_STREAM_NEW,
};
use inquic_uapi::structs::{
    ConnectionIdInfo, ErrInfo, StreamInfo, StreamMaxData, StreamUpdate, TransportParam,
};
use inquic_uapi::{EventType, Layout, QUIC_CRYPTO_APP, option};

use super::{Host, Pair, Sock, bytes, get, handshake, receive, set, stream, want};
use crate::errno::Errno;

const NEW: u32 = MSG_QUIC_STREAM_NEW;
const FIN: u32 = MSG_QUIC_STREAM_FIN;

/// Both ends are told of `event`.
fn pair(event: EventType) -> Pair {
    Pair::established_with(&mut |client, server| {
        want(client, event);
        want(server, event);
    })
}

/// The next event of a host: type and payload.
fn event(host: &mut Host, now: inquic_platform::Instant) -> Option<(u8, Vec<u8>)> {
    let message = receive(host.sock(), now, 0, 5000).ok()?;
    assert_eq!(message.flags, MSG_QUIC_NOTIFICATION | MSG_EOR);
    assert_eq!(message.control, None);
    Some((message.data[0], message.data[1..].to_vec()))
}

fn update(host: &mut Host, now: inquic_platform::Instant) -> (i64, u8, u32, u64) {
    let (kind, payload) = event(host, now).unwrap();
    assert_eq!(
        (kind, payload.len()),
        (EventType::StreamUpdate as u8, StreamUpdate::SIZE)
    );
    let update = StreamUpdate::read(&payload);
    (update.id, update.state, update.errcode, update.finalsz)
}

#[test]
fn events_that_nobody_asked_for_are_not_told() {
    let mut pair = Pair::established();
    pair.client_sends(&[], NEW | FIN, b"x").unwrap();
    pair.run(50);
    assert_eq!(pair.server_gets().unwrap().data, b"x");
    assert_eq!(pair.server_gets(), Err(Errno::EAGAIN));
    assert_eq!(pair.client_gets(), Err(Errno::EAGAIN));
}

#[test]
fn event_1_stream_update_tells_of_first_data_and_the_end() {
    let mut pair = pair(EventType::StreamUpdate);
    pair.client_sends(&[], NEW, b"abc").unwrap();
    pair.run(5);
    let now = pair.now;
    assert_eq!(
        update(&mut pair.server, now),
        (0, QUIC_STREAM_RECV_STATE_RECV, 0, 0)
    );
    pair.client_sends(&[], FIN, b"de").unwrap();
    pair.run(50);
    let now = pair.now;
    assert_eq!(
        update(&mut pair.server, now),
        (0, QUIC_STREAM_RECV_STATE_RECVD, 0, 5)
    );
    assert_eq!(
        update(&mut pair.client, now),
        (0, QUIC_STREAM_SEND_STATE_RECVD, 0, 0)
    );
    assert_eq!(pair.server_gets().unwrap().data, b"abcde", "events first");
}

#[test]
fn event_1_stream_update_tells_of_an_end_that_comes_before_the_data() {
    let mut pair = pair(EventType::StreamUpdate);
    pair.client_sends(&[], NEW, &[1; 1_000]).unwrap();
    // The first packet is lost, the one with the end is not.
    let now = pair.now;
    assert!(!pair.client.turn(now).is_empty());
    pair.client_sends(&[], FIN, b"end").unwrap();
    pair.run(2);
    let now = pair.now;
    let first = update(&mut pair.server, now);
    assert_eq!(first, (0, QUIC_STREAM_RECV_STATE_RECV, 0, 0));
    let second = update(&mut pair.server, now);
    assert_eq!(second, (0, QUIC_STREAM_RECV_STATE_SIZE_KNOWN, 0, 1_003));
    pair.run(1_000);
    let now = pair.now;
    let third = update(&mut pair.server, now);
    assert_eq!(third, (0, QUIC_STREAM_RECV_STATE_RECVD, 0, 1_003));
}

#[test]
fn event_1_stream_update_tells_both_ends_of_a_reset() {
    let mut pair = pair(EventType::StreamUpdate);
    pair.client_sends(&[], NEW, b"abc").unwrap();
    pair.run(5);
    let now = pair.now;
    update(&mut pair.server, now);
    let reset = ErrInfo {
        stream_id: 0,
        errcode: 9,
    };
    let number = option::QUIC_SOCKOPT_STREAM_RESET;
    set(pair.client.sock(), now, number, &bytes(&reset)).unwrap();
    pair.run(50);
    let now = pair.now;
    let server = update(&mut pair.server, now);
    assert_eq!(server, (0, QUIC_STREAM_RECV_STATE_RESET_RECVD, 9, 3));
    let client = update(&mut pair.client, now);
    assert_eq!(client, (0, QUIC_STREAM_SEND_STATE_RESET_RECVD, 9, 3));
    // What was not read before is gone.
    assert_eq!(pair.server_gets(), Err(Errno::EAGAIN));
}

#[test]
fn event_1_stream_update_tells_that_the_peer_wants_no_more() {
    let mut pair = pair(EventType::StreamUpdate);
    pair.client_sends(&[], NEW, b"abc").unwrap();
    pair.run(5);
    let now = pair.now;
    let stop = ErrInfo {
        stream_id: 0,
        errcode: 7,
    };
    let number = option::QUIC_SOCKOPT_STREAM_STOP_SENDING;
    set(pair.server.sock(), now, number, &bytes(&stop)).unwrap();
    pair.run(50);
    let now = pair.now;
    let told = update(&mut pair.client, now);
    assert_eq!(told, (0, QUIC_STREAM_SEND_STATE_RESET_SENT, 7, 3));
}

#[test]
fn event_2_stream_max_data_follows_enospc() {
    let mut pair = pair(EventType::StreamMaxData);
    let data = vec![0; 64 * 1024];
    pair.client_sends(&stream(-1, NEW), 0, b"x").unwrap();
    // Until the window and the buffer are full, and the program was told so.
    for _ in 0..10 {
        while pair.client_sends(&stream(0, 0), 0, &data).is_ok() {}
        pair.run(20);
        let now = pair.now;
        while event(&mut pair.client, now).is_some() {}
    }
    let full = pair.client_sends(&stream(0, 0), 0, &data);
    assert_eq!(full, Err(Errno::ENOSPC));
    pair.run(20);
    let now = pair.now;
    let none = event(&mut pair.client, now);
    assert_eq!(none, None, "the server reads nothing");
    for _ in 0..400 {
        while receive(pair.server.sock(), pair.now, 0, 1 << 20).is_ok() {}
        pair.run(2);
    }
    let now = pair.now;
    let (kind, payload) = event(&mut pair.client, now).unwrap();
    assert_eq!(kind, EventType::StreamMaxData as u8);
    assert_eq!(payload.len(), StreamMaxData::SIZE);
    let told = StreamMaxData::read(&payload);
    assert_eq!(told.id, 0);
    assert!(told.max_data > 65_535 * 16, "{}", told.max_data);
    assert!(pair.client_sends(&stream(0, 0), 0, b"more").is_ok());
}

#[test]
fn event_3_stream_max_stream_tells_of_one_more_for_each_that_is_over() {
    let mut pair = Pair::established_with(&mut |client, server| {
        want(client, EventType::StreamMaxStream);
        let few = TransportParam {
            max_streams_bidi: 2,
            ..TransportParam::default()
        };
        let number = option::QUIC_SOCKOPT_TRANSPORT_PARAM;
        set(server, inquic_platform::Instant::ZERO, number, &bytes(&few)).unwrap();
    });
    let open = StreamInfo {
        stream_id: 4,
        stream_flags: MSG_QUIC_STREAM_DONTWAIT,
    };
    let number = option::QUIC_SOCKOPT_STREAM_OPEN;
    get(pair.client.sock(), number, &bytes(&open)).unwrap();
    let third = StreamInfo {
        stream_id: -1,
        stream_flags: MSG_QUIC_STREAM_DONTWAIT,
    };
    let over = get(pair.client.sock(), number, &bytes(&third));
    assert_eq!(over, Err(Errno::EAGAIN));
    pair.client_sends(&stream(0, FIN), 0, b"ask").unwrap();
    pair.run(5);
    pair.server_gets().unwrap();
    pair.server_sends(&stream(0, FIN), 0, b"answer").unwrap();
    pair.run(5);
    assert_eq!(pair.client_gets().unwrap().data, b"answer");
    pair.run(50);
    let now = pair.now;
    let (kind, payload) = event(&mut pair.client, now).unwrap();
    assert_eq!(kind, EventType::StreamMaxStream as u8);
    // Three streams: the identifier of the fourth would be 12.
    assert_eq!(payload, 12_u64.to_ne_bytes());
    assert!(get(pair.client.sock(), number, &bytes(&third)).is_ok());
}

#[test]
fn event_4_connection_id_tells_both_ends_that_ids_were_retired() {
    let mut pair = pair(EventType::ConnectionId);
    let now = pair.now;
    let old = ConnectionIdInfo {
        dest: 0,
        prior_to: 3,
        ..ConnectionIdInfo::default()
    };
    let number = option::QUIC_SOCKOPT_CONNECTION_ID;
    set(pair.client.sock(), now, number, &bytes(&old)).unwrap();
    pair.client_sends(&[], NEW, b"x").unwrap();
    pair.run(10);
    let now = pair.now;
    for (host, dest) in [(&mut pair.client, 0), (&mut pair.server, 1)] {
        let (kind, payload) = event(host, now).unwrap();
        assert_eq!(kind, EventType::ConnectionId as u8);
        let info = ConnectionIdInfo::read(&payload);
        assert_eq!((info.dest, info.prior_to), (dest, 3));
        assert!(info.active >= 3);
    }
}

#[test]
fn event_5_connection_close_tells_the_peers_words() {
    let mut pair = pair(EventType::ConnectionClose);
    let now = pair.now;
    pair.client.sock().close(now);
    pair.run(5);
    let now = pair.now;
    let (kind, payload) = event(&mut pair.server, now).unwrap();
    assert_eq!(kind, EventType::ConnectionClose as u8);
    assert_eq!(payload, [0; 8], "the phrase is trimmed");
    assert_eq!(event(&mut pair.client, now), None, "it was its own doing");
}

#[test]
fn event_6_connection_migration_tells_whose_address_changed() {
    let mut pair = pair(EventType::ConnectionMigration);
    pair.run(20);
    let now = pair.now;
    let new = "192.0.2.1:2000".parse().unwrap();
    pair.client.sock().on_receiving(now, new).unwrap();
    pair.client.address = new;
    pair.run(100);
    let now = pair.now;
    let own = event(&mut pair.client, now);
    assert_eq!(own, Some((EventType::ConnectionMigration as u8, vec![1])));
    let peers = event(&mut pair.server, now);
    assert_eq!(peers, Some((EventType::ConnectionMigration as u8, vec![0])));
    assert_eq!(pair.client.sock().local_address(), Some(new));
    assert_eq!(pair.server.sock().peer_address(), Ok(new));
}

#[test]
fn event_7_key_update_tells_the_phase() {
    let mut pair = pair(EventType::KeyUpdate);
    pair.client_sends(&[], NEW, b"x").unwrap();
    pair.run(50);
    assert_eq!(pair.server_gets().unwrap().data, b"x");
    for phase in [1, 0] {
        let now = pair.now;
        let number = option::QUIC_SOCKOPT_KEY_UPDATE;
        set(pair.client.sock(), now, number, &[]).unwrap();
        pair.client_sends(&[], 0, b"y").unwrap();
        // Within a second a second update is possible.
        pair.run(1_000);
        let now = pair.now;
        for host in [&mut pair.client, &mut pair.server] {
            let told = event(host, now);
            assert_eq!(told, Some((EventType::KeyUpdate as u8, vec![phase])));
        }
        assert_eq!(pair.server_gets().unwrap().data, b"y");
    }
}

#[test]
fn event_8_new_token_carries_the_token() {
    let mut pair = Pair::connecting_with(&mut |client, _| want(client, EventType::NewToken));
    pair.greet();
    pair.shake_hands_quietly();
    let now = pair.now;
    let (kind, payload) = event(&mut pair.client, now).unwrap();
    assert_eq!(kind, EventType::NewToken as u8);
    let token = get(pair.client.sock(), option::QUIC_SOCKOPT_TOKEN, &[]);
    assert_eq!(token, Ok(payload));
}

#[test]
fn event_9_new_session_ticket_carries_the_message() {
    let mut pair = pair(EventType::NewSessionTicket);
    let ticket = [&[4, 0, 0, 100][..], &[7; 100]].concat();
    let app = handshake(QUIC_CRYPTO_APP);
    let (first, rest) = ticket.split_at(30);
    pair.server_sends(&app, 0, first).unwrap();
    pair.run(5);
    assert_eq!(pair.client_gets(), Err(Errno::EAGAIN), "half of it");
    pair.server_sends(&app, 0, rest).unwrap();
    pair.run(5);
    let now = pair.now;
    let told = event(&mut pair.client, now);
    assert_eq!(
        told,
        Some((EventType::NewSessionTicket as u8, ticket.clone()))
    );
    let kept = get(pair.client.sock(), option::QUIC_SOCKOPT_SESSION_TICKET, &[]);
    assert_eq!(kept, Ok(ticket));
}

#[test]
fn a_ticket_is_no_message_of_the_handshake_before_it_is_taken_note_of() {
    let mut pair = pair(EventType::NewSessionTicket);
    let ticket = [&[4, 0, 0, 100][..], &[7; 100]].concat();
    let app = handshake(QUIC_CRYPTO_APP);
    pair.server_sends(&app, 0, &ticket).unwrap();
    for (mut bytes, segment) in pair.server.turn(pair.now) {
        let from = pair.server.address;
        pair.client.receive(pair.now, from, &mut bytes, segment);
    }
    assert_eq!(pair.client_gets(), Err(Errno::EAGAIN));
    pair.run(1);
    let now = pair.now;
    let told = event(&mut pair.client, now);
    assert_eq!(told, Some((EventType::NewSessionTicket as u8, ticket)));
}

#[test]
fn a_message_of_the_handshake_that_comes_to_a_server_afterwards_ends_the_connection() {
    // A KeyUpdate of TLS, and what no client has to say.
    for message in [&[24, 0, 0, 1, 0][..], &[13, 0, 0, 0], &[4, 0, 0, 0], &[20]] {
        let mut pair = Pair::established();
        let app = handshake(QUIC_CRYPTO_APP);
        pair.client_sends(&app, 0, message).unwrap();
        pair.run(5);
        assert_eq!(pair.server_gets(), Err(Errno::ENOTCONN), "not as data");
        let number = option::QUIC_SOCKOPT_CONNECTION_CLOSE;
        let told = get(pair.client.sock(), number, &[]).unwrap();
        assert_eq!(told[..4], 0x10a_u32.to_ne_bytes(), "unexpected_message");
    }
}

#[test]
fn events_beyond_the_bound_are_counted() {
    let mut pair = pair(EventType::StreamUpdate);
    let statistics = |sock: &mut Sock| {
        let value = get(sock, option::QUIC_SOCKOPT_STATISTICS, &[]).unwrap();
        inquic_uapi::structs::Statistics::read(&value).events_dropped
    };
    // Each stream is three events at the server, which reads none: its first data, its end, and that the answer arrived.
    for index in 0..100 {
        pair.client_sends(&stream(-1, NEW | FIN), 0, b"x").unwrap();
        pair.run(3);
        pair.server_sends(&stream(index * 4, FIN), 0, b"y").unwrap();
        pair.run(30);
    }
    let bound = crate::limits::EVENTS as u64;
    assert_eq!(statistics(pair.server.sock()), 300 - bound);
}
