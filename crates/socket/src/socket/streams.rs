//! Streams one by one, as the Rust API and descriptors of their own use them: a stream's calls in, the engine's answers out.

use inquic_engine::NotConnected;
use inquic_engine::stream::{ReceiveState, SendState, Streams};
use inquic_platform::{Instant, NoMemory};
use inquic_wire::{Direction, StreamId};

use super::{OpenError, Read, ReadError, Socket, WriteError};

impl Socket {
    /// Opens a stream.
    ///
    /// # Errors
    ///
    /// [`OpenError::Limit`] when the peer allows no more now, or the socket is closed; [`super::News::MayOpen`] follows.
    pub fn open(&mut self, direction: Direction) -> Result<StreamId, OpenError> {
        if self.is_closed() {
            return Err(OpenError::Limit);
        }
        self.connection_mut().open(direction)
    }

    /// The next stream that the peer opened.
    pub fn accept_stream(&mut self, direction: Direction) -> Option<StreamId> {
        self.connection_mut().accept(direction)
    }

    /// Writes to a stream; returns how many bytes were taken.
    ///
    /// # Errors
    ///
    /// [`WriteError::Blocked`] until [`super::News::Writable`]; the others end the stream's sending part.
    pub fn write(&mut self, id: StreamId, data: &[u8]) -> Result<usize, WriteError> {
        if self.is_closed() {
            return Err(WriteError::Unknown);
        }
        self.connection_mut().write(id, data)
    }

    /// Reads from a stream.
    ///
    /// # Errors
    ///
    /// [`ReadError::Blocked`] until [`super::News::Readable`]; the others end the stream's receiving part.
    pub fn read(&mut self, now: Instant, id: StreamId, out: &mut [u8]) -> Result<Read, ReadError> {
        self.connection_mut().read(now, id, out)
    }

    /// As [`Socket::read`], and leaves the bytes where they are.
    ///
    /// # Errors
    ///
    /// As [`Socket::read`].
    pub fn peek(&self, id: StreamId, out: &mut [u8]) -> Result<Read, ReadError> {
        self.connection().peek(id, out)
    }

    /// Ends a stream: what was written is delivered, then FIN.
    ///
    /// # Errors
    ///
    /// When the sending part is over or does not exist.
    pub fn finish(&mut self, id: StreamId) -> Result<(), WriteError> {
        self.streams()?.finish(id)
    }

    /// Abandons the sending part of a stream with RESET_STREAM.
    ///
    /// # Errors
    ///
    /// When the sending part is over or does not exist.
    pub fn reset(&mut self, id: StreamId, code: u64) -> Result<(), WriteError> {
        self.streams()?.reset(id, code)
    }

    /// Abandons the receiving part of a stream with STOP_SENDING.
    ///
    /// # Errors
    ///
    /// When the receiving part is over or does not exist.
    pub fn stop(&mut self, id: StreamId, code: u64) -> Result<(), ReadError> {
        self.streams()
            .map_err(|_| ReadError::Unknown)?
            .stop(id, code)
    }

    /// Among streams with data, those with the higher priority send first; it begins as 0.
    ///
    /// # Errors
    ///
    /// There is no memory for another priority: it stays as it was.
    pub fn set_priority(&mut self, id: StreamId, priority: i32) -> Result<(), NoMemory> {
        match self.streams() {
            Ok(streams) => streams.set_priority(id, priority),
            Err(_) => Ok(()),
        }
    }

    /// What [`Socket::set_priority`] has set.
    #[must_use]
    pub fn priority(&self, id: StreamId) -> i32 {
        let streams = self.connection().streams_seen();
        streams.map_or(0, |streams| streams.priority(id))
    }

    /// Bytes that all streams together would take.
    #[must_use]
    pub fn send_room(&self) -> usize {
        let buffer = self.connection().config().streams.send_buffer;
        let streams = self.connection().streams_seen();
        streams.map_or(buffer, Streams::send_room)
    }

    /// Bytes that can be read, of all streams.
    #[must_use]
    pub fn bytes_to_read(&self) -> u64 {
        let streams = self.connection().streams_seen();
        streams.map_or(0, Streams::bytes_to_read)
    }

    /// Bytes of memory for received data and for written data; it looks at no stream.
    #[must_use]
    pub fn charged(&self) -> [usize; 2] {
        let streams = self.connection().streams_seen();
        streams.map_or([0; 2], Streams::charged)
    }

    /// Bytes that were written and have not been acknowledged, of all streams.
    #[must_use]
    pub fn bytes_to_arrive(&self) -> u64 {
        let streams = self.connection().streams_seen();
        streams.map_or(0, Streams::bytes_to_arrive)
    }

    /// Bytes that were written and never sent, of all streams.
    #[must_use]
    pub fn bytes_to_send(&self) -> u64 {
        let streams = self.connection().streams_seen();
        streams.map_or(0, Streams::bytes_to_send)
    }

    /// Whether [`Socket::read`] would not block.
    pub fn is_readable(&mut self, id: StreamId) -> bool {
        self.streams().map_or(true, |streams| streams.readable(id))
    }

    /// Bytes that [`Socket::read`] would give.
    #[must_use]
    pub fn unread(&self, id: StreamId) -> u64 {
        let streams = self.connection().streams_seen();
        streams.map_or(0, |streams| streams.unread(id))
    }

    /// Bytes that [`Socket::write`] would take.
    pub fn writable(&mut self, id: StreamId) -> usize {
        self.streams().map_or(0, |streams| streams.writable(id))
    }

    /// The states of a stream's sending and receiving parts; none where there is no such part, or it is over and forgotten.
    pub fn stream_states(&mut self, id: StreamId) -> (Option<SendState>, Option<ReceiveState>) {
        self.streams().map_or((None, None), |streams| {
            (streams.send_state(id), streams.recv_state(id))
        })
    }

    /// Whether there is something that [`Socket::transmit`] would send for the streams, as far as windows permit.
    pub fn wants_to_send(&mut self) -> bool {
        let is_open = self.connection.is_handshaking() || self.connection.is_connected();
        let streams = self.connection.streams_seen().filter(|_| is_open);
        streams.is_some_and(Streams::wants_to_send)
    }

    /// Whether the peer has acknowledged everything that was written.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.connection().is_flushed()
    }

    pub(super) fn streams(&mut self) -> Result<&mut Streams, WriteError> {
        self.connection_mut()
            .streams()
            .map_err(|NotConnected| WriteError::Unknown)
    }
}
