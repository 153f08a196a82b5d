//! What the peer's frames do: in come frames that wire has parsed, out goes the rule that they broke, if any. Whether a
//! frame may name a stream is decided in one place for all of them.

use inquic_wire::{Code, Direction, PeerError, StreamId};

use super::limits::{REFUSALS, STREAM_COST};
use super::receive::Stored;
use super::record::{Control, Events};
use super::state::ReceiveState;
use super::types::OnStream;
use super::{MAX_STREAMS, Streams, Told, limits};

/// The half of a stream that a frame speaks of, as we see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Sending,
    Receiving,
}

/// The stream that a frame names.
enum Named {
    /// Its place.
    At(u32),
    /// It is over: the frame is late.
    Over,
    /// It is new, and there is no memory for it.
    Refused,
}

impl Streams {
    /// A STREAM frame.
    ///
    /// # Errors
    ///
    /// The frame breaks a limit, a final size, or names a stream that it may not.
    #[inline]
    pub fn on_stream(
        &mut self,
        id: StreamId,
        offset: u64,
        data: &[u8],
        fin: bool,
    ) -> Result<OnStream, PeerError> {
        let slot = match self.named(id, Half::Receiving)? {
            Named::At(slot) => slot,
            Named::Over => return Ok(OnStream::Taken),
            Named::Refused => return self.refuse(Stored::NoRoom),
        };
        let Some(stream) = self.slab.get_mut(slot) else {
            return Ok(OnStream::Taken);
        };
        let Some(half) = &mut stream.receive else {
            return Ok(OnStream::Taken);
        };
        let end = offset.saturating_add(data.len() as u64);
        let new = half.check(end, fin)?;
        let received = self.stats.bytes_received.saturating_add(new);
        if received > self.window.granted() {
            return Err(beyond_connection());
        }
        self.stats.bytes_received = received;
        let (ready, before) = (half.ready(), half.state);
        let stored = half.on_data(&mut self.receive_pool, offset, data, fin);
        if half.ready() > ready {
            self.refusals = 0;
        }
        let unread = half.take_unread();
        if stream.tell_readable && half.is_readable() {
            stream.tell_readable = false;
            self.tell(slot, Events::READABLE);
        }
        if unread > 0 {
            self.discard(unread);
        }
        if self.tells_states {
            self.tell_receiving(slot, before, true);
        }
        match stored {
            Stored::Kept => {
                if fin {
                    self.retire(slot);
                }
                Ok(OnStream::Taken)
            }
            Stored::TooSmall | Stored::NoRoom => self.refuse(stored),
        }
    }

    /// Data could not be kept, which costs the peer a retransmission; one that insists on tiny pieces is sent away.
    #[cold]
    fn refuse(&mut self, stored: Stored) -> Result<OnStream, PeerError> {
        self.stats.frames_refused = self.stats.frames_refused.saturating_add(1);
        if stored == Stored::TooSmall {
            self.refusals = self.refusals.saturating_add(1);
        }
        if self.refusals >= REFUSALS {
            return Err(PeerError::new(
                Code::ProtocolViolation,
                "stream data in too many small pieces",
            ));
        }
        Ok(OnStream::Refused)
    }

    /// A RESET_STREAM frame.
    ///
    /// # Errors
    ///
    /// The final size breaks a limit or differs, or the frame names a stream that it may not.
    pub fn on_reset_stream(
        &mut self,
        id: StreamId,
        code: u64,
        final_size: u64,
    ) -> Result<OnStream, PeerError> {
        let slot = match self.named(id, Half::Receiving)? {
            Named::At(slot) => slot,
            Named::Over => return Ok(OnStream::Taken),
            Named::Refused => return self.refuse(Stored::NoRoom),
        };
        let Some(stream) = self.slab.get_mut(slot) else {
            return Ok(OnStream::Taken);
        };
        let Some(half) = &mut stream.receive else {
            return Ok(OnStream::Taken);
        };
        let new = half.check(final_size, true)?;
        let received = self.stats.bytes_received.saturating_add(new);
        if received > self.window.granted() {
            return Err(beyond_connection());
        }
        self.stats.bytes_received = received;
        let before = half.state;
        half.on_reset(&mut self.receive_pool, code, final_size);
        let unread = half.take_unread();
        stream.control.clear(Control::MAX_STREAM_DATA);
        if !half.stopped || half.state.is_terminal() {
            stream.control.clear(Control::STOP_SENDING);
        }
        if stream.tell_readable && half.is_readable() {
            stream.tell_readable = false;
            self.tell(slot, Events::READABLE);
        }
        if unread > 0 {
            self.discard(unread);
        }
        if self.tells_states {
            self.tell_receiving(slot, before, false);
        }
        self.retire(slot);
        Ok(OnStream::Taken)
    }

