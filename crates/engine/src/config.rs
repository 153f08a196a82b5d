//! What the application chooses about its connections. Every field has a default that is good on the open internet.

use alloc::sync::Arc;
use core::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use core::ops::Deref;

use inquic_platform::{Duration, Own};
use inquic_wire::{Role, Version, Versions};

use crate::limits;
use crate::path::Mtu;
use crate::recovery::Algorithm;
use crate::stream;

/// Settings shared by all connections that were made with them.
#[derive(Clone, Debug)]
pub struct Config {
    /// The version of a client's first packet. One that the server does not know brings a Version Negotiation packet, and
    /// the client begins again with the first of [`Config::versions`] that the server speaks.
    pub version: Version,
    /// The versions that are spoken, the preferred one first. A server goes over to the first of these that the client
    /// offers, without another round trip (RFC 9368 §2.3); version 1 comes first by default, so that both ends stay with
    /// what every path has seen. A client tells the server its order, which decides nothing.
    pub versions: Versions,
    /// Whether the fixed bit of packets is given random values where the peer allows it, and the peer is allowed to do so
    /// (RFC 9287).
    pub grease_quic_bit: bool,
    /// Whether the peer may say how often it wants acknowledgements, and is asked for fewer while our congestion window is large
    /// (draft-ietf-quic-ack-frequency).
    pub ack_frequency: bool,
    /// Whether the spin bit shows the round-trip time to whoever sees the packets (RFC 9000 §17.4), but on one path in 16.
    pub spin_bit: bool,
    /// A connection on which nothing is received for this long is given up; the peer may ask for less (RFC 9000 §10.1).
    /// Zero asks for none.
    pub idle_timeout: Duration,
    /// Send a PING when nothing else was sent or received for this long, so that the connection stays.
    pub keep_alive: Option<Duration>,
    /// From the first datagram to the confirmed handshake.
    pub handshake_timeout: Duration,
    /// The congestion controller.
    pub algorithm: Algorithm,
    /// The round-trip time assumed before one was measured (RFC 9002 §6.2.2).
    pub initial_rtt: Duration,
    /// Bytes in the UDP payload of the first full packets, 1,200 to 9,000. More than 1,200 needs a path that is known to carry it:
    /// the handshake is made with it. From there on larger sizes are probed (RFC 8899), up to `udp_payload_ceiling`.
    pub udp_payload: u16,
    /// Bytes in the UDP payload of the largest packet that is probed, 1,200 to 9,000, or what Ethernet carries over the family of the
    /// path: 1,472 over IPv4, 1,452 over IPv6. At `udp_payload` or less there is no search. The peer may ask for less.
    pub udp_payload_ceiling: Option<u16>,
    /// How long after a complete search larger packets are tried again, while there is something to send: PMTU_RAISE_TIMER of RFC 8899
    /// §5.1.1, ten minutes by default.
    pub mtu_raise: Duration,
    /// The longest wait before an ACK (RFC 9000 §13.2.1).
    pub max_ack_delay: Duration,
    /// Leave the 1-RTT packets without encryption and without authentication if the peer asks for the same
    /// (draft-banks-quic-disable-encryption): whoever sees them can read, change and forge them. For measurements between machines
    /// that trust everything in between; off by default.
    pub insecure_disable_1rtt_encryption: bool,
    /// The largest DATAGRAM frame that we take, in bytes with its header (RFC 9221 §3); 0 for none, which is the default. 65,535
    /// takes all that fit into packets.
    pub max_datagram_frame_size: u16,
    /// The largest UDP payload that the peer may send, in bytes, 1,200 to 65,527.
    pub max_udp_payload_size: u16,
    /// How many connection ids of the peer are kept, 2 to 8.
    pub active_connection_id_limit: usize,
    /// The scale of the delays in our ACK frames: so many bits less than microseconds, 0 to 20.
    pub ack_delay_exponent: u8,
    /// Tell the peer not to move to another address by itself (RFC 9000 §18.2). Addresses that a NAT changes are followed anyway.
    pub disable_active_migration: bool,
    /// Server: where it would rather be reached, over IPv4 (RFC 9000 §9.6). The home must receive there.
    pub preferred_v4: Option<SocketAddrV4>,
    /// Server: where it would rather be reached, over IPv6.
    pub preferred_v6: Option<SocketAddrV6>,
    /// Streams, windows and buffers. The role in it is set by the endpoint.
    pub streams: stream::Config,
}

