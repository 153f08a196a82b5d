//! What waits for recvmsg: handshake messages, events, streams and datagrams in; the next message out, whole or in pieces.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use inquic_platform::Table;
use inquic_platform::memory::{self, NoMemory};
use inquic_uapi::EventType;
use inquic_wire::{Level, Role, StreamId};

use crate::limits;
use crate::options::copy;

/// The queue of one connection.
#[derive(Default)]
pub(super) struct Inbox {
    /// Handshake bytes that were looked at and not taken.
    hello: Option<(Level, Vec<u8>)>,
    /// Events, each with its type byte first.
    events: VecDeque<Vec<u8>>,
    /// Events that found no room or no memory.
    pub(super) events_dropped: u64,
    /// Streams with something to read and datagrams, in the order in which they came, each stream once.
    readable: VecDeque<Readable>,
    listed: Table<StreamId, ()>,
    /// Whether something came for which there was no memory in the list: it is looked for when the list is empty.
    pub(super) unlisted: bool,
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
        self.hello.is_none() && self.events.is_empty() && !self.has_data()
    }

    /// Whether a stream or a datagram waits.
    fn has_data(&self) -> bool {
        !self.readable.is_empty() || self.unlisted
    }

    /// Whether a datagram was read in part, or looked at.
    pub(super) const fn has_datagram(&self) -> bool {
        self.datagram.is_some()
    }

    /// Whether an event waits.
    pub(super) fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Bytes of the event that has waited longest.
    pub(super) fn event_len(&self) -> Option<usize> {
        self.events.front().map(Vec::len)
    }

    /// Bytes that are left of a datagram that was read in part, or looked at.
    pub(super) fn datagram_len(&self) -> Option<usize> {
        self.datagram.as_ref().map(Vec::len)
    }

    /// Whether handshake bytes wait that were looked at.
    pub(super) const fn has_hello(&self) -> bool {
        self.hello.is_some()
    }

    /// Handshake bytes, the peeked ones first; `more` takes those of the engine. Without memory to look at them they stay there.
    pub(super) fn hello(
        &mut self,
        out: &mut [u8],
        reading: Reading,
        more: &mut TakeHello<'_>,
    ) -> Result<Option<(Level, Piece)>, NoMemory> {
        if self.hello.is_none() {
            if !reading.peek {
                return Ok(more(out).map(|(level, bytes)| (level, Piece::whole(bytes))));
            }
            let bytes = memory::zeroed(out.len().clamp(limits::PEEK_LEAST, limits::PEEK));
            let mut bytes = bytes.ok_or(NoMemory)?;
            let Some((level, len)) = more(&mut bytes) else {
                return Ok(None);
            };
            bytes.truncate(len);
            self.hello = Some((level, bytes));
        }
        let Some((level, bytes)) = &mut self.hello else {
            return Ok(None);
        };
        let level = *level;
        let piece = take(bytes, out, reading);
        if bytes.is_empty() {
            self.hello = None;
        }
        Ok(Some((level, piece)))
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

    /// Keeps an event for the program; beyond [`limits::EVENTS`], and without memory, it is counted and lost.
    pub(super) fn push_event(&mut self, event: EventType, payload: &[u8]) {
        let has_room = self.events.len() < limits::EVENTS;
        let message = has_room.then(|| message(event, payload)).flatten();
        if !message.is_some_and(|message| memory::queued(&mut self.events, message)) {
            self.drop_event();
        }
    }

    /// An event is lost.
    pub(super) const fn drop_event(&mut self) {
        self.events_dropped = self.events_dropped.saturating_add(1);
    }

    /// What comes after events.
    pub(super) fn front(&self) -> Option<Readable> {
        self.readable.front().copied()
    }

    /// A stream has something to read.
    pub(super) fn push_stream(&mut self, id: StreamId) {
        if self.listed.contains(&id) {
            return;
        }
        if self.has_room() && self.listed.insert(id, ()).is_ok() {
            memory::put_back(&mut self.readable, Readable::Stream(id));
        } else {
            self.unlisted = true;
        }
    }

    /// Datagrams wait.
    pub(super) fn push_datagrams(&mut self) {
        if self.datagrams_listed {
            return;
        }
        self.datagrams_listed = memory::queued(&mut self.readable, Readable::Datagrams);
        self.unlisted |= !self.datagrams_listed;
    }

    /// Whether the list takes one more.
    fn has_room(&mut self) -> bool {
        self.readable.len() < self.readable.capacity() || self.readable.try_reserve(1).is_ok()
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
        if self.listed.remove(&id).is_some() {
            memory::keep(&mut self.readable, |&waiting| {
                waiting != Readable::Stream(id)
            });
        }
    }

    /// No stream that this end has opened waits any more.
    pub(super) fn forget_all_of(&mut self, initiator: Role) {
        let listed = &mut self.listed;
        memory::keep(&mut self.readable, |&waiting| match waiting {
            Readable::Stream(id) if id.initiator() == initiator => listed.remove(&id).is_none(),
            _ => true,
        });
    }

    /// The first datagram, or what is left of it. `len` is how long the engine's next is, `next` takes it. Without memory to keep
    /// what is left over it stays where it is.
    pub(super) fn datagram(
        &mut self,
        out: &mut [u8],
        reading: Reading,
        len: Option<usize>,
        next: &mut dyn FnMut(&mut [u8]) -> Option<usize>,
    ) -> Result<Option<Piece>, NoMemory> {
        if self.datagram.is_none() {
            let Some(len) = len else {
                return Ok(None);
            };
            if !reading.peek && len <= out.len() {
                return Ok(next(out).map(Piece::whole));
            }
            let mut bytes = memory::zeroed(len).ok_or(NoMemory)?;
            self.datagram = next(&mut bytes).map(|_| bytes);
        }
        let Some(bytes) = &mut self.datagram else {
            return Ok(None);
        };
        let piece = take(bytes, out, reading);
        if piece.whole && !reading.peek {
            self.datagram = None;
        }
        Ok(Some(piece))
    }
}

impl Piece {
    /// All of a message.
    const fn whole(bytes: usize) -> Self {
        Self {
            bytes,
            whole: true,
            cut: false,
        }
    }
}

/// An event as the program gets it; `None` when there is no memory for it.
fn message(event: EventType, payload: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let len = payload.len().saturating_add(1);
    bytes.try_reserve_exact(len).ok()?;
    memory::put(&mut bytes, event as u8);
    memory::append(&mut bytes, payload);
    Some(bytes)
}

/// Takes from the front of `bytes` what fits into `out`, or leaves it there when it is only looked at.
fn take(bytes: &mut Vec<u8>, out: &mut [u8], reading: Reading) -> Piece {
    let fits = copy(bytes, out);
    let whole = fits == bytes.len();
    let cut = reading.cut && !whole;
    let told = if cut { bytes.len() } else { fits };
    if !reading.peek {
        memory::cut(bytes, 0..if cut { bytes.len() } else { fits });
    }
    Piece {
        bytes: told,
        whole: whole || cut,
        cut,
    }
}
