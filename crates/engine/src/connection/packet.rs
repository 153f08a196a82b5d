//! One packet: header, frames and what the recovery must know of it. Packets are laid out here and sealed by whoever asked.

use alloc::vec::Vec;

use inquic_platform::{Instant, SealJob, Tail};
use inquic_wire::frame::write_ping;
use inquic_wire::{
    Code, Level, LongKind, LongPlan, PeerError, Space, Writer, packet_number_len, write_long,
    write_short,
};

use super::Connection;
use super::fill::Wanted;
use super::state::State;
use crate::datagram::Datagrams;
use crate::limits;
use crate::recovery::{SentFrame, SentPacket};
use crate::trace::What;

/// What may go into the next packet of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permit {
    /// Acknowledgements alone: the congestion window is full, or there is nothing else.
    AckOnly,
    /// Everything.
    Data,
    /// Everything, and a PING when there is nothing that the peer must acknowledge.
    Probe,
}

/// A packet laid out in a buffer and not yet sealed. Offsets count from the start of its datagram. It is filled in where it
/// stays, since a move costs as much as half of what is done for a packet.
#[derive(Clone)]
pub(super) struct Built {
    pub(super) level: Level,
    pub(super) start: usize,
    number_at: usize,
    payload_at: usize,
    pub(super) payload_end: usize,
    long: Option<LongPlan>,
    pub(super) number: u64,
    pub(super) eliciting: bool,
    padded: bool,
    /// It goes by a path that is not the active one.
    elsewhere: bool,
    /// Its frames are in the scratch up to here.
    frames_end: usize,
    /// The bytes at its end that are still with the streams.
    tail: Tail,
}

impl Connection {
    /// Lays out a packet of `level` in `datagram` from `start` on, and describes it in `built`; `None` if there is nothing
    /// to say.
    pub(super) fn build(
        &mut self,
        now: Instant,
        level: Level,
        (datagram, start): (&mut [u8], usize),
        permit: Permit,
        frames: &mut Vec<SentFrame>,
        built: &mut Built,
    ) -> Option<()> {
        let room_end = datagram.len().checked_sub(self.tag_len(level))?;
        let mut writer = Writer::new(datagram.get_mut(start..room_end)?);
        let space = level.space();
        let number = self.numbers.get(space.index())?.next();
        let number_len = packet_number_len(number, self.recovery.largest_acked(space));
        let (number_at, payload_at, long) =
            self.write_header(level, &mut writer, number, number_len)?;
        let needs_ping = self.recovery.needs_ping(space);
        built.tail = Tail::NONE;
        let eliciting = if let State::Closing(closing) = &self.state {
            closing
                .write(self.close_reason(), level, &mut writer)
                .ok()?;
            false
        } else {
            let ping = self.ping && space == Space::Application && permit != Permit::AckOnly;
            let wanted = Wanted {
                now,
                space,
                early: level == Level::ZeroRtt,
                permit,
                needs_ping,
                ping,
                datagram_room: if self
                    .carried
                    .datagrams()
                    .is_some_and(Datagrams::wants_to_send)
                {
                    self.datagram_room(level)
                } else {
                    0
                },
                ack_delay_exponent: self.ack_delay.exponent,
            };
            self.carried
                .write(wanted, &mut writer, &mut built.tail, frames)
        };
        if writer.position() == payload_at {
            return None;
        }
        // A sample is taken four bytes behind the packet number's start, so that much must be there (RFC 9001 §5.4.2).
        let least = SAMPLE_OFFSET.saturating_sub(number_len);
        let short = least.saturating_sub(writer.position().saturating_sub(payload_at));
        writer.zeros(short).ok()?;
        built.level = level;
        built.start = start;
        built.number_at = start.saturating_add(number_at);
        built.payload_at = start.saturating_add(payload_at);
        built.payload_end = start.saturating_add(writer.position());
        if self.quic_bit.clears(&*self.platform)
            && let Some(first) = datagram.get_mut(start)
        {
            *first &= !FIXED;
        }
        built.long = long;
        built.number = number;
        built.eliciting = eliciting;
        built.padded = false;
        built.frames_end = frames.len();
        Some(())
    }

    /// Lays out a probe of the path's MTU that fills `datagram`: PING and PADDING, nothing that would be missed.
    pub(super) fn build_mtu_probe(&mut self, datagram: &mut [u8]) -> Option<Built> {
        let room_end = datagram.len().checked_sub(self.tag_len(Level::OneRtt))?;
        let mut writer = Writer::new(datagram.get_mut(..room_end)?);
        let number = self.numbers.get(Space::Application.index())?.next();
        let number_len = packet_number_len(number, self.recovery.largest_acked(Space::Application));
        let (number_at, payload_at, long) =
            self.write_header(Level::OneRtt, &mut writer, number, number_len)?;
        //= RFC 9000 §14.4: PMTU probes are ack-eliciting packets.
        write_ping(&mut writer).ok()?;
        writer.zeros(writer.remaining()).ok()?;
        Some(Built {
            level: Level::OneRtt,
            start: 0,
            number_at,
            payload_at,
            payload_end: writer.position(),
            long,
            number,
            eliciting: true,
            padded: true,
            elsewhere: false,
            frames_end: 1,
            tail: Tail::NONE,
        })
    }

