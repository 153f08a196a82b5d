//! A QUIC socket of a program: its calls, datagrams and time in; packets, levels of its descriptors and wakes out. One lock.
//!
//! What a call means is decided by [`inquic_socket::Sock`]. Whoever holds this lock may take one of the port's; nobody holds two
//! of these at once.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use inquic_engine::Received;
use inquic_platform::Instant;
use inquic_socket::Errno;
use inquic_socket::sock::Sock;
use inquic_uapi::flags::{POLLERR, POLLIN, POLLOUT};
use inquic_wire::StreamId;
use socket2::Socket;

use super::bound::errno_of;
use super::opened::Opened;
use crate::home::agenda::Agenda;
use crate::home::moves::{Moves, Share};
use crate::home::port::Port;
use crate::home::udp::{Sent, Udp};
use crate::home::waiters::Wakes;
use crate::home::{clock, limits};

/// A program's socket.
pub(crate) struct Served {
    /// Its UDP port, once it is bound.
    pub(super) port: OnceLock<Arc<Port>>,
    lock: Mutex<Held>,
}

/// What the lock guards.
pub(super) struct Held {
    pub(super) sock: Sock,
    /// A UDP socket that is not bound, with the options that were set before bind().
    pub(super) unbound: Option<Socket>,
    /// Keeps the port while no connection does.
    pub(super) hold: Option<Hold>,
    /// Its descriptors: the socket's own, if it is open, and those of streams.
    pub(super) opened: Vec<Arc<Opened>>,
    waiting: Vec<Waiting>,
    moves: Option<Box<Moves>>,
    /// Its place in the port's table, once it is a connection.
    pub(super) slot: Option<u32>,
    agenda: Agenda,
    /// Whether nobody drives the port any more.
    stopped: bool,
}

/// Who makes a call.
pub(super) struct Caller<'a> {
    /// Wakes it when it waits.
    pub(super) waker: &'a Waker,
    /// Whether its descriptor may have to show that it is not writable.
    pub(super) may_fill: bool,
}

/// A call waits.
pub(super) struct Wait {
    /// For something to receive; to send otherwise.
    pub(super) receives: bool,
}

/// A call that waits.
struct Waiting {
    /// For which descriptor, the number of its stream if it is one's.
    stream: Option<StreamId>,
    receives: bool,
    waker: Waker,
}

