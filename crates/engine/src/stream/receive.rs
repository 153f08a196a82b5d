//! The receiving part of a stream: in come STREAM and RESET_STREAM, out go bytes in order, once each. It keeps no byte
//! beyond the limit it granted and forgets everything that nobody will read.

use inquic_platform::{Duration, Instant, Own};
use inquic_wire::{Code, PeerError};

use super::flow::ReceiveWindow;
use super::limits::{PIECE_BYTES, PIECES, PIECES_MAX, RESERVE};
use super::pages::{Buffer, Pool};
use super::state::{ReceiveInput, ReceiveState};

/// What the receiving part of a stream knows.
#[derive(Debug)]
pub(super) struct ReceiveHalf {
    pub(super) state: ReceiveState,
    /// The application wants nothing more: what comes is counted and thrown away.
    pub(super) stopped: bool,
    /// How far data is here without a hole.
    ready: u64,
    /// How far the peer has sent at least, or its final size.
    highest: u64,
    /// The code of STOP_SENDING or RESET_STREAM, whichever the state speaks of.
    code: u64,
    pub(super) window: ReceiveWindow,
    buffer: Option<Own<Buffer>>,
}

/// What became of a frame's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// It is here, or was before, or nobody wants it.
    Kept,
    /// It is not kept: it lies in more pieces than its bytes are worth.
    TooSmall,
    /// It is not kept: there are too many holes, or no memory.
    NoRoom,
}

impl ReceiveHalf {
    pub(super) const fn new(window: u64) -> Self {
        Self {
            state: ReceiveState::Recv,
            stopped: false,
            ready: 0,
            highest: 0,
            code: 0,
            window: ReceiveWindow::new(window),
            buffer: None,
        }
    }

    /// Whether a frame that reaches to `end` keeps the rules, and how many bytes it adds to what the peer has sent.
    #[inline]
    pub(super) fn check(&self, end: u64, fin: bool) -> Result<u64, PeerError> {
        let sized = self.state != ReceiveState::Recv;
        if sized || fin {
            self.check_size(end, fin)?;
        }
        //= RFC 9000 §4.1: A receiver MUST close the connection with an error of type FLOW_CONTROL_ERROR if the sender violates
        //= the advertised connection or stream data limits
        if end > self.window.granted() && !sized {
            return Err(PeerError::new(
                Code::FlowControl,
                "stream data beyond the stream's limit",
            ));
        }
        Ok(end.saturating_sub(self.highest))
    }

    //= RFC 9000 §4.5: Once a final size for a stream is known, it cannot change.
    fn check_size(&self, end: u64, is_final: bool) -> Result<(), PeerError> {
        let sized = self.state != ReceiveState::Recv;
        if sized && end > self.highest {
            return Err(PeerError::new(
                Code::FinalSize,
                "stream data beyond the final size",
            ));
        }
        if sized && is_final && end != self.highest {
            return Err(PeerError::new(Code::FinalSize, "the final size changed"));
        }
        if is_final && end < self.highest {
            return Err(PeerError::new(
                Code::FinalSize,
                "a final size below what was sent",
            ));
        }
        Ok(())
    }

    /// Keeps the data of a frame that was checked. Nothing of it is lost when it is refused: a later frame brings it again.
    #[inline]
    pub(super) fn on_data(
        &mut self,
        pool: &mut Pool,
        offset: u64,
        data: &[u8],
        fin: bool,
    ) -> Stored {
        let end = offset.saturating_add(data.len() as u64);
        self.highest = self.highest.max(end);
        if fin {
            self.step(ReceiveInput::Fin);
        }
        if self.stopped {
            self.drop_unread();
            return Stored::Kept;
        }
        let stored = match self.state {
            ReceiveState::Recv | ReceiveState::SizeKnown => self.store(pool, offset, data),
            _ => Stored::Kept,
        };
        if self.state == ReceiveState::SizeKnown && self.ready == self.highest {
            self.step(ReceiveInput::AllReceived);
        }
        stored
    }

