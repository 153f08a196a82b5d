use std::collections::BTreeMap;
use std::vec::Vec;

use super::*;

/// Numbers that follow from a seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// What the table says of itself holds.
fn check<K: Ord + Copy + core::fmt::Debug, V>(table: &Table<K, V>) {
    let full = Table::<K, V>::FULL;
    let mut before: Option<K> = None;
    let mut len = 0;
    for block in &table.blocks {
        assert!(!block.entries.is_empty() && block.entries.len() <= full);
        assert!(block.entries.capacity() <= full, "not beyond a page");
        assert!(before.is_none_or(|before| before < block.first));
        assert!(block.first <= block.entries[0].0);
        assert!(block.entries.is_sorted_by(|one, other| one.0 < other.0));
        before = block.entries.last().map(|(key, _)| *key);
        len += block.entries.len();
    }
    assert_eq!(len, table.len());
}

#[test]
fn table_is_as_a_tree_of_the_standard_library() {
    for seed in 1..=20 {
        std::println!("seed {seed}");
        let mut numbers = Numbers(seed);
        let mut table = Table::new();
        let mut tree = BTreeMap::new();
        let range = [64, 2_000, u64::MAX][seed as usize % 3];
        for step in 0..6_000 {
            let key = numbers.next() % range;
            // It fills, then empties.
            if numbers.next() % 8 < if step < 3_000 { 6 } else { 2 } {
                assert_eq!(table.insert(key, step), Ok(tree.insert(key, step)));
            } else {
                let key = *tree.range(key..).next().map_or(&key, |(key, _)| key);
                assert_eq!(table.remove(&key), tree.remove(&key));
            }
            assert_eq!(table.get(&key), tree.get(&key));
        }
        check(&table);
        assert!(table.iter().eq(tree.iter()));
        for key in tree.into_keys() {
            assert!(table.remove(&key).is_some());
        }
        assert_eq!((table.len(), table.allocated_bytes()), (0, 0));
    }
}

#[test]
fn growing_keys_fill_their_blocks() {
    let mut table = Table::new();
    for key in 0..10_000_u64 {
        assert_eq!(table.insert(key, ()), Ok(None));
    }
    check(&table);
    let places = table.allocated_bytes() / size_of::<u64>();
    assert!(places < 10_000 * 11 / 10, "{places} places");
}

#[test]
fn what_is_left_of_many_does_not_hold_their_memory() {
    let mut table = Table::new();
    for key in 0..100_000_u64 {
        table.insert(key, key).unwrap();
    }
    for key in 0..100_000_u64 {
        if key % 100 != 0 {
            table.remove(&key);
        }
    }
    check(&table);
    assert_eq!(table.len(), 1_000);
    let bytes = table.allocated_bytes();
    assert!(bytes <= 8 * 1_000 * 16 + 65_536, "{bytes} bytes");
}

#[test]
fn large_values_share_blocks() {
    let mut table = Table::new();
    for key in (0..100_u32).rev() {
        table.insert(key, [key; 1_000]).unwrap();
    }
    check(&table);
    assert!(table.blocks.len() <= 7);
    assert_eq!(table.get_mut(&50).map(|value| value[999]), Some(50));
}

#[test]
fn value_is_replaced_under_its_key() {
    let mut table = Table::default();
    assert_eq!(table.insert(1, 'a'), Ok(None));
    assert_eq!(table.insert(1, 'b'), Ok(Some('a')));
    assert_eq!((table.len(), table.get(&1)), (1, Some(&'b')));
    let entries: Vec<_> = table.iter().collect();
    assert_eq!(entries, [(&1, &'b')]);
}
