//! Streams and their flow control (RFC 9000 §2 to §4): frames and the application's bytes come in, frames, bytes and events
//! go out. Nothing in here knows a packet, reads a clock, or grows by anything that a peer does beyond `limits.rs`.

pub mod limits;

mod account;
mod application;
mod config;
mod events;
mod fate;
mod flow;
mod inspect;
mod pages;
mod peer;
mod queue;
mod receive;
mod record;
mod restart;
mod send;
mod slab;
mod spans;
mod state;
#[cfg(test)]
mod tests;
mod transmit;
mod types;

use self::config::FirstWindows;
pub use self::config::{Config, Initial, Window};
pub use self::state::{ReceiveInput, ReceiveState, SendInput, SendState};
pub(crate) use self::transmit::FRAMES_AFTER_FULL;
pub use self::types::{
    Change, OnStream, OpenError, Read, ReadError, Stats, StreamEvent, WriteError,
};

use inquic_wire::{Direction, Role, StreamId, TransportParameters};

use self::flow::{ReceiveWindow, SendCredit};
use self::pages::Pool;
use self::queue::{Kind, Levels, Priorities, Queue};
use self::receive::ReceiveHalf;
use self::record::{Control, Events, Stream, flags};
use self::send::SendHalf;
use self::slab::{Slab, Table};
use self::types::Both;

/// All streams of one connection.
#[derive(Debug)]
pub struct Streams {
    role: Role,
    stream_ceiling: u64,
    first_windows: FirstWindows,
    window_ceiling: u64,
    /// Streams of each type that the application allows the peer; the window may pay for fewer.
    most_streams: [u64; 2],
    stream_send_buffer: usize,
    is_prompt: bool,
    tells_states: bool,
    /// Limits that the peer gave new streams, as it sees them.
    peer: PeerLimits,

    slab: Slab,
    local: Both<Local>,
    remote: Both<Remote>,

    /// Streams with new data, those with lost data, and those with other frames to send.
    fresh: Priorities,
    owed: Priorities,
    levels: Levels,
    control: Queue,
    pending: Pending,
    /// What is to be sent with the next packet, and makes none yet.
    patient: Pending,
    /// Streams that have something to tell, and those whose writers wait for the connection's memory.
    events: Queue,
    told: Told,
    waiting: Queue,

    credit: SendCredit,
    window: ReceiveWindow,
    send_pool: Pool,
    receive_pool: Pool,
    /// Bytes of the memory for received data that handshake messages have.
    lent: usize,
    /// Frames refused since any stream went on.
    refusals: u32,
    stats: Stats,
}

/// Streams of one direction that we open.
#[derive(Debug, Default)]
struct Local {
    table: Table,
    /// The index of the next stream.
    next: u64,
    /// Streams that the peer allows in all.
    limit: u64,
    alive: u64,
    /// Whether `open` failed since the limit rose.
    wanted: bool,
    /// Whether `open` failed because too many are alive.
    crowded: bool,
    /// One more than the limit that STREAMS_BLOCKED named last.
    told: u64,
}

/// Streams of one direction that the peer opens. Those below `opened` that are not in the table are over, if the
/// application has accepted them, or have never been spoken of.
#[derive(Debug, Default)]
struct Remote {
    table: Table,
    /// Streams opened so far.
    opened: u64,
    /// Streams that the application accepted so far.
    accepted: u64,
    /// Streams that we allowed in all, as the peer was told.
    granted: u64,
    closed: u64,
    /// Streams that may be open at once.
    at_once: u64,
}

