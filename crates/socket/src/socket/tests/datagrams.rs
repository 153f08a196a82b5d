use alloc::vec;
use alloc::vec::Vec;

use inquic_uapi::flags::{MSG_EOR, MSG_QUIC_DATAGRAM, MSG_QUIC_STREAM_NEW, POLLIN};
use inquic_uapi::structs::TransportParam;
use inquic_uapi::{Layout, option};

use super::{Control, News, Pair, stream};
use crate::errno::Errno;
use crate::options::Options;

/// Both ends take datagrams of `size` bytes.
fn pair(size: u16) -> Pair {
    let mut options = Options::default();
    let param = TransportParam {
        max_datagram_frame_size: size,
        ..TransportParam::default()
    };
    let mut value = vec![0; TransportParam::SIZE];
    param.write(&mut value);
    options
        .set(option::QUIC_SOCKOPT_TRANSPORT_PARAM, &value)
        .unwrap();
    let len = options.get(option::QUIC_SOCKOPT_TRANSPORT_PARAM, &mut value);
    let read = TransportParam::read(&value[..len.unwrap()]);
    assert_eq!(read.max_datagram_frame_size, size);
    Pair::established_with(&options)
}

fn send(pair: &mut Pair, data: &[u8]) -> Result<usize, Errno> {
    let socket = pair.client.socket();
    socket.sendmsg(Control::None, MSG_QUIC_DATAGRAM, data)
}

/// What the server receives next, with a buffer of `room` bytes: flags, bytes.
fn receive(pair: &mut Pair, room: usize) -> Result<(u32, Vec<u8>), Errno> {
    let mut out = vec![0; room];
    let message = pair.server.socket().recvmsg(pair.now, &mut out)?;
    out.truncate(message.bytes);
    Ok((message.flags, out))
}

const WHOLE: u32 = MSG_QUIC_DATAGRAM | MSG_EOR;

#[test]
fn datagram_is_a_message_with_its_flag() {
    let mut pair = pair(u16::MAX);
    assert_eq!(pair.server.socket().poll() & POLLIN, 0);
    assert_eq!(send(&mut pair, b"ping"), Ok(4));
    assert_eq!(send(&mut pair, b""), Ok(0));
    pair.run(5);
    assert!(pair.server.news.contains(&News::DatagramReceived));
    assert_eq!(pair.server.socket().poll() & POLLIN, POLLIN);
    assert_eq!(receive(&mut pair, 64), Ok((WHOLE, b"ping".to_vec())));
    assert_eq!(receive(&mut pair, 64), Ok((WHOLE, Vec::new())));
    assert_eq!(receive(&mut pair, 64), Err(Errno::EAGAIN));
    assert_eq!(pair.server.socket().poll() & POLLIN, 0);
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
fn datagrams_and_streams_are_received_in_turn() {
    let mut pair = pair(u16::MAX);
    send(&mut pair, b"a").unwrap();
    send(&mut pair, b"b").unwrap();
    let socket = pair.client.socket();
    socket
        .sendmsg(stream(-1, MSG_QUIC_STREAM_NEW), 0, b"data")
        .unwrap();
    pair.run(5);
    let texts: Vec<_> = (0..3).map(|_| receive(&mut pair, 64).unwrap().1).collect();
    for text in [&b"a"[..], b"b", b"data"] {
        assert!(texts.contains(&text.to_vec()), "{texts:?}");
    }
}

#[test]
fn datagram_beyond_the_size_that_fits_is_emsgsize() {
    let mut pair = pair(u16::MAX);
    let most = pair.client.socket().max_datagram_size().unwrap();
    assert_eq!(most, 1_200 - 1 - 8 - 4 - 1 - 16);
    assert_eq!(send(&mut pair, &vec![7; most + 1]), Err(Errno::EMSGSIZE));
    assert_eq!(send(&mut pair, &vec![7; most]), Ok(most));
    pair.run(5);
    assert_eq!(receive(&mut pair, 2_000), Ok((WHOLE, vec![7; most])));
}

#[test]
fn datagram_to_a_peer_that_takes_none_is_einval() {
    let mut pair = Pair::established();
    assert_eq!(send(&mut pair, b"x"), Err(Errno::EINVAL));
    assert_eq!(pair.client.socket().max_datagram_size(), None);
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
    assert!(pair.client.news.contains(&News::DatagramRoom));
    assert_eq!(send(&mut pair, &data), Ok(1_000));
}

#[test]
fn closed_socket_takes_no_datagram() {
    let mut pair = pair(u16::MAX);
    let now = pair.now;
    send(&mut pair, b"last words").unwrap();
    pair.client.socket().close(now, 0, b"");
    assert_eq!(send(&mut pair, b"x"), Err(Errno::EPIPE));
    pair.run(5);
    assert_eq!(receive(&mut pair, 64), Ok((WHOLE, b"last words".to_vec())));
    assert_eq!(receive(&mut pair, 64), Err(Errno::ENOTCONN));
}
