//! What a controller wants kept of packets comes in with their places in the sent log, and goes out by place. A packet of which nothing
//! was kept must never move the others.

use alloc::collections::VecDeque;

use inquic_platform::memory;

use super::congestion::Snapshot;

/// What is kept beside the records of one sent log: for each up to the last that has something, or none at all.
#[derive(Default)]
pub(super) struct Snapshots(VecDeque<Snapshot>);

impl Snapshots {
    /// Keeps what is known with the record at `place`, the newest, for which there is room.
    pub(super) fn keep(&mut self, place: usize, snapshot: Snapshot) {
        while self.0.len() < place {
            memory::put_back(&mut self.0, Snapshot::default());
        }
        memory::put_back(&mut self.0, snapshot);
    }

    /// What was kept with the record at `place`.
    pub(super) fn get(&self, place: usize) -> Option<Snapshot> {
        self.0.get(place).copied().filter(Snapshot::is_kept)
    }

    /// The oldest records left the log.
    #[inline]
    pub(super) fn forget(&mut self, records: usize) {
        if !self.0.is_empty() {
            self.0.drain(..records.min(self.0.len()));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is memory for the newest of so many records.
    #[inline]
    pub(super) fn has_room(&mut self, records: usize) -> bool {
        let missing = records.saturating_sub(self.0.len());
        records <= self.0.capacity() || self.0.try_reserve(missing).is_ok()
    }

    /// Gives back memory that it does not use.
    pub(super) fn shrink(&mut self) {
        memory::trim_queue(&mut self.0);
    }

    /// Bytes of heap that it holds.
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity().saturating_mul(size_of::<Snapshot>())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
