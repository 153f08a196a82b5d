//! A socket of a program, from socket() to its end: calls, datagrams and time in; packets and wake-ups out.
//!
//! Whoever holds a connection's lock may take its port's; whoever holds a port's takes no other.

mod bound;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_engine::{Handle, Received, limits};
use inquic_platform::{Instant, memory};
use inquic_socket::sock::{Stop, address};
use inquic_socket::{Errno, Sock};
use inquic_uapi::SOL_QUIC;
use inquic_uapi::option::QUIC_SOCKOPT_LINGER;
use inquic_uapi::socket::{SO_ERROR, SOL_SOCKET};

use crate::buffer::Buffer;
use crate::cell::{Run, Shared};
use crate::clock;
use crate::listed;
use crate::net::{Net, Stay};
use crate::port::Ports;
use crate::udp::Udp;

/// What the lock of a socket guards.
pub(crate) struct Connection {
    pub(crate) sock: Sock,
    pub(crate) net: Net,
    /// A UDP socket with options that were set before bind().
    unbound: Option<Udp>,
    /// UDP sockets of its own, where it has gone or would rather be reached; the latest last. They go before the port, which they wake.
    moves: Vec<Arc<Udp>>,
    /// The port that it is bound to.
    port: Option<(Shared<Ports>, Arc<Udp>)>,
    /// Whether it made that port, and others have joined it or were let in by it.
    made: bool,
    /// The connection id that the last datagram of one that knows its peer came with, as it lies in memory.
    heard: Option<[u8; limits::LOCAL_CID_LEN]>,
    /// When its timer is to run.
    armed: Option<Instant>,
    /// What its socket is charged for.
    charged: [usize; 2],
    /// Whether its socket was told why it has ended.
    told: bool,
    /// Whether the namespace's counters have what it counted.
    counted: bool,
    /// Keeps the namespace once the socket is closed, which has kept it until then if it is a program's; the last to go.
    stay: Option<Stay>,
}

/// Why a connection is looked after.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its program has called.
    Call,
    /// Datagrams have come, or time has passed.
    Network,
}

/// What came of a turn to send.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Nothing,
    /// Something, or the connection has ended.
    Something,
    /// There was no memory for all of it.
    Starved,
}

impl Connection {
    /// socket().
    pub(crate) const fn new(sock: Sock, net: Net) -> Self {
        Self {
            sock,
            net,
            unbound: None,
            moves: Vec::new(),
            port: None,
            made: false,
            heard: None,
            armed: None,
            charged: [0; 2],
            told: false,
            counted: false,
            stay: None,
        }
    }

    /// A client's, which a listener's port has let in.
    pub(crate) fn of_client(sock: Sock, net: Net, port: Shared<Ports>, udp: Arc<Udp>) -> Self {
        Self {
            port: Some((port, udp)),
            ..Self::new(sock, net)
        }
    }

    /// Takes datagrams.
    pub(crate) fn receive(this: &Shared<Self>, now: Instant, datagrams: Received<'_>) {
        let mut held = this.lock();
        if let Some((first, rest)) = datagrams.bytes.split_first()
            && first & LONG_HEADER == 0
        {
            held.heard = rest.first_chunk().copied();
        }
        held.sock.receive(now, datagrams);
        held.settle(this, now, Cause::Network);
    }

    /// How its datagrams come: the port, and the connection id of the last one. None before there was one.
    pub(crate) fn way(&self) -> Option<(Shared<Ports>, u64)> {
        let (port, _) = self.port.as_ref()?;
        Some((port.clone(), u64::from_ne_bytes(self.heard?)))
    }

    /// Whether it is gone, and the namespace's counters have what it counted.
    pub(crate) const fn is_counted(&self) -> bool {
        self.counted
    }

    /// connect().
    ///
    /// # Errors
    ///
    /// As connect(2).
    pub(crate) fn connect(&mut self, this: &Shared<Self>, address: &[u8]) -> Result<(), Errno> {
        let peer = address::plain(self.sock.peer(address)?);
        Udp::new(self.net.0, self.sock.family(), this.raw())?.reach(peer)?;
        let port = self.port(this)?;
        let mut held = port.lock();
        let room = held.connections.try_reserve(1);
        room.map_err(|_| Errno::ENOMEM)?;
        let handle = self.sock.connect(clock::now(), &mut held.port, peer)?;
        held.keep(handle, this.clone());
        Ok(())
    }

