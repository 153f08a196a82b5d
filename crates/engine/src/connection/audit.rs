//! What a connection holds and waits for, for whoever checks it from outside: a simulator, a fuzzer. Nothing is changed here,
//! and nothing is told that could not be counted by hand.

use inquic_platform::{Duration, Instant};
use inquic_wire::{Level, Space};

use super::Connection;
use crate::datagram::Datagrams;
use crate::space::Received;
use crate::stream::Streams;

/// What a connection holds and waits for at one moment. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Bytes that count against the congestion window.
    pub in_flight: u64,
    /// The same, summed up over the packets whose fate is open.
    pub in_flight_by_packet: u64,
    /// Whether a packet that the peer has to acknowledge is neither acknowledged nor lost.
    pub unacknowledged: bool,
    /// Whether there is something besides acknowledgements to send, in a space whose keys are there.
    pub wants_to_send: bool,
    /// Whether an address that is not validated yet has been sent all that it may be sent.
    pub is_limited: bool,
    /// When the connection goes on by itself if it hears nothing: a loss, a probe, an acknowledgement, pacing. Without the
    /// deadlines that only end it.
    pub progress_at: Option<Instant>,
    /// Silence after which the connection is given up, as of now.
    pub idle_timeout: Option<Duration>,
    /// Packets sent that are remembered, of all spaces.
    pub sent_packets: usize,
    /// Packets kept until their keys come.
    pub held_packets: usize,
    /// Streams that are alive.
    pub open_streams: u64,
    /// The connection's receive window at present, in bytes.
    pub receive_window: u64,
    /// Bytes that streams, datagrams, received handshake messages and recovery say they hold on the heap.
    pub charged: usize,
}

impl Connection {
    /// What the connection holds and waits for. Walks every packet in flight and every stream.
    #[must_use]
    pub fn audit(&self) -> Audit {
        let open = self.is_open();
        let wants =
            |level: Level| self.keys.can_seal(level) && self.carried.wants_to_send(level.space());
        let streams = self.carried.streams();
        let heap = streams.map_or(0, Streams::allocated_bytes);
        let datagrams = self.carried.datagrams();
        Audit {
            in_flight: self.recovery.bytes_in_flight(),
            in_flight_by_packet: self.recovery.bytes_in_logs(),
            unacknowledged: open
                && Space::ALL
                    .into_iter()
                    .any(|space| self.recovery.in_flight_ack_eliciting(space)),
            wants_to_send: open
                && [Level::Initial, Level::Handshake, Level::OneRtt]
                    .into_iter()
                    .any(wants),
            is_limited: self.carried.paths.active().budget() < self.max_datagram as u64,
            progress_at: self.progress_deadline(),
            idle_timeout: self.idle_timeout(),
            sent_packets: self.recovery.packets_in_logs(),
            held_packets: self.held.len(),
            open_streams: streams.map_or(0, |streams| streams.stats().open),
            receive_window: streams.map_or(
                self.config.streams.connection_window.initial,
                Streams::receive_window,
            ),
            charged: heap
                .saturating_sub(size_of::<Streams>())
                .saturating_add(datagrams.map_or(0, Datagrams::allocated_bytes))
                .saturating_add(self.hello.held())
                .saturating_add(self.recovery.allocated_bytes()),
        }
    }

    /// The earliest of the deadlines at which something is sent or found lost.
    fn progress_deadline(&self) -> Option<Instant> {
        let acknowledgement = self
            .carried
            .received
            .get(Space::Application.index())
            .and_then(Received::deadline);
        [self.recovery.deadline(), acknowledgement, self.pace_at]
            .into_iter()
            .flatten()
            .min()
    }
}
