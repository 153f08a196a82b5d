//! Numbers about a connection, for people and programs that watch it: the engine's counts in, std's types out.

use std::time::Duration;

use inquic_engine::{Drops, EcnState};

/// What a connection has done so far. Sizes are in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// From the first datagram to the complete handshake; zero before that.
    pub handshake: Duration,
    /// The latest round-trip time.
    pub rtt_latest: Duration,
    /// The smoothed round-trip time (RFC 9002 §5.3).
    pub rtt: Duration,
    /// The smallest round-trip time.
    pub rtt_min: Duration,
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
    /// Packets received and not processed, by reason.
    pub drops: Drops,
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
    /// Whether the packets go without any protection, as both ends asked for; see
    /// [`crate::TransportConfig::insecure_disable_1rtt_encryption`].
    pub in_clear: bool,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Datagrams received and thrown away because the application did not take them.
    pub datagrams_dropped: u64,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Datagrams sent and taken as lost.
    pub datagrams_lost: u64,
    /// Probes of the path's MTU sent (RFC 8899).
    pub mtu_probes: u64,
    /// Those that were lost, or that the system refused to send.
    pub mtu_probes_lost: u64,
    /// Times that the path ceased to carry a size which it had carried.
    pub mtu_black_holes: u64,
    /// Whether the path carries ECN marks, or why not.
    pub ecn: EcnState,
    /// Packets sent with an ECN mark.
    pub ecn_marked: u64,
    /// Times that ECN was turned off.
    pub ecn_failures: u64,
    /// Times that the connection went to another path, by itself or after its peer.
    pub migrations: u64,
    /// Paths that are known now, the one in use included.
    pub paths: u64,
    /// Validations of a path that failed.
    pub paths_failed: u64,
}

impl From<inquic_engine::Stats> for Stats {
    fn from(engine: inquic_engine::Stats) -> Self {
        let inquic_engine::Stats {
            handshake,
            rtt_latest,
            rtt_smoothed,
            rtt_min,
            pto: _,
            congestion_window,
            bytes_in_flight,
            datagram_size,
            packets_sent,
            packets_received,
            packets_lost,
            bytes_sent,
            bytes_received,
            congestion_events,
            probe_timeouts,
            key_updates,
            in_clear,
            datagrams,
            migrations,
            paths,
            paths_failed,
            drops,
            mtu_probes,
            mtu_probes_lost,
            mtu_black_holes,
            ecn,
            ecn_marked,
            ecn_failures,
        } = engine;
        Self {
            handshake: handshake.into(),
            rtt_latest: rtt_latest.into(),
            rtt: rtt_smoothed.into(),
            rtt_min: rtt_min.into(),
            congestion_window,
            bytes_in_flight,
            datagram_size,
            packets_sent,
            packets_received,
            drops,
            packets_lost,
            bytes_sent,
            bytes_received,
            congestion_events,
            probe_timeouts,
            key_updates,
            in_clear,
            datagrams_received: datagrams.received,
            datagrams_dropped: datagrams.dropped,
            datagrams_sent: datagrams.sent,
            datagrams_lost: datagrams.lost,
            mtu_probes,
            mtu_probes_lost,
            mtu_black_holes,
            ecn,
            ecn_marked,
            ecn_failures: ecn_failures.total(),
            migrations,
            paths,
            paths_failed,
        }
    }
}
