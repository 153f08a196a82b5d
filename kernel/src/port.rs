//! A UDP port with its connections: trains of datagrams in, each to whom it concerns; answers that belong to no connection out.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_engine::{Handle, Incoming, Received, Route, Transmit, first_run};
use inquic_platform::memory::{inserted, pushed, taken};
use inquic_platform::{Instant, Table};
use inquic_socket::Port;
use inquic_socket::port::ListenerId;

use crate::buffer::Buffer;
use crate::cell::{Run, Shared};
use crate::clock;
use crate::connection::Connection;
use crate::listed;
use crate::memory;
use crate::net::Net;
use crate::table;
use crate::udp::{Train, Udp};

/// What the lock of a port guards.
pub(crate) struct Ports {
    pub(crate) port: Port,
    /// Its connections, in the order of their handles.
    pub(crate) connections: Vec<(Handle, Shared<Connection>)>,
    pub(crate) listeners: Vec<(ListenerId, Shared<Connection>)>,
    pub(crate) net: Net,
    pub(crate) udp: Arc<Udp>,
    /// UDP sockets at other addresses, where connections have moved.
    pub(crate) extras: Vec<Extra>,
}

/// Another UDP socket, with the connections that it receives for.
pub(crate) struct Extra {
    udp: Arc<Udp>,
    users: Table<Handle, ()>,
}

impl Ports {
    pub(crate) fn find(&self, handle: Handle) -> Option<Shared<Connection>> {
        let at = self.place(handle).ok()?;
        self.connections.get(at).map(|(_, found)| found.clone())
    }

    /// Keeps a connection; false without memory.
    pub(crate) fn keep(&mut self, handle: Handle, connection: Shared<Connection>) -> bool {
        match self.place(handle) {
            Ok(_) => true,
            Err(at) => inserted(&mut self.connections, at, (handle, connection)),
        }
    }

    pub(crate) fn forget(&mut self, handle: Handle) -> Option<Shared<Connection>> {
        let at = self.place(handle).ok()?;
        self.extras
            .retain_mut(|extra| extra.is_used_without(handle));
        taken(&mut self.connections, at).map(|(_, connection)| connection)
    }

    /// Takes datagrams for a connection from another UDP socket, too; false without memory.
    pub(crate) fn add_extra(&mut self, handle: Handle, udp: Arc<Udp>) -> bool {
        let mut extras = self.extras.iter_mut();
        if let Some(extra) = extras.find(|extra| Arc::ptr_eq(&extra.udp, &udp)) {
            return extra.users.insert(handle, ()).is_ok();
        }
        let mut users = Table::new();
        users.insert(handle, ()).is_ok() && pushed(&mut self.extras, Extra { udp, users })
    }

    pub(crate) fn remove_extra(&mut self, handle: Handle, udp: &Arc<Udp>) {
        self.extras
            .retain_mut(|extra| !Arc::ptr_eq(&extra.udp, udp) || extra.is_used_without(handle));
    }

    /// The UDP socket at that address, beside the port's own, if one of its connections has it.
    pub(crate) fn extra(&self, local: SocketAddr) -> Option<Arc<Udp>> {
        let mut sockets = self.extras.iter().map(|extra| &extra.udp);
        sockets.find(|udp| udp.serves(local)).cloned()
    }

    pub(crate) fn listener(&self, id: ListenerId) -> Option<Shared<Connection>> {
        let found = self.listeners.iter().find(|(listener, _)| *listener == id);
        found.map(|(_, listener)| listener.clone())
    }

    fn place(&self, handle: Handle) -> Result<usize, usize> {
        self.connections
            .binary_search_by_key(&handle, |(handle, _)| *handle)
    }
}

impl Extra {
    /// A connection does not use it any more; whether others do.
    fn is_used_without(&mut self, handle: Handle) -> bool {
        self.users.remove(&handle);
        !self.users.is_empty()
    }
}

impl Run for Ports {
    fn run(this: &Shared<Self>) {
        let Some(mut buffer) = Buffer::take() else {
            // The datagrams wait in the socket; the next one asks again.
            return;
        };
        let (udp, extras) = {
            let held = this.lock();
            (held.udp.clone(), held.other_sockets())
        };
        let mut more = drain(this, &udp, &mut buffer);
        for extra in &extras {
            more |= drain(this, extra, &mut buffer);
        }
        if more {
            // Others have their turn before this port goes on.
            this.kick();
        }
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        table::leave(&self.udp);
        // Connections may have the sockets for a moment longer than the port.
        self.udp.detach();
        for extra in &self.extras {
            extra.udp.detach();
        }
    }
}

