//! What the packets of both ends say, read in clear on their way to and from packet protection: each end's word is held against
//! what it was told. Nothing in here trusts the engine's own counts.

use std::collections::{BTreeMap, BTreeSet};

use inquic_engine::limits;
use inquic_wire::{
    Direction, Frame, Frames, Level, Role, StreamId, TransportParameters, varint_len,
};

use super::{Canary, Invariant};

/// One end of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who {
    pub(super) role: Role,
    /// Its number among all of its role.
    pub(super) number: u64,
}

/// What all ends have said.
pub(super) struct Ledger {
    /// Whose turn it is: every packet sealed or opened now is its.
    current: Option<Who>,
    pages: BTreeMap<Who, Page>,
    /// What a client and a server allow from the start.
    parameters: [TransportParameters; 2],
    /// What clients remember of what their server allowed.
    remembered: Option<TransportParameters>,
    canary: Option<Canary>,
    /// The first rule that was broken.
    broken: Option<(Invariant, String)>,
    turn: Turn,
}

/// What a turn showed about addresses.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Something opened shows that the peer receives at the address that it came from.
    pub(super) validated: bool,
    /// Challenges sealed, to wherever the packet goes.
    pub(super) challenges: Vec<[u8; 8]>,
    /// Challenges answered. RFC 9000 §8.2.3: that shows where the challenge went, not where the answer came from.
    pub(super) answers: Vec<[u8; 8]>,
    /// Packets that were sealed, and how often one was tried to open.
    pub(super) sealed: usize,
    pub(super) tried: usize,
}

/// What one end has said and heard.
struct Page {
    opened: [Ranges; 3],
    limits: Limits,
    said: Account,
    /// The connection ids that it gave to its peer, and those that the peer retired.
    ids: [BTreeSet<u64>; 2],
    /// What it said in 0-RTT, as long as it does not count.
    early: Account,
}

/// How far an end may go.
struct Limits {
    /// What its peer allowed from the start.
    initial: TransportParameters,
    max_data: u64,
    max_streams: [u64; 2],
    max_stream_data: BTreeMap<StreamId, u64>,
}

/// How far an end has gone.
#[derive(Default)]
struct Account {
    sent: BTreeMap<StreamId, u64>,
    in_all: u64,
}

/// Numbers in ascending ranges, both ends included.
#[derive(Default)]
struct Ranges(Vec<(u64, u64)>);

impl Ledger {
    pub(super) fn new(
        parameters: [TransportParameters; 2],
        remembered: Option<TransportParameters>,
        canary: Option<Canary>,
    ) -> Self {
        Self {
            current: None,
            pages: BTreeMap::new(),
            parameters,
            remembered,
            canary,
            broken: None,
            turn: Turn::default(),
        }
    }

    /// Begins a turn: what is sealed and opened from here on is by `who`.
    pub(super) fn begin(&mut self, who: Who) {
        self.current = Some(who);
        self.turn = Turn::default();
    }

    /// Ends the turn, and says what it showed.
    pub(super) fn end(&mut self) -> Turn {
        let who = self.current.take();
        let mut turn = std::mem::take(&mut self.turn);
        if self.canary == Some(Canary::Overwork) {
            turn.sealed *= 100;
        }
        if turn.sealed > limits::TRANSMIT_BATCH {
            let what = format!("{who:?} sealed {} packets in one call", turn.sealed);
            self.fail(Invariant::Drains, what);
        }
        turn
    }

    /// Packets are tried to open.
    pub(super) const fn on_tries(&mut self, count: usize) {
        self.turn.tried += count;
    }

    /// Forgets an end that is over.
    pub(super) fn forget(&mut self, who: Who) {
        self.pages.remove(&who);
    }

    /// What was sent in 0-RTT counts: the server took it.
    pub(super) fn accept_early(&mut self, who: Who) {
        if let Some(page) = self.pages.get_mut(&who) {
            for (id, end) in std::mem::take(&mut page.early).sent {
                page.said.add(id, end);
            }
        }
    }

    /// The rule that was broken since the last look.
    pub(super) const fn take_broken(&mut self) -> Option<(Invariant, String)> {
        self.broken.take()
    }

    pub(super) fn fail(&mut self, invariant: Invariant, what: String) {
        self.broken.get_or_insert((invariant, what));
    }

