use super::*;
use crate::recovery::{Algorithm, Allowance, limits};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Send(Space, u16),
    SendAckOnly(Space),
    Skip,
    /// Acknowledges up to three ranges, given as distances below the largest sent and lengths.
    Ack(Space, Vec<(u64, u64)>),
    Expire,
    Wait(u64),
    Mark(Space),
    Probe(Space),
    Move,
    Discard(Space),
    Quiet,
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![
        Just(Algorithm::Cubic),
        Just(Algorithm::NewReno),
        Just(Algorithm::Bbr),
    ]
}

fn space() -> impl Strategy<Value = Space> {
    prop_oneof![
        1 => Just(Space::Initial),
        1 => Just(Space::Handshake),
        6 => Just(Space::Application),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (space(), 30..1_453_u16).prop_map(|(space, size)| Step::Send(space, size)),
        2 => space().prop_map(Step::SendAckOnly),
        1 => Just(Step::Skip),
        8 => (space(), prop::collection::vec((0..12_u64, 0..6_u64), 1..4))
            .prop_map(|(space, ranges)| Step::Ack(space, ranges)),
        3 => Just(Step::Expire),
        6 => (0..80_000_000_u64).prop_map(Step::Wait),
        1 => space().prop_map(Step::Mark),
        2 => space().prop_map(Step::Probe),
        1 => Just(Step::Move),
        2 => Just(Step::Quiet),
        1 => prop_oneof![Just(Space::Initial), Just(Space::Handshake)].prop_map(Step::Discard),
    ]
}

struct World {
    script: Script,
    now: Instant,
    /// The next number of each space, and the one left out last.
    next: [u64; 3],
    left_out: Vec<u64>,
    marks: u64,
    /// Whether the controller keeps more than a record.
    keeps: bool,
}

impl World {
    fn does(&mut self, step: &Step) {
        match step {
            Step::Send(space, size) => {
                let number = self.takes_number(*space);
                self.script.sends_bytes(self.now, *space, number, *size);
            }
            Step::SendAckOnly(space) => {
                let number = self.takes_number(*space);
                self.script.sends_ack_only(self.now, *space, number);
            }
            Step::Skip => {
                let number = self.takes_number(APP);
                self.left_out.push(number);
                self.script.recovery.on_number_skipped(APP, number);
            }
            Step::Ack(space, ranges) => self.acks(*space, ranges),
            Step::Expire => {
                self.now = self
                    .now
                    .max(self.script.recovery.deadline().unwrap_or(self.now));
                self.script.expires(self.now);
            }
            Step::Wait(nanos) => self.now = self.now + Duration::from_nanos(*nanos),
            Step::Mark(space) => {
                self.marks += 1;
                self.script.recovery.on_ecn_ce(self.now, *space, self.marks);
            }
            Step::Probe(space) => {
                self.script.probes(*space);
            }
            Step::Quiet => self.script.recovery.on_app_limited(),
            Step::Move => self.script.recovery.on_path_changed(self.now),
            Step::Discard(space) => {
                self.script.recovery.discard_space(*space);
                self.next[space.index()] = 0;
            }
        }
    }

    fn takes_number(&mut self, space: Space) -> u64 {
        let next = &mut self.next[space.index()];
        *next += 1;
        *next - 1
    }

    fn acks(&mut self, space: Space, ranges: &[(u64, u64)]) {
        let mut ceiling = self.next[space.index()];
        let mut wanted: Vec<RangeInclusive<u64>> = Vec::new();
        for (below, len) in ranges {
            let Some(high) = ceiling.checked_sub(below + 1) else {
                break;
            };
            let low = high.saturating_sub(*len);
            wanted.push(low..=high);
            ceiling = low.saturating_sub(1);
        }
        if wanted.is_empty() {
            return;
        }
        let is_false = space == APP
            && self
                .left_out
                .iter()
                .any(|number| wanted.iter().any(|range| range.contains(number)));
        let is_unsent = {
            let sent = self.script.recovery.largest_sent(space);
            sent.is_none_or(|sent| *wanted[0].end() > sent)
        };
        let result = self.script.tries_ack(self.now, space, &wanted, ms(1));
        assert_eq!(result.is_err(), is_false || is_unsent);
    }

    fn holds(&self) {
        let recovery = &self.script.recovery;
        let sum: u64 = Space::ALL
            .iter()
            .map(|space| recovery.log(*space).bytes_in_flight())
            .sum();
        assert_eq!(recovery.bytes_in_flight(), sum);
        assert!(recovery.congestion_window() >= 2 * 1_452);
        assert!(recovery.congestion_window() <= limits::WINDOW);
        for space in Space::ALL {
            let (snapshots, records) = recovery.log(space).snapshots();
            assert!(snapshots <= records && (self.keeps || snapshots == 0));
        }
        if Space::ALL
            .iter()
            .any(|space| recovery.in_flight_ack_eliciting(*space))
        {
            assert!(recovery.deadline().is_some());
        }
        if let Allowance::Paced(at) = recovery.allowance(self.now) {
            assert!(at >= self.now + ms(1));
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_books_balance(
        algorithm in algorithm(),
        client: bool,
        steps in prop::collection::vec(step(), 1..250),
    ) {
        let config = Config {
            algorithm,
            max_datagram_size: 1_452,
            ..Config::default()
        };
        let role = if client { Role::Client } else { Role::Server };
        let mut script = Script::new(&config, role);
        script.recovery.set_timer_context(CONFIRMED);
        let mut world = World {
            script,
            now: at(1),
            next: [0; 3],
            left_out: Vec::new(),
            marks: 0,
            keeps: algorithm == Algorithm::Bbr,
        };
        for step in &steps {
            world.does(step);
            world.holds();
        }
    }

    #[test]
    fn every_frame_is_told_once(
        losses in prop::collection::vec(prop::bool::weighted(0.2), 20..200),
    ) {
        let mut script = Script::connected();
        let count = losses.len() as u64;
        for number in 0..count {
            script.sends(at(number), APP, number);
        }
        for (number, lost) in (0..).zip(&losses) {
            if !lost {
                script.acked(at(300 + number), APP, &[number..=number]);
            }
        }
        script.sends(at(1_000), APP, count);
        script.acked(at(1_300), APP, &[count..=count]);
        let due = script.recovery.deadline().unwrap_or(at(1_300));
        script.expires(due);
        let mut told = script.takes(Fate::Acknowledged);
        let lost = script.takes(Fate::Lost);
        let expected: Vec<u64> = (0..).zip(&losses).filter(|(_, lost)| **lost).map(|(number, _)| number).collect();
        prop_assert_eq!(&lost, &expected);
        told.extend(lost);
        told.sort_unstable();
        prop_assert_eq!(told, (0..=count).collect::<Vec<_>>());
    }
}
