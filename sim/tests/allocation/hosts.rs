//! Two hosts of the socket layer, driven as homes drive them: calls of programs in, datagrams between them, answers out. Nothing but what
//! is shipped may be refused memory, and whatever is refused it says so itself.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use inquic_engine::{EndpointKeys, Handle, Path, Received, Route};
use inquic_platform::{Duration, Instant, Platform};
use inquic_sim::NullCipher;
use inquic_socket::sock::{Got, Message, Set, Stop};
use inquic_socket::{Errno, Port, Sock};
use inquic_uapi::{Layout, SOL_QUIC};

use crate::allocator::{engine, has_refused, is_refusing};
use crate::life::Home;

/// The connection is over, as it may be where memory was refused.
#[derive(Debug)]
pub(crate) struct Over;

/// A port with its connections.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) port: Port,
    table: BTreeMap<Handle, Sock>,
    /// A socket that is none.
    idle: Option<Sock>,
    /// The connection that the program uses.
    used: Option<Handle>,
    /// Those that the port has forgotten; their descriptors are still open.
    gone: Vec<Sock>,
}

/// A client, a server and what flies between them.
pub(crate) struct Hosts {
    pub(crate) now: Instant,
    /// The client, then the server.
    pub(crate) hosts: [Host; 2],
    pub(crate) listeners: Vec<Sock>,
    flying: VecDeque<Flying>,
    buffer: Vec<u8>,
}

/// A datagram under way.
struct Flying {
    at: Instant,
    to: usize,
    path: Path,
    bytes: Vec<u8>,
}

/// What recvmsg has given.
pub(crate) struct Read {
    pub(crate) bytes: [u8; 2_048],
    pub(crate) len: usize,
    pub(crate) flags: u32,
    /// The stream's number or the level's, as the control message has it.
    pub(crate) control: [u8; 64],
}

/// A call of a program's, which says itself that there is no memory, in the call that was refused it and with no effect: made again, it
/// does what it would have done.
pub(crate) fn insist<T>(what: &str, mut call: impl FnMut() -> Result<T, Stop>) -> Result<T, Stop> {
    let before = has_refused();
    match engine(&mut call) {
        Err(stop) if stop.errno() == Errno::ENOMEM => {
            let refused = has_refused() && !before;
            assert!(refused, "{what}: ENOMEM where there was memory");
            let again = engine(call);
            let twice = matches!(&again, Err(stop) if stop.errno() == Errno::ENOMEM);
            assert!(!twice, "{what}: ENOMEM twice");
            again
        }
        other => other,
    }
}

impl Host {
    fn new(seed: u64, address: &str) -> Self {
        let platform: Arc<dyn Platform> = Arc::new(Home(NullCipher::seeded(seed)));
        Self {
            address: address.parse().expect("an address"),
            port: Port::new(platform, EndpointKeys::from_master([7; 32])),
            table: BTreeMap::new(),
            idle: None,
            used: None,
            gone: Vec::new(),
        }
    }

    /// The connection that the program uses has come.
    pub(crate) const fn uses(&mut self, handle: Handle) {
        self.used = Some(handle);
    }

    pub(crate) fn enter(&mut self, handle: Handle, sock: Sock) {
        self.table.insert(handle, sock);
    }

    /// The program has a socket that is no connection.
    pub(crate) fn keep(&mut self, sock: Sock) {
        self.idle = Some(sock);
    }

    /// That, with the port.
    pub(crate) fn with_port(&mut self) -> (&mut Sock, &mut Port) {
        let sock = self.idle.as_mut().expect("it is kept");
        (sock, &mut self.port)
    }

    /// The connection that the program uses, over or not, or else the socket that is none.
    pub(crate) fn sock(&mut self) -> Option<&mut Sock> {
        let Some(used) = self.used else {
            return self.idle.as_mut();
        };
        let gone = self.gone.iter_mut();
        let mut gone = gone.filter(|sock| sock.handle() == Some(used));
        self.table.get_mut(&used).or_else(|| gone.next())
    }

    fn is_over(&mut self) -> bool {
        self.sock().is_some_and(|sock| sock.is_over())
    }

    /// What a home does after calls, datagrams and time; each batch of datagrams to `send`.
    fn turn(&mut self, now: Instant, buffer: &mut [u8], send: &mut dyn FnMut(Path, &[u8])) {
        let mut left = Vec::new();
        for (handle, sock) in &mut self.table {
            loop {
                engine(|| sock.take_changes());
                if sock.needs_port() && engine(|| self.port.settle(now, sock)).gone.is_some() {
                    left.push(*handle);
                }
                if sock.is_corked() {
                    break;
                }
                let Some(batch) = engine(|| sock.transmit(now, buffer)) else {
                    break;
                };
                let path = Path {
                    local: Some(batch.path.remote),
                    remote: batch.path.local.unwrap_or(self.address),
                };
                for datagram in buffer[..batch.bytes].chunks(batch.segment) {
                    send(path, datagram);
                }
            }
        }
        for handle in left {
            self.gone.extend(self.table.remove(&handle));
        }
    }

