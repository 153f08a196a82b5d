use alloc::vec;
use alloc::vec::Vec;

use inquic_uapi::flags::{
    MSG_CTRUNC, MSG_EOR, MSG_PEEK, MSG_QUIC_DATAGRAM, MSG_QUIC_NOTIFICATION, MSG_QUIC_STREAM_FIN,
    MSG_QUIC_STREAM_NEW, MSG_QUIC_STREAM_UNI, POLLERR, POLLHUP, POLLIN, POLLOUT,
};
use inquic_uapi::structs::ConnectionClose;
use inquic_uapi::{EventType, QUIC_CRYPTO_EARLY, option};

use super::{Pair, bytes, control, handshake, receive, set, stream, want};
use crate::errno::Errno;
use crate::sock::Part;

const NEW: u32 = MSG_QUIC_STREAM_NEW;
const FIN: u32 = MSG_QUIC_STREAM_FIN;

/// What the server receives next: stream, flags, bytes.
fn next(pair: &mut Pair) -> Result<(i64, u32, Vec<u8>), Errno> {
    let message = pair.server_gets()?;
    Ok((message.stream().0, message.flags, message.data))
}

#[test]
fn flags_alone_open_and_finish_a_stream() {
    let mut pair = Pair::established();
    assert_eq!(pair.client_sends(&[], NEW | FIN, b"whole"), Ok(5));
    pair.run(5);
    assert_eq!(next(&mut pair), Ok((0, FIN, b"whole".to_vec())));
    assert_eq!(next(&mut pair), Err(Errno::EAGAIN));
}

#[test]
fn the_end_that_flags_or_a_control_message_say_goes_with_a_messages_last_part() {
    for (control, flags) in [(stream(-1, NEW | FIN), 0), (Vec::new(), NEW | FIN)] {
        let mut pair = Pair::established();
        let now = pair.now;
        let first = Part {
            stream: None,
            more: true,
        };
        let sock = pair.client.sock();
        let sent = sock.send_part(now, &control, flags, first, b"one ");
        let last = Part {
            stream: sent.unwrap().stream,
            more: false,
        };
        pair.run(5);
        assert_eq!(next(&mut pair), Ok((0, 0, b"one ".to_vec())));
        let now = pair.now;
        let sock = pair.client.sock();
        let sent = sock.send_part(now, &control, flags, last, b"two");
        assert_eq!(sent.map(|sent| sent.bytes), Ok(3));
        pair.run(5);
        assert_eq!(next(&mut pair), Ok((0, FIN, b"two".to_vec())));
    }
}

#[test]
fn a_control_message_decides_over_flags_in_every_part_of_a_message() {
    let mut pair = Pair::established();
    let (now, control) = (pair.now, stream(-1, NEW));
    let sock = pair.client.sock();
    let sent = sock.send_part(now, &control, FIN, Part::default(), b"one ");
    let rest = Part {
        stream: sent.unwrap().stream,
        more: false,
    };
    sock.send_part(now, &control, FIN, rest, b"two").unwrap();
    pair.run(5);
    assert_eq!(next(&mut pair), Ok((0, 0, b"one two".to_vec())));
}

#[test]
fn a_message_without_an_identifier_goes_to_the_active_stream() {
    let mut pair = Pair::established();
    let none = pair.client_sends(&[], 0, b"x");
    assert_eq!(none, Err(Errno::EINVAL), "none is open");
    pair.client_sends(&stream(-1, NEW), 0, b"one ").unwrap();
    pair.client_sends(&[], 0, b"two").unwrap();
    pair.run(5);
    assert_eq!(next(&mut pair), Ok((0, 0, b"one two".to_vec())));
}

#[test]
fn a_second_new_stream_waits_for_the_end_of_the_first() {
    let mut pair = Pair::established();
    pair.client_sends(&stream(-1, NEW), 0, b"x").unwrap();
    let second = pair.client_sends(&stream(-1, NEW), 0, b"y");
    assert_eq!(second, Err(Errno::EINVAL));
    pair.client_sends(&[], FIN, b"").unwrap();
    let uni = stream(-1, NEW | MSG_QUIC_STREAM_UNI);
    assert_eq!(pair.client_sends(&uni, 0, b"z"), Ok(1));
    pair.run(5);
    assert_eq!(next(&mut pair), Ok((0, FIN, b"x".to_vec())));
    assert_eq!(next(&mut pair), Ok((2, 0, b"z".to_vec())));
}

