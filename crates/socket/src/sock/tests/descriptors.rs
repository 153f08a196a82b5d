//! Streams with descriptors of their own.

use alloc::vec::Vec;

use inquic_uapi::flags::{
    MSG_QUIC_STREAM_DONTWAIT, MSG_QUIC_STREAM_FIN, MSG_QUIC_STREAM_NEW, MSG_QUIC_STREAM_UNI,
    POLLHUP, POLLIN, POLLOUT, POLLRDHUP,
};
use inquic_uapi::socket::{SHUT_RD, SHUT_WR};
use inquic_uapi::structs::{StreamDescriptor, StreamInfo};
use inquic_uapi::{Layout, SOL_QUIC, option};
use inquic_wire::StreamId;

use super::{Got, Host, Pair, Sock, Stop, bytes, set, stream};
use crate::errno::Errno;
use crate::sock::Wait;

const NEW: u32 = MSG_QUIC_STREAM_NEW;
const FIN: u32 = MSG_QUIC_STREAM_FIN;

fn describe(host: &mut Host, stream_id: i64, stream_flags: u32) -> Result<StreamId, Stop> {
    let value = bytes(&StreamDescriptor {
        stream_id,
        stream_flags,
        descriptor: 0,
    });
    let number = option::QUIC_SOCKOPT_STREAM_DESCRIPTOR as i32;
    let mut out = [0; 16];
    match host.sock().getsockopt(SOL_QUIC, number, &value, &mut out)? {
        Got::Stream(id) => Ok(id),
        other => panic!("{other:?}"),
    }
}

fn read(pair: &mut Pair, id: StreamId) -> Result<Vec<u8>, Errno> {
    let mut out = [0; 64];
    let now = pair.now;
    let read = pair.server.sock().stream_read(now, id, &mut out);
    read.map(|len| out[..len].to_vec()).map_err(Stop::errno)
}

/// A stream that the client has opened, with a descriptor at each end.
fn pair() -> (Pair, StreamId) {
    let mut pair = Pair::established();
    let id = describe(&mut pair.client, -1, NEW).unwrap();
    assert_eq!(pair.client.sock().stream_write(id, b"hello"), Ok(5));
    pair.run(5);
    let given = describe(&mut pair.server, -1, 0).unwrap();
    assert_eq!(given, id);
    (pair, id)
}

#[test]
fn descriptor_reads_and_writes_one_stream() {
    let (mut pair, id) = pair();
    assert_eq!(read(&mut pair, id), Ok(b"hello".to_vec()));
    assert_eq!(read(&mut pair, id), Err(Errno::EAGAIN));
    // Nothing of it comes by the connection.
    assert_eq!(pair.server_gets(), Err(Errno::EAGAIN));
}

#[test]
fn descriptor_lets_a_stream_be_looked_at() {
    let (mut pair, id) = pair();
    for _ in 0..2 {
        let mut out = [0; 64];
        assert_eq!(pair.server.sock().stream_peek(id, &mut out), Ok(5));
        assert_eq!(&out[..5], b"hello");
    }
    assert_eq!(read(&mut pair, id), Ok(b"hello".to_vec()));
    let nothing = pair.server.sock().stream_peek(id, &mut [0; 64]);
    assert_eq!(nothing.map_err(Stop::errno), Err(Errno::EAGAIN));
}

#[test]
fn descriptor_is_told_in_the_value() {
    let id = StreamId::from_u64(8).unwrap();
    let mut out = [0; 16];
    assert_eq!(Sock::write_descriptor(id, 42, &mut out), 16);
    let told = StreamDescriptor::read(&out);
    assert_eq!((told.stream_id, told.descriptor), (8, 42));
}

#[test]
fn descriptor_without_room_for_its_number_opens_nothing() {
    let mut pair = Pair::established();
    let number = option::QUIC_SOCKOPT_STREAM_DESCRIPTOR as i32;
    let value = bytes(&StreamDescriptor {
        stream_id: -1,
        stream_flags: NEW,
        descriptor: 0,
    });
    let client = pair.client.sock();
    let got = client.getsockopt(SOL_QUIC, number, &value[..12], &mut [0; 15]);
    assert_eq!(got.unwrap_err(), Stop::Failed(Errno::EINVAL));
    let first = describe(&mut pair.client, -1, NEW).unwrap();
    assert_eq!(first.to_u64(), 0, "none was opened before");
}

