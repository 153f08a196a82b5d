//! Values of the C ABI: numbers and structures in, the bytes of control messages and options out, and the calls that take them.

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_platform::Instant;
use inquic_socket::sock::{Got, Message, Set, Stop, address};
use inquic_socket::{Errno, Sock};
use inquic_uapi::structs::{HandshakeInfo, StreamInfo};
use inquic_uapi::{
    ControlMessage, ControlMessages, Layout, QUIC_HANDSHAKE_INFO, QUIC_STREAM_INFO, SOL_QUIC,
};

/// What recvmsg() has given.
pub(crate) struct Arrived {
    pub(crate) data: Vec<u8>,
    pub(crate) flags: u32,
    /// Of which stream, if it is of one.
    pub(crate) stream: Option<i64>,
}

/// The bytes of a structure.
pub(crate) fn bytes(value: &impl Layout) -> Vec<u8> {
    let mut bytes = vec![0; 256];
    let len = value.write(&mut bytes);
    bytes.truncate(len);
    bytes
}

/// The bytes of an address.
pub(crate) fn sockaddr(of: SocketAddr) -> Vec<u8> {
    let mut bytes = vec![0; address::ADDRESS_LEN];
    let len = address::write(of, &mut bytes);
    bytes.truncate(len);
    bytes
}

/// The control message of a stream.
pub(crate) fn stream(stream_id: i64, stream_flags: u32) -> Vec<u8> {
    let info = StreamInfo {
        stream_id,
        stream_flags,
    };
    control(QUIC_STREAM_INFO, &bytes(&info))
}

/// The control message of handshake messages.
pub(crate) fn handshake(crypto_level: u8) -> Vec<u8> {
    control(QUIC_HANDSHAKE_INFO, &bytes(&HandshakeInfo { crypto_level }))
}

fn control(kind: i32, data: &[u8]) -> Vec<u8> {
    let message = ControlMessage {
        level: SOL_QUIC,
        kind,
        data,
    };
    let mut control = vec![0; 128];
    let len = message.write(&mut control).unwrap_or_default();
    control.truncate(len);
    control
}

/// setsockopt().
#[inline(never)]
pub(crate) fn set(sock: &mut Sock, now: Instant, name: u32, value: &[u8]) -> Result<Set, Errno> {
    sock.setsockopt(now, SOL_QUIC, name as i32, value)
}

/// getsockopt() of an option that has a value.
#[inline(never)]
pub(crate) fn get(sock: &mut Sock, name: u32) -> Result<Vec<u8>, Errno> {
    let mut out = vec![0; 1_024];
    let got = sock.getsockopt(SOL_QUIC, name as i32, &[], &mut out);
    match got.map_err(Stop::errno)? {
        Got::Bytes(len) => out.truncate(len),
        Got::Stream(_) | Got::Pass => return Err(Errno::EINVAL),
    }
    Ok(out)
}

/// recvmsg().
#[inline(never)]
pub(crate) fn receive(sock: &mut Sock, now: Instant, room: usize) -> Result<Arrived, Errno> {
    let mut data = vec![0; room];
    let mut control = [0; 64];
    let Message {
        bytes,
        flags,
        control: len,
    } = sock
        .recvmsg(now, 0, &mut data, &mut control)
        .map_err(Stop::errno)?;
    data.truncate(bytes);
    let mut messages = ControlMessages::new(control.get(..len).unwrap_or_default());
    let stream = messages
        .find_map(|message| {
            message
                .ok()
                .filter(|message| message.kind == QUIC_STREAM_INFO)
        })
        .map(|message| StreamInfo::read(message.data).stream_id);
    Ok(Arrived {
        data,
        flags,
        stream,
    })
}
