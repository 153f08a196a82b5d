//! BBR on a link.

use super::network::{Link, Network, Report, config};
use super::*;
use crate::recovery::congestion::{Bbr, Controller};
use crate::recovery::{Algorithm, Allowance, limits};

/// Runs one flow for `warm_up` and then for `length`; what it did in the latter.
fn runs(algorithm: Algorithm, link: Link, warm_up: u64, length: u64) -> (Network, Report) {
    let mut network = Network::new(link, &[config(algorithm)]);
    network.runs_until(at(warm_up));
    network.flows[0].reports(at(warm_up));
    network.runs_until(at(warm_up + length));
    let report = network.flows[0].reports(at(warm_up + length));
    (network, report)
}

/// The least share of the link that BBR uses with queues of half of what is on the way, as much, and four times that. Where
/// that is much, only the first, for time's sake.
fn least_share(rate: u64, rtt: u64, warm_up: u64, length: u64) -> u64 {
    let buffers: &[u64] = if rate * rtt < 100_000_000_000 {
        &[50, 100, 400]
    } else {
        &[50]
    };
    let shares = buffers.iter().map(|&buffer| {
        let link = Link::with_buffer(rate, ms(rtt), buffer);
        let (_, report) = runs(Algorithm::Bbr, link, warm_up, length);
        let share = report.rate * 100 / rate;
        std::println!(
            "{rate} bit/s, {rtt} ms, buffer {buffer} %: {share} %, queue {:?}, {} of 1,000 lost",
            report.waited,
            report.dropped
        );
        share
    });
    shares.min().unwrap()
}

#[test]
fn bbr_fills_short_links() {
    assert!(least_share(10_000_000, 1, 2_000, 8_000) >= 90);
    assert!(least_share(100_000_000, 1, 1_000, 4_000) >= 90);
    assert!(least_share(1_000_000_000, 1, 500, 1_000) >= 90);
}

#[test]
fn bbr_fills_links_across_a_country() {
    assert!(least_share(10_000_000, 20, 2_000, 12_000) >= 90);
    assert!(least_share(100_000_000, 20, 2_000, 8_000) >= 90);
    assert!(least_share(1_000_000_000, 20, 1_000, 2_000) >= 90);
}

#[test]
fn bbr_fills_links_around_the_world() {
    assert!(least_share(10_000_000, 200, 6_000, 24_000) >= 90);
    assert!(least_share(100_000_000, 200, 6_000, 12_000) >= 90);
}

#[test]
fn bbr_fills_the_longest_fast_link() {
    assert!(least_share(1_000_000_000, 200, 4_500, 3_500) >= 90);
}

#[test]
fn a_deep_queue_stays_short() {
    let link = || Link::with_buffer(50_000_000, ms(40), 800);
    let (_, bbr) = runs(Algorithm::Bbr, link(), 5_000, 10_000);
    let (_, cubic) = runs(Algorithm::Cubic, link(), 5_000, 10_000);
    std::println!("bbr {:?}, cubic {:?}", bbr.waited, cubic.waited);
    assert!(bbr.waited < ms(10), "{:?}", bbr.waited);
    assert!(cubic.waited > bbr.waited.saturating_mul(10));
}

#[test]
fn one_loss_in_a_hundred_leaves_bbr_most_of_the_link() {
    let link = || {
        let mut link = Link::with_buffer(100_000_000, ms(40), 100);
        link.loss = 10;
        link
    };
    let (_, bbr) = runs(Algorithm::Bbr, link(), 3_000, 12_000);
    let (_, cubic) = runs(Algorithm::Cubic, link(), 3_000, 12_000);
    std::println!("bbr {}, cubic {}", bbr.rate, cubic.rate);
    assert!(bbr.rate >= 80_000_000, "{}", bbr.rate);
    assert!(cubic.rate <= 20_000_000, "{}", cubic.rate);
}

#[test]
fn two_flows_share_a_link() {
    for (rate, rtt) in [(20_000_000, 30), (100_000_000, 20)] {
        let link = Link::with_buffer(rate, ms(rtt), 200);
        let configs = [config(Algorithm::Bbr); 2];
        let mut network = Network::new(link, &configs);
        network.flows[1].start = at(3_000);
        network.runs_until(at(20_000));
        for flow in &mut network.flows {
            flow.reports(at(20_000));
        }
        network.runs_until(at(35_000));
        let rates: Vec<u64> = network
            .flows
            .iter_mut()
            .map(|flow| flow.reports(at(35_000)).rate)
            .collect();
        std::println!("{rate} bit/s: {rates:?}");
        assert!(rates[0] + rates[1] >= rate * 9 / 10);
        assert!(rates.iter().all(|share| *share >= rate / 4), "{rates:?}");
    }
}