/// A share of a port: it stays while there is one, or a connection.
pub(super) struct Hold(pub(super) Arc<Port>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Served {
    /// The socket of a program.
    pub(super) fn new(sock: Sock) -> Arc<Self> {
        Arc::new(Self::with(sock, OnceLock::new(), None))
    }

    /// A connection that has come to `port`.
    pub(in crate::home) fn admitted(sock: Sock, port: Arc<Port>, slot: u32) -> Self {
        Self::with(sock, OnceLock::from(port), Some(slot))
    }

    const fn with(sock: Sock, port: OnceLock<Arc<Port>>, slot: Option<u32>) -> Self {
        Self {
            port,
            lock: Mutex::new(Held {
                sock,
                unbound: None,
                hold: None,
                opened: Vec::new(),
                waiting: Vec::new(),
                moves: None,
                slot,
                agenda: Agenda::new(),
                stopped: false,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The UDP port, if it is bound.
    pub(super) fn port(&self) -> Option<&Arc<Port>> {
        self.port.get()
    }

    /// Makes a call and does what follows from it.
    pub(super) fn act<T>(&self, call: impl FnOnce(&mut Held, Instant) -> T) -> T {
        let now = clock::now();
        let mut wakes = Wakes::default();
        let mut held = self.lock();
        let answer = call(&mut held, now);
        self.follow(&mut held, now, &mut wakes);
        drop(held);
        wakes.wake();
        answer
    }

    /// Makes a call on a descriptor: its answer, and what the descriptor's library has to do. What follows from the call is left to
    /// [`Served::catch_up`], so that the program gets its answer before that. A call that says [`Wait`] leaves its waker, has no
    /// answer, and all has followed.
    pub(super) fn act_for<T>(
        &self,
        opened: &Opened,
        caller: &Caller<'_>,
        call: impl FnOnce(&mut Held, Instant) -> Result<T, Wait>,
    ) -> Option<(T, u32)> {
        let now = clock::now();
        let mut held = self.lock();
        let receives = match call(&mut held, now) {
            Ok(answer) => {
                let port = self.port.get().map(|port| &**port);
                let mask = held.mask(port, opened.stream);
                // A call may be the first to find the connection ended: who was told of it by an answer is told of it by poll.
                if mask & POLLERR != 0 && !opened.has_hung_up() {
                    held.show(port);
                }
                return Some((answer, opened.orders(mask, caller.may_fill)));
            }
            Err(Wait { receives }) => receives,
        };
        held.waiting.push(Waiting {
            stream: opened.stream,
            receives,
            waker: caller.waker.clone(),
        });
        let mut wakes = Wakes::default();
        self.follow(&mut held, now, &mut wakes);
        drop(held);
        wakes.wake();
        None
    }

    /// Does what follows from a call.
    pub(super) fn catch_up(&self) {
        self.act(|_, _| ());
    }

    /// Calls that wait are tried again.
    pub(super) fn retry_waiting(&self) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        for call in waiting {
            call.waker.wake();
        }
    }

    /// A call that waited does not any more.
    pub(super) fn forget_waiting(&self, waker: &Waker) {
        self.act(|held, _| {
            held.waiting
                .retain(|waiting| !waiting.waker.will_wake(waker));
        });
    }

    /// Another local address for the connection, which is to be received at before it is told.
    pub(super) fn receive_at(
        &self,
        held: &mut Held,
        now: Instant,
        address: SocketAddr,
    ) -> Result<(), i32> {
        let port = self.port.get().ok_or(libc::EINVAL)?;
        let share = Share::bind(port, address).map_err(|error| errno_of(&error))?;
        let local = share.local();
        held.moves.get_or_insert_default().keep(share);
        held.sock.on_receiving(now, local).map_err(Errno::number)
    }

    /// The last descriptor of the socket itself was closed; what it was not told of is not accepted any more.
    pub(in crate::home) fn close(&self) {
        let unaccepted = self.act(|held, now| {
            let mut unaccepted = Vec::new();
            if let Some(port) = self.port.get().filter(|_| held.sock.is_listening()) {
                unaccepted = port.unlisten(&mut held.sock);
            }
            held.sock.close(now);
            unaccepted
        });
        for occupant in unaccepted {
            occupant.close();
        }
        // After what had to leave has left.
        let hold = self.lock().hold.take();
        drop(hold);
    }

    /// Whether nothing that was written before close() is on its way any more.
    pub(super) fn is_delivered(&self) -> bool {
        let held = self.lock();
        held.stopped || held.slot.is_none() || held.sock.is_over()
    }

    /// Takes datagrams. Whether it is to be settled in this turn and was not before.
    pub(in crate::home) fn receive(&self, now: Instant, run: Received<'_>) -> bool {
        let mut held = self.lock();
        held.sock.receive(now, run);
        held.agenda.touch()
    }

    /// The timer has come. Whether it is to be settled in this turn and was not before.
    pub(in crate::home) fn expire(&self, now: Instant) -> bool {
        let mut held = self.lock();
        held.agenda.disarm();
        let deadline = held.sock.next_deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            held.sock.expire(now);
        }
        held.agenda.touch()
    }

    /// It was on the port's list. Whether it is to be settled in this turn and was not before.
    pub(in crate::home) fn unlist(&self) -> bool {
        let mut held = self.lock();
        held.agenda.on_unlisted();
        held.agenda.touch()
    }

    /// Does what follows from what it was told in this turn.
    pub(in crate::home) fn settle_turn(
        &self,
        now: Instant,
        udp: &Udp,
        outbox: &mut [u8],
        wakes: &mut Wakes,
    ) {
        let mut held = self.lock();
        held.agenda.on_settled();
        if let Some(port) = self.port.get() {
            self.settle(&mut held, port, now, Some((udp, outbox)), wakes);
        }
    }

    /// Nobody drives the port any more.
    pub(in crate::home) fn fail(&self, wakes: &mut Wakes) {
        let mut held = self.lock();
        held.stopped = true;
        held.sock.close(clock::now());
        held.tell(self.port.get(), true, wakes);
    }

    /// Does what follows from a call.
    fn follow(&self, held: &mut Held, now: Instant, wakes: &mut Wakes) {
        let Some(port) = self.port.get() else {
            held.tell(None, false, wakes);
            return;
        };
        if held.sock.is_corked() {
            self.settle(held, port, now, None, wakes);
        } else {
            let mut outbox = port.take_outbox();
            self.settle(held, port, now, Some((&port.udp[0], &mut outbox)), wakes);
            port.give_outbox(outbox);
        }
        held.tell(Some(port), false, wakes);
    }

    /// Packets leave by `out`, if there is one; who waits is woken, and the timer set.
    fn settle(
        &self,
        held: &mut Held,
        port: &Arc<Port>,
        now: Instant,
        out: Option<(&Udp, &mut [u8])>,
        wakes: &mut Wakes,
    ) {
        let mut changed = held.sock.take_changes();
        if held.sock.needs_port() {
            held.with_port(port, now, wakes);
        }
        let mut more = false;
        if let Some((udp, outbox)) = out {
            more = true;
            for _ in 0..limits::TRANSMIT_BATCHES {
                more = port.is_blocked() || held.transmit(port, now, udp, outbox);
                if !more || port.is_blocked() {
                    break;
                }
            }
            changed |= held.sock.take_changes();
            if held.sock.needs_port() {
                held.with_port(port, now, wakes);
            }
        }
        if changed {
            held.tell(Some(port), true, wakes);
        }
        let Some(slot) = held.slot else {
            return;
        };
        if more {
            held.agenda.list(port, slot);
        }
        let deadline = held.sock.next_deadline();
        held.agenda.arm(port, slot, deadline);
    }
}

impl Held {
    fn with_port(&mut self, port: &Port, now: Instant, wakes: &mut Wakes) {
        if port.settle_served(now, self.slot, &mut self.sock, wakes) {
            self.slot = None;
            self.agenda.disarm();
            self.moves = None;
        }
    }

    /// Sends one batch; returns whether there may be another.
    fn transmit(&mut self, port: &Port, now: Instant, udp: &Udp, outbox: &mut [u8]) -> bool {
        let Some(batch) = self.sock.transmit(now, outbox) else {
            return false;
        };
        let moves = &self.moves;
        let extra = |local| moves.as_ref()?.find(local);
        match port.send(udp, &batch, &outbox[..batch.bytes], extra) {
            // Where there is no way, packets are lost, and the program hears of the timeout.
            Sent::Done | Sent::Unreachable => {}
            Sent::Blocked => port.keep_unsent(&batch, &outbox[..batch.bytes]),
            Sent::TooLarge => self.sock.on_refused(now, batch.segment),
        }
        true
    }

    /// Shows the levels on the descriptors; wakes whoever waits when something has `changed`.
    fn tell(&mut self, port: Option<&Arc<Port>>, changed: bool, wakes: &mut Wakes) {
        self.show(port.map(|port| &**port));
        if changed || self.waiting_is_over(port) {
            for waiting in self.waiting.drain(..) {
                wakes.push(waiting.waker);
            }
        }
    }

    /// Shows the levels on the descriptors.
    fn show(&mut self, port: Option<&Port>) {
        let all = std::mem::take(&mut self.opened);
        for opened in &all {
            let mut mask = self.mask(port, opened.stream);
            // Whoever waits to receive takes it; the level would go up and down for nothing.
            let receives = |waiting: &Waiting| waiting.receives && waiting.stream == opened.stream;
            if mask & POLLERR == 0 && self.waiting.iter().any(receives) {
                mask &= !POLLIN;
            }
            opened.show(mask);
        }
        self.opened = all;
    }

    /// Whether a call waits on a listener for what is there: its queue is the port's, and tells no changes.
    fn waiting_is_over(&mut self, port: Option<&Arc<Port>>) -> bool {
        !self.waiting.is_empty()
            && self.sock.is_listening()
            && self.mask(port.map(|port| &**port), None) & POLLIN != 0
    }

    /// The mask of poll(2).
    pub(super) fn mask(&mut self, port: Option<&Port>, stream: Option<StreamId>) -> u32 {
        let sock = &mut self.sock;
        match (stream, port) {
            (Some(stream), _) => sock.stream_poll(stream),
            (None, Some(port)) if sock.is_listening() => port.with(|port| sock.poll(Some(port))),
            // Neither connected nor listening, it has not hung up: it may still become something.
            (None, _) if sock.handle().is_none() => POLLOUT,
            (None, _) => sock.poll(None),
        }
    }
}

#[cfg(test)]
mod tests;