    /// listen(); where it stops to listen, with what [`Connection::close_waiting`] does next.
    ///
    /// # Errors
    ///
    /// As listen(2).
    pub(crate) fn listen(&mut self, this: &Shared<Self>, backlog: i32) -> Result<(), Errno> {
        let port = self.port(this)?;
        let mut held = port.lock();
        held.listeners.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        self.sock.listen(&mut held.port, backlog)?;
        if let Some(id) = self.sock.listener().filter(|_| self.sock.is_listening())
            && held.listener(id).is_none()
        {
            memory::put(&mut held.listeners, (id, this.clone()));
        }
        Ok(())
    }

    /// Stops to listen, and closes the connections that nobody has accepted.
    pub(crate) fn close_waiting(this: &Shared<Self>) {
        while let Some(waiting) = Self::unlisten(this) {
            Self::close(&waiting, None);
        }
    }

    /// Stops to listen; one of the connections that nobody has accepted, as long as there is one.
    fn unlisten(this: &Shared<Self>) -> Option<Shared<Self>> {
        let mut listening = this.lock();
        let listening = &mut *listening;
        let (port, _) = listening.port.as_ref()?;
        let mut held = port.lock();
        let listener = listening.sock.listener();
        while let Some(handle) = listening.sock.unlisten(&mut held.port) {
            // Whichever is gone already is nobody's.
            if let Some(connection) = held.find(handle) {
                return Some(connection);
            }
        }
        // Whoever called this holds what leaves the list.
        held.listeners.retain(|(id, _)| Some(*id) != listener);
        None
    }

    /// accept().
    ///
    /// # Errors
    ///
    /// As accept(2).
    pub(crate) fn accept(&self) -> Result<Shared<Self>, Stop> {
        let (port, _) = self.port.as_ref().ok_or(Stop::Failed(Errno::EINVAL))?;
        let mut held = port.lock();
        let handle = self.sock.accept(&mut held.port)?;
        let connection = held.find(handle);
        connection.ok_or(Stop::Failed(Errno::ECONNREFUSED))
    }

    /// The mask of poll(2).
    pub(crate) fn poll(&mut self) -> u32 {
        match &self.port {
            Some((port, _)) if self.sock.is_listening() => self.sock.poll(Some(&port.lock().port)),
            _ => self.sock.poll(None),
        }
    }

    /// close() of the last descriptor; what was written may take so long to be delivered, where the namespace stays for that.
    pub(crate) fn close(this: &Shared<Self>, linger: Option<u32>) {
        Self::close_waiting(this);
        let mut held = this.lock();
        held.stay = Stay::begin(held.net);
        let stays = held.stay.is_some();
        if let Some(micros) = if stays { linger } else { Some(0) } {
            let value = micros.to_ne_bytes();
            let number = QUIC_SOCKOPT_LINGER as i32;
            // A socket that is no connection has nothing to deliver.
            let _ = held.sock.setsockopt(clock::now(), SOL_QUIC, number, &value);
        }
        held.sock.bound(crate::bounds::at_close());
        held.sock.close(clock::now());
        held.settle(this, clock::now(), Cause::Network);
        // A port is held for its connections, and this may be none.
        let port = if stays && held.sock.handle().is_some() {
            None
        } else {
            held.leave()
        };
        drop(held);
        drop(port);
    }

    /// Leaves its port and the network, for good; the port, for whoever has no lock to give it up.
    fn leave(&mut self) -> Option<Shared<Ports>> {
        self.unbound = None;
        let (port, _) = self.port.take()?;
        let mut held = port.lock();
        let forgotten = held.port.forget(&mut self.sock);
        // Somebody holds it still: whoever closes it.
        let gone = forgotten.and_then(|handle| held.forget(handle));
        drop(held);
        if forgotten.is_some() {
            self.note_gone();
        }
        drop(gone);
        Some(port)
    }

