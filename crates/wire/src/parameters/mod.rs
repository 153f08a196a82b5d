//! Transport parameters (RFC 9000 §18): in comes the TLS extension of a peer, out come values that are in range, and the
//! other way about. What is missing and what does not match the handshake is judged by the engine (§7.3).

mod read;
mod write;

use core::net::{SocketAddrV4, SocketAddrV6};

use crate::{id::ConnectionId, versions::VersionInformation};

/// What one endpoint declares to the other. The default is what an endpoint means that declares nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportParameters {
    /// The destination of the client's first Initial packet. Only a server declares it.
    pub original_destination_connection_id: Option<ConnectionId>,
    /// The connection is forgotten after this much silence; 0 for never.
    pub max_idle_timeout_ms: u64,
    /// The token that resets the connection while the first id is in use. Only a server declares it.
    pub stateless_reset_token: Option<[u8; 16]>,
    /// The largest UDP payload that the endpoint takes, in bytes, at least 1,200.
    pub max_udp_payload_size: u64,
    /// The bytes that the peer may send on all streams.
    pub initial_max_data: u64,
    /// The bytes that the peer may send on a bidirectional stream that this endpoint opens.
    pub initial_max_stream_data_bidi_local: u64,
    /// The bytes that the peer may send on a bidirectional stream that it opens.
    pub initial_max_stream_data_bidi_remote: u64,
    /// The bytes that the peer may send on a unidirectional stream.
    pub initial_max_stream_data_uni: u64,
    /// The bidirectional streams that the peer may open, at most 2^60.
    pub initial_max_streams_bidi: u64,
    /// The unidirectional streams that the peer may open, at most 2^60.
    pub initial_max_streams_uni: u64,
    /// The power of two that the delay in the endpoint's ACK frames is scaled by, at most 20.
    pub ack_delay_exponent: u8,
    /// The longest that the endpoint delays an acknowledgement, below 2^14.
    pub max_ack_delay_ms: u16,
    /// The peer must not change its address.
    pub disable_active_migration: bool,
    /// Where the server would rather be reached. Only a server declares it.
    pub preferred_address: Option<PreferredAddress>,
    /// The connection ids of the peer that the endpoint keeps, at least 2.
    pub active_connection_id_limit: u64,
    /// The source of the endpoint's first Initial packet.
    pub initial_source_connection_id: Option<ConnectionId>,
    /// The source of the server's Retry packet. Only a server declares it.
    pub retry_source_connection_id: Option<ConnectionId>,
    /// The largest DATAGRAM frame that the endpoint takes, in bytes (RFC 9221); 0 for none.
    pub max_datagram_frame_size: u64,
    /// The endpoint takes packets whose fixed bit is 0 (RFC 9287).
    pub grease_quic_bit: bool,
    /// The endpoint wants 1-RTT packets without any protection, for measurements (draft-banks-quic-disable-encryption).
    pub disable_1rtt_encryption: bool,
    /// The versions that the endpoint speaks, and the one in use (RFC 9368).
    pub version_information: Option<VersionInformation>,
    /// The shortest delay, in microseconds, that the endpoint can be asked to hold acknowledgements back for; it takes
    /// ACK_FREQUENCY and IMMEDIATE_ACK frames (draft-ietf-quic-ack-frequency). At most its `max_ack_delay_ms`.
    pub min_ack_delay_us: Option<u64>,
    /// A parameter without meaning to be written too. Never read.
    pub grease: Option<Grease>,
}

/// A parameter that a peer must skip (RFC 9000 §18.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grease {
    id: u64,
    value: [u8; Self::VALUE_MAX],
    len: u8,
}

impl Grease {
    /// The longest value.
    pub const VALUE_MAX: usize = 15;
    /// Random bytes that one is made from: four for the number, one for the length, and the content.
    pub const RANDOM: usize = 5 + Self::VALUE_MAX;

    /// A parameter whose number, length and content follow from random bytes.
    #[must_use]
    pub const fn from_random(random: [u8; Self::RANDOM]) -> Self {
        let [a, b, c, d, len, value @ ..] = random;
        //= RFC 9000 §18.1: Transport parameters with an identifier of the form 31 * N + 27 for integer values of N are
        //= reserved to exercise the requirement that unknown transport parameters be ignored.
        let n = u32::from_le_bytes([a, b, c, d]) as u64;
        Self {
            id: n.wrapping_mul(31).wrapping_add(27),
            value,
            len: len & 0x0f,
        }
    }
}

impl TransportParameters {
    /// Whether no limit is below those that a client remembers and that its 0-RTT packets may have used (RFC 9000 §7.4.1, RFC
    /// 9221 §3).
    #[must_use]
    pub fn keeps(&self, remembered: &Self) -> bool {
        self.early_limits()
            .into_iter()
            .zip(remembered.early_limits())
            .all(|(now, then)| now >= then)
    }

