//! What an application may choose about its connections: plain values in, the engine's configuration out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use inquic_engine::recovery::Algorithm;
use inquic_engine::stream::Window;
use inquic_wire::{Version, Versions};

/// Settings of the transport, for [`crate::ConnectionBuilder::config`] and [`crate::ListenerBuilder::config`]. Every one has a
/// default that is good on the open internet.
///
/// ```
/// use std::time::Duration;
/// let config = inquic::TransportConfig::default()
///     .idle_timeout(Duration::from_secs(60))
///     .keep_alive(Duration::from_secs(20));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct TransportConfig {
    engine: inquic_engine::Config,
}

impl TransportConfig {
    /// A connection on which nothing is received for this long is given up; the peer may ask for less. 30 s by default.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.engine.idle_timeout = length(timeout);
        self
    }

    /// Sends a PING when the connection was silent for this long, so that it stays. Off by default.
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.engine.keep_alive = Some(length(interval));
        self
    }

    /// How long a handshake may take. 10 s by default.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.engine.handshake_timeout = length(timeout);
        self
    }

    /// The congestion controller. CUBIC by default; BBR keeps its speed on paths that lose packets without being full, and queues
    /// short.
    pub const fn congestion(mut self, algorithm: Algorithm) -> Self {
        self.engine.algorithm = algorithm;
        self
    }

    /// The round-trip time that is assumed before one was measured. 333 ms by default.
    pub fn initial_rtt(mut self, rtt: Duration) -> Self {
        self.engine.initial_rtt = length(rtt);
        self
    }

    /// Bytes in the UDP payload of the first full packets, 1,200 to 9,000; what is beyond is cut. More than the default of 1,200
    /// needs a path that is known to carry it: 1,452 fits Ethernet. Larger sizes are searched for while data flows, see
    /// [`TransportConfig::udp_payload_ceiling`].
    pub const fn udp_payload(mut self, bytes: u16) -> Self {
        self.engine.udp_payload = bytes;
        self
    }

    /// Bytes in the UDP payload of the largest packet that the search for the path's MTU tries (RFC 8899), 1,200 to 9,000; what
    /// is beyond is cut. Without a word what Ethernet carries: 1,472 over IPv4, 1,452 over IPv6. With as many as
    /// [`TransportConfig::udp_payload`] or fewer there is no search.
    pub const fn udp_payload_ceiling(mut self, bytes: u16) -> Self {
        self.engine.udp_payload_ceiling = Some(bytes);
        self
    }

    /// How many bytes of one stream, and of all streams together, the peer may have on its way to us at most. Windows begin
    /// small and grow to this as the network's speed needs it. 8 MiB and 16 MiB by default.
    pub const fn receive_windows(mut self, stream: u64, connection: u64) -> Self {
        self.engine.streams.stream_window = at_most(self.engine.streams.stream_window, stream);
        self.engine.streams.connection_window =
            at_most(self.engine.streams.connection_window, connection);
        self
    }

    /// How many streams the peer may have open at once at most, in both directions and in its own only. 256 of each by default. It
    /// may have as many as its receive window pays for: one for every 1,440 bytes of the connection's window as it is at the time and
    /// 14 more, half of them of each kind unless the other kind wants fewer; 143 of each to begin with.
    pub const fn max_streams(mut self, bidirectional: u64, unidirectional: u64) -> Self {
        self.engine.streams.max_streams_bidi = bidirectional;
        self.engine.streams.max_streams_uni = unidirectional;
        self
    }

    /// How many bytes may be written to one stream, and to all together, and not yet have arrived. A sixteenth of the second is for
    /// what is known of packets on their way, and half of it at most for streams that we have open, at 288 bytes each. 1 MiB and
    /// 2,240 KiB by default.
    pub const fn send_buffers(mut self, stream: usize, connection: usize) -> Self {
        self.engine.streams.stream_send_buffer = stream;
        self.engine.streams.send_buffer = connection;
        self
    }

    /// Whether the peer may send datagrams (RFC 9221), which come out of `recv_datagram`. Off by default, and of no meaning
    /// for what we send.
    pub const fn datagrams(mut self, on: bool) -> Self {
        self.engine.max_datagram_frame_size = if on { u16::MAX } else { 0 };
        self
    }

    /// The versions of QUIC that are spoken, the preferred one first; of those that are not known, and of none, nothing
    /// changes. Version 1, then version 2 (RFC 9369) by default.
    ///
    /// A server goes over to the first of these that the client offers, which costs no round trip. A client begins with
    /// version 1 if it is among them, since every server speaks it, and tells the server the others.
    pub fn versions(mut self, versions: impl IntoIterator<Item = Version>) -> Self {
        let known = versions.into_iter().filter(|version| version.is_known());
        let mut list = Versions::empty();
        for version in known {
            list.push(version);
        }
        let common = |version| version == Version::V1;
        if let Some(first) = list.first(common).or_else(|| list.first(|_| true)) {
            self.engine.version = first;
            self.engine.versions = list;
        }
        self
    }

    /// Whether the one bit in packets that used to have a fixed value may have any (RFC 9287), so that nothing on the way
    /// comes to rely on it. Only between ends that both want it; on by default.
    pub const fn grease_quic_bit(mut self, grease: bool) -> Self {
        self.engine.grease_quic_bit = grease;
        self
    }

    /// Whether one bit in packets shows the round-trip time to whoever sees them (RFC 9000 §17.4). Off by default; when it is
    /// on, one connection in 16 leaves it off all the same.
    pub const fn spin_bit(mut self, spin: bool) -> Self {
        self.engine.spin_bit = spin;
        self
    }

    /// Asks the peer not to move to another address by itself. Addresses that a NAT changes are followed anyway. Off by default.
    pub const fn disable_active_migration(mut self, disable: bool) -> Self {
        self.engine.disable_active_migration = disable;
        self
    }

    /// **Insecure.** Leaves everything after the handshake without encryption and without authentication if the peer asks for the same
    /// (draft-banks-quic-disable-encryption): whoever is on the way can read, change and forge it. It is for measuring what
    /// protection costs, between machines that trust everything in between. [`crate::Stats::in_clear`] says whether it is so. Off by
    /// default, and nothing but this call turns it on.
    pub const fn insecure_disable_1rtt_encryption(mut self) -> Self {
        self.engine.insecure_disable_1rtt_encryption = true;
        self
    }

    /// The engine's configuration of a server that would rather be reached elsewhere.
    pub(crate) fn with_preferred(&self, addresses: &[SocketAddr]) -> Arc<inquic_engine::Config> {
        let mut engine = self.engine.clone();
        for address in addresses {
            match address {
                SocketAddr::V4(v4) => engine.preferred_v4 = Some(*v4),
                SocketAddr::V6(v6) => engine.preferred_v6 = Some(*v6),
            }
        }
        Arc::new(engine)
    }

    pub(crate) fn engine(&self) -> Arc<inquic_engine::Config> {
        Arc::new(self.engine.clone())
    }
}

/// A window that grows to `ceiling` at most, and begins no higher.
const fn at_most(window: Window, ceiling: u64) -> Window {
    let initial = if window.initial < ceiling {
        window.initial
    } else {
        ceiling
    };
    Window { initial, ceiling }
}

fn length(time: Duration) -> inquic_platform::Duration {
    inquic_platform::Duration::from_nanos(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