impl Remote {
    /// Streams that may be opened in all: those that are over make place for others.
    fn limit(&self) -> u64 {
        self.closed.saturating_add(self.at_once).min(MAX_STREAMS)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct PeerLimits {
    bidi_local: u64,
    bidi_remote: u64,
    uni: u64,
}

flags! {
    /// Frames of the connection that are to be sent. A flag and not an entry: one of each kind is pending at most.
    Pending {
        MAX_DATA = 0;
        MAX_STREAMS_BIDI = 1;
        MAX_STREAMS_UNI = 2;
        STREAMS_BLOCKED_BIDI = 3;
        STREAMS_BLOCKED_UNI = 4;
    }
}

flags! {
    /// Events of the connection for the application.
    Told {
        INCOMING_BIDI = 0;
        INCOMING_UNI = 1;
        MAX_STREAMS_BIDI = 2;
        MAX_STREAMS_UNI = 3;
    }
}

impl Told {
    const fn incoming(direction: Direction) -> Self {
        match direction {
            Direction::Bidirectional => Self::INCOMING_BIDI,
            Direction::Unidirectional => Self::INCOMING_UNI,
        }
    }
}

impl Streams {
    /// No streams yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let window = ReceiveWindow::new(
            config
                .connection_window
                .initial
                .min(inquic_wire::VARINT_MAX),
        );
        let receive_memory = limits::receive_memory(window.size());
        let remote = |at_once: u64| Remote {
            granted: at_once,
            at_once,
            ..Remote::default()
        };
        let [bidirectional, unidirectional] = config.streams_at_once();
        Self {
            role: config.role,
            stream_ceiling: config.stream_window.ceiling,
            first_windows: config.first_windows(),
            is_prompt: config.is_prompt,
            tells_states: config.tells_states,
            window_ceiling: config.connection_window.ceiling,
            most_streams: [config.max_streams_bidi, config.max_streams_uni],
            stream_send_buffer: config.stream_send_buffer,
            peer: PeerLimits::default(),
            slab: Slab::new(),
            local: Both::default(),
            remote: Both {
                bidirectional: remote(bidirectional),
                unidirectional: remote(unidirectional),
            },
            fresh: Priorities::new(Kind::Fresh),
            owed: Priorities::new(Kind::Owed),
            levels: Levels::new(),
            control: Queue::new(Kind::Control),
            pending: Pending::NONE,
            patient: Pending::NONE,
            events: Queue::new(Kind::Event),
            told: Told::NONE,
            waiting: Queue::new(Kind::Waiting),
            credit: SendCredit::default(),
            window,
            send_pool: Pool::new(config.send_buffer.max(limits::PIECE_MIN)),
            receive_pool: Pool::new(usize::try_from(receive_memory).unwrap_or(usize::MAX)),
            lent: 0,
            refusals: 0,
            stats: Stats::default(),
        }
    }

    /// The peer's transport parameters, or those remembered from an earlier connection: they only raise limits.
    pub fn set_peer_parameters(&mut self, parameters: &TransportParameters) {
        let limits = &mut self.peer;
        limits.bidi_local = limits
            .bidi_local
            .max(parameters.initial_max_stream_data_bidi_local);
        limits.bidi_remote = limits
            .bidi_remote
            .max(parameters.initial_max_stream_data_bidi_remote);
        limits.uni = limits.uni.max(parameters.initial_max_stream_data_uni);
        self.credit.raise(parameters.initial_max_data);
        self.raise_streams(
            Direction::Bidirectional,
            parameters.initial_max_streams_bidi,
        );
        self.raise_streams(
            Direction::Unidirectional,
            parameters.initial_max_streams_uni,
        );
        // Streams opened before get the limits they would have had.
        for slot in 0..self.slab.places() {
            let Some(limit) = self.slab.get(slot).map(|stream| self.send_limit(stream.id)) else {
                continue;
            };
            if let Some(half) = self
                .slab
                .get_mut(slot)
                .and_then(|stream| stream.send.as_mut())
            {
                half.raise(limit);
            }
            self.settle(slot);
        }
    }

    fn raise_streams(&mut self, direction: Direction, limit: u64) {
        let local = self.local.get_mut(direction);
        if limit <= local.limit {
            return;
        }
        local.limit = limit.min(MAX_STREAMS);
        if core::mem::take(&mut local.wanted) {
            self.tell_of_streams(direction);
        }
    }

    fn tell_of_streams(&mut self, direction: Direction) {
        self.told.set(match direction {
            Direction::Bidirectional => Told::MAX_STREAMS_BIDI,
            Direction::Unidirectional => Told::MAX_STREAMS_UNI,
        });
    }

    /// How far the peer lets us send on a new stream with this id.
    fn send_limit(&self, id: StreamId) -> u64 {
        match (id.direction(), id.initiator() == self.role) {
            (Direction::Unidirectional, _) => self.peer.uni,
            // What is local to the peer is remote to us.
            (Direction::Bidirectional, true) => self.peer.bidi_remote,
            (Direction::Bidirectional, false) => self.peer.bidi_local,
        }
    }

    #[inline]
    fn slot(&self, id: StreamId) -> Option<u32> {
        let table = if id.initiator() == self.role {
            &self.local.get(id.direction()).table
        } else {
            &self.remote.get(id.direction()).table
        };
        table.get(id.index())
    }

    #[inline]
    fn find(&self, id: StreamId) -> Option<&Stream> {
        self.slab.get(self.slot(id)?)
    }

    /// Whether the queues have room for every priority in use.
    fn has_room_for_levels(&mut self) -> bool {
        let levels = self.levels.count();
        self.fresh.has_room(levels) && self.owed.has_room(levels)
    }

    /// Makes the record of a stream that has none; `None` when there is no memory for it.
    fn create(&mut self, id: StreamId) -> Option<u32> {
        if !self.has_room_for_levels() {
            return None;
        }
        let local = id.initiator() == self.role;
        let both = id.direction() == Direction::Bidirectional;
        let send = (both || local).then(|| SendHalf::new(self.send_limit(id)));
        let window = self.first_windows.of(local, id.direction());
        let receive = (both || !local).then(|| ReceiveHalf::new(window));
        let stream = Stream::new(id, self.role, send, receive);
        let slot = self.slab.insert(stream)?;
        let table = if local {
            &mut self.local.get_mut(id.direction()).table
        } else {
            &mut self.remote.get_mut(id.direction()).table
        };
        if !table.insert(id.index(), slot) {
            self.slab.remove(slot);
            return None;
        }
        Some(slot)
    }

