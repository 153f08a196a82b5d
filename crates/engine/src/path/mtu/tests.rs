//! The search over links of many sizes, and what ends or restarts it.

use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

const START: Instant = Instant::from_nanos(1_000_000_000);

/// A search on a link that carries `link` bytes, all probes of which have a fate at once.
struct Link {
    mtu: Mtu,
    now: Instant,
    number: u64,
    link: u16,
    sizes: Vec<u16>,
}

impl Link {
    fn new(mtu: Mtu, link: u16) -> Self {
        Self {
            mtu,
            now: START,
            number: 0,
            link,
            sizes: Vec::new(),
        }
    }

    /// Sends the probe that is asked for, if any, and tells its fate.
    fn probe(&mut self) -> bool {
        let Some(size) = self.mtu.next_probe(self.now) else {
            return false;
        };
        self.number += 1;
        self.sizes.push(size);
        self.mtu.on_probe_sent(self.number, size);
        if size <= self.link {
            self.mtu.on_probe_acknowledged(self.number);
        } else {
            self.mtu.on_probe_lost(self.number);
        }
        self.mtu.settle(self.now);
        true
    }

    fn search(&mut self) {
        while self.probe() {
            assert!(self.sizes.len() < 1_000, "the search does not end");
        }
    }
}

fn searched(ceiling: u16, link: u16) -> Link {
    let mut link = Link::new(Mtu::new(1_200, ceiling), link);
    link.search();
    link
}

#[test]
fn the_largest_size_is_tried_first() {
    let link = searched(1_472, 1_472);
    assert_eq!(link.sizes, [1_472]);
    assert_eq!(link.mtu.size(), 1_472);
}

#[test]
fn a_size_counts_as_too_large_after_three_lost_probes() {
    let mut link = Link::new(Mtu::new(1_200, 1_472), 1_400);
    for _ in 0..3 {
        link.probe();
    }
    assert_eq!(link.sizes, [1_472; 3]);
    link.probe();
    assert_eq!(link.sizes[3], 1_336);
    assert_eq!(link.mtu.size(), 1_336);
}

#[test]
fn two_lost_probes_do_not_end_a_size() {
    let mut link = Link::new(Mtu::new(1_200, 1_472), 1_400);
    link.probe();
    link.probe();
    link.link = 1_472;
    link.probe();
    assert_eq!(link.sizes, [1_472; 3]);
    assert_eq!(link.mtu.size(), 1_472);
}

#[test]
fn nothing_is_probed_where_nothing_larger_is_wanted() {
    assert_eq!(searched(1_200, 9_000).sizes, []);
    let mut link = Link::new(Mtu::new(1_452, 1_300), 9_000);
    link.search();
    assert_eq!((link.sizes.len(), link.mtu.size()), (0, 1_452));
}

#[test]
fn one_probe_is_under_way_at_a_time() {
    let mut mtu = Mtu::new(1_200, 1_472);
    assert_eq!(mtu.next_probe(START), Some(1_472));
    mtu.on_probe_sent(7, 1_472);
    assert_eq!(mtu.next_probe(START), None);
    mtu.on_probe_lost(7);
    assert_eq!(mtu.next_probe(START), Some(1_472));
}

#[test]
fn a_probe_that_was_taken_as_lost_counts_when_it_comes_late() {
    let mut mtu = Mtu::new(1_200, 1_472);
    for number in 0..3 {
        let size = mtu.next_probe(START).unwrap();
        mtu.on_probe_sent(number, size);
        mtu.on_probe_lost(number);
    }
    mtu.on_probe_acknowledged(2);
    assert_eq!(mtu.size(), 1_472);
    assert_eq!(mtu.next_probe(START), None);
}

#[test]
fn only_the_packet_of_the_probe_tells_its_fate() {
    let mut mtu = Mtu::new(1_200, 1_472);
    mtu.on_probe_sent(7, 1_472);
    mtu.on_probe_acknowledged(6);
    mtu.on_probe_lost(8);
    assert_eq!(mtu.size(), 1_200);
    assert_eq!(mtu.next_probe(START), None);
}

#[test]
fn larger_sizes_are_tried_again_after_ten_minutes() {
    let mut link = searched(1_472, 1_400);
    let found = link.mtu.size();
    assert!((1_393..=1_400).contains(&found));
    link.link = 1_472;
    link.now = START + limits::MTU_RAISE - Duration::from_nanos(1);
    assert!(!link.probe());
    link.now = START + limits::MTU_RAISE;
    assert!(link.probe());
    assert_eq!(link.mtu.size(), 1_472);
}