/// What is asked of a configuration with every packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckDelay {
    /// The longest wait before an ACK.
    pub(crate) max: Duration,
    /// The scale of the delays in ACK frames.
    pub(crate) exponent: u8,
}

/// A configuration as a connection has it. Whoever can do without memory has each connection have its own, since making what is
/// shared cannot fail; whoever shares it made it before.
#[derive(Debug)]
pub enum Settings {
    /// One for many.
    Shared(Arc<Config>),
    /// Its own.
    Own(Own<Config>),
}

impl Settings {
    /// A connection's own; `None` when there is no memory for it.
    #[inline(never)]
    #[must_use]
    pub fn own(config: &Config) -> Option<Self> {
        Own::new(config.clone()).map(Self::Own)
    }

    /// The same for another connection; `None` when there is no memory for it.
    #[must_use]
    pub fn again(&self) -> Option<Self> {
        match self {
            Self::Shared(config) => Some(Self::Shared(Arc::clone(config))),
            Self::Own(config) => Self::own(config),
        }
    }

    /// What is changed here is changed for this connection alone; `None`, and nothing can be, when there is no memory for that.
    pub(crate) fn as_own(&mut self) -> Option<&mut Config> {
        if let Self::Shared(config) = self {
            *self = Self::own(config)?;
        }
        match self {
            Self::Own(config) => Some(config),
            Self::Shared(_) => None,
        }
    }
}

impl Deref for Settings {
    type Target = Config;

    #[inline]
    fn deref(&self) -> &Config {
        match self {
            Self::Shared(config) => config,
            Self::Own(config) => config,
        }
    }
}

impl From<Arc<Config>> for Settings {
    fn from(config: Arc<Config>) -> Self {
        Self::Shared(config)
    }
}

impl From<&Arc<Config>> for Settings {
    fn from(config: &Arc<Config>) -> Self {
        Self::Shared(Arc::clone(config))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: Version::V1,
            versions: Versions::KNOWN,
            grease_quic_bit: true,
            ack_frequency: true,
            spin_bit: false,
            idle_timeout: Duration::from_secs(30),
            keep_alive: None,
            handshake_timeout: limits::HANDSHAKE_TIMEOUT,
            algorithm: Algorithm::Cubic,
            initial_rtt: Duration::from_millis(333),
            udp_payload: 1_200,
            udp_payload_ceiling: None,
            mtu_raise: limits::MTU_RAISE,
            max_ack_delay: Duration::from_millis(25),
            insecure_disable_1rtt_encryption: false,
            max_datagram_frame_size: 0,
            max_udp_payload_size: limits::UDP_PAYLOAD,
            active_connection_id_limit: limits::CIDS,
            ack_delay_exponent: 3,
            disable_active_migration: false,
            preferred_v4: None,
            preferred_v6: None,
            streams: stream::Config::new(Role::Client),
        }
    }
}

impl Config {
    /// What is asked of it with every packet.
    pub(crate) const fn ack_delay(&self) -> AckDelay {
        AckDelay {
            max: self.max_ack_delay,
            exponent: self.ack_delay_exponent,
        }
    }

    /// How many connection ids of the peer are kept.
    pub(crate) fn ids_kept(&self) -> usize {
        self.active_connection_id_limit.clamp(2, limits::CIDS_MAX)
    }

    /// The versions that a connection may come to use: those of the list whose packets we can read.
    pub(crate) fn speaks(&self, version: Version) -> bool {
        version.is_known() && self.versions.contains(version)
    }

    /// The shortest delay of acknowledgements that the peer may ask for, in microseconds.
    pub(crate) fn min_ack_delay_us(&self) -> Option<u64> {
        let longest = self.max_ack_delay.as_millis().saturating_mul(1_000);
        self.ack_frequency
            .then_some(limits::MIN_ACK_DELAY_US.min(longest))
    }

    /// The search for the MTU of a path to `remote`.
    pub(crate) fn mtu(&self, remote: SocketAddr) -> Mtu {
        Mtu::new(self.udp_payload, self.ceiling(remote)).raised_after(self.mtu_raise)
    }

    /// The largest UDP payload that is probed on a path to `remote`.
    pub(crate) fn ceiling(&self, remote: SocketAddr) -> u16 {
        self.udp_payload_ceiling.unwrap_or(match remote {
            SocketAddr::V4(_) => limits::ETHERNET_IPV4,
            SocketAddr::V6(_) => limits::ETHERNET_IPV6,
        })
    }
}
