//! Two applications that talk over streams, in good ways and bad. What one writes is known, byte for byte, to the other; what it
//! reads is held against that. An application acts on what it was told and on nothing else, so news that never comes is a stall.

use std::collections::{BTreeMap, BTreeSet};

use inquic_engine::stream::{OpenError, ReadError, ReceiveState, SendState, WriteError};
use inquic_platform::{Duration, Instant};
use inquic_socket::News;
use inquic_wire::{Direction, Role, StreamId};

use super::ledger::Who;
use super::messages::Messages;
use super::metered::Metered;
use super::plan::Habits;
use super::scene::Scene;
use super::states;
use super::{Canary, Invariant};
use crate::{Fault, Feature, Rng};

/// One end's application.
#[derive(Debug)]
pub(super) struct Application {
    /// The connection, as both ends know it.
    name: u8,
    role: Role,
    /// Its number among all of its host.
    number: u64,
    habits: Habits,
    rng: Rng,
    since: Instant,
    to_open: u32,
    next_stream: Instant,
    flows: BTreeMap<StreamId, Flow>,
    incoming: [bool; 2],
    may_open: [bool; 2],
    readable: BTreeSet<StreamId>,
    writable: BTreeSet<StreamId>,
    messages: Messages,
    pub(super) closed: bool,
    buffer: Vec<u8>,
}

