//! Unreliable datagrams (RFC 9221): the application's messages and DATAGRAM frames in, frames and messages out. Whole or not
//! at all, and never a second time; it must never hold more than two queues of [`limits::DATAGRAM_QUEUE`], nor keep a message
//! because of what became of another.

mod queue;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use inquic_platform::memory;
use inquic_wire::frame::write_datagram_header;
use inquic_wire::{Code, PeerError, Writer, varint_len};

use crate::limits;
use crate::recovery::{Fate, SentFrame};
use queue::Queue;

/// The datagrams of one connection.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    /// The largest frame that we told the peer we take; 0 for none.
    ours: u64,
    /// The largest frame that the peer takes; 0 for none, or not known yet.
    theirs: u64,
    received: Queue,
    newest: Newest,
    /// To be sent, each behind the number under which its sender wants to hear of it.
    sending: Queue,
    /// Whether datagrams come before stream data in the next packet.
    //= RFC 9221 §5: This frame SHOULD be sent as soon as possible (as determined by factors like congestion control, described
    //= below) and MAY be coalesced with other frames.
    first: bool,
    /// Whether the application met a full queue and waits for room.
    crowded: bool,
    news: News,
    /// The number of the next datagram whose sender wants to hear of it.
    next: u64,
    /// Those that were sent or wait to be, in order.
    open: Vec<u64>,
    fates: VecDeque<(u64, Fate)>,
    stats: DatagramStats,
}

/// What came with the packet that brought datagrams last.
#[derive(Debug, Default)]
struct Newest {
    /// The packet, by how many had come with it.
    packet: u64,
    datagrams: u64,
    /// Bytes that they take in the queue.
    bytes: usize,
}

/// What the application was not told yet.
#[derive(Debug, Default)]
struct News {
    received: bool,
    room: bool,
    fates: bool,
}

/// News of datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatagramEvent {
    /// Datagrams wait to be taken.
    Received,
    /// The queue has room again for one that found none.
    Room,
    /// The fate of datagrams is known that somebody wants to hear of.
    Fates,
}

/// Which kind of data a packet carries first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Datagrams.
    Datagrams,
    /// Stream data.
    Streams,
}

/// Why a datagram was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatagramError {
    /// The connection is closed, or the handshake is not far enough.
    NotConnected,
    /// The peer takes no datagrams.
    Unsupported,
    /// It does not fit into a packet on this path, or is larger than the peer takes: at most so many bytes.
    TooLarge(usize),
    /// The queue is full; [`DatagramEvent::Room`] follows.
    Blocked,
    /// There is no memory. No event follows.
    Memory,
}

/// Counts of datagrams since the connection began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatagramStats {
    /// Received.
    pub received: u64,
    /// Received and thrown away, the oldest first, because the application did not take them.
    pub dropped: u64,
    /// Sent.
    pub sent: u64,
    /// Sent and taken as lost, or too large for the path when their turn came.
    pub lost: u64,
}

impl Datagrams {
    /// Takes frames of up to `ours` bytes; of none when 0.
    pub(crate) fn new(ours: u16) -> Self {
        Self {
            ours: ours.into(),
            ..Self::default()
        }
    }

    /// The peer's limit became known, or is remembered.
    pub(crate) const fn set_peer_limit(&mut self, theirs: u64) {
        self.theirs = theirs;
    }

    /// Bytes of the longest datagram that the peer takes; none when it takes no datagrams.
    pub(crate) const fn peer_limit(&self) -> Option<usize> {
        let room = self.theirs.saturating_sub(1);
        if room == 0 {
            return None;
        }
        // With a length in the frame, which every datagram but the last of a packet has.
        let data = room.saturating_sub(varint_len(room) as u64);
        Some(if data > DATA_MAX { DATA_MAX } else { data } as usize)
    }

    /// 0-RTT was rejected: what waits may be too much for the server as it is now.
    pub(crate) fn restart(&mut self) {
        self.theirs = 0;
        while let Some((number, _)) = self.sending.front() {
            self.sending.skip();
            self.on_fate(number, Fate::Lost);
            self.make_room();
        }
    }

