//! What the application's calls do: in come its bytes and wishes, out go bytes, or the reason why not. No call waits.

use inquic_platform::{Duration, Instant, NoMemory};
use inquic_wire::{Direction, StreamId};

use super::limits::{LOCAL_STREAMS, STREAM_COST, local_streams, writable};
use super::queue::Kind;
use super::receive::ReceiveHalf;
use super::record::{Control, Events};
use super::send::SendHalf;
use super::state::{ReceiveState, SendState};
use super::types::{OpenError, Read, ReadError, WriteError};
use super::{Pending, Streams, Told};

impl Streams {
    /// Opens a stream.
    ///
    /// # Errors
    ///
    /// The peer allows no more, or [`LOCAL_STREAMS`] of this direction are alive, or there is no memory.
    pub fn open(&mut self, direction: Direction) -> Result<StreamId, OpenError> {
        let local = self.local.get_mut(direction);
        if local.next >= local.limit {
            local.wanted = true;
            if local.told != local.limit.saturating_add(1) {
                self.pending.set(match direction {
                    Direction::Bidirectional => Pending::STREAMS_BLOCKED_BIDI,
                    Direction::Unidirectional => Pending::STREAMS_BLOCKED_UNI,
                });
            }
            return Err(OpenError::Limit);
        }
        let id = StreamId::new(self.role, direction, local.next).ok_or(OpenError::Limit)?;
        let all = self.local.bidirectional.alive;
        let all = all.saturating_add(self.local.unidirectional.alive);
        let paid = local_streams(self.send_pool.limit());
        let local = self.local.get_mut(direction);
        if local.alive >= LOCAL_STREAMS || all >= paid || !self.send_pool.keep(STREAM_COST) {
            local.crowded = true;
            return Err(OpenError::Limit);
        }
        if self.create(id).is_none() {
            self.send_pool.release(STREAM_COST);
            return Err(OpenError::Memory);
        }
        let local = self.local.get_mut(direction);
        local.alive = local.alive.saturating_add(1);
        local.next = local.next.saturating_add(1);
        Ok(id)
    }

    /// Takes the next stream that the peer opened. Without memory for it there is none, and the application is told again that
    /// there are some.
    pub fn accept(&mut self, direction: Direction) -> Option<StreamId> {
        let remote = self.remote.get_mut(direction);
        if remote.accepted >= remote.opened {
            return None;
        }
        let id = StreamId::new(self.role.peer(), direction, remote.accepted)?;
        let known = remote.table.get(id.index());
        let Some(slot) = known.or_else(|| self.create(id)) else {
            self.told.set(Told::incoming(direction));
            return None;
        };
        let remote = self.remote.get_mut(direction);
        remote.accepted = remote.accepted.saturating_add(1);
        if let Some(stream) = self.slab.get_mut(slot) {
            stream.accepted = true;
            if stream.events != Events::NONE {
                self.events.push(&mut self.slab, slot);
            }
        }
        Some(id)
    }

    /// Takes bytes to send, as many as there is room for.
    ///
    /// # Errors
    ///
    /// `Blocked` when there is room for none, `Memory` when the system has none, and why none will ever be sent otherwise.
    #[inline]
    pub fn write(&mut self, id: StreamId, data: &[u8]) -> Result<usize, WriteError> {
        let slot = self.slot(id).ok_or(WriteError::Unknown)?;
        let stream = self.slab.get_mut(slot).ok_or(WriteError::Unknown)?;
        let half = stream.send.as_mut().ok_or(WriteError::Unknown)?;
        if let Err(error) = may_write(half) {
            self.tell_stopped(slot);
            return Err(error);
        }
        let taken = half.write(&mut self.send_pool, data, self.stream_send_buffer);
        if taken < data.len() {
            if taken == 0 && half.room(self.stream_send_buffer) > 0 && self.send_pool.is_open() {
                return Err(WriteError::Memory);
            }
            // Its own share comes back with its own acknowledgements; the connection's memory with anybody's.
            stream.waits = true;
            if half.room(self.stream_send_buffer) > 0 {
                self.waiting.push(&mut self.slab, slot);
            }
            if taken == 0 {
                return Err(WriteError::Blocked);
            }
        }
        self.settle(slot);
        Ok(taken)
    }

    /// Ends the stream after the bytes written so far.
    ///
    /// # Errors
    ///
    /// The stream was ended or abandoned before, or is none to send on.
    pub fn finish(&mut self, id: StreamId) -> Result<(), WriteError> {
        let slot = self.slot(id).ok_or(WriteError::Unknown)?;
        let stream = self.slab.get_mut(slot).ok_or(WriteError::Unknown)?;
        let half = stream.send.as_mut().ok_or(WriteError::Unknown)?;
        if let Err(error) = may_write(half) {
            self.tell_stopped(slot);
            return Err(error);
        }
        half.finish();
        self.stop_waiting(slot);
        self.settle(slot);
        Ok(())
    }

