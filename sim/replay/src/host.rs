//! One end: a port with its sockets, driven as a home drives them. Calls, datagrams and time in, datagrams out.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_engine::{EndpointKeys, Handle, Incoming, Path, Received, Route};
use inquic_platform::{Instant, Platform};
use inquic_socket::{Port, Sock};
use inquic_uapi::socket::{AF_INET, SOCK_STREAM};

use crate::Wrong;
use crate::network::{Datagram, Network};
use crate::record::Recorder;

/// A port, a socket of its program, and the connections that came to it. What is large stays out of the frames of others, since a
/// kernel's stack is small.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) port: Port,
    /// A listener, or a client before it connects.
    pub(crate) first: Box<Sock>,
    connections: BTreeMap<Handle, Box<Sock>>,
    /// The connection that the program uses.
    used: Option<Handle>,
    /// That connection, after its port has forgotten it.
    over: Option<Box<Sock>>,
    /// Where datagrams are built.
    out: Vec<u8>,
    reply: Vec<u8>,
}

/// Where what a host sends goes.
pub(crate) struct Wire<'a, 'b> {
    pub(crate) network: &'a mut Network,
    pub(crate) recorder: &'a mut Recorder<'b>,
    /// Larger datagrams are refused, as a device refuses them.
    pub(crate) largest: usize,
}

impl Host {
    /// A host with a socket that is bound.
    #[inline(never)]
    pub(crate) fn new(
        platform: Arc<dyn Platform>,
        address: SocketAddr,
    ) -> Result<Box<Self>, Wrong> {
        let keys = EndpointKeys::random(&*platform);
        let sock = Sock::new(AF_INET, SOCK_STREAM).map_err(|_| "a socket")?;
        let mut first = Box::new(sock);
        first.on_bound(address);
        Ok(Box::new(Self {
            address,
            port: Port::new(platform, keys),
            first,
            connections: BTreeMap::new(),
            used: None,
            over: None,
            out: vec![0; TRAIN],
            reply: vec![0; REPLY],
        }))
    }

    /// connect(): the socket becomes a connection, which the program uses.
    #[inline(never)]
    pub(crate) fn connect(&mut self, now: Instant, to: SocketAddr) -> Result<(), Wrong> {
        let peer = self.first.peer(&crate::calls::sockaddr(to));
        let peer = peer.map_err(|_| "an address to connect to")?;
        let connected = self.first.connect(now, &mut self.port, peer);
        let handle = connected.map_err(|_| "a connection")?;
        let another = Sock::new(AF_INET, SOCK_STREAM).map_err(|_| "a socket")?;
        let sock = core::mem::replace(&mut *self.first, another);
        self.connections.insert(handle, Box::new(sock));
        self.used = Some(handle);
        Ok(())
    }

    /// accept(), for a connection that the program uses from then on.
    pub(crate) fn accept(&mut self) -> bool {
        if self.used.is_none() {
            self.used = self.first.accept(&mut self.port).ok();
        }
        self.used.is_some()
    }

    /// The connection that the program uses.
    pub(crate) fn sock(&mut self) -> Result<&mut Sock, Wrong> {
        let used = self.used.and_then(|used| self.connections.get_mut(&used));
        let sock = used.or(self.over.as_mut()).ok_or("a connection in use")?;
        Ok(&mut **sock)
    }

    /// Whether the port has forgotten the connection.
    pub(crate) const fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// When time is to be told at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let socks = self.connections.values();
        socks.filter_map(|sock| sock.next_deadline()).min()
    }

    /// A datagram has come.
    #[inline(never)]
    pub(crate) fn receive(&mut self, now: Instant, datagram: Datagram, wire: &mut Wire<'_, '_>) {
        let Datagram {
            from,
            to,
            ecn,
            mut bytes,
        } = datagram;
        let path = Path {
            local: Some(to),
            remote: from,
        };
        let reply = &mut self.reply;
        let handle = match self.port.route_marked(now, &path, ecn, &bytes, reply) {
            Route::Connection(handle) => handle,
            Route::Incoming(incoming) => match self.admit(now, &incoming) {
                Some(handle) => handle,
                None => return,
            },
            Route::Reply(len) => {
                let answer = Datagram {
                    from: to,
                    to: from,
                    ecn: 0,
                    bytes: reply.get(..len).unwrap_or_default().to_vec(),
                };
                return wire.send(now, answer);
            }
            Route::Held | Route::Forward(_) | Route::Drop(_) => return,
        };
        let segment = bytes.len();
        let datagrams = Received {
            path,
            bytes: &mut bytes,
            segment,
            ecn,
        };
        if let Some(sock) = self.connections.get_mut(&handle) {
            sock.receive(now, datagrams);
        }
        self.settle(now, handle, wire);
    }

    /// Lets a client in.
    #[inline(never)]
    fn admit(&mut self, now: Instant, incoming: &Incoming) -> Option<Handle> {
        let (handle, sock) = self.port.admit_sock(now, incoming).ok()?;
        self.connections.insert(handle, Box::new(sock));
        Some(handle)
    }

    /// Tells time to whoever waits for it.
    pub(crate) fn expire(&mut self, now: Instant, wire: &mut Wire<'_, '_>) {
        for handle in self.handles() {
            let sock = self.connections.get_mut(&handle);
            let due = sock.filter(|sock| sock.next_deadline().is_some_and(|at| at <= now));
            if let Some(sock) = due {
                sock.expire(now);
                self.settle(now, handle, wire);
            }
        }
    }

    /// Does what follows from calls.
    pub(crate) fn turn(&mut self, now: Instant, wire: &mut Wire<'_, '_>) {
        if self.first.needs_port() {
            self.port.settle(now, &mut self.first);
        }
        for handle in self.handles() {
            self.settle(now, handle, wire);
        }
    }

    fn handles(&self) -> Vec<Handle> {
        self.connections.keys().copied().collect()
    }

    /// What a home does after calls, datagrams and time.
    #[inline(never)]
    fn settle(&mut self, now: Instant, handle: Handle, wire: &mut Wire<'_, '_>) {
        let Some(sock) = self.connections.get_mut(&handle) else {
            return;
        };
        sock.take_changes();
        let mut gone = None;
        if sock.needs_port() {
            gone = self.port.settle(now, sock).gone;
        }
        if !sock.is_corked() {
            while let Some(train) = sock.transmit(now, &mut self.out) {
                if train.segment > wire.largest {
                    sock.on_refused(now, train.segment);
                    continue;
                }
                let sent = self.out.get(..train.bytes).unwrap_or_default();
                for bytes in sent.chunks(train.segment.max(1)) {
                    let datagram = Datagram {
                        from: train.path.local.unwrap_or(self.address),
                        to: train.path.remote,
                        ecn: train.ecn,
                        bytes: bytes.to_vec(),
                    };
                    wire.send(now, datagram);
                }
            }
            sock.take_changes();
            if sock.needs_port() {
                gone = gone.or(self.port.settle(now, sock).gone);
            }
        }
        if let Some(gone) = gone {
            let sock = self.connections.remove(&gone);
            if self.used == Some(gone) {
                self.over = sock;
            }
        }
    }
}

impl Wire<'_, '_> {
    /// A datagram leaves a host.
    pub(crate) fn send(&mut self, now: Instant, datagram: Datagram) {
        self.recorder.datagram(now, &datagram);
        self.network.send(now, datagram);
    }
}

/// Bytes that leave together at most.
const TRAIN: usize = 65_507;
/// Bytes of an answer that belongs to no connection.
const REPLY: usize = 1_500;
