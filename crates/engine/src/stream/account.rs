//! What the streams of a connection hold and have done: memory, windows and counts out; memory that is not needed given back.

use inquic_wire::Direction;

use super::Streams;
use super::receive::ReceiveHalf;
use super::send::SendHalf;
use super::types::Stats;

impl Streams {
    /// Whether there is unused memory that is worth a call of [`Streams::shrink`].
    #[must_use]
    pub const fn has_surplus(&self) -> bool {
        self.send_pool.has_surplus() || self.receive_pool.has_surplus() || self.slab.has_surplus()
    }

    /// Gives unused memory back; for a connection that has become idle.
    pub fn shrink(&mut self) {
        self.send_pool.shrink();
        self.receive_pool.shrink();
        self.slab.shrink();
        if self.slab.len() == 0 {
            self.fresh.shrink();
            self.owed.shrink();
        }
        for direction in Direction::ALL {
            self.local.get_mut(direction).table.shrink();
            self.remote.get_mut(direction).table.shrink();
        }
    }

    /// How far the peer may send ahead of the readers of all streams.
    #[must_use]
    pub const fn receive_window(&self) -> u64 {
        self.window.size()
    }

    /// Bytes of memory for received data and for written data, with the records of streams of whoever opened them and with what is
    /// kept to be used again. It looks at no stream.
    #[must_use]
    pub fn charged(&self) -> [usize; 2] {
        [self.receive_pool.charged(), self.send_pool.charged()]
    }

    /// Bytes of memory that the streams take, with this record.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        let tables: usize = Direction::ALL
            .into_iter()
            .map(|direction| {
                let local = self.local.get(direction).table.allocated_bytes();
                local.saturating_add(self.remote.get(direction).table.allocated_bytes())
            })
            .sum();
        let buffers: usize = self
            .slab
            .iter()
            .map(|stream| {
                let send = stream.send.as_ref().map_or(0, SendHalf::allocated_bytes);
                let receive = stream
                    .receive
                    .as_ref()
                    .map_or(0, ReceiveHalf::allocated_bytes);
                send.saturating_add(receive)
            })
            .sum();
        [
            size_of::<Self>(),
            tables,
            buffers,
            self.slab.allocated_bytes(),
            self.fresh.allocated_bytes(),
            self.owed.allocated_bytes(),
            self.levels.allocated_bytes(),
            self.send_pool.allocated_bytes(),
            self.receive_pool.allocated_bytes(),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    /// Whether the peer has everything that was written.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        let mut halves = self.slab.iter().filter_map(|stream| stream.send.as_ref());
        halves.all(SendHalf::is_flushed)
    }

    /// Counts since the connection began.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            open: self.slab.len() as u64,
            opened_local: self
                .local
                .bidirectional
                .next
                .saturating_add(self.local.unidirectional.next),
            opened_remote: self
                .remote
                .bidirectional
                .opened
                .saturating_add(self.remote.unidirectional.opened),
            bytes_sent: self.credit.used(),
            ..self.stats
        }
    }
}
