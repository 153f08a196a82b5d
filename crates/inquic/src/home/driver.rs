//! One turn of a port's work: datagrams from the kernel in, each run of them to its connection under one lock, packets out.
//!
//! It never waits; whoever runs it sleeps in its way, a thread in poll(2) or a task in its runtime.

use std::io;
use std::sync::Arc;

use inquic_engine::{HeldDatagram, Incoming, Path, Received, first_run};
use inquic_platform::Instant;

use super::clock;
use super::limits;
use super::moves::Extra;
use super::occupant::Occupant;
use super::port::{Destination, Port, new_outbox};
use super::udp::{Inbox, Udp};
use super::waiters::Wakes;
use crate::error::Error;

/// Drives one UDP socket of a port.
pub(crate) struct Driver {
    pub(super) port: Arc<Port>,
    /// Which socket; the port's first one also has timers and lists.
    pub(super) source: Source,
    inbox: Inbox,
    outbox: Box<[u8]>,
    /// Connections to settle in this turn, each once.
    touched: Vec<Occupant>,
    listed: Vec<u32>,
    wakes: Wakes,
}

/// A socket that datagrams of a port come by.
#[derive(Clone)]
pub(super) enum Source {
    /// One of the port's own.
    Port(usize),
    /// One that a connection moved to.
    Extra(Arc<Extra>),
    /// The process that receives for us; packets leave by the port's first socket.
    Link,
}

/// What a turn found.
pub(super) enum Turn {
    /// More datagrams may wait: take another turn.
    Again,
    /// The kernel's queue is empty.
    Idle,
    /// The port has ended.
    Ended,
}

impl Driver {
    pub(super) fn new(port: Arc<Port>, source: Source) -> Self {
        Self {
            port,
            source,
            inbox: Inbox::new(),
            outbox: new_outbox(),
            touched: Vec::new(),
            listed: Vec::new(),
            wakes: Wakes::default(),
        }
    }

    /// Whether it has the timers and lists of its port.
    pub(super) const fn is_first(&self) -> bool {
        matches!(self.source, Source::Port(0))
    }

    /// One turn. `readable` says whether the socket may have datagrams.
    pub(super) fn turn(&mut self, readable: bool) -> Turn {
        // One system call in a turn: what it brings is acknowledged and read while it is in the cache.
        let again = readable && self.reads() && self.receive();
        if self.is_first() {
            self.collect_due();
        }
        self.settle();
        if self.is_first() && self.port.try_end() {
            return Turn::Ended;
        }
        if again || (self.is_first() && !self.port.is_blocked() && self.port.has_listed()) {
            Turn::Again
        } else {
            Turn::Idle
        }
    }

    /// Whether what comes by the socket is for this process to take.
    pub(super) fn reads(&self) -> bool {
        match self.source {
            Source::Port(_) => self.port.reads(),
            Source::Extra(_) => true,
            Source::Link => false,
        }
    }

    /// Takes datagrams that came another way than by the socket.
    pub(super) fn deliver(&mut self, now: Instant, train: Received<'_>) {
        let Self {
            port,
            source,
            touched,
            wakes,
            ..
        } = self;
        deliver(port, source.udp(port), now, train, touched, wakes);
        wakes.wake();
    }

    /// Makes the connection of a client that another process has let in, and gives it what came of it.
    pub(super) fn admit(&mut self, now: Instant, incoming: Incoming) {
        let path = *incoming.path();
        if let Destination::Occupant(occupant, held) = self.port.admit_introduced(now, incoming)
            && receive_held(&occupant, &path, held, &mut self.wakes)
        {
            self.touched.push(occupant);
        }
        self.wakes.wake();
    }

