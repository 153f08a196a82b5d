//! Flows that share a link with a rate, a delay, a queue that drops what does not fit, and perhaps losses, in virtual time.

use super::*;
use crate::recovery::{Algorithm, Allowance};
use std::collections::VecDeque;

/// A link.
pub(super) struct Link {
    /// Nanoseconds that a packet takes to leave.
    serial: u64,
    delay: Duration,
    /// Packets that wait at most.
    pub(super) queue: usize,
    /// Packets of a thousand that are lost whatever the queue.
    pub(super) loss: u64,
    /// When each packet in the queue has left.
    leaving: VecDeque<Instant>,
    busy_until: Instant,
    seed: u64,
}

impl Link {
    pub(super) fn new(bits_per_second: u64, delay: Duration, queue: usize) -> Self {
        Self {
            serial: SIZE * 8 * 1_000_000_000 / bits_per_second,
            delay,
            queue,
            loss: 0,
            leaving: VecDeque::new(),
            busy_until: Instant::ZERO,
            seed: 1,
        }
    }

    /// A link whose queue holds so many percent of what is on the way, and 16 packets at least.
    pub(super) fn with_buffer(bits_per_second: u64, rtt: Duration, percent: u64) -> Self {
        let bdp = bits_per_second / 8 * rtt.as_micros() / 1_000_000 / SIZE;
        let queue = (bdp * percent / 100).max(16) as usize;
        Self::new(bits_per_second, rtt.div(2), queue)
    }

    pub(super) fn set_rate(&mut self, bits_per_second: u64) {
        self.serial = SIZE * 8 * 1_000_000_000 / bits_per_second;
    }

    /// When the packet arrives, if it does.
    fn carries(&mut self, now: Instant) -> Option<Instant> {
        while self.leaving.front().is_some_and(|at| *at <= now) {
            self.leaving.pop_front();
        }
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // One packet is on the wire, the others wait.
        if self.leaving.len() > self.queue || (self.seed >> 33) % 1_000 < self.loss {
            return None;
        }
        self.busy_until = self.busy_until.max(now) + Duration::from_nanos(self.serial);
        self.leaving.push_back(self.busy_until);
        Some(self.busy_until + self.delay)
    }
}

/// What a receiver has: the ranges, the largest last.
#[derive(Default)]
struct Receiver {
    ranges: Vec<RangeInclusive<u64>>,
    bytes: u64,
}

impl Receiver {
    /// Says whether there is a new gap.
    fn takes(&mut self, number: u64) -> bool {
        self.bytes += SIZE;
        let gap = match self.ranges.last_mut() {
            Some(last) if *last.end() + 1 == number => {
                *last = *last.start()..=number;
                false
            }
            _ => {
                self.ranges.push(number..=number);
                true
            }
        };
        if self.ranges.len() > 4 {
            self.ranges.remove(0);
        }
        gap
    }
}

/// One sender that never runs out of data, and its receiver.
pub(super) struct Flow {
    pub(super) script: Script,
    pub(super) start: Instant,
    receiver: Receiver,
    arriving: VecDeque<(Instant, u64)>,
    returning: VecDeque<(Instant, Vec<RangeInclusive<u64>>)>,
    next: u64,
    pub(super) dropped: u64,
    /// The time that packets spent in the queue, and the most packets that left in one moment.
    waited: u64,
    pub(super) burst: u64,
    marks: Marks,
}

/// Where the counts stood at a moment.
#[derive(Clone, Copy, Default)]
struct Marks {
    at: Instant,
    bytes: u64,
    sent: u64,
    dropped: u64,
    waited: u64,
}

/// What a flow did since the last look.
pub(super) struct Report {
    /// Bits in a second that arrived.
    pub(super) rate: u64,
    /// The mean time in the queue.
    pub(super) waited: Duration,
    /// Packets of a thousand that were dropped or lost.
    pub(super) dropped: u64,
}

impl Flow {
    pub(super) fn new(config: &Config) -> Self {
        let mut script = Script::new(config, Role::Server);
        script.recovery.set_timer_context(CONFIRMED);
        Self {
            script,
            start: Instant::ZERO,
            receiver: Receiver::default(),
            arriving: VecDeque::new(),
            returning: VecDeque::new(),
            next: 0,
            dropped: 0,
            waited: 0,
            burst: 0,
            marks: Marks::default(),
        }
    }

