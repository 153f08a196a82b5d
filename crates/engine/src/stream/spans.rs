//! Byte ranges of one stream: in come ranges in any order, out come the same bytes as sorted ranges that do not touch.
//! How many there may be is the caller's to decide before it puts one in.

use alloc::collections::VecDeque;

use inquic_platform::memory;

/// Half-open ranges in ascending order. Both ends are cheap, since loss and acknowledgement work from the front and new
/// data arrives at the back.
#[derive(Debug, Default)]
pub(super) struct Spans {
    spans: VecDeque<Span>,
}

/// The bytes `start..end`, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Spans {
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn first(&self) -> Option<Span> {
        self.spans.front().copied()
    }

    pub(super) fn last(&self) -> Option<Span> {
        self.spans.back().copied()
    }

    /// Whether `start..end` touches or overlaps a range that is there, so that putting it in makes no new one.
    pub(super) fn joins(&self, start: u64, end: u64) -> bool {
        let at = self.spans.partition_point(|span| span.end < start);
        self.spans.get(at).is_some_and(|span| span.start <= end)
    }

    /// Whether there is memory for one range at least, now and later.
    pub(super) fn has_memory(&mut self) -> bool {
        self.spans.capacity() > 0 || self.spans.try_reserve_exact(1).is_ok()
    }

    /// Puts `start..end` in and joins what it touches. How many bytes were new; `None`, and nothing has changed, when there is
    /// no memory for another range.
    #[must_use]
    pub(super) fn insert(&mut self, start: u64, end: u64) -> Option<u64> {
        if start >= end {
            return Some(0);
        }
        // Data after a hole usually continues the newest range, or begins one behind it.
        match self.spans.back_mut() {
            Some(last) if last.end == start => {
                last.end = end;
                return Some(end.saturating_sub(start));
            }
            Some(last) if last.end > start => {}
            _ => {
                let kept = memory::queued(&mut self.spans, Span { start, end });
                return kept.then_some(end.saturating_sub(start));
            }
        }
        let from = self.spans.partition_point(|span| span.end < start);
        let to = self.spans.partition_point(|span| span.start <= end);
        if from >= to {
            let kept = memory::queued_at(&mut self.spans, from, Span { start, end });
            return kept.then_some(end.saturating_sub(start));
        }
        let mut joined = Span { start, end };
        let mut known = 0_u64;
        for span in memory::within(&self.spans, from..to) {
            joined.start = joined.start.min(span.start);
            joined.end = joined.end.max(span.end);
            known = known.saturating_add(span.end.saturating_sub(span.start));
        }
        if let Some(span) = self.spans.get_mut(from) {
            *span = joined;
        }
        memory::cut_queue(&mut self.spans, from.saturating_add(1)..to);
        let len = joined.end.saturating_sub(joined.start);
        Some(len.saturating_sub(known))
    }

    /// Puts `start..end` in without any memory: one range over it and all that was there.
    pub(super) fn insert_over_all(&mut self, start: u64, end: u64) {
        let first = self.spans.front().map_or(start, |span| span.start);
        let last = self.spans.back().map_or(end, |span| span.end);
        self.spans.clear();
        let all = Span {
            start: start.min(first),
            end: end.max(last),
        };
        memory::put_back(&mut self.spans, all);
    }

    /// Takes `start..end` out, wherever it is. In the middle of a range it stays when there is no memory for the two that would
    /// be left.
    pub(super) fn remove(&mut self, start: u64, end: u64) {
        let mut from = self.spans.partition_point(|span| span.end <= start);
        let mut to = self.spans.partition_point(|span| span.start < end);
        if start >= end || from >= to {
            return;
        }
        if let Some(first) = self.spans.get_mut(from)
            && first.start < start
        {
            let rest = Span {
                start: end,
                end: first.end,
            };
            if rest.start >= rest.end {
                first.end = start;
            } else if memory::queued_at(&mut self.spans, from.saturating_add(1), rest)
                && let Some(first) = self.spans.get_mut(from)
            {
                first.end = start;
                return;
            } else {
                return;
            }
            from = from.saturating_add(1);
        }
        if let Some(last) = self.spans.get_mut(to.saturating_sub(1))
            && last.end > end
            && from < to
        {
            last.start = end;
            to = to.saturating_sub(1);
        }
        memory::cut_queue(&mut self.spans, from..to);
    }

    /// Takes the lowest range out.
    pub(super) fn pop_first(&mut self) -> Option<Span> {
        self.spans.pop_front()
    }

    /// The parts of `start..end` that are not in here, ascending.
    pub(super) fn holes(&self, start: u64, end: u64) -> impl Iterator<Item = Span> + '_ {
        let from = self.spans.partition_point(|span| span.end <= start);
        let mut at = start;
        let mut inside = memory::within(&self.spans, from..self.spans.len());
        core::iter::from_fn(move || {
            while at < end {
                let Some(span) = inside.next() else {
                    let hole = Span { start: at, end };
                    at = end;
                    return Some(hole);
                };
                let hole = Span {
                    start: at,
                    end: span.start.min(end),
                };
                at = span.end;
                if hole.start < hole.end {
                    return Some(hole);
                }
            }
            None
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Span> + '_ {
        self.spans.iter().copied()
    }

    pub(super) fn clear(&mut self) {
        self.spans.clear();
    }

    /// Memory that one more range may take.
    pub(super) fn growth(&self) -> usize {
        if self.spans.len() < self.spans.capacity() {
            return 0;
        }
        self.spans
            .capacity()
            .max(4)
            .saturating_mul(size_of::<Span>())
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.spans.capacity().saturating_mul(size_of::<Span>())
    }
}
