//! Tests of a path with honest and dishonest counts.

use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

const APP: Space = Space::Application;

fn counts(ect0: u64, ect1: u64, ce: u64) -> Option<EcnCounts> {
    Some(EcnCounts { ect0, ect1, ce })
}

/// `packets` packets leave with the mark of the moment, in batches as it permits.
fn send(ecn: &mut Ecn, from: u64, packets: u64) -> u64 {
    let mut marked = 0;
    let mut at = from;
    while at < from + packets {
        let mark = ecn.mark();
        let batch = (from + packets - at).min(ecn.batch() as u64);
        ecn.on_sent(APP, batch, at..=at + batch - 1, mark);
        at += batch;
        marked += if mark == ECT0 { batch } else { 0 };
    }
    marked
}

/// An ACK of `newly` packets up to `largest`, after which everything from `open` on is open.
fn ack(newly: u64, largest: u64, open: u64, counts: Option<EcnCounts>) -> Reported {
    Reported {
        newly,
        largest,
        is_newest: true,
        oldest_open: Some(open),
        counts,
    }
}

/// A path on which ten packets were marked and found so.
fn capable() -> Ecn {
    let mut ecn = Ecn::default();
    send(&mut ecn, 0, 10);
    assert_eq!(ecn.on_ack(APP, &ack(10, 9, 10, counts(10, 0, 0))), None);
    assert_eq!(ecn.state(), EcnState::Capable);
    ecn
}

fn failed(ecn: &Ecn) -> Option<EcnFailure> {
    match ecn.state() {
        EcnState::Failed(failure) => Some(failure),
        _ => None,
    }
}

#[test]
fn ten_packets_are_marked_and_no_more_until_a_mark_was_reported() {
    let mut ecn = Ecn::default();
    assert_eq!(send(&mut ecn, 0, 9), 9);
    assert_eq!((ecn.mark(), ecn.batch()), (ECT0, 1));
    assert_eq!(send(&mut ecn, 9, 20), 1);
    assert_eq!((ecn.state(), ecn.mark()), (EcnState::Unknown, 0));
    ecn.on_ack(APP, &ack(2, 1, 2, counts(2, 0, 0)));
    assert_eq!((ecn.state(), ecn.mark()), (EcnState::Capable, ECT0));
    assert_eq!(ecn.batch(), usize::MAX);
}

#[test]
fn no_counts_for_a_marked_packet_turn_it_off() {
    let mut ecn = Ecn::default();
    send(&mut ecn, 0, 1);
    ecn.on_ack(APP, &ack(1, 0, 1, None));
    assert_eq!(failed(&ecn), Some(EcnFailure::Missing));
    assert_eq!((ecn.mark(), ecn.failures().of(EcnFailure::Missing)), (0, 1));
}

#[test]
fn bleached_marks_are_noticed_though_later_packets_were_not_marked() {
    let mut ecn = Ecn::default();
    send(&mut ecn, 0, 50);
    ecn.on_ack(APP, &ack(2, 1, 2, None));
    assert_eq!(failed(&ecn), Some(EcnFailure::Missing));
}

#[test]
fn unmarked_packets_are_acknowledged_without_a_count() {
    let mut ecn = Ecn::default();
    send(&mut ecn, 0, 50);
    ecn.on_ack(APP, &ack(50, 49, 50, counts(10, 0, 0)));
    assert_eq!(ecn.state(), EcnState::Capable);
}

#[test]
fn one_count_too_few_turns_it_off() {
    let mut ecn = capable();
    send(&mut ecn, 10, 10);
    ecn.on_ack(APP, &ack(5, 14, 15, counts(15, 0, 0)));
    assert_eq!(ecn.state(), EcnState::Capable);
    ecn.on_ack(APP, &ack(5, 19, 20, counts(19, 0, 0)));
    assert_eq!(failed(&ecn), Some(EcnFailure::TooFew));
}

