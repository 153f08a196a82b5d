//! Sockets of two hosts joined by memory, in virtual time, used by nothing but the ABI's calls.

extern crate std;

mod calls;
mod datagrams;
mod descriptors;
mod early;
mod errno;
mod events;
mod message;
mod random;
mod sockopt;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_engine::{EndpointKeys, Handle, Path, Received, Route};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::{Duration, Instant};
use inquic_uapi::socket::{AF_INET, SOCK_DGRAM};
use inquic_uapi::structs::{CryptoSecret, EventOption, HandshakeInfo, StreamInfo};
use inquic_uapi::{
    ControlMessage, ControlMessages, EventType, Layout, QUIC_CRYPTO_APP, QUIC_CRYPTO_HANDSHAKE,
    QUIC_CRYPTO_INITIAL, QUIC_HANDSHAKE_INFO, QUIC_STREAM_INFO, SOL_QUIC, TLS_CIPHER_AES_GCM_128,
    option,
};

use super::{Got, Message, Sent, Set, Sock, Stop, address};
use crate::errno::Errno;
use crate::port::Port;

/// One host: a port, perhaps a listener, and connections.
pub(super) struct Host {
    pub(super) address: SocketAddr,
    pub(super) port: Port,
    pub(super) listener: Sock,
    pub(super) table: BTreeMap<Handle, Sock>,
    /// The connection that the tests use.
    pub(super) used: Option<Handle>,
    /// Connections that were forgotten by the port; their descriptors are still open.
    pub(super) gone: Vec<Sock>,
    /// Those that are to be moved there.
    left: Vec<Handle>,
    /// Connections for which there will be no place after all.
    pub(super) refuses: u32,
}

/// Two hosts and the clock. A datagram takes a millisecond.
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) client: Host,
    pub(super) server: Host,
}

/// What recvmsg has given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) data: Vec<u8>,
    pub(super) flags: u32,
    pub(super) control: Option<(i32, Vec<u8>)>,
}

impl Host {
    fn new(seed: u64, address: &str) -> Self {
        let platform = Arc::new(AwsLc::seeded(seed));
        Self {
            address: address.parse().unwrap(),
            port: Port::new(platform, EndpointKeys::from_master([7; 32])),
            listener: socket(),
            table: BTreeMap::new(),
            used: None,
            gone: Vec::new(),
            left: Vec::new(),
            refuses: 0,
        }
    }

    pub(super) fn sock(&mut self) -> &mut Sock {
        let used = self.used.unwrap();
        self.table
            .get_mut(&used)
            .or_else(|| {
                self.gone
                    .iter_mut()
                    .find(|sock| sock.handle() == Some(used))
            })
            .unwrap()
    }

    fn receive(&mut self, now: Instant, from: SocketAddr, bytes: &mut [u8], segment: usize) {
        let path = Path {
            local: Some(self.address),
            remote: from,
        };
        let mut reply = [0; 1500];
        let first = &bytes[..segment.min(bytes.len())];
        let handle = match self.port.route(now, &path, first, &mut reply) {
            Route::Connection(handle) => handle,
            Route::Incoming(incoming) => {
                let Ok((handle, sock)) = self.port.admit_sock(now, &incoming) else {
                    return;
                };
                if self.refuses > 0 {
                    self.refuses -= 1;
                    return self.port.give_up(&incoming, handle);
                }
                self.table.insert(handle, sock);
                handle
            }
            Route::Reply(_) | Route::Held | Route::Forward(_) | Route::Drop(_) => return,
        };
        let datagrams = Received {
            path,
            bytes,
            segment,
            ecn: 0,
        };
        if let Some(sock) = self.table.get_mut(&handle) {
            sock.receive(now, datagrams);
        }
    }

    /// What a home does after calls, datagrams and time.
    pub(super) fn turn(&mut self, now: Instant) -> Vec<(Vec<u8>, usize)> {
        let mut batches = Vec::new();
        let mut out = vec![0; 65_507];
        if self.listener.needs_port() {
            self.port.settle(now, &mut self.listener);
        }
        for sock in self.table.values_mut() {
            loop {
                sock.take_changes();
                if sock.needs_port() {
                    self.left.extend(self.port.settle(now, sock).gone);
                }
                if sock.is_corked() {
                    break;
                }
                let Some(batch) = sock.transmit(now, &mut out) else {
                    break;
                };
                batches.push((out[..batch.bytes].to_vec(), batch.segment));
            }
        }
        for handle in self.left.drain(..) {
            self.gone.extend(self.table.remove(&handle));
        }
        batches
    }

