//! Queues of streams: in come places in the slab, out come the same places in order. A stream is at most once in each
//! queue, so that no queue is longer than there are streams, and leaving from the middle costs nothing.

use alloc::vec::Vec;

use inquic_platform::{NoMemory, memory};

use super::slab::{NOWHERE, Slab};

/// The queues that a stream can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It has new data that its own limit lets it send.
    Fresh,
    /// It has something to send that needs no credit: lost data, or only FIN.
    Owed,
    /// It has frames other than STREAM to send.
    Control,
    /// It has something to tell the application.
    Event,
    /// Its writer waits for memory.
    Waiting,
}

/// A stream's neighbours in one queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    previous: u32,
    next: u32,
}

impl Link {
    /// The link of a stream that is not in the queue.
    pub(super) const OUT: Self = Self {
        previous: OUT,
        next: OUT,
    };

    #[inline]
    pub(super) const fn is_in(self) -> bool {
        self.next != OUT
    }
}

/// One stream's links, in every queue.
#[derive(Clone, Debug)]
pub(super) struct Links {
    fresh: Link,
    owed: Link,
    control: Link,
    event: Link,
    waiting: Link,
}

impl Links {
    pub(super) const OUT: Self = Self {
        fresh: Link::OUT,
        owed: Link::OUT,
        control: Link::OUT,
        event: Link::OUT,
        waiting: Link::OUT,
    };

    #[inline]
    pub(super) const fn get(&self, kind: Kind) -> Link {
        match kind {
            Kind::Fresh => self.fresh,
            Kind::Owed => self.owed,
            Kind::Control => self.control,
            Kind::Event => self.event,
            Kind::Waiting => self.waiting,
        }
    }

    #[inline]
    const fn get_mut(&mut self, kind: Kind) -> &mut Link {
        match kind {
            Kind::Fresh => &mut self.fresh,
            Kind::Owed => &mut self.owed,
            Kind::Control => &mut self.control,
            Kind::Event => &mut self.event,
            Kind::Waiting => &mut self.waiting,
        }
    }
}

/// One queue: where it begins and ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    kind: Kind,
    head: u32,
    tail: u32,
}

impl Queue {
    pub(super) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            head: NOWHERE,
            tail: NOWHERE,
        }
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.head == NOWHERE
    }

    #[inline]
    pub(super) fn head(&self) -> Option<u32> {
        (self.head != NOWHERE).then_some(self.head)
    }

    /// Puts the stream at the end, unless it is in the queue.
    pub(super) fn push(&mut self, slab: &mut Slab, slot: u32) {
        let tail = self.tail;
        match slab.get_mut(slot) {
            Some(stream) if !stream.links.get(self.kind).is_in() => {
                *stream.links.get_mut(self.kind) = Link {
                    previous: tail,
                    next: NOWHERE,
                };
            }
            _ => return,
        }
        match slab.get_mut(tail) {
            Some(last) => last.links.get_mut(self.kind).next = slot,
            None => self.head = slot,
        }
        self.tail = slot;
    }

    /// Takes the stream out, if it is in the queue.
    pub(super) fn remove(&mut self, slab: &mut Slab, slot: u32) {
        let Some(stream) = slab.get_mut(slot) else {
            return;
        };
        let link = core::mem::replace(stream.links.get_mut(self.kind), Link::OUT);
        if !link.is_in() {
            return;
        }
        match slab.get_mut(link.previous) {
            Some(previous) => previous.links.get_mut(self.kind).next = link.next,
            None => self.head = link.next,
        }
        match slab.get_mut(link.next) {
            Some(next) => next.links.get_mut(self.kind).previous = link.previous,
            None => self.tail = link.previous,
        }
    }

    /// Takes the first stream out.
    pub(super) fn pop(&mut self, slab: &mut Slab) -> Option<u32> {
        let slot = self.head()?;
        self.remove(slab, slot);
        Some(slot)
    }

    /// The first stream has had its turn.
    #[inline]
    pub(super) fn rotate(&mut self, slab: &mut Slab) {
        if self.head == self.tail {
            return;
        }
        if let Some(slot) = self.pop(slab) {
            self.push(slab, slot);
        }
    }
}

/// Queues of one kind by priority, the highest first.
#[derive(Debug)]
pub(super) struct Priorities {
    kind: Kind,
    // Nearly always there is one.
    queues: Vec<(i32, Queue)>,
}

