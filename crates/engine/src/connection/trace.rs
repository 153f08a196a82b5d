//! What a home that watches a connection asks of it. Records come from where things happen; see [`crate::trace`].

#[cfg(feature = "trace")]
use inquic_platform::Instant;
#[cfg(feature = "trace")]
use inquic_wire::ConnectionId;

use super::Connection;
#[cfg(feature = "trace")]
use crate::trace::Record;
use crate::trace::{Metrics, What, micros};

impl Connection {
    /// What the recovery knows now.
    pub(super) fn note_metrics(&mut self) {
        if !self.recovery.trace.is_on() {
            return;
        }
        let recovery = &self.recovery;
        let rtt = recovery.rtt();
        let metrics = Metrics {
            min_rtt_us: micros(rtt.min),
            smoothed_rtt_us: micros(rtt.smoothed),
            latest_rtt_us: micros(rtt.latest),
            rtt_variance_us: micros(rtt.variance),
            pto_count: u16::try_from(recovery.pto_count()).unwrap_or(u16::MAX),
            congestion_window: recovery.congestion_window(),
            bytes_in_flight: recovery.bytes_in_flight(),
            ssthresh: recovery.ssthresh(),
            ecn: self.ecn.state(),
        };
        self.recovery.trace.note(|| What::Metrics(metrics));
    }
}

#[cfg(feature = "trace")]
impl Connection {
    /// Begins to note what happens; see [`Connection::take_record`]. `false` when there is no memory for it: then nothing is noted,
    /// and the connection goes on.
    ///
    /// Bounds: [`crate::limits::TRACE_RECORDS`] records wait to be taken.
    pub fn start_trace(&mut self, now: Instant) -> bool {
        self.recovery.trace.start(now)
    }

    /// The oldest thing that was noted and not taken yet. Ask after each call on the connection until there is none.
    pub fn take_record(&mut self) -> Option<Record> {
        self.recovery.trace.take()
    }

    /// How many things found no room since this was asked last.
    pub fn take_missed(&mut self) -> u32 {
        self.recovery.trace.take_missed()
    }

    /// The destination id of the client's very first packet, by which both ends can name the connection.
    #[must_use]
    pub fn original_id(&self) -> ConnectionId {
        self.hello.original_id
    }
}