    /// A packet is about to be sealed.
    pub(super) fn on_sealed(&mut self, level: Level, number: u64, payload: &[u8]) {
        let Some(who) = self.current else {
            return;
        };
        let canary = self.canary;
        self.turn.sealed += 1;
        let peer = &self.parameters[place(who.role.peer())];
        let page = self.pages.entry(who).or_insert_with(|| Page::new(peer));
        let remembered = self
            .remembered
            .as_ref()
            .filter(|_| level == Level::ZeroRtt)
            .map(Limits::new);
        let mut broken = None;
        for frame in Frames::new(payload, level, who.role.peer()) {
            if let Ok(Frame::PathChallenge(data)) = frame {
                self.turn.challenges.push(data);
            }
            let said = match frame {
                Ok(frame) => page.on_said(who.role, remembered.as_ref(), level, &frame, canary),
                Err(error) => Err((
                    Invariant::Numbers,
                    format!(
                        "sent what is no frame at {level:?}: {error:?} in {:02x?}",
                        &payload[..payload.len().min(40)]
                    ),
                )),
            };
            if let Err((invariant, what)) = said {
                broken = Some((invariant, format!("{who:?} packet {number}: {what}")));
                break;
            }
        }
        if let Some((invariant, what)) = broken {
            self.fail(invariant, what);
        }
    }

    /// A packet was opened, before anybody acted on it.
    pub(super) fn on_opened(&mut self, level: Level, number: u64, payload: &[u8]) {
        let Some(who) = self.current else {
            return;
        };
        self.turn.validated |= level == Level::Handshake;
        let peer = &self.parameters[place(who.role.peer())];
        let page = self.pages.entry(who).or_insert_with(|| Page::new(peer));
        page.opened[level.space().index()].insert(number);
        for frame in Frames::new(payload, level, who.role).flatten() {
            if let Frame::PathResponse(data) = frame {
                self.turn.answers.push(data);
            }
            if let Frame::RetireConnectionId { sequence } = frame {
                page.ids[1].insert(sequence);
            }
            page.limits.on_heard(&frame);
        }
    }
}

impl Page {
    fn new(peer: &TransportParameters) -> Self {
        Self {
            opened: Default::default(),
            limits: Limits::new(peer),
            said: Account::default(),
            ids: [BTreeSet::from([0]), BTreeSet::new()],
            early: Account::default(),
        }
    }

