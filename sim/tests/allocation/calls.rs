//! A life of two programs by the calls of the ABI alone: bind, listen, connect, accept, a handshake, streams, descriptors, datagrams,
//! options, events, and the end. Each call that is refused memory says so and is made again.

use inquic_platform::{Duration, Instant};
use inquic_sim::Rng;
use inquic_sim::hellos::{Shape, hello};
use inquic_socket::sock::{Got, Set, Stop, address};
use inquic_socket::{Errno, Sock};
use inquic_uapi::flags::{
    MSG_MORE, MSG_PEEK, MSG_QUIC_DATAGRAM, MSG_QUIC_NOTIFICATION, MSG_QUIC_STREAM_FIN,
    MSG_QUIC_STREAM_NEW, MSG_QUIC_STREAM_UNI, POLLOUT,
};
use inquic_uapi::socket::{
    AF_INET, SHUT_RDWR, SHUT_WR, SIOCINQ, SO_SNDBUF, SOCK_DGRAM, SOL_SOCKET,
};
use inquic_uapi::structs::{
    Config, ConnectionClose, ConnectionIdInfo, CryptoSecret, ErrInfo, EventOption, HandshakeInfo,
    StreamDescriptor, StreamInfo, StreamPriority, TransportParam,
};
use inquic_uapi::{
    ControlMessage, EventType, Layout, QUIC_CRYPTO_APP, QUIC_CRYPTO_EARLY, QUIC_CRYPTO_HANDSHAKE,
    QUIC_CRYPTO_INITIAL, QUIC_HANDSHAKE_INFO, QUIC_STREAM_INFO, SOL_QUIC, TLS_CIPHER_AES_GCM_128,
    option,
};
use inquic_wire::StreamId;

use crate::allocator::is_refusing;
use crate::hosts::{Hosts, Over, bytes, insist, set};

pub(crate) const CLIENT: usize = 0;
pub(crate) const SERVER: usize = 1;
const NEW: u32 = MSG_QUIC_STREAM_NEW;
const FIN: u32 = MSG_QUIC_STREAM_FIN;

/// What one of the programs has received of streams below 16, in bytes of each, and of datagrams.
#[derive(Default)]
struct Heard {
    streams: [usize; 16],
    datagrams: usize,
}

/// Plays the life, with 0-RTT or without. Afterwards everything that the socket layer held is given back.
///
/// # Panics
///
/// When a call is refused otherwise than for want of memory, or the connection does not last though there was memory.
pub(crate) fn play(early: bool) {
    let mut hosts = Hosts::new();
    let lived = live(&mut hosts, early);
    assert!(lived.is_ok() || is_refusing());
    hosts.end();
}

fn live(hosts: &mut Hosts, early: bool) -> Result<(), Over> {
    listen(hosts);
    connect(hosts, early)?;
    let hello = greet(hosts, early)?;
    shake_hands(hosts, early, &hello)?;
    let mut heard = Heard::default();
    converse(hosts, early, &mut heard)?;
    reset_and_stop(hosts, &mut heard)?;
    send_datagrams(hosts, &mut heard)?;
    describe(hosts)?;
    change(hosts, &mut heard)?;
    part(hosts, &mut heard)
}

/// Both ends, connected, with nothing refused.
pub(crate) fn established() -> Hosts {
    let mut hosts = Hosts::new();
    listen(&mut hosts);
    let made = connect(&mut hosts, false)
        .and_then(|()| greet(&mut hosts, false))
        .and_then(|hello| shake_hands(&mut hosts, false, &hello));
    made.expect("there is memory");
    // Ids, tokens and events of the start.
    for _ in 0..20 {
        for end in [CLIENT, SERVER] {
            while let Ok(Some(_)) = hosts.receive(end, 0, 600) {}
        }
        hosts.pass(TURN);
    }
    hosts
}