#[test]
fn larger_sizes_are_tried_again_when_the_settings_say_so_on_every_path() {
    let raise = Duration::from_secs(150);
    let mut link = Link::new(Mtu::new(1_200, 1_472).raised_after(raise), 1_400);
    link.mtu.on_path_changed(1_472, 65_527);
    link.search();
    link.link = 1_472;
    link.now = START + raise - Duration::from_nanos(1);
    assert!(!link.probe());
    link.now = START + raise;
    assert!(link.probe());
    assert_eq!(link.mtu.size(), 1_472);
}

#[test]
fn a_search_with_nothing_above_rests() {
    let mut link = searched(1_472, 1_472);
    link.now = START + limits::MTU_RAISE;
    assert!(!link.probe());
    assert_eq!(
        link.mtu.state,
        State::Resting {
            until: link.now + limits::MTU_RAISE
        }
    );
}

#[test]
fn a_black_hole_brings_the_base_at_once_and_the_search_after() {
    let mut link = searched(1_472, 1_472);
    link.link = 1_300;
    link.mtu.on_black_hole(link.now);
    assert_eq!(link.mtu.size(), 1_200);
    link.search();
    assert!((1_293..=1_300).contains(&link.mtu.size()));
    assert_eq!(link.mtu.counts().black_holes, 1);
}

#[test]
fn a_black_hole_that_was_none_costs_one_probe() {
    let mut link = searched(1_472, 1_472);
    link.mtu.on_black_hole(link.now);
    link.sizes.clear();
    link.search();
    assert_eq!((&link.sizes[..], link.mtu.size()), (&[1_472][..], 1_472));
}

#[test]
fn repeated_black_holes_make_the_search_wait_longer_each_time() {
    let mut link = searched(1_472, 1_472);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        link.mtu.on_black_hole(link.now);
        let from = link.now;
        while !link.probe() {
            link.now = link.now + Duration::from_secs(1);
        }
        pauses.push(link.now.since(from).as_nanos() / 1_000_000_000);
    }
    assert_eq!(pauses, [0, 60, 120, 240, 480, 600]);
}

#[test]
fn a_black_hole_at_the_base_is_none() {
    let mut mtu = Mtu::new(1_200, 1_200);
    mtu.on_black_hole(START);
    assert_eq!((mtu.size(), mtu.counts().black_holes), (1_200, 0));
}

#[test]
fn a_probe_from_before_a_black_hole_tells_nothing() {
    let mut mtu = Mtu::new(1_400, 1_472);
    mtu.on_probe_sent(7, 1_472);
    mtu.on_black_hole(START);
    mtu.on_probe_acknowledged(7);
    assert_eq!(mtu.size(), 1_200);
}

#[test]
fn a_refused_probe_is_not_tried_again() {
    let mut mtu = Mtu::new(1_200, 1_472);
    mtu.on_probe_sent(7, 1_472);
    mtu.on_refused(START, 1_472);
    assert_eq!(mtu.next_probe(START), Some(1_336));
    assert_eq!(mtu.size(), 1_200);
}

#[test]
fn a_refused_packet_brings_the_base_and_the_search() {
    let mut link = searched(1_472, 1_472);
    link.mtu.on_refused(link.now, 1_472);
    assert_eq!(link.mtu.size(), 1_200);
    link.link = 1_400;
    link.search();
    assert!((1_393..=1_400).contains(&link.mtu.size()));
}

#[test]
fn a_refusal_of_what_every_path_carries_changes_nothing() {
    let mut link = searched(1_472, 1_472);
    for size in [0, 100, 1_200, 1_473, 65_507] {
        link.mtu.on_refused(link.now, size);
        assert_eq!(link.mtu.size(), 1_472);
    }
}

#[test]
fn an_icmp_message_starts_one_probe_of_the_size_in_use() {
    let mut link = searched(1_472, 1_472);
    link.sizes.clear();
    link.mtu.on_too_big(1_300);
    assert_eq!(link.mtu.size(), 1_472);
    assert!(link.probe());
    assert!(!link.probe());
    assert_eq!((&link.sizes[..], link.mtu.size()), (&[1_472][..], 1_472));
}

