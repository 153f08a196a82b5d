//! Sockets that are joined: a listener, its client, and the connection that was accepted; and what is done with them in the fewest
//! words. The handshake is rustls's, or one of made-up messages and secrets, which needs no files.

use std::net::SocketAddr;
use std::sync::OnceLock;

use inquic_uapi::socket::SOL_SOCKET;
use inquic_uapi::structs::{CryptoSecret, EventOption, StreamInfo};
use inquic_uapi::{
    EventType, IPPROTO_QUIC, Layout, QUIC_CRYPTO_APP, QUIC_CRYPTO_HANDSHAKE, QUIC_CRYPTO_INITIAL,
    QUIC_HANDSHAKE_INFO, QUIC_STREAM_INFO, SOL_QUIC, TLS_CIPHER_AES_GCM_128, flags, option,
};
use libc::{AF_INET, SOCK_STREAM};
use socket2::SockAddr;

use super::process::{PATIENCE, until_not};
use super::raw::{self, Got, Tried, at, control, of};
use super::relay::Relay;
use crate::sys::{self, Fd};
use crate::tls;

pub(crate) const NEW: u32 = flags::MSG_QUIC_STREAM_NEW;
pub(crate) const FIN: u32 = flags::MSG_QUIC_STREAM_FIN;
pub(crate) const UNI: u32 = flags::MSG_QUIC_STREAM_UNI;
pub(crate) const DONTWAIT: u32 = flags::MSG_DONTWAIT;

/// Where `cert.pem`, `key.pem` and `ca.pem` are.
pub(crate) static PLACE: OnceLock<String> = OnceLock::new();

/// A listener, a client, and the connection between them.
pub(crate) struct Ends {
    pub(crate) listener: Fd,
    pub(crate) client: Fd,
    pub(crate) server: Fd,
    /// Where the listener is.
    pub(crate) at: SocketAddr,
}

/// A socket of its own.
pub(crate) fn socket() -> Fd {
    raw::socket(AF_INET, SOCK_STREAM, IPPROTO_QUIC).expect("a socket")
}

/// A port of the loopback interface that the system chooses.
pub(crate) fn any() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

pub(crate) fn bind(socket: &Fd, address: SocketAddr) -> Tried<()> {
    let address = name(address);
    raw::bind(socket, of(&address), address.len() as u32)
}

pub(crate) fn connect(socket: &Fd, address: SocketAddr) -> Tried<()> {
    let address = name(address);
    raw::connect(socket, of(&address), address.len() as u32)
}

/// The bytes of a `struct sockaddr`.
pub(crate) fn name(address: SocketAddr) -> Vec<u8> {
    let mut bytes = vec![0; 28];
    let family = SockAddr::from(address).family();
    bytes[..2].copy_from_slice(&family.to_ne_bytes());
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    match address {
        SocketAddr::V4(v4) => {
            bytes[4..8].copy_from_slice(&v4.ip().octets());
            bytes.truncate(16);
        }
        SocketAddr::V6(v6) => {
            bytes[8..24].copy_from_slice(&v6.ip().octets());
            bytes[24..].copy_from_slice(&v6.scope_id().to_ne_bytes());
        }
    }
    bytes
}

pub(crate) fn local(socket: &Fd) -> SocketAddr {
    sys::local_address(socket).expect("its address")
}

/// getpeername().
pub(crate) fn peer(socket: &Fd) -> Tried<SocketAddr> {
    let mut bytes = [0_u8; 28];
    let mut len = 28_u32;
    raw::getpeername(socket, at(&mut bytes), at(&mut len))?;
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    let mut ip = [0; 4];
    ip.copy_from_slice(&bytes[4..8]);
    assert_eq!(len, 16);
    Ok((ip, port).into())
}

/// setsockopt() of level SOL_QUIC.
pub(crate) fn set(socket: &Fd, option: u32, value: &[u8]) -> Tried<()> {
    let len = value.len() as u32;
    raw::setsockopt(socket, SOL_QUIC, option.cast_signed(), of(value), len)
}

/// getsockopt() of level SOL_QUIC, with what stands in the value before.
pub(crate) fn get(socket: &Fd, option: u32, before: &[u8]) -> Tried<Vec<u8>> {
    get_of(socket, SOL_QUIC, option.cast_signed(), before, 4096)
}

/// getsockopt() with so much room.
pub(crate) fn get_of(
    socket: &Fd,
    level: i32,
    option: i32,
    before: &[u8],
    room: usize,
) -> Tried<Vec<u8>> {
    let mut value = before.to_vec();
    value.resize(room.max(before.len()), 0);
    let mut len = value.len() as u32;
    raw::getsockopt(socket, level, option, at(&mut value[..]), at(&mut len))?;
    value.truncate(len as usize);
    Ok(value)
}

/// An `int` of level SOL_SOCKET.
pub(crate) fn general(socket: &Fd, option: i32) -> i32 {
    let value = get_of(socket, SOL_SOCKET, option, &[], 4).expect("the option");
    i32::from_ne_bytes(value.try_into().expect("an int"))
}

