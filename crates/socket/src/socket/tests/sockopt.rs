use inquic_uapi::flags::MSG_QUIC_STREAM_NEW;
use inquic_uapi::structs::{ConnectionClose, Statistics};
use inquic_uapi::{Layout, option};

use super::{Control, Pair};
use crate::errno::Errno;

#[test]
fn a_server_learns_its_role_from_the_token() {
    let mut pair = Pair::established();
    let mut value = [0; 120];
    assert_eq!(
        pair.server
            .socket()
            .getsockopt(option::QUIC_SOCKOPT_TOKEN, &mut value),
        Err(Errno::EINVAL)
    );
    let len = pair
        .client
        .socket()
        .getsockopt(option::QUIC_SOCKOPT_TOKEN, &mut value)
        .unwrap();
    assert!(len > 0, "the server gave one");
}

#[test]
fn a_key_update_needs_a_connection_and_is_one_at_a_time() {
    let mut pair = Pair::established();
    // Something sent with the first keys must have arrived (RFC 9001 §6.1).
    pair.client
        .socket()
        .sendmsg(Control::None, MSG_QUIC_STREAM_NEW, b"x")
        .unwrap();
    pair.run(50);
    let now = pair.now;
    let update = option::QUIC_SOCKOPT_KEY_UPDATE;
    assert_eq!(pair.client.socket().setsockopt(now, update, &[]), Ok(()));
    assert_eq!(
        pair.client.socket().setsockopt(now, update, &[]),
        Err(Errno::EINVAL)
    );
    pair.client.socket().abort(now, 0, b"");
    assert_eq!(
        pair.client.socket().setsockopt(now, update, &[]),
        Err(Errno::EPIPE)
    );
}

#[test]
fn what_the_peer_said_at_the_end_is_read_back() {
    let mut pair = Pair::established();
    let now = pair.now;
    pair.client.socket().close(now, 77, b"enough");
    pair.run(50);
    let mut value = [0; 72];
    pair.server
        .socket()
        .getsockopt(option::QUIC_SOCKOPT_CONNECTION_CLOSE, &mut value)
        .unwrap();
    let close = ConnectionClose::read(&value);
    assert_eq!((close.errcode, close.frame), (77, 0));
    assert!(close.phrase.starts_with(b"enough\0"));
}

#[test]
fn statistics_count_packets() {
    let mut pair = Pair::established();
    let mut value = [0; Statistics::SIZE];
    let len = pair
        .client
        .socket()
        .getsockopt(option::QUIC_SOCKOPT_STATISTICS, &mut value)
        .unwrap();
    let statistics = Statistics::read(&value[..len]);
    assert!(statistics.packets_sent > 0 && statistics.packets_received > 0);
    // A millisecond there, a millisecond back.
    assert!(statistics.min_rtt >= 2_000, "{}", statistics.min_rtt);
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
        assert_eq!(
            pair.client.socket().setsockopt(now, number, &[0; 56]),
            Err(Errno::EINVAL),
            "{number}"
        );
    }
    assert_eq!(
        pair.client.socket().setsockopt(now, 99, &[]),
        Err(Errno::ENOPROTOOPT)
    );
}