/// A client and a server that has heard it, and has yet to say something.
pub(crate) fn greeted() -> Hosts {
    let mut hosts = Hosts::new();
    listen(&mut hosts);
    let heard = connect(&mut hosts, false).and_then(|()| greet(&mut hosts, false));
    heard.expect("there is memory");
    hosts
}

/// A socket that is bound and serves `protocol` or asks for it.
pub(crate) fn bound(protocol: &[u8]) -> Sock {
    let mut sock = Sock::new(AF_INET, SOCK_DGRAM).expect("as programs say it");
    prepare(&mut sock, protocol);
    sock.on_bound("192.0.2.7:7000".parse().expect("an address"));
    sock
}

/// What both programs set before there is a connection.
fn prepare(sock: &mut Sock, protocol: &[u8]) {
    let now = Instant::ZERO;
    let param = TransportParam {
        max_datagram_frame_size: 65_535,
        max_data: 100_000,
        ..TransportParam::default()
    };
    let close = ConnectionClose {
        errcode: 9,
        ..ConnectionClose::default()
    };
    for (number, value) in [
        (option::QUIC_SOCKOPT_ALPN, protocol),
        (option::QUIC_SOCKOPT_SERVER_NAMES, b"example.org"),
        (option::QUIC_SOCKOPT_TOKEN, &[4; 60]),
        (option::QUIC_SOCKOPT_SESSION_TICKET, &[5; 64]),
        (option::QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&param)),
        (option::QUIC_SOCKOPT_CONFIG, &bytes(&Config::default())),
        (option::QUIC_SOCKOPT_CONNECTION_CLOSE, &bytes(&close)),
        (option::QUIC_SOCKOPT_EOF, &1_u32.to_ne_bytes()),
        (option::QUIC_SOCKOPT_LINGER, &1_000_000_u32.to_ne_bytes()),
    ] {
        insist("options", || set(sock, now, number, value)).expect("they are good");
    }
    for event in (0..=u8::MAX).filter_map(EventType::from_u8) {
        let on = bytes(&EventOption {
            event_type: event as u8,
            on: 1,
        });
        let number = option::QUIC_SOCKOPT_EVENT;
        insist("events", || set(sock, now, number, &on)).expect("they are good");
    }
    let buffer = 4_096_i32.to_ne_bytes();
    sock.setsockopt(now, SOL_SOCKET, SO_SNDBUF, &buffer)
        .expect("it is good");
}

/// Two listeners on the server's port.
fn listen(hosts: &mut Hosts) {
    for protocol in [&b"doq"[..], b"h3, smb"] {
        let mut sock = Sock::new(AF_INET, SOCK_DGRAM).expect("as programs say it");
        prepare(&mut sock, protocol);
        let host = &mut hosts.hosts[SERVER];
        let wanted = sockaddr(host.address);
        let local = insist("bind", || Ok(sock.bind(&wanted)?));
        sock.on_bound(local.expect("it is free"));
        let port = &mut host.port;
        insist("listen", || Ok(sock.listen(port, 4)?)).expect("nobody else listens so");
        // For the connections to come, which the port is told of.
        let linger = 2_000_000_u32.to_ne_bytes();
        let number = option::QUIC_SOCKOPT_LINGER;
        insist("listener", || set(&mut sock, hosts.now, number, &linger)).expect("it is good");
        hosts.listeners.push(sock);
    }
    // The same protocols again are somebody else's.
    let mut sock = Sock::new(AF_INET, SOCK_DGRAM).expect("as programs say it");
    prepare(&mut sock, b"smb");
    let host = &mut hosts.hosts[SERVER];
    sock.on_bound(host.address);
    let port = &mut host.port;
    let twice = insist("listen", || Ok(sock.listen(port, 4)?));
    assert_eq!(twice, Err(Stop::Failed(Errno::EADDRINUSE)));
}