    /// Takes note of what has changed, and sends nothing.
    fn tell(&mut self, now: Instant) {
        for sock in self.table.values_mut() {
            sock.take_changes();
            if sock.needs_port()
                && let Some(handle) = self.port.settle(now, sock).gone
            {
                self.left.push(handle);
            }
        }
        for handle in self.left.drain(..) {
            self.gone.extend(self.table.remove(&handle));
        }
    }

    fn expire(&mut self, now: Instant) {
        for sock in self.table.values_mut() {
            if sock.next_deadline().is_some_and(|at| at <= now) {
                sock.expire(now);
            }
        }
    }
}

impl Pair {
    /// A client that has called connect(), and a server that listens.
    pub(super) fn connecting() -> Self {
        Self::connecting_with(&mut |_, _| {})
    }

    /// The same; `set` may use both sockets before connect() and listen().
    pub(super) fn connecting_with(set: &mut dyn FnMut(&mut Sock, &mut Sock)) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let mut client = Host::new(1, "192.0.2.1:1000");
        let mut server = Host::new(2, "192.0.2.2:443");
        let mut sock = socket();
        set(&mut sock, &mut server.listener);
        sock.on_bound(client.address);
        server.listener.on_bound(server.address);
        server.listener.listen(&mut server.port, 4).unwrap();
        let mut peer = [0; address::ADDRESS_LEN];
        let len = address::write(server.address, &mut peer);
        let peer = sock.peer(&peer[..len]).unwrap();
        let handle = sock.connect(now, &mut client.port, peer).unwrap();
        client.table.insert(handle, sock);
        client.used = Some(handle);
        Self {
            now,
            client,
            server,
        }
    }

    /// Both ends established, by a handshake of made-up messages and secrets.
    pub(super) fn established() -> Self {
        Self::established_with(&mut |_, _| {})
    }

    pub(super) fn established_with(set: &mut dyn FnMut(&mut Sock, &mut Sock)) -> Self {
        let mut pair = Self::connecting_with(set);
        pair.greet();
        pair.shake_hands();
        pair
    }

    /// The client's first message arrives and is accepted.
    pub(super) fn greet(&mut self) {
        let hello = handshake(QUIC_CRYPTO_INITIAL);
        self.client_sends(&hello, 0, b"client hello").unwrap();
        self.run(1);
        let accepted = self.server.listener.accept(&mut self.server.port);
        self.server.used = Some(accepted.unwrap());
        let hello = self.server_gets().unwrap();
        assert_eq!(hello.data, b"client hello");
    }

    /// The rest of the handshake, after [`Pair::greet`].
    pub(super) fn shake_hands(&mut self) {
        self.shake_hands_quietly();
        while self.client_gets().is_ok() {}
    }

    /// As [`Pair::shake_hands`], and reads nothing at the end.
    pub(super) fn shake_hands_quietly(&mut self) {
        self.swap_parameters();
        // What the server said before.
        while self.client_gets().is_ok() {}
        let now = self.now;
        for (level, client, server) in [(QUIC_CRYPTO_HANDSHAKE, 1, 2), (QUIC_CRYPTO_APP, 3, 4)] {
            install(self.server.sock(), now, level, 1, server);
            install(self.server.sock(), now, level, 0, client);
            install(self.client.sock(), now, level, 1, client);
            install(self.client.sock(), now, level, 0, server);
        }
        self.run(20);
    }

    /// The transport parameters of each end to the other, as TLS would carry them.
    pub(super) fn swap_parameters(&mut self) {
        let ext = option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT;
        let now = self.now;
        let value = get(self.client.sock(), ext, &[]).unwrap();
        set(self.server.sock(), now, ext, &value).unwrap();
        // The client must have heard the server first: its parameters name the id of the server's first packet.
        let hello = handshake(QUIC_CRYPTO_INITIAL);
        self.server_sends(&hello, 0, b"server hello").unwrap();
        self.run(2);
        let now = self.now;
        let value = get(self.server.sock(), ext, &[]).unwrap();
        set(self.client.sock(), now, ext, &value).unwrap();
    }

    /// Lets `millis` pass, a millisecond at a time.
    pub(super) fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            let to_server = self.client.turn(self.now);
            let to_client = self.server.turn(self.now);
            self.now = self.now + Duration::from_millis(1);
            for (mut bytes, segment) in to_server {
                self.server
                    .receive(self.now, self.client.address, &mut bytes, segment);
            }
            for (mut bytes, segment) in to_client {
                self.client
                    .receive(self.now, self.server.address, &mut bytes, segment);
            }
            self.client.expire(self.now);
            self.server.expire(self.now);
        }
        self.client.tell(self.now);
        self.server.tell(self.now);
    }

    pub(super) fn client_sends(
        &mut self,
        control: &[u8],
        flags: u32,
        data: &[u8],
    ) -> Result<usize, Errno> {
        let now = self.now;
        send(self.client.sock(), now, control, flags, data)
    }

    pub(super) fn server_sends(
        &mut self,
        control: &[u8],
        flags: u32,
        data: &[u8],
    ) -> Result<usize, Errno> {
        let now = self.now;
        send(self.server.sock(), now, control, flags, data)
    }

    pub(super) fn client_gets(&mut self) -> Result<Arrived, Errno> {
        let now = self.now;
        receive(self.client.sock(), now, 0, 2048)
    }

    pub(super) fn server_gets(&mut self) -> Result<Arrived, Errno> {
        let now = self.now;
        receive(self.server.sock(), now, 0, 2048)
    }
}

