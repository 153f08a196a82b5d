//! What an application may choose about its connections: plain values in, the engine's configuration out.

use std::sync::Arc;
use std::time::Duration;

use inquic_engine::recovery::Algorithm;

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

    /// The congestion controller. CUBIC by default.
    pub const fn congestion(mut self, algorithm: Algorithm) -> Self {
        self.engine.algorithm = algorithm;
        self
    }

    /// The round-trip time that is assumed before one was measured. 333 ms by default.
    pub fn initial_rtt(mut self, rtt: Duration) -> Self {
        self.engine.initial_rtt = length(rtt);
        self
    }

    /// Bytes in the UDP payload of a full packet, 1,200 to 9,000. More than the default of 1,200 needs a path that is known
    /// to carry it: 1,452 fits Ethernet.
    pub const fn udp_payload(mut self, bytes: u16) -> Self {
        self.engine.udp_payload = bytes;
        self
    }

    pub(crate) fn engine(&self) -> Arc<inquic_engine::Config> {
        Arc::new(self.engine.clone())
    }
}

fn length(time: Duration) -> inquic_platform::Duration {
    inquic_platform::Duration::from_nanos(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
