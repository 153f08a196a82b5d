//! Where live streams are kept: in come streams, out come 32-bit places, and streams for places. Finding a stream by its
//! id costs no hashing, since ids are handed out in order; no choice of ids by the peer makes it slow or large.

use alloc::{collections::VecDeque, vec::Vec};

use inquic_platform::memory;

use super::limits::RECENT;
use super::record::Stream;

/// No place at all.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Streams by place. A place is used again when its stream is gone.
#[derive(Debug)]
pub(super) struct Slab {
    places: Vec<Place>,
    vacant: u32,
    used: u32,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the places are the streams' storage"
)]
enum Place {
    Used(Stream),
    /// The next vacant place.
    Vacant(u32),
}

impl Slab {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            vacant: NOWHERE,
            used: 0,
        }
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&Stream> {
        match self.places.get(slot as usize) {
            Some(Place::Used(stream)) => Some(stream),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Stream> {
        match self.places.get_mut(slot as usize) {
            Some(Place::Used(stream)) => Some(stream),
            _ => None,
        }
    }

    /// The place that `stream` was put in; `None`, and the stream is gone, when there is no memory for one.
    pub(super) fn insert(&mut self, stream: Stream) -> Option<u32> {
        let slot = self.vacant;
        if let Some(place) = self.places.get_mut(slot as usize)
            && let Place::Vacant(next) = *place
        {
            self.vacant = next;
            self.used = self.used.saturating_add(1);
            *place = Place::Used(stream);
            return Some(slot);
        }
        if self.places.len() == self.places.capacity() {
            // A quarter more: doubling would make an idle stream cost twice its record.
            let more = (self.places.len() / 4).max(4);
            self.places.try_reserve_exact(more).ok()?;
        }
        let slot = self.places.len() as u32;
        memory::put(&mut self.places, Place::Used(stream));
        self.used = self.used.saturating_add(1);
        Some(slot)
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let vacant = self.vacant;
        if let Some(place) = self.places.get_mut(slot as usize)
            && matches!(place, Place::Used(_))
        {
            *place = Place::Vacant(vacant);
            self.vacant = slot;
            self.used = self.used.saturating_sub(1);
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.used as usize
    }

    /// One more than the highest place.
    pub(super) const fn places(&self) -> u32 {
        self.places.len() as u32
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.places.iter().filter_map(|place| match place {
            Place::Used(stream) => Some(stream),
            Place::Vacant(_) => None,
        })
    }

    /// Whether [`Slab::shrink`] would give anything back.
    pub(super) const fn has_surplus(&self) -> bool {
        self.used == 0 && self.places.capacity() > 0
    }

    /// Gives the memory back when no stream is alive.
    pub(super) fn shrink(&mut self) {
        if self.used == 0 {
            *self = Self::new();
        }
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.places.capacity().saturating_mul(size_of::<Place>())
    }
}

/// Where the live streams of one type are, by their index.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The places of the newest streams; the first has index `base`.
    recent: VecDeque<u32>,
    base: u64,
    /// Streams that live on while many newer ones have come.
    old: inquic_platform::Table<u64, u32>,
}

impl Table {
    #[inline]
    pub(super) fn get(&self, index: u64) -> Option<u32> {
        if let Some(distance) = index.checked_sub(self.base)
            && let Some(&slot) = self.recent.get(usize::try_from(distance).ok()?)
            && slot != NOWHERE
        {
            return Some(slot);
        }
        if self.old.is_empty() {
            return None;
        }
        self.old.get(&index).copied()
    }

    /// `false`, and the stream is not in the table, when there is no memory for it.
    #[must_use]
    pub(super) fn insert(&mut self, index: u64, slot: u32) -> bool {
        if self.recent.is_empty() {
            self.base = index;
        }
        let Some(distance) = index.checked_sub(self.base) else {
            return self.old.insert(index, slot).is_ok();
        };
        let distance = usize::try_from(distance).unwrap_or(usize::MAX);
        if let Some(place) = self.recent.get_mut(distance) {
            *place = slot;
            return true;
        }
        let mut skipped = distance.saturating_sub(self.recent.len());
        if skipped >= RECENT {
            // So far ahead that nothing recent stays so.
            self.age(0);
            if !self.recent.is_empty() {
                return false;
            }
            self.base = index;
            skipped = 0;
        }
        if self.recent.try_reserve(skipped.saturating_add(1)).is_err() {
            return false;
        }
        for _ in 0..skipped {
            memory::put_back(&mut self.recent, NOWHERE);
        }
        memory::put_back(&mut self.recent, slot);
        self.age(RECENT);
        true
    }

    /// Moves what is beyond the newest `keep` to the old ones, as far as there is memory for them there.
    fn age(&mut self, keep: usize) {
        while self.recent.len() > keep
            && let Some(&slot) = self.recent.front()
        {
            if slot != NOWHERE && self.old.insert(self.base, slot).is_err() {
                return;
            }
            self.recent.pop_front();
            self.base = self.base.saturating_add(1);
        }
    }

    pub(super) fn remove(&mut self, index: u64) {
        let place = index
            .checked_sub(self.base)
            .and_then(|distance| usize::try_from(distance).ok())
            .and_then(|distance| self.recent.get_mut(distance));
        match place {
            Some(place) if *place != NOWHERE => *place = NOWHERE,
            _ => {
                self.old.remove(&index);
            }
        }
        while self.recent.front() == Some(&NOWHERE) {
            self.recent.pop_front();
            self.base = self.base.saturating_add(1);
        }
    }

    pub(super) fn shrink(&mut self) {
        memory::trim_queue(&mut self.recent);
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.recent
            .capacity()
            .saturating_mul(size_of::<u32>())
            .saturating_add(self.old.allocated_bytes())
    }
}