#[test]
fn marks_erased_in_the_middle_turn_it_off_with_the_next_acknowledgement() {
    let mut ecn = capable();
    send(&mut ecn, 10, 10);
    ecn.on_ack(APP, &ack(1, 10, 11, counts(10, 0, 0)));
    assert_eq!(failed(&ecn), Some(EcnFailure::TooFew));
}

#[test]
fn one_count_too_many_turns_it_off() {
    let mut ecn = Ecn::default();
    send(&mut ecn, 0, 5);
    ecn.on_ack(APP, &ack(1, 0, 1, counts(5, 0, 0)));
    assert_eq!(ecn.state(), EcnState::Capable);
    ecn.on_ack(APP, &ack(1, 1, 2, counts(6, 0, 0)));
    assert_eq!(failed(&ecn), Some(EcnFailure::TooMany));
    let mut ecn = Ecn::default();
    send(&mut ecn, 0, 5);
    ecn.on_ack(APP, &ack(1, 0, 1, counts(3, 0, 3)));
    assert_eq!(failed(&ecn), Some(EcnFailure::TooMany));
}

#[test]
fn counts_that_go_down_turn_it_off() {
    let mut ecn = capable();
    send(&mut ecn, 10, 1);
    ecn.on_ack(APP, &ack(1, 10, 11, counts(9, 0, 2)));
    assert_eq!(failed(&ecn), Some(EcnFailure::Decreased));
}

#[test]
fn a_mark_that_we_never_sent_turns_it_off() {
    let mut ecn = Ecn::default();
    send(&mut ecn, 0, 2);
    ecn.on_ack(APP, &ack(1, 0, 1, counts(0, 1, 0)));
    assert_eq!(failed(&ecn), Some(EcnFailure::Remarked));
}

#[test]
fn an_older_acknowledgement_that_comes_late_is_not_looked_at() {
    let mut ecn = capable();
    send(&mut ecn, 10, 10);
    let mut late = ack(3, 12, 13, counts(3, 9, 9));
    late.is_newest = false;
    assert_eq!(ecn.on_ack(APP, &late), None);
    assert_eq!(ecn.state(), EcnState::Capable);
}

#[test]
fn all_of_the_test_congested_turns_it_off_and_tells_of_no_congestion() {
    let mut ecn = Ecn::default();
    send(&mut ecn, 0, 10);
    assert_eq!(ecn.on_ack(APP, &ack(9, 8, 9, counts(0, 0, 9))), None);
    assert_eq!(ecn.state(), EcnState::Unknown);
    assert_eq!(ecn.on_ack(APP, &ack(1, 9, 10, counts(0, 0, 10))), None);
    assert_eq!(failed(&ecn), Some(EcnFailure::AllCongested));
}

#[test]
fn congestion_in_the_test_is_told_once_the_test_is_passed() {
    let mut ecn = Ecn::default();
    send(&mut ecn, 0, 10);
    assert_eq!(ecn.on_ack(APP, &ack(4, 3, 4, counts(0, 0, 4))), None);
    assert_eq!(ecn.on_ack(APP, &ack(2, 5, 6, counts(2, 0, 4))), Some(4));
    assert_eq!(ecn.on_ack(APP, &ack(2, 7, 8, counts(4, 0, 4))), None);
    assert_eq!(ecn.on_ack(APP, &ack(2, 9, 10, counts(5, 0, 5))), Some(5));
}

#[test]
fn sixty_four_congested_packets_in_a_row_turn_it_off() {
    let mut ecn = capable();
    send(&mut ecn, 10, 64);
    assert!(
        ecn.on_ack(APP, &ack(63, 72, 73, counts(10, 0, 63)))
            .is_some()
    );
    assert_eq!(ecn.on_ack(APP, &ack(1, 73, 74, counts(10, 0, 64))), None);
    assert_eq!(failed(&ecn), Some(EcnFailure::AllCongested));
}

