//! A link with a rate, a delay and a queue that drops what does not fit, in virtual time.

use super::*;
use crate::recovery::{Algorithm, Allowance};
use std::collections::VecDeque;

struct Link {
    /// Nanoseconds that a packet takes to leave.
    serial: u64,
    delay: Duration,
    queue: usize,
    /// When each packet in the queue has left.
    leaving: VecDeque<Instant>,
    busy_until: Instant,
    dropped: u64,
}

impl Link {
    fn new(bits_per_second: u64, delay: Duration, queue: usize) -> Self {
        Self {
            serial: SIZE * 8 * 1_000_000_000 / bits_per_second,
            delay,
            queue,
            leaving: VecDeque::new(),
            busy_until: Instant::ZERO,
            dropped: 0,
        }
    }

    /// When the packet arrives, if it does.
    fn carries(&mut self, now: Instant) -> Option<Instant> {
        while self.leaving.front().is_some_and(|at| *at <= now) {
            self.leaving.pop_front();
        }
        // One packet is on the wire, the others wait.
        if self.leaving.len() > self.queue {
            self.dropped += 1;
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
    fn takes(&mut self, number: u64) {
        self.bytes += SIZE;
        match self.ranges.last_mut() {
            Some(last) if *last.end() + 1 == number => *last = *last.start()..=number,
            _ => self.ranges.push(number..=number),
        }
        if self.ranges.len() > 4 {
            self.ranges.remove(0);
        }
    }
}

/// Sends without end for `until` and returns the share of the link used after `warm_up`, and the share of packets dropped.
fn fills(config: &Config, rate: u64, delay: Duration, queue: usize, until: u64) -> (u64, u64) {
    let warm_up = at(until / 3);
    let mut script = Script::new(config, Role::Server);
    script.recovery.set_timer_context(CONFIRMED);
    let mut link = Link::new(rate, delay, queue);
    let mut receiver = Receiver::default();
    let (mut arriving, mut returning) = (VecDeque::new(), VecDeque::new());
    let (mut now, mut number, mut warm_bytes) = (Instant::ZERO, 0, 0);
    while now < at(until) {
        let mut wake = at(until);
        loop {
            match script.recovery.allowance(now) {
                Allowance::Bytes(_) => {
                    script.sends_bytes(now, APP, number, SIZE as u16);
                    if let Some(at) = link.carries(now) {
                        arriving.push_back((at, number));
                    }
                    number += 1;
                }
                Allowance::Congested => break,
                Allowance::Paced(at) => {
                    wake = wake.min(at);
                    break;
                }
            }
        }
        wake = wake.min(script.recovery.deadline().unwrap_or(wake));
        wake = arriving.front().map_or(wake, |(at, _)| wake.min(*at));
        wake = returning.front().map_or(wake, |(at, _)| wake.min(*at));
        now = now.max(wake);
        while let Some((at, number)) = arriving.front().copied().filter(|(at, _)| *at <= now) {
            arriving.pop_front();
            receiver.takes(number);
            if at < warm_up {
                warm_bytes = receiver.bytes;
            }
            // Every second packet is acknowledged, and whatever is out of order.
            if number % 2 == 1 || receiver.ranges.len() > 1 {
                let ranges: Vec<_> = receiver.ranges.iter().rev().cloned().collect();
                returning.push_back((at + delay, ranges));
            }
        }
        while let Some((_, ranges)) = returning.pop_front_if(|(at, _)| *at <= now) {
            script.acked(now, APP, &ranges);
        }
        if script.recovery.deadline().is_some_and(|at| at <= now)
            && let Timeout::Probe { .. } = script.expires(now)
        {
            script.sends_bytes(now, APP, number, SIZE as u16);
            if let Some(at) = link.carries(now) {
                arriving.push_back((at, number));
            }
            number += 1;
        }
        script.told.clear();
    }
    let seconds = until - until / 3;
    let capacity = rate / 8 * seconds / 1_000;
    let used = (receiver.bytes - warm_bytes) * 100 / capacity;
    std::println!(
        "{:?} {rate} bit/s: {used} %, {} of {number} dropped, window {}",
        config.algorithm,
        link.dropped,
        script.recovery.congestion_window()
    );
    (used, link.dropped * 1_000 / number)
}

fn config(algorithm: Algorithm) -> Config {
    Config {
        algorithm,
        max_datagram_size: SIZE as u16,
        ..Config::default()
    }
}

#[test]
fn newreno_fills_a_10_mbit_link() {
    let (used, dropped) = fills(&config(Algorithm::NewReno), 10_000_000, ms(15), 25, 30_000);
    assert!(used >= 90, "{used} %");
    assert!(dropped <= 20, "{dropped} of 1,000 dropped");
}

#[test]
fn cubic_fills_a_10_mbit_link() {
    let (used, dropped) = fills(&config(Algorithm::Cubic), 10_000_000, ms(15), 25, 30_000);
    assert!(used >= 90, "{used} %");
    assert!(dropped <= 20, "{dropped} of 1,000 dropped");
}

#[test]
fn cubic_fills_a_long_fast_link() {
    // A window of 1,720 packets and a queue of half of that.
    let (used, _) = fills(&config(Algorithm::Cubic), 200_000_000, ms(50), 860, 12_000);
    assert!(used >= 90, "{used} %");
}

#[test]
fn a_queue_of_ten_packets_is_enough_for_most_of_a_link() {
    let (used, _) = fills(&config(Algorithm::Cubic), 10_000_000, ms(15), 10, 30_000);
    assert!(used >= 80, "{used} %");
}

const SIZE: u64 = 1_452;
