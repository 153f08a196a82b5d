//! Packets sent and the frames they carried come in, the fate of each frame goes out. An ACK must never cost more than its
//! ranges and the packets it newly acknowledges.
//!
//! The log of one space is a ring of records in the order of their numbers, with a ring of frames beside it. Loss detection
//! by packet threshold takes everything that lies so many numbers below the largest acknowledged off the front, so fewer settled
//! records than [`limits::REORDERING_MAX`] are ever walked again, however large the window is and whatever the peer repeats.

mod books;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use inquic_platform::{Instant, memory};
use inquic_wire::{Code, PeerError};

use super::congestion::{LostPacket, Snapshot};
use super::frames::{Fate, SentFrame, SentPacket};
use super::limits;
use super::record::{ACKED, ELICITING, ELSEWHERE, Growing, IN_FLIGHT, Newly, RETOLD, Record};
use super::snapshots::Snapshots;

/// The packets of one space whose fate is open, in the order of their numbers.
#[derive(Default)]
pub(super) struct Log {
    records: VecDeque<Record>,
    frames: VecDeque<SentFrame>,
    snapshots: Snapshots,
    /// Numbers left out, oldest first.
    skipped: Vec<u64>,
    /// Index of the first frame of `frames`; wraps.
    frames_at: u32,
    /// Ack-eliciting packets whose fate is open.
    eliciting: u32,
    /// ACK-only packets in the log.
    ack_only: u32,
    /// ACK-only packets since the last ack-eliciting one.
    ack_only_run: u32,
    /// One above the largest number sent.
    pub(super) sent_below: u64,
    /// One above the largest number acknowledged.
    pub(super) acked_below: u64,
    /// When the newest acknowledged packet was sent.
    pub(super) newest_acked_sent: Option<Instant>,
    /// When the newest ack-eliciting packet was sent.
    pub(super) last_eliciting: Instant,
    /// When the oldest packet below the largest acknowledged counts as lost.
    pub(super) loss_time: Option<Instant>,
    /// When the first packet was sent of a row in which none was acknowledged.
    pub(super) lost_since: Option<Instant>,
    /// The largest count of ECN-CE marks that the peer reported.
    pub(super) ecn_ce: u64,
    /// Packets above the smallest size that were lost since one of a full size arrived, or one of the smallest was lost.
    pub(super) large_lost: u32,
    /// The first number that was sent since the full size last changed.
    sized_from: u64,
}

impl Log {
    /// Notes a packet that is to be sent, for which there is room.
    #[inline]
    pub(super) fn push(
        &mut self,
        now: Instant,
        packet: SentPacket,
        frames: &[SentFrame],
        snapshot: Option<Snapshot>,
    ) {
        debug_assert!(packet.number >= self.sent_below, "numbers only grow");
        debug_assert!(frames.len() <= limits::FRAMES_PER_PACKET);
        self.sent_below = packet.number.saturating_add(1);
        let mut bits = 0;
        if packet.in_flight {
            bits |= IN_FLIGHT;
        }
        if packet.ack_eliciting {
            bits |= ELICITING;
            self.eliciting = self.eliciting.saturating_add(1);
            self.ack_only_run = 0;
            self.last_eliciting = now;
        } else if !packet.in_flight {
            self.ack_only_run = self.ack_only_run.saturating_add(1);
            if !self.has_room_for_ack_only() {
                return;
            }
            self.ack_only = self.ack_only.saturating_add(1);
        }
        let frames = frames.get(..limits::FRAMES_PER_PACKET).unwrap_or(frames);
        let frames_at = self.frames_at.wrapping_add(self.frames.len() as u32);
        match frames {
            // Most packets carry one frame, and one is stored faster without a loop.
            [frame] => memory::put_back(&mut self.frames, *frame),
            frames => memory::append_back(&mut self.frames, frames),
        }
        let record = Record {
            number: packet.number,
            sent: now,
            frames_at,
            size: packet.size,
            bits: bits | frames.len() as u16,
        };
        memory::put_back(&mut self.records, record);
        if let Some(snapshot) = snapshot {
            let newest = self.records.len().saturating_sub(1);
            self.snapshots.keep(newest, snapshot);
        }
    }