#[test]
fn marked_packets_that_are_all_lost_turn_it_off() {
    let mut ecn = Ecn::default();
    send(&mut ecn, 0, 12);
    ecn.on_ack(APP, &ack(1, 11, 5, None));
    assert_eq!(ecn.state(), EcnState::Unknown);
    send(&mut ecn, 12, 1);
    ecn.on_ack(APP, &ack(1, 12, 13, None));
    assert_eq!(failed(&ecn), Some(EcnFailure::Lost));
}

#[test]
fn a_probe_timeout_before_any_mark_was_seen_ends_marking_until_one_is() {
    let mut ecn = Ecn::default();
    send(&mut ecn, 0, 1);
    ecn.on_timeout();
    assert_eq!(ecn.mark(), 0);
    send(&mut ecn, 1, 2);
    ecn.on_ack(APP, &ack(3, 2, 3, counts(1, 0, 0)));
    assert_eq!(ecn.state(), EcnState::Capable);
    ecn.on_timeout();
    assert_eq!(ecn.state(), EcnState::Capable);
}

#[test]
fn a_new_path_is_tested_when_the_packets_of_the_old_one_are_settled() {
    let mut ecn = capable();
    send(&mut ecn, 10, 5);
    ecn.on_path_changed(15, Some(12));
    assert_eq!((ecn.state(), ecn.mark()), (EcnState::Waiting, 0));
    send(&mut ecn, 15, 2);
    // Packets of both paths, the old path's counts among them: nothing follows for the new one.
    ecn.on_ack(APP, &ack(2, 15, 13, counts(11, 0, 0)));
    assert_eq!(ecn.state(), EcnState::Waiting);
    ecn.on_ack(APP, &ack(1, 16, 17, counts(11, 0, 0)));
    assert_eq!((ecn.state(), ecn.mark()), (EcnState::Testing, ECT0));
    send(&mut ecn, 17, 3);
    ecn.on_ack(APP, &ack(3, 19, 20, counts(14, 0, 0)));
    assert_eq!(ecn.state(), EcnState::Capable);
}

#[test]
fn a_path_that_failed_does_not_spoil_the_next() {
    let mut ecn = Ecn::default();
    send(&mut ecn, 0, 1);
    ecn.on_ack(APP, &ack(1, 0, 1, None));
    send(&mut ecn, 1, 4);
    ecn.on_path_changed(5, None);
    assert_eq!(ecn.state(), EcnState::Testing);
    send(&mut ecn, 5, 2);
    ecn.on_ack(APP, &ack(2, 6, 7, counts(2, 0, 0)));
    assert_eq!(ecn.state(), EcnState::Capable);
    assert_eq!(ecn.failures().total(), 1);
}

#[test]
fn spaces_are_counted_apart() {
    let mut ecn = Ecn::default();
    ecn.on_sent(Space::Initial, 1, 0..=0, ECT0);
    ecn.on_sent(Space::Handshake, 2, 0..=1, ECT0);
    ecn.on_ack(Space::Initial, &ack(1, 0, 1, counts(1, 0, 0)));
    assert_eq!(ecn.state(), EcnState::Capable);
    ecn.on_ack(Space::Handshake, &ack(2, 1, 2, counts(2, 0, 0)));
    assert_eq!(ecn.state(), EcnState::Capable);
    ecn.on_sent(APP, 1, 0..=0, ECT0);
    ecn.on_ack(APP, &ack(1, 0, 1, counts(2, 0, 0)));
    assert_eq!(failed(&ecn), Some(EcnFailure::TooMany));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Packets leave; the bits say which are lost.
    Send(u64, u32),
    /// The same without a mark, as probes of other paths leave.
    SendUnmarked(u64),
    /// The newest packets that arrived are acknowledged.
    Ack,
    /// The same, and the acknowledgement is lost.
    LoseAck,
    Timeout,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..40_u64, any::<u32>(), any::<u32>()).prop_map(|(count, a, b)| Step::Send(count, a & b)),
        1 => (1..4_u64).prop_map(Step::SendUnmarked),
        6 => Just(Step::Ack),
        2 => Just(Step::LoseAck),
        1 => Just(Step::Timeout),
    ]
}

