//! A server of one packet: what it says to a client that begins, protected as every first packet is, for ends that no socket makes.

use std::net::UdpSocket;

use inquic_uapi::QUIC_CRYPTO_INITIAL;
use inquic_uapi::error::{
    QUIC_TRANSPORT_ERROR_AEAD_LIMIT_REACHED, QUIC_TRANSPORT_ERROR_APPLICATION,
    QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED,
    QUIC_TRANSPORT_ERROR_CRYPTO, QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED,
    QUIC_TRANSPORT_ERROR_FINAL_SIZE, QUIC_TRANSPORT_ERROR_FLOW_CONTROL,
    QUIC_TRANSPORT_ERROR_FRAME_ENCODING, QUIC_TRANSPORT_ERROR_INTERNAL,
    QUIC_TRANSPORT_ERROR_INVALID_TOKEN, QUIC_TRANSPORT_ERROR_KEY_UPDATE,
    QUIC_TRANSPORT_ERROR_NO_VIABLE_PATH, QUIC_TRANSPORT_ERROR_NONE,
    QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION, QUIC_TRANSPORT_ERROR_STREAM_LIMIT,
    QUIC_TRANSPORT_ERROR_STREAM_STATE, QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM,
    QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION,
};
use inquic_uapi::option::QUIC_SOCKOPT_CONNECTION_CLOSE;
use inquic_uapi::socket::SO_ERROR;
use inquic_uapi::structs::ConnectionClose;
use libc::{EAGAIN, ECONNREFUSED, ENOTCONN, EPROTO, EPROTONOSUPPORT};
use rustls::Side;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::{Keys, Version};

use super::pair::{any, connect, general, got, level, socket, there};
use super::process::until_not;
use super::{Check, check, raw};
use crate::sys::Fd;

pub(super) const CHECKS: &[Check] = &[
    check!(
        every_transport_error_has_its_code_and_errno,
        "SO_ERROR ECONNREFUSED EPROTO QUIC_SOCKOPT_CONNECTION_CLOSE QUIC_TRANSPORT_ERROR_NONE QUIC_TRANSPORT_ERROR_INTERNAL QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED QUIC_TRANSPORT_ERROR_FLOW_CONTROL QUIC_TRANSPORT_ERROR_STREAM_LIMIT QUIC_TRANSPORT_ERROR_STREAM_STATE QUIC_TRANSPORT_ERROR_FINAL_SIZE QUIC_TRANSPORT_ERROR_FRAME_ENCODING QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION QUIC_TRANSPORT_ERROR_INVALID_TOKEN QUIC_TRANSPORT_ERROR_APPLICATION QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED QUIC_TRANSPORT_ERROR_KEY_UPDATE QUIC_TRANSPORT_ERROR_AEAD_LIMIT_REACHED QUIC_TRANSPORT_ERROR_NO_VIABLE_PATH QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION QUIC_TRANSPORT_ERROR_CRYPTO"
    ),
    check!(
        a_version_that_nobody_speaks_is_eprotonosupport,
        "SO_ERROR EPROTONOSUPPORT"
    ),
];

/// A client that has said hello to a server, which has its first packet.
fn begun() -> (Fd, UdpSocket, std::net::SocketAddr, Vec<u8>) {
    let (server, client) = (UdpSocket::bind(any()).unwrap(), socket());
    connect(&client, server.local_addr().unwrap()).unwrap();
    let hello = level(QUIC_CRYPTO_INITIAL);
    raw::send_message(&client, b"client hello", &hello, 0).unwrap();
    let mut first = vec![0; 2048];
    let (len, from) = server.recv_from(&mut first).unwrap();
    first.truncate(len);
    (client, server, from, first)
}

/// The two ids of a packet, each with its length before it: the client's, and the one that the keys come from.
fn ids(first: &[u8]) -> (&[u8], &[u8]) {
    let (theirs, rest) = first[5..].split_at(1 + usize::from(first[5]));
    (&rest[..=usize::from(rest[0])], theirs)
}

