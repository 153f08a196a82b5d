use inquic_platform::Instant;

use super::Timers;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

#[test]
fn slots_expire_in_the_order_of_their_deadlines() {
    let mut timers = Timers::default();
    for (slot, nanos) in [(0, 30), (1, 10), (2, 20), (3, 40)] {
        timers.set(slot, Some(at(nanos)));
    }
    assert_eq!(timers.next(), Some(at(10)));
    assert_eq!(timers.expired(at(5)), None);
    assert_eq!(timers.expired(at(30)), Some(1));
    assert_eq!(timers.expired(at(30)), Some(2));
    assert_eq!(timers.expired(at(30)), Some(0));
    assert_eq!(timers.expired(at(30)), None);
    assert_eq!(timers.next(), Some(at(40)));
}

#[test]
fn a_slot_has_one_deadline_only() {
    let mut timers = Timers::default();
    for nanos in 1..1000 {
        timers.set(7, Some(at(nanos * 1000)));
    }
    assert_eq!(timers.expired(at(u64::MAX)), Some(7));
    assert_eq!(timers.expired(at(u64::MAX)), None);
}

#[test]
fn only_a_nearer_first_deadline_is_worth_a_wake_up() {
    let mut timers = Timers::default();
    assert!(timers.set(0, Some(at(100))));
    assert!(!timers.set(1, Some(at(200))));
    assert!(timers.set(1, Some(at(50))));
    assert!(!timers.set(1, Some(at(60))));
    assert!(!timers.set(1, None));
    assert_eq!(timers.next(), Some(at(100)));
}

#[test]
fn a_thousand_random_moves_keep_the_order() {
    let mut timers = Timers::default();
    let mut expected = std::collections::BTreeMap::new();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    println!("seed {seed:#x}");
    for _ in 0..1000 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let (slot, nanos) = ((seed % 50) as u32, seed >> 40);
        if seed & 0x700 == 0 {
            timers.set(slot, None);
            expected.remove(&slot);
        } else {
            timers.set(slot, Some(at(nanos)));
            expected.insert(slot, nanos);
        }
        assert_eq!(
            timers.next(),
            expected.values().min().map(|&nanos| at(nanos))
        );
    }
    let mut last = 0;
    while let Some(slot) = timers.expired(at(u64::MAX)) {
        let nanos = expected.remove(&slot).unwrap();
        assert!(nanos >= last);
        last = nanos;
    }
    assert!(expected.is_empty());
}