    /// Abandons the stream with this code: what is not acknowledged may never arrive.
    ///
    /// # Errors
    ///
    /// The peer has all of it or was told before, or it is none to send on.
    pub fn reset(&mut self, id: StreamId, code: u64) -> Result<(), WriteError> {
        let slot = self.slot(id).ok_or(WriteError::Unknown)?;
        let half = self.find(id).and_then(|stream| stream.send.as_ref());
        let half = half.ok_or(WriteError::Unknown)?;
        if half.is_stopped() {
            let code = half.code();
            self.tell_stopped(slot);
            return Err(WriteError::Stopped(code));
        }
        if self.abandon(slot, code) {
            Ok(())
        } else {
            Err(WriteError::Finished)
        }
    }

    /// A call is told that the peer asked us to stop, if it did: there is nothing more to say about the stream.
    #[cold]
    fn tell_stopped(&mut self, slot: u32) {
        let stream = self.slab.get_mut(slot);
        if let Some(half) = stream.and_then(|stream| stream.send.as_mut()) {
            half.tell_stopped();
            self.retire(slot);
        }
    }

    /// Resets the sending part, if it is not over. Whether it was not.
    pub(super) fn abandon(&mut self, slot: u32, code: u64) -> bool {
        let Some(stream) = self.slab.get_mut(slot) else {
            return false;
        };
        let Some(half) = &mut stream.send else {
            return false;
        };
        if !half.reset(&mut self.send_pool, code) {
            return false;
        }
        stream.control.clear(Control::STREAM_DATA_BLOCKED);
        self.add_control(slot, Control::RESET_STREAM);
        self.stop_waiting(slot);
        self.settle(slot);
        self.wake_writers();
        true
    }

    fn stop_waiting(&mut self, slot: u32) {
        self.waiting.remove(&mut self.slab, slot);
        if let Some(stream) = self.slab.get_mut(slot) {
            stream.waits = false;
            stream.events.clear(Events::WRITABLE);
        }
    }

    /// Copies what has come in order into `out`. `now` and the path's round-trip time are for the windows' growth.
    ///
    /// # Errors
    ///
    /// `Blocked` when nothing is there yet, and why nothing will ever be otherwise.
    #[inline]
    pub fn read(
        &mut self,
        now: Instant,
        rtt: Duration,
        id: StreamId,
        out: &mut [u8],
    ) -> Result<Read, ReadError> {
        let slot = self.slot(id).ok_or(ReadError::Unknown)?;
        let stream = self.slab.get_mut(slot).ok_or(ReadError::Unknown)?;
        let half = stream.receive.as_mut().ok_or(ReadError::Unknown)?;
        match half.state {
            _ if half.stopped => return Err(ReadError::Stopped),
            ReceiveState::ResetRecvd | ReceiveState::ResetRead => {
                let code = half.code();
                half.told_of_reset();
                self.retire(slot);
                return Err(ReadError::Reset(code));
            }
            ReceiveState::DataRead => {
                return Ok(Read {
                    bytes: 0,
                    fin: true,
                });
            }
            ReceiveState::Recv | ReceiveState::SizeKnown | ReceiveState::DataRecvd => {}
        }
        if !half.is_readable() {
            stream.tell_readable = true;
            return Err(ReadError::Blocked);
        }
        let ceiling = self.stream_ceiling;
        let (bytes, fin) = half.read(&mut self.receive_pool, out, (now, rtt), ceiling);
        stream.tell_readable = !half.is_readable();
        if half.wants_grant() {
            self.add_control(slot, Control::MAX_STREAM_DATA);
        } else if fin {
            self.retire(slot);
        }
        self.took(bytes as u64, now, rtt);
        Ok(Read { bytes, fin })
    }

    /// The application took bytes of the connection's window.
    #[inline]
    fn took(&mut self, bytes: u64, now: Instant, rtt: Duration) {
        let size = self.window.size();
        self.window.take(bytes, now, rtt, self.window_ceiling);
        self.stats.bytes_read = self.stats.bytes_read.saturating_add(bytes);
        if self.window.wants_grant() {
            self.pending.set(Pending::MAX_DATA);
        }
        if self.window.size() != size {
            self.fit_receive_memory();
        }
    }