#[test]
fn opening_a_stream_opens_every_lower_one_of_its_kind() {
    let mut pair = Pair::established();
    let closed = pair.client_sends(&stream(8, 0), 0, b"x");
    assert_eq!(closed, Err(Errno::EINVAL), "not opened");
    pair.client_sends(&stream(8, NEW), 0, b"eight").unwrap();
    pair.client_sends(&stream(4, 0), 0, b"four").unwrap();
    let again = pair.client_sends(&stream(8, NEW), 0, b"x");
    assert_eq!(again, Err(Errno::EINVAL), "opened before");
    pair.run(5);
    let mut received = [next(&mut pair).unwrap(), next(&mut pair).unwrap()];
    received.sort();
    assert_eq!(received[0], (4, 0, b"four".to_vec()));
    assert_eq!(received[1], (8, 0, b"eight".to_vec()));
}

#[test]
fn a_stream_that_is_over_is_no_stream() {
    let mut pair = Pair::established();
    pair.client_sends(&stream(-1, NEW | FIN), 0, b"ask")
        .unwrap();
    let late = pair.client_sends(&stream(0, 0), 0, b"x");
    assert_eq!(late, Err(Errno::EINVAL), "after FIN");
    pair.run(5);
    next(&mut pair).unwrap();
    // The stream that the peer opened is the server's active one.
    pair.server_sends(&[], FIN, b"answer").unwrap();
    pair.run(50);
    let answer = pair.client_gets().unwrap();
    assert_eq!((&answer.data[..], answer.flags), (&b"answer"[..], FIN));
    pair.run(50);
    let over = pair.client_sends(&stream(0, 0), 0, b"x");
    assert_eq!(over, Err(Errno::ENOSTR));
}

#[test]
fn full_buffers_are_enospc_for_a_named_stream_and_eagain_otherwise() {
    let mut pair = Pair::established();
    let data = vec![0; 64 * 1024];
    pair.client_sends(&stream(-1, NEW), 0, b"x").unwrap();
    while pair.client_sends(&stream(0, 0), 0, &data).is_ok() {}
    let named = pair.client_sends(&stream(0, 0), 0, &data);
    assert_eq!(named, Err(Errno::ENOSPC));
    assert_eq!(pair.client_sends(&[], 0, &data), Err(Errno::EAGAIN));
    assert_eq!(pair.client.sock().poll(None) & POLLOUT, 0);
}

#[test]
fn what_sendmsg_does_not_take_is_einval() {
    let mut pair = Pair::established();
    let splice = pair.client_sends(&[], 0x0800_0000, b"x");
    assert_eq!(splice, Err(Errno::EINVAL), "MSG_SPLICE_PAGES");
    let datagram = pair.client_sends(&[], MSG_QUIC_DATAGRAM, b"x");
    assert_eq!(datagram, Err(Errno::EINVAL), "not enabled");
    let none = pair.client_sends(&stream(-2, NEW), 0, b"x");
    assert_eq!(none, Err(Errno::EINVAL));
    let peers = pair.client_sends(&stream(1, NEW), 0, b"x");
    assert_eq!(peers, Err(Errno::EINVAL), "the peer's to open");
    let early = pair.client_sends(&handshake(QUIC_CRYPTO_EARLY), 0, b"x");
    assert_eq!(early, Err(Errno::EINVAL));
    let empty = pair.client_sends(&stream(-1, NEW), 0, b"");
    assert_eq!(empty, Err(Errno::EMSGSIZE));
    let unknown = pair.client_sends(&control(2, &[0; 16]), 0, b"x");
    assert_eq!(unknown, Err(Errno::EINVAL), "an unknown control message");
}

#[test]
fn sending_before_the_handshake_is_einval() {
    let mut pair = Pair::connecting();
    assert_eq!(pair.client_sends(&[], NEW, b"x"), Err(Errno::EINVAL));
}

#[test]
fn a_short_buffer_leaves_the_rest_for_the_next_call() {
    let mut pair = Pair::established();
    pair.client_sends(&[], NEW | FIN, b"0123456789").unwrap();
    pair.run(5);
    let now = pair.now;
    let sizes: Vec<_> = (0..3)
        .map(|_| {
            receive(pair.server.sock(), now, 0, 4)
                .map(|message| (message.data.len(), message.flags))
        })
        .collect();
    assert_eq!(sizes, [Ok((4, 0)), Ok((4, 0)), Ok((2, FIN))]);
}

