//! What everybody in a run shares: the counts of faults, the truth about streams, the hash of all outputs, the first rule broken.

use std::borrow::Cow;

use inquic_platform::Instant;
use inquic_wire::StreamId;

use super::truth::Truth;
use super::{Canary, Invariant, Violation};
use crate::{Datagram, Tally};

/// A run's common ground.
pub(super) struct Scene {
    pub(super) now: Instant,
    pub(super) tally: Tally,
    pub(super) truth: Truth,
    pub(super) hash: Hash,
    pub(super) violation: Option<Violation>,
    canary: Option<Canary>,
}

/// A digest of everything that came out, the same on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hash(u64);

impl Scene {
    pub(super) fn new(now: Instant, canary: Option<Canary>) -> Self {
        Self {
            now,
            tally: Tally::new(),
            truth: Truth::default(),
            hash: Hash(0xcbf2_9ce4_8422_2325),
            violation: None,
            canary,
        }
    }

    /// A rule was broken; the first one counts.
    pub(super) fn fail(&mut self, invariant: Invariant, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(Violation {
                invariant,
                at: self.now,
                what: what(),
            });
        }
    }

    /// Whether this bug is in this run.
    pub(super) fn strikes(&self, canary: Canary) -> bool {
        self.canary == Some(canary)
    }

    /// Bytes came on a stream that had ended.
    pub(super) fn check_ended(&mut self, id: StreamId, bytes: usize) {
        if bytes > 0 {
            self.fail(Invariant::NothingAfterEnd, || {
                format!("{bytes} bytes of {id:?} after its end")
            });
        }
    }

    /// Delivered bytes on their way to the application.
    pub(super) fn sabotage<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match self.canary {
            Some(Canary::LostBytes) if bytes.len() > 100 => Cow::Borrowed(&bytes[100..]),
            Some(Canary::RepeatedBytes) if bytes.len() > 100 => {
                Cow::Owned([&bytes[..100], bytes].concat())
            }
            _ => Cow::Borrowed(bytes),
        }
    }
}

impl Hash {
    pub(super) const fn value(self) -> u64 {
        self.0
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    pub(super) fn add_datagram(&mut self, now: Instant, datagram: &Datagram) {
        self.mix(now.as_nanos());
        self.mix(
            u64::from(datagram.ecn) << 32
                | u64::from(datagram.to.port()) << 16
                | u64::from(datagram.from.port()),
        );
        self.add(&datagram.bytes);
    }

    pub(super) const fn mix(&mut self, word: u64) {
        self.0 = (self.0 ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }
}
