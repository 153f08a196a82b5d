//! Writes transport parameters: in come values, out comes the TLS extension. What equals its default is left out.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use super::{
    DEFAULT_ACK_DELAY_EXPONENT, DEFAULT_ACTIVE_CONNECTION_ID_LIMIT, DEFAULT_MAX_ACK_DELAY_MS,
    DEFAULT_MAX_UDP_PAYLOAD_SIZE, PreferredAddress, TransportParameters, ids,
};
use crate::{error::Full, varint::varint_len, writer::Writer};

impl TransportParameters {
    /// Writes the parameters. Errors: they do not fit, and nothing is written.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        // Taken apart in full, so that a new field cannot be forgotten.
        let Self {
            original_destination_connection_id,
            max_idle_timeout_ms,
            stateless_reset_token: _,
            max_udp_payload_size,
            initial_max_data,
            initial_max_stream_data_bidi_local,
            initial_max_stream_data_bidi_remote,
            initial_max_stream_data_uni,
            initial_max_streams_bidi,
            initial_max_streams_uni,
            ack_delay_exponent,
            max_ack_delay_ms,
            disable_active_migration: _,
            preferred_address: _,
            active_connection_id_limit,
            initial_source_connection_id,
            retry_source_connection_id,
            max_datagram_frame_size,
            grease_quic_bit: _,
            disable_1rtt_encryption: _,
            version_information: _,
            min_ack_delay_us: _,
            grease: _,
        } = self;
        let integers = [
            *max_idle_timeout_ms,
            *max_udp_payload_size,
            *initial_max_data,
            *initial_max_stream_data_bidi_local,
            *initial_max_stream_data_bidi_remote,
            *initial_max_stream_data_uni,
            *initial_max_streams_bidi,
            *initial_max_streams_uni,
            u64::from(*ack_delay_exponent),
            u64::from(*max_ack_delay_ms),
            *active_connection_id_limit,
            *max_datagram_frame_size,
        ];
        let ids = [
            (
                ids::ORIGINAL_DESTINATION_CONNECTION_ID,
                original_destination_connection_id,
            ),
            (
                ids::INITIAL_SOURCE_CONNECTION_ID,
                initial_source_connection_id,
            ),
            (ids::RETRY_SOURCE_CONNECTION_ID, retry_source_connection_id),
        ];
        w.whole(|w| {
            for ((id, default), value) in INTEGERS.into_iter().zip(integers) {
                if value != default {
                    integer(w, id, value)?;
                }
            }
            for (id, value) in ids {
                if let Some(value) = value {
                    blob(w, id, value)?;
                }
            }
            self.encode_rest(w)
        })
    }

    fn encode_rest(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        let flags = [
            (ids::DISABLE_ACTIVE_MIGRATION, self.disable_active_migration),
            (ids::GREASE_QUIC_BIT, self.grease_quic_bit),
            (ids::DISABLE_1RTT_ENCRYPTION, self.disable_1rtt_encryption),
        ];
        for (id, _) in flags.into_iter().filter(|(_, set)| *set) {
            blob(w, id, &[])?;
        }
        if let Some(token) = &self.stateless_reset_token {
            blob(w, ids::STATELESS_RESET_TOKEN, token)?;
        }
        if let Some(address) = &self.preferred_address {
            preferred(w, address)?;
        }
        if let Some(information) = &self.version_information {
            w.varint(ids::VERSION_INFORMATION)?;
            w.varint(information.encoded_len() as u64)?;
            information.encode(w)?;
        }
        if let Some(delay) = self.min_ack_delay_us {
            integer(w, ids::MIN_ACK_DELAY, delay)?;
        }
        if let Some(grease) = &self.grease {
            let len = usize::from(grease.len);
            blob(w, grease.id, grease.value.get(..len).unwrap_or_default())?;
        }
        Ok(())
    }
}

/// The parameters that are integers, each with its default.
const INTEGERS: [(u64, u64); 12] = [
    (ids::MAX_IDLE_TIMEOUT, 0),
    (ids::MAX_UDP_PAYLOAD_SIZE, DEFAULT_MAX_UDP_PAYLOAD_SIZE),
    (ids::INITIAL_MAX_DATA, 0),
    (ids::INITIAL_MAX_STREAM_DATA_BIDI_LOCAL, 0),
    (ids::INITIAL_MAX_STREAM_DATA_BIDI_REMOTE, 0),
    (ids::INITIAL_MAX_STREAM_DATA_UNI, 0),
    (ids::INITIAL_MAX_STREAMS_BIDI, 0),
    (ids::INITIAL_MAX_STREAMS_UNI, 0),
    (ids::ACK_DELAY_EXPONENT, DEFAULT_ACK_DELAY_EXPONENT as u64),
    (ids::MAX_ACK_DELAY, DEFAULT_MAX_ACK_DELAY_MS as u64),
    (
        ids::ACTIVE_CONNECTION_ID_LIMIT,
        DEFAULT_ACTIVE_CONNECTION_ID_LIMIT,
    ),
    (ids::MAX_DATAGRAM_FRAME_SIZE, 0),
];

fn blob(w: &mut Writer<'_>, id: u64, value: &[u8]) -> Result<(), Full> {
    w.varint(id)?;
    w.varint_bytes(value)
}

fn integer(w: &mut Writer<'_>, id: u64, value: u64) -> Result<(), Full> {
    w.varint(id)?;
    w.varint(varint_len(value) as u64)?;
    w.varint(value)
}

fn preferred(w: &mut Writer<'_>, address: &PreferredAddress) -> Result<(), Full> {
    let PreferredAddress {
        v4,
        v6,
        id,
        reset_token,
    } = address;
    // All zeros stand for a family without an address.
    let v4 = v4.unwrap_or(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
    let v6 = v6.unwrap_or(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0));
    w.varint(ids::PREFERRED_ADDRESS)?;
    w.varint(ADDRESSES_AND_TOKEN.saturating_add(id.len() as u64))?;
    w.bytes(&v4.ip().octets())?;
    w.u16(v4.port())?;
    w.bytes(&v6.ip().octets())?;
    w.u16(v6.port())?;
    w.u8(id.len() as u8)?;
    w.bytes(id)?;
    w.bytes(reset_token)
}

/// A preferred address without its connection id: two addresses with their ports, the length of the id, and the token.
const ADDRESSES_AND_TOKEN: u64 = (4 + 2) + (16 + 2) + 1 + 16;