    fn sends_one(&mut self, now: Instant, link: &mut Link) {
        self.script.sends_bytes(now, APP, self.next, SIZE as u16);
        match link.carries(now) {
            Some(at) => {
                self.arriving.push_back((at, self.next));
                self.waited += at.since(now + link.delay).as_nanos() - link.serial;
            }
            None => self.dropped += 1,
        }
        self.next += 1;
    }

    /// Sends what may leave, and says when it has to be looked at again.
    fn sends(&mut self, now: Instant, link: &mut Link) -> Option<Instant> {
        let mut burst = 0;
        let paced = loop {
            if now < self.start {
                break Some(self.start);
            }
            match self.script.recovery.allowance(now) {
                Allowance::Bytes(_) => {
                    self.sends_one(now, link);
                    burst += 1;
                }
                Allowance::Congested => break None,
                Allowance::Paced(at) => break Some(at),
            }
        };
        self.burst = self.burst.max(burst);
        let moments = [
            paced,
            self.script.recovery.deadline(),
            self.arriving.front().map(|(at, _)| *at),
            self.returning.front().map(|(at, _)| *at),
        ];
        moments.into_iter().flatten().min()
    }

    fn receives(&mut self, now: Instant, link: &mut Link) {
        while let Some((at, number)) = self.arriving.pop_front_if(|(at, _)| *at <= now) {
            // Every second packet is acknowledged, and whatever shows a gap.
            if self.receiver.takes(number) || number % 2 == 1 {
                let ranges = self.receiver.ranges.iter().rev().cloned().collect();
                self.returning.push_back((at + link.delay, ranges));
            }
        }
        while let Some((_, ranges)) = self.returning.pop_front_if(|(at, _)| *at <= now) {
            self.script.acked(now, APP, &ranges);
        }
        if self.script.recovery.deadline().is_some_and(|at| at <= now)
            && let Timeout::Probe { .. } = self.script.expires(now)
        {
            self.sends_one(now, link);
        }
        self.script.told.clear();
    }

    /// What it did since the last call.
    pub(super) fn reports(&mut self, now: Instant) -> Report {
        let before = self.marks;
        self.marks = Marks {
            at: now,
            bytes: self.receiver.bytes,
            sent: self.next,
            dropped: self.dropped,
            waited: self.waited,
        };
        let millis = now.since(before.at).as_millis().max(1);
        let sent = (self.next - before.sent).max(1);
        Report {
            rate: (self.receiver.bytes - before.bytes) * 8 * 1_000 / millis,
            waited: Duration::from_nanos((self.waited - before.waited) / sent),
            dropped: (self.dropped - before.dropped) * 1_000 / sent,
        }
    }
}

/// Flows on a link.
pub(super) struct Network {
    pub(super) now: Instant,
    pub(super) link: Link,
    pub(super) flows: Vec<Flow>,
}

impl Network {
    pub(super) fn new(link: Link, configs: &[Config]) -> Self {
        Self {
            now: Instant::ZERO,
            link,
            flows: configs.iter().map(Flow::new).collect(),
        }
    }

    pub(super) fn runs_until(&mut self, end: Instant) {
        self.runs_while(end, |_| true);
    }

    /// Runs until `end`, or until `goes_on` says no after something happened.
    pub(super) fn runs_while(&mut self, end: Instant, mut goes_on: impl FnMut(&Self) -> bool) {
        while self.now < end && goes_on(self) {
            let mut wake = end;
            for flow in &mut self.flows {
                let next = flow.sends(self.now, &mut self.link);
                wake = next.map_or(wake, |next| wake.min(next));
            }
            self.now = self.now.max(wake);
            for flow in &mut self.flows {
                flow.receives(self.now, &mut self.link);
            }
        }
    }
}

pub(super) fn config(algorithm: Algorithm) -> Config {
    Config {
        algorithm,
        max_datagram_size: SIZE as u16,
        ..Config::default()
    }
}

/// Bytes of each packet.
pub(super) const SIZE: u64 = 1_452;
