//! CUBIC and NewReno on a link.

use super::network::{Link, Network, config};
use super::*;
use crate::recovery::Algorithm;

/// Sends without end for `until` and returns the share of the link used after a third of it, and of 1,000 packets those dropped.
fn fills(algorithm: Algorithm, rate: u64, delay: Duration, queue: usize, until: u64) -> (u64, u64) {
    let link = Link::new(rate, delay, queue);
    let mut network = Network::new(link, &[config(algorithm)]);
    network.runs_until(at(until / 3));
    let now = network.now;
    network.flows[0].reports(now);
    network.runs_until(at(until));
    let report = network.flows[0].reports(at(until));
    std::println!(
        "{algorithm:?} {rate} bit/s: {} bit/s, {} of 1,000 dropped",
        report.rate,
        report.dropped
    );
    (report.rate * 100 / rate, report.dropped)
}

#[test]
fn newreno_fills_a_10_mbit_link() {
    let (used, dropped) = fills(Algorithm::NewReno, 10_000_000, ms(15), 25, 30_000);
    assert!(used >= 90, "{used} %");
    assert!(dropped <= 20, "{dropped} of 1,000 dropped");
}

#[test]
fn cubic_fills_a_10_mbit_link() {
    let (used, dropped) = fills(Algorithm::Cubic, 10_000_000, ms(15), 25, 30_000);
    assert!(used >= 90, "{used} %");
    assert!(dropped <= 20, "{dropped} of 1,000 dropped");
}

#[test]
fn cubic_fills_a_long_fast_link() {
    // A window of 1,720 packets and a queue of half of that.
    let (used, _) = fills(Algorithm::Cubic, 200_000_000, ms(50), 860, 12_000);
    assert!(used >= 90, "{used} %");
}

#[test]
fn a_queue_of_ten_packets_is_enough_for_most_of_a_link() {
    let (used, _) = fills(Algorithm::Cubic, 10_000_000, ms(15), 10, 30_000);
    assert!(used >= 80, "{used} %");
}
