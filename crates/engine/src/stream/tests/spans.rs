use alloc::collections::BTreeSet;

use super::helper::Vec;
use crate::stream::spans::{Span, Spans};

#[test]
fn ranges_agree_with_a_plain_set() {
    let mut seed = 7_u64;
    let mut spans = Spans::default();
    let mut plain = BTreeSet::new();
    for _ in 0..20_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let start = (seed >> 40) % 300;
        let end = start + (seed >> 20) % 12;
        let before = plain.len();
        if seed >> 63 == 0 {
            plain.extend(start..end);
            let new = (plain.len() - before) as u64;
            assert_eq!(spans.insert(start, end), Some(new));
        } else {
            plain.retain(|byte| !(start..end).contains(byte));
            spans.remove(start, end);
        }
        let ranges: Vec<Span> = spans.iter().collect();
        assert!(
            ranges.windows(2).all(|pair| pair[0].end < pair[1].start),
            "{ranges:?}"
        );
        let inside: Vec<u64> = ranges
            .iter()
            .flat_map(|span| span.start..span.end)
            .collect();
        assert!(inside.iter().eq(plain.iter()));
        let holes: Vec<u64> = spans
            .holes(50, 250)
            .flat_map(|hole| hole.start..hole.end)
            .collect();
        assert!(
            holes
                .into_iter()
                .eq((50..250).filter(|byte| !plain.contains(byte)))
        );
    }
}
