//! What follows from a change on one connection: its news are told, TLS takes its step, packets leave, the timer is set.
//!
//! Both the driver and an application's thread come here, with the connection's lock held. Of the port's locks at most one is
//! taken at a time, and only for a moment.

use inquic_engine::Received;
use inquic_platform::Instant;
use inquic_socket::News;

use super::datagrams::DatagramNews;
use super::entry::{Entry, Held};
use super::limits;
use super::tls::Handshaking;
use super::udp::{Sent, Udp};
use super::waiters::Wakes;
use crate::error::Error;

impl Entry {
    /// Takes datagrams. Whether it is to be settled in this turn and was not before.
    pub(super) fn receive(&self, now: Instant, run: Received<'_>, wakes: &mut Wakes) -> bool {
        let Received {
            path,
            bytes,
            segment,
            ecn,
        } = run;
        let mut held = self.lock();
        // While TLS is at work it takes its step after each datagram: what opens the next may be in this one.
        let at_once = if held.socket.is_handshaking() {
            segment.max(1)
        } else {
            bytes.len().max(1)
        };
        for bytes in bytes.chunks_mut(at_once) {
            let held = &mut *held;
            held.socket.receive(
                now,
                Received {
                    path,
                    bytes,
                    segment,
                    ecn,
                },
            );
            held.trace.drain(&mut held.socket);
            if held.socket.is_handshaking() {
                self.tell_news(held, now, wakes);
            }
        }
        held.agenda.touch()
    }

    /// The timer has come. Whether it is to be settled in this turn and was not before.
    pub(super) fn expire(&self, now: Instant) -> bool {
        let mut held = self.lock();
        held.agenda.disarm();
        let deadline = held.socket.next_deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            held.socket.expire(now);
        }
        held.agenda.touch()
    }

    /// It was on the port's list. Whether it is to be settled in this turn and was not before.
    pub(super) fn unlist(&self) -> bool {
        let mut held = self.lock();
        held.agenda.on_unlisted();
        held.agenda.touch()
    }

    /// Does what follows from what it was told in this turn.
    pub(super) fn settle_turn(
        &self,
        now: Instant,
        udp: &Udp,
        outbox: &mut [u8],
        wakes: &mut Wakes,
    ) {
        let mut held = self.lock();
        held.agenda.on_settled();
        self.settle(&mut held, now, udp, outbox, wakes);
    }

    /// Does what follows from a change. Packets leave by the socket `udp`, built in `outbox`.
    pub(super) fn settle(
        &self,
        held: &mut Held,
        now: Instant,
        udp: &Udp,
        outbox: &mut [u8],
        wakes: &mut Wakes,
    ) {
        held.left = 0;
        let mut more = true;
        for _ in 0..limits::TRANSMIT_BATCHES {
            self.tell_news(held, now, wakes);
            more = self.port.is_blocked() || self.transmit(held, now, udp, outbox, wakes);
            if !more || self.port.is_blocked() {
                break;
            }
        }
        self.tell_news(held, now, wakes);
        if more {
            held.agenda.list(&self.port, self.slot);
        }
        if held.socket.needs_port() {
            self.port.service(now, &mut held.socket);
        }
        held.trace.drain(&mut held.socket);
        let deadline = held.socket.next_deadline();
        held.agenda.arm(&self.port, self.slot, deadline);
    }

    /// Sends one batch; returns whether there may be another.
    fn transmit(
        &self,
        held: &mut Held,
        now: Instant,
        udp: &Udp,
        outbox: &mut [u8],
        wakes: &mut Wakes,
    ) -> bool {
        let batch = held.socket.transmit(now, outbox);
        held.trace.drain(&mut held.socket);
        let Some(batch) = batch else {
            return false;
        };
        let extra = |local| held.extra(local);
        match self.port.send(udp, &batch, &outbox[..batch.bytes], extra) {
            Sent::Done => {}
            Sent::Blocked => self.port.keep_unsent(&batch, &outbox[..batch.bytes]),
            Sent::Unreachable if held.socket.is_handshaking() && !held.is_server() => {
                held.fail(now, Error::NoRoute(batch.path.remote), wakes);
                return false;
            }
            Sent::Unreachable => {}
            Sent::TooLarge => held.socket.on_refused(now, batch.segment),
        }
        true
    }

    pub(super) fn tell_news(&self, held: &mut Held, now: Instant, wakes: &mut Wakes) {
        while let Some(news) = held.socket.next_news() {
            match news {
                News::Handshake => held.step(now, wakes),
                News::Early => {
                    held.early = true;
                    held.waiters.on_established(wakes);
                    self.offer(held, now, wakes);
                }
                News::Established => {
                    held.established = true;
                    held.waiters.on_established(wakes);
                    // One that was early is in the queue already, or was accepted.
                    if !held.early {
                        self.offer(held, now, wakes);
                    }
                }
                News::Token => {
                    if let Some((tokens, remote)) = &self.tokens {
                        tokens.keep((*remote, held.socket.version()), held.socket.token());
                    }
                }
                News::Confirmed | News::Delivered(_) => {}
                News::Migrated => held.on_moved(true, wakes),
                News::MigrationFailed => held.on_moved(false, wakes),
                News::Incoming(direction) => {
                    held.waiters.on_incoming(direction, wakes);
                    held.raise_incoming(direction);
                }
                News::Readable(id) => {
                    held.waiters.on_readable(id, wakes);
                    held.level_readable(id);
                }
                News::Writable(id) => {
                    held.waiters.on_writable(id, wakes);
                    held.level_writable(id);
                }
                News::MayOpen(direction) => held.waiters.on_may_open(direction, wakes),
                News::DatagramReceived => {
                    held.waiters.on_datagrams(DatagramNews::Received, wakes);
                    held.level_datagrams();
                }
                News::DatagramRoom => held.waiters.on_datagrams(DatagramNews::Room, wakes),
                News::DatagramFates => held.waiters.on_datagrams(DatagramNews::Fates, wakes),
                News::Closed => {
                    held.waiters.on_closed(wakes);
                    held.raise_all();
                }
                News::Gone => {
                    self.port.remove(self.slot, &held.socket);
                    held.agenda.disarm();
                    held.waiters.on_closed(wakes);
                    held.raise_all();
                }
            }
        }
    }

    /// Queues a server's connection for accept().
    fn offer(&self, held: &mut Held, now: Instant, wakes: &mut Wakes) {
        if held.is_server() && !self.port.on_established(&held.socket, wakes) {
            held.socket.abort(now, 0, b"");
        }
    }
}

impl Held {
    /// One step of TLS. Failing ends the connection with the reason that TLS gives.
    pub(super) fn step(&mut self, now: Instant, wakes: &mut Wakes) {
        let mut socket = Handshaking {
            socket: &mut self.socket,
            now,
        };
        if let Err(error) = self.session.step(&mut socket) {
            // What the engine or the peer says about the end is better than that a call on the socket failed.
            if (error.alert().is_some() || error.is_violation())
                && self.failure.is_none()
                && self.socket.close_reason().is_none_or(is_ours)
            {
                self.failure = Some(Error::handshake(&error));
            }
            self.waiters.on_closed(wakes);
        }
    }

    /// Ends the connection for a reason that the engine does not know.
    pub(super) fn fail(&mut self, now: Instant, error: Error, wakes: &mut Wakes) {
        self.failure.get_or_insert(error);
        self.socket.abort(now, 0, b"");
        self.waiters.on_closed(wakes);
        self.raise_all();
    }
}

const fn is_ours(reason: &inquic_engine::CloseReason) -> bool {
    matches!(reason, inquic_engine::CloseReason::Transport(_))
}
