//! What somebody outside may want to know of streams and their bytes. Nothing changes by it.

use inquic_wire::{Direction, StreamId};

use super::Streams;
use super::state::ReceiveState;
use super::types::{Read, ReadError};

impl Streams {
    /// As [`Streams::read`], and leaves the bytes where they are.
    ///
    /// # Errors
    ///
    /// As [`Streams::read`].
    pub fn peek(&self, id: StreamId, out: &mut [u8]) -> Result<Read, ReadError> {
        let stream = self.find(id).ok_or(ReadError::Unknown)?;
        let half = stream.receive.as_ref().ok_or(ReadError::Unknown)?;
        match half.state {
            _ if half.stopped => Err(ReadError::Stopped),
            ReceiveState::ResetRecvd | ReceiveState::ResetRead => {
                Err(ReadError::Reset(half.code()))
            }
            ReceiveState::DataRead => Ok(Read {
                bytes: 0,
                fin: true,
            }),
            _ if !half.is_readable() => Err(ReadError::Blocked),
            ReceiveState::Recv | ReceiveState::SizeKnown | ReceiveState::DataRecvd => {
                let (bytes, fin) = half.peek(out);
                Ok(Read { bytes, fin })
            }
        }
    }

    /// Bytes of memory that all senders together may still fill.
    #[must_use]
    pub fn send_room(&self) -> usize {
        self.send_pool.room()
    }

    /// The streams that the application knows and can read bytes or the end from; it takes a look at each stream.
    pub fn readable_streams(&self) -> impl Iterator<Item = StreamId> {
        let accepted = self.slab.iter().filter(|stream| stream.accepted);
        let readable = accepted.filter(|stream| {
            let half = stream.receive.as_ref().filter(|half| !half.stopped);
            half.is_some_and(|half| half.state != ReceiveState::ResetRecvd && half.is_readable())
        });
        readable.map(|stream| stream.id)
    }

    /// Whether [`Streams::accept`] would give a stream if there is memory.
    #[must_use]
    pub fn has_incoming(&self, direction: Direction) -> bool {
        let remote = self.remote.get(direction);
        remote.accepted < remote.opened
    }

    /// Bytes that can be read, of all streams.
    #[must_use]
    pub fn bytes_to_read(&self) -> u64 {
        self.slab
            .iter()
            .filter_map(|stream| stream.receive.as_ref())
            .fold(0, |sum, half| sum.saturating_add(half.unread()))
    }

    /// Bytes that were written and not acknowledged, of all streams.
    #[must_use]
    pub fn bytes_to_arrive(&self) -> u64 {
        self.slab
            .iter()
            .filter_map(|stream| stream.send.as_ref())
            .fold(0, |sum, half| sum.saturating_add(half.unacknowledged()))
    }

    /// Bytes that were written and never sent, of all streams.
    #[must_use]
    pub fn bytes_to_send(&self) -> u64 {
        self.slab
            .iter()
            .filter_map(|stream| stream.send.as_ref())
            .fold(0, |sum, half| sum.saturating_add(half.unsent()))
    }

    /// The priority of a stream; 0 of one that there is not.
    #[must_use]
    pub fn priority(&self, id: StreamId) -> i32 {
        self.find(id).map_or(0, |stream| stream.priority)
    }

    /// How many bytes of a stream the peer lets us send in all, as far as it has told.
    #[must_use]
    pub fn limit_of(&self, id: StreamId) -> Option<u64> {
        Some(self.find(id)?.send.as_ref()?.limit())
    }

    /// How far a stream of ours has been sent: its final size, once it was reset.
    #[must_use]
    pub fn sent_of(&self, id: StreamId) -> Option<u64> {
        let (_, size) = self.find(id)?.send.as_ref()?.reset_frame();
        Some(size)
    }

    /// How many streams the peer lets us open in all.
    #[must_use]
    pub const fn limit_of_streams(&self, direction: Direction) -> u64 {
        self.local.get(direction).limit
    }
}
