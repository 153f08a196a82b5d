//! Stream bytes in memory: in come slices at offsets, out go copies of them. It keeps pages and hands none out, never
//! takes more memory than its pool was given, and treats a refusal of memory as an ordinary answer.

use alloc::{collections::VecDeque, vec::Vec};

use inquic_platform::{Own, memory};

use super::limits::{
    FREE, FULL_PAGES_FROM, GENEROUS, GENEROUS_SHARE, LIST_COST, PAGE, PIECE_MIN, SPARE_BUFFERS,
    SPARE_LISTS, SPARE_PAGES,
};
use super::spans::Spans;

/// A page, or a smaller piece in the place of one. Its length says how far it is filled.
type Page = Vec<u8>;

/// The memory of one direction of a connection, with the unused pages it keeps.
#[derive(Debug)]
pub(super) struct Pool {
    spare: Vec<Page>,
    buffers: Vec<Own<Buffer>>,
    /// Bytes of memory of `buffers`.
    lists: usize,
    /// Bytes of memory that streams hold.
    held: usize,
    /// Bytes for which records of streams and lists of pages are charged.
    kept: usize,
    /// Bytes of memory that streams may hold.
    limit: usize,
}

impl Pool {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            spare: Vec::new(),
            buffers: Vec::new(),
            lists: 0,
            held: 0,
            kept: 0,
            limit,
        }
    }

    /// Bytes of memory that may still be taken.
    #[inline]
    pub(super) fn room(&self) -> usize {
        let over = self.kept.saturating_sub(FREE);
        self.limit.saturating_sub(self.held.saturating_add(over))
    }

    /// Charges for what is kept beside data; `false`, and nothing is charged, when there is no room for it.
    #[must_use]
    pub(super) fn keep(&mut self, bytes: usize) -> bool {
        let before = self.kept;
        self.kept = before.saturating_add(bytes);
        let fits = self.kept <= FREE
            || self.kept.saturating_sub(FREE) <= self.limit.saturating_sub(self.held);
        if !fits {
            self.kept = before;
        }
        fits
    }

    /// What [`Pool::keep`] charged for is gone.
    pub(super) fn release(&mut self, bytes: usize) {
        self.kept = self.kept.saturating_sub(bytes);
    }

    /// Whether a stream that has nothing here yet could have something.
    pub(super) fn is_open(&self) -> bool {
        self.room() > 0 && self.has_room_for_list()
    }

    /// Whether another list of pages can be had, and something to put into it.
    fn has_room_for_list(&self) -> bool {
        let over = self.kept.saturating_add(LIST_COST).saturating_sub(FREE);
        let left = self.limit.saturating_sub(self.held.saturating_add(over));
        left >= PIECE_MIN
    }

    /// Bytes that the direction is charged for, with what is kept to be used again; the limit and [`FREE`] at most.
    pub(super) fn charged(&self) -> usize {
        self.held
            .saturating_add(self.kept)
            .saturating_add(self.spare.len().saturating_mul(PAGE))
            .saturating_add(self.lists)
    }

    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn set_limit(&mut self, limit: usize) {
        let is_less = limit < self.limit;
        self.limit = limit;
        if is_less {
            self.fit_spares();
        }
    }

    /// Memory for `need` bytes of the page at place `index` of its stream, that leaves `reserve` for others.
    fn take(&mut self, need: usize, index: usize, reserve: usize) -> Option<Page> {
        let room = self.room().saturating_sub(reserve);
        let generous = GENEROUS.max(self.limit / GENEROUS_SHARE);
        let generous = index >= FULL_PAGES_FROM || self.held.saturating_add(PAGE) <= generous;
        if generous && PAGE <= room {
            if let Some(page) = self.spare.pop() {
                self.held = self.held.saturating_add(page.capacity());
                return Some(page);
            }
            let page = allocate(PAGE)?;
            self.held = self.held.saturating_add(page.capacity());
            self.fit_spares();
            return Some(page);
        }
        if need > room {
            return None;
        }
        let page = allocate(piece(need).min(room))?;
        self.held = self.held.saturating_add(page.capacity());
        self.fit_spares();
        Some(page)
    }

    /// What is kept unused counts, too: nothing is beyond the limit.
    fn fit_spares(&mut self) {
        let room = self.room();
        if self.lists > room {
            self.buffers.clear();
            self.lists = 0;
        }
        self.spare.truncate(room.saturating_sub(self.lists) / PAGE);
    }

    fn give(&mut self, mut page: Page) {
        let size = page.capacity();
        self.held = self.held.saturating_sub(size);
        let kept = self.spare.len().saturating_add(1);
        let bytes = kept.saturating_mul(PAGE).saturating_add(self.lists);
        if size == PAGE && kept <= SPARE_PAGES && bytes <= self.room() {
            page.clear();
            // Without memory for the list the page goes back to the allocator.
            let _ = memory::pushed(&mut self.spare, page);
        }
    }

    /// Exchanges a piece that has become too small for one that holds `need` bytes.
    fn grow(&mut self, page: &mut Page, need: usize, index: usize, reserve: usize) -> bool {
        // Doubling spares copies while there is room; close to the bound every byte counts.
        let ample = if self.held <= self.limit / 2 {
            need.max(page.capacity().saturating_mul(2)).min(PAGE)
        } else {
            need
        };
        // The old piece comes back at once and so makes room for the new one.
        let before = self.held;
        self.held = before.saturating_sub(page.capacity());
        let larger = match self.take(ample, index, reserve) {
            Some(larger) => Some(larger),
            None => self.take(need, index, reserve),
        };
        let Some(mut larger) = larger else {
            self.held = before;
            return false;
        };
        self.held = self.held.saturating_add(page.capacity());
        memory::append(&mut larger, page);
        self.give(core::mem::replace(page, larger));
        true
    }

    /// An empty buffer whose first byte has this offset; `None` when there is no memory for one.
    pub(super) fn buffer(&mut self, origin: u64) -> Option<Own<Buffer>> {
        if !self.has_room_for_list() {
            return None;
        }
        let mut buffer = match self.buffers.pop() {
            Some(spare) => {
                self.lists = self.lists.saturating_sub(spare.allocated_bytes());
                spare
            }
            None => Own::new(Buffer::default())?,
        };
        buffer.origin = origin;
        self.kept = self.kept.saturating_add(LIST_COST);
        Some(buffer)
    }

    /// Takes a buffer back, with whatever is in it.
    pub(super) fn give_buffer(&mut self, mut buffer: Own<Buffer>) {
        while let Some(page) = buffer.pages.pop_front() {
            self.give(page);
        }
        buffer.spans.clear();
        buffer.lost.clear();
        self.release(LIST_COST);
        self.held = self
            .held
            .saturating_sub(core::mem::take(&mut buffer.charged));
        // A list of pages grows step by step, so the next stream is spared that.
        let lists = self.lists.saturating_add(buffer.allocated_bytes());
        let bytes = self.spare.len().saturating_mul(PAGE).saturating_add(lists);
        if self.buffers.len() < SPARE_BUFFERS
            && lists <= SPARE_LISTS
            && bytes <= self.room()
            && memory::pushed(&mut self.buffers, buffer)
        {
            self.lists = lists;
        }
    }

    /// Whether [`Pool::shrink`] would give anything back.
    pub(super) const fn has_surplus(&self) -> bool {
        self.spare.capacity() > 0 || self.buffers.capacity() > 0
    }

    /// Gives every unused page back to the allocator.
    pub(super) fn shrink(&mut self) {
        self.spare = Vec::new();
        self.buffers = Vec::new();
        self.lists = 0;
    }

    /// Bytes that streams hold, the spare pages, and the lists of both.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.held
            .saturating_add(self.spare.len().saturating_mul(PAGE))
            .saturating_add(self.spare.capacity().saturating_mul(size_of::<Page>()))
            .saturating_add(self.buffers.capacity().saturating_mul(size_of::<usize>()))
            .saturating_add(self.lists)
    }
}