pub(crate) fn connect(hosts: &mut Hosts, early: bool) -> Result<(), Over> {
    let mut sock = Sock::new(AF_INET, SOCK_DGRAM).expect("as programs say it");
    prepare(&mut sock, b"smb");
    let server = hosts.hosts[SERVER].address;
    let (now, host) = (hosts.now, &mut hosts.hosts[CLIENT]);
    sock.on_bound(host.address);
    let peer = sock.peer(&sockaddr(server)).expect("it is there");
    let port = &mut host.port;
    let handle = insist("connect", || Ok(sock.connect(now, port, peer)?)).expect("it can");
    host.enter(handle, sock);
    host.uses(handle);
    // What may still be set.
    let param = TransportParam {
        max_streams_bidi: 50,
        ..TransportParam::default()
    };
    hosts.set(CLIENT, option::QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&param))?;
    hosts.set(
        CLIENT,
        option::QUIC_SOCKOPT_CONFIG,
        &bytes(&Config::default()),
    )?;
    hosts.set(CLIENT, option::QUIC_SOCKOPT_TOKEN, &[6; 100])?;
    if early {
        let remembered = TransportParam {
            remote: 1,
            max_streams_bidi: 10,
            max_data: 10_000,
            max_stream_data_bidi_remote: 10_000,
            ..TransportParam::default()
        };
        let number = option::QUIC_SOCKOPT_TRANSPORT_PARAM;
        hosts.set(CLIENT, number, &bytes(&remembered))?;
    }
    Ok(())
}

/// The client's first flight, until the server has accepted it; its hello.
fn greet(hosts: &mut Hosts, early: bool) -> Result<Vec<u8>, Over> {
    let name = Some("example.org");
    let hello = hello(&mut Rng::new(7), Shape::Large, name, &["smb"]);
    say(hosts, CLIENT, QUIC_CRYPTO_INITIAL, &hello)?;
    if early {
        install(hosts, CLIENT, QUIC_CRYPTO_EARLY, 1, 9)?;
        send(hosts, CLIENT, &[], NEW | FIN, &[1; EARLY])?;
    }
    let handle = hosts.wait("accept", |hosts| {
        let port = &mut hosts.hosts[SERVER].port;
        match insist("accept", || hosts.listeners[1].accept(port)) {
            Ok(handle) => Ok(Some(handle)),
            Err(Stop::Blocked { .. }) => Ok(None),
            Err(stop) => panic!("accept: {stop:?}"),
        }
    })?;
    hosts.hosts[SERVER].uses(handle);
    Ok(hello)
}