/// One stream, as its user sees it.
#[derive(Debug, Default)]
struct Flow {
    to_write: u64,
    written: u64,
    is_sending: bool,
    read: u64,
    receiving: Receiving,
    seen: (Option<SendState>, Option<ReceiveState>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Receiving {
    #[default]
    Never,
    Open,
    /// Read to the end, reset or stopped: nothing may come any more.
    Over,
}

/// The byte at an offset of a stream: its own for each stream, writer and connection.
fn byte(name: u8, writer: Role, id: StreamId, offset: u64) -> u8 {
    let salt =
        id.to_u64().wrapping_mul(31) ^ u64::from(name) << 3 ^ u64::from(writer == Role::Client);
    (offset ^ offset >> 8 ^ offset >> 16 ^ salt.wrapping_mul(0x9e37_79b9) >> 7) as u8
}

impl Application {
    pub(super) fn new(name: u8, who: Who, habits: Habits, seed: u64, since: Instant) -> Self {
        Self {
            name,
            role: who.role,
            number: who.number,
            habits,
            rng: Rng::new(seed),
            since,
            to_open: habits.streams,
            next_stream: since,
            flows: BTreeMap::new(),
            incoming: [false; 2],
            may_open: [true; 2],
            readable: BTreeSet::new(),
            writable: BTreeSet::new(),
            messages: Messages::default(),
            closed: false,
            buffer: Vec::new(),
        }
    }

    pub(super) const fn name(&self) -> u8 {
        self.name
    }

    /// Whether it has more to do though nobody will tell it.
    pub(super) fn wants_turn(&self) -> bool {
        !self.closed
            && self.habits.byte_by_byte
            && (!self.readable.is_empty() || !self.writable.is_empty())
    }

    /// Whether it is in the middle of its work, and begins something new from time to time.
    pub(super) const fn is_busy(&self) -> bool {
        !self.closed && self.habits.streams > 0
    }

    /// When it will close, if it does.
    pub(super) fn closes_at(&self) -> Option<Instant> {
        let (after, _) = self.habits.close.filter(|_| !self.closed)?;
        Some(self.since + after)
    }

    /// What it still does, for people.
    pub(super) fn describe(&self) -> String {
        let open: Vec<_> = self
            .flows
            .iter()
            .filter(|(_, flow)| flow.is_sending || flow.receiving == Receiving::Open)
            .take(3)
            .collect();
        format!("closed {} {open:?}", self.closed)
    }

    /// What happened before it was there was told to nobody.
    pub(super) fn look_everywhere(&mut self) {
        self.incoming = [true; 2];
        self.messages.waits = (true, true);
    }

    /// It behaves from here on, and finishes what it began.
    pub(super) fn calm_down(&mut self) {
        self.habits = Habits {
            bytes: self.habits.bytes.min(REST),
            ..Habits::default()
        };
        self.to_open = 0;
        for (&id, flow) in &mut self.flows {
            if flow.is_sending {
                // What it did not write so far is not much any more.
                flow.to_write = flow.to_write.min(flow.written + REST);
                self.writable.insert(id);
            }
            if flow.receiving == Receiving::Open {
                self.readable.insert(id);
            }
        }
        self.look_everywhere();
    }

    /// News of its socket.
    pub(super) fn on_news(&mut self, scene: &mut Scene, news: News) {
        match news {
            News::Incoming(direction) => {
                self.incoming[direction.index()] = true;
                if self.habits.never_accepts {
                    scene.tally.note(Fault::NeverAccepts);
                }
            }
            News::Readable(id) => {
                self.readable.insert(id);
                if self.habits.never_reads {
                    scene.tally.note(Fault::NeverReads);
                }
            }
            News::Writable(id) => {
                self.writable.insert(id);
            }
            News::DatagramReceived => self.messages.waits.0 = true,
            News::DatagramFates => self.messages.waits.1 = true,
            News::MayOpen(direction) => self.may_open[direction.index()] = true,
            News::Closed | News::Gone => self.closed = true,
            News::Established => {
                // If 0-RTT was refused, what was sent in it is sent from the start, once (RFC 9001 §4.6.2).
                for flow in self.flows.values_mut() {
                    flow.seen = (None, None);
                }
            }
            News::Handshake
            | News::Confirmed
            | News::Migrated
            | News::MigrationFailed
            | News::Delivered(_)
            | News::Early
            | News::DatagramRoom
            | News::Token => {}
        }
    }

    /// It does what it can.
    pub(super) fn act(&mut self, now: Instant, scene: &mut Scene, socket: &mut Metered) {
        // The client has gone on with another of the server's connections: nobody is there.
        self.closed |= self.role == Role::Server && !scene.truth.owns(self.name, self.number);
        if self.closed {
            return;
        }
        if self.closes_at().is_some_and(|at| at <= now) {
            scene.tally.note(Fault::Close);
            self.closed = true;
            return match self.habits.close {
                Some((_, true)) => socket.with(|socket| socket.abort(now, 7, b"enough")),
                _ => socket.with(|socket| socket.close(now, 7, b"enough")),
            };
        }
        if self.rng.chance(self.habits.key_update) {
            // At a wrong time it is refused, which is right.
            let _ = socket.with(|socket| socket.key_update(now));
        }
        if self.is_busy() && now >= self.next_stream {
            self.to_open += 1;
            self.next_stream = now + Duration::from_millis(self.rng.below(NEW_STREAM));
        }
        self.open_streams(scene, socket);
        if !self.habits.never_accepts {
            self.accept_streams(scene, socket);
        }
        self.exchange_messages(scene, socket);
        if !self.habits.never_reads {
            for id in std::mem::take(&mut self.readable) {
                self.read(now, scene, socket, id);
            }
        }
        if !self.habits.never_writes {
            for id in std::mem::take(&mut self.writable) {
                self.write(scene, socket, id);
            }
        }
    }

    fn exchange_messages(&mut self, scene: &mut Scene, socket: &mut Metered) {
        let Self {
            name,
            role,
            rng,
            messages,
            ..
        } = self;
        if rng.chance(self.habits.datagrams) {
            messages.send(*name, *role, rng, scene, socket);
        }
        if !self.habits.never_reads {
            messages.receive(*name, *role, scene, socket);
        }
        messages.hear(*name, scene, socket);
    }

    fn open_streams(&mut self, scene: &mut Scene, socket: &mut Metered) {
        while self.to_open > 0 {
            let direction = Direction::ALL[self.rng.below(2) as usize];
            if !self.may_open[direction.index()] {
                return;
            }
            let id = match socket.with(|socket| socket.open(direction)) {
                Ok(id) => id,
                Err(OpenError::Limit) => {
                    self.may_open[direction.index()] = false;
                    return;
                }
                // Nobody says when there is memory: it asks again.
                Err(OpenError::Memory) => return,
            };
            self.to_open -= 1;
            if self.habits.many_streams {
                scene.tally.note(Fault::ManyStreams);
            }
            self.begin(scene, id, true);
        }
    }

    fn accept_streams(&mut self, scene: &mut Scene, socket: &mut Metered) {
        for direction in Direction::ALL {
            if !std::mem::take(&mut self.incoming[direction.index()]) {
                continue;
            }
            while let Some(id) = socket.with(|socket| socket.accept_stream(direction)) {
                self.begin(scene, id, false);
            }
        }
    }

    fn begin(&mut self, scene: &mut Scene, id: StreamId, ours: bool) {
        let both = id.direction() == Direction::Bidirectional;
        let flow = self.flows.entry(id).or_default();
        if ours || both {
            flow.is_sending = true;
            flow.to_write = self.rng.below(self.habits.bytes.max(1) + 1);
            scene.truth.of(self.name, self.role, id).size = flow.to_write;
            self.writable.insert(id);
            if self.habits.never_writes {
                scene.tally.note(Fault::NeverWrites);
            }
        }
        if !ours || both {
            flow.receiving = Receiving::Open;
            // What came before it was accepted is told only now.
            self.readable.insert(id);
        }
    }

    fn read(&mut self, now: Instant, scene: &mut Scene, socket: &mut Metered, id: StreamId) {
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        if self.rng.chance(self.habits.stop) && flow.receiving == Receiving::Open {
            scene.tally.note(Fault::Stop);
            if socket.with(|socket| socket.stop(id, 9)).is_ok() {
                flow.receiving = Receiving::Over;
                scene.truth.of(self.name, self.role.peer(), id).done = true;
            }
        }
        let single = self.habits.byte_by_byte;
        self.buffer.resize(if single { 1 } else { READ }, 0);
        loop {
            let got = match socket.with(|socket| socket.read(now, id, &mut self.buffer)) {
                Ok(got) => got,
                Err(ReadError::Blocked) => return,
                Err(ReadError::Reset(_) | ReadError::Stopped | ReadError::Unknown) => {
                    if flow.receiving == Receiving::Open && !socket.ask().is_closed() {
                        flow.receiving = Receiving::Over;
                        scene.truth.of(self.name, self.role.peer(), id).done = true;
                        if scene.strikes(Canary::DataAfterReset) {
                            scene.check_ended(id, 1);
                        }
                    }
                    return;
                }
            };
            if flow.receiving == Receiving::Over {
                return scene.check_ended(id, got.bytes);
            }
            if got.bytes > 0 && socket.ask().is_early() {
                scene.tally.note_use(Feature::EarlyData);
            }
            let bytes = scene.sabotage(&self.buffer[..got.bytes]);
            let written = scene.truth.of(self.name, self.role.peer(), id);
            let (total, finished) = (written.bytes, written.finished);
            let is_wrong = |&(at, &found): &(u64, &u8)| {
                at >= total || found != byte(self.name, self.role.peer(), id, at)
            };
            if let Some((at, _)) = (flow.read..).zip(bytes.iter()).find(is_wrong) {
                let what = format!("{} {id:?}: byte {at} of {total} is wrong", self.name);
                return scene.fail(Invariant::Prefix, || what);
            }
            flow.read += bytes.len() as u64;
            scene.truth.of(self.name, self.role.peer(), id).read = flow.read;
            scene.hash.add(&bytes);
            if got.fin && !scene.strikes(Canary::Stall) {
                flow.receiving = Receiving::Over;
                scene.truth.of(self.name, self.role.peer(), id).done = true;
                if !finished || flow.read != total {
                    scene.fail(Invariant::Prefix, || {
                        format!(
                            "connection {} {id:?}: ended at {} of {total}",
                            self.name, flow.read
                        )
                    });
                }
                return;
            }
            if got.bytes == 0 {
                return;
            }
            if single {
                scene.tally.note(Fault::ByteByByte);
                self.readable.insert(id);
                return;
            }
        }
    }

    fn write(&mut self, scene: &mut Scene, socket: &mut Metered, id: StreamId) {
        let Some(flow) = self.flows.get_mut(&id).filter(|flow| flow.is_sending) else {
            return;
        };
        if self.rng.chance(self.habits.reset) && socket.with(|socket| socket.reset(id, 8)).is_ok() {
            scene.tally.note(Fault::Reset);
            flow.is_sending = false;
            scene.truth.of(self.name, self.role, id).abandoned = true;
            return;
        }
        let single = self.habits.byte_by_byte;
        loop {
            let most = if single { 1 } else { WRITE };
            let end = flow.to_write.min(flow.written + most);
            let written = scene.truth.of(self.name, self.role, id);
            if end == flow.written {
                flow.is_sending = false;
                match socket.with(|socket| socket.finish(id)) {
                    Ok(()) => written.finished = true,
                    Err(_) => written.abandoned = true,
                }
                return;
            }
            self.buffer.clear();
            let (name, role) = (self.name, self.role);
            self.buffer
                .extend((flow.written..end).map(|at| byte(name, role, id, at)));
            match socket.with(|socket| socket.write(id, &self.buffer)) {
                Ok(count) => {
                    flow.written += count as u64;
                    written.bytes = flow.written;
                    if single {
                        scene.tally.note(Fault::ByteByByte);
                        self.writable.insert(id);
                        return;
                    }
                }
                Err(WriteError::Blocked) => return,
                Err(WriteError::Memory) => {
                    self.writable.insert(id);
                    return;
                }
                Err(WriteError::Stopped(_) | WriteError::Finished | WriteError::Unknown) => {
                    flow.is_sending = false;
                    written.abandoned = true;
                    return;
                }
            }
        }
    }

    /// Holds every stream's states against the table.
    pub(super) fn check_states(&mut self, scene: &mut Scene, socket: &mut Metered) {
        if socket.ask().is_closed() {
            return;
        }
        for (&id, flow) in &mut self.flows {
            let now = socket.with(|socket| socket.stream_states(id));
            if !states::may_follow(flow.seen, now) {
                let seen = flow.seen;
                scene.fail(Invariant::States, || {
                    format!("{id:?} went from {seen:?} to {now:?}")
                });
            }
            flow.seen = now;
        }
    }
}

/// Bytes asked for in one read, and given in one write.
const READ: usize = 5_000;
const WRITE: u64 = 4_096;
/// Milliseconds at most until an application opens one more stream.
const NEW_STREAM: u64 = 1_000;
/// Bytes that an application still writes to a stream when the faults are over.
pub(super) const REST: u64 = 10_000;
