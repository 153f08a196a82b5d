//! What the log of sent packets says of itself: counts and memory out; memory that is not needed given back.

use inquic_platform::memory;

use super::Log;
use crate::recovery::frames::SentFrame;
use crate::recovery::limits;
use crate::recovery::record::Record;

impl Log {
    /// The sum over the log of what is in flight.
    pub(in crate::recovery) fn bytes_in_flight(&self) -> u64 {
        self.records
            .iter()
            .filter(|record| record.is_in_flight() && !record.is_acked())
            .fold(0, |sum, record| sum.saturating_add(u64::from(record.size)))
    }

    /// Ack-eliciting packets whose fate is open.
    pub(in crate::recovery) const fn eliciting(&self) -> u32 {
        self.eliciting
    }

    /// ACK-only packets since the last ack-eliciting one.
    pub(in crate::recovery) const fn ack_only_run(&self) -> u32 {
        self.ack_only_run
    }

    /// The largest number sent.
    pub(in crate::recovery) const fn largest_sent(&self) -> Option<u64> {
        self.sent_below.checked_sub(1)
    }

    /// The largest number acknowledged.
    pub(in crate::recovery) const fn largest_acked(&self) -> Option<u64> {
        self.acked_below.checked_sub(1)
    }

    /// Whether new data has to wait until the fate of old packets is known.
    pub(in crate::recovery) fn is_full(&self, most: usize) -> bool {
        self.records.len() >= most || self.frames.len() >= most.saturating_mul(2)
    }

    /// Packets that the log holds.
    pub(in crate::recovery) fn len(&self) -> usize {
        self.records.len()
    }

    /// Gives back memory that the log does not use.
    pub(in crate::recovery) fn shrink(&mut self) {
        if self.records.is_empty() {
            let surplus = self.skipped.len().saturating_sub(limits::SKIPPED_IDLE);
            memory::cut(&mut self.skipped, 0..surplus);
        }
        memory::trim_queue(&mut self.records);
        memory::trim_queue(&mut self.frames);
        self.snapshots.shrink();
        memory::trim(&mut self.skipped);
    }

    /// Bytes of heap that the log holds.
    pub(in crate::recovery) fn heap_bytes(&self) -> usize {
        let records = self.records.capacity().saturating_mul(size_of::<Record>());
        let frames = self
            .frames
            .capacity()
            .saturating_mul(size_of::<SentFrame>());
        let skipped = self.skipped.capacity().saturating_mul(size_of::<u64>());
        records
            .saturating_add(frames)
            .saturating_add(skipped)
            .saturating_add(self.snapshots.heap_bytes())
    }
}