/// An empty page of exactly this capacity; `None` when there is no memory.
fn allocate(size: usize) -> Option<Page> {
    let mut page = Vec::new();
    page.try_reserve_exact(size).ok()?;
    Some(page)
}

/// The page that a byte lies in and its place there.
#[inline]
fn place(at: u64) -> Option<(usize, usize)> {
    let index = usize::try_from(at >> PAGE.ilog2()).ok()?;
    Some((index, (at & IN_PAGE) as usize))
}

/// The size of the piece that holds `need` bytes: at most a quarter more.
fn piece(need: usize) -> usize {
    if need <= PIECE_MIN {
        return PIECE_MIN;
    }
    let quarter = need
        .min(PAGE)
        .saturating_sub(1)
        .checked_ilog2()
        .map_or(1, |log| 1_usize << log.saturating_sub(2).min(16));
    need.min(PAGE).div_ceil(quarter).saturating_mul(quarter)
}

/// The bytes of one half of a stream from `origin` on, and the ranges that the half keeps beside them.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// The offset of the first byte of the first page.
    origin: u64,
    /// Pages in order; every page but the last stands for `PAGE` bytes, and one where nothing has come yet is empty.
    pages: VecDeque<Page>,
    /// Receiving: what is here beyond the first hole. Sending: what is acknowledged beyond the first hole.
    pub(super) spans: Spans,
    /// Sending: what is to be sent again.
    pub(super) lost: Spans,
    /// Bytes of the lists that are charged to the pool.
    charged: usize,
}

