use alloc::sync::Arc;
use alloc::vec::Vec;

use inquic_platform::Platform;
use inquic_platform::aws_lc::AwsLc;

use super::{Difference, Played, compare, play};

fn record(seed: u64) -> (Vec<u8>, Played) {
    let home: Arc<dyn Platform> = Arc::new(AwsLc::new());
    let mut record = Vec::new();
    let played = play(&home, seed, &mut |bytes| record.extend_from_slice(bytes));
    (record, played.unwrap())
}

#[test]
fn same_seed_gives_the_same_record() {
    let (one, played) = record(1);
    let (other, _) = record(1);
    assert_eq!(compare(&one, &other), None);
    assert!(played.datagrams > 2_000, "{played:?}");
    assert!(played.received > 1_600_000, "{played:?}");
}

#[test]
fn another_seed_gives_another_record_from_the_first_datagram_on() {
    let difference = compare(&record(1).0, &record(2).0).unwrap();
    assert_eq!((difference.entry, difference.kind), (0, 'D'));
}

#[test]
fn one_bit_anywhere_is_a_difference() {
    let (whole, _) = record(3);
    for at in [0, 3, 4, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(compare(&whole, &changed).is_some(), "at {at}");
    }
}

#[test]
fn shorter_record_is_a_difference() {
    let (whole, _) = record(3);
    for len in [0, 1, whole.len() - 1] {
        assert!(compare(&whole, &whole[..len]).is_some(), "to {len}");
        assert!(compare(&whole[..len], &whole).is_some(), "from {len}");
    }
}

#[test]
fn difference_is_named_by_entry_and_byte() {
    let record = [&[b'D', 0, 0, 2, 7, 8][..], &[b'A', 0, 0, 1, 9]].concat();
    let mut other = record.clone();
    other[10] = 1;
    let difference = Difference {
        entry: 1,
        byte: 4,
        kind: 'A',
    };
    assert_eq!(compare(&record, &other), Some(difference));
    assert_eq!(compare(&record, &record), None);
}
