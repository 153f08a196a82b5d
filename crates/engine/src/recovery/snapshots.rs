//! What a controller wants kept of packets comes in with their places in the sent log, and goes out by place. A packet of which nothing
//! was kept must never move the others.

use alloc::collections::VecDeque;

use inquic_platform::{Own, memory};

use super::congestion::Snapshot;

/// What is kept beside the records of one sent log: for each up to the last that has something, or none at all. Only one controller
/// wants any, so it is apart.
#[derive(Default)]
pub(super) struct Snapshots(Option<Own<VecDeque<Snapshot>>>);

impl Snapshots {
    /// Keeps what is known with the record at `place`, the newest, for which there is room.
    pub(super) fn keep(&mut self, place: usize, snapshot: Snapshot) {
        let Some(kept) = &mut self.0 else {
            debug_assert!(false, "room was made");
            return;
        };
        while kept.len() < place {
            memory::put_back(kept, Snapshot::default());
        }
        memory::put_back(kept, snapshot);
    }

    /// What was kept with the record at `place`.
    pub(super) fn get(&self, place: usize) -> Option<Snapshot> {
        let kept = self.0.as_ref()?.get(place).copied();
        kept.filter(Snapshot::is_kept)
    }

    /// The oldest records left the log.
    #[inline]
    pub(super) fn forget(&mut self, records: usize) {
        if let Some(kept) = &mut self.0
            && !kept.is_empty()
        {
            memory::cut_queue(kept, 0..records);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|kept| kept.is_empty())
    }

    /// Whether there is memory for the newest of so many records.
    #[inline]
    pub(super) fn has_room(&mut self, records: usize, most: usize) -> bool {
        if self.0.is_none() {
            self.0 = Own::new(VecDeque::new());
        }
        let Some(kept) = &mut self.0 else {
            return false;
        };
        let missing = records.saturating_sub(kept.len());
        records <= kept.capacity() || super::sent::reserve(kept, missing, most)
    }

    /// Gives back memory that it does not use.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() {
            self.0 = None;
        } else if let Some(kept) = &mut self.0 {
            memory::trim_queue(kept);
        }
    }

    /// Bytes of heap that it holds.
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |kept| {
            let places = kept.capacity().saturating_mul(size_of::<Snapshot>());
            places.saturating_add(size_of::<VecDeque<Snapshot>>())
        })
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |kept| kept.len())
    }
}
