//! What waits for recvmsg: handshake messages, events, streams and datagrams in; the next message out, whole or in pieces.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use inquic_uapi::EventType;
use inquic_wire::{Level, StreamId};

use crate::limits;
use crate::options::copy;

/// The queue of one connection.
#[derive(Default)]
pub(super) struct Inbox {
    /// Handshake bytes that were looked at and not taken.
    hello: Option<(Level, Vec<u8>)>,
    /// Events, each with its type byte first.
    events: VecDeque<Vec<u8>>,
    /// Events that found no room.
    pub(super) events_dropped: u64,
    /// Streams with something to read and datagrams, in the order in which they came, each stream once.
    readable: VecDeque<Readable>,
    listed: BTreeSet<StreamId>,
    /// Whether datagrams are among them.
    datagrams_listed: bool,
    /// A datagram of which a part was read, or which was looked at.
    datagram: Option<Vec<u8>>,
}

/// Takes handshake bytes of the engine: their level, and how many they are.
pub(super) type TakeHello<'a> = dyn FnMut(&mut [u8]) -> Option<(Level, usize)> + 'a;

/// What recvmsg can give after handshake messages and events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readable {
    Stream(StreamId),
    Datagrams,
}

/// How a message is given.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    /// It stays: MSG_PEEK.
    pub(super) peek: bool,
    /// What does not fit is thrown away, and its length told: MSG_TRUNC.
    pub(super) cut: bool,
}

/// A piece of a message that is no stream's.
pub(super) struct Piece {
    /// Bytes to tell.
    pub(super) bytes: usize,
    /// Whether it is the message's last.
    pub(super) whole: bool,
    /// Whether the rest was thrown away.
    pub(super) cut: bool,
}

impl Inbox {
    /// Whether an event, a stream or a datagram waits, or handshake bytes that were looked at.
    pub(super) fn is_empty(&self) -> bool {
        self.hello.is_none() && self.events.is_empty() && self.readable.is_empty()
    }

    /// Whether an event waits.
    pub(super) fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether handshake bytes wait that were looked at.
    pub(super) const fn has_hello(&self) -> bool {
        self.hello.is_some()
    }

    /// Handshake bytes, the peeked ones first; `more` takes those of the engine.
    pub(super) fn hello(
        &mut self,
        out: &mut [u8],
        reading: Reading,
        more: &mut TakeHello<'_>,
    ) -> Option<(Level, Piece)> {
        if self.hello.is_none() {
            if !reading.peek {
                let (level, bytes) = more(out)?;
                let piece = Piece {
                    bytes,
                    whole: true,
                    cut: false,
                };
                return Some((level, piece));
            }
            let mut bytes = alloc::vec![0; out.len().clamp(limits::PEEK_LEAST, limits::PEEK)];
            let (level, len) = more(&mut bytes)?;
            bytes.truncate(len);
            self.hello = Some((level, bytes));
        }
        let (level, bytes) = self.hello.as_mut()?;
        let level = *level;
        let piece = take(bytes, out, reading);
        if bytes.is_empty() {
            self.hello = None;
        }
        Some((level, piece))
    }

    /// The event that has waited longest.
    pub(super) fn event(&mut self, out: &mut [u8], reading: Reading) -> Option<Piece> {
        let event = self.events.front_mut()?;
        let piece = take(event, out, reading);
        if event.is_empty() {
            self.events.pop_front();
        }
        Some(piece)
    }

    /// Keeps an event for the program; beyond [`limits::EVENTS`] it is counted and lost.
    pub(super) fn push_event(&mut self, event: EventType, payload: &[u8]) {
        if self.events.len() >= limits::EVENTS {
            self.events_dropped = self.events_dropped.saturating_add(1);
            return;
        }
        let mut bytes = Vec::with_capacity(payload.len().saturating_add(1));
        bytes.push(event as u8);
        bytes.extend_from_slice(payload);
        self.events.push_back(bytes);
    }

    /// What comes after events.
    pub(super) fn front(&self) -> Option<Readable> {
        self.readable.front().copied()
    }

    /// A stream has something to read.
    pub(super) fn push_stream(&mut self, id: StreamId) {
        if self.listed.insert(id) {
            self.readable.push_back(Readable::Stream(id));
        }
    }

    /// Datagrams wait.
    pub(super) fn push_datagrams(&mut self) {
        if !core::mem::replace(&mut self.datagrams_listed, true) {
            self.readable.push_back(Readable::Datagrams);
        }
    }

    /// The front has nothing more.
    pub(super) fn pop(&mut self) {
        match self.readable.pop_front() {
            Some(Readable::Stream(id)) => {
                self.listed.remove(&id);
            }
            Some(Readable::Datagrams) => self.datagrams_listed = false,
            None => {}
        }
    }

    /// A stream got a descriptor of its own.
    pub(super) fn forget(&mut self, id: StreamId) {
        if self.listed.remove(&id) {
            self.readable
                .retain(|&waiting| waiting != Readable::Stream(id));
        }
    }

    /// The first datagram, or what is left of it. `len` is how long the engine's next is, `next` takes it.
    pub(super) fn datagram(
        &mut self,
        out: &mut [u8],
        reading: Reading,
        len: Option<usize>,
        next: &mut dyn FnMut(&mut [u8]) -> Option<usize>,
    ) -> Option<Piece> {
        if self.datagram.is_none() {
            let len = len?;
            if !reading.peek && len <= out.len() {
                return next(out).map(|bytes| Piece {
                    bytes,
                    whole: true,
                    cut: false,
                });
            }
            let mut bytes = alloc::vec![0; len];
            next(&mut bytes)?;
            self.datagram = Some(bytes);
        }
        let bytes = self.datagram.as_mut()?;
        let piece = take(bytes, out, reading);
        if piece.whole && !reading.peek {
            self.datagram = None;
        }
        Some(piece)
    }
}

/// Takes from the front of `bytes` what fits into `out`, or leaves it there when it is only looked at.
fn take(bytes: &mut Vec<u8>, out: &mut [u8], reading: Reading) -> Piece {
    let fits = copy(bytes, out);
    let whole = fits == bytes.len();
    let cut = reading.cut && !whole;
    let told = if cut { bytes.len() } else { fits };
    if !reading.peek {
        bytes.drain(..if cut { bytes.len() } else { fits });
    }
    Piece {
        bytes: told,
        whole: whole || cut,
        cut,
    }
}