    /// A datagram; the answer that belongs to no connection.
    fn receive(&mut self, now: Instant, path: Path, bytes: &mut [u8]) -> Option<Vec<u8>> {
        let mut reply = [0; 1_500];
        let handle = match engine(|| self.port.route(now, &path, bytes, &mut reply)) {
            Route::Connection(handle) => handle,
            Route::Incoming(mut incoming) => {
                let admitted = engine(|| self.port.admit_sock(now, &incoming));
                let Ok((handle, mut sock)) = admitted else {
                    return None;
                };
                for mut held in incoming.take_datagrams() {
                    give(&mut sock, held.at, path, &mut held.bytes);
                }
                self.table.insert(handle, sock);
                handle
            }
            Route::Reply(count) => return Some(reply[..count].to_vec()),
            Route::Held | Route::Forward(_) | Route::Drop(_) => return None,
        };
        if let Some(sock) = self.table.get_mut(&handle) {
            give(sock, now, path, bytes);
        }
        None
    }
}

fn give(sock: &mut Sock, now: Instant, path: Path, bytes: &mut [u8]) {
    let segment = bytes.len();
    let received = Received {
        path,
        bytes,
        segment,
        ecn: 0,
    };
    engine(|| sock.receive(now, received));
}

impl Hosts {
    pub(crate) fn new() -> Self {
        Self {
            now: Instant::ZERO + Duration::from_secs(1),
            hosts: [
                Host::new(1, "192.0.2.1:50000"),
                Host::new(2, "192.0.2.2:4433"),
            ],
            listeners: Vec::new(),
            flying: VecDeque::new(),
            buffer: vec![0; 65_507],
        }
    }

    /// Lets everything leave that may, and what comes next arrive: a datagram, or a moment that somebody waits for.
    pub(crate) fn step(&mut self) {
        self.flush();
        self.now = self.now.max(self.next().unwrap_or(self.now));
        let now = self.now;
        while self.flying.front().is_some_and(|flying| flying.at <= now) {
            let mut flying = self.flying.pop_front().expect("it is there");
            let host = &mut self.hosts[flying.to];
            if let Some(bytes) = host.receive(now, flying.path, &mut flying.bytes) {
                self.flying.push_back(Flying {
                    at: now + Duration::from_millis(10),
                    to: 1 - flying.to,
                    path: Path {
                        local: Some(flying.path.remote),
                        remote: flying.path.local.expect("all datagrams have both"),
                    },
                    bytes,
                });
            }
        }
        for host in &mut self.hosts {
            for sock in host.table.values_mut() {
                if sock.next_deadline().is_some_and(|at| at <= now) {
                    engine(|| sock.expire(now));
                }
            }
        }
        self.flush();
    }

    /// As [`Hosts::step`], for a length of time.
    pub(crate) fn pass(&mut self, length: Duration) {
        let end = self.now + length;
        self.flush();
        for _ in 0..3_000 {
            if self.next().is_none_or(|next| next > end) {
                self.now = end;
                return;
            }
            self.step();
        }
        panic!("time does not pass");
    }

    /// When something happens next.
    fn next(&self) -> Option<Instant> {
        let arrival = self.flying.front().map(|flying| flying.at);
        let socks = self.hosts.iter().flat_map(|host| host.table.values());
        let deadlines = socks.filter_map(Sock::next_deadline);
        deadlines.chain(arrival).min()
    }

    fn flush(&mut self) {
        let Self {
            now,
            hosts,
            listeners,
            flying,
            buffer,
        } = self;
        for listener in listeners {
            if listener.needs_port() {
                engine(|| hosts[1].port.settle(*now, listener));
            }
        }
        for (from, host) in hosts.iter_mut().enumerate() {
            host.turn(*now, buffer, &mut |path, bytes| {
                flying.push_back(Flying {
                    at: *now + Duration::from_millis(10),
                    to: 1 - from,
                    path,
                    bytes: bytes.to_vec(),
                });
            });
        }
    }

