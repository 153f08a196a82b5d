//! Numbers about a connection, for people and programs that watch it.

use inquic_platform::{Duration, Instant};

use super::Connection;
use super::close::CloseReason;
use crate::counters::{Drop, Drops};
use crate::datagram::{DatagramStats, Datagrams};
use crate::path::{EcnFailures, EcnState};
use crate::trace::What;

/// What a connection has done so far. Sizes are in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// From the first datagram to the complete handshake; zero before that.
    pub handshake: Duration,
    /// The latest round-trip time.
    pub rtt_latest: Duration,
    /// The smoothed round-trip time (RFC 9002 §5.3).
    pub rtt_smoothed: Duration,
    /// The smallest round-trip time.
    pub rtt_min: Duration,
    /// The probe timeout without backoff (RFC 9002 §6.2.1).
    pub pto: Duration,
    /// The congestion window.
    pub congestion_window: u64,
    /// Bytes sent and neither acknowledged nor lost.
    pub bytes_in_flight: u64,
    /// Bytes in the UDP payload of a full packet.
    pub datagram_size: u64,
    /// Packets sent.
    pub packets_sent: u64,
    /// Packets received and opened.
    pub packets_received: u64,
    /// Packets of ours that were declared lost.
    pub packets_lost: u64,
    /// Bytes in UDP payloads sent.
    pub bytes_sent: u64,
    /// Bytes in UDP payloads received.
    pub bytes_received: u64,
    /// Times that congestion halted the window's growth.
    pub congestion_events: u64,
    /// Probe timeouts.
    pub probe_timeouts: u64,
    /// Key updates, begun by either end.
    pub key_updates: u64,
    /// Whether 1-RTT packets go without any protection, which both ends asked for.
    pub in_clear: bool,
    /// Datagrams (RFC 9221).
    pub datagrams: DatagramStats,
    /// Times that the connection went to another path, by itself or after its peer.
    pub migrations: u64,
    /// Paths that are known now, the active one included.
    pub paths: u64,
    /// Validations of a path that failed.
    pub paths_failed: u64,
    /// Packets dropped, by reason.
    pub drops: Drops,
    /// Probes of the path's MTU sent (RFC 8899).
    pub mtu_probes: u64,
    /// Those that were lost, or that the system refused to send.
    pub mtu_probes_lost: u64,
    /// Times that the path ceased to carry a size which it had carried.
    pub mtu_black_holes: u64,
    /// Whether the path carries ECN marks.
    pub ecn: EcnState,
    /// Packets sent with an ECN mark.
    pub ecn_marked: u64,
    /// How often ECN was turned off, by reason.
    pub ecn_failures: EcnFailures,
}

/// What is counted while it happens.
pub(super) struct Counts {
    started: Instant,
    handshake: Duration,
    pub(super) packets_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) migrations: u64,
    pub(super) paths_failed: u64,
    pub(super) drops: Drops,
    pub(super) close_reason: Option<CloseReason>,
}

impl Counts {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            started: now,
            handshake: Duration::ZERO,
            packets_received: 0,
            bytes_sent: 0,
            bytes_received: 0,
            migrations: 0,
            paths_failed: 0,
            drops: Drops::default(),
            close_reason: None,
        }
    }

    pub(super) const fn on_complete(&mut self, now: Instant) {
        self.handshake = now.since(self.started);
    }
}

impl Connection {
    /// What the connection has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let recovery = self.recovery.stats();
        let rtt = self.recovery.rtt();
        let mtu = self.carried.mtu.counts();
        Stats {
            handshake: self.counts.handshake,
            rtt_latest: rtt.latest,
            rtt_smoothed: rtt.smoothed,
            rtt_min: rtt.min,
            pto: self.pto(),
            congestion_window: self.recovery.congestion_window(),
            bytes_in_flight: self.recovery.bytes_in_flight(),
            datagram_size: self.max_datagram as u64,
            packets_sent: recovery.packets_sent,
            packets_received: self.counts.packets_received,
            packets_lost: recovery.packets_lost,
            bytes_sent: self.counts.bytes_sent,
            bytes_received: self.counts.bytes_received,
            congestion_events: recovery.congestion_events,
            probe_timeouts: recovery.ptos,
            key_updates: match &self.keys.one_rtt {
                super::state::OneRttKeys::Ready(keys) => keys.updates(),
                super::state::OneRttKeys::Waiting { .. } => 0,
            },
            in_clear: self.keys.in_clear,
            datagrams: self
                .carried
                .datagrams()
                .map_or_else(DatagramStats::default, Datagrams::stats),
            migrations: self.counts.migrations,
            paths: self.carried.paths.len() as u64,
            paths_failed: self.counts.paths_failed,
            drops: self.counts.drops,
            mtu_probes: mtu.probes,
            mtu_probes_lost: mtu.probes_lost,
            mtu_black_holes: mtu.black_holes,
            ecn: self.ecn.state(),
            ecn_marked: self.ecn.marked(),
            ecn_failures: self.ecn.failures(),
        }
    }

    /// Datagrams that were not even looked into: what is in each counts as one packet.
    pub(super) fn drop_datagrams(&mut self, reason: Drop, datagrams: usize) {
        for _ in 0..datagrams {
            self.drop_packet(reason);
        }
    }

    pub(super) fn drop_packet(&mut self, reason: Drop) {
        self.counts.drops.count(reason);
        self.recovery.trace.note(|| What::Dropped(reason));
    }
}
