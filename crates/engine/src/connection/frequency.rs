//! How often we ask the peer to acknowledge (draft-ietf-quic-ack-frequency): congestion window and round-trip time in,
//! ACK_FREQUENCY frames out. Never for a peer that does not take them, and never so seldom that a window stands still.

use inquic_platform::Duration;
use inquic_wire::frame::write_ack_frequency;
use inquic_wire::{AckFrequency, Writer};

use crate::limits;

/// What we ask of the peer.
#[derive(Default)]
pub(super) struct Frequency {
    /// The shortest and the longest delay that it can be asked for, in microseconds. Absent when it takes no such frames.
    delays_us: Option<(u64, u64)>,
    /// Packets without an acknowledgement, as last asked for; 0 when nothing was.
    threshold: u64,
    max_ack_delay_us: u64,
    /// Frames asked for so far.
    asked: u64,
    pending: bool,
}

impl Frequency {
    /// The peer's transport parameters allow delays between these.
    pub(super) const fn allow(&mut self, shortest_us: u64, longest_us: u64) {
        self.delays_us = Some((shortest_us, longest_us));
    }

    /// Whether the peer takes our wishes.
    pub(super) const fn is_allowed(&self) -> bool {
        self.delays_us.is_some()
    }

    /// Whether fewer acknowledgements than usual were asked for.
    pub(super) const fn is_lowered(&self) -> bool {
        self.threshold > 1
    }

    /// Asks anew when the window has come to be half or twice what the last wish was made for.
    pub(super) fn review(&mut self, window_packets: u64, smoothed_rtt: Duration) {
        let Some((shortest, longest)) = self.delays_us else {
            return;
        };
        let wanted = window_packets
            .checked_div(limits::ACKS_PER_WINDOW)
            .unwrap_or(1)
            .clamp(1, limits::ACK_THRESHOLD);
        let now = self.threshold.max(1);
        let first = self.threshold == 0 && wanted < limits::ACK_THRESHOLD_MIN;
        if first || wanted < now.saturating_mul(2) && now < wanted.saturating_mul(2) {
            return;
        }
        // An acknowledgement four times in a round trip, when packets are too few for the threshold.
        let quarter = smoothed_rtt.as_micros() >> 2;
        self.max_ack_delay_us = quarter.min(longest).max(shortest);
        self.threshold = wanted;
        self.asked = self.asked.saturating_add(1);
        self.pending = true;
    }

    pub(super) const fn wants_to_send(&self) -> bool {
        self.pending
    }

    /// Writes the frame, if it is wanted and fits; gives its number.
    pub(super) fn write(&mut self, writer: &mut Writer<'_>, reordering: u64) -> Option<u64> {
        if !self.pending {
            return None;
        }
        let frame = AckFrequency {
            sequence: self.asked.saturating_sub(1),
            threshold: self.threshold,
            max_ack_delay_us: self.max_ack_delay_us,
            reordering,
        };
        write_ack_frequency(writer, &frame).ok()?;
        self.pending = false;
        Some(frame.sequence)
    }

    /// The frame with this number was lost: it goes again, unless a later one says something else.
    pub(super) fn on_lost(&mut self, sequence: u64) {
        self.pending |= sequence.saturating_add(1) == self.asked;
    }
}

#[cfg(test)]
mod tests;
