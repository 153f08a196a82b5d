//! In: packets and the time. Out: the same packets when they have crossed, or at once when the queue is full. No clock.

use std::collections::VecDeque;
use std::time::Duration;

/// A packet on its way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parcel {
    /// Its place in the record.
    pub(super) number: usize,
    /// Which flow it belongs to.
    pub(super) flow: usize,
    /// The ECN bits.
    pub(super) ecn: u8,
    /// The UDP payload.
    pub(super) bytes: Vec<u8>,
}

/// One direction of a link: a rate, a queue that drops its tail, a delay.
pub(super) struct Pipe {
    bits_per_second: u64,
    queue: usize,
    delay: Duration,
    /// When the sender has sent all that it took.
    free: Duration,
    /// When the sender begins with each packet that waits for it.
    waiting: VecDeque<Duration>,
    flying: VecDeque<(Duration, Parcel)>,
}

impl Pipe {
    pub(super) fn new(bits_per_second: u64, queue: usize, delay: Duration) -> Self {
        Self {
            bits_per_second,
            queue,
            delay,
            free: Duration::ZERO,
            waiting: VecDeque::new(),
            flying: VecDeque::new(),
        }
    }

    /// Takes a packet that is `wire_bytes` long on the wire; gives it back when the queue is full.
    pub(super) fn offer(
        &mut self,
        now: Duration,
        wire_bytes: usize,
        parcel: Parcel,
    ) -> Result<(), Parcel> {
        while self.waiting.front().is_some_and(|begin| *begin <= now) {
            self.waiting.pop_front();
        }
        if self.waiting.len() >= self.queue {
            return Err(parcel);
        }
        let begin = self.free.max(now);
        if begin > now {
            self.waiting.push_back(begin);
        }
        self.free = begin + self.sending(wire_bytes);
        self.flying.push_back((self.free + self.delay, parcel));
        Ok(())
    }

    /// The next packet that has arrived.
    pub(super) fn arrived(&mut self, now: Duration) -> Option<Parcel> {
        if self.arrival()? > now {
            return None;
        }
        self.flying.pop_front().map(|(_, parcel)| parcel)
    }

    /// When the next packet arrives.
    pub(super) fn arrival(&self) -> Option<Duration> {
        self.flying.front().map(|(at, _)| *at)
    }

    fn sending(&self, bytes: usize) -> Duration {
        let bits = 8 * bytes as u64;
        Duration::from_nanos(bits * 1_000_000_000 / self.bits_per_second)
    }
}
