use inquic_uapi::flags::MSG_QUIC_STREAM_NEW;
use inquic_uapi::structs::{ConnectionClose, Statistics};
use inquic_uapi::{Layout, option};

use super::{Pair, bytes, get, set};
use crate::errno::Errno;

#[test]
fn a_server_learns_its_role_from_the_token() {
    let mut pair = Pair::established();
    let token = option::QUIC_SOCKOPT_TOKEN;
    assert_eq!(get(pair.server.sock(), token, &[]), Err(Errno::EINVAL));
    let given = get(pair.client.sock(), token, &[]).unwrap();
    assert!(!given.is_empty(), "the server gave one");
}

#[test]
fn a_key_update_needs_a_connection_and_is_one_at_a_time() {
    let mut pair = Pair::established();
    // Something sent with the first keys must have arrived (RFC 9001 §6.1).
    pair.client_sends(&[], MSG_QUIC_STREAM_NEW, b"x").unwrap();
    pair.run(50);
    let now = pair.now;
    let update = option::QUIC_SOCKOPT_KEY_UPDATE;
    assert_eq!(set(pair.client.sock(), now, update, &[]), Ok(()));
    let second = set(pair.client.sock(), now, update, &[]);
    assert_eq!(second, Err(Errno::EINVAL));
    pair.client.sock().close(now);
    let closed = set(pair.client.sock(), now, update, &[]);
    assert_eq!(closed, Err(Errno::EPIPE));
}

#[test]
fn what_the_peer_said_at_the_end_is_read_back() {
    let mut pair = Pair::established();
    let now = pair.now;
    let number = option::QUIC_SOCKOPT_CONNECTION_CLOSE;
    let mut words = ConnectionClose {
        errcode: 77,
        ..ConnectionClose::default()
    };
    words.phrase[..6].copy_from_slice(b"enough");
    set(pair.client.sock(), now, number, &bytes(&words)).unwrap();
    pair.client.sock().close(now);
    pair.run(50);
    let close = ConnectionClose::read(&get(pair.server.sock(), number, &[]).unwrap());
    assert_eq!((close.errcode, close.frame), (77, 0));
    assert!(close.phrase.starts_with(b"enough\0"));
}

#[test]
fn statistics_count_packets() {
    let mut pair = Pair::established();
    let value = get(pair.client.sock(), option::QUIC_SOCKOPT_STATISTICS, &[]).unwrap();
    let statistics = Statistics::read(&value);
    assert!(statistics.packets_sent > 0 && statistics.packets_received > 0);
    // A millisecond there, a millisecond back.
    assert!(statistics.min_rtt >= 2_000, "{}", statistics.min_rtt);
    assert_eq!(statistics.paths, 1);
}

#[test]
fn what_belongs_to_the_handshake_is_refused_after_it() {
    let mut pair = Pair::established();
    let now = pair.now;
    for number in [
        option::QUIC_SOCKOPT_CRYPTO_SECRET,
        option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
        option::QUIC_SOCKOPT_TRANSPORT_PARAM,
        option::QUIC_SOCKOPT_CONFIG,
    ] {
        let refused = set(pair.client.sock(), now, number, &[0; 56]);
        assert_eq!(refused, Err(Errno::EINVAL), "{number}");
    }
    let unknown = set(pair.client.sock(), now, 99, &[]);
    assert_eq!(unknown, Err(Errno::ENOPROTOOPT));
}
