//! Numbers of packets declared lost come in, and what is acknowledged after all; how much reordering the path shows goes out, and
//! whether a reduction of the window was for nothing. It must never remember more than a bound, whatever the peer acknowledges.

use alloc::collections::VecDeque;
use core::ops::RangeInclusive;

use inquic_platform::memory;

use super::limits;

/// What the application's packets that were declared lost last tell about the path.
///
/// The losses for which the window was reduced, and those after them until the next reduction, are an episode. When each of its
/// packets is acknowledged late, nothing was lost. One that was forgotten never is, so a long episode stands.
pub(super) struct Reordering {
    /// Numbers declared lost in the episode, in their order.
    lost: VecDeque<u64>,
    /// Packets declared lost since the last call of [`Reordering::settle`].
    fresh: u32,
    /// Packets declared lost in the episode.
    episode: u32,
    /// Those of them that were acknowledged after all.
    returned: u32,
    /// Numbers between a packet and a later one that was acknowledged, which count as its loss.
    threshold: u64,
}

impl Reordering {
    pub(super) const fn new() -> Self {
        Self {
            lost: VecDeque::new(),
            fresh: 0,
            episode: 0,
            returned: 0,
            threshold: limits::REORDERING_MIN,
        }
    }

    /// The packet reordering threshold (RFC 9002 §6.1.1).
    #[inline]
    pub(super) const fn threshold(&self) -> u64 {
        self.threshold
    }

    /// Whether no late acknowledgement can tell anything.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.lost.is_empty()
    }

    /// A packet in flight was declared lost; numbers grow from call to call.
    pub(super) fn on_lost(&mut self, number: u64) {
        if self.lost.len() >= limits::LOST_REMEMBERED {
            self.lost.pop_front();
        }
        // Without memory for it the episode is never whole, and stands.
        let _ = memory::queued(&mut self.lost, number);
        self.fresh = self.fresh.saturating_add(1);
    }

    /// Packets of another space were lost: they are not remembered, so this episode stands.
    pub(super) const fn on_lost_elsewhere(&mut self) {
        self.fresh = self.fresh.saturating_add(1);
    }

    /// Takes what was declared lost since the last call into the episode. `began`: the window was reduced for it, and another
    /// episode begins.
    pub(super) fn settle(&mut self, began: bool) {
        if began {
            let old = self.lost.len().saturating_sub(self.fresh as usize);
            memory::cut_queue(&mut self.lost, 0..old);
            self.episode = 0;
            self.returned = 0;
        }
        self.episode = self.episode.saturating_add(self.fresh);
        self.fresh = 0;
    }

    /// Forgets the episode: what was done for it stands.
    pub(super) fn close(&mut self) {
        self.lost.clear();
        self.fresh = 0;
        self.episode = 0;
        self.returned = 0;
    }

    /// Packets were acknowledged; numbers from `acked_below` up were not. Says whether with them the whole episode was.
    pub(super) fn on_acked(
        &mut self,
        acked_below: u64,
        ranges: impl Iterator<Item = RangeInclusive<u64>>,
    ) -> bool {
        let mut any = false;
        for range in ranges {
            let from = self.lost.partition_point(|number| number < range.start());
            while let Some(number) = self.lost.get(from).copied() {
                if number > *range.end() {
                    break;
                }
                self.lost.remove(from);
                self.returned = self.returned.saturating_add(1);
                any = true;
                //= RFC 9002 §6.1: Implementations can detect spurious retransmissions and increase the
                //= packet or time reordering threshold to reduce future spurious
                //= retransmissions and loss events.
                let distance = acked_below.saturating_sub(number);
                self.threshold = self.threshold.max(distance).min(limits::REORDERING_MAX);
            }
        }
        let is_whole = any && self.returned == self.episode;
        if is_whole {
            self.close();
        }
        is_whole
    }

    /// Gives back memory; the threshold stays.
    pub(super) fn shrink(&mut self) {
        self.close();
        self.lost = VecDeque::new();
    }

    /// Bytes of heap that it holds.
    pub(super) fn heap_bytes(&self) -> usize {
        self.lost.capacity().saturating_mul(size_of::<u64>())
    }
}