/// An Initial packet with CONNECTION_CLOSE (RFC 9000 §17.2.2, §19.19).
fn close(first: &[u8], code: u32, frame: u8) -> Vec<u8> {
    let (client, origin) = ids(first);
    let suite = TLS13_AES_128_GCM_SHA256.tls13().expect("TLS 1.3");
    let suite = suite.quic_suite().expect("for QUIC");
    let Keys { local, .. } = suite.keys(&origin[1..], Side::Server, Version::V1);
    let mut payload = vec![0x1c];
    payload.extend_from_slice(&(code | 0x8000_0000).to_be_bytes());
    payload.extend_from_slice(&[frame, 3]);
    payload.extend_from_slice(b"why");
    payload.resize(64, 0);
    let len = 4 + payload.len() + local.packet.tag_len();
    let mut packet = [&[0xc3, 0, 0, 0, 1][..], client, &[4, 9, 9, 9, 9, 0]].concat();
    packet.extend_from_slice(&(len as u16 | 0x4000).to_be_bytes());
    let number_at = packet.len();
    packet.extend_from_slice(&[0; 4]);
    let tag = local.packet.encrypt_in_place(0, &packet, &mut payload);
    packet.extend_from_slice(&payload);
    packet.extend_from_slice(tag.expect("a tag").as_ref());
    let (header, body) = packet.split_at_mut(number_at);
    let (number, sample) = body.split_at_mut(4);
    let sample = &sample[..local.header.sample_len()];
    let protected = local
        .header
        .encrypt_in_place(sample, &mut header[0], number);
    protected.expect("a mask");
    packet
}

fn every_transport_error_has_its_code_and_errno() {
    for code in [
        QUIC_TRANSPORT_ERROR_NONE,
        QUIC_TRANSPORT_ERROR_INTERNAL,
        QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED,
        QUIC_TRANSPORT_ERROR_FLOW_CONTROL,
        QUIC_TRANSPORT_ERROR_STREAM_LIMIT,
        QUIC_TRANSPORT_ERROR_STREAM_STATE,
        QUIC_TRANSPORT_ERROR_FINAL_SIZE,
        QUIC_TRANSPORT_ERROR_FRAME_ENCODING,
        QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM,
        QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT,
        QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION,
        QUIC_TRANSPORT_ERROR_INVALID_TOKEN,
        QUIC_TRANSPORT_ERROR_APPLICATION,
        QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED,
        QUIC_TRANSPORT_ERROR_KEY_UPDATE,
        QUIC_TRANSPORT_ERROR_AEAD_LIMIT_REACHED,
        QUIC_TRANSPORT_ERROR_NO_VIABLE_PATH,
        QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION,
        QUIC_TRANSPORT_ERROR_CRYPTO + 40,
    ] {
        let (client, server, from, first) = begun();
        server.send_to(&close(&first, code, 6), from).unwrap();
        assert_eq!(until_not(EAGAIN, || there(&client)), Err(ENOTCONN));
        let told: ConnectionClose = got(&client, QUIC_SOCKOPT_CONNECTION_CLOSE);
        assert_eq!((told.errcode, told.frame), (code, 6));
        assert!(told.phrase.starts_with(b"why\0"));
        let errno = match code {
            QUIC_TRANSPORT_ERROR_NONE => 0,
            QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED => ECONNREFUSED,
            _ => EPROTO,
        };
        assert_eq!(general(&client, SO_ERROR), errno, "{code:#x}");
    }
}

fn a_version_that_nobody_speaks_is_eprotonosupport() {
    let (client, server, from, first) = begun();
    let (ours, theirs) = ids(&first);
    // Both ids, and one version that is reserved (RFC 8999 §6).
    let answer = [
        &[0x80, 0, 0, 0, 0][..],
        ours,
        theirs,
        &[0x1a, 0x2a, 0x3a, 0x4a],
    ]
    .concat();
    server.send_to(&answer, from).unwrap();
    assert_eq!(until_not(EAGAIN, || there(&client)), Err(ENOTCONN));
    assert_eq!(general(&client, SO_ERROR), EPROTONOSUPPORT);
}
