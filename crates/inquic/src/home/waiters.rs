//! Who waits for what on one connection: wakers in, those to wake out. Nothing is held for a connection on which nobody waits.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::task::{Context, Waker};

use inquic_wire::{Direction, StreamId};

use super::datagrams::{DatagramNews, DatagramWaiters};

/// The wakers of one connection's callers.
#[derive(Default)]
pub(crate) struct Waiters {
    streams: HashMap<u64, StreamWaiters, BuildHasherDefault<NumberHasher>>,
    incoming: [Vec<Waker>; 2],
    opening: [Vec<Waker>; 2],
    established: Vec<Waker>,
    closed: Vec<Waker>,
    /// Most connections send no datagrams.
    datagrams: Option<Box<DatagramWaiters>>,
}

#[derive(Default)]
struct StreamWaiters {
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Wakers taken under a lock, to be woken when it is released.
#[derive(Default)]
pub(crate) struct Wakes(Vec<Waker>);

impl Waiters {
    pub(crate) fn wait_to_read(&mut self, id: StreamId, context: &Context<'_>) {
        set(
            &mut self.streams.entry(id.to_u64()).or_default().reader,
            context,
        );
    }

    pub(crate) fn wait_to_write(&mut self, id: StreamId, context: &Context<'_>) {
        set(
            &mut self.streams.entry(id.to_u64()).or_default().writer,
            context,
        );
    }

    pub(crate) fn wait_for_incoming(&mut self, direction: Direction, context: &Context<'_>) {
        push(&mut self.incoming[place(direction)], context);
    }

    pub(crate) fn wait_to_open(&mut self, direction: Direction, context: &Context<'_>) {
        push(&mut self.opening[place(direction)], context);
    }

    pub(crate) fn wait_for_established(&mut self, context: &Context<'_>) {
        push(&mut self.established, context);
    }

    pub(crate) fn wait_for_close(&mut self, context: &Context<'_>) {
        push(&mut self.closed, context);
    }

    pub(crate) fn on_readable(&mut self, id: StreamId, wakes: &mut Wakes) {
        self.take_stream(id, |waiters| waiters.reader.take(), wakes);
    }

    pub(crate) fn on_writable(&mut self, id: StreamId, wakes: &mut Wakes) {
        self.take_stream(id, |waiters| waiters.writer.take(), wakes);
    }

    pub(crate) fn on_incoming(&mut self, direction: Direction, wakes: &mut Wakes) {
        wakes.0.append(&mut self.incoming[place(direction)]);
    }

    pub(crate) fn on_may_open(&mut self, direction: Direction, wakes: &mut Wakes) {
        wakes.0.append(&mut self.opening[place(direction)]);
    }

    pub(crate) fn on_established(&mut self, wakes: &mut Wakes) {
        // Most connections are waited for once: their memory is given back.
        wakes.0.append(&mut std::mem::take(&mut self.established));
    }

    /// The connection is over: everybody is to look.
    pub(crate) fn on_closed(&mut self, wakes: &mut Wakes) {
        let all = std::mem::take(self);
        for (_, waiters) in all.streams {
            wakes.0.extend(waiters.reader);
            wakes.0.extend(waiters.writer);
        }
        for waiting in all.incoming.into_iter().chain(all.opening) {
            wakes.0.extend(waiting);
        }
        wakes.0.extend(all.established);
        wakes.0.extend(all.closed);
        if let Some(datagrams) = all.datagrams {
            datagrams.wake_all(wakes);
        }
    }

    /// Those who wait for datagrams.
    pub(super) fn datagrams(&mut self) -> &mut DatagramWaiters {
        self.datagrams.get_or_insert_default()
    }

    pub(super) fn on_datagrams(&mut self, news: DatagramNews, wakes: &mut Wakes) {
        if let Some(datagrams) = &mut self.datagrams {
            datagrams.wake(news, wakes);
        }
    }

    fn take_stream(
        &mut self,
        id: StreamId,
        take: impl FnOnce(&mut StreamWaiters) -> Option<Waker>,
        wakes: &mut Wakes,
    ) {
        let Some(waiters) = self.streams.get_mut(&id.to_u64()) else {
            return;
        };
        wakes.0.extend(take(waiters));
        if waiters.reader.is_none() && waiters.writer.is_none() {
            self.streams.remove(&id.to_u64());
        }
    }
}

impl Wakes {
    pub(crate) fn push(&mut self, waker: Waker) {
        self.0.push(waker);
    }

    /// Wakes them all. No lock may be held.
    pub(crate) fn wake(&mut self) {
        for waker in self.0.drain(..) {
            waker.wake();
        }
    }
}

fn set(place: &mut Option<Waker>, context: &Context<'_>) {
    match place {
        Some(waker) if waker.will_wake(context.waker()) => {}
        _ => *place = Some(context.waker().clone()),
    }
}

pub(super) fn push(waiting: &mut Vec<Waker>, context: &Context<'_>) {
    if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
        waiting.push(context.waker().clone());
    }
}

const fn place(direction: Direction) -> usize {
    match direction {
        Direction::Bidirectional => 0,
        Direction::Unidirectional => 1,
    }
}

/// Spreads numbers that this end hands out or waits on, so that a peer cannot choose what collides.
#[derive(Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