    fn store(&mut self, pool: &mut Pool, offset: u64, data: &[u8]) -> Stored {
        // What is before `ready` is here already.
        let known = usize::try_from(self.ready.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some(data) = data.get(known..).filter(|data| !data.is_empty()) else {
            return Stored::Kept;
        };
        let offset = offset.max(self.ready);
        let end = offset.saturating_add(data.len() as u64);
        let taken = self.window.taken();
        let buffer = match &mut self.buffer {
            Some(buffer) => buffer,
            none => match pool.buffer(taken) {
                Some(buffer) => none.insert(buffer),
                None => return Stored::NoRoom,
            },
        };
        if offset == self.ready && buffer.spans.is_empty() {
            debug_assert_eq!(buffer.end(), offset, "nothing lies behind what is ready");
            let kept = buffer.append(pool, data);
            self.ready = self.ready.saturating_add(kept as u64);
            return if kept == data.len() {
                Stored::Kept
            } else {
                Stored::NoRoom
            };
        }
        let pieces = buffer.spans.len();
        if pieces >= PIECES && offset > self.ready && !buffer.spans.joins(offset, end) {
            // Every piece is at least that large on average, or it costs us more than the peer.
            let kept: u64 = buffer
                .spans
                .iter()
                .map(|span| span.end.saturating_sub(span.start))
                .sum();
            if kept < (pieces as u64).saturating_mul(PIECE_BYTES) {
                return Stored::TooSmall;
            }
            if pieces >= PIECES_MAX {
                return Stored::NoRoom;
            }
        }
        let fills = offset == self.ready;
        let reserve = if fills { 0 } else { RESERVE };
        if !fills && buffer.spans.growth().saturating_add(reserve) > pool.room() {
            return Stored::NoRoom;
        }
        let kept = buffer.put(pool, offset, data, reserve);
        let until = offset.saturating_add(kept as u64);
        let noted = buffer.spans.insert(offset, until);
        if let Some(first) = buffer.spans.first()
            && first.start <= self.ready
        {
            self.ready = self.ready.max(first.end);
            buffer.spans.pop_first();
        }
        buffer.charge(pool);
        if kept == data.len() && noted.is_some() {
            return Stored::Kept;
        }
        // Memory was refused half-way: what comes in order goes behind the last byte that counts.
        let counted = buffer.spans.last().map_or(self.ready, |span| span.end);
        buffer.cut(pool, counted.max(self.ready));
        Stored::NoRoom
    }

    /// The peer abandons the stream. What it sent and nobody read is thrown away.
    pub(super) fn on_reset(&mut self, pool: &mut Pool, code: u64, final_size: u64) {
        self.highest = self.highest.max(final_size);
        if self.step(ReceiveInput::Reset) {
            self.code = code;
            self.release(pool);
            if self.stopped {
                // The application asked for this and need not be told.
                self.step(ReceiveInput::ResetRead);
            }
        }
    }

    /// Copies what is ready into `out` and gives up the pages it lay in. The bytes, and whether they were the last.
    #[inline]
    pub(super) fn read(
        &mut self,
        pool: &mut Pool,
        out: &mut [u8],
        time: (Instant, Duration),
        ceiling: u64,
    ) -> (usize, bool) {
        let taken = self.window.taken();
        let ready = usize::try_from(self.ready.saturating_sub(taken)).unwrap_or(usize::MAX);
        let wanted = out.len().min(ready);
        let mut bytes = 0;
        if let (Some(buffer), Some(out)) = (&mut self.buffer, out.get_mut(..wanted)) {
            bytes = buffer.copy_out(taken, out);
            self.window.take(bytes as u64, time.0, time.1, ceiling);
            if bytes == ready && buffer.spans.is_empty() {
                self.release(pool);
            } else {
                buffer.consume(pool, taken.saturating_add(bytes as u64));
            }
        }
        let fin = bytes == ready && self.step(ReceiveInput::AllRead);
        (bytes, fin)
    }

    /// As [`ReceiveHalf::read`], and leaves everything as it is.
    pub(super) fn peek(&self, out: &mut [u8]) -> (usize, bool) {
        let ready = usize::try_from(self.unread()).unwrap_or(usize::MAX);
        let wanted = out.len().min(ready);
        let bytes = match (&self.buffer, out.get_mut(..wanted)) {
            (Some(buffer), Some(out)) => buffer.copy_out(self.window.taken(), out),
            _ => 0,
        };
        (
            bytes,
            bytes == ready && self.state == ReceiveState::DataRecvd,
        )
    }

    /// How far the peer has sent at least, or its final size.
    pub(super) const fn size(&self) -> u64 {
        self.highest
    }

    /// Bytes that can be read.
    pub(super) const fn unread(&self) -> u64 {
        self.ready.saturating_sub(self.window.taken())
    }

    /// The application wants nothing more. Whether the peer should be told so.
    pub(super) fn stop(&mut self, pool: &mut Pool, code: u64) -> bool {
        self.stopped = true;
        self.release(pool);
        match self.state {
            ReceiveState::Recv | ReceiveState::SizeKnown => {
                self.code = code;
                self.drop_unread();
                !self.state.is_terminal()
            }
            ReceiveState::DataRecvd => {
                self.step(ReceiveInput::AllRead);
                false
            }
            ReceiveState::ResetRecvd => {
                self.step(ReceiveInput::ResetRead);
                false
            }
            ReceiveState::DataRead | ReceiveState::ResetRead => false,
        }
    }

    /// With nobody to read it, all there is has been read.
    fn drop_unread(&mut self) {
        self.ready = self.highest;
        self.step(ReceiveInput::AllReceived);
        self.step(ReceiveInput::AllRead);
    }

    /// Bytes that the peer spent credit on and that will never be read: they are counted as taken, once.
    pub(super) fn take_unread(&mut self) -> u64 {
        let unread = match self.state {
            ReceiveState::ResetRecvd | ReceiveState::ResetRead => true,
            _ => self.stopped,
        };
        if !unread {
            return 0;
        }
        let bytes = self.highest.saturating_sub(self.window.taken());
        self.window.discard(bytes);
        bytes
    }

    fn release(&mut self, pool: &mut Pool) {
        if let Some(buffer) = self.buffer.take() {
            pool.give_buffer(buffer);
        }
    }

    fn step(&mut self, input: ReceiveInput) -> bool {
        let next = self.state.after(input);
        self.state = next.unwrap_or(self.state);
        next.is_some()
    }

    /// Whether a read would give bytes, the end, or a reset.
    #[inline]
    pub(super) fn is_readable(&self) -> bool {
        match self.state {
            ReceiveState::Recv | ReceiveState::SizeKnown => {
                !self.stopped && self.ready > self.window.taken()
            }
            ReceiveState::DataRecvd | ReceiveState::ResetRecvd => true,
            ReceiveState::DataRead | ReceiveState::ResetRead => false,
        }
    }

    /// Whether the peer should be told that it may send more of this stream.
    #[inline]
    pub(super) fn wants_grant(&self) -> bool {
        //= RFC 9000 §3.3: The receiver only sends MAX_STREAM_DATA frames in the "Recv" state.
        self.state == ReceiveState::Recv && !self.stopped && self.window.wants_grant()
    }

    /// The code that STOP_SENDING carries, or that RESET_STREAM carried.
    pub(super) const fn code(&self) -> u64 {
        self.code
    }

    /// Whether the peer may still send data that is not here.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, ReceiveState::Recv | ReceiveState::SizeKnown)
    }

    /// Whether the peer may still send beyond what it has.
    pub(super) const fn is_unsized(&self) -> bool {
        matches!(self.state, ReceiveState::Recv)
    }

    /// How far data is here without a hole.
    #[inline]
    pub(super) const fn ready(&self) -> u64 {
        self.ready
    }

    pub(super) fn told_of_reset(&mut self) {
        self.step(ReceiveInput::ResetRead);
    }

    /// Memory beside the pages, and beside what the pool was charged for.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.buffer.as_ref().map_or(0, |buffer| {
            buffer.allocated_bytes().saturating_sub(buffer.charged())
        })
    }
}