    /// Whether there is memory for one more packet with so many frames, and with a snapshot if there are some.
    #[inline]
    pub(super) fn has_room(&mut self, frames: usize, snapshots: bool, most: usize) -> bool {
        let records = self.records.len() < self.records.capacity();
        let places = self.frames.capacity().saturating_sub(self.frames.len());
        (records || reserve(&mut self.records, 1, most))
            && (frames <= places || reserve(&mut self.frames, frames, most.saturating_mul(2)))
            && (!snapshots
                || self
                    .snapshots
                    .has_room(self.records.len().saturating_add(1), most))
    }

    /// Notes a packet that was sent on another path than the active one.
    pub(super) fn push_elsewhere(
        &mut self,
        now: Instant,
        number: u64,
        size: u16,
        snapshot: Option<Snapshot>,
    ) {
        let packet = SentPacket {
            number,
            size,
            ack_eliciting: false,
            in_flight: false,
        };
        let run = self.ack_only_run;
        self.push(now, packet, &[], snapshot);
        self.ack_only_run = run;
        if let Some(record) = self
            .records
            .back_mut()
            .filter(|record| record.number == number)
        {
            record.bits |= ELSEWHERE;
        }
    }

    /// Notes a number that will never be sent.
    pub(super) fn skip(&mut self, number: u64) {
        if self.skipped.len() >= limits::SKIPPED {
            memory::taken(&mut self.skipped, 0);
        }
        // Without memory to note it, nobody is caught by this one.
        let _ = memory::pushed(&mut self.skipped, number);
    }

    /// Refuses an ACK of a packet that was never sent.
    pub(super) fn check(
        &self,
        largest: u64,
        ranges: impl Iterator<Item = RangeInclusive<u64>>,
    ) -> Result<(), PeerError> {
        //= RFC 9000 §13.1: An endpoint SHOULD treat receipt of an acknowledgment for a packet it
        //= did not send as a connection error of type PROTOCOL_VIOLATION, if it is able to detect
        //= the condition.
        if largest >= self.sent_below {
            return Err(PeerError::new(
                Code::ProtocolViolation,
                "acknowledged a packet never sent",
            ));
        }
        let Some(oldest) = self.skipped.first() else {
            return Ok(());
        };
        for range in ranges {
            if range.end() < oldest {
                break;
            }
            let from = self
                .skipped
                .partition_point(|number| number < range.start());
            if self
                .skipped
                .get(from)
                .is_some_and(|number| number <= range.end())
            {
                return Err(PeerError::new(
                    Code::ProtocolViolation,
                    "acknowledged a packet number left out",
                ));
            }
        }
        Ok(())
    }

    /// Marks what an ACK acknowledges and tells it, range by range, the oldest packet of a range first.
    pub(super) fn acknowledge(
        &mut self,
        largest: u64,
        ranges: impl Iterator<Item = RangeInclusive<u64>>,
        growing: Growing,
        fates: &mut dyn FnMut(Fate, SentFrame),
    ) -> Newly {
        let mut newly = Newly::default();
        self.acked_below = self.acked_below.max(largest.saturating_add(1));
        let Some(oldest) = self.records.front().map(|record| record.number) else {
            return newly;
        };
        for range in ranges {
            if *range.end() < oldest {
                break;
            }
            self.acknowledge_range(&range, largest, growing, &mut newly, fates);
        }
        self.newest_acked_sent = self.newest_acked_sent.max(newly.newest_sent);
        newly
    }

