//! Where live streams are kept: in come streams, out come 32-bit places, and streams for places. Finding a stream by its
//! id costs no hashing, since ids are handed out in order; no choice of ids by the peer makes it slow or large.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

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

    pub(super) fn insert(&mut self, stream: Stream) -> u32 {
        self.used = self.used.saturating_add(1);
        let slot = self.vacant;
        if let Some(place) = self.places.get_mut(slot as usize)
            && let Place::Vacant(next) = *place
        {
            self.vacant = next;
            *place = Place::Used(stream);
            return slot;
        }
        if self.places.len() == self.places.capacity() {
            // A quarter more: doubling would make an idle stream cost twice its record.
            self.places.reserve_exact((self.places.len() / 4).max(4));
        }
        let slot = self.places.len() as u32;
        self.places.push(Place::Used(stream));
        slot
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
    old: BTreeMap<u64, u32>,
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

    pub(super) fn insert(&mut self, index: u64, slot: u32) {
        if self.recent.is_empty() {
            self.base = index;
        }
        let Some(distance) = index.checked_sub(self.base) else {
            self.old.insert(index, slot);
            return;
        };
        let distance = usize::try_from(distance).unwrap_or(usize::MAX);
        if let Some(place) = self.recent.get_mut(distance) {
            *place = slot;
            return;
        }
        if distance.saturating_sub(self.recent.len()) >= RECENT {
            // So far ahead that nothing recent stays so.
            self.age(0);
            self.base = index;
        } else {
            self.recent.resize(distance, NOWHERE);
        }
        self.recent.push_back(slot);
        self.age(RECENT);
    }

    /// Moves what is beyond the newest `keep` to the tree.
    fn age(&mut self, keep: usize) {
        while self.recent.len() > keep {
            if let Some(slot) = self.recent.pop_front().filter(|slot| *slot != NOWHERE) {
                self.old.insert(self.base, slot);
            }
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
        self.recent.shrink_to_fit();
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        // A node of the tree holds 11 entries and is at least half full.
        self.recent
            .capacity()
            .saturating_mul(size_of::<u32>())
            .saturating_add(self.old.len().saturating_mul(size_of::<[(u64, u32); 2]>()))
    }
}
