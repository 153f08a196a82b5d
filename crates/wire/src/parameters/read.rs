//! Reads transport parameters: in comes what a peer declared, out come values in range or the offence. It takes no
//! memory that grows with the input.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use super::{PreferredAddress, TransportParameters, ids};
use crate::{
    error::{Code, PeerError, Truncated},
    frame::MAX_STREAMS_LIMIT,
    id::ConnectionId,
    level::Role,
    reader::Reader,
    versions::VersionInformation,
};

impl TransportParameters {
    /// Reads what `sender` declared. Parameters we do not know are skipped. Errors: anything that §7.4 and §18.2 forbid.
    pub fn parse(bytes: &[u8], sender: Role) -> Result<Self, PeerError> {
        let mut parameters = Self::default();
        let mut seen = Seen::default();
        let mut r = Reader::new(bytes);
        while !r.is_empty() {
            let id = r.varint().map_err(malformed)?;
            let value = r.varint_bytes().map_err(malformed)?;
            //= RFC 9000 §7.4: An endpoint SHOULD treat receipt of duplicate transport parameters as a connection error
            //= of type TRANSPORT_PARAMETER_ERROR.
            if !seen.insert(id) {
                return Err(offence("transport parameter declared twice"));
            }
            if is_server_only(id) && matches!(sender, Role::Client) {
                //= RFC 9000 §18.2: A server MUST treat receipt of any of these transport parameters as a connection
                //= error of type TRANSPORT_PARAMETER_ERROR.
                return Err(offence("transport parameter that only a server declares"));
            }
            parameters.set(id, value, sender)?;
        }
        parameters.check_ack_delays()?;
        Ok(parameters)
    }

    fn set(&mut self, id: u64, value: &[u8], sender: Role) -> Result<(), PeerError> {
        match id {
            ids::ORIGINAL_DESTINATION_CONNECTION_ID => {
                self.original_destination_connection_id = Some(connection_id(value)?);
            }
            ids::MAX_IDLE_TIMEOUT => self.max_idle_timeout_ms = integer(value)?,
            ids::STATELESS_RESET_TOKEN => self.stateless_reset_token = Some(reset_token(value)?),
            ids::MAX_UDP_PAYLOAD_SIZE => {
                self.max_udp_payload_size = max_udp_payload_size(integer(value)?)?;
            }
            ids::INITIAL_MAX_DATA => self.initial_max_data = integer(value)?,
            ids::INITIAL_MAX_STREAM_DATA_BIDI_LOCAL => {
                self.initial_max_stream_data_bidi_local = integer(value)?;
            }
            ids::INITIAL_MAX_STREAM_DATA_BIDI_REMOTE => {
                self.initial_max_stream_data_bidi_remote = integer(value)?;
            }
            ids::INITIAL_MAX_STREAM_DATA_UNI => self.initial_max_stream_data_uni = integer(value)?,
            ids::INITIAL_MAX_STREAMS_BIDI => {
                self.initial_max_streams_bidi = max_streams(integer(value)?)?;
            }
            ids::INITIAL_MAX_STREAMS_UNI => {
                self.initial_max_streams_uni = max_streams(integer(value)?)?;
            }
            ids::ACK_DELAY_EXPONENT => {
                self.ack_delay_exponent = ack_delay_exponent(integer(value)?)?;
            }
            ids::MAX_ACK_DELAY => self.max_ack_delay_ms = max_ack_delay(integer(value)?)?,
            ids::DISABLE_ACTIVE_MIGRATION => self.disable_active_migration = flag(value)?,
            ids::PREFERRED_ADDRESS => self.preferred_address = Some(preferred_address(value)?),
            ids::ACTIVE_CONNECTION_ID_LIMIT => {
                self.active_connection_id_limit = active_connection_id_limit(integer(value)?)?;
            }
            ids::INITIAL_SOURCE_CONNECTION_ID => {
                self.initial_source_connection_id = Some(connection_id(value)?);
            }
            ids::RETRY_SOURCE_CONNECTION_ID => {
                self.retry_source_connection_id = Some(connection_id(value)?);
            }
            ids::MAX_DATAGRAM_FRAME_SIZE => self.max_datagram_frame_size = integer(value)?,
            ids::GREASE_QUIC_BIT => self.grease_quic_bit = flag(value)?,
            ids::DISABLE_1RTT_ENCRYPTION => self.disable_1rtt_encryption = flag(value)?,
            ids::VERSION_INFORMATION => {
                self.version_information = Some(VersionInformation::parse(value, sender)?);
            }
            ids::MIN_ACK_DELAY => self.min_ack_delay_us = Some(integer(value)?),
            //= RFC 9000 §7.4.2: An endpoint MUST ignore transport parameters that it does not support.
            _ => {}
        }
        Ok(())
    }