    #[inline]
    fn acknowledge_range(
        &mut self,
        range: &RangeInclusive<u64>,
        largest: u64,
        growing: Growing,
        newly: &mut Newly,
        fates: &mut dyn FnMut(Fate, SentFrame),
    ) {
        let from = self.position(*range.start());
        let mut newest: Option<&Record> = None;
        for record in self.records.iter_mut().skip(from) {
            if record.number > *range.end() {
                break;
            }
            if record.is_acked() {
                continue;
            }
            record.bits |= ACKED;
            let record: &Record = record;
            newly.packets = newly.packets.saturating_add(1);
            newest = Some(record);
            if record.number == largest && !record.is_elsewhere() {
                newly.largest_sent = Some(record.sent);
                newly.largest_size = record.size;
            }
            if record.is_eliciting() {
                newly.eliciting = true;
                self.eliciting = self.eliciting.saturating_sub(1);
            }
            if record.is_in_flight() {
                let size = u64::from(record.size);
                newly.bytes = newly.bytes.saturating_add(size);
                if growing.includes(record.sent) {
                    newly.growth = newly.growth.saturating_add(size);
                }
            } else if record.is_ack_only() {
                self.ack_only = self.ack_only.saturating_sub(1);
            }
            let at = record.frames_at.wrapping_sub(self.frames_at) as usize;
            // Most packets carry one frame, and one is found faster without an iterator.
            if let (1, Some(frame)) = (record.frames(), self.frames.get(at)) {
                fates(Fate::Acknowledged, *frame);
                continue;
            }
            for frame in self.frames.iter().skip(at).take(record.frames()) {
                fates(Fate::Acknowledged, *frame);
            }
        }
        // Ranges descend, and so do the times at which their packets were sent.
        if let (None, Some(record)) = (newly.newest_sent, newest) {
            newly.newest_sent = Some(record.sent);
            newly.newest = record.number;
        }
    }

    /// Takes what was acknowledged off the front. Says whether there was any.
    #[inline]
    pub(super) fn pop_acked(&mut self) -> bool {
        let mut count = 0_usize;
        let before = self.records.len();
        while let Some(record) = self.records.pop_front_if(|record| record.is_acked()) {
            count = count.saturating_add(record.frames());
        }
        for _ in 0..count {
            self.frames.pop_front();
        }
        self.frames_at = self.frames_at.wrapping_add(count as u32);
        let popped = before.saturating_sub(self.records.len());
        self.snapshots.forget(popped);
        popped > 0
    }

    /// What was known when the packet of that number was sent, if it is in the log and that was kept.
    pub(super) fn snapshot(&self, number: u64) -> Option<Snapshot> {
        if self.snapshots.is_empty() {
            return None;
        }
        self.snapshots.get(self.position(number))
    }

    /// How many snapshots there are for how many records.
    #[cfg(test)]
    pub(super) fn snapshots(&self) -> (usize, usize) {
        (self.snapshots.len(), self.records.len())
    }

    /// What the parent hears of the oldest packet when it is lost.
    pub(super) fn as_lost(&self, oldest: &Record) -> LostPacket {
        LostPacket {
            number: oldest.number,
            size: oldest.size,
            snapshot: self.snapshots.get(0),
        }
    }

    /// The oldest record.
    #[inline]
    pub(super) fn oldest(&self) -> Option<Record> {
        self.records.front().copied()
    }

    /// Takes the oldest record off, and tells the fate of its frames as lost unless it was acknowledged.
    #[inline]
    pub(super) fn pop(&mut self, fates: &mut dyn FnMut(SentFrame)) {
        let Some(record) = self.records.pop_front() else {
            return;
        };
        self.snapshots.forget(1);
        let count = record.frames();
        let tell = record.bits & (ACKED | RETOLD) == 0;
        for _ in 0..count {
            match self.frames.pop_front() {
                Some(frame) if tell => fates(frame),
                _ => {}
            }
        }
        self.frames_at = self.frames_at.wrapping_add(count as u32);
        if record.is_acked() {
            return;
        }
        if record.is_eliciting() {
            self.eliciting = self.eliciting.saturating_sub(1);
        }
        if record.is_ack_only() {
            self.ack_only = self.ack_only.saturating_sub(1);
        }
    }