    /// The limits that 0-RTT packets may use.
    #[must_use]
    pub const fn early_limits(&self) -> [u64; EARLY_LIMITS] {
        [
            self.active_connection_id_limit,
            self.initial_max_data,
            self.initial_max_stream_data_bidi_local,
            self.initial_max_stream_data_bidi_remote,
            self.initial_max_stream_data_uni,
            self.initial_max_streams_bidi,
            self.initial_max_streams_uni,
            self.max_datagram_frame_size,
        ]
    }
}

/// How many limits 0-RTT packets may use.
pub const EARLY_LIMITS: usize = 8;

/// Where a server would rather be reached, and the connection id to use there (RFC 9000 §18.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreferredAddress {
    /// The address over IPv4, if any.
    pub v4: Option<SocketAddrV4>,
    /// The address over IPv6, if any.
    pub v6: Option<SocketAddrV6>,
    /// The connection id of sequence number 1; not empty.
    pub id: ConnectionId,
    /// The token that resets a connection using it.
    pub reset_token: [u8; 16],
}

impl Default for TransportParameters {
    fn default() -> Self {
        Self {
            original_destination_connection_id: None,
            max_idle_timeout_ms: 0,
            stateless_reset_token: None,
            max_udp_payload_size: DEFAULT_MAX_UDP_PAYLOAD_SIZE,
            initial_max_data: 0,
            initial_max_stream_data_bidi_local: 0,
            initial_max_stream_data_bidi_remote: 0,
            initial_max_stream_data_uni: 0,
            initial_max_streams_bidi: 0,
            initial_max_streams_uni: 0,
            ack_delay_exponent: DEFAULT_ACK_DELAY_EXPONENT,
            max_ack_delay_ms: DEFAULT_MAX_ACK_DELAY_MS,
            disable_active_migration: false,
            preferred_address: None,
            active_connection_id_limit: DEFAULT_ACTIVE_CONNECTION_ID_LIMIT,
            initial_source_connection_id: None,
            retry_source_connection_id: None,
            max_datagram_frame_size: 0,
            grease_quic_bit: false,
            disable_1rtt_encryption: false,
            version_information: None,
            min_ack_delay_us: None,
            grease: None,
        }
    }
}

const DEFAULT_MAX_UDP_PAYLOAD_SIZE: u64 = 65_527;
const DEFAULT_ACK_DELAY_EXPONENT: u8 = 3;
const DEFAULT_MAX_ACK_DELAY_MS: u16 = 25;
const DEFAULT_ACTIVE_CONNECTION_ID_LIMIT: u64 = 2;

/// The numbers of the parameters.
mod ids {
    pub(super) const ORIGINAL_DESTINATION_CONNECTION_ID: u64 = 0x00;
    pub(super) const MAX_IDLE_TIMEOUT: u64 = 0x01;
    pub(super) const STATELESS_RESET_TOKEN: u64 = 0x02;
    pub(super) const MAX_UDP_PAYLOAD_SIZE: u64 = 0x03;
    pub(super) const INITIAL_MAX_DATA: u64 = 0x04;
    pub(super) const INITIAL_MAX_STREAM_DATA_BIDI_LOCAL: u64 = 0x05;
    pub(super) const INITIAL_MAX_STREAM_DATA_BIDI_REMOTE: u64 = 0x06;
    pub(super) const INITIAL_MAX_STREAM_DATA_UNI: u64 = 0x07;
    pub(super) const INITIAL_MAX_STREAMS_BIDI: u64 = 0x08;
    pub(super) const INITIAL_MAX_STREAMS_UNI: u64 = 0x09;
    pub(super) const ACK_DELAY_EXPONENT: u64 = 0x0a;
    pub(super) const MAX_ACK_DELAY: u64 = 0x0b;
    pub(super) const DISABLE_ACTIVE_MIGRATION: u64 = 0x0c;
    pub(super) const PREFERRED_ADDRESS: u64 = 0x0d;
    pub(super) const ACTIVE_CONNECTION_ID_LIMIT: u64 = 0x0e;
    pub(super) const INITIAL_SOURCE_CONNECTION_ID: u64 = 0x0f;
    pub(super) const RETRY_SOURCE_CONNECTION_ID: u64 = 0x10;
    pub(super) const VERSION_INFORMATION: u64 = 0x11;
    pub(super) const MAX_DATAGRAM_FRAME_SIZE: u64 = 0x20;
    pub(super) const GREASE_QUIC_BIT: u64 = 0x2ab2;
    pub(super) const DISABLE_1RTT_ENCRYPTION: u64 = 0xbaad;
    pub(super) const MIN_ACK_DELAY: u64 = 0xff04_de1b;
}

#[cfg(test)]
mod tests;