/// Takes what has come to a UDP socket; whether there may be more.
fn drain(this: &Shared<Ports>, udp: &Udp, buffer: &mut [u8]) -> bool {
    for _ in 0..TRAINS {
        let train = if udp.waits() {
            udp.receive(buffer)
        } else {
            None
        };
        let Some(train) = train else {
            return false;
        };
        if let Some(bytes) = buffer.get_mut(..train.bytes) {
            deliver(this, udp, bytes, &train);
        }
    }
    true
}

impl Ports {
    /// The UDP sockets at other addresses; none for want of memory, and then the next datagram asks again.
    fn other_sockets(&self) -> Vec<Arc<Udp>> {
        let mut sockets = Vec::new();
        if sockets.try_reserve_exact(self.extras.len()).is_ok() {
            sockets.extend(self.extras.iter().map(|extra| extra.udp.clone()));
        }
        sockets
    }
}

/// Where a run of datagrams goes.
enum Way {
    To(Shared<Connection>),
    /// The first of them is kept, and each of the others is looked at.
    Held,
    Nowhere,
}

/// Gives each run of datagrams of a train to the connection that they are for.
fn deliver(this: &Shared<Ports>, udp: &Udp, mut bytes: &mut [u8], train: &Train) {
    let now = clock::now();
    while !bytes.is_empty() {
        let run = first_run(bytes, train.segment);
        let first = train.segment.clamp(1, run.max(1));
        let Some(datagram) = bytes.get(..first) else {
            return;
        };
        let way = route(this, udp, now, datagram, train);
        let taken = if matches!(way, Way::Held) { first } else { run };
        let Some((run, rest)) = bytes.split_at_mut_checked(taken) else {
            return;
        };
        if let Way::To(connection) = way {
            hand_over(&connection, now, run, train);
        }
        bytes = rest;
    }
}

/// Gives a run of datagrams to a connection.
fn hand_over(connection: &Shared<Connection>, now: Instant, bytes: &mut [u8], train: &Train) {
    let datagrams = Received {
        path: train.path,
        bytes,
        segment: train.segment,
        ecn: train.ecn,
    };
    Connection::receive(connection, now, datagrams);
}

/// Which connection a datagram is for; one that wants to begin is let in, and one that is answered without a connection is answered.
#[inline(never)]
fn route(this: &Shared<Ports>, udp: &Udp, now: Instant, datagram: &[u8], train: &Train) -> Way {
    let Some(mut reply) = Buffer::take() else {
        return Way::Nowhere;
    };
    let mut held = this.lock();
    let mut before = Vec::new();
    let route = held
        .port
        .route_marked(now, &train.path, train.ecn, datagram, &mut reply);
    let otherwise = match route {
        Route::Held => Way::Held,
        _ => Way::Nowhere,
    };
    let target = match route {
        Route::Connection(handle) => Some(handle),
        Route::Incoming(mut incoming) => {
            before = incoming.take_datagrams();
            admit(this, &mut held, now, &incoming)
        }
        Route::Reply(bytes) => {
            let answer = Transmit {
                path: train.path,
                bytes,
                segment: bytes,
                ecn: 0,
            };
            // It may be lost, as anything may that UDP carries.
            let _ = udp.send(&reply, &answer);
            None
        }
        Route::Drop(reason) => {
            listed::count_drop(held.net, reason);
            None
        }
        // All who share a port of the kernel's are in it.
        Route::Held | Route::Forward(_) => None,
    };
    let connection = target.and_then(|handle| held.find(handle));
    drop(held);
    let Some(connection) = connection else {
        return otherwise;
    };
    for mut datagram in before {
        let earlier = Train {
            path: train.path,
            bytes: datagram.bytes.len(),
            segment: datagram.bytes.len(),
            ecn: datagram.ecn,
        };
        hand_over(&connection, datagram.at, &mut datagram.bytes, &earlier);
    }
    Way::To(connection)
}

/// Lets a client in, as a connection of the port. Apart, since the stack is small and connections are not.
#[inline(never)]
fn admit(
    this: &Shared<Ports>,
    held: &mut Ports,
    now: Instant,
    incoming: &Incoming,
) -> Option<Handle> {
    if memory::is_full() {
        // The client's retransmission asks again, with the same token.
        held.port.endpoint_mut().turn_away(incoming);
        return None;
    }
    let (handle, sock) = held.port.admit_sock(now, incoming).ok()?;
    let connection = Connection::of_client(sock, held.net, this.clone(), held.udp.clone());
    let kept = Shared::new(held.net.0, connection).is_ok_and(|shared| held.keep(handle, shared));
    if !kept {
        held.port.give_up(incoming, handle);
        return None;
    }
    Some(handle)
}

/// Trains that a port takes before others have their turn.
const TRAINS: usize = 64;