/// A path and a peer that keep the rules.
#[derive(Default)]
struct Honest {
    ecn: Ecn,
    next: u64,
    /// Packets whose fate is open, and whether they arrived.
    open: alloc::collections::BTreeMap<u64, bool>,
    counts: EcnCounts,
    largest: Option<u64>,
    marked: u64,
}

impl Honest {
    fn leaves(&mut self, packets: u64, lost: u32, mark: u8, ce: bool) {
        // A number is left out now and then.
        let first = self.next + self.next % 3;
        self.next = first + packets;
        self.ecn.on_sent(APP, packets, first..=self.next - 1, mark);
        for number in first..self.next {
            let arrives = lost >> (number % 32) & 1 == 0;
            self.open.insert(number, arrives);
            if mark == ECT0 {
                self.marked += 1;
            }
            if arrives && mark == ECT0 {
                if ce && number % 5 == 0 {
                    self.counts.ce += 1;
                } else {
                    self.counts.ect0 += 1;
                }
            }
        }
    }

    fn acknowledges(&mut self) -> Option<u64> {
        let arrived: Vec<u64> = self
            .open
            .iter()
            .filter(|(_, arrived)| **arrived)
            .map(|(&number, _)| number)
            .collect();
        let largest = *arrived.last()?;
        for number in &arrived {
            self.open.remove(number);
        }
        self.open.retain(|&number, _| number + 3 > largest);
        let is_newest = self.largest.is_none_or(|before| largest > before);
        self.largest = self.largest.max(Some(largest));
        let seen = self.counts != EcnCounts::default();
        self.ecn.on_ack(
            APP,
            &Reported {
                newly: arrived.len() as u64,
                largest,
                is_newest,
                oldest_open: self.open.keys().next().copied(),
                counts: seen.then_some(self.counts),
            },
        )
    }
}

proptest! {
    #[test]
    fn an_honest_path_is_never_turned_off_but_for_losing_the_whole_test(
        steps in prop::collection::vec(step(), 1..120),
        ce in any::<bool>(),
    ) {
        let mut path = Honest::default();
        let mut told = 0;
        for step in steps {
            match step {
                Step::Send(mut packets, lost) => while packets > 0 {
                    let batch = packets.min(path.ecn.batch() as u64);
                    path.leaves(batch, lost, path.ecn.mark(), ce);
                    packets -= batch;
                },
                Step::SendUnmarked(packets) => path.leaves(packets, 0, 0, ce),
                Step::Ack => if let Some(ce) = path.acknowledges() {
                    prop_assert!(ce > told && ce == path.counts.ce);
                    told = ce;
                },
                Step::LoseAck => {}
                Step::Timeout => path.ecn.on_timeout(),
            }
            match failed(&path.ecn) {
                None => {}
                Some(EcnFailure::Lost) => prop_assert_eq!(path.counts, EcnCounts::default()),
                // One CE packet alone may be all that arrived of the test.
                Some(EcnFailure::AllCongested) => prop_assert_eq!(path.counts.ect0, 0),
                Some(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn no_report_makes_a_failed_path_mark(
        reports in prop::collection::vec((0..20_u64, 0..40_u64, 0..3_u64, 0..40_u64, any::<bool>()), 1..60),
    ) {
        let mut ecn = Ecn::default();
        let mut has_failed = false;
        let mut at = 0;
        for (newly, ect0, ect1, ce, has_counts) in reports {
            let marked = send(&mut ecn, at, 20);
            prop_assert!(!has_failed || marked == 0);
            at += 20;
            ecn.on_ack(APP, &ack(newly, at - 1, at, has_counts.then_some(EcnCounts { ect0, ect1, ce })));
            has_failed |= failed(&ecn).is_some();
            prop_assert_eq!(has_failed, failed(&ecn).is_some());
        }
    }
}