impl Priorities {
    pub(super) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            queues: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// The highest priority that a stream in here has, and the stream whose turn it is.
    #[inline]
    pub(super) fn first(&self) -> Option<(i32, u32)> {
        let (priority, queue) = self.queues.first()?;
        Some((*priority, queue.head()?))
    }

    fn find(&self, priority: i32) -> Result<usize, usize> {
        self.queues
            .binary_search_by(|(other, _)| priority.cmp(other))
    }

    /// Whether there is memory for as many priorities.
    pub(super) fn has_room(&mut self, priorities: usize) -> bool {
        let missing = priorities.saturating_sub(self.queues.len());
        priorities <= self.queues.capacity() || self.queues.try_reserve(missing).is_ok()
    }

    /// Puts the stream at the end of its priority, unless it is in. The room for the priority was made when a stream got it.
    pub(super) fn push(&mut self, slab: &mut Slab, slot: u32, priority: i32) {
        let kind = self.kind;
        if slab
            .get(slot)
            .is_none_or(|stream| stream.links.get(kind).is_in())
        {
            return;
        }
        let at = match self.find(priority) {
            Ok(at) => at,
            Err(at) => {
                let queue = Queue::new(self.kind);
                let kept = memory::inserted(&mut self.queues, at, (priority, queue));
                debug_assert!(kept, "there is room for every priority in use");
                at
            }
        };
        if let Some((_, queue)) = self.queues.get_mut(at) {
            queue.push(slab, slot);
        }
    }

    pub(super) fn remove(&mut self, slab: &mut Slab, slot: u32, priority: i32) {
        let kind = self.kind;
        if slab
            .get(slot)
            .is_none_or(|stream| !stream.links.get(kind).is_in())
        {
            return;
        }
        let Ok(at) = self.find(priority) else {
            return;
        };
        if let Some((_, queue)) = self.queues.get_mut(at) {
            queue.remove(slab, slot);
            if queue.is_empty() {
                memory::taken(&mut self.queues, at);
            }
        }
    }

    /// The stream whose turn it was goes to the end of its priority, if it is still the first of all.
    #[inline]
    pub(super) fn rotate(&mut self, slab: &mut Slab, slot: u32, priority: i32) {
        if let Some((first, queue)) = self.queues.first_mut()
            && *first == priority
            && queue.head == slot
        {
            queue.rotate(slab);
        }
    }

    /// Gives the memory back; no stream is alive.
    pub(super) fn shrink(&mut self) {
        debug_assert!(self.queues.is_empty(), "nothing waits");
        self.queues = Vec::new();
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.queues
            .capacity()
            .saturating_mul(size_of::<(i32, Queue)>())
    }
}

/// The priorities that streams have, other than 0, with the number of streams that have each. So the queues can have room for
/// all of them before any is needed.
#[derive(Debug)]
pub(super) struct Levels(Vec<(i32, u32)>);

impl Levels {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many there can be in a queue.
    pub(super) const fn count(&self) -> usize {
        self.0.len().saturating_add(1)
    }

    /// A stream gets this priority.
    pub(super) fn take(&mut self, priority: i32) -> Result<(), NoMemory> {
        if priority == 0 {
            return Ok(());
        }
        match self.0.binary_search_by_key(&priority, |level| level.0) {
            Ok(at) => {
                if let Some((_, streams)) = self.0.get_mut(at) {
                    *streams = streams.saturating_add(1);
                }
                Ok(())
            }
            Err(at) if memory::inserted(&mut self.0, at, (priority, 1)) => Ok(()),
            Err(_) => Err(NoMemory),
        }
    }

    /// A stream has it no more.
    pub(super) fn give(&mut self, priority: i32) {
        if priority == 0 {
            return;
        }
        let Ok(at) = self.0.binary_search_by_key(&priority, |level| level.0) else {
            return;
        };
        if let Some((_, streams)) = self.0.get_mut(at) {
            *streams = streams.saturating_sub(1);
            if *streams == 0 {
                memory::taken(&mut self.0, at);
            }
        }
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.0.capacity().saturating_mul(size_of::<(i32, u32)>())
    }
}

/// In neither direction; above every place, and not [`NOWHERE`].
const OUT: u32 = NOWHERE - 1;
