//! A frame of the engine's records in the words of qlog.

use inquic_engine::trace::Seen;
use inquic_wire::Direction;
use inquic_wire::frame::types;
use qlog::events::quic::{AckRange, ErrorSpace, QuicFrame, StreamType};
use qlog::events::{ApplicationError, RawInfo};
use qlog::{HexSlice, Token};

/// The frame; `None` for what belongs to the ACK frame before it.
pub(super) fn frame(seen: Seen) -> Option<QuicFrame> {
    let raw = None;
    let bytes = |len: u16| Some(Box::new(raw_info(len)));
    Some(match seen {
        Seen::AckRange { .. } | Seen::AckEcn(_) => return None,
        Seen::Padding(count) => QuicFrame::Padding { raw: bytes(count) },
        Seen::Ping => QuicFrame::Ping { raw },
        Seen::Ack(delay_us) => QuicFrame::Ack {
            ack_delay: Some(delay_us as f32 / 1_000.0),
            acked_ranges: Some(Vec::new()),
            ect1: None,
            ect0: None,
            ce: None,
            raw,
        },
        Seen::NewToken(len) => QuicFrame::NewToken {
            token: Token {
                ty: None,
                details: None,
                raw: Some(raw_info(len)),
            },
            raw,
        },
        Seen::Crypto { .. }
        | Seen::ResetStream { .. }
        | Seen::StopSending { .. }
        | Seen::Stream { .. }
        | Seen::MaxStreamData { .. }
        | Seen::MaxStreams { .. }
        | Seen::StreamDataBlocked { .. }
        | Seen::StreamsBlocked { .. } => return of_stream(seen),
        Seen::MaxData(maximum) => QuicFrame::MaxData { maximum, raw },
        Seen::DataBlocked(limit) => QuicFrame::DataBlocked { limit, raw },
        Seen::NewConnectionId {
            sequence,
            retire_prior_to,
            id,
        } => QuicFrame::NewConnectionId {
            sequence_number: sequence,
            retire_prior_to,
            connection_id_length: u8::try_from(id.as_slice().len()).ok(),
            connection_id: HexSlice::new(id.as_slice()).to_string(),
            stateless_reset_token: None,
            raw,
        },
        Seen::RetireConnectionId(sequence_number) => QuicFrame::RetireConnectionId {
            sequence_number,
            raw,
        },
        Seen::PathChallenge(data) => QuicFrame::PathChallenge {
            data: HexSlice::maybe_string(Some(&data)),
            raw,
        },
        Seen::PathResponse(data) => QuicFrame::PathResponse {
            data: HexSlice::maybe_string(Some(&data)),
            raw,
        },
        Seen::ConnectionClose { code, frame_type } => {
            close(ErrorSpace::Transport, code.to_u64(), Some(frame_type))
        }
        Seen::ApplicationClose(code) => close(ErrorSpace::Application, code, None),
        Seen::HandshakeDone => QuicFrame::HandshakeDone { raw },
        Seen::AckFrequency(_) => unknown(types::ACK_FREQUENCY),
        Seen::ImmediateAck => unknown(types::IMMEDIATE_ACK),
        Seen::Datagram(len) => QuicFrame::Datagram { raw: bytes(len) },
    })
}

/// A frame that qlog has no word for.
fn unknown(frame_type: u8) -> QuicFrame {
    QuicFrame::Unknown {
        frame_type_bytes: Some(frame_type.into()),
        raw: None,
    }
}

/// A frame about streams, that of the handshake among them; `None` for any other.
fn of_stream(seen: Seen) -> Option<QuicFrame> {
    let raw = None;
    Some(match seen {
        Seen::ResetStream {
            id,
            code,
            final_size,
        } => QuicFrame::ResetStream {
            stream_id: id.to_u64(),
            error: ApplicationError::Unknown,
            error_code: Some(code),
            final_size,
            raw,
        },
        Seen::StopSending { id, code } => QuicFrame::StopSending {
            stream_id: id.to_u64(),
            error: ApplicationError::Unknown,
            error_code: Some(code),
            raw,
        },
        Seen::Stream {
            id,
            offset,
            len,
            fin,
        } => QuicFrame::Stream {
            stream_id: id.to_u64(),
            offset: Some(offset),
            fin: fin.then_some(true),
            raw: Some(Box::new(raw_info(len))),
        },
        Seen::MaxStreamData { id, max } => QuicFrame::MaxStreamData {
            stream_id: id.to_u64(),
            maximum: max,
            raw,
        },
        Seen::MaxStreams { direction, max } => QuicFrame::MaxStreams {
            stream_type: stream_type(direction),
            maximum: max,
            raw,
        },
        Seen::StreamDataBlocked { id, limit } => QuicFrame::StreamDataBlocked {
            stream_id: id.to_u64(),
            limit,
            raw,
        },
        Seen::StreamsBlocked { direction, limit } => QuicFrame::StreamsBlocked {
            stream_type: stream_type(direction),
            limit,
            raw,
        },
        Seen::Crypto { offset, len } => QuicFrame::Crypto {
            offset,
            raw: Some(Box::new(raw_info(len))),
        },
        _ => return None,
    })
}

/// Adds to an ACK frame what belongs to it.
pub(super) fn add(frame: &mut QuicFrame, seen: Seen) {
    let QuicFrame::Ack {
        acked_ranges,
        ect1,
        ect0,
        ce,
        ..
    } = frame
    else {
        return;
    };
    match seen {
        Seen::AckRange { smallest, largest } => acked_ranges
            .get_or_insert_default()
            .push(AckRange::new(smallest, largest)),
        Seen::AckEcn(counts) => {
            *ect1 = Some(counts.ect1);
            *ect0 = Some(counts.ect0);
            *ce = Some(counts.ce);
        }
        _ => {}
    }
}

fn close(space: ErrorSpace, code: u64, frame_type: Option<u64>) -> QuicFrame {
    QuicFrame::ConnectionClose {
        error_space: Some(space),
        error: None,
        error_code: Some(code),
        reason: None,
        reason_bytes: None,
        trigger_frame_type: frame_type,
    }
}

fn raw_info(len: u16) -> RawInfo {
    RawInfo {
        length: None,
        payload_length: Some(len.into()),
        data: None,
    }
}

const fn stream_type(direction: Direction) -> StreamType {
    match direction {
        Direction::Bidirectional => StreamType::Bidirectional,
        Direction::Unidirectional => StreamType::Unidirectional,
    }
}