impl Arrived {
    /// The stream's identifier and flags.
    pub(super) fn stream(&self) -> (i64, u32) {
        let (kind, data) = self.control.as_ref().unwrap();
        assert_eq!(*kind, QUIC_STREAM_INFO);
        let info = StreamInfo::read(data);
        (info.stream_id, info.stream_flags)
    }
}

/// A socket of the kind that programs open most.
pub(super) fn socket() -> Sock {
    Sock::new(AF_INET, SOCK_DGRAM).unwrap()
}

pub(super) fn send(
    sock: &mut Sock,
    now: Instant,
    control: &[u8],
    flags: u32,
    data: &[u8],
) -> Result<usize, Errno> {
    let sent = sock.sendmsg(now, control, flags, data);
    sent.map(|Sent { bytes, .. }| bytes).map_err(Stop::errno)
}

pub(super) fn receive(
    sock: &mut Sock,
    now: Instant,
    flags: u32,
    room: usize,
) -> Result<Arrived, Errno> {
    let mut out = vec![0; room];
    let mut control = [0; 64];
    let Message {
        bytes,
        flags,
        control: len,
    } = sock
        .recvmsg(now, flags, &mut out, &mut control)
        .map_err(Stop::errno)?;
    out.truncate(bytes);
    let message = ControlMessages::new(&control[..len]).next();
    Ok(Arrived {
        data: out,
        flags,
        control: message.map(|message| {
            let message = message.unwrap();
            assert_eq!(message.level, SOL_QUIC);
            (message.kind, message.data.to_vec())
        }),
    })
}

pub(super) fn set(sock: &mut Sock, now: Instant, number: u32, value: &[u8]) -> Result<(), Errno> {
    let done = sock.setsockopt(now, SOL_QUIC, number as i32, value)?;
    assert_eq!(done, Set::Done);
    Ok(())
}

pub(super) fn get(sock: &mut Sock, number: u32, value: &[u8]) -> Result<Vec<u8>, Errno> {
    let mut out = vec![0; 4096];
    let got = sock.getsockopt(SOL_QUIC, number as i32, value, &mut out);
    match got.map_err(Stop::errno)? {
        Got::Bytes(bytes) => {
            out.truncate(bytes);
            Ok(out)
        }
        other => panic!("{other:?}"),
    }
}

/// The value of a structure of the ABI.
pub(super) fn bytes(value: &impl Layout) -> Vec<u8> {
    let mut bytes = vec![0; 256];
    let len = value.write(&mut bytes);
    bytes.truncate(len);
    bytes
}

/// The control data of a stream.
pub(super) fn stream(stream_id: i64, stream_flags: u32) -> Vec<u8> {
    control(
        QUIC_STREAM_INFO,
        &bytes(&StreamInfo {
            stream_id,
            stream_flags,
        }),
    )
}

/// The control data of handshake messages.
pub(super) fn handshake(crypto_level: u8) -> Vec<u8> {
    control(QUIC_HANDSHAKE_INFO, &bytes(&HandshakeInfo { crypto_level }))
}

pub(super) fn control(kind: i32, data: &[u8]) -> Vec<u8> {
    let mut control = vec![0; 128];
    let message = ControlMessage {
        level: SOL_QUIC,
        kind,
        data,
    };
    let len = message.write(&mut control).unwrap();
    control.truncate(len);
    control
}

/// Asks for an event.
pub(super) fn want(sock: &mut Sock, event: EventType) {
    let on = EventOption {
        event_type: event as u8,
        on: 1,
    };
    set(sock, Instant::ZERO, option::QUIC_SOCKOPT_EVENT, &bytes(&on)).unwrap();
}

pub(super) fn install(sock: &mut Sock, now: Instant, level: u8, send: u8, seed: u8) {
    let secret = CryptoSecret {
        send,
        level,
        cipher_type: TLS_CIPHER_AES_GCM_128,
        secret: [seed; 48],
        ..CryptoSecret::default()
    };
    let number = option::QUIC_SOCKOPT_CRYPTO_SECRET;
    set(sock, now, number, &bytes(&secret)).unwrap();
}
