use alloc::vec;

use inquic_engine::CloseReason;
use inquic_platform::Duration;
use inquic_uapi::flags::MSG_QUIC_STREAM_NEW;
use inquic_wire::Direction;

use super::{Control, News, Pair};
use crate::errno::Errno;
use crate::limits;

fn read_all(pair: &mut Pair) -> usize {
    let mut out = vec![0; 64 * 1024];
    let mut bytes = 0;
    while let Ok(message) = pair.server.socket().recvmsg(pair.now, &mut out) {
        bytes += message.bytes;
    }
    bytes
}

#[test]
fn close_delivers_what_was_written_and_then_says_so() {
    let mut pair = Pair::established();
    let data = vec![1; 300_000];
    let sent = pair
        .client
        .socket()
        .sendmsg(Control::None, MSG_QUIC_STREAM_NEW, &data)
        .unwrap();
    assert_eq!(sent, data.len(), "more than a window is written");
    let now = pair.now;
    pair.client.socket().close(now, 5, b"bye");
    let mut read = 0;
    for _ in 0..100 {
        pair.run(1);
        read += read_all(&mut pair);
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
    pair.client
        .socket()
        .sendmsg(Control::None, MSG_QUIC_STREAM_NEW, b"last")
        .unwrap();
    let now = pair.now;
    pair.client.socket().close(now, 0, b"");
    let late = pair.client.socket().sendmsg(Control::None, 0, b"late");
    assert_eq!(late, Err(Errno::EPIPE));
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
    pair.client
        .socket()
        .sendmsg(Control::None, MSG_QUIC_STREAM_NEW, &data)
        .unwrap();
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
        let flags = MSG_QUIC_STREAM_NEW;
        host.socket().sendmsg(Control::None, flags, &data).unwrap();
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
    let flags = MSG_QUIC_STREAM_NEW;
    // The client lingers, as its data are not read.
    pair.client
        .socket()
        .sendmsg(Control::None, flags, &data)
        .unwrap();
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
    pair.client
        .socket()
        .sendmsg(Control::None, MSG_QUIC_STREAM_NEW, &data)
        .unwrap();
    pair.client.socket();
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