fn shake_hands(hosts: &mut Hosts, early: bool, hello: &[u8]) -> Result<(), Over> {
    let ext = option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT;
    hear(hosts, SERVER, QUIC_CRYPTO_INITIAL, hello)?;
    let (value, len) = hosts.get(CLIENT, ext, &[])?;
    hosts.set(SERVER, ext, &value[..len])?;
    say(hosts, SERVER, QUIC_CRYPTO_INITIAL, &[2; 90])?;
    if early {
        install(hosts, SERVER, QUIC_CRYPTO_EARLY, 0, 9)?;
    }
    install(hosts, SERVER, QUIC_CRYPTO_HANDSHAKE, 1, 2)?;
    install(hosts, SERVER, QUIC_CRYPTO_HANDSHAKE, 0, 1)?;
    // EncryptedExtensions that accept 0-RTT, and a certificate.
    let mut certificate = [3; 900];
    certificate[..10].copy_from_slice(&[8, 0, 0, 6, 0, 4, 0, 42, 0, 0]);
    if !early {
        certificate[7] = 43;
    }
    say(hosts, SERVER, QUIC_CRYPTO_HANDSHAKE, &certificate)?;
    let preferred = "198.51.100.2:443".parse().expect("an address");
    let number = option::QUIC_SOCKOPT_CONNECTION_MIGRATION as i32;
    let value = sockaddr(preferred);
    let asked = hosts.call(SERVER, "prefer", |sock, now| {
        Ok(sock.setsockopt(now, SOL_QUIC, number, &value)?)
    })?;
    assert_eq!(asked, Set::Receive(preferred));
    hosts.call(SERVER, "prefer", |sock, now| {
        Ok(sock.on_receiving(now, preferred)?)
    })?;
    // The endpoint makes the id for it.
    hosts.pass(Duration::ZERO);
    let (value, len) = hosts.get(SERVER, ext, &[])?;
    install(hosts, SERVER, QUIC_CRYPTO_APP, 1, 4)?;
    hear(hosts, CLIENT, QUIC_CRYPTO_INITIAL, &[2; 90])?;
    install(hosts, CLIENT, QUIC_CRYPTO_HANDSHAKE, 1, 1)?;
    install(hosts, CLIENT, QUIC_CRYPTO_HANDSHAKE, 0, 2)?;
    hear(hosts, CLIENT, QUIC_CRYPTO_HANDSHAKE, &certificate)?;
    hosts.set(CLIENT, ext, &value[..len])?;
    say(hosts, CLIENT, QUIC_CRYPTO_HANDSHAKE, &[7; 36])?;
    install(hosts, CLIENT, QUIC_CRYPTO_APP, 1, 3)?;
    install(hosts, CLIENT, QUIC_CRYPTO_APP, 0, 4)?;
    hear(hosts, SERVER, QUIC_CRYPTO_HANDSHAKE, &[7; 36])?;
    install(hosts, SERVER, QUIC_CRYPTO_APP, 0, 3)?;
    hosts.wait("room to send", |hosts| {
        let room = |hosts: &mut Hosts, end| hosts.call(end, "poll", |sock, _| Ok(sock.poll(None)));
        let both = room(hosts, CLIENT)? & room(hosts, SERVER)? & POLLOUT;
        Ok((both != 0).then_some(()))
    })
}

/// Streams by number and without, whole and in pieces, each way.
fn converse(hosts: &mut Hosts, early: bool, heard: &mut Heard) -> Result<(), Over> {
    if !early {
        send(hosts, CLIENT, &[], NEW | FIN, &[1; EARLY])?;
    }
    // More than there is room for: the rest waits until the server has read.
    let data = vec![2; 20_000];
    let mut sent = 0;
    hosts.wait("a large stream", |hosts| {
        let new = if sent == 0 { NEW } else { 0 };
        let control = stream(4, new);
        let count = hosts.attempt(CLIENT, "sendmsg", |sock, now| {
            let sent = sock.sendmsg(now, &control, 0, &data[sent..])?;
            Ok(sent.bytes)
        })?;
        sent += count.unwrap_or(0);
        listen_to(hosts, SERVER, 600, heard)?;
        Ok((sent == data.len()).then_some(()))
    })?;
    send(hosts, CLIENT, &stream(4, 0), MSG_MORE, &[2; 10])?;
    send(hosts, CLIENT, &stream(4, FIN), 0, &[2; 10])?;
    hosts.wait("all of it", |hosts| {
        listen_to(hosts, SERVER, 600, heard)?;
        let all = heard.streams[0] == EARLY && heard.streams[4] == data.len() + 20;
        Ok(all.then_some(()))
    })?;
    let mut answer = Heard::default();
    send(hosts, SERVER, &stream(0, FIN), 0, &[3; 300])?;
    hosts.wait("an answer", |hosts| {
        listen_to(hosts, CLIENT, 100, &mut answer)?;
        Ok((answer.streams[0] == 300).then_some(()))
    })
}