fn model(script: &Script) -> &Bbr {
    match &script.recovery.controller {
        Controller::Bbr(bbr) => bbr,
        Controller::LossBased(_) => panic!("another controller"),
    }
}

fn script() -> Script {
    let mut script = Script::new(&config(Algorithm::Bbr), Role::Server);
    script.recovery.set_timer_context(CONFIRMED);
    script
}

#[test]
fn the_round_trip_time_is_probed_every_five_seconds() {
    let link = Link::with_buffer(20_000_000, ms(40), 200);
    let mut network = Network::new(link, &[config(Algorithm::Bbr)]);
    let (mut probes, mut was_probing, mut least) = (0, false, u64::MAX);
    network.runs_while(at(21_000), |network| {
        let script = &network.flows[0].script;
        let is_probing = model(script).is_probing_rtt();
        probes += u64::from(is_probing && !was_probing);
        was_probing = is_probing;
        if is_probing {
            least = least.min(script.recovery.bytes_in_flight());
        }
        true
    });
    // Each takes 200 ms and a round, and the next is due five seconds later.
    assert!((3..=4).contains(&probes), "{probes}");
    // Half of what fills the path, 100 kB.
    assert!(least <= 52_000, "{least}");
}

#[test]
fn a_tenth_of_the_bandwidth_is_followed_round_by_round() {
    let link = Link::with_buffer(100_000_000, ms(40), 100);
    let mut network = Network::new(link, &[config(Algorithm::Bbr)]);
    network.runs_until(at(8_000));
    let window = network.flows[0].script.recovery.congestion_window();
    network.link.set_rate(10_000_000);
    // The full queue alone is 400 ms long now, so five rounds take 2.2 s: one to see the loss, four that leave 0.7 each.
    network.runs_until(at(10_200));
    let script = &network.flows[0].script;
    assert!(model(script).bandwidth() <= 35_000_000);
    assert!(script.recovery.congestion_window() <= window * 2 / 5);
    // Before that everything was lost that did not fit; the link stayed full nevertheless.
    network.flows[0].reports(at(10_200));
    network.runs_until(at(14_200));
    let report = network.flows[0].reports(at(14_200));
    assert!(report.rate >= 9_000_000, "{}", report.rate);
}

#[test]
fn a_tenth_of_the_bandwidth_is_known_after_two_cycles() {
    let link = Link::with_buffer(100_000_000, ms(40), 100);
    let mut network = Network::new(link, &[config(Algorithm::Bbr)]);
    network.runs_until(at(8_000));
    network.link.set_rate(10_000_000);
    // The largest rate of the cycle before is remembered, and rounds of 440 ms make cycles long.
    network.runs_until(at(24_000));
    assert!(model(&network.flows[0].script).bandwidth() <= 10_500_000);
    network.flows[0].reports(at(24_000));
    network.runs_until(at(34_000));
    let report = network.flows[0].reports(at(34_000));
    std::println!(
        "{} bit/s, {} of 1,000 lost, queue {:?}",
        report.rate,
        report.dropped,
        report.waited
    );
    assert!(report.rate >= 9_000_000, "{}", report.rate);
    assert!(report.dropped <= 10, "{}", report.dropped);
    assert!(report.waited <= ms(60), "{:?}", report.waited);
}

#[test]
fn ten_times_the_bandwidth_is_found_within_seconds() {
    let link = Link::with_buffer(100_000_000, ms(40), 100);
    let mut network = Network::new(link, &[config(Algorithm::Bbr)]);
    network.link.set_rate(10_000_000);
    network.runs_until(at(8_000));
    network.link.set_rate(100_000_000);
    network.runs_while(at(30_000), |network| {
        model(&network.flows[0].script).bandwidth() < 90_000_000
    });
    let took = network.now.since(at(8_000));
    std::println!("found after {took:?}");
    assert!(took < ms(12_000), "{took:?}");
}