impl Buffer {
    /// The offset behind the last byte, or behind the last page where nothing has come yet.
    pub(super) fn end(&self) -> u64 {
        let Some(last) = self.pages.back() else {
            return self.origin;
        };
        let before = self.pages.len().saturating_sub(1).saturating_mul(PAGE);
        self.origin
            .saturating_add(before.saturating_add(last.len()) as u64)
    }

    /// Gives back what is behind `end`: bytes that are not counted, and pages without anything.
    pub(super) fn cut(&mut self, pool: &mut Pool, end: u64) {
        let mut before = self.pages.len().saturating_mul(PAGE);
        let len = usize::try_from(end.saturating_sub(self.origin)).unwrap_or(usize::MAX);
        while before >= len.saturating_add(PAGE) {
            let Some(page) = self.pages.pop_back() else {
                return;
            };
            pool.give(page);
            before = before.saturating_sub(PAGE);
        }
        if let Some(last) = self.pages.back_mut() {
            last.truncate(len.saturating_add(PAGE).saturating_sub(before));
        }
    }

    /// Puts `data` behind the last byte. How many bytes there was memory for.
    pub(super) fn append(&mut self, pool: &mut Pool, data: &[u8]) -> usize {
        // Nearly always the page has room for all of it.
        if let Some(page) = self.pages.back_mut()
            && page.capacity().saturating_sub(page.len()) >= data.len()
        {
            memory::append(page, data);
            return data.len();
        }
        self.append_slowly(pool, data)
    }

    fn append_slowly(&mut self, pool: &mut Pool, data: &[u8]) -> usize {
        let mut rest = data;
        while !rest.is_empty() {
            if self.pages.back().is_none_or(|page| page.len() >= PAGE) {
                let need = rest.len().min(PAGE).min(pool.room());
                if need == 0 {
                    break;
                }
                if self.pages.try_reserve(1).is_err() {
                    break;
                }
                let Some(page) = pool.take(need, self.pages.len(), 0) else {
                    break;
                };
                memory::put_back(&mut self.pages, page);
            }
            let index = self.pages.len().saturating_sub(1);
            let Some(page) = self.pages.back_mut() else {
                break;
            };
            let whole = page.len().saturating_add(rest.len()).min(PAGE);
            // Without memory for all of it, what there is is used.
            let reach = whole.min(page.capacity().saturating_add(pool.room()));
            let grown = reach <= page.capacity() || pool.grow(page, reach, index, 0);
            let end = if grown { reach } else { page.capacity() };
            let Some((now, later)) = rest.split_at_checked(end.saturating_sub(page.len())) else {
                break;
            };
            memory::append(page, now);
            rest = later;
            if end < whole {
                break;
            }
        }
        data.len().saturating_sub(rest.len())
    }