    /// Tells the frames of the `packets` oldest ack-eliciting packets that are open and were not told before. Their owner sends
    /// them again, so their loss is not told later.
    pub(super) fn retell(&mut self, packets: usize, fates: &mut dyn FnMut(SentFrame)) {
        let open = |record: &&mut Record| {
            record.bits & ELICITING != 0 && record.bits & (ACKED | RETOLD) == 0
        };
        for record in self.records.iter_mut().filter(open).take(packets) {
            record.bits |= RETOLD;
            let at = record.frames_at.wrapping_sub(self.frames_at) as usize;
            for frame in self.frames.iter().skip(at).take(record.frames()) {
                fates(*frame);
            }
        }
    }

    /// Forgets every packet, telling the frames of those whose fate was open. Returns the bytes that were in flight. What was
    /// sent and what was left out stays known.
    pub(super) fn forget(&mut self, fates: &mut dyn FnMut(SentFrame)) -> u64 {
        let bytes = self.bytes_in_flight();
        while !self.records.is_empty() {
            self.pop(fates);
        }
        self.loss_time = None;
        self.lost_since = None;
        bytes
    }

    /// Takes every packet out of flight, as a new path begins with none. Returns the bytes that were.
    pub(super) fn ground(&mut self) -> u64 {
        let bytes = self.bytes_in_flight();
        for record in &mut self.records {
            record.bits &= !IN_FLIGHT;
        }
        self.lost_since = None;
        self.large_lost = 0;
        bytes
    }

    /// Full packets have another size from now on.
    pub(super) const fn resize(&mut self) {
        self.large_lost = 0;
        self.sized_from = self.sent_below;
    }

    /// Whether the oldest packet was a probe of the path's MTU.
    pub(super) fn oldest_is_mtu_probe(&self) -> bool {
        self.oldest().is_some_and(|oldest| oldest.frames() > 0)
            && matches!(self.frames.front(), Some(SentFrame::MtuProbe { .. }))
    }

    /// The oldest packet is lost: its size may be why.
    pub(super) fn note_lost_size(&mut self, oldest: &Record) {
        if oldest.number < self.sized_from {
            return;
        }
        if usize::from(oldest.size) <= crate::limits::DATAGRAM_MIN {
            self.large_lost = 0;
            return;
        }
        let later = self.records.iter().skip(1).take(limits::SIZE_WITNESSES);
        let mut others = later.filter(|record| record.is_acked());
        self.large_lost = if others.any(|record| record.size >= oldest.size) {
            0
        } else {
            self.large_lost.saturating_add(1)
        };
    }

    /// The place of the first record whose number is `number` or larger.
    #[inline]
    fn position(&self, number: u64) -> usize {
        let Some(oldest) = self.records.front() else {
            return 0;
        };
        let ahead = number.saturating_sub(oldest.number);
        // Where no number was left out, the place is the distance from the front.
        let guess = usize::try_from(ahead).unwrap_or(usize::MAX);
        match self.records.get(guess) {
            Some(record) if record.number == number => guess,
            _ => self
                .records
                .partition_point(|record| record.number < number),
        }
    }

    /// Makes room for one more ACK-only packet by forgetting the oldest packet, if that is one.
    fn has_room_for_ack_only(&mut self) -> bool {
        if self.ack_only < limits::ACK_ONLY {
            return true;
        }
        let open = |oldest: &Record| oldest.is_ack_only() && !oldest.is_acked();
        if !self.records.front().is_some_and(open) {
            return false;
        }
        self.pop(&mut |_| {});
        true
    }
}

/// Makes room for so many more, and for twice as many as there are if that is not above `most`. The first packet gets no more than
/// it needs: of a stranger there may be no second.
#[cold]
pub(super) fn reserve<T>(queue: &mut VecDeque<T>, more: usize, most: usize) -> bool {
    let doubled = queue.len().min(most.saturating_sub(queue.len()));
    queue.try_reserve_exact(more.max(doubled)).is_ok()
}