    /// Takes one system call's worth of datagrams; returns whether there may be more.
    fn receive(&mut self) -> bool {
        let more = match self.source.udp(&self.port).receive(&mut self.inbox) {
            Ok(more) => more,
            // An error that an earlier send left in the socket says nothing about what comes next.
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        };
        let now = clock::now();
        let Self {
            port,
            source,
            inbox,
            touched,
            wakes,
            ..
        } = self;
        for train in inbox.trains() {
            deliver(port, source.udp(port), now, train, touched, wakes);
            wakes.wake();
        }
        more
    }

    /// Adds the connections whose time has come and those that the application wrote to.
    fn collect_due(&mut self) {
        let now = self.port.look();
        loop {
            let Some(slot) = self.port.timers().expired(now) else {
                break;
            };
            let due = self.port.find(slot);
            self.touched.extend(due.filter(|due| due.expire(now)));
        }
        if self.port.is_blocked() && !self.port.send_unsent() {
            return;
        }
        self.port.take_listed(&mut self.listed);
        for slot in self.listed.drain(..) {
            let listed = self.port.find(slot);
            self.touched.extend(listed.filter(Occupant::unlist));
        }
    }

    /// Does what follows for the connections that were touched.
    pub(super) fn settle(&mut self) {
        let now = if self.is_first() {
            self.port.recent()
        } else {
            clock::now()
        };
        let udp = self.source.udp(&self.port);
        for occupant in self.touched.drain(..) {
            occupant.settle(now, udp, &mut self.outbox, &mut self.wakes);
            self.wakes.wake();
        }
    }
}

impl Source {
    pub(super) fn udp<'a>(&'a self, port: &'a Port) -> &'a Udp {
        match self {
            Self::Port(index) => &port.udp[*index],
            Self::Extra(extra) => &extra.udp,
            Self::Link => &port.udp[0],
        }
    }
}

impl Drop for Driver {
    /// Whoever ran the driver has stopped, whatever the reason: nobody is to wait for a port that is not driven.
    fn drop(&mut self) {
        if self.is_first() {
            self.port.stop(&Error::RuntimeStopped);
        }
    }
}

/// Hands the datagrams of one train to their connections, a run at a time.
fn deliver(
    port: &Arc<Port>,
    udp: &Udp,
    now: Instant,
    train: Received<'_>,
    touched: &mut Vec<Occupant>,
    wakes: &mut Wakes,
) {
    let Received {
        path,
        mut bytes,
        segment,
        ecn,
    } = train;
    while !bytes.is_empty() {
        let run = first_run(bytes, segment);
        let mut reply = [0; limits::REPLY_BYTES];
        let first = segment.min(run);
        let destination = port.route(now, &path, ecn, &bytes[..first], &mut reply);
        if let Destination::Held = destination {
            bytes = &mut bytes[first..];
            continue;
        }
        let (run, rest) = bytes.split_at_mut(run);
        bytes = rest;
        let run = Received {
            path,
            bytes: run,
            segment,
            ecn,
        };
        match destination {
            Destination::Occupant(occupant, held) => {
                let mut is_new = receive_held(&occupant, &path, held, wakes);
                is_new |= occupant.receive(now, run, wakes);
                if is_new {
                    touched.push(occupant);
                }
            }
            Destination::Reply(bytes) => {
                // An answer that the kernel cannot take is lost, as packets are.
                let _ = udp.send(&path, &reply[..bytes], bytes, 0);
            }
            Destination::Member(member) => {
                if let Some(share) = &port.share {
                    share.forward(member, &run);
                }
            }
            Destination::Held | Destination::Nowhere => {}
        }
    }
}

/// Gives a new connection what came of its client before. Whether it is to be settled in this turn and was not before.
fn receive_held(
    occupant: &Occupant,
    path: &Path,
    datagrams: Vec<HeldDatagram>,
    wakes: &mut Wakes,
) -> bool {
    let mut is_new = false;
    for HeldDatagram { at, ecn, mut bytes } in datagrams {
        let run = Received {
            path: *path,
            segment: bytes.len(),
            bytes: &mut bytes,
            ecn,
        };
        is_new |= occupant.receive(at, run, wakes);
    }
    is_new
}
