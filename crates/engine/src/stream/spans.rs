//! Byte ranges of one stream: in come ranges in any order, out come the same bytes as sorted ranges that do not touch.
//! How many there may be is the caller's to decide before it puts one in.

use alloc::collections::VecDeque;

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

    /// Whether `start..end` touches or overlaps a range that is there, so that putting it in makes no new one.
    pub(super) fn joins(&self, start: u64, end: u64) -> bool {
        let at = self.spans.partition_point(|span| span.end < start);
        self.spans.get(at).is_some_and(|span| span.start <= end)
    }

    /// Puts `start..end` in and joins what it touches. How many bytes were new.
    pub(super) fn insert(&mut self, start: u64, end: u64) -> u64 {
        if start >= end {
            return 0;
        }
        // Data after a hole usually continues the newest range, or begins one behind it.
        match self.spans.back_mut() {
            Some(last) if last.end == start => {
                last.end = end;
                return end.saturating_sub(start);
            }
            Some(last) if last.end > start => {}
            _ => {
                self.spans.push_back(Span { start, end });
                return end.saturating_sub(start);
            }
        }
        let from = self.spans.partition_point(|span| span.end < start);
        let to = self.spans.partition_point(|span| span.start <= end);
        if from >= to {
            self.spans.insert(from, Span { start, end });
            return end.saturating_sub(start);
        }
        let mut joined = Span { start, end };
        let mut known = 0_u64;
        for span in self.spans.range(from..to) {
            joined.start = joined.start.min(span.start);
            joined.end = joined.end.max(span.end);
            known = known.saturating_add(span.end.saturating_sub(span.start));
        }
        if let Some(span) = self.spans.get_mut(from) {
            *span = joined;
        }
        self.spans.drain(from.saturating_add(1)..to);
        joined
            .end
            .saturating_sub(joined.start)
            .saturating_sub(known)
    }

    /// Takes `start..end` out, wherever it is.
    pub(super) fn remove(&mut self, start: u64, end: u64) {
        let from = self.spans.partition_point(|span| span.end <= start);
        let to = self.spans.partition_point(|span| span.start < end);
        if start >= end || from >= to {
            return;
        }
        let before = self.spans.get(from).map_or(start, |span| span.start);
        let after = self
            .spans
            .get(to.saturating_sub(1))
            .map_or(end, |span| span.end);
        self.spans.drain(from..to);
        if end < after {
            self.spans.insert(
                from,
                Span {
                    start: end,
                    end: after,
                },
            );
        }
        if before < start {
            self.spans.insert(
                from,
                Span {
                    start: before,
                    end: start,
                },
            );
        }
    }

    /// Takes the lowest range out.
    pub(super) fn pop_first(&mut self) -> Option<Span> {
        self.spans.pop_front()
    }

    /// The parts of `start..end` that are not in here, ascending.
    pub(super) fn holes(&self, start: u64, end: u64) -> impl Iterator<Item = Span> + '_ {
        let from = self.spans.partition_point(|span| span.end <= start);
        let mut at = start;
        let mut inside = self.spans.range(from..);
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