    /// A DATAGRAM frame came.
    pub(crate) fn on_datagram(
        &mut self,
        packet: u64,
        data: &[u8],
        has_len: bool,
    ) -> Result<(), PeerError> {
        let len = data.len() as u64;
        let header = if has_len { varint_len(len) } else { 0 };
        let frame = len.saturating_add(header as u64).saturating_add(1);
        if self.ours == 0 {
            //= RFC 9221 §3: An endpoint that receives a DATAGRAM frame when it has not indicated support via the transport
            //= parameter MUST terminate the connection with an error of type PROTOCOL_VIOLATION.
            return Err(PeerError::new(
                Code::ProtocolViolation,
                "a datagram, and we take none",
            ));
        }
        if frame > self.ours {
            //= RFC 9221 §3: an endpoint that receives a DATAGRAM frame that is larger than the value it sent in its
            //= max_datagram_frame_size transport parameter MUST terminate the connection with an error of type
            //= PROTOCOL_VIOLATION.
            return Err(PeerError::new(
                Code::ProtocolViolation,
                "a datagram larger than we take",
            ));
        }
        self.stats.received = self.stats.received.saturating_add(1);
        // The newest are worth most to whoever sends datagrams.
        while !self.received.has_room(data.len()) && self.received.skip() {
            self.stats.dropped = self.stats.dropped.saturating_add(1);
        }
        if self.newest.packet != packet {
            self.newest = Newest {
                packet,
                ..Newest::default()
            };
        }
        if self.received.push(0, data) {
            self.news.received = true;
            self.newest.datagrams = self.newest.datagrams.saturating_add(1);
            let cost = Queue::cost(data.len());
            self.newest.bytes = self.newest.bytes.saturating_add(cost);
        } else {
            self.stats.dropped = self.stats.dropped.saturating_add(1);
        }
        Ok(())
    }

    /// The packet does not count as received, since something else of it could not be kept: if it comes once more, its datagrams
    /// must not be there already.
    pub(crate) fn withdraw(&mut self, packet: u64) {
        if self.newest.packet == packet {
            let gone = core::mem::take(&mut self.newest);
            self.received.cut(gone.bytes);
            self.stats.received = self.stats.received.saturating_sub(gone.datagrams);
            self.news.received &= !self.received.is_empty();
        }
    }

    /// Bytes of the datagram that has waited longest.
    pub(crate) fn front(&self) -> Option<usize> {
        self.received.front().map(|(_, len)| len)
    }

    /// Takes the datagram that has waited longest: how many bytes of `out` it filled. What does not fit is lost.
    pub(crate) fn take(&mut self, out: &mut [u8]) -> Option<usize> {
        let (_, len) = self.received.front()?;
        let copied = len.min(out.len());
        self.received.copy_front(out.get_mut(..copied)?);
        self.received.skip();
        Some(copied)
    }

    /// Takes a datagram to send, of `most` bytes at most. If its sender wants to hear of its fate, the number under which
    /// it will.
    pub(crate) fn send(
        &mut self,
        data: &[u8],
        most: Option<usize>,
        told: bool,
    ) -> Result<Option<u64>, DatagramError> {
        //= RFC 9221 §3: An endpoint MUST NOT send DATAGRAM frames until it has received the max_datagram_frame_size transport
        //= parameter with a non-zero value during the handshake
        let most = most.ok_or(DatagramError::Unsupported)?;
        if data.len() > most {
            return Err(DatagramError::TooLarge(most));
        }
        let known = self.open.len().saturating_add(self.fates.len());
        let full = told && known >= limits::DATAGRAM_FATES;
        let number = if told {
            self.next.saturating_add(1)
        } else {
            UNTOLD
        };
        if full || !self.sending.has_room(data.len()) {
            self.crowded = true;
            return Err(DatagramError::Blocked);
        }
        if told && !self.has_room_to_tell(known) || !self.sending.push(number, data) {
            return Err(DatagramError::Memory);
        }
        if !told {
            return Ok(None);
        }
        self.next = number;
        memory::put(&mut self.open, number);
        Ok(Some(number))
    }

    /// Whether there is memory to tell the fate of one more datagram, when it comes: `known` are told of already.
    fn has_room_to_tell(&mut self, known: usize) -> bool {
        let all = known.saturating_add(1);
        let fates = all.saturating_sub(self.fates.len());
        (self.open.len() < self.open.capacity() || self.open.try_reserve(1).is_ok())
            && (all <= self.fates.capacity() || self.fates.try_reserve(fates).is_ok())
    }

    /// Whether a datagram waits to be sent.
    pub(crate) fn wants_to_send(&self) -> bool {
        !self.sending.is_empty()
    }

    /// Whether it is the datagrams' turn at the front of a packet. Whatever stream data there is, half of the packets are theirs.
    pub(crate) const fn is_first(&self) -> bool {
        self.first
    }

    /// The packet is written; `turn` says whether datagrams or stream data came first in it and found room.
    pub(crate) const fn end_turn(&mut self, turn: Turn) {
        self.first = match turn {
            Turn::Datagrams => false,
            Turn::Streams => true,
        };
    }

