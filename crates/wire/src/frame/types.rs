//! The numbers of the frame types (RFC 9000 §12.4). All but one take one byte on the wire.

/// PADDING.
pub const PADDING: u8 = 0x00;
/// PING.
pub const PING: u8 = 0x01;
/// ACK without ECN counts.
pub const ACK: u8 = 0x02;
/// ACK with ECN counts.
pub const ACK_ECN: u8 = 0x03;
/// RESET_STREAM.
pub const RESET_STREAM: u8 = 0x04;
/// STOP_SENDING.
pub const STOP_SENDING: u8 = 0x05;
/// CRYPTO.
pub const CRYPTO: u8 = 0x06;
/// NEW_TOKEN.
pub const NEW_TOKEN: u8 = 0x07;
/// STREAM without any of its three bits.
pub const STREAM: u8 = 0x08;
/// STREAM with all of its three bits.
pub const STREAM_LAST: u8 = 0x0f;
/// The stream ends with this STREAM frame.
pub const STREAM_FIN: u8 = 0x01;
/// The STREAM frame has a length; without it the frame ends with the packet.
pub const STREAM_LEN: u8 = 0x02;
/// The STREAM frame has an offset; without it the offset is 0.
pub const STREAM_OFF: u8 = 0x04;
/// MAX_DATA.
pub const MAX_DATA: u8 = 0x10;
/// MAX_STREAM_DATA.
pub const MAX_STREAM_DATA: u8 = 0x11;
/// MAX_STREAMS of bidirectional streams.
pub const MAX_STREAMS_BIDI: u8 = 0x12;
/// MAX_STREAMS of unidirectional streams.
pub const MAX_STREAMS_UNI: u8 = 0x13;
/// DATA_BLOCKED.
pub const DATA_BLOCKED: u8 = 0x14;
/// STREAM_DATA_BLOCKED.
pub const STREAM_DATA_BLOCKED: u8 = 0x15;
/// STREAMS_BLOCKED of bidirectional streams.
pub const STREAMS_BLOCKED_BIDI: u8 = 0x16;
/// STREAMS_BLOCKED of unidirectional streams.
pub const STREAMS_BLOCKED_UNI: u8 = 0x17;
/// NEW_CONNECTION_ID.
pub const NEW_CONNECTION_ID: u8 = 0x18;
/// RETIRE_CONNECTION_ID.
pub const RETIRE_CONNECTION_ID: u8 = 0x19;
/// PATH_CHALLENGE.
pub const PATH_CHALLENGE: u8 = 0x1a;
/// PATH_RESPONSE.
pub const PATH_RESPONSE: u8 = 0x1b;
/// CONNECTION_CLOSE by the transport.
pub const CONNECTION_CLOSE: u8 = 0x1c;
/// CONNECTION_CLOSE by the application.
pub const APPLICATION_CLOSE: u8 = 0x1d;
/// HANDSHAKE_DONE.
pub const HANDSHAKE_DONE: u8 = 0x1e;
/// IMMEDIATE_ACK (draft-ietf-quic-ack-frequency §5).
pub const IMMEDIATE_ACK: u8 = 0x1f;
/// ACK_FREQUENCY (draft-ietf-quic-ack-frequency §4). The only type that takes two bytes on the wire.
pub const ACK_FREQUENCY: u8 = 0xaf;
/// DATAGRAM without a length (RFC 9221 §4).
pub const DATAGRAM: u8 = 0x30;
/// DATAGRAM with a length.
pub const DATAGRAM_LEN: u8 = 0x31;

/// The type of a STREAM frame without a length.
#[inline]
pub(crate) const fn stream(offset: u64, fin: bool) -> u8 {
    let off = if offset == 0 { 0 } else { STREAM_OFF };
    let fin = if fin { STREAM_FIN } else { 0 };
    STREAM | off | fin
}