/// A structure of level SOL_QUIC.
pub(crate) fn got<T: Layout>(socket: &Fd, option: u32) -> T {
    T::read(&get(socket, option, &[]).expect("the option"))
}

/// The bytes of a structure.
pub(crate) fn bytes(value: &impl Layout) -> Vec<u8> {
    let mut bytes = vec![0; 256];
    let len = value.write(&mut bytes);
    bytes.truncate(len);
    bytes
}

/// The control data of a stream.
pub(crate) fn stream(stream_id: i64, stream_flags: u32) -> Vec<u8> {
    let info = StreamInfo {
        stream_id,
        stream_flags,
    };
    control(SOL_QUIC, QUIC_STREAM_INFO, &bytes(&info))
}

/// The control data of handshake messages.
pub(crate) fn level(level: u8) -> Vec<u8> {
    control(SOL_QUIC, QUIC_HANDSHAKE_INFO, &[level])
}

/// send().
pub(crate) fn send(socket: &Fd, data: &[u8], flags: u32) -> Tried<usize> {
    raw::send(socket, of(data), data.len(), flags | flags::MSG_NOSIGNAL)
}

/// sendmsg() with the stream in a control message.
pub(crate) fn send_on(socket: &Fd, id: i64, stream_flags: u32, data: &[u8]) -> Tried<usize> {
    let flags = flags::MSG_NOSIGNAL | DONTWAIT;
    raw::send_message(socket, data, &stream(id, stream_flags), flags)
}

/// What comes next, within the time of a check.
#[track_caller]
pub(crate) fn next(socket: &Fd) -> Got {
    let got = until_not(libc::EAGAIN, || raw::receive(socket, DONTWAIT, 1 << 16, 64));
    got.expect("a message")
}

/// What is there.
pub(crate) fn there(socket: &Fd) -> Tried<Got> {
    raw::receive(socket, DONTWAIT, 1 << 16, 64)
}

impl Got {
    /// Its stream and the stream's flags.
    #[track_caller]
    pub(crate) fn stream(&self) -> (i64, u32) {
        let (kind, data) = self.message.as_ref().expect("a control message");
        assert_eq!(*kind, QUIC_STREAM_INFO);
        let info = StreamInfo::read(data);
        (info.stream_id, info.stream_flags)
    }
}

/// Waits for an event: its payload.
#[track_caller]
pub(crate) fn event(socket: &Fd, wanted: EventType) -> Vec<u8> {
    let got = next(socket);
    assert_eq!(got.flags, flags::MSG_QUIC_NOTIFICATION | flags::MSG_EOR);
    assert_eq!((got.data[0], got.message), (wanted as u8, None));
    got.data[1..].to_vec()
}

/// Asks for an event.
pub(crate) fn want(socket: &Fd, event: EventType) {
    let on = EventOption {
        event_type: event as u8,
        on: 1,
    };
    set(socket, option::QUIC_SOCKOPT_EVENT, &bytes(&on)).expect("an event");
}

/// Installs a made-up secret.
pub(crate) fn install(socket: &Fd, level: u8, send: u8, seed: u8, cipher_type: u32) -> Tried<()> {
    let secret = CryptoSecret {
        send,
        level,
        cipher_type,
        secret: [seed; 48],
        ..CryptoSecret::default()
    };
    set(socket, option::QUIC_SOCKOPT_CRYPTO_SECRET, &bytes(&secret))
}

/// A listener and a client that has called connect(); `before` may use both before that.
pub(crate) fn connecting(before: impl FnOnce(&Fd, &Fd)) -> (Fd, Fd, SocketAddr) {
    connecting_by(before, |at| at)
}

/// The same, by another address that leads there.
fn connecting_by(
    before: impl FnOnce(&Fd, &Fd),
    way: impl FnOnce(SocketAddr) -> SocketAddr,
) -> (Fd, Fd, SocketAddr) {
    let (listener, client) = (socket(), socket());
    before(&client, &listener);
    bind(&listener, any()).expect("an address");
    raw::listen(&listener, 8).expect("a listener");
    let at = local(&listener);
    connect(&client, way(at)).expect("a way there");
    (listener, client, at)
}

/// Waits until poll says POLLIN, and nothing else.
#[track_caller]
pub(crate) fn comes(socket: &Fd) {
    let ready = raw::poll(&[(socket, flags::POLLIN)], PATIENCE.as_millis() as i32);
    assert_eq!(ready, Ok(vec![flags::POLLIN]), "nothing came");
}

/// Waits for a connection.
#[track_caller]
pub(crate) fn accept(listener: &Fd) -> Fd {
    comes(listener);
    raw::accept(listener, 0, 0, 0).expect("somebody who waits")
}

/// Whether a changed set of parameters is what the other end is told.
pub(crate) type Change<'a> = &'a mut dyn FnMut(&mut Vec<u8>);