    /// Writes as many datagrams as fit and `sent` has room for; whether there was one. Those of more than `most` bytes fit into
    /// no packet any more, and are lost.
    pub(crate) fn write_frames(
        &mut self,
        most: usize,
        writer: &mut Writer<'_>,
        sent: &mut dyn FnMut(SentFrame) -> bool,
    ) -> bool {
        let mut any = false;
        let mut more = true;
        while let Some((number, len)) = self.sending.front() {
            if len > most {
                self.sending.skip();
                self.on_fate(number, Fate::Lost);
            } else if more && self.write_one(len, writer) {
                self.sending.skip();
                self.stats.sent = self.stats.sent.saturating_add(1);
                more = sent(SentFrame::Datagram { number });
                any = true;
            } else {
                break;
            }
            self.make_room();
        }
        any
    }

    /// Writes the datagram that has waited longest. Whether it fitted.
    fn write_one(&self, len: usize, writer: &mut Writer<'_>) -> bool {
        let Some(spare) = writer.remaining().checked_sub(len.saturating_add(1)) else {
            return false;
        };
        let prefix = varint_len(len as u64);
        let last = spare < prefix;
        // Without a length nothing may come behind it, not even padding: what is left over comes before it.
        let padding = if last { spare } else { 0 };
        writer.zeros(padding).is_ok()
            && write_datagram_header(writer, len, last).is_ok()
            && writer
                .reserve(len)
                .map(|place| self.sending.copy_front(place))
                .is_ok()
    }

    fn make_room(&mut self) {
        if core::mem::take(&mut self.crowded) {
            self.news.room = true;
        }
    }

    /// A DATAGRAM frame arrived, or has to be taken as lost.
    pub(crate) fn on_fate(&mut self, number: u64, fate: Fate) {
        if fate == Fate::Lost {
            self.stats.lost = self.stats.lost.saturating_add(1);
        }
        //= RFC 9221 §5.2: If a sender detects that a packet containing a specific DATAGRAM frame might have been lost, the
        //= implementation MAY notify the application that it believes the datagram was lost.
        if number == UNTOLD {
            return;
        }
        // Only the first word counts: a packet may be taken as lost and arrive all the same.
        if let Ok(at) = self.open.binary_search(&number) {
            memory::taken(&mut self.open, at);
            memory::put_back(&mut self.fates, (number, fate));
            self.news.fates = true;
        }
    }

    /// The fate of a datagram, in the order in which fates became known.
    pub(crate) fn take_fate(&mut self) -> Option<(u64, Fate)> {
        let fate = self.fates.pop_front();
        if fate.is_some() {
            self.make_room();
        }
        fate
    }

    /// What the application was not told yet.
    pub(crate) fn next_event(&mut self) -> Option<DatagramEvent> {
        for (flag, event) in [
            (&mut self.news.received, DatagramEvent::Received),
            (&mut self.news.room, DatagramEvent::Room),
            (&mut self.news.fates, DatagramEvent::Fates),
        ] {
            if core::mem::take(flag) {
                return Some(event);
            }
        }
        None
    }

    /// Memory held on the heap.
    pub(crate) fn allocated_bytes(&self) -> usize {
        let fates = self
            .open
            .capacity()
            .saturating_mul(size_of::<u64>())
            .saturating_add(
                self.fates
                    .capacity()
                    .saturating_mul(size_of::<(u64, Fate)>()),
            );
        self.received
            .allocated_bytes()
            .saturating_add(self.sending.allocated_bytes())
            .saturating_add(fates)
    }

    /// Whether [`Datagrams::shrink`] would give anything back of what is empty.
    pub(crate) fn has_surplus(&self) -> bool {
        self.received.has_surplus()
            || self.sending.has_surplus()
            || self.open.is_empty() && self.open.capacity() > 0
            || self.open.is_empty() && self.fates.is_empty() && self.fates.capacity() > 0
    }

    /// Gives unused memory back.
    pub(crate) fn shrink(&mut self) {
        self.received.shrink();
        self.sending.shrink();
        if self.open.is_empty() {
            self.open = Vec::new();
            // As long as the fate of one is open, there is room to tell it.
            if self.fates.is_empty() {
                self.fates = VecDeque::new();
            }
        }
    }

    /// Counts since the connection began.
    pub(crate) const fn stats(&self) -> DatagramStats {
        self.stats
    }
}

/// The number of datagrams whose fate nobody wants to hear of.
const UNTOLD: u64 = 0;
/// Bytes of the longest datagram that any queue takes.
const DATA_MAX: u64 = limits::TRANSMIT_BYTES as u64;