    /// Puts `data` at `offset`, which is not before the first page. How many bytes there was memory for.
    /// `reserve` of the pool's memory is left for others.
    pub(super) fn put(
        &mut self,
        pool: &mut Pool,
        offset: u64,
        data: &[u8],
        reserve: usize,
    ) -> usize {
        let mut rest = data;
        let mut at = offset.saturating_sub(self.origin);
        while !rest.is_empty() {
            let Some((index, start)) = place(at) else {
                break;
            };
            let missing = index.saturating_add(1).saturating_sub(self.pages.len());
            if self.pages.try_reserve(missing).is_err() {
                break;
            }
            while self.pages.len() <= index {
                memory::put_back(&mut self.pages, Page::new());
            }
            let Some(page) = self.pages.get_mut(index) else {
                break;
            };
            let end = start.saturating_add(rest.len()).min(PAGE);
            let Some((now, later)) = rest.split_at_checked(end.saturating_sub(start)) else {
                break;
            };
            if end > page.capacity() && !pool.grow(page, end, index, reserve) {
                break;
            }
            if page.len() < start {
                memory::lengthen(page, start);
            }
            // What is there already is written over: the peer may not change it, and if it does, it fools itself.
            let known = page.len().min(end).saturating_sub(start);
            let (over, new) = now.split_at_checked(known).unwrap_or((now, &[]));
            if let Some(place) = page.get_mut(start..start.saturating_add(over.len())) {
                place.copy_from_slice(over);
            }
            memory::append(page, new);
            at = at.saturating_add(now.len() as u64);
            rest = later;
        }
        data.len().saturating_sub(rest.len())
    }

    /// Copies bytes from `offset` on. How many were there to copy.
    pub(super) fn copy_out(&self, offset: u64, out: &mut [u8]) -> usize {
        let mut at = offset.saturating_sub(self.origin);
        let wanted = out.len();
        let mut rest = out;
        while !rest.is_empty() {
            let Some((index, start)) = place(at) else {
                break;
            };
            let Some(page) = self.pages.get(index) else {
                break;
            };
            let end = start.saturating_add(rest.len()).min(page.len());
            let Some(run) = page.get(start..end).filter(|run| !run.is_empty()) else {
                break;
            };
            let Some((now, later)) = core::mem::take(&mut rest).split_at_mut_checked(run.len())
            else {
                break;
            };
            now.copy_from_slice(run);
            at = at.saturating_add(run.len() as u64);
            rest = later;
        }
        wanted.saturating_sub(rest.len())
    }

    /// `len` bytes from `offset` on where they lie, if they are all on one page.
    #[inline]
    pub(super) fn piece(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let (index, start) = place(offset.checked_sub(self.origin)?)?;
        self.pages.get(index)?.get(start..start.checked_add(len)?)
    }

    /// Gives up the pages that end at or before `offset`.
    #[inline]
    pub(super) fn consume(&mut self, pool: &mut Pool, offset: u64) {
        while offset.saturating_sub(self.origin) >= PAGE as u64 {
            let Some(page) = self.pages.pop_front() else {
                self.origin = offset;
                return;
            };
            pool.give(page);
            self.origin = self.origin.saturating_add(PAGE as u64);
        }
    }

    /// Charges the pool for what the lists have grown by: many small pieces must not be cheaper than what they carry.
    pub(super) fn charge(&mut self, pool: &mut Pool) {
        let size = self.allocated_bytes().saturating_sub(size_of::<Self>());
        let more = size.saturating_sub(self.charged);
        pool.held = pool.held.saturating_add(more);
        self.charged = self.charged.saturating_add(more);
    }

    pub(super) const fn charged(&self) -> usize {
        self.charged
    }

    /// Memory of the buffer without its pages.
    pub(super) fn allocated_bytes(&self) -> usize {
        size_of::<Self>()
            .saturating_add(self.pages.capacity().saturating_mul(size_of::<Page>()))
            .saturating_add(self.spans.allocated_bytes())
            .saturating_add(self.lost.allocated_bytes())
    }
}

/// The bits of an offset that say where in its page a byte is.
const IN_PAGE: u64 = PAGE as u64 - 1;

#[cfg(test)]
mod tests;
