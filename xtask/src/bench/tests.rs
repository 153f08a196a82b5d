use super::floors::{FLOORS, Floor, Rule, Verdict};
use super::measure::{Metric, Mode, Sample};
use super::network::Link;
use super::results::{Results, median, ratio};
use super::{Contender, Program, rotated};

fn sample(metric: Metric, value: f64) -> Sample {
    Sample::from([(metric, value)])
}

fn judged(rule: Rule, ours: f64, quinn: f64) -> bool {
    let floor = Floor {
        mode: Mode::BulkUp,
        metric: Metric::GbitPerSecond,
        rule,
    };
    let peer = |who| (who == Contender::Quinn).then_some(quinn);
    floor
        .judge(Link::Loopback, ours, peer)
        .is_some_and(|verdict| !verdict.is_below())
}

#[test]
fn the_median_of_an_even_number_is_between_the_two_in_the_middle() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    assert_eq!(median(&[7.0]), Some(7.0));
    assert_eq!(median(&[]), None);
}

#[test]
fn a_ratio_to_nothing_is_none() {
    assert_eq!(ratio(Some(3.0), Some(2.0)), Some(1.5));
    assert_eq!(ratio(Some(3.0), Some(0.0)), None);
    assert_eq!(ratio(Some(3.0), None), None);
}

#[test]
fn a_floor_is_reached_when_it_is_met_exactly() {
    let at_least = Rule::Times(1.5, Contender::Quinn);
    assert!(judged(at_least, 15.0, 10.0));
    assert!(!judged(at_least, 14.9, 10.0));
    let at_most = Rule::NotOver(1.0, Contender::Quinn);
    assert!(judged(at_most, 10.0, 10.0));
    assert!(!judged(at_most, 10.1, 10.0));
    assert!(judged(Rule::Below(24.0), 24.0, 0.0));
    assert!(!judged(Rule::Below(24.0), 24.1, 0.0));
}

#[test]
fn a_number_that_is_none_reaches_no_floor() {
    assert!(!judged(Rule::Times(1.0, Contender::Quinn), f64::NAN, 10.0));
    assert!(!judged(Rule::Below(24.0), f64::NAN, 10.0));
}

#[test]
fn floors_are_judged_on_every_network_that_was_measured() {
    let mut results = Results::default();
    for (link, ours) in [(Link::Loopback, 13.0), (Link::Veth, 12.0)] {
        results.add(
            Contender::Inquic,
            link,
            Mode::BulkDown,
            sample(Metric::GbitPerSecond, ours),
        );
        results.add(
            Contender::Quinn,
            link,
            Mode::BulkDown,
            sample(Metric::GbitPerSecond, 10.0),
        );
    }
    let verdicts = results.judge(Contender::Inquic, FLOORS);
    let below: Vec<bool> = verdicts.iter().map(Verdict::is_below).collect();
    // s2n-quic was not measured, so its floor is not judged.
    assert_eq!(below, [false, true]);
    let table = results.table(Contender::Inquic, &verdicts);
    assert!(
        table.contains("1.30x") && table.contains("BELOW"),
        "{table}"
    );
}

#[test]
fn medians_are_taken_of_one_contender_alone() {
    let mut results = Results::default();
    for value in [1.0, 9.0, 2.0] {
        results.add(
            Contender::Quinn,
            Link::Loopback,
            Mode::Rr1,
            sample(Metric::Rate, value),
        );
        results.add(
            Contender::S2n,
            Link::Loopback,
            Mode::Rr1,
            sample(Metric::Rate, value * 10.0),
        );
    }
    let row = (Link::Loopback, Mode::Rr1, Metric::Rate);
    assert_eq!(results.median(row, Contender::Quinn), Some(2.0));
    assert_eq!(results.median(row, Contender::S2n), Some(20.0));
    assert_eq!(results.median(row, Contender::Inquic), None);
}

#[test]
fn each_goes_first_in_turn() {
    let programs = [Contender::Inquic, Contender::Quinn, Contender::S2n].map(|contender| Program {
        contender,
        path: "program".into(),
    });
    let first = |round| {
        rotated(&programs, round)
            .first()
            .map(|program| program.contender)
    };
    assert_eq!(first(0), Some(Contender::Inquic));
    assert_eq!(first(1), Some(Contender::Quinn));
    assert_eq!(first(2), Some(Contender::S2n));
    assert_eq!(first(3), Some(Contender::Inquic));
}