    /// draft-ietf-quic-ack-frequency: the shortest delay is not longer than the longest.
    fn check_ack_delays(&self) -> Result<(), PeerError> {
        let longest_us = u64::from(self.max_ack_delay_ms).saturating_mul(1_000);
        match self.min_ack_delay_us {
            Some(shortest_us) if shortest_us > longest_us => {
                Err(offence("min_ack_delay above max_ack_delay"))
            }
            _ => Ok(()),
        }
    }
}

/// The parameters that have been read, to notice the second of a kind.
struct Seen {
    /// A bit for each id below 61, which holds all that RFC 9000, RFC 9221 and RFC 9368 define; the last three for those
    /// that are above.
    low: u64,
    /// The first of the other ids.
    high: [u64; Self::HIGH],
    /// How many of them.
    count: usize,
}

impl Seen {
    /// Unknown ids of 61 and above that are remembered.
    //= RFC 9000 §7.4: An endpoint SHOULD treat receipt of duplicate transport parameters as a connection error of type
    //= TRANSPORT_PARAMETER_ERROR.
    //= type=exception: after 32 unknown parameters a second of a kind is skipped like the first, so that a long list
    //= costs neither memory nor time in its square.
    const HIGH: usize = 32;

    /// Whether `id` is new.
    fn insert(&mut self, id: u64) -> bool {
        // The last three bits stand for the known ids above; unknown ids 61 to 63 are kept with the others.
        let bit = match id {
            0..61 => Some(1 << id),
            ids::GREASE_QUIC_BIT => Some(1 << 63),
            ids::MIN_ACK_DELAY => Some(1 << 62),
            ids::DISABLE_1RTT_ENCRYPTION => Some(1 << 61),
            _ => None,
        };
        if let Some(bit) = bit {
            let new = self.low & bit == 0;
            self.low |= bit;
            return new;
        }
        if self.high.iter().take(self.count).any(|&seen| seen == id) {
            return false;
        }
        if let Some(free) = self.high.get_mut(self.count) {
            *free = id;
            self.count = self.count.saturating_add(1);
        }
        true
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            low: 0,
            high: [0; Self::HIGH],
            count: 0,
        }
    }
}

const fn is_server_only(id: u64) -> bool {
    //= RFC 9000 §18.2: A client MUST NOT include any server-only transport parameter: original_destination_connection_id,
    //= preferred_address, retry_source_connection_id, or stateless_reset_token.
    matches!(
        id,
        ids::ORIGINAL_DESTINATION_CONNECTION_ID
            | ids::PREFERRED_ADDRESS
            | ids::RETRY_SOURCE_CONNECTION_ID
            | ids::STATELESS_RESET_TOKEN
    )
}

fn integer(value: &[u8]) -> Result<u64, PeerError> {
    let mut r = Reader::new(value);
    let integer = r.varint().map_err(malformed)?;
    if !r.is_empty() {
        return Err(offence("transport parameter longer than its value"));
    }
    Ok(integer)
}

const fn flag(value: &[u8]) -> Result<bool, PeerError> {
    //= RFC 9000 §18.2: This parameter is a zero-length value.
    if !value.is_empty() {
        return Err(offence("flag parameter with a value"));
    }
    Ok(true)
}