#[test]
fn no_controller_lets_more_than_ten_packets_out_at_once() {
    for algorithm in [Algorithm::Cubic, Algorithm::NewReno, Algorithm::Bbr] {
        for (rate, rtt, loss) in [
            (10_000_000, 5, 0),
            (20_000_000, 40, 20),
            (40_000_000, 200, 1),
        ] {
            let mut link = Link::with_buffer(rate, ms(rtt), 100);
            link.loss = loss;
            let (network, _) = runs(algorithm, link, 100, 10_000);
            let burst = network.flows[0].burst;
            assert!(
                burst <= u64::from(limits::BURST_PACKETS),
                "{algorithm:?} at {rate}: {burst}"
            );
        }
    }
}

#[test]
fn marks_of_the_path_slow_bbr_down() {
    let link = Link::with_buffer(20_000_000, ms(40), 200);
    let mut network = Network::new(link, &[config(Algorithm::Bbr)]);
    network.runs_while(at(10_000), |network| {
        network.now < at(4_000) || !model(&network.flows[0].script).is_cruising()
    });
    let before = model(&network.flows[0].script).pace();
    let window = network.flows[0].script.recovery.congestion_window();
    let mut marks = 0;
    for _ in 0..8 {
        let now = network.now;
        marks += 1;
        network.flows[0].script.recovery.on_ecn_ce(now, APP, marks);
        network.runs_until(now + ms(45));
    }
    let script = &network.flows[0].script;
    assert!(script.recovery.stats().congestion_events >= 4);
    assert!(script.recovery.congestion_window() < window);
    assert!(model(script).pace() < before);
}

#[test]
fn a_startup_that_losses_ended_goes_on_when_there_were_none() {
    let mut script = script();
    let mut number = 0;
    let mut time = 0;
    while script.recovery.congestion_window() < 200_000 {
        let first = number;
        while script.recovery.bytes_in_flight() < script.recovery.congestion_window() {
            script.sends_bytes(at(time), APP, number, 1_452);
            number += 1;
        }
        time += 50;
        script.acked(at(time), APP, &[first..=number - 1]);
    }
    assert!(script.recovery.in_slow_start());
    // Rounds of which every tenth packet is late.
    let first = number;
    for _ in 0..4 {
        if !script.recovery.in_slow_start() {
            break;
        }
        let start = number;
        for _ in 0..60 {
            script.sends_bytes(at(time), APP, number, 1_452);
            number += 1;
        }
        time += 50;
        let mut ranges: Vec<_> = (start..number)
            .step_by(10)
            .map(|from| from + 1..=from + 9)
            .collect();
        ranges.reverse();
        script.acked(at(time), APP, &ranges);
    }
    assert!(!script.recovery.in_slow_start());
    script.acked(at(time + 1), APP, &[first..=number - 1]);
    assert_eq!(script.recovery.stats().spurious_congestions, 1);
    assert!(script.recovery.in_slow_start());
}

#[test]
fn a_pause_does_not_make_bbr_forget_the_path() {
    let link = Link::with_buffer(20_000_000, ms(40), 200);
    let mut network = Network::new(link, &[config(Algorithm::Bbr)]);
    network.runs_until(at(4_800));
    let flow = &mut network.flows[0];
    let before = model(&flow.script).bandwidth();
    // Nothing to send for twenty seconds, while what is in flight arrives, and a probe for the rest.
    flow.start = at(24_800);
    network.runs_until(at(24_800));
    network.flows[0].script.recovery.on_app_limited();
    assert_eq!(network.flows[0].script.recovery.bytes_in_flight(), 0);
    assert!(model(&network.flows[0].script).is_in_cycle());
    let mut probed = false;
    network.runs_while(at(26_000), |network| {
        probed |= model(&network.flows[0].script).is_probing_rtt();
        true
    });
    // The pause emptied every queue, so the round-trip time need not be probed.
    assert!(!probed);
    let after = model(&network.flows[0].script).bandwidth();
    assert!(after >= before * 9 / 10, "{before} became {after}");
}

