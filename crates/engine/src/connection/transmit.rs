//! Datagrams out: while the handshake lasts, one at a time with packets of several levels; afterwards batches of equal size, laid
//! out first and sealed in one go. Never more than the congestion window, pacing and address validation allow.

use alloc::vec::Vec;

use inquic_platform::crypto::{NoTails, Tails};
use inquic_platform::{CryptoError, Instant, SealJob};
use inquic_wire::{Code, Level, PeerError, Role, Space};

use super::Connection;
use super::clear;
use super::early::Half;
use super::fill::has_room;
use super::packet::{Built, Permit};
use super::state::State;
use crate::limits;
use crate::path::Path;
use crate::protect;
use crate::recovery::{Allowance, SentFrame};

/// Datagrams ready to leave, at the start of the buffer given to [`Connection::transmit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// From where to where.
    pub path: Path,
    /// Bytes of all datagrams together.
    pub bytes: usize,
    /// Bytes of each datagram; the last may be shorter.
    pub segment: usize,
    /// The two ECN bits for the IP header.
    pub ecn: u8,
}

impl Connection {
    /// Builds datagrams into `out`, which has room for one full datagram or more; up to [`limits::TRANSMIT_BATCH`] of one
    /// size leave together. `None` when there is nothing to send now.
    pub fn transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        self.recovery.trace.at(now);
        let sent = match &mut self.state {
            State::Closing(closing) => {
                if !closing.wanted {
                    return None;
                }
                let sent = self.transmit_coalesced(now, out);
                // Without credit at an unvalidated address it waits for the next packet of the peer.
                if let (State::Closing(closing), Some(_)) = (&mut self.state, &sent) {
                    closing.wanted = false;
                }
                sent
            }
            State::Draining { .. } | State::Gone => None,
            State::Handshaking { .. } | State::Connected { .. } => {
                self.begin_wanted_update(now);
                self.spin
                    .set_id(&*self.platform, self.carried.peer_ids.active());
                if let Some(probe) = self.transmit_probe(now, out) {
                    return Some(probe);
                }
                let handshake = !(self.keys.initial_discarded && self.keys.handshake_discarded);
                match handshake
                    .then(|| self.transmit_coalesced(now, out))
                    .flatten()
                {
                    Some(sent) => Some(sent),
                    None => match self.transmit_mtu_probe(now, out) {
                        Some(sent) => Some(sent),
                        None => self.transmit_batch(now, out),
                    },
                }
            }
        }?;
        self.carried.paths.active_mut().on_sent(sent.bytes);
        self.counts.bytes_sent = self.counts.bytes_sent.saturating_add(sent.bytes as u64);
        self.refresh_timer();
        Some(sent)
    }

    /// Changes keys long before they are worn out.
    fn begin_wanted_update(&mut self, now: Instant) {
        if self
            .keys
            .one_rtt()
            .is_some_and(|keys| keys.wants_update() && keys.may_update())
        {
            // A failure leaves the old keys, which last as long again, and it is tried with every batch.
            let _ = self.initiate_key_update(now);
        }
    }

    pub(super) fn transmitted(&self, bytes: usize, segment: usize, ecn: u8) -> Transmit {
        Transmit {
            path: self.carried.paths.active().path,
            bytes,
            segment,
            ecn,
        }
    }

    /// Builds one datagram with packets of all levels that have something to say (RFC 9000 §12.2).
    fn transmit_coalesced(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        let budget = usize::try_from(self.carried.paths.active().budget()).unwrap_or(usize::MAX);
        let size = self.max_datagram.min(budget).min(out.len());
        if size < limits::DATAGRAM_MIN {
            return None;
        }
        let datagram = out.get_mut(..size)?;
        let mut frames = Vec::new();
        if !self.has_room_for_frames(now, &mut frames) {
            return None;
        }
        let mut packets: [Option<Built>; 4] = [None, None, None, None];
        let announces = self.announces_version(now);
        let mut at = 0;
        for (place, level) in packets.iter_mut().zip(LEVELS) {
            let last = level == Level::OneRtt;
            if !self.keys.can_seal(level)
                || last && at == 0 && !matches!(self.state, State::Closing(_))
            {
                continue;
            }
            let permit = if announces {
                Permit::AckOnly
            } else {
                self.permit(now, level.space())
            };
            let mut built = Built::NONE;
            let packet = self.build(
                now,
                level,
                (&mut *datagram, at),
                permit,
                &mut frames,
                &mut built,
            );
            if packet.is_some() {
                at = built.payload_end.saturating_add(self.tag_len(level));
                *place = Some(built);
            }
            if announces {
                break;
            }
        }
        self.pad_initial(&mut packets, at, datagram);
        let mark = self.ecn.mark();
        let bytes = self.seal_coalesced(now, &packets, datagram, &frames)?;
        for built in packets.iter().flatten() {
            let number = built.number;
            self.ecn
                .on_sent(built.level.space(), 1, number..=number, mark);
        }
        let [_, _, handshake, _] = &packets;
        if handshake.is_some() && self.role == Role::Client {
            //= RFC 9001 §4.9.1: a client MUST discard Initial keys when it first sends a Handshake packet
            self.discard(Space::Initial);
        }
        Some(self.transmitted(bytes, bytes, mark))
    }

    /// Fills a datagram up that carries an Initial packet.
    fn pad_initial(&self, packets: &mut [Option<Built>; 4], len: usize, datagram: &mut [u8]) {
        let [initial, ..] = &*packets;
        //= RFC 9000 §14.1: a server MUST expand the payload of all UDP datagrams carrying ack-eliciting Initial packets to at
        //= least the smallest allowed maximum datagram size of 1200 bytes.
        let wanted = initial
            .as_ref()
            .is_some_and(|initial| self.role == Role::Client || initial.eliciting);
        if wanted
            && len < limits::DATAGRAM_MIN
            && let Some(last) = packets.iter_mut().rev().flatten().next()
        {
            let tag = self.tag_len(last.level);
            last.pad_to(limits::DATAGRAM_MIN, tag, datagram);
        }
    }

    fn seal_coalesced(
        &mut self,
        now: Instant,
        packets: &[Option<Built>; 4],
        datagram: &mut [u8],
        frames: &[SentFrame],
    ) -> Option<usize> {
        let mut bytes = None;
        let mut frames_from = 0;
        for built in packets.iter().flatten() {
            let mut job = SealJob::NONE;
            let own = built.frames(frames_from, frames);
            self.settle(now, built, datagram, own, &mut job)?;
            frames_from = built.frames_end();
            bytes = Some(job.end);
            self.seal(now, built.level, datagram, &[job])?;
        }
        bytes
    }

    /// Whether there is memory to note the frames of a packet; if not, it is asked for again a little later.
    fn has_room_for_frames(&mut self, now: Instant, frames: &mut Vec<SentFrame>) -> bool {
        let has_room = has_room(frames);
        self.is_starved = !has_room;
        if !has_room {
            self.pace_at = Some(now + limits::MEMORY_RETRY);
        }
        has_room
    }

    /// Builds a batch of 1-RTT packets of one size.
    fn transmit_batch(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        if !self.keys.can_seal(Level::OneRtt) {
            return None;
        }
        let [.., probes] = self.probes;
        // If the path carries no large packets any more, what a probe timeout sends must not vanish like those before it.
        let size = if probes > 0 {
            limits::DATAGRAM_MIN
        } else {
            self.max_datagram
        };
        let budget = usize::try_from(self.carried.paths.active().budget()).unwrap_or(usize::MAX);
        let room = out.len().min(limits::TRANSMIT_BYTES).min(budget);
        let mut frames = core::mem::take(&mut self.scratch);
        if !self.has_room_for_frames(now, &mut frames) {
            self.scratch = frames;
            return None;
        }
        let mut built = Built::NONE;
        let mut first = SealJob::NONE;
        let laid_out = match out.get_mut(..size).filter(|_| size <= room) {
            Some(datagram) => self.build_one(now, datagram, &mut frames, &mut built, &mut first),
            None => None,
        };
        let sent = match laid_out {
            None => None,
            // Most packets are alone, and room for many is cleared first.
            Some(()) if first.end < size => self.seal_batch(now, out, &[first], size),
            Some(()) => {
                let out = out.get_mut(..room).unwrap_or_default();
                self.transmit_many(now, out, (first, size), &mut frames, &mut built)
            }
        };
        self.scratch = frames;
        sent
    }

    /// Lays out packets behind the first one while they fill their datagrams, and seals them all.
    #[inline(never)]
    fn transmit_many(
        &mut self,
        now: Instant,
        out: &mut [u8],
        (first, size): (SealJob, usize),
        frames: &mut Vec<SentFrame>,
        built: &mut Built,
    ) -> Option<Transmit> {
        let mut jobs: [SealJob; limits::TRANSMIT_BATCH] = [SealJob::NONE; limits::TRANSMIT_BATCH];
        let mut count = 1;
        let mut at = first.end;
        *jobs.first_mut()? = first;
        for job in jobs.iter_mut().take(self.ecn.batch()).skip(1) {
            let Some(datagram) = out.get_mut(at..at.saturating_add(size)) else {
                break;
            };
            if self.build_one(now, datagram, frames, built, job).is_none() {
                break;
            }
            let len = job.end;
            job.start = at;
            job.number_at = job.number_at.saturating_add(at);
            job.payload_at = job.payload_at.saturating_add(at);
            job.end = job.end.saturating_add(at);
            at = job.end;
            count = usize::saturating_add(count, 1);
            if len < size {
                break;
            }
        }
        self.seal_batch(now, out, jobs.get(..count)?, size)
    }

    /// Seals packets that lie back to back, of `size` bytes at most.
    fn seal_batch(
        &mut self,
        now: Instant,
        out: &mut [u8],
        jobs: &[SealJob],
        size: usize,
    ) -> Option<Transmit> {
        let mark = self.ecn.mark();
        let (first, last) = (jobs.first()?, jobs.last()?);
        let (numbers, at) = (first.packet_number..=last.packet_number, last.end);
        self.ecn
            .on_sent(Space::Application, jobs.len() as u64, numbers, mark);
        self.has_full_packets |= at >= size;
        self.seal(now, Level::OneRtt, out, jobs)?;
        Some(self.transmitted(at, size.min(at), mark))
    }

    /// Lays out and settles one 1-RTT packet.
    fn build_one(
        &mut self,
        now: Instant,
        datagram: &mut [u8],
        frames: &mut Vec<SentFrame>,
        built: &mut Built,
        job: &mut SealJob,
    ) -> Option<()> {
        let permit = self.permit(now, Space::Application);
        let ack_due = self
            .carried
            .received
            .last()
            .is_some_and(|received| received.ack_is_due(now));
        let wants = match permit {
            Permit::AckOnly => ack_due,
            Permit::Data => ack_due || self.ping || self.carried.wants_data(),
            Permit::Probe => true,
        };
        if !wants {
            if permit == Permit::Data {
                self.recovery.on_app_limited();
            }
            return None;
        }
        frames.clear();
        self.build(
            now,
            Level::OneRtt,
            (&mut *datagram, 0),
            permit,
            frames,
            built,
        )?;
        self.settle(now, built, datagram, frames, job)
    }

    /// What the next packet of a space may carry.
    pub(super) fn permit(&mut self, now: Instant, space: Space) -> Permit {
        if self
            .probes
            .get(space.index())
            .is_some_and(|&probes| probes > 0)
        {
            self.carried.repeat_crypto(space);
            return Permit::Probe;
        }
        match self.recovery.allowance(now) {
            Allowance::Bytes(_) => Permit::Data,
            //= RFC 9002 §7: An endpoint MUST NOT send a packet if it would cause bytes_in_flight (see Appendix B.2) to be larger
            //= than the congestion window, unless the packet is sent on a PTO timer expiration (see Section 6.2) or when entering
            //= recovery (see Section 7.3.2).
            //= type=exception: when lost 0-RTT packets fill the window, no timer runs for them before the handshake is confirmed;
            //= so one packet of the handshake may leave, and its own timer does the rest.
            Allowance::Congested
                if space != Space::Application
                    && self.keys.early.is_some()
                    && !self.recovery.in_flight_ack_eliciting(space) =>
            {
                Permit::Data
            }
            Allowance::Congested => Permit::AckOnly,
            Allowance::Paced(until) => {
                let ping = self.ping && space == Space::Application;
                if ping || self.carried.wants_to_send(space) {
                    self.pace_at = Some(until);
                }
                Permit::AckOnly
            }
        }
    }

    /// Seals packets that were settled as sent. Where memory for that is refused they are lost, and repeated as such.
    pub(super) fn seal(
        &mut self,
        now: Instant,
        level: Level,
        buffer: &mut [u8],
        jobs: &[SealJob],
    ) -> Option<()> {
        let keys = match level {
            Level::Initial => self.keys.initial.seal.as_ref(),
            Level::Handshake => self.keys.handshake.seal.as_ref(),
            Level::ZeroRtt => self.keys.early_seal(),
            Level::OneRtt => self.keys.half().map(Half::keys),
        };
        let tails: &dyn Tails = match &self.carried.data {
            Some(data) => &data.streams,
            None => &NoTails,
        };
        let sealed = match (level, keys) {
            (Level::OneRtt, _) if self.keys.in_clear => clear::put_tails(buffer, jobs, tails),
            (Level::OneRtt, None) => {
                let (packet, header) = self.keys.one_rtt()?.seal_keys();
                protect::seal(packet, header, buffer, jobs, tails)
            }
            (_, Some(keys)) => protect::seal(&*keys.packet, &*keys.header, buffer, jobs, tails),
            (_, None) => return None,
        };
        if sealed == Err(CryptoError::Misuse) {
            debug_assert!(false, "what we lay out can be sealed");
            self.close_with(
                now,
                PeerError::new(Code::Internal, "a packet could not be sealed"),
            );
        }
        sealed.ok()
    }
}

const LEVELS: [Level; 4] = Level::ALL;