    fn write_header(
        &mut self,
        level: Level,
        writer: &mut Writer<'_>,
        number: u64,
        number_len: usize,
    ) -> Option<(usize, usize, Option<LongPlan>)> {
        let dcid = self.carried.peer_ids.active();
        let kind = match level {
            Level::OneRtt => {
                let phase = self.keys.phase()?;
                let plan =
                    write_short(writer, dcid, self.spin.bit(), phase, number, number_len).ok()?;
                return Some((plan.number_at, plan.payload_at, None));
            }
            Level::Initial => LongKind::Initial,
            Level::Handshake => LongKind::Handshake,
            Level::ZeroRtt => LongKind::ZeroRtt,
        };
        let token = if level == Level::Initial {
            &self.hello.token[..]
        } else {
            &[]
        };
        let scid = &self.hello.local_id;
        let version = if level == Level::ZeroRtt {
            self.hello.original_version
        } else {
            self.version
        };
        let plan = write_long(writer, kind, version, dcid, scid, token, number, number_len).ok()?;
        Some((plan.number_at, plan.payload_at, Some(plan)))
    }

    /// Settles a packet that will leave: its number is used, its length is written, the recovery knows it. `frames` are its own;
    /// `job` becomes what is to be sealed.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        built: &Built,
        datagram: &mut [u8],
        frames: &[SentFrame],
        job: &mut SealJob,
    ) -> Option<()> {
        let end = built.payload_end.saturating_add(self.tag_len(built.level));
        if let Some(plan) = &built.long {
            let packet = datagram.get_mut(built.start..end)?;
            let length = plan.length(packet.len()).ok()?;
            *packet.get_mut(plan.length_at..)?.first_chunk_mut()? = length;
        }
        let space = built.level.space();
        if built.level == Level::OneRtt && self.keys.on_seal(built.number).is_err() {
            self.close_with(
                now,
                PeerError::new(
                    Code::AeadLimitReached,
                    "a key was worn out before it could be changed",
                ),
            );
            return None;
        }
        if let Some(skipped) = self.numbers.get_mut(space.index())?.take(&*self.platform) {
            self.recovery.on_number_skipped(space, skipped);
        }
        if built.elsewhere {
            let size = u16::try_from(end.saturating_sub(built.start)).unwrap_or(u16::MAX);
            if !self.recovery.on_probe_sent(now, built.number, size) {
                return None;
            }
        } else if !matches!(self.state, State::Closing(_)) {
            let packet = SentPacket {
                number: built.number,
                size: u16::try_from(end.saturating_sub(built.start)).unwrap_or(u16::MAX),
                ack_eliciting: built.eliciting,
                in_flight: built.eliciting || built.padded,
            };
            if !self.recovery.on_packet_sent(now, space, packet, frames) {
                self.close_with(
                    now,
                    PeerError::new(Code::Internal, "no memory to note what was sent"),
                );
                return None;
            }
            if built.eliciting {
                self.on_eliciting_sent(now, space);
            }
        }
        let payload = datagram.get(built.payload_at..built.payload_end);
        self.recovery.trace.packet(
            What::Sent,
            (built.level, built.number),
            self.role.peer(),
            self.config.ack_delay_exponent.min(20),
            payload.unwrap_or_default(),
        );
        job.start = built.start;
        job.number_at = built.number_at;
        job.payload_at = built.payload_at;
        job.end = end;
        job.packet_number = built.number;
        job.tail = built.tail;
        Some(())
    }

    fn on_eliciting_sent(&mut self, now: Instant, space: Space) {
        //= RFC 9000 §10.1: An endpoint also restarts its idle timer when sending an ack-eliciting packet if no other
        //= ack-eliciting packets have been sent since last receiving and processing a packet.
        if !self.sent_since_heard {
            self.sent_since_heard = true;
            self.active_at = now;
        }
        self.rest_at.get_or_insert(now + limits::REST);
        if let Some(probes) = self.probes.get_mut(space.index()) {
            *probes = probes.saturating_sub(1);
        }
        if space == Space::Application {
            self.ping = false;
        }
    }
}

impl Built {
    /// Not yet a packet.
    pub(super) const NONE: Self = Self {
        level: Level::OneRtt,
        start: 0,
        number_at: 0,
        payload_at: 0,
        payload_end: 0,
        long: None,
        number: 0,
        eliciting: false,
        padded: false,
        elsewhere: false,
        frames_end: 0,
        tail: Tail::NONE,
    };
    /// A 1-RTT packet at the start of its datagram, whose frames are known to whoever made it. What is not eliciting goes by a
    /// path that is not the active one.
    pub(super) const fn probe(
        (number_at, payload_at, payload_end): (usize, usize, usize),
        number: u64,
        eliciting: bool,
    ) -> Self {
        Self {
            level: Level::OneRtt,
            start: 0,
            number_at,
            payload_at,
            payload_end,
            long: None,
            number,
            eliciting,
            padded: false,
            elsewhere: !eliciting,
            frames_end: 0,
            tail: Tail::NONE,
        }
    }

    /// Makes the packet longer with PADDING until its datagram has `len` bytes, the tag included.
    pub(super) fn pad_to(&mut self, len: usize, tag: usize, datagram: &mut [u8]) {
        let payload_end = len.saturating_sub(tag);
        if let Some(padding) = datagram.get_mut(self.payload_end..payload_end) {
            padding.fill(0);
            self.payload_end = payload_end;
            self.padded = true;
        }
    }

    /// Its frames among all those of the datagram, which begin at `from`.
    pub(super) fn frames<'a>(&self, from: usize, all: &'a [SentFrame]) -> &'a [SentFrame] {
        all.get(from..self.frames_end).unwrap_or_default()
    }

    pub(super) const fn frames_end(&self) -> usize {
        self.frames_end
    }
}
const SAMPLE_OFFSET: usize = 4;
const FIXED: u8 = 0x40;