#[test]
fn an_application_that_sends_little_does_not_lower_the_bandwidth() {
    let link = Link::with_buffer(20_000_000, ms(40), 200);
    let mut network = Network::new(link, &[config(Algorithm::Bbr)]);
    network.runs_until(at(4_800));
    let flow = &mut network.flows[0];
    flow.script.recovery.on_app_limited();
    flow.start = at(6_000);
    network.runs_until(at(6_000));
    let script = &mut network.flows[0].script;
    let before = model(script).bandwidth();
    let first = script.recovery.largest_sent(APP).unwrap() + 1;
    for (number, time) in (first..).zip((6_000..16_000).step_by(40)) {
        script.sends_bytes(at(time), APP, number, 1_452);
        script.recovery.on_app_limited();
        script.acked(at(time + 40), APP, &[number..=number]);
    }
    assert_eq!(model(script).bandwidth(), before);
}

#[test]
fn bbr_begins_anew_on_a_new_path() {
    let link = Link::with_buffer(20_000_000, ms(40), 200);
    let (mut network, _) = runs(Algorithm::Bbr, link, 1_000, 3_000);
    let script = &mut network.flows[0].script;
    assert!(!script.recovery.in_slow_start());
    script.recovery.on_path_changed(at(4_000));
    assert!(script.recovery.in_slow_start());
    assert_eq!(script.recovery.congestion_window(), 14_520);
    assert_eq!(model(script).bandwidth(), 0);
    // What is still under way on the old path says nothing.
    network.runs_until(at(4_020));
    let script = &network.flows[0].script;
    assert_eq!(model(script).bandwidth(), 0);
    network.runs_until(at(8_000));
    assert!(model(&network.flows[0].script).bandwidth() >= 18_000_000);
}

#[test]
fn bbr_recovers_from_persistent_congestion() {
    let mut script = script();
    script.samples(at(0), 0, ms(80));
    script.sends_bytes(at(1_000), APP, 1, 1_452);
    script.sends_bytes(at(2_000), APP, 2, 1_452);
    script.sends_all(at(3_000), APP, 3..=5);
    script.acked(at(3_080), APP, &[5..=5]);
    assert_eq!(script.recovery.stats().persistent_congestions, 1);
    // The ACK that showed it also lets four packets be under way again.
    assert_eq!(script.recovery.congestion_window(), 4 * 1_452);
}

#[test]
fn only_bbr_keeps_more_than_a_record_for_a_packet() {
    let heap = [Algorithm::Cubic, Algorithm::Bbr].map(|algorithm| {
        let mut script = Script::new(&config(algorithm), Role::Server);
        script.sends_all(at(0), APP, 0..=1_023);
        script.recovery.shrink();
        script.recovery.allocated_bytes()
    });
    assert_eq!(heap[0], 1_024 * 48);
    let apart = size_of::<Bbr>() + size_of::<std::collections::VecDeque<u8>>();
    assert_eq!(heap[1], 1_024 * (48 + limits::SNAPSHOT_BYTES) + apart);
}

#[test]
fn bbr_paces_below_the_bandwidth_and_lets_whole_packets_out() {
    let link = Link::with_buffer(20_000_000, ms(40), 200);
    let mut network = Network::new(link, &[config(Algorithm::Bbr)]);
    network.runs_while(at(10_000), |network| {
        network.now < at(4_000) || !model(&network.flows[0].script).is_cruising()
    });
    let script = &network.flows[0].script;
    let (pace, bandwidth) = (model(script).pace(), model(script).bandwidth());
    assert!(
        (98..=99).contains(&(pace * 100 / bandwidth)),
        "{pace} of {bandwidth}"
    );
    if let Allowance::Bytes(bytes) = script.recovery.allowance(network.now) {
        assert_eq!(bytes % 1_452, 0);
    }
}

#[test]
fn packets_of_which_nothing_is_kept_do_not_move_the_others() {
    let mut script = script();
    let log = &mut script.recovery.application;
    let packet = |number| SentPacket {
        number,
        size: 1_452,
        ack_eliciting: true,
        in_flight: true,
    };
    let controller = &script.recovery.controller;
    for number in 0..12 {
        let kept = (number % 3 == 1).then(|| controller.snapshot(1_000 + number).unwrap());
        assert!(log.has_room(0, true, limits::SENT_PACKETS));
        log.push(at(number), packet(number), &[], kept);
    }
    for number in 0..12 {
        let found = log.snapshot(number).map(|kept| kept.in_flight());
        assert_eq!(found, (number % 3 == 1).then_some(1_000 + number));
    }
    log.pop(&mut |_| {});
    log.pop(&mut |_| {});
    assert!(log.snapshot(3).is_none());
    assert_eq!(log.snapshot(4).map(|kept| kept.in_flight()), Some(1_004));
}