#[test]
fn what_is_peeked_at_stays() {
    let mut pair = Pair::established();
    pair.client_sends(&[], NEW | FIN, b"0123456789").unwrap();
    pair.run(5);
    let now = pair.now;
    let first = receive(pair.server.sock(), now, MSG_PEEK, 4).unwrap();
    assert_eq!((&first.data[..], first.flags), (&b"0123"[..], 0));
    let whole = receive(pair.server.sock(), now, MSG_PEEK, 40).unwrap();
    assert_eq!((whole.data.len(), whole.flags), (10, FIN));
    assert_eq!(next(&mut pair), Ok((0, FIN, b"0123456789".to_vec())));
}

#[test]
fn handshake_bytes_that_are_peeked_at_stay_in_one_piece() {
    let mut pair = Pair::connecting();
    pair.greet();
    let hello = handshake(inquic_uapi::QUIC_CRYPTO_INITIAL);
    pair.server_sends(&hello, 0, b"server hello").unwrap();
    pair.run(5);
    let now = pair.now;
    let first = receive(pair.client.sock(), now, MSG_PEEK, 1).unwrap();
    assert_eq!(first.data, b"s");
    assert_eq!(pair.client_gets().unwrap().data, b"server hello");
}

#[test]
fn without_room_for_control_data_the_flags_say_so() {
    let mut pair = Pair::established();
    pair.client_sends(&[], NEW | FIN, b"x").unwrap();
    pair.run(5);
    let now = pair.now;
    let message = pair
        .server
        .sock()
        .recvmsg(now, 0, &mut [0; 4], &mut [0; 8])
        .unwrap();
    assert_eq!(
        (message.flags, message.control),
        (MSG_QUIC_STREAM_FIN | MSG_CTRUNC, 0)
    );
}

#[test]
fn an_event_comes_before_data_and_in_pieces_if_it_must() {
    let mut pair =
        Pair::established_with(&mut |client, _| want(client, EventType::ConnectionClose));
    let now = pair.now;
    let words = ConnectionClose {
        errcode: 0x0102,
        phrase: {
            let mut phrase = [0; 64];
            phrase[..3].copy_from_slice(b"bye");
            phrase
        },
        ..ConnectionClose::default()
    };
    let number = option::QUIC_SOCKOPT_CONNECTION_CLOSE;
    set(pair.server.sock(), now, number, &bytes(&words)).unwrap();
    pair.server_sends(&[], NEW, b"data").unwrap();
    pair.run(5);
    pair.server.sock().close(pair.now);
    pair.run(50);
    let now = pair.now;
    let first = receive(pair.client.sock(), now, 0, 9).unwrap();
    assert_eq!((first.flags, first.control), (MSG_QUIC_NOTIFICATION, None));
    assert_eq!(first.data[0], EventType::ConnectionClose as u8);
    assert_eq!(first.data[1..5], 0x0102_u32.to_ne_bytes());
    let last = receive(pair.client.sock(), now, 0, 9).unwrap();
    assert_eq!(last.data, b"bye");
    assert_eq!(last.flags, MSG_QUIC_NOTIFICATION | MSG_EOR);
    assert_eq!(pair.client_gets().unwrap().data, b"data");
    // There is no end of file.
    assert_eq!(pair.client_gets(), Err(Errno::ENOTCONN));
}

#[test]
fn poll_tells_what_would_not_block() {
    let mut pair = Pair::established();
    let poll = |pair: &mut Pair| pair.server.sock().poll(None);
    assert_eq!(poll(&mut pair) & (POLLIN | POLLOUT), POLLOUT);
    pair.client_sends(&[], NEW, b"x").unwrap();
    pair.run(5);
    assert_eq!(poll(&mut pair) & POLLIN, POLLIN);
    next(&mut pair).unwrap();
    assert_eq!(poll(&mut pair) & POLLIN, 0);
    let now = pair.now;
    pair.client.sock().close(now);
    pair.run(50);
    let all = POLLIN | POLLOUT | POLLHUP | POLLERR;
    assert_eq!(poll(&mut pair) & all, all);
}