#[test]
fn an_icmp_message_that_is_true_brings_the_base_after_three_probes() {
    let mut link = searched(1_472, 1_472);
    link.link = 1_300;
    link.sizes.clear();
    link.mtu.on_too_big(1_300);
    for _ in 0..3 {
        assert_eq!(link.mtu.size(), 1_472);
        link.probe();
    }
    assert_eq!((&link.sizes[..], link.mtu.size()), (&[1_472; 3][..], 1_200));
}

#[test]
fn an_icmp_message_below_the_base_or_above_the_size_is_ignored() {
    for size in [0, 68, 1_199, 1_472, 65_535] {
        let mut link = searched(1_472, 1_472);
        link.mtu.on_too_big(size);
        assert!(!link.probe(), "{size}");
    }
    let mut link = searched(1_472, 1_472);
    link.mtu.on_too_big(1_200);
    assert!(link.probe());
}

#[test]
fn the_peer_may_lower_the_size_and_the_ceiling() {
    let mut link = Link::new(Mtu::new(1_452, 9_000), 9_000);
    link.mtu.set_peer_limit(1_300);
    assert_eq!(link.mtu.size(), 1_300);
    link.search();
    assert_eq!((link.mtu.size(), link.sizes.len()), (1_300, 0));
    link.mtu.set_peer_limit(0);
    assert_eq!(link.mtu.size(), 1_200);
}

#[test]
fn a_handshake_that_times_out_goes_on_with_the_base() {
    let mut link = Link::new(Mtu::new(1_452, 1_452), 1_452);
    link.mtu.on_handshake_timeout();
    assert_eq!(link.mtu.size(), 1_200);
    link.search();
    assert_eq!((link.mtu.size(), link.mtu.counts().black_holes), (1_452, 0));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Probe,
    Wait(u64),
    Passes(u16),
    BlackHole,
    Refuse(usize),
    Icmp(usize),
    PeerLimit(u64),
    Timeout,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => Just(Step::Probe),
        2 => (0..900_u64).prop_map(Step::Wait),
        2 => (1_200..9_001_u16).prop_map(Step::Passes),
        1 => Just(Step::BlackHole),
        1 => (0..9_100_usize).prop_map(Step::Refuse),
        1 => (0..70_000_usize).prop_map(Step::Icmp),
        1 => (0..70_000_u64).prop_map(Step::PeerLimit),
        1 => Just(Step::Timeout),
    ]
}

proptest! {
    #[test]
    fn the_search_finds_what_the_link_carries_to_a_step(
        ceiling in 1_200..=9_000_u16,
        carries in 1_200..=9_100_u16,
    ) {
        let link = searched(ceiling, carries);
        let best = ceiling.min(carries);
        prop_assert!(link.mtu.size() <= best);
        prop_assert!(link.mtu.size() > best - limits::MTU_STEP);
        // Three for each size that fails: the ceiling, and a halving of at most 7,800 bytes for each other.
        prop_assert!(link.sizes.len() <= 33, "{}", link.sizes.len());
    }

    #[test]
    fn no_history_takes_the_size_out_of_its_bounds(
        initial in 0..10_000_u16,
        ceiling in 0..10_000_u16,
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut link = Link::new(Mtu::new(initial, ceiling), 1_472);
        let mut passed = link.mtu.size();
        for step in steps {
            match step {
                Step::Probe => {
                    link.probe();
                    passed = passed.max(link.sizes.last().copied().filter(|&size| size <= link.link).unwrap_or(0));
                }
                Step::Wait(seconds) => link.now = link.now + Duration::from_secs(seconds),
                Step::Passes(size) => link.link = size,
                Step::BlackHole => link.mtu.on_black_hole(link.now),
                Step::Refuse(size) => link.mtu.on_refused(link.now, size),
                Step::Icmp(size) => link.mtu.on_too_big(size),
                Step::PeerLimit(limit) => link.mtu.set_peer_limit(limit),
                Step::Timeout => link.mtu.on_handshake_timeout(),
            }
            prop_assert!((BASE..=link.mtu.ceiling).contains(&link.mtu.size()));
            prop_assert!(link.mtu.ceiling <= MAX);
            prop_assert!(link.mtu.size() <= passed);
            if let Some(size) = link.mtu.clone().next_probe(link.now) {
                prop_assert!((link.mtu.size()..=link.mtu.ceiling).contains(&size));
            }
        }
        let found = link.mtu.size();
        link.now = link.now + limits::MTU_RAISE;
        link.search();
        // Where the link has become smaller than what was found, another search ends a step below it.
        prop_assert!(link.mtu.size() >= found || link.mtu.size() + limits::MTU_STEP > link.link);
    }
}
