//! Parameters and bytes that nobody chose.

use std::net::{SocketAddrV4, SocketAddrV6};

use proptest::prelude::*;

use super::*;
use crate::varint::VARINT_MAX;

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0_u64..64, 0_u64..1 << 20, 0..=VARINT_MAX]
}

fn connection_id() -> impl Strategy<Value = ConnectionId> {
    prop::collection::vec(any::<u8>(), 0..=20).prop_map(|bytes| ConnectionId::new(&bytes).unwrap())
}

fn preferred() -> impl Strategy<Value = PreferredAddress> {
    // Port 0 of an address of zeros stands for none.
    let v4 = (any::<[u8; 4]>(), 1_u16..).prop_map(|(ip, port)| SocketAddrV4::new(ip.into(), port));
    let v6 = (any::<[u8; 16]>(), 1_u16..)
        .prop_map(|(ip, port)| SocketAddrV6::new(ip.into(), port, 0, 0));
    let id = connection_id().prop_filter("not empty", |id| !id.is_empty());
    (
        prop::option::of(v4),
        prop::option::of(v6),
        id,
        any::<[u8; 16]>(),
    )
        .prop_map(|(v4, v6, id, reset_token)| PreferredAddress {
            v4,
            v6,
            id,
            reset_token,
        })
}

fn parameters() -> impl Strategy<Value = TransportParameters> {
    let ids = prop::array::uniform3(prop::option::of(connection_id()));
    let numbers = prop::array::uniform9(number());
    let rest = (
        any::<[bool; 3]>(),
        0_u8..=20,
        0_u16..1 << 14,
        prop::option::of(any::<[u8; 16]>()),
        prop::option::of(preferred()),
    );
    (ids, numbers, rest).prop_map(
        |(ids, numbers, (flags, exponent, delay, token, preferred))| TransportParameters {
            original_destination_connection_id: ids[0],
            max_idle_timeout_ms: numbers[0],
            stateless_reset_token: token,
            max_udp_payload_size: numbers[1].max(1200),
            initial_max_data: numbers[2],
            initial_max_stream_data_bidi_local: numbers[3],
            initial_max_stream_data_bidi_remote: numbers[4],
            initial_max_stream_data_uni: numbers[5],
            initial_max_streams_bidi: numbers[6].min(1 << 60),
            initial_max_streams_uni: numbers[7].min(1 << 60),
            ack_delay_exponent: exponent,
            max_ack_delay_ms: delay,
            disable_active_migration: flags[0],
            preferred_address: preferred,
            active_connection_id_limit: numbers[8].max(2),
            initial_source_connection_id: ids[1],
            retry_source_connection_id: ids[2],
            max_datagram_frame_size: numbers[8],
            grease_quic_bit: flags[1],
            disable_1rtt_encryption: flags[2],
            version_information: flags[0].then_some(VersionInformation {
                chosen: Version::V1,
                available: if flags[1] {
                    Versions::KNOWN
                } else {
                    Versions::empty()
                },
            }),
            min_ack_delay_us: flags[1].then(|| u64::from(delay) * 999),
            grease: None,
        },
    )
}

proptest! {
    #[test]
    fn any_parameters_are_read_as_they_were_written(parameters in parameters()) {
        prop_assert_eq!(TransportParameters::parse(&encode(&parameters), Role::Server), Ok(parameters));
    }

    #[test]
    fn any_parameters_that_are_cut_are_read_in_part_or_refused(parameters in parameters()) {
        let bytes = encode(&parameters);
        for cut in 0..bytes.len() {
            match TransportParameters::parse(&bytes[..cut], Role::Server) {
                Ok(part) => prop_assert_eq!(encode(&part).len(), cut),
                Err(error) => prop_assert_eq!(error.code, Code::TransportParameter),
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), server in any::<bool>()) {
        let sender = if server { Role::Server } else { Role::Client };
        if let Err(error) = TransportParameters::parse(&bytes, sender) {
            prop_assert_eq!(error.code, Code::TransportParameter);
        }
    }

    #[test]
    fn any_values_of_known_parameters_are_read_or_refused(
        values in prop::collection::vec((0_u64..0x24, prop::collection::vec(any::<u8>(), 0..24)), 0..12),
        server in any::<bool>(),
    ) {
        let sender = if server { Role::Server } else { Role::Client };
        let values: Vec<(u64, &[u8])> = values.iter().map(|(id, value)| (*id, &value[..])).collect();
        if let Ok(parsed) = parse(&values, sender) {
            prop_assert_eq!(TransportParameters::parse(&encode(&parsed), sender), Ok(parsed));
        }
    }
}
