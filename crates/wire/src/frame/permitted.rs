//! Which frame may travel in which packet, and to whom: in comes a frame type, out comes yes or the offence.

use super::types;
use crate::{
    error::{Code, PeerError},
    level::{Level, Role},
};

/// Refuses a frame type that does not exist, or that may not be in a packet of `level` to `receiver`.
#[inline]
pub(super) fn check(frame_type: u8, level: Level, receiver: Role) -> Result<(), PeerError> {
    let Some(&permitted) = PERMITTED.get(usize::from(frame_type)) else {
        return check_extension(frame_type, level);
    };
    if permitted & bit(level) == 0 {
        //= RFC 9000 §12.4: An endpoint MUST treat receipt of a frame in a packet type that is not permitted as a
        //= connection error of type PROTOCOL_VIOLATION.
        return Err(NOT_PERMITTED);
    }
    if permitted & TO_CLIENT != 0 && matches!(receiver, Role::Server) {
        //= RFC 9000 §19.7: A server MUST treat receipt of a NEW_TOKEN frame as a connection error of type
        //= PROTOCOL_VIOLATION.
        //= RFC 9000 §19.20: A server MUST treat receipt of a HANDSHAKE_DONE frame as a connection error of type
        //= PROTOCOL_VIOLATION.
        return Err(PeerError::new(
            Code::ProtocolViolation,
            "frame that only a server sends",
        ));
    }
    Ok(())
}

/// The same for types beyond those of RFC 9000.
#[inline(never)]
const fn check_extension(frame_type: u8, level: Level) -> Result<(), PeerError> {
    match (frame_type, level) {
        //= RFC 9221 §5: Like STREAM frames, DATAGRAM frames contain application data and MUST be protected with either 0-RTT
        //= or 1-RTT keys.
        (types::DATAGRAM | types::DATAGRAM_LEN, Level::ZeroRtt | Level::OneRtt) => Ok(()),
        (types::DATAGRAM | types::DATAGRAM_LEN, Level::Initial | Level::Handshake) => {
            Err(NOT_PERMITTED)
        }
        // draft-ietf-quic-ack-frequency §3: not in 0-RTT packets, since what the peer allows is not remembered.
        (types::IMMEDIATE_ACK | types::ACK_FREQUENCY, Level::OneRtt) => Ok(()),
        (types::IMMEDIATE_ACK | types::ACK_FREQUENCY, _) => Err(NOT_PERMITTED),
        //= RFC 9000 §12.4: An endpoint MUST treat the receipt of a frame of unknown type as a connection error of type
        //= FRAME_ENCODING_ERROR.
        _ => Err(PeerError::new(Code::FrameEncoding, "unknown frame type")),
    }
}

const NOT_PERMITTED: PeerError = PeerError::new(
    Code::ProtocolViolation,
    "frame in a packet type that does not permit it",
);

const fn bit(level: Level) -> u8 {
    match level {
        Level::Initial => I,
        Level::ZeroRtt => Z,
        Level::Handshake => H,
        Level::OneRtt => ONE,
    }
}

const I: u8 = 1;
const Z: u8 = 2;
const H: u8 = 4;
const ONE: u8 = 8;
const TO_CLIENT: u8 = 16;

/// RFC 9000 table 3, column "Pkts", with the exceptions of §12.5 for 0-RTT.
const PERMITTED: [u8; 0x1f] = [
    /* 00 PADDING */ I | H | Z | ONE,
    /* 01 PING */ I | H | Z | ONE,
    /* 02 ACK */ I | H | ONE,
    /* 03 ACK with ECN */ I | H | ONE,
    /* 04 RESET_STREAM */ Z | ONE,
    /* 05 STOP_SENDING */ Z | ONE,
    /* 06 CRYPTO */ I | H | ONE,
    /* 07 NEW_TOKEN */ ONE | TO_CLIENT,
    /* 08 to 0f STREAM */ Z | ONE,
    Z | ONE,
    Z | ONE,
    Z | ONE,
    Z | ONE,
    Z | ONE,
    Z | ONE,
    Z | ONE,
    /* 10 MAX_DATA */ Z | ONE,
    /* 11 MAX_STREAM_DATA */ Z | ONE,
    /* 12 MAX_STREAMS */ Z | ONE,
    /* 13 */ Z | ONE,
    /* 14 DATA_BLOCKED */ Z | ONE,
    /* 15 STREAM_DATA_BLOCKED */ Z | ONE,
    /* 16 STREAMS_BLOCKED */ Z | ONE,
    /* 17 */ Z | ONE,
    /* 18 NEW_CONNECTION_ID */ Z | ONE,
    //= RFC 9000 §12.5: Note that it is not possible to send the following frames in 0-RTT packets for various reasons:
    //= ACK, CRYPTO, HANDSHAKE_DONE, NEW_TOKEN, PATH_RESPONSE, and RETIRE_CONNECTION_ID.
    /* 19 RETIRE_CONNECTION_ID */
    ONE,
    /* 1a PATH_CHALLENGE */ Z | ONE,
    /* 1b PATH_RESPONSE */ ONE,
    /* 1c CONNECTION_CLOSE */ I | H | Z | ONE,
    //= RFC 9000 §12.5: CONNECTION_CLOSE frames signaling application errors (type 0x1d) MUST only appear in the
    //= application data packet number space.
    /* 1d CONNECTION_CLOSE by the application */
    Z | ONE,
    /* 1e HANDSHAKE_DONE */ ONE | TO_CLIENT,
];
