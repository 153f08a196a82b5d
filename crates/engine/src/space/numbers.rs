//! The numbers that one space gives to the packets we send. A number is given once and never again.

use inquic_platform::Platform;

use crate::limits;

/// The next number, and the one that will be left out.
pub(crate) struct Numbers {
    next: u64,
    skip: u64,
}

impl Numbers {
    /// A space that leaves numbers out now and then: an ACK of one of those shows a peer that acknowledges what it never
    /// received (RFC 9000 §21.4).
    pub(crate) fn skipping(platform: &dyn Platform) -> Self {
        let mut numbers = Self { next: 0, skip: 0 };
        numbers.choose_skip(platform);
        numbers
    }

    /// A space that leaves no number out, for the handshake.
    pub(crate) const fn consecutive() -> Self {
        Self {
            next: 0,
            skip: u64::MAX,
        }
    }

    /// The number that the next packet will have.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// Takes the number. The next one may be left out: then it is returned, to be noted as never sent.
    pub(crate) fn take(&mut self, platform: &dyn Platform) -> Option<u64> {
        self.next = self.next.saturating_add(1);
        if self.next != self.skip {
            return None;
        }
        let skipped = self.next;
        self.next = self.next.saturating_add(1);
        self.choose_skip(platform);
        Some(skipped)
    }

    fn choose_skip(&mut self, platform: &dyn Platform) {
        let mut bytes = [0; 8];
        platform.random(&mut bytes);
        let ahead = u64::from_le_bytes(bytes) % (2 * limits::SKIP_EVERY);
        self.skip = self.next.saturating_add(ahead).saturating_add(2);
    }
}