fn reset_and_stop(hosts: &mut Hosts, heard: &mut Heard) -> Result<(), Over> {
    let open = StreamInfo {
        stream_id: -1,
        stream_flags: MSG_QUIC_STREAM_UNI,
    };
    let number = option::QUIC_SOCKOPT_STREAM_OPEN;
    let (value, _) = hosts.get(CLIENT, number, &bytes(&open))?;
    let stream_id = StreamInfo::read(&value).stream_id;
    let first = StreamPriority {
        stream_id,
        priority: 5,
        reserved: 0,
    };
    hosts.set(CLIENT, option::QUIC_SOCKOPT_STREAM_PRIORITY, &bytes(&first))?;
    send(hosts, CLIENT, &stream(stream_id, 0), 0, &[4; 500])?;
    let reset = |stream_id| {
        bytes(&ErrInfo {
            stream_id,
            errcode: 3,
        })
    };
    let number = option::QUIC_SOCKOPT_STREAM_RESET;
    hosts.set(CLIENT, number, &reset(stream_id))?;
    send(hosts, CLIENT, &stream(8, NEW), 0, &[5; 500])?;
    hosts.wait("a stream to stop", |hosts| {
        listen_to(hosts, SERVER, 600, heard)?;
        Ok((heard.streams[8] > 0).then_some(()))
    })?;
    hosts.set(SERVER, option::QUIC_SOCKOPT_STREAM_STOP_SENDING, &reset(8))
}

/// Datagrams, looked at, taken in part and whole. Those that there was no memory to take are not sent again.
fn send_datagrams(hosts: &mut Hosts, heard: &mut Heard) -> Result<(), Over> {
    for len in 0..5 {
        send(hosts, CLIENT, &[], MSG_QUIC_DATAGRAM, &[6; 900][len..])?;
    }
    for _ in 0..30 {
        listen_to(hosts, SERVER, 400, heard)?;
        hosts.pass(TURN);
    }
    assert!(heard.datagrams == 900 * 5 - 10 || is_refusing());
    Ok(())
}

/// Streams with descriptors of their own.
fn describe(hosts: &mut Hosts) -> Result<(), Over> {
    let number = option::QUIC_SOCKOPT_STREAM_DESCRIPTOR as i32;
    let described = |stream_flags| {
        bytes(&StreamDescriptor {
            stream_id: -1,
            stream_flags,
            descriptor: 0,
        })
    };
    let ask = |hosts: &mut Hosts, end, flags| {
        let value = described(flags);
        let got = hosts.attempt(end, "a descriptor", |sock, _| {
            sock.getsockopt(SOL_QUIC, number, &value, &mut [0; 16])
        })?;
        Ok(got.map(|got| match got {
            Got::Stream(id) => id,
            other => panic!("{other:?}"),
        }))
    };
    let id: StreamId = hosts.wait("a descriptor", |hosts| ask(hosts, CLIENT, NEW))?;
    let (mut written, mut read) = (0, 0);
    hosts.wait("the peer's descriptor", |hosts| {
        if written < EARLY {
            let count = hosts.attempt(CLIENT, "write", |sock, _| {
                sock.stream_write(id, &[8; EARLY][written..])
            })?;
            written += count.unwrap_or(0);
        }
        let given = ask(hosts, SERVER, 0)?;
        if let Some(other) = given.filter(|given| *given != id) {
            hosts.call(SERVER, "close", |sock, _| {
                sock.stream_close(other);
                Ok(())
            })?;
        }
        Ok(given.filter(|given| *given == id))
    })?;
    hosts.wait("its data", |hosts| {
        if written < EARLY {
            let count = hosts.attempt(CLIENT, "write", |sock, _| {
                sock.stream_write(id, &[8; EARLY][written..])
            })?;
            written += count.unwrap_or(0);
        }
        let count = hosts.attempt(SERVER, "read", |sock, now| {
            sock.stream_read(now, id, &mut [0; 700])
        })?;
        read += count.unwrap_or(0);
        Ok((read == EARLY).then_some(()))
    })?;
    hosts.call(CLIENT, "shutdown", |sock, _| {
        Ok(sock.stream_shutdown(id, SHUT_WR)?)
    })?;
    hosts.call(SERVER, "write", |sock, _| sock.stream_write(id, &[9; 50]))?;
    for end in [SERVER, CLIENT] {
        hosts.call(end, "close", |sock, _| {
            sock.stream_close(id);
            Ok(())
        })?;
    }
    Ok(())
}