    /// Tells what has become of a stream's receiving part since its state was `before`.
    #[inline(never)]
    fn tell_receiving(&mut self, slot: u32, before: ReceiveState, is_data: bool) {
        let Some(stream) = self.slab.get_mut(slot) else {
            return;
        };
        let after = stream.receive.as_ref().map(|half| half.state);
        let first = is_data && !core::mem::replace(&mut stream.is_heard, true);
        if first {
            self.tell(slot, Events::HEARD);
        }
        if after != Some(before) {
            self.tell(slot, Events::RECEIVING);
        }
    }

    /// A STOP_SENDING frame: the stream is reset with the same code, and the application is told.
    ///
    /// # Errors
    ///
    /// The frame names a stream that it may not.
    pub fn on_stop_sending(&mut self, id: StreamId, code: u64) -> Result<OnStream, PeerError> {
        let slot = match self.named(id, Half::Sending)? {
            Named::At(slot) => slot,
            Named::Over => return Ok(OnStream::Taken),
            Named::Refused => return self.refuse(Stored::NoRoom),
        };
        //= RFC 9000 §3.5: An endpoint that receives a STOP_SENDING frame MUST send a RESET_STREAM frame if the stream is in the
        //= "Ready" or "Send" state.
        if self.abandon(slot, code) {
            if let Some(half) = self
                .slab
                .get_mut(slot)
                .and_then(|stream| stream.send.as_mut())
            {
                half.on_stopped();
            }
            self.tell(slot, Events::STOPPED);
        }
        Ok(OnStream::Taken)
    }

    /// A MAX_DATA frame.
    pub fn on_max_data(&mut self, limit: u64) {
        self.credit.raise(limit);
    }

    /// A MAX_STREAM_DATA frame.
    ///
    /// # Errors
    ///
    /// The frame names a stream that it may not.
    pub fn on_max_stream_data(&mut self, id: StreamId, limit: u64) -> Result<OnStream, PeerError> {
        let slot = match self.named(id, Half::Sending)? {
            Named::At(slot) => slot,
            Named::Over => return Ok(OnStream::Taken),
            Named::Refused => return self.refuse(Stored::NoRoom),
        };
        let half = self
            .slab
            .get_mut(slot)
            .and_then(|stream| stream.send.as_mut());
        if half.is_some_and(|half| half.raise(limit)) {
            self.settle(slot);
        }
        Ok(OnStream::Taken)
    }

    /// A MAX_STREAMS frame.
    ///
    /// # Errors
    ///
    /// The count names streams that no id can.
    pub fn on_max_streams(&mut self, direction: Direction, limit: u64) -> Result<(), PeerError> {
        if limit > MAX_STREAMS {
            return Err(PeerError::new(
                Code::FrameEncoding,
                "MAX_STREAMS above 2^60",
            ));
        }
        if self.tells_states && limit > self.local.get(direction).limit {
            self.tell_of_streams(direction);
        }
        self.raise_streams(direction, limit);
        Ok(())
    }

    /// A DATA_BLOCKED frame: it tells us nothing that the window does not.
    pub fn on_data_blocked(&mut self, _limit: u64) {}

    /// A STREAM_DATA_BLOCKED frame, which opens the stream as STREAM does.
    ///
    /// # Errors
    ///
    /// The frame names a stream that it may not.
    pub fn on_stream_data_blocked(&mut self, id: StreamId, _limit: u64) -> Result<(), PeerError> {
        // Without room for the stream the frame is forgotten; another one will open it.
        self.opened(id, Half::Receiving).map(|_| ())
    }

    /// A STREAMS_BLOCKED frame: streams are offered as others close, whether asked for or not.
    ///
    /// # Errors
    ///
    /// The count names streams that no id can.
    pub fn on_streams_blocked(
        &mut self,
        _direction: Direction,
        limit: u64,
    ) -> Result<(), PeerError> {
        if limit > MAX_STREAMS {
            return Err(PeerError::new(
                Code::FrameEncoding,
                "STREAMS_BLOCKED above 2^60",
            ));
        }
        Ok(())
    }