    /// Asks the peer to send no more, with this code, and throws away what comes.
    ///
    /// # Errors
    ///
    /// It was stopped before, or is no stream to read.
    pub fn stop(&mut self, id: StreamId, code: u64) -> Result<(), ReadError> {
        let slot = self.slot(id).ok_or(ReadError::Unknown)?;
        let stream = self.slab.get_mut(slot).ok_or(ReadError::Unknown)?;
        let half = stream.receive.as_mut().ok_or(ReadError::Unknown)?;
        if half.stopped {
            return Err(ReadError::Stopped);
        }
        let tell = half.stop(&mut self.receive_pool, code);
        let unread = half.take_unread();
        stream.events.clear(Events::READABLE);
        stream.control.clear(Control::MAX_STREAM_DATA);
        if tell {
            self.add_control(slot, Control::STOP_SENDING);
        }
        if unread > 0 {
            self.discard(unread);
        }
        self.retire(slot);
        Ok(())
    }

    /// Stops every stream that the peer opened and nobody has accepted.
    pub fn refuse_incoming(&mut self, code: u64) {
        for direction in Direction::ALL {
            while let Some(id) = self.accept(direction) {
                // The error: it is over already.
                let _ = self.stop(id, code);
            }
        }
    }

    /// Nothing more will be read: stops every stream that is there.
    pub fn stop_all(&mut self, code: u64) {
        self.refuse_incoming(code);
        for slot in 0..self.slab.places() {
            if let Some(id) = self.slab.get(slot).map(|stream| stream.id) {
                // The error: it is over already, or there is nothing to read.
                let _ = self.stop(id, code);
            }
        }
    }

    /// Streams of higher priority are sent first; 0 at the start. Unknown streams have none.
    ///
    /// # Errors
    ///
    /// There is no memory for another priority: it stays as it was.
    pub fn set_priority(&mut self, id: StreamId, priority: i32) -> Result<(), NoMemory> {
        let Some(slot) = self.slot(id) else {
            return Ok(());
        };
        let Some(stream) = self.slab.get_mut(slot) else {
            return Ok(());
        };
        let before = stream.priority;
        if before == priority {
            return Ok(());
        }
        self.levels.take(priority)?;
        if !self.has_room_for_levels() {
            self.levels.give(priority);
            return Err(NoMemory);
        }
        if let Some(stream) = self.slab.get_mut(slot) {
            stream.priority = priority;
        }
        self.fresh.remove(&mut self.slab, slot, before);
        self.owed.remove(&mut self.slab, slot, before);
        self.levels.give(before);
        self.settle(slot);
        Ok(())
    }

    /// Whether `read` gives bytes, the end or a reset.
    #[must_use]
    pub fn readable(&self, id: StreamId) -> bool {
        let half = self.find(id).and_then(|stream| stream.receive.as_ref());
        half.is_some_and(ReceiveHalf::is_readable)
    }

    /// Bytes that `read` would give now.
    #[must_use]
    pub fn unread(&self, id: StreamId) -> u64 {
        let half = self.find(id).and_then(|stream| stream.receive.as_ref());
        half.map_or(0, ReceiveHalf::unread)
    }

    /// Bytes that `write` would take about now.
    #[must_use]
    pub fn writable(&self, id: StreamId) -> usize {
        let half = self.find(id).and_then(|stream| stream.send.as_ref());
        half.filter(|half| may_write(half).is_ok())
            .map_or(0, |half| {
                half.room(self.stream_send_buffer)
                    .min(self.send_pool.room())
            })
    }

    /// The state of the sending part; `None` when there is none, or the stream is over.
    #[must_use]
    pub fn send_state(&self, id: StreamId) -> Option<SendState> {
        Some(self.find(id)?.send.as_ref()?.state)
    }

    /// The state of the receiving part; `None` when there is none, or the stream is over.
    #[must_use]
    pub fn recv_state(&self, id: StreamId) -> Option<ReceiveState> {
        Some(self.find(id)?.receive.as_ref()?.state)
    }

    /// Memory of this stream was freed: it and others may write again.
    #[inline]
    pub(super) fn wake_writer(&mut self, slot: u32) {
        if let Some(stream) = self.slab.get_mut(slot)
            && stream.waits
            && let Some(half) = &stream.send
            && half.room(self.stream_send_buffer) >= writable(self.stream_send_buffer)
            && !stream.links.get(Kind::Waiting).is_in()
        {
            self.waiting.push(&mut self.slab, slot);
        }
        self.wake_writers();
    }

    #[inline]
    fn wake_writers(&mut self) {
        if self.waiting.is_empty() || self.send_pool.room() < writable(self.send_pool.limit()) {
            return;
        }
        while let Some(slot) = self.waiting.pop(&mut self.slab) {
            if let Some(stream) = self.slab.get_mut(slot) {
                stream.waits = false;
            }
            self.tell(slot, Events::WRITABLE);
        }
    }
}

/// Why nothing more can be written on this half, if so.
#[inline]
fn may_write(half: &SendHalf) -> Result<(), WriteError> {
    if half.is_stopped() {
        return Err(WriteError::Stopped(half.code()));
    }
    if !half.state.is_open() || half.is_finished() {
        return Err(WriteError::Finished);
    }
    Ok(())
}