    /// Puts the stream into the queues it belongs to after its sending part changed, and out of the others.
    #[inline]
    fn settle(&mut self, slot: u32) {
        let Some(stream) = self.slab.get(slot) else {
            return;
        };
        let Some(half) = &stream.send else {
            return;
        };
        let fresh = half.is_fresh();
        let owing = half.is_owing();
        let was_fresh = stream.links.get(Kind::Fresh).is_in();
        let was_owing = stream.links.get(Kind::Owed).is_in();
        // Nearly always the stream stays where it is.
        if fresh != was_fresh || owing != was_owing || !fresh && half.wants_to_tell_blocked() {
            self.move_queues(slot, fresh, owing);
        }
    }

    fn move_queues(&mut self, slot: u32, fresh: bool, owing: bool) {
        let Some(stream) = self.slab.get(slot) else {
            return;
        };
        let priority = stream.priority;
        let half = stream.send.as_ref();
        if half.is_some_and(SendHalf::wants_to_tell_blocked) {
            self.add_control(slot, Control::STREAM_DATA_BLOCKED);
        }
        if fresh {
            self.fresh.push(&mut self.slab, slot, priority);
        } else {
            self.fresh.remove(&mut self.slab, slot, priority);
        }
        if owing {
            self.owed.push(&mut self.slab, slot, priority);
        } else {
            self.owed.remove(&mut self.slab, slot, priority);
        }
    }

    fn add_control(&mut self, slot: u32, frame: Control) {
        if let Some(stream) = self.slab.get_mut(slot) {
            stream.control.set(frame);
            self.control.push(&mut self.slab, slot);
        }
    }

    /// Forgets the stream if nothing is left of it but the past.
    fn retire(&mut self, slot: u32) {
        let Some(stream) = self.slab.get(slot).filter(|stream| stream.is_over()) else {
            return;
        };
        let (id, priority) = (stream.id, stream.priority);
        self.control.remove(&mut self.slab, slot);
        self.events.remove(&mut self.slab, slot);
        self.waiting.remove(&mut self.slab, slot);
        self.fresh.remove(&mut self.slab, slot, priority);
        self.owed.remove(&mut self.slab, slot, priority);
        self.levels.give(priority);
        self.slab.remove(slot);
        self.stats.closed = self.stats.closed.saturating_add(1);
        if id.initiator() == self.role {
            let local = self.local.get_mut(id.direction());
            local.table.remove(id.index());
            local.alive = local.alive.saturating_sub(1);
            self.send_pool.release(limits::STREAM_COST);
            for direction in Direction::ALL {
                if core::mem::take(&mut self.local.get_mut(direction).crowded) {
                    self.tell_of_streams(direction);
                }
            }
        } else {
            let remote = self.remote.get_mut(id.direction());
            remote.table.remove(id.index());
            remote.closed = remote.closed.saturating_add(1);
            self.receive_pool.release(limits::STREAM_COST);
            self.offer_streams(id.direction());
        }
    }

    /// Lets the peer open as many streams as were closed, once it has used half of what it had: so it is not told of each,
    /// unless that was asked for, and even then in packets that go anyway.
    fn offer_streams(&mut self, direction: Direction) {
        let remote = self.remote.get(direction);
        let spare = remote.granted.saturating_sub(remote.opened);
        if remote.granted >= remote.limit() {
            return;
        }
        let frame = match direction {
            Direction::Bidirectional => Pending::MAX_STREAMS_BIDI,
            Direction::Unidirectional => Pending::MAX_STREAMS_UNI,
        };
        if spare <= remote.at_once / 2 {
            self.pending.set(frame);
        } else if self.is_prompt {
            self.patient.set(frame);
        }
    }

    /// Data was thrown away: the peer may send as much again.
    fn discard(&mut self, bytes: u64) {
        self.window.discard(bytes);
        self.stats.bytes_discarded = self.stats.bytes_discarded.saturating_add(bytes);
        if self.window.wants_grant() {
            self.pending.set(Pending::MAX_DATA);
        }
    }

    /// Tells the application, once.
    fn tell(&mut self, slot: u32, event: Events) {
        if let Some(stream) = self.slab.get_mut(slot) {
            stream.events.set(event);
            // Until it is accepted the application does not know the stream, and hears of it later.
            if stream.accepted {
                self.events.push(&mut self.slab, slot);
            }
        }
    }
}

//= RFC 9000 §4.6: If a max_streams transport parameter or a MAX_STREAMS frame is received with a value greater than 2^60, this
//= would allow a maximum stream ID that cannot be expressed as a variable-length integer
const MAX_STREAMS: u64 = 1 << 60;

const _: () = assert!(size_of::<Streams>() <= limits::IDLE_BYTES);