    /// The stream that a frame names.
    #[inline]
    fn named(&mut self, id: StreamId, half: Half) -> Result<Named, PeerError> {
        if let Some(slot) = self.slot(id) {
            let stream = self.slab.get(slot);
            let found = stream.is_some_and(|stream| match half {
                Half::Sending => stream.send.is_some(),
                Half::Receiving => stream.receive.is_some(),
            });
            return if found {
                Ok(Named::At(slot))
            } else {
                Err(wrong_way(half))
            };
        }
        if !self.opened(id, half)? {
            return Ok(Named::Refused);
        }
        let known =
            id.initiator() == self.role || id.index() < self.remote.get(id.direction()).accepted;
        if known {
            // It is over: nothing is left of it but its number.
            self.stats.frames_late = self.stats.frames_late.saturating_add(1);
            return Ok(Named::Over);
        }
        Ok(self.create(id).map_or(Named::Refused, Named::At))
    }

    /// Checks that the peer may name this stream, and opens it and all below it when it is a new one of the peer's. `false`, and
    /// none is open, when received data has left no room for them.
    fn opened(&mut self, id: StreamId, half: Half) -> Result<bool, PeerError> {
        let local = id.initiator() == self.role;
        if id.direction() == Direction::Unidirectional && local != (half == Half::Sending) {
            return Err(wrong_way(half));
        }
        if local {
            //= RFC 9000 §19.8: An endpoint MUST terminate the connection with error STREAM_STATE_ERROR if it receives a STREAM
            //= frame for a locally initiated stream that has not yet been created, or for a send-only stream.
            if id.index() >= self.local.get(id.direction()).next {
                return Err(PeerError::new(
                    Code::StreamState,
                    "a stream of ours that is not open",
                ));
            }
            return Ok(true);
        }
        let remote = self.remote.get_mut(id.direction());
        //= RFC 9000 §4.6: An endpoint that receives a frame with a stream ID exceeding the limit it has sent MUST treat this as
        //= a connection error of type STREAM_LIMIT_ERROR
        if id.index() >= remote.granted {
            return Err(PeerError::new(
                Code::StreamLimit,
                "a stream beyond the limit",
            ));
        }
        if id.index() < remote.opened {
            return Ok(true);
        }
        let more = id.index().saturating_sub(remote.opened).saturating_add(1);
        // They are paid for all at once, so that whoever accepts them finds room.
        let cost =
            usize::try_from(more).map_or(usize::MAX, |more| more.saturating_mul(STREAM_COST));
        if !self.receive_pool.keep(cost) {
            return Ok(false);
        }
        //= RFC 9000 §3.2: Before a stream is created, all streams of the same type with lower-numbered stream IDs MUST be created.
        remote.opened = id.index().saturating_add(1);
        self.told.set(Told::incoming(id.direction()));
        self.offer_streams(id.direction());
        Ok(true)
    }

    /// Lets received data have the memory that the window is worth, and the peer as many streams.
    pub(super) fn fit_receive_memory(&mut self) {
        let [bidirectional, unidirectional] =
            limits::streams_at_once(self.window.size(), self.most_streams);
        self.remote.bidirectional.at_once = bidirectional;
        self.remote.unidirectional.at_once = unidirectional;
        for direction in Direction::ALL {
            self.offer_streams(direction);
        }
        self.fit_receive_pool();
    }

    /// Does without so many bytes of the memory for received data, which something else of the connection takes: never more of what
    /// is free than [`Streams::receive_room`].
    pub(crate) fn lend(&mut self, bytes: usize) {
        if self.lent != bytes {
            self.lent = bytes;
            self.fit_receive_pool();
        }
    }

    /// Bytes of the memory for received data that nothing takes.
    pub(crate) fn receive_room(&self) -> usize {
        self.receive_pool.room()
    }

    fn fit_receive_pool(&mut self) {
        let memory = limits::receive_memory(self.window.size());
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        self.receive_pool
            .set_limit(memory.saturating_sub(self.lent));
    }
}

#[cold]
const fn wrong_way(half: Half) -> PeerError {
    match half {
        Half::Sending => PeerError::new(Code::StreamState, "a stream that we cannot send on"),
        Half::Receiving => {
            PeerError::new(Code::StreamState, "a stream that the peer cannot send on")
        }
    }
}

#[cold]
const fn beyond_connection() -> PeerError {
    PeerError::new(
        Code::FlowControl,
        "stream data beyond the connection's limit",
    )
}
