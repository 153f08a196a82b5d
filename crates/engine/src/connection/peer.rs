//! The peer's transport parameters in as little memory as they need: in they come checked, out they go whole again. What the handshake
//! has proved to be what the connection knows anyhow is not kept twice, and what only a server says is apart.

use inquic_platform::Own;
use inquic_wire::{PreferredAddress, Role, TransportParameters, VersionInformation};

use super::hello::Hello;

/// What the peer has declared; before that, what an endpoint means that declares nothing.
pub(super) struct Peer {
    pub(super) max_idle_timeout_ms: u64,
    pub(super) max_udp_payload_size: u64,
    pub(super) active_connection_id_limit: u64,
    initial_max_data: u64,
    initial_max_stream_data_bidi_local: u64,
    initial_max_stream_data_bidi_remote: u64,
    initial_max_stream_data_uni: u64,
    initial_max_streams_bidi: u64,
    initial_max_streams_uni: u64,
    max_datagram_frame_size: u64,
    min_ack_delay_us: Option<u64>,
    version_information: Option<VersionInformation>,
    max_ack_delay_ms: u16,
    pub(super) ack_delay_exponent: u8,
    pub(super) disable_active_migration: bool,
    grease_quic_bit: bool,
    disable_1rtt_encryption: bool,
    server: Option<Own<OfServer>>,
}

/// What only a server declares.
struct OfServer {
    stateless_reset_token: Option<[u8; 16]>,
    preferred_address: Option<PreferredAddress>,
}

impl Peer {
    /// Nothing is known yet.
    pub(super) fn unknown() -> Self {
        Self::of(&TransportParameters::default())
    }

    /// Keeps what was checked against the handshake; `None` when there is no memory for it.
    pub(super) fn known(parameters: &TransportParameters) -> Option<Self> {
        let TransportParameters {
            stateless_reset_token,
            preferred_address,
            ..
        } = *parameters;
        let server = if stateless_reset_token.is_some() || preferred_address.is_some() {
            let server = OfServer {
                stateless_reset_token,
                preferred_address,
            };
            Some(Own::new(server)?)
        } else {
            None
        };
        Some(Self {
            server,
            ..Self::of(parameters)
        })
    }

    fn of(parameters: &TransportParameters) -> Self {
        Self {
            max_idle_timeout_ms: parameters.max_idle_timeout_ms,
            max_udp_payload_size: parameters.max_udp_payload_size,
            active_connection_id_limit: parameters.active_connection_id_limit,
            initial_max_data: parameters.initial_max_data,
            initial_max_stream_data_bidi_local: parameters.initial_max_stream_data_bidi_local,
            initial_max_stream_data_bidi_remote: parameters.initial_max_stream_data_bidi_remote,
            initial_max_stream_data_uni: parameters.initial_max_stream_data_uni,
            initial_max_streams_bidi: parameters.initial_max_streams_bidi,
            initial_max_streams_uni: parameters.initial_max_streams_uni,
            max_datagram_frame_size: parameters.max_datagram_frame_size,
            min_ack_delay_us: parameters.min_ack_delay_us,
            version_information: parameters.version_information,
            max_ack_delay_ms: parameters.max_ack_delay_ms,
            ack_delay_exponent: parameters.ack_delay_exponent,
            disable_active_migration: parameters.disable_active_migration,
            grease_quic_bit: parameters.grease_quic_bit,
            disable_1rtt_encryption: parameters.disable_1rtt_encryption,
            server: None,
        }
    }

    /// Where a server would rather be reached.
    pub(super) fn preferred_address(&self) -> Option<PreferredAddress> {
        self.server.as_ref()?.preferred_address
    }

    /// All of it, as it was declared; the ids are those that `hello` was found to agree with.
    #[cold]
    #[inline(never)]
    pub(super) fn whole(&self, role: Role, hello: &Hello) -> TransportParameters {
        let server = self.server.as_ref();
        let known = hello.parameters_known;
        let says_ids = known && role == Role::Client;
        TransportParameters {
            original_destination_connection_id: says_ids.then_some(hello.original_id),
            max_idle_timeout_ms: self.max_idle_timeout_ms,
            stateless_reset_token: server.and_then(|server| server.stateless_reset_token),
            max_udp_payload_size: self.max_udp_payload_size,
            initial_max_data: self.initial_max_data,
            initial_max_stream_data_bidi_local: self.initial_max_stream_data_bidi_local,
            initial_max_stream_data_bidi_remote: self.initial_max_stream_data_bidi_remote,
            initial_max_stream_data_uni: self.initial_max_stream_data_uni,
            initial_max_streams_bidi: self.initial_max_streams_bidi,
            initial_max_streams_uni: self.initial_max_streams_uni,
            ack_delay_exponent: self.ack_delay_exponent,
            max_ack_delay_ms: self.max_ack_delay_ms,
            disable_active_migration: self.disable_active_migration,
            preferred_address: self.preferred_address(),
            active_connection_id_limit: self.active_connection_id_limit,
            initial_source_connection_id: hello.peer_id.filter(|_| known),
            retry_source_connection_id: hello.retry_id.filter(|_| says_ids),
            max_datagram_frame_size: self.max_datagram_frame_size,
            grease_quic_bit: self.grease_quic_bit,
            disable_1rtt_encryption: self.disable_1rtt_encryption,
            version_information: self.version_information,
            min_ack_delay_us: self.min_ack_delay_us,
            grease: None,
        }
    }
}
