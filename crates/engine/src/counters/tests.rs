//! Every reason has a counter of its own.

use super::{Drop, Drops};

/// The reason after this one. A new reason that is not in here does not compile.
const fn after(reason: Drop) -> Option<Drop> {
    Some(match reason {
        Drop::Header => Drop::UnknownId,
        Drop::UnknownId => Drop::UnknownVersion,
        Drop::UnknownVersion => Drop::ShortInitial,
        Drop::ShortInitial => Drop::NotListening,
        Drop::NotListening => Drop::HalfOpenLimit,
        Drop::HalfOpenLimit => Drop::RateLimit,
        Drop::RateLimit => Drop::Token,
        Drop::Token => Drop::MixedIds,
        Drop::MixedIds => Drop::UnknownPath,
        Drop::UnknownPath => Drop::ForbiddenPath,
        Drop::ForbiddenPath => Drop::NoKeys,
        Drop::NoKeys => Drop::KeysDiscarded,
        Drop::KeysDiscarded => Drop::Authentication,
        Drop::Authentication => Drop::Duplicate,
        Drop::Duplicate => Drop::Unexpected,
        Drop::Unexpected => Drop::Closed,
        Drop::Closed => Drop::Memory,
        Drop::Memory => Drop::HelloLimit,
        Drop::HelloLimit => Drop::Unclaimed,
        Drop::Unclaimed => return None,
    })
}

#[test]
fn list_of_reasons_is_complete() {
    let all = core::iter::successors(Some(Drop::Header), |&reason| after(reason));
    assert!(all.eq(Drop::ALL));
}

#[test]
fn every_reason_is_counted_apart() {
    for reason in Drop::ALL {
        let mut drops = Drops::default();
        drops.count(reason);
        drops.count(reason);
        for other in Drop::ALL {
            assert_eq!(drops.of(other), if other == reason { 2 } else { 0 });
        }
        assert_eq!(drops.total(), 2);
        assert!(drops.counted().eq([(reason, 2)]));
    }
}

#[test]
fn counter_stays_at_its_end() {
    let mut drops = Drops([u32::MAX; Drop::ALL.len()]);
    drops.count(Drop::Token);
    assert_eq!(drops.of(Drop::Token), u32::MAX);
    assert_eq!(drops.total(), u64::from(u32::MAX) * Drop::ALL.len() as u64);
}
