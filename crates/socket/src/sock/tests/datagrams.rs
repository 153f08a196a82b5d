use alloc::vec;
use alloc::vec::Vec;

use inquic_platform::Instant;
use inquic_uapi::flags::{
    MSG_EOR, MSG_PEEK, MSG_QUIC_DATAGRAM, MSG_QUIC_STREAM_NEW, MSG_TRUNC, POLLIN,
};
use inquic_uapi::structs::TransportParam;
use inquic_uapi::{EventType, Layout, option};

use super::{Pair, bytes, get, set, stream, want};
use crate::errno::Errno;

/// Both ends take datagrams of `size` bytes.
pub(super) fn pair(size: u16) -> Pair {
    let param = bytes(&TransportParam {
        max_datagram_frame_size: size,
        ..TransportParam::default()
    });
    let number = option::QUIC_SOCKOPT_TRANSPORT_PARAM;
    Pair::established_with(&mut |client, server| {
        for sock in [client, server] {
            set(sock, Instant::ZERO, number, &param).unwrap();
            let read = TransportParam::read(&get(sock, number, &[]).unwrap());
            assert_eq!(read.max_datagram_frame_size, size);
        }
    })
}

pub(super) fn send(pair: &mut Pair, data: &[u8]) -> Result<usize, Errno> {
    pair.client_sends(&[], MSG_QUIC_DATAGRAM, data)
}

/// What the server receives next, with a buffer of `room` bytes: flags, bytes.
fn receive(pair: &mut Pair, room: usize) -> Result<(u32, Vec<u8>), Errno> {
    receive_with(pair, 0, room)
}

fn receive_with(pair: &mut Pair, flags: u32, room: usize) -> Result<(u32, Vec<u8>), Errno> {
    let now = pair.now;
    let message = super::receive(pair.server.sock(), now, flags, room)?;
    assert_eq!(message.control, None);
    Ok((message.flags, message.data))
}

const WHOLE: u32 = MSG_QUIC_DATAGRAM | MSG_EOR;

#[test]
fn datagram_is_a_message_with_its_flag() {
    let mut pair = pair(u16::MAX);
    assert_eq!(pair.server.sock().poll(None) & POLLIN, 0);
    assert_eq!(send(&mut pair, b"ping"), Ok(4));
    assert_eq!(send(&mut pair, b""), Ok(0));
    pair.run(5);
    assert_eq!(pair.server.sock().poll(None) & POLLIN, POLLIN);
    assert_eq!(receive(&mut pair, 64), Ok((WHOLE, b"ping".to_vec())));
    assert_eq!(receive(&mut pair, 64), Ok((WHOLE, Vec::new())));
    assert_eq!(receive(&mut pair, 64), Err(Errno::EAGAIN));
    assert_eq!(pair.server.sock().poll(None) & POLLIN, 0);
}

#[test]
fn datagram_larger_than_the_buffer_goes_on_in_the_next_call() {
    let mut pair = pair(u16::MAX);
    send(&mut pair, b"one two three").unwrap();
    send(&mut pair, b"next").unwrap();
    pair.run(5);
    let part = MSG_QUIC_DATAGRAM;
    assert_eq!(receive(&mut pair, 8), Ok((part, b"one two ".to_vec())));
    assert_eq!(receive(&mut pair, 8), Ok((WHOLE, b"three".to_vec())));
    assert_eq!(receive(&mut pair, 8), Ok((WHOLE, b"next".to_vec())));
}

#[test]
fn datagram_that_is_peeked_at_stays() {
    let mut pair = pair(u16::MAX);
    send(&mut pair, b"one two three").unwrap();
    pair.run(5);
    let part = MSG_QUIC_DATAGRAM;
    let peeked = receive_with(&mut pair, MSG_PEEK, 3);
    assert_eq!(peeked, Ok((part, b"one".to_vec())));
    assert_eq!(
        receive(&mut pair, 64),
        Ok((WHOLE, b"one two three".to_vec()))
    );
}

