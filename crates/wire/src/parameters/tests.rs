mod each;
mod random;
mod whole;

use std::vec::Vec;

use super::*;
use crate::{
    error::{Code, PeerError},
    id::Version,
    level::Role,
    versions::Versions,
    writer::Writer,
};

/// The extension with these parameters in this order.
fn extension(parameters: &[(u64, &[u8])]) -> Vec<u8> {
    let mut buffer = [0; 4096];
    let mut w = Writer::new(&mut buffer);
    for (id, value) in parameters {
        w.varint(*id).unwrap();
        w.varint_bytes(value).unwrap();
    }
    w.written().to_vec()
}

fn parse(parameters: &[(u64, &[u8])], sender: Role) -> Result<TransportParameters, PeerError> {
    TransportParameters::parse(&extension(parameters), sender)
}

fn encode(parameters: &TransportParameters) -> Vec<u8> {
    let mut buffer = [0; 4096];
    let mut w = Writer::new(&mut buffer);
    parameters.encode(&mut w).unwrap();
    w.written().to_vec()
}

fn varint(value: u64) -> Vec<u8> {
    let mut buffer = [0; 8];
    let mut w = Writer::new(&mut buffer);
    w.varint(value).unwrap();
    w.written().to_vec()
}

/// Every field set, to something that is not its default.
fn full() -> TransportParameters {
    let id = |byte, len: usize| ConnectionId::new(&[byte; 20][..len]);
    TransportParameters {
        original_destination_connection_id: id(1, 8),
        max_idle_timeout_ms: 30_000,
        stateless_reset_token: Some([2; 16]),
        max_udp_payload_size: 1472,
        initial_max_data: 1 << 20,
        initial_max_stream_data_bidi_local: 1 << 16,
        initial_max_stream_data_bidi_remote: 1 << 17,
        initial_max_stream_data_uni: 1 << 18,
        initial_max_streams_bidi: 100,
        initial_max_streams_uni: 3,
        ack_delay_exponent: 10,
        max_ack_delay_ms: 5,
        disable_active_migration: true,
        preferred_address: Some(PreferredAddress {
            v4: Some("192.0.2.1:443".parse().unwrap()),
            v6: Some("[2001:db8::1]:4433".parse().unwrap()),
            id: id(3, 20).unwrap(),
            reset_token: [4; 16],
        }),
        active_connection_id_limit: 5,
        initial_source_connection_id: id(5, 0),
        retry_source_connection_id: id(6, 20),
        max_datagram_frame_size: 65_535,
        grease_quic_bit: true,
        disable_1rtt_encryption: true,
        version_information: Some(VersionInformation {
            chosen: Version::V2,
            available: Versions::KNOWN,
        }),
        min_ack_delay_us: Some(1_000),
        grease: None,
    }
}