#[test]
fn descriptor_for_the_peers_next_stream_waits_for_it() {
    let mut pair = Pair::established();
    let waits = describe(&mut pair.server, -1, 0);
    let on = Wait::Incoming;
    let errno = Errno::EAGAIN;
    assert_eq!(waits, Err(Stop::Blocked { on, errno }));
    let not = describe(&mut pair.server, -1, MSG_QUIC_STREAM_DONTWAIT);
    assert_eq!(not, Err(Stop::Failed(Errno::EAGAIN)));
    // From the first such call on the peer's streams are for descriptors.
    pair.client_sends(&stream(4, NEW), 0, b"x").unwrap();
    pair.run(5);
    assert_eq!(pair.server_gets(), Err(Errno::EAGAIN));
    for wanted in [0, 4] {
        let id = describe(&mut pair.server, -1, 0).unwrap();
        assert_eq!(id.to_u64(), wanted);
    }
}

#[test]
fn descriptor_takes_what_waited_for_recvmsg() {
    let mut pair = Pair::established();
    pair.client_sends(&[], NEW, b"waits").unwrap();
    pair.run(5);
    let id = describe(&mut pair.server, 0, 0).unwrap();
    assert_eq!(pair.server_gets(), Err(Errno::EAGAIN));
    assert_eq!(read(&mut pair, id), Ok(b"waits".to_vec()));
}

#[test]
fn descriptors_take_all_that_waited_for_recvmsg() {
    let mut pair = Pair::established();
    pair.client_sends(&[], NEW, b"waits").unwrap();
    pair.run(5);
    let none = describe(
        &mut pair.server,
        -1,
        MSG_QUIC_STREAM_UNI | MSG_QUIC_STREAM_DONTWAIT,
    );
    assert_eq!(none, Err(Stop::Failed(Errno::EAGAIN)));
    assert_eq!(pair.server_gets(), Err(Errno::EAGAIN));
    let id = describe(&mut pair.server, -1, 0).unwrap();
    assert_eq!(read(&mut pair, id), Ok(b"waits".to_vec()));
}

#[test]
fn descriptor_reads_to_its_end_though_the_connection_is_over() {
    let (mut pair, id) = pair();
    pair.client.sock().stream_shutdown(id, SHUT_WR).unwrap();
    pair.run(5);
    let now = pair.now;
    pair.client.sock().shutdown(now, SHUT_WR).unwrap();
    pair.run(5);
    assert_eq!(read(&mut pair, id), Ok(b"hello".to_vec()));
    for _ in 0..2 {
        assert_eq!(read(&mut pair, id), Ok(Vec::new()));
    }
}

#[test]
fn descriptor_is_given_once_for_a_stream_that_there_is() {
    let mut pair = Pair::established();
    let einval = Err(Stop::Failed(Errno::EINVAL));
    assert_eq!(describe(&mut pair.client, 0, 0), einval, "not opened");
    let id = describe(&mut pair.client, 0, NEW).unwrap();
    assert_eq!(describe(&mut pair.client, 0, 0), einval, "has one");
    assert_eq!(describe(&mut pair.client, -1, 0x4000_0000), einval);
    let uni = describe(&mut pair.client, -1, NEW | MSG_QUIC_STREAM_UNI);
    assert_eq!(uni.map(StreamId::to_u64), Ok(2));
    let now = pair.now;
    pair.client.sock().stream_close(id);
    pair.client.sock().close(now);
    let closed = describe(&mut pair.client, -1, NEW);
    assert_eq!(closed, Err(Stop::Failed(Errno::EPIPE)));
}

