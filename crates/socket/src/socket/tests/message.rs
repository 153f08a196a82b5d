use alloc::vec;
use alloc::vec::Vec;

use inquic_uapi::flags::{
    MSG_EOR, MSG_QUIC_DATAGRAM, MSG_QUIC_NOTIFICATION, MSG_QUIC_STREAM_FIN, MSG_QUIC_STREAM_NEW,
    MSG_QUIC_STREAM_UNI, POLLERR, POLLHUP, POLLIN, POLLOUT,
};
use inquic_uapi::structs::{EventOption, HandshakeInfo};
use inquic_uapi::{EventType, Layout, QUIC_CRYPTO_EARLY, option};

use super::{Control, Pair, stream};
use crate::errno::Errno;
use crate::options::Options;

const NEW: u32 = MSG_QUIC_STREAM_NEW;
const FIN: u32 = MSG_QUIC_STREAM_FIN;

fn send(pair: &mut Pair, control: Control, flags: u32, data: &[u8]) -> Result<usize, Errno> {
    pair.client.socket().sendmsg(control, flags, data)
}

/// What the server receives next: stream, flags, bytes.
fn receive(pair: &mut Pair) -> Result<(i64, u32, Vec<u8>), Errno> {
    let mut out = [0; 1024];
    let message = pair.server.socket().recvmsg(pair.now, &mut out)?;
    match message.control {
        Control::Stream(info) => Ok((info.stream_id, message.flags, out[..message.bytes].to_vec())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn flags_alone_open_and_finish_a_stream() {
    let mut pair = Pair::established();
    assert_eq!(send(&mut pair, Control::None, NEW | FIN, b"whole"), Ok(5));
    pair.run(5);
    assert_eq!(receive(&mut pair), Ok((0, FIN, b"whole".to_vec())));
    assert_eq!(receive(&mut pair), Err(Errno::EAGAIN));
}

#[test]
fn a_message_without_an_identifier_goes_to_the_active_stream() {
    let mut pair = Pair::established();
    assert_eq!(
        send(&mut pair, Control::None, 0, b"x"),
        Err(Errno::EINVAL),
        "none is open"
    );
    send(&mut pair, stream(-1, NEW), 0, b"one ").unwrap();
    send(&mut pair, Control::None, 0, b"two").unwrap();
    pair.run(5);
    assert_eq!(receive(&mut pair), Ok((0, 0, b"one two".to_vec())));
}

#[test]
fn a_second_new_stream_waits_for_the_end_of_the_first() {
    let mut pair = Pair::established();
    send(&mut pair, stream(-1, NEW), 0, b"x").unwrap();
    assert_eq!(
        send(&mut pair, stream(-1, NEW), 0, b"y"),
        Err(Errno::EINVAL)
    );
    send(&mut pair, Control::None, FIN, b"").unwrap();
    assert_eq!(
        send(&mut pair, stream(-1, NEW | MSG_QUIC_STREAM_UNI), 0, b"z"),
        Ok(1)
    );
    pair.run(5);
    assert_eq!(receive(&mut pair), Ok((0, FIN, b"x".to_vec())));
    assert_eq!(receive(&mut pair), Ok((2, 0, b"z".to_vec())));
}

#[test]
fn opening_a_stream_opens_every_lower_one_of_its_kind() {
    let mut pair = Pair::established();
    assert_eq!(
        send(&mut pair, stream(8, 0), 0, b"x"),
        Err(Errno::EINVAL),
        "not opened"
    );
    send(&mut pair, stream(8, NEW), 0, b"eight").unwrap();
    send(&mut pair, stream(4, 0), 0, b"four").unwrap();
    assert_eq!(
        send(&mut pair, stream(8, NEW), 0, b"x"),
        Err(Errno::EINVAL),
        "opened before"
    );
    pair.run(5);
    let mut received = [receive(&mut pair).unwrap(), receive(&mut pair).unwrap()];
    received.sort();
    assert_eq!(received[0], (4, 0, b"four".to_vec()));
    assert_eq!(received[1], (8, 0, b"eight".to_vec()));
}

#[test]
fn a_stream_that_is_over_is_no_stream() {
    let mut pair = Pair::established();
    send(&mut pair, stream(-1, NEW | FIN), 0, b"ask").unwrap();
    assert_eq!(
        send(&mut pair, stream(0, 0), 0, b"x"),
        Err(Errno::EINVAL),
        "after FIN"
    );
    pair.run(5);
    receive(&mut pair).unwrap();
    // The stream that the peer opened is the server's active one.
    pair.server
        .socket()
        .sendmsg(Control::None, FIN, b"answer")
        .unwrap();
    pair.run(50);
    let mut out = [0; 16];
    let answer = pair.client.socket().recvmsg(pair.now, &mut out).unwrap();
    assert_eq!((answer.bytes, answer.flags), (6, FIN));
    pair.run(50);
    assert_eq!(send(&mut pair, stream(0, 0), 0, b"x"), Err(Errno::ENOSTR));
}

#[test]
fn full_buffers_are_enospc_for_a_named_stream_and_eagain_otherwise() {
    let mut pair = Pair::established();
    let data = vec![0; 64 * 1024];
    send(&mut pair, stream(-1, NEW), 0, b"x").unwrap();
    while send(&mut pair, stream(0, 0), 0, &data).is_ok() {}
    assert_eq!(send(&mut pair, stream(0, 0), 0, &data), Err(Errno::ENOSPC));
    assert_eq!(send(&mut pair, Control::None, 0, &data), Err(Errno::EAGAIN));
    assert_eq!(pair.client.socket().poll() & POLLOUT, 0);
}

#[test]
fn what_sendmsg_does_not_take_is_einval() {
    let mut pair = Pair::established();
    assert_eq!(
        send(&mut pair, Control::None, 0x0800_0000, b"x"),
        Err(Errno::EINVAL),
        "MSG_SPLICE_PAGES"
    );
    assert_eq!(
        send(&mut pair, Control::None, MSG_QUIC_DATAGRAM, b"x"),
        Err(Errno::EINVAL)
    );
    assert_eq!(
        send(&mut pair, stream(-2, NEW), 0, b"x"),
        Err(Errno::EINVAL)
    );
    assert_eq!(
        send(&mut pair, stream(1, NEW), 0, b"x"),
        Err(Errno::EINVAL),
        "the peer's to open"
    );
    let early = Control::Handshake(HandshakeInfo {
        crypto_level: QUIC_CRYPTO_EARLY,
    });
    assert_eq!(send(&mut pair, early, 0, b"x"), Err(Errno::EINVAL));
    assert_eq!(
        send(&mut pair, stream(-1, NEW), 0, b""),
        Err(Errno::EMSGSIZE)
    );
}

#[test]
fn sending_before_the_handshake_is_einval() {
    let mut pair = Pair::connecting(&Options::default());
    assert_eq!(
        send(&mut pair, Control::None, NEW, b"x"),
        Err(Errno::EINVAL)
    );
}

#[test]
fn a_short_buffer_leaves_the_rest_for_the_next_call() {
    let mut pair = Pair::established();
    send(&mut pair, Control::None, NEW | FIN, b"0123456789").unwrap();
    pair.run(5);
    let mut out = [0; 4];
    let now = pair.now;
    let sizes: Vec<_> = (0..3)
        .map(|_| {
            pair.server
                .socket()
                .recvmsg(now, &mut out)
                .map(|message| (message.bytes, message.flags))
        })
        .collect();
    assert_eq!(sizes, [Ok((4, 0)), Ok((4, 0)), Ok((2, FIN))]);
}

#[test]
fn an_event_comes_before_data_and_in_pieces_if_it_must() {
    let mut options = Options::default();
    let on = EventOption {
        event_type: EventType::ConnectionClose as u8,
        on: 1,
    };
    let mut value = [0; 2];
    on.write(&mut value);
    options.set(option::QUIC_SOCKOPT_EVENT, &value).unwrap();
    let mut pair = Pair::established_with(&options);
    let now = pair.now;
    pair.server.socket().close(now, 0x0102, b"bye");
    pair.run(50);
    let mut out = [0; 9];
    let first = pair.client.socket().recvmsg(pair.now, &mut out).unwrap();
    assert_eq!(
        (first.bytes, first.flags, first.control),
        (9, MSG_QUIC_NOTIFICATION, Control::None)
    );
    assert_eq!(out[0], EventType::ConnectionClose as u8);
    assert_eq!(out[1..5], 0x0102_u32.to_ne_bytes());
    let last = pair.client.socket().recvmsg(pair.now, &mut out).unwrap();
    assert_eq!(&out[..last.bytes], b"bye");
    assert_eq!(last.flags, MSG_QUIC_NOTIFICATION | MSG_EOR);
    // There is no end of file.
    assert_eq!(
        pair.client.socket().recvmsg(pair.now, &mut out),
        Err(Errno::ENOTCONN)
    );
}

#[test]
fn poll_tells_what_would_not_block() {
    let mut pair = Pair::established();
    assert_eq!(pair.server.socket().poll() & (POLLIN | POLLOUT), POLLOUT);
    send(&mut pair, Control::None, NEW, b"x").unwrap();
    pair.run(5);
    assert_eq!(pair.server.socket().poll() & POLLIN, POLLIN);
    receive(&mut pair).unwrap();
    assert_eq!(pair.server.socket().poll() & POLLIN, 0);
    let now = pair.now;
    pair.client.socket().close(now, 0, b"");
    pair.run(50);
    let all = POLLIN | POLLOUT | POLLHUP | POLLERR;
    assert_eq!(pair.server.socket().poll() & all, all);
}
