//! The sending part of a stream: in come the application's bytes and the fate of frames, out come the next bytes to send.
//! It sends every byte until it is acknowledged, and never one beyond the peer's limit.

use inquic_platform::Own;

use super::limits::SENT_RANGES;
use super::pages::{Buffer, Pool};
use super::spans::{Span, Spans};
use super::state::{SendInput, SendState};

/// What the sending part of a stream knows.
#[derive(Debug)]
pub(super) struct SendHalf {
    pub(super) state: SendState,
    fin: Fin,
    stop: Stop,
    /// The code of RESET_STREAM.
    code: u64,
    /// Every byte before this is acknowledged.
    base: u64,
    /// Every byte before this was sent at least once.
    next: u64,
    /// Every byte before this was written.
    end: u64,
    /// The peer's limit.
    limit: u64,
    /// One more than the limit that STREAM_DATA_BLOCKED named last.
    told: u64,
    buffer: Option<Own<Buffer>>,
}

/// How far the end of the stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fin {
    /// The application may write more.
    Open,
    /// The end is to be sent, first or again.
    Due,
    /// The end is on its way.
    Sent,
    /// The peer has the end.
    Acknowledged,
}

/// Whether the peer asked us to stop, with [`SendHalf::code`], and whether a call of the application was told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    No,
    Untold,
    Told,
}

/// A run of bytes to put into one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) offset: u64,
    pub(super) len: u64,
    /// Whether nothing comes after these bytes.
    pub(super) fin: bool,
    /// Whether they were never sent before, and so need credit.
    pub(super) fresh: bool,
}

impl SendHalf {
    pub(super) const fn new(limit: u64) -> Self {
        Self {
            state: SendState::Ready,
            fin: Fin::Open,
            stop: Stop::No,
            code: 0,
            base: 0,
            next: 0,
            end: 0,
            limit,
            told: 0,
            buffer: None,
        }
    }

    /// Takes as much of `data` as there is room for, in at most `share` bytes of this stream.
    #[inline]
    pub(super) fn write(&mut self, pool: &mut Pool, data: &[u8], share: usize) -> usize {
        let room = self.room(share);
        let data = data.get(..room).unwrap_or(data);
        if data.is_empty() {
            return 0;
        }
        let base = self.base;
        let buffer = match &mut self.buffer {
            Some(buffer) => buffer,
            // What is lost has to be noted whatever happens, so there is memory for a range of it from the start.
            none => {
                let Some(mut buffer) = pool.buffer(base) else {
                    return 0;
                };
                if !buffer.lost.has_memory() {
                    pool.give_buffer(buffer);
                    return 0;
                }
                none.insert(buffer)
            }
        };
        let taken = buffer.append(pool, data);
        self.end = self.end.saturating_add(taken as u64);
        if self.base == self.end {
            // There was no memory for a page: a list without one is of no use.
            self.release(pool);
        }
        taken
    }

    /// Bytes of its share of memory that the stream does not use.
    #[inline]
    pub(super) fn room(&self, share: usize) -> usize {
        share.saturating_sub(
            usize::try_from(self.end.saturating_sub(self.base)).unwrap_or(usize::MAX),
        )
    }

    /// The application writes no more. Whether it could before.
    pub(super) fn finish(&mut self) -> bool {
        let open = self.fin == Fin::Open && self.state.is_open();
        if open {
            self.fin = Fin::Due;
        }
        open
    }

    pub(super) fn is_finished(&self) -> bool {
        self.fin != Fin::Open
    }

    /// The stream is abandoned with this code. Whether RESET_STREAM is to be sent.
    pub(super) fn reset(&mut self, pool: &mut Pool, code: u64) -> bool {
        let reset = self.step(SendInput::SentReset);
        if reset {
            self.code = code;
            self.release(pool);
        }
        reset
    }

    /// STOP_SENDING came, and the half was reset for it. Whoever has not ended it still has to hear why its calls fail.
    pub(super) fn on_stopped(&mut self) {
        self.stop = if self.fin == Fin::Open {
            Stop::Untold
        } else {
            Stop::Told
        };
    }