impl Ends {
    /// Both ends established, by made-up messages and secrets.
    pub(crate) fn made() -> Self {
        Self::made_with(|_, _| {})
    }

    /// The same; `before` may use the client and the listener before connect() and listen().
    pub(crate) fn made_with(before: impl FnOnce(&Fd, &Fd)) -> Self {
        let ends = Self::greeted_with(before);
        ends.shake_hands();
        ends
    }

    /// The client's first message has come and was accepted.
    pub(crate) fn greeted() -> Self {
        Self::greeted_with(|_, _| {})
    }

    pub(crate) fn greeted_with(before: impl FnOnce(&Fd, &Fd)) -> Self {
        Self::greet(connecting(before))
    }

    /// Both ends established, with a relay between them.
    pub(crate) fn apart(before: impl FnOnce(&Fd, &Fd)) -> (Self, Relay) {
        let mut relay = None;
        let connecting = connecting_by(before, |at| relay.insert(Relay::to(at)).at);
        let ends = Self::greet(connecting);
        ends.shake_hands();
        (ends, relay.expect("it was made"))
    }

    pub(crate) fn greet((listener, client, at): (Fd, Fd, SocketAddr)) -> Self {
        let hello = level(QUIC_CRYPTO_INITIAL);
        raw::send_message(&client, b"client hello", &hello, 0).expect("a greeting");
        let server = accept(&listener);
        assert_eq!(next(&server).data, b"client hello");
        Self {
            listener,
            client,
            server,
            at,
        }
    }

    /// The rest of the handshake.
    pub(crate) fn shake_hands(&self) {
        self.finish(&mut |_| {}, &mut |_| {}, TLS_CIPHER_AES_GCM_128);
    }

    /// The rest of the handshake; each end is told the other's parameters, after they were changed.
    pub(crate) fn finish(&self, client: Change<'_>, server: Change<'_>, cipher: u32) {
        self.swap(client, server).expect("parameters");
        for (level, up, down) in [(QUIC_CRYPTO_HANDSHAKE, 1, 2), (QUIC_CRYPTO_APP, 3, 4)] {
            for (socket, send, seed) in [
                (&self.server, 1, down),
                (&self.server, 0, up),
                (&self.client, 1, up),
                (&self.client, 0, down),
            ] {
                install(socket, level, send, seed, cipher).expect("a secret");
            }
        }
    }

    /// Tells each end the other's transport parameters, as TLS would carry them.
    pub(crate) fn swap(&self, client: Change<'_>, server: Change<'_>) -> Tried<()> {
        let ext = option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT;
        let mut value = get(&self.client, ext, &[])?;
        client(&mut value);
        set(&self.server, ext, &value)?;
        // The client must have heard the server first: its parameters name the id of the server's first packet.
        let hello = level(QUIC_CRYPTO_INITIAL);
        raw::send_message(&self.server, b"server hello", &hello, 0)?;
        assert_eq!(next(&self.client).data, b"server hello");
        let mut value = get(&self.server, ext, &[])?;
        server(&mut value);
        set(&self.client, ext, &value)
    }

    /// Both ends established by TLS.
    pub(crate) fn shaken() -> Self {
        let (listener, client, at) = connecting(|_, listener| {
            set(listener, option::QUIC_SOCKOPT_ALPN, b"test/1").expect("a protocol");
        });
        let place = PLACE.get().expect("a place with certificates");
        let server = shake(&listener, &client, place, "test/1").expect("a handshake");
        Self {
            listener,
            client,
            server,
            at,
        }
    }
}

/// Makes both sides of a handshake; the connection that was accepted.
pub(crate) fn shake(listener: &Fd, client: &Fd, place: &str, alpn: &str) -> std::io::Result<Fd> {
    let file = |name: &str| format!("{place}/{name}");
    let config = tls::server(&file("cert.pem"), &file("key.pem"), alpn)?;
    let mut asking = tls::Side::client(&file("ca.pem"), alpn)?;
    let mut answering = tls::Side::server(&config);
    asking.step(client)?;
    let server = accept(listener);
    let mut over = [false; 2];
    while over != [true; 2] {
        over = [
            over[0] || asking.step(client)?,
            over[1] || answering.step(&server)?,
        ];
        let waits = [(client, flags::POLLIN), (&server, flags::POLLIN)];
        raw::poll(&waits, 1).expect("a poll");
    }
    Ok(server)
}

/// A word there and one back.
#[track_caller]
pub(crate) fn echo(ends: &Ends) {
    assert_eq!(send_on(&ends.client, -1, NEW | FIN, b"ask"), Ok(3));
    let (id, _) = next(&ends.server).stream();
    assert_eq!(send_on(&ends.server, id, FIN, b"answer"), Ok(6));
    assert_eq!(next(&ends.client).data, b"answer");
}

/// An address that was free a moment ago.
pub(crate) fn free() -> SocketAddr {
    let socket = std::net::UdpSocket::bind(any()).unwrap();
    socket.local_addr().unwrap()
}