    /// A call on the connection that a program uses; none while it would block, or is to be made again.
    pub(crate) fn attempt<T>(
        &mut self,
        end: usize,
        what: &str,
        mut call: impl FnMut(&mut Sock, Instant) -> Result<T, Stop>,
    ) -> Result<Option<T>, Over> {
        let now = self.now;
        let sock = self.hosts[end].sock().ok_or(Over)?;
        match insist(what, || call(sock, now)) {
            Ok(value) => Ok(Some(value)),
            Err(_) if sock.is_over() && is_refusing() => Err(Over),
            Err(Stop::Blocked { .. } | Stop::Failed(Errno::EAGAIN)) => Ok(None),
            Err(stop) => panic!("{what}: {stop:?} at {end}, {:?}", sock.close_reason()),
        }
    }

    /// A call that does not block.
    pub(crate) fn call<T>(
        &mut self,
        end: usize,
        what: &str,
        call: impl FnMut(&mut Sock, Instant) -> Result<T, Stop>,
    ) -> Result<T, Over> {
        let done = self.attempt(end, what, call)?;
        Ok(done.unwrap_or_else(|| panic!("{what}: it blocks at {end}")))
    }

    /// Asks again and again, while time passes.
    pub(crate) fn wait<T>(
        &mut self,
        what: &str,
        mut ask: impl FnMut(&mut Self) -> Result<Option<T>, Over>,
    ) -> Result<T, Over> {
        for _ in 0..3_000 {
            if let Some(value) = ask(self)? {
                return Ok(value);
            }
            let over = self.hosts.iter_mut().any(Host::is_over);
            assert!(!over || is_refusing(), "{what}: the connection is over");
            if over {
                return Err(Over);
            }
            self.step();
        }
        panic!("{what}: for ever");
    }

    /// recvmsg into `room` bytes; none while nothing is there.
    pub(crate) fn receive(
        &mut self,
        end: usize,
        flags: u32,
        room: usize,
    ) -> Result<Option<Read>, Over> {
        let mut read = Read {
            bytes: [0; 2_048],
            len: 0,
            flags: 0,
            control: [0; 64],
        };
        let got = self.attempt(end, "recvmsg", |sock, now| {
            sock.recvmsg(now, flags, &mut read.bytes[..room], &mut read.control)
        })?;
        let Some(Message { bytes, flags, .. }) = got else {
            return Ok(None);
        };
        (read.len, read.flags) = (bytes, flags);
        Ok(Some(read))
    }

    /// setsockopt of an option of QUIC's, which leaves nothing to the home.
    pub(crate) fn set(&mut self, end: usize, number: u32, value: &[u8]) -> Result<(), Over> {
        let what = format!("setsockopt {number}");
        self.call(end, &what, |sock, now| set(sock, now, number, value))
    }

    /// getsockopt of an option of QUIC's.
    pub(crate) fn get(
        &mut self,
        end: usize,
        number: u32,
        value: &[u8],
    ) -> Result<([u8; 512], usize), Over> {
        let mut out = [0; 512];
        let what = format!("getsockopt {number}");
        let got = self.call(end, &what, |sock, _| {
            sock.getsockopt(SOL_QUIC, number as i32, value, &mut out)
        })?;
        match got {
            Got::Bytes(len) => Ok((out, len)),
            other => panic!("{what}: {other:?}"),
        }
    }

    /// Everybody closes; what is left of connections goes.
    pub(crate) fn end(mut self) {
        let now = self.now;
        while let Some(mut listener) = self.listeners.pop() {
            let port = &mut self.hosts[1].port;
            engine(|| listener.listen(port, 0)).expect("it listens");
            while let Some(waiting) = engine(|| listener.unlisten(port)) {
                if let Some(sock) = self.hosts[1].table.get_mut(&waiting) {
                    engine(|| sock.close(now));
                }
            }
        }
        for host in &mut self.hosts {
            for sock in host.table.values_mut() {
                engine(|| sock.close(now));
            }
        }
        for _ in 0..3_000 {
            if self.hosts.iter().all(|host| host.table.is_empty()) {
                return;
            }
            self.step();
        }
        panic!("the connections do not end");
    }
}

/// setsockopt of an option of QUIC's, which leaves nothing to the home.
pub(crate) fn set(sock: &mut Sock, now: Instant, number: u32, value: &[u8]) -> Result<(), Stop> {
    let done = sock.setsockopt(now, SOL_QUIC, number as i32, value)?;
    assert_eq!(done, Set::Done, "option {number}");
    Ok(())
}

/// The bytes of a structure of the ABI.
pub(crate) fn bytes(value: &impl Layout) -> Vec<u8> {
    let mut bytes = vec![0; 256];
    let len = value.write(&mut bytes);
    bytes.truncate(len);
    bytes
}