    /// Whether the peer asked us to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop != Stop::No
    }

    /// A call of the application is told that the peer asked us to stop.
    pub(super) fn tell_stopped(&mut self) {
        if self.stop == Stop::Untold {
            self.stop = Stop::Told;
        }
    }

    /// Whether nothing will ever be sent again, and the application knows.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.state.is_terminal() && self.stop != Stop::Untold
    }

    /// Whether something is to be sent that needs no credit: lost bytes, or nothing but the end.
    #[inline]
    pub(super) fn is_owing(&self) -> bool {
        let lost = self
            .buffer
            .as_ref()
            .is_some_and(|buffer| !buffer.lost.is_empty());
        lost || self.fin == Fin::Due && self.next == self.end && self.state != SendState::ResetSent
    }

    /// Whether there are new bytes that the stream's limit lets out.
    #[inline]
    pub(super) fn is_fresh(&self) -> bool {
        self.next < self.end.min(self.limit) && self.buffer.is_some()
    }

    /// Whether there are new bytes that only the stream's limit holds back, and the peer was not told.
    pub(super) fn wants_to_tell_blocked(&self) -> bool {
        self.is_blocked() && self.told != self.limit.saturating_add(1)
    }

    /// Whether there are new bytes that only the stream's limit holds back.
    pub(super) fn is_blocked(&self) -> bool {
        self.next >= self.limit && self.next < self.end && self.buffer.is_some()
    }

    /// STREAM_DATA_BLOCKED names the limit.
    pub(super) fn tell_blocked(&mut self) {
        self.told = self.limit.saturating_add(1);
        self.step(SendInput::SentData);
    }

    pub(super) const fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether the peer does not know yet that the stream was abandoned.
    pub(super) fn is_resetting(&self) -> bool {
        self.state == SendState::ResetSent
    }

    /// The next bytes to send: lost ones first, then new ones as far as `credit` allows, then the end alone.
    #[inline]
    pub(super) fn next_run(&self, credit: u64) -> Option<Run> {
        if let Some(lost) = self.buffer.as_ref().and_then(|buffer| buffer.lost.first()) {
            return Some(Run {
                offset: lost.start,
                len: lost.end.saturating_sub(lost.start),
                fin: self.fin != Fin::Open && lost.end == self.end,
                fresh: false,
            });
        }
        let until = self
            .end
            .min(self.limit)
            .min(self.next.saturating_add(credit));
        if self.next < until && self.buffer.is_some() {
            return Some(Run {
                offset: self.next,
                len: until.saturating_sub(self.next),
                fin: self.fin != Fin::Open && until == self.end,
                fresh: true,
            });
        }
        self.is_owing().then_some(Run {
            offset: self.end,
            len: 0,
            fin: true,
            fresh: false,
        })
    }

    /// The first `len` bytes of `run` are in a frame.
    #[inline]
    pub(super) fn on_sent(&mut self, run: Run, len: u64, fin: bool) {
        let end = run.offset.saturating_add(len);
        if run.fresh {
            self.next = self.next.max(end);
        } else if let Some(buffer) = &mut self.buffer {
            buffer.lost.remove(run.offset, end);
        }
        if fin {
            if self.fin == Fin::Due {
                self.fin = Fin::Sent;
            }
            self.step(SendInput::SentFin);
        } else {
            self.step(SendInput::SentData);
        }
    }

    /// Copies the bytes of a frame. Whether they were all there.
    #[inline]
    pub(super) fn copy_out(&self, offset: u64, out: &mut [u8]) -> bool {
        match &self.buffer {
            Some(buffer) => buffer.copy_out(offset, out) == out.len(),
            None => out.is_empty(),
        }
    }

    /// The bytes of a frame where they lie, if it is in one piece.
    #[inline]
    pub(super) fn piece(&self, offset: u64, len: u16) -> Option<&[u8]> {
        self.buffer.as_ref()?.piece(offset, usize::from(len))
    }

    /// The peer has these bytes. Whether memory was freed or the stream is complete.
    #[inline]
    pub(super) fn on_acknowledged(
        &mut self,
        pool: &mut Pool,
        offset: u64,
        len: u64,
        fin: bool,
    ) -> bool {
        if fin && self.fin != Fin::Open {
            self.fin = Fin::Acknowledged;
        }
        let end = offset.saturating_add(len).min(self.next);
        let mut freed = false;
        if let Some(buffer) = &mut self.buffer {
            if !buffer.lost.is_empty() {
                buffer.lost.remove(offset, end);
            }
            if offset > self.base {
                let bounded = buffer.spans.len() < SENT_RANGES || buffer.spans.joins(offset, end);
                let noted = bounded && buffer.spans.insert(offset, end).is_some();
                if !noted {
                    // There is no room to remember that the peer has it, so it gets it again.
                    lose(&mut buffer.lost, offset, end);
                }
            } else if end > self.base {
                self.base = end;
                while let Some(first) = buffer.spans.first()
                    && first.start <= self.base
                {
                    self.base = self.base.max(first.end);
                    buffer.spans.pop_first();
                }
                if !buffer.lost.is_empty() {
                    buffer.lost.remove(0, self.base);
                }
                freed = true;
                if self.base == self.end {
                    self.release(pool);
                } else {
                    buffer.consume(pool, self.base);
                }
            }
        }
        if self.fin == Fin::Acknowledged && self.base == self.end {
            self.step(SendInput::AllAcknowledged);
            freed = true;
        }
        freed
    }

    /// A frame with these bytes was lost: what the peer does not have is sent again.
    pub(super) fn on_lost(&mut self, offset: u64, len: u64, fin: bool) {
        if fin && self.fin == Fin::Sent {
            self.fin = Fin::Due;
        }
        let start = offset.max(self.base);
        let end = offset.saturating_add(len).min(self.next);
        let Some(buffer) = &mut self.buffer else {
            return;
        };
        if start >= end {
            return;
        }
        let Buffer { spans, lost, .. } = &mut **buffer;
        for hole in spans.holes(start, end) {
            lose(lost, hole.start, hole.end);
        }
    }

    pub(super) fn on_reset_acknowledged(&mut self) -> bool {
        self.step(SendInput::ResetAcknowledged)
    }

    /// A higher limit came. Whether it is one.
    pub(super) fn raise(&mut self, limit: u64) -> bool {
        let higher = limit > self.limit;
        self.limit = self.limit.max(limit);
        higher
    }

    /// Nothing that was sent has arrived, nor will it: everything is fresh again, with no limit to send it in yet.
    pub(super) fn restart(&mut self) {
        debug_assert!(self.base == 0, "nothing was acknowledged");
        self.next = 0;
        self.limit = 0;
        self.told = 0;
        if let Some(buffer) = &mut self.buffer {
            buffer.lost.clear();
        }
        if self.fin == Fin::Sent {
            self.fin = Fin::Due;
        }
        if matches!(self.state, SendState::Send | SendState::DataSent) {
            self.state = SendState::Ready;
        }
    }

    /// The code and the final size that RESET_STREAM carries.
    pub(super) const fn reset_frame(&self) -> (u64, u64) {
        (self.code, self.next)
    }

    pub(super) const fn code(&self) -> u64 {
        self.code
    }

    /// Bytes that were written and not acknowledged.
    pub(super) const fn unacknowledged(&self) -> u64 {
        if self.buffer.is_none() {
            return 0;
        }
        self.end.saturating_sub(self.base)
    }

    /// Bytes that were written and never sent.
    pub(super) const fn unsent(&self) -> u64 {
        if self.buffer.is_none() {
            return 0;
        }
        self.end.saturating_sub(self.next)
    }

    /// Whether the peer has all that was written, and the end if there is one.
    pub(super) const fn is_flushed(&self) -> bool {
        match self.state {
            SendState::Ready | SendState::Send => self.base >= self.end,
            SendState::DataSent => false,
            SendState::DataRecvd | SendState::ResetSent | SendState::ResetRecvd => true,
        }
    }

    fn release(&mut self, pool: &mut Pool) {
        if let Some(buffer) = self.buffer.take() {
            pool.give_buffer(buffer);
        }
    }

    fn step(&mut self, input: SendInput) -> bool {
        let next = self.state.after(input);
        self.state = next.unwrap_or(self.state);
        next.is_some()
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.buffer
            .as_ref()
            .map_or(0, |buffer| buffer.allocated_bytes())
    }
}

/// Notes that `start..end` is to be sent again.
fn lose(lost: &mut Spans, start: u64, end: u64) {
    let whole = match lost.first() {
        // One range over all of it: more is sent than need be, and nothing is forgotten.
        Some(first) if lost.len() >= SENT_RANGES && !lost.joins(start, end) => Span {
            start: first.start.min(start),
            end: first.end.max(end),
        },
        _ => Span { start, end },
    };
    if lost.insert(whole.start, whole.end).is_none() {
        lost.insert_over_all(whole.start, whole.end);
    }
}