#[test]
fn shutdown_of_writing_is_the_end_of_the_stream() {
    let (mut pair, id) = pair();
    read(&mut pair, id).unwrap();
    let client = pair.client.sock();
    assert_eq!(client.stream_shutdown(id, 7), Err(Errno::EINVAL));
    assert_eq!(client.stream_shutdown(id, SHUT_WR), Ok(()));
    assert_eq!(client.stream_shutdown(id, SHUT_WR), Err(Errno::ENOTCONN));
    assert_eq!(client.stream_write(id, b"x"), Err(Stop::Pipe));
    pair.run(5);
    let mask = pair.server.sock().stream_poll(id);
    assert_eq!(mask & POLLIN, POLLIN);
    assert_eq!(read(&mut pair, id), Ok(Vec::new()));
    assert_eq!(read(&mut pair, id), Ok(Vec::new()), "the end stays");
    let mask = pair.server.sock().stream_poll(id);
    assert_eq!(mask & (POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
}

#[test]
fn shutdown_wakes_who_waits_at_this_end() {
    for how in [SHUT_RD, SHUT_WR] {
        let (mut pair, id) = pair();
        assert_eq!(read(&mut pair, id), Ok(b"hello".to_vec()));
        let sock = pair.server.sock();
        sock.take_changes();
        assert!(!sock.take_changes());
        assert_eq!(sock.stream_shutdown(id, how), Ok(()));
        assert!(sock.take_changes(), "{how}");
        assert!(!sock.take_changes(), "{how}");
        let ended = POLLIN | POLLRDHUP;
        let wanted = if how == SHUT_RD { ended } else { 0 };
        assert_eq!(sock.stream_poll(id) & ended, wanted);
    }
}

#[test]
fn shutdown_of_reading_stops_the_peer() {
    let (mut pair, id) = pair();
    assert_eq!(pair.server.sock().stream_shutdown(id, SHUT_RD), Ok(()));
    assert_eq!(read(&mut pair, id), Ok(Vec::new()));
    pair.run(10);
    assert_eq!(pair.client.sock().stream_write(id, b"x"), Err(Stop::Pipe));
    assert_eq!(pair.server.sock().stream_write(id, b"still"), Ok(5));
}

#[test]
fn close_delivers_and_then_the_stream_is_over() {
    let (mut pair, id) = pair();
    read(&mut pair, id).unwrap();
    assert_eq!(pair.client.sock().stream_write(id, b"last"), Ok(4));
    pair.client.sock().stream_close(id);
    pair.run(5);
    assert_eq!(read(&mut pair, id), Ok(b"last".to_vec()));
    assert_eq!(read(&mut pair, id), Ok(Vec::new()));
    pair.server.sock().stream_close(id);
    pair.run(100);
    let mask = pair.server.sock().stream_poll(id);
    assert_eq!(mask & POLLHUP, POLLHUP);
    let mask = pair.client.sock().stream_poll(id);
    assert_eq!(mask & POLLHUP, POLLHUP);
}

#[test]
fn reset_by_the_peer_is_econnreset() {
    let (mut pair, id) = pair();
    let now = pair.now;
    let reset = inquic_uapi::structs::ErrInfo {
        stream_id: 0,
        errcode: 3,
    };
    let number = option::QUIC_SOCKOPT_STREAM_RESET;
    set(pair.client.sock(), now, number, &bytes(&reset)).unwrap();
    pair.run(5);
    assert_eq!(pair.server.sock().stream_poll(id) & POLLIN, POLLIN);
    assert_eq!(read(&mut pair, id), Err(Errno::ECONNRESET));
}

#[test]
fn end_of_the_connection_is_not_the_end_of_the_stream() {
    let (mut pair, id) = pair();
    read(&mut pair, id).unwrap();
    let now = pair.now;
    pair.client.sock().close(now);
    pair.run(5);
    assert_eq!(read(&mut pair, id), Err(Errno::ECONNRESET));
    assert_eq!(pair.server.sock().stream_write(id, b"x"), Err(Stop::Pipe));
    let waits = describe(&mut pair.server, -1, 0);
    assert!(waits.is_err());
}

#[test]
fn full_stream_blocks_its_writer_alone() {
    let mut pair = Pair::established();
    let id = describe(&mut pair.client, -1, NEW).unwrap();
    let data = alloc::vec![0; 64 * 1024];
    let sock = pair.client.sock();
    while sock.stream_write(id, &data).is_ok() {}
    let on = Wait::StreamWrite(id);
    let errno = Errno::EAGAIN;
    let full = sock.stream_write(id, &data);
    assert_eq!(full, Err(Stop::Blocked { on, errno }));
    assert_eq!(sock.stream_poll(id) & POLLOUT, 0);
    let other = StreamInfo {
        stream_id: -1,
        stream_flags: NEW | FIN,
    };
    let _ = pair.client_sends(&[], FIN, b"");
    let sent = pair.client_sends(&stream(4, other.stream_flags), 0, b"small");
    assert_eq!(sent, Ok(5));
}