    /// The port knows it no more.
    fn note_gone(&mut self) {
        self.moves = Vec::new();
        self.counted = true;
        listed::count_gone(self.net, &self.sock);
    }

    /// Does what follows from a call, from datagrams or from time.
    pub(crate) fn settle(&mut self, this: &Shared<Self>, now: Instant, cause: Cause) {
        let Some((port, udp)) = self.port.clone() else {
            return;
        };
        let mut wakes = self.sock.take_changes();
        self.tell_port(&port, now);
        let may_leave = cause == Cause::Network || !self.sock.is_corked();
        let mut again = None;
        if may_leave {
            let sent = self.transmit(&udp, now);
            if sent != Sent::Nothing {
                wakes |= self.sock.take_changes();
                self.tell_port(&port, now);
            }
            again = (sent == Sent::Starved).then(|| now + limits::MEMORY_RETRY);
        }
        let charged = self.sock.charged();
        if charged != self.charged {
            self.charged = charged;
            this.charge(charged);
        }
        // A timer that runs early finds out by itself; one that is set anew with each packet costs as much as the packet.
        let deadlines = [again, self.sock.next_deadline()];
        if let Some(deadline) = deadlines.into_iter().flatten().min()
            && self.armed.is_none_or(|armed| deadline < armed)
        {
            self.armed = Some(deadline);
            this.arm(deadline);
        }
        if wakes {
            let error = if this.is_attached() {
                self.take_error()
            } else {
                0
            };
            this.wake(error);
        }
    }

    /// The errno of the connection's end, told once.
    pub(crate) fn take_error(&mut self) -> i32 {
        if self.told || !self.sock.is_over() || self.sock.handle().is_none() {
            return 0;
        }
        self.told = true;
        let mut number = [0; 4];
        match self.sock.getsockopt(SOL_SOCKET, SO_ERROR, &[], &mut number) {
            Ok(_) => i32::from_ne_bytes(number),
            Err(_) => 0,
        }
    }

    fn tell_port(&mut self, port: &Shared<Ports>, now: Instant) {
        if !self.sock.needs_port() {
            return;
        }
        let mut held = port.lock();
        let settled = held.port.settle(now, &mut self.sock);
        let gone = settled.gone.and_then(|handle: Handle| held.forget(handle));
        let listener = self.sock.came_to().filter(|_| settled.acceptable);
        let listener = listener.and_then(|id| held.listener(id));
        drop(held);
        if let Some(listener) = listener {
            listener.wake(0);
        }
        if settled.gone.is_some() {
            self.note_gone();
        }
        // Somebody holds it still: whoever called this.
        drop(gone);
    }

    /// Sends all that may leave now, in trains.
    fn transmit(&mut self, udp: &Udp, now: Instant) -> Sent {
        let Some(mut buffer) = Buffer::take() else {
            return Sent::Starved;
        };
        let mut sent = Sent::Nothing;
        while let Some(train) = self.sock.transmit(now, &mut buffer) {
            let moved = train.path.local.and_then(|local| {
                let mut moves = self.moves.iter().rev();
                moves.find(|udp| udp.serves(local))
            });
            match moved.map_or(udp, |udp| udp).send(&buffer, &train) {
                Err(Errno::EMSGSIZE) => self.sock.on_refused(now, train.segment),
                // What the system does not take is lost, as packets are.
                Ok(()) | Err(_) => {}
            }
            sent = Sent::Something;
            match buffer.renew() {
                Some(another) => buffer = another,
                None => return Sent::Starved,
            }
        }
        if self.sock.is_over() {
            return Sent::Something;
        }
        sent
    }
}

impl Run for Connection {
    fn run(this: &Shared<Self>) {
        let now = clock::now();
        let mut held = this.lock();
        held.armed = None;
        held.sock.expire(now);
        held.settle(this, now, Cause::Network);
    }
}

/// The bit that short headers do not have (RFC 9000 §17.3.1).
const LONG_HEADER: u8 = 0x80;