/// What may be changed and asked while the connection lasts.
fn change(hosts: &mut Hosts, heard: &mut Heard) -> Result<(), Over> {
    let mut ticket = [4; 204];
    ticket[..4].copy_from_slice(&[4, 0, 0, 200]);
    say(hosts, SERVER, QUIC_CRYPTO_APP, &ticket)?;
    hosts.set(CLIENT, option::QUIC_SOCKOPT_KEY_UPDATE, &[])?;
    let ids = ConnectionIdInfo {
        prior_to: 1,
        ..ConnectionIdInfo::default()
    };
    let elsewhere = "203.0.113.9:40000".parse().expect("an address");
    for (end, number, value) in [
        (SERVER, option::QUIC_SOCKOPT_TOKEN, Vec::new()),
        (SERVER, option::QUIC_SOCKOPT_CONNECTION_ID, bytes(&ids)),
        (
            CLIENT,
            option::QUIC_SOCKOPT_CONNECTION_MIGRATION,
            sockaddr(elsewhere),
        ),
    ] {
        hosts.wait("a change", |hosts| {
            listen_to(hosts, SERVER, 600, heard)?;
            listen_to(hosts, CLIENT, 600, heard)?;
            hosts.attempt(end, "a change", |sock, now| {
                let left = sock.setsockopt(now, SOL_QUIC, number as i32, &value)?;
                if left == Set::Receive(elsewhere) {
                    sock.on_receiving(now, elsewhere)?;
                }
                Ok(())
            })
        })?;
    }
    for _ in 0..50 {
        listen_to(hosts, SERVER, 600, heard)?;
        listen_to(hosts, CLIENT, 600, heard)?;
        hosts.pass(TURN);
    }
    let told = |hosts: &mut Hosts, number| {
        let (_, len) = hosts.get(CLIENT, number, &[])?;
        Ok(len)
    };
    assert!(told(hosts, option::QUIC_SOCKOPT_STATISTICS)? > 0);
    let ticket = told(hosts, option::QUIC_SOCKOPT_SESSION_TICKET)?;
    let token = told(hosts, option::QUIC_SOCKOPT_TOKEN)?;
    let local = hosts.call(CLIENT, "getsockname", |sock, _| Ok(sock.local_address()))?;
    let all = ticket == 204 && token > 0 && local == Some(elsewhere);
    assert!(all || is_refusing(), "{ticket} {token} {local:?}");
    hosts.call(CLIENT, "ioctl", |sock, _| Ok(sock.ioctl(SIOCINQ)?))?;
    Ok(())
}

/// The client closes while something is on its way; the server reads to the end.
fn part(hosts: &mut Hosts, heard: &mut Heard) -> Result<(), Over> {
    send(hosts, CLIENT, &stream(16, NEW), 0, &[7; 2_000])?;
    hosts.call(CLIENT, "shutdown", |sock, now| {
        Ok(sock.shutdown(now, SHUT_RDWR)?)
    })?;
    for _ in 0..3_000 {
        listen_to(hosts, SERVER, 600, heard)?;
        let ended = hosts.call(SERVER, "the end", |sock, _| Ok(sock.is_over()))?;
        if ended {
            return Ok(());
        }
        hosts.step();
    }
    panic!("the server does not hear of the end");
}