    /// This end says so, in 0-RTT under what it remembers. The error is what it must not say.
    fn on_said(
        &mut self,
        role: Role,
        remembered: Option<&Limits>,
        level: Level,
        frame: &Frame<'_>,
        canary: Option<Canary>,
    ) -> Result<(), (Invariant, String)> {
        let (limits, account) = match remembered {
            Some(limits) => (limits, &mut self.early),
            None => (&self.limits, &mut self.said),
        };
        match frame {
            Frame::Stream {
                id, offset, data, ..
            } => {
                let more = if canary == Some(Canary::Overrun) {
                    1 << 40
                } else {
                    0
                };
                account.on_sent(role, limits, *id, offset + data.len() as u64 + more)
            }
            Frame::ResetStream { id, final_size, .. } => {
                account.on_sent(role, limits, *id, *final_size)
            }
            Frame::NewConnectionId { sequence, .. } => {
                let [given, retired] = &mut self.ids;
                given.insert(*sequence);
                let more = if canary == Some(Canary::TooManyIds) {
                    7
                } else {
                    0
                };
                let (active, most) = (
                    given.difference(retired).count() as u64 + more,
                    limits.initial.active_connection_id_limit,
                );
                if active > most {
                    let what = format!("{active} connection ids in use, of {most}");
                    return Err((Invariant::Limits, what));
                }
                Ok(())
            }
            Frame::Datagram { data, has_len } => limits.check_datagram(data.len(), *has_len),
            Frame::Ack(ack) => {
                let opened = &self.opened[level.space().index()];
                let more = u64::from(canary == Some(Canary::UnseenAcknowledged));
                for range in ack.ranges() {
                    if !opened.contain(*range.start(), *range.end() + more) {
                        return Err((
                            Invariant::Accounts,
                            format!(
                                "acknowledged {range:?} at {level:?} without having received it"
                            ),
                        ));
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Account {
    fn on_sent(
        &mut self,
        role: Role,
        limits: &Limits,
        id: StreamId,
        end: u64,
    ) -> Result<(), (Invariant, String)> {
        let broken = |what| Err((Invariant::Limits, what));
        if id.initiator() == role && id.index() >= limits.max_streams[id.direction().index()] {
            return broken(format!("opened {id:?} past the limit"));
        }
        let limit = limits.of(role, id);
        if end > limit {
            return broken(format!("sent {end} bytes of {id:?}, of {limit}"));
        }
        self.add(id, end);
        if self.in_all > limits.max_data {
            let (sent, limit) = (self.in_all, limits.max_data);
            return broken(format!("sent {sent} bytes in all, of {limit}"));
        }
        Ok(())
    }

    fn add(&mut self, id: StreamId, end: u64) {
        let sent = self.sent.entry(id).or_default();
        self.in_all += end.saturating_sub(*sent);
        *sent = end.max(*sent);
    }
}

impl Limits {
    fn new(peer: &TransportParameters) -> Self {
        Self {
            max_data: peer.initial_max_data,
            max_streams: [peer.initial_max_streams_bidi, peer.initial_max_streams_uni],
            max_stream_data: BTreeMap::new(),
            initial: peer.clone(),
        }
    }

    /// How far `role` may send on a stream.
    fn of(&self, role: Role, id: StreamId) -> u64 {
        let raised = self.max_stream_data.get(&id).copied();
        raised.unwrap_or_else(|| initial_limit(role, &self.initial, id))
    }

    fn check_datagram(&self, len: usize, has_len: bool) -> Result<(), (Invariant, String)> {
        let prefix = if has_len { varint_len(len as u64) } else { 0 };
        let (frame, limit) = (1 + prefix + len, self.initial.max_datagram_frame_size);
        if frame as u64 > limit {
            let what = format!("a datagram frame of {frame} bytes, of {limit}");
            return Err((Invariant::Limits, what));
        }
        Ok(())
    }

    /// The end that these are for hears so.
    fn on_heard(&mut self, frame: &Frame<'_>) {
        match frame {
            Frame::MaxData(max) => self.max_data = self.max_data.max(*max),
            Frame::MaxStreams { direction, max } => {
                let limit = &mut self.max_streams[direction.index()];
                *limit = (*limit).max(*max);
            }
            Frame::MaxStreamData { id, max } => {
                let initial = initial_limit(id.initiator(), &self.initial, *id);
                let limit = self.max_stream_data.entry(*id).or_insert(initial);
                *limit = (*limit).max(*max);
            }
            _ => {}
        }
    }
}

/// How far `role` may send on a stream before it hears more.
fn initial_limit(role: Role, peer: &TransportParameters, id: StreamId) -> u64 {
    match (id.direction(), id.initiator() == role) {
        (Direction::Unidirectional, _) => peer.initial_max_stream_data_uni,
        (Direction::Bidirectional, true) => peer.initial_max_stream_data_bidi_remote,
        (Direction::Bidirectional, false) => peer.initial_max_stream_data_bidi_local,
    }
}

impl Ranges {
    fn insert(&mut self, number: u64) {
        let at = self.0.partition_point(|range| range.1 + 1 < number);
        match self.0.get_mut(at) {
            Some(range) if range.0 <= number && number <= range.1 => {}
            Some(range) if range.1 + 1 == number => {
                range.1 = number;
                if let Some(next) = self
                    .0
                    .get(at + 1)
                    .copied()
                    .filter(|next| next.0 == number + 1)
                {
                    self.0[at].1 = next.1;
                    self.0.remove(at + 1);
                }
            }
            Some(range) if range.0 == number + 1 => range.0 = number,
            _ => self.0.insert(at, (number, number)),
        }
    }

    fn contain(&self, first: u64, last: u64) -> bool {
        let at = self.0.partition_point(|range| range.1 < first);
        self.0
            .get(at)
            .is_some_and(|range| range.0 <= first && last <= range.1)
    }
}

/// The place of a role in a pair.
pub(super) const fn place(role: Role) -> usize {
    match role {
        Role::Client => 0,
        Role::Server => 1,
    }
}
