//! What a home that watches a connection asks of its socket: the engine's records, and what some of them only name.

use inquic_engine::trace::Record;
use inquic_platform::Instant;
use inquic_wire::{ConnectionId, TransportParameters};

use super::Socket;

impl Socket {
    /// Begins to note what happens on the connection. `false` when there is no memory for it; the connection goes on without.
    pub fn start_trace(&mut self, now: Instant) -> bool {
        self.connection.start_trace(now)
    }

    /// The oldest thing that was noted and not taken yet. Ask after each call on the socket until there is none.
    pub fn take_record(&mut self) -> Option<Record> {
        self.connection.take_record()
    }

    /// How many things found no room since this was asked last.
    pub fn take_missed(&mut self) -> u32 {
        self.connection.take_missed()
    }

    /// The destination id of the client's very first packet, by which both ends can name the connection.
    #[must_use]
    pub fn original_id(&self) -> ConnectionId {
        self.connection.original_id()
    }

    /// The peer's transport parameters, once they are known.
    #[must_use]
    pub fn peer_parameters(&self) -> Option<TransportParameters> {
        self.connection.peer_parameters()
    }
}