/// Receives whatever is there: looks at it first, then takes it in pieces of `room` bytes.
fn listen_to(hosts: &mut Hosts, end: usize, room: usize, heard: &mut Heard) -> Result<(), Over> {
    loop {
        let over = hosts.call(end, "over", |sock, _| Ok(sock.is_over()))?;
        if over {
            // What is left is an end of file, or the connection's failure.
            return Ok(());
        }
        let Some(seen) = hosts.receive(end, MSG_PEEK, room)? else {
            return Ok(());
        };
        let Some(read) = hosts.receive(end, 0, room)? else {
            panic!("what was seen is not there");
        };
        assert_eq!(seen.bytes[..seen.len], read.bytes[..read.len]);
        if read.flags & MSG_QUIC_DATAGRAM != 0 {
            heard.datagrams += read.len;
        } else if read.flags & MSG_QUIC_NOTIFICATION == 0 {
            let id = StreamInfo::read(&read.control[HEADER..]).stream_id as usize;
            if let Some(sum) = heard.streams.get_mut(id) {
                *sum += read.len;
            }
        }
    }
}

/// Reads handshake messages of a level, at first without taking them, then in two pieces.
fn hear(hosts: &mut Hosts, end: usize, level: u8, wanted: &[u8]) -> Result<(), Over> {
    let mut got = Vec::new();
    hosts.wait("handshake messages", |hosts| {
        hosts.receive(end, MSG_PEEK, 50)?;
        for room in [50, 2_048] {
            let read = hosts.receive(end, 0, room)?;
            // An event of a stream in 0-RTT may come between them.
            let message = read.filter(|read| read.flags & MSG_QUIC_NOTIFICATION == 0);
            if let Some(read) = message {
                assert_eq!(read.control[HEADER], level);
                got.extend_from_slice(&read.bytes[..read.len]);
            }
        }
        Ok((got.len() >= wanted.len()).then_some(()))
    })?;
    assert!(got == wanted, "what was said is heard");
    Ok(())
}

fn say(hosts: &mut Hosts, end: usize, crypto_level: u8, message: &[u8]) -> Result<(), Over> {
    let info = bytes(&HandshakeInfo { crypto_level });
    send(hosts, end, &control(QUIC_HANDSHAKE_INFO, &info), 0, message)
}

/// sendmsg of what there is room for at once.
fn send(
    hosts: &mut Hosts,
    end: usize,
    control: &[u8],
    flags: u32,
    data: &[u8],
) -> Result<(), Over> {
    let sent = hosts.call(end, "sendmsg", |sock, now| {
        sock.sendmsg(now, control, flags, data)
    })?;
    assert_eq!(sent.bytes, data.len());
    Ok(())
}

fn install(hosts: &mut Hosts, end: usize, level: u8, send: u8, seed: u8) -> Result<(), Over> {
    let secret = CryptoSecret {
        send,
        level,
        cipher_type: TLS_CIPHER_AES_GCM_128,
        secret: [seed; 48],
        ..CryptoSecret::default()
    };
    let number = option::QUIC_SOCKOPT_CRYPTO_SECRET;
    hosts.set(end, number, &bytes(&secret))
}

fn stream(stream_id: i64, stream_flags: u32) -> Vec<u8> {
    let info = bytes(&StreamInfo {
        stream_id,
        stream_flags,
    });
    control(QUIC_STREAM_INFO, &info)
}

pub(crate) fn control(kind: i32, data: &[u8]) -> Vec<u8> {
    let mut control = vec![0; 64];
    let message = ControlMessage {
        level: SOL_QUIC,
        kind,
        data,
    };
    let len = message.write(&mut control).expect("it fits");
    control.truncate(len);
    control
}

pub(crate) fn sockaddr(of: std::net::SocketAddr) -> Vec<u8> {
    let mut out = vec![0; address::ADDRESS_LEN];
    let len = address::write(of, &mut out);
    out.truncate(len);
    out
}

/// Bytes before the data of a control message.
const HEADER: usize = 16;
/// Bytes of the first stream, which may go in 0-RTT.
const EARLY: usize = 3_000;
/// Time between two looks.
const TURN: Duration = Duration::from_millis(10);
