//! One deadline for each connection of a port: slot and moment in, the slots whose moment has come out.
//!
//! An indexed binary heap: a slot is in it at most once, so that deadlines which move with every packet leave nothing behind,
//! and nothing is allocated once the heap has seen as many slots as there are connections.

use inquic_platform::Instant;

/// The deadlines of a port.
#[derive(Default)]
pub(crate) struct Timers {
    heap: Vec<(Instant, u32)>,
    /// Where each slot stands in `heap`; [`NOWHERE`] when it does not.
    places: Vec<u32>,
}

impl Timers {
    /// Gives `slot` the deadline `at`, or none, in place of what it had. Returns whether the port's next deadline came nearer.
    pub(crate) fn set(&mut self, slot: u32, at: Option<Instant>) -> bool {
        let before = self.next();
        match (self.place(slot), at) {
            (None, None) => return false,
            (None, Some(at)) => {
                let place = self.heap.len();
                self.heap.push((at, slot));
                self.put(slot, place);
                self.rise(place);
            }
            (Some(place), Some(at)) => {
                self.heap[place].0 = at;
                let place = self.rise(place);
                self.sink(place);
            }
            (Some(place), None) => self.take(place),
        }
        match (before, self.next()) {
            (Some(before), Some(after)) => after < before,
            (None, after) => after.is_some(),
            (Some(_), None) => false,
        }
    }

    /// The nearest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.first().map(|&(at, _)| at)
    }

    /// Takes out one slot whose deadline has come.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<u32> {
        let &(at, slot) = self.heap.first()?;
        if at > now {
            return None;
        }
        self.take(0);
        Some(slot)
    }

    fn take(&mut self, place: usize) {
        let (_, slot) = self.heap.swap_remove(place);
        self.places[slot as usize] = NOWHERE;
        if let Some(&(_, moved)) = self.heap.get(place) {
            self.put(moved, place);
            let place = self.rise(place);
            self.sink(place);
        }
    }

    fn place(&self, slot: u32) -> Option<usize> {
        let place = *self.places.get(slot as usize)?;
        (place != NOWHERE).then_some(place as usize)
    }

    fn put(&mut self, slot: u32, place: usize) {
        let slot = slot as usize;
        if slot >= self.places.len() {
            self.places.resize(slot + 1, NOWHERE);
        }
        self.places[slot] = u32::try_from(place).unwrap_or(NOWHERE);
    }

    fn rise(&mut self, mut place: usize) -> usize {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.heap[parent].0 <= self.heap[place].0 {
                break;
            }
            self.swap(parent, place);
            place = parent;
        }
        place
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let left = 2 * place + 1;
            let Some(mut least) = (left < self.heap.len()).then_some(left) else {
                return;
            };
            if left + 1 < self.heap.len() && self.heap[left + 1].0 < self.heap[left].0 {
                least = left + 1;
            }
            if self.heap[place].0 <= self.heap[least].0 {
                return;
            }
            self.swap(place, least);
            place = least;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.put(self.heap[a].1, a);
        self.put(self.heap[b].1, b);
    }
}

const NOWHERE: u32 = u32::MAX;

#[cfg(test)]
mod tests;