fn connection_id(value: &[u8]) -> Result<ConnectionId, PeerError> {
    ConnectionId::new(value).ok_or(offence("connection id parameter longer than 20 bytes"))
}

fn reset_token(value: &[u8]) -> Result<[u8; 16], PeerError> {
    //= RFC 9000 §18.2: This parameter is a sequence of 16 bytes.
    value
        .try_into()
        .map_err(|_| offence("stateless_reset_token not of 16 bytes"))
}

const fn max_udp_payload_size(size: u64) -> Result<u64, PeerError> {
    //= RFC 9000 §18.2: Values below 1200 are invalid.
    if size < 1200 {
        return Err(offence("max_udp_payload_size below 1200"));
    }
    Ok(size)
}

const fn max_streams(streams: u64) -> Result<u64, PeerError> {
    //= RFC 9000 §4.6: If a max_streams transport parameter or a MAX_STREAMS frame is received with a value greater than
    //= 2^60, this would allow a maximum stream ID that cannot be expressed as a variable-length integer; see Section 16.
    if streams > MAX_STREAMS_LIMIT {
        return Err(offence("initial_max_streams above 2^60"));
    }
    Ok(streams)
}

fn ack_delay_exponent(exponent: u64) -> Result<u8, PeerError> {
    //= RFC 9000 §18.2: Values above 20 are invalid.
    match u8::try_from(exponent) {
        Ok(exponent @ 0..=20) => Ok(exponent),
        _ => Err(offence("ack_delay_exponent above 20")),
    }
}

fn max_ack_delay(delay_ms: u64) -> Result<u16, PeerError> {
    //= RFC 9000 §18.2: Values of 2^14 or greater are invalid.
    match u16::try_from(delay_ms) {
        Ok(delay_ms @ 0..=0x3fff) => Ok(delay_ms),
        _ => Err(offence("max_ack_delay of 2^14 or more")),
    }
}

const fn active_connection_id_limit(limit: u64) -> Result<u64, PeerError> {
    //= RFC 9000 §18.2: An endpoint that receives a value less than 2 MUST close the connection with an error of type
    //= TRANSPORT_PARAMETER_ERROR.
    if limit < 2 {
        return Err(offence("active_connection_id_limit below 2"));
    }
    Ok(limit)
}

fn preferred_address(value: &[u8]) -> Result<PreferredAddress, PeerError> {
    let mut r = Reader::new(value);
    let address = read_preferred_address(&mut r).map_err(malformed)?;
    if !r.is_empty() {
        return Err(offence("preferred_address longer than its value"));
    }
    let (v4, v6, id, reset_token) = address;
    let id = connection_id(id)?;
    if id.is_empty() {
        //= RFC 9000 §18.2: A client MUST treat a violation of these requirements as a connection error of type
        //= TRANSPORT_PARAMETER_ERROR.
        return Err(offence("preferred_address without a connection id"));
    }
    Ok(PreferredAddress {
        v4: (!v4.ip().is_unspecified() || v4.port() != 0).then_some(v4),
        v6: (!v6.ip().is_unspecified() || v6.port() != 0).then_some(v6),
        id,
        reset_token,
    })
}

type RawPreferredAddress<'a> = (SocketAddrV4, SocketAddrV6, &'a [u8], [u8; 16]);

fn read_preferred_address<'a>(r: &mut Reader<'a>) -> Result<RawPreferredAddress<'a>, Truncated> {
    let v4 = SocketAddrV4::new(Ipv4Addr::from(r.array::<4>()?), r.u16()?);
    let v6 = SocketAddrV6::new(Ipv6Addr::from(r.array::<16>()?), r.u16()?, 0, 0);
    let len = r.u8()?;
    let id = r.bytes(usize::from(len))?;
    Ok((v4, v6, id, r.array()?))
}

const fn offence(reason: &'static str) -> PeerError {
    PeerError::new(Code::TransportParameter, reason)
}

fn malformed(Truncated: Truncated) -> PeerError {
    offence("transport parameters truncated")
}
