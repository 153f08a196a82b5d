//! 0-RTT by the ABI's calls: remembered parameters, the early secret, and what the server says to it.

use alloc::vec::Vec;

use inquic_uapi::flags::{MSG_QUIC_STREAM_FIN, MSG_QUIC_STREAM_NEW, POLLOUT};
use inquic_uapi::structs::TransportParam;
use inquic_uapi::{
    Layout, QUIC_CRYPTO_APP, QUIC_CRYPTO_EARLY, QUIC_CRYPTO_HANDSHAKE, QUIC_CRYPTO_INITIAL, option,
};

use super::{Pair, bytes, get, handshake, install, set};
use crate::errno::Errno;

const PARAM: u32 = option::QUIC_SOCKOPT_TRANSPORT_PARAM;

/// What a client has read of a server with default options.
fn remembered() -> TransportParam {
    let mut pair = Pair::established();
    let value = get(pair.client.sock(), PARAM, &[1]).unwrap();
    let param = TransportParam::read(&value);
    assert_eq!((param.remote, param.max_data), (1, 65_535 * 32));
    assert_eq!(param.stateless_reset, 1, "servers give a token");
    param
}

/// A client that has sent data in 0-RTT, and a server that has accepted the connection.
fn early() -> Pair {
    let mut pair = Pair::connecting();
    let now = pair.now;
    set(pair.client.sock(), now, PARAM, &bytes(&remembered())).unwrap();
    let hello = handshake(QUIC_CRYPTO_INITIAL);
    pair.client_sends(&hello, 0, b"client hello").unwrap();
    assert_eq!(pair.client.sock().poll(None) & POLLOUT, 0);
    install(pair.client.sock(), now, QUIC_CRYPTO_EARLY, 1, 9);
    assert_eq!(pair.client.sock().poll(None) & POLLOUT, POLLOUT);
    let flags = MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN;
    assert_eq!(pair.client_sends(&[], flags, b"early"), Ok(5));
    pair.run(1);
    let accepted = pair.server.listener.accept(&mut pair.server.port);
    pair.server.used = Some(accepted.unwrap());
    assert_eq!(pair.server_gets().unwrap().data, b"client hello");
    pair
}

/// The rest of the handshake, with these EncryptedExtensions.
fn go_on(pair: &mut Pair, extensions: &[u8]) {
    let now = pair.now;
    let ext = option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT;
    let value = get(pair.client.sock(), ext, &[]).unwrap();
    set(pair.server.sock(), now, ext, &value).unwrap();
    let hello = handshake(QUIC_CRYPTO_INITIAL);
    pair.server_sends(&hello, 0, b"server hello").unwrap();
    install(pair.server.sock(), now, QUIC_CRYPTO_HANDSHAKE, 1, 2);
    install(pair.server.sock(), now, QUIC_CRYPTO_HANDSHAKE, 0, 1);
    let level = handshake(QUIC_CRYPTO_HANDSHAKE);
    pair.server_sends(&level, 0, extensions).unwrap();
    let parameters = get(pair.server.sock(), ext, &[]).unwrap();
    pair.run(2);
    let now = pair.now;
    assert_eq!(pair.client_gets().unwrap().data, b"server hello");
    install(pair.client.sock(), now, QUIC_CRYPTO_HANDSHAKE, 1, 1);
    install(pair.client.sock(), now, QUIC_CRYPTO_HANDSHAKE, 0, 2);
    pair.run(2);
    assert_eq!(pair.client_gets().unwrap().data, extensions);
    let now = pair.now;
    set(pair.client.sock(), now, ext, &parameters).unwrap();
    for (client, server) in [(1, 0), (0, 1)] {
        let seed = 3 + client;
        install(pair.client.sock(), now, QUIC_CRYPTO_APP, client, seed);
        install(pair.server.sock(), now, QUIC_CRYPTO_APP, server, seed);
    }
    pair.run(200);
}

fn server_reads(pair: &mut Pair) -> Vec<Vec<u8>> {
    core::iter::from_fn(|| pair.server_gets().ok())
        .map(|message| message.data)
        .collect()
}

const WITH_EARLY_DATA: &[u8] = &[8, 0, 0, 6, 0, 4, 0, 42, 0, 0];
const WITHOUT: &[u8] = &[8, 0, 0, 2, 0, 0];

#[test]
fn accepted_early_data_arrives_once() {
    let mut pair = early();
    let now = pair.now;
    install(pair.server.sock(), now, QUIC_CRYPTO_EARLY, 0, 9);
    pair.run(2);
    // Whoever makes the handshake gets nothing but its messages.
    assert_eq!(pair.server_gets(), Err(Errno::EAGAIN));
    go_on(&mut pair, WITH_EARLY_DATA);
    let early = pair.client.sock().link().unwrap();
    assert_eq!(early.socket.early_data_accepted(), Some(true));
    assert_eq!(server_reads(&mut pair), [b"early".to_vec()]);
}

#[test]
fn early_data_that_cannot_be_acknowledged_yet_is_no_reason_to_be_woken() {
    let mut pair = early();
    let now = pair.now;
    install(pair.server.sock(), now, QUIC_CRYPTO_EARLY, 0, 9);
    pair.run(40);
    let (now, server) = (pair.now, pair.server.sock());
    assert!(server.next_deadline().is_some_and(|at| at > now));
}

#[test]
fn rejected_early_data_is_sent_again() {
    let mut pair = early();
    go_on(&mut pair, WITHOUT);
    let early = pair.client.sock().link().unwrap();
    assert_eq!(early.socket.early_data_accepted(), Some(false));
    assert_eq!(server_reads(&mut pair), [b"early".to_vec()]);
}

#[test]
fn remembered_parameters_are_a_connecting_clients() {
    let param = bytes(&remembered());
    let mut pair = Pair::connecting();
    let now = pair.now;
    let mut idle = super::socket();
    assert_eq!(set(&mut idle, now, PARAM, &param), Err(Errno::EINVAL));
    assert_eq!(get(&mut idle, PARAM, &param), Err(Errno::EINVAL));
    assert_eq!(set(pair.client.sock(), now, PARAM, &param), Ok(()));
    let twice = set(pair.client.sock(), now, PARAM, &param);
    assert_eq!(twice, Err(Errno::EINVAL));
    let mut pair = Pair::connecting();
    pair.greet();
    let server = set(pair.server.sock(), now, PARAM, &param);
    assert_eq!(server, Err(Errno::EINVAL));
    let mut pair = Pair::established();
    let late = set(pair.client.sock(), now, PARAM, &param);
    assert_eq!(late, Err(Errno::EINVAL));
}

#[test]
fn remembered_parameters_that_no_server_has_are_einval() {
    let bad = TransportParam {
        ack_delay_exponent: 3,
        max_udp_payload_size: 100,
        ..remembered()
    };
    let mut pair = Pair::connecting();
    let now = pair.now;
    let refused = set(pair.client.sock(), now, PARAM, &bytes(&bad));
    assert_eq!(refused, Err(Errno::EINVAL));
}