#[test]
fn length_of_the_message_that_comes_next_is_told_of_events_and_datagrams() {
    let mut pair = pair(u16::MAX);
    let next = |pair: &mut Pair| pair.server.sock().message_to_receive();
    assert_eq!(next(&mut pair), 0);
    send(&mut pair, b"a datagram").unwrap();
    pair.run(5);
    assert_eq!(next(&mut pair), 10);
    assert_eq!(
        receive(&mut pair, 4),
        Ok((MSG_QUIC_DATAGRAM, b"a da".to_vec()))
    );
    assert_eq!(next(&mut pair), 6);
    receive(&mut pair, 64).unwrap();
    let new = stream(-1, MSG_QUIC_STREAM_NEW);
    pair.client_sends(&new, 0, b"a stream has no length")
        .unwrap();
    pair.run(5);
    assert_eq!(next(&mut pair), 0);
    // Events go first.
    want(pair.server.sock(), EventType::KeyUpdate);
    let (now, number) = (pair.now, option::QUIC_SOCKOPT_KEY_UPDATE);
    set(pair.server.sock(), now, number, &[]).unwrap();
    pair.run(50);
    assert_eq!(next(&mut pair), 2);
    assert_eq!(
        receive(&mut pair, 64).unwrap().1,
        [EventType::KeyUpdate as u8, 1]
    );
    assert_eq!(pair.server_gets().unwrap().data, b"a stream has no length");
}

#[test]
fn datagram_that_is_cut_tells_its_length() {
    let mut pair = pair(u16::MAX);
    send(&mut pair, b"one two three").unwrap();
    send(&mut pair, b"next").unwrap();
    pair.run(5);
    let now = pair.now;
    let mut out = [0; 3];
    let sock = pair.server.sock();
    let cut = sock.recvmsg(now, MSG_TRUNC, &mut out, &mut []).unwrap();
    assert_eq!((cut.bytes, cut.flags), (13, WHOLE | MSG_TRUNC));
    assert_eq!(&out, b"one");
    assert_eq!(receive(&mut pair, 64), Ok((WHOLE, b"next".to_vec())));
}

#[test]
fn datagrams_and_streams_are_received_in_turn() {
    let mut pair = pair(u16::MAX);
    send(&mut pair, b"a").unwrap();
    send(&mut pair, b"b").unwrap();
    let new = stream(-1, MSG_QUIC_STREAM_NEW);
    pair.client_sends(&new, 0, b"data").unwrap();
    pair.run(5);
    let texts: Vec<_> = (0..3).map(|_| pair.server_gets().unwrap().data).collect();
    for text in [&b"a"[..], b"b", b"data"] {
        assert!(texts.contains(&text.to_vec()), "{texts:?}");
    }
}

#[test]
fn datagram_beyond_the_size_that_fits_is_emsgsize() {
    let mut pair = pair(u16::MAX);
    let most = 1_200 - 1 - 8 - 4 - 1 - 16;
    assert_eq!(send(&mut pair, &vec![7; most + 1]), Err(Errno::EMSGSIZE));
    assert_eq!(send(&mut pair, &vec![7; most]), Ok(most));
    pair.run(5);
    assert_eq!(receive(&mut pair, 2_000), Ok((WHOLE, vec![7; most])));
}

#[test]
fn datagram_to_a_peer_that_takes_none_is_einval() {
    let mut pair = Pair::established();
    assert_eq!(send(&mut pair, b"x"), Err(Errno::EINVAL));
}

#[test]
fn full_queue_is_eagain_until_there_is_room() {
    let mut pair = pair(u16::MAX);
    let data = [1; 1_000];
    let taken = (0..100)
        .take_while(|_| send(&mut pair, &data).is_ok())
        .count();
    assert_eq!(taken, inquic_engine::limits::DATAGRAM_QUEUE / 1_010);
    assert_eq!(send(&mut pair, &data), Err(Errno::EAGAIN));
    pair.run(50);
    assert_eq!(send(&mut pair, &data), Ok(1_000));
}

#[test]
fn closed_socket_takes_no_datagram() {
    let mut pair = pair(u16::MAX);
    let now = pair.now;
    send(&mut pair, b"last words").unwrap();
    pair.run(1);
    pair.client.sock().close(now);
    assert_eq!(send(&mut pair, b"x"), Err(Errno::EPIPE));
    pair.run(5);
    assert_eq!(receive(&mut pair, 64), Ok((WHOLE, b"last words".to_vec())));
    assert_eq!(receive(&mut pair, 64), Err(Errno::ENOTCONN));
}
