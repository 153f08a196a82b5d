use alloc::vec;
use alloc::vec::Vec;

use inquic_engine::CloseReason;
use inquic_platform::Duration;
use inquic_wire::{Direction, StreamId};

use super::{News, Pair, Socket};
use crate::limits;

/// Writes to a new stream, and says how much of it was taken.
fn send(socket: &mut Socket, data: &[u8]) -> usize {
    let id = socket.open(Direction::Bidirectional).unwrap();
    socket.write(id, data).unwrap()
}

/// Reads what there is of the streams that the client opened.
fn read_all(pair: &mut Pair, streams: &mut Vec<StreamId>) -> usize {
    let socket = pair.server.socket();
    streams.extend(socket.accept_stream(Direction::Bidirectional));
    let mut out = vec![0; 64 * 1024];
    let mut bytes = 0;
    for &id in streams.iter() {
        while let Ok(read) = socket.read(pair.now, id, &mut out) {
            bytes += read.bytes;
        }
    }
    bytes
}

#[test]
fn close_delivers_what_was_written_and_then_says_so() {
    let mut pair = Pair::established();
    let data = vec![1; 300_000];
    let sent = send(pair.client.socket(), &data);
    assert_eq!(sent, data.len(), "more than a window is written");
    let now = pair.now;
    pair.client.socket().close(now, 5, b"bye");
    let mut read = 0;
    let mut streams = Vec::new();
    for _ in 0..100 {
        pair.run(1);
        read += read_all(&mut pair, &mut streams);
    }
    assert_eq!(read, data.len());
    let reason = CloseReason::PeerApplication {
        code: 5,
        reason: b"bye".to_vec(),
    };
    assert_eq!(pair.server.socket().close_reason(), Some(&reason));
}

#[test]
fn nothing_is_written_after_close() {
    let mut pair = Pair::established();
    let now = pair.now;
    let socket = pair.client.socket();
    let id = socket.open(Direction::Bidirectional).unwrap();
    socket.write(id, b"last").unwrap();
    socket.close(now, 0, b"");
    assert!(socket.write(id, b"late").is_err());
    assert!(socket.open(Direction::Bidirectional).is_err());
}

#[test]
fn a_close_with_nothing_to_deliver_leaves_at_once() {
    let mut pair = Pair::established();
    pair.run(100);
    let now = pair.now;
    pair.client.socket().close(now, 5, b"");
    pair.run(2);
    assert!(pair.server.news.contains(&News::Closed));
}

#[test]
fn a_peer_that_takes_nothing_keeps_a_closed_socket_no_longer_than_the_limit() {
    let mut pair = Pair::established();
    // More than the server's window: it never reads, and the rest never leaves.
    let data = vec![1; 1_000_000];
    send(pair.client.socket(), &data);
    pair.run(50);
    let now = pair.now;
    pair.client.socket().close(now, 9, b"");
    pair.run(1_000);
    assert!(!pair.server.news.contains(&News::Closed), "it lingers");
    let deadline = pair.client.socket().next_deadline().unwrap();
    assert!(deadline <= now + limits::LINGER);
    // The blocked connection is still told that it ends: the peer does not wait for its idle timeout.
    pair.now = now + limits::LINGER;
    pair.run(5);
    assert!(matches!(
        pair.server.socket().close_reason(),
        Some(CloseReason::PeerApplication { code: 9, .. } | CloseReason::IdleTimeout)
    ));
}

#[test]
fn two_ends_that_close_before_they_have_read_do_not_wait_for_each_other() {
    let mut pair = Pair::established();
    // More than a window each way, so that neither end can send the rest while the other does not read.
    let data = vec![1; 1_000_000];
    for host in [&mut pair.client, &mut pair.server] {
        send(host.socket(), &data);
    }
    pair.run(50);
    let now = pair.now;
    pair.client.socket().close(now, 1, b"");
    pair.server.socket().close(now, 2, b"");
    pair.run(100);
    assert!(pair.now < now + Duration::from_secs(1));
    assert!(pair.client.news.contains(&News::Closed));
    assert!(pair.server.news.contains(&News::Closed));
}

#[test]
fn a_peer_is_asked_to_stop_what_nobody_reads_after_close() {
    let mut pair = Pair::established();
    let data = vec![1; 1_000_000];
    // The client lingers, as its data are not read.
    send(pair.client.socket(), &data);
    pair.run(50);
    let now = pair.now;
    pair.client.socket().close(now, 6, b"");
    let old = pair
        .server
        .socket()
        .open(Direction::Unidirectional)
        .unwrap();
    pair.server.socket().write(old, b"late").unwrap();
    pair.run(50);
    assert!(pair.server.news.contains(&News::Writable(old)), "is told");
    assert!(pair.server.socket().write(old, b"more").is_err());
    assert!(!pair.server.news.contains(&News::Closed), "it lingers");
}

#[test]
fn abort_does_not_wait_for_what_was_written() {
    let mut pair = Pair::established();
    let data = vec![1; 1_000_000];
    send(pair.client.socket(), &data);
    let now = pair.now;
    pair.client.socket().abort(now, 3, b"");
    pair.run(3);
    assert!(pair.server.news.contains(&News::Closed));
}

#[test]
fn a_peer_that_falls_silent_ends_the_connection_for_both() {
    let mut pair = Pair::established();
    pair.client_is_cut_off = true;
    pair.now = pair.now + Duration::from_secs(31);
    pair.run(2);
    assert_eq!(
        pair.server.socket().close_reason(),
        Some(&CloseReason::IdleTimeout)
    );
    assert!(pair.server.news.contains(&News::Gone));
}
