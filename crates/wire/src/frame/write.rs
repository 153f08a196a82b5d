//! Writes frames: in come values, out come bytes. A frame that does not fit is not written at all.

use super::{AckFrequency, Frame, types, write_ack};
use crate::{
    error::{Code, Full},
    id::{ConnectionId, StreamId},
    level::Direction,
    varint::varint_len,
    writer::Writer,
};

impl Frame<'_> {
    /// Writes the frame; a STREAM frame with its length, a DATAGRAM frame as it was, a close with as much of the reason as fits. Errors: it does not
    /// fit, and nothing is written.
    pub fn write(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        match *self {
            Self::Padding { count } => write_padding(w, count),
            Self::Ping => write_ping(w),
            Self::Ack(ack) => w.whole(|w| {
                let written = write_ack(w, ack.ranges(), ack.delay, ack.ecn)?;
                let all = written == ack.ranges().count();
                all.then_some(()).ok_or(Full)
            }),
            Self::ResetStream {
                id,
                code,
                final_size,
            } => write_reset_stream(w, id, code, final_size),
            Self::StopSending { id, code } => write_stop_sending(w, id, code),
            Self::Crypto { offset, data } => {
                write_crypto(w, offset, data.len()).map(|place| place.copy_from_slice(data))
            }
            Self::NewToken { token } => write_new_token(w, token),
            Self::Stream {
                id,
                offset,
                data,
                fin,
            } => write_stream(w, id, offset, data.len(), fin, false)
                .map(|place| place.copy_from_slice(data)),
            Self::MaxData(max) => write_max_data(w, max),
            Self::MaxStreamData { id, max } => write_max_stream_data(w, id, max),
            Self::MaxStreams { direction, max } => write_max_streams(w, direction, max),
            Self::DataBlocked(limit) => write_data_blocked(w, limit),
            Self::StreamDataBlocked { id, limit } => write_stream_data_blocked(w, id, limit),
            Self::StreamsBlocked { direction, limit } => write_streams_blocked(w, direction, limit),
            Self::NewConnectionId {
                sequence,
                retire_prior_to,
                ref id,
                ref reset_token,
            } => write_new_connection_id(w, sequence, retire_prior_to, id, reset_token),
            Self::RetireConnectionId { sequence } => write_retire_connection_id(w, sequence),
            Self::PathChallenge(data) => write_path_challenge(w, data),
            Self::PathResponse(data) => write_path_response(w, data),
            Self::ConnectionClose {
                code,
                frame_type,
                reason,
            } => write_connection_close(w, code, frame_type, reason),
            Self::ApplicationClose { code, reason } => write_application_close(w, code, reason),
            Self::HandshakeDone => write_handshake_done(w),
            Self::AckFrequency(frequency) => write_ack_frequency(w, &frequency),
            Self::ImmediateAck => write_immediate_ack(w),
            Self::Datagram { data, has_len } => w.whole(|w| {
                write_datagram_header(w, data.len(), !has_len)?;
                w.bytes(data)
            }),
        }
    }
}

/// The bytes of a STREAM frame before its `len` bytes of data. A `last` frame has no length and fills its packet.
#[inline]
#[must_use]
pub const fn stream_header_len(id: StreamId, offset: u64, len: usize, last: bool) -> usize {
    let offset = if offset == 0 { 0 } else { varint_len(offset) };
    let len = if last { 0 } else { varint_len(len as u64) };
    varint_len(id.to_u64())
        .saturating_add(1)
        .saturating_add(offset)
        .saturating_add(len)
}

/// Writes a STREAM frame up to its data, which the caller puts after it. A `last` frame has no length: nothing may
/// follow its data in the packet. Errors: the header does not fit.
#[inline]
pub fn write_stream_header(
    w: &mut Writer<'_>,
    id: StreamId,
    offset: u64,
    len: usize,
    fin: bool,
    last: bool,
) -> Result<(), Full> {
    let has_len = if last { 0 } else { types::STREAM_LEN };
    w.whole(|w| {
        w.u8(types::stream(offset, fin) | has_len)?;
        w.varint(id.to_u64())?;
        if offset != 0 {
            w.varint(offset)?;
        }
        if !last {
            w.varint(len as u64)?;
        }
        Ok(())
    })
}

/// Writes a STREAM frame and gives the place of its `len` bytes of data to fill. A `last` frame has no length: nothing
/// may follow it in the packet. Errors: header and data do not fit.
#[inline]
pub fn write_stream<'w>(
    w: &'w mut Writer<'_>,
    id: StreamId,
    offset: u64,
    len: usize,
    fin: bool,
    last: bool,
) -> Result<&'w mut [u8], Full> {
    if stream_header_len(id, offset, len, last).saturating_add(len) > w.remaining() {
        return Err(Full);
    }
    write_stream_header(w, id, offset, len, fin, last)?;
    w.reserve(len)
}

/// The bytes of a CRYPTO frame before its `len` bytes of data.
#[inline]
#[must_use]
pub const fn crypto_header_len(offset: u64, len: usize) -> usize {
    varint_len(offset)
        .saturating_add(1)
        .saturating_add(varint_len(len as u64))
}

/// Writes a CRYPTO frame up to its data, which the caller puts after it. Errors: the header does not fit.
#[inline]
pub fn write_crypto_header(w: &mut Writer<'_>, offset: u64, len: usize) -> Result<(), Full> {
    w.whole(|w| {
        w.u8(types::CRYPTO)?;
        w.varint(offset)?;
        w.varint(len as u64)
    })
}

/// Writes a CRYPTO frame and gives the place of its `len` bytes of data to fill. Errors: header and data do not fit.
#[inline]
pub fn write_crypto<'w>(
    w: &'w mut Writer<'_>,
    offset: u64,
    len: usize,
) -> Result<&'w mut [u8], Full> {
    if crypto_header_len(offset, len).saturating_add(len) > w.remaining() {
        return Err(Full);
    }
    write_crypto_header(w, offset, len)?;
    w.reserve(len)
}

/// Writes `n` PADDING frames. Errors: they do not fit.
#[inline]
pub fn write_padding(w: &mut Writer<'_>, n: usize) -> Result<(), Full> {
    // The type of PADDING is 0.
    w.zeros(n)
}

/// Writes PING. Errors: it does not fit.
#[inline]
pub fn write_ping(w: &mut Writer<'_>) -> Result<(), Full> {
    w.u8(types::PING)
}

/// Writes RESET_STREAM. Errors: it does not fit.
pub fn write_reset_stream(
    w: &mut Writer<'_>,
    id: StreamId,
    code: u64,
    final_size: u64,
) -> Result<(), Full> {
    varints(w, types::RESET_STREAM, [id.to_u64(), code, final_size])
}

/// Writes STOP_SENDING. Errors: it does not fit.
pub fn write_stop_sending(w: &mut Writer<'_>, id: StreamId, code: u64) -> Result<(), Full> {
    varints(w, types::STOP_SENDING, [id.to_u64(), code])
}

/// Writes NEW_TOKEN. Errors: it does not fit, or the token is empty.
pub fn write_new_token(w: &mut Writer<'_>, token: &[u8]) -> Result<(), Full> {
    //= RFC 9000 §19.7: The token MUST NOT be empty.
    if token.is_empty() {
        return Err(Full);
    }
    w.whole(|w| {
        w.u8(types::NEW_TOKEN)?;
        w.varint_bytes(token)
    })
}

/// Writes MAX_DATA. Errors: it does not fit.
pub fn write_max_data(w: &mut Writer<'_>, max: u64) -> Result<(), Full> {
    varints(w, types::MAX_DATA, [max])
}

/// Writes MAX_STREAM_DATA. Errors: it does not fit.
pub fn write_max_stream_data(w: &mut Writer<'_>, id: StreamId, max: u64) -> Result<(), Full> {
    varints(w, types::MAX_STREAM_DATA, [id.to_u64(), max])
}

/// Writes MAX_STREAMS. Errors: it does not fit.
pub fn write_max_streams(w: &mut Writer<'_>, direction: Direction, max: u64) -> Result<(), Full> {
    let frame_type = match direction {
        Direction::Bidirectional => types::MAX_STREAMS_BIDI,
        Direction::Unidirectional => types::MAX_STREAMS_UNI,
    };
    varints(w, frame_type, [max])
}

/// Writes DATA_BLOCKED. Errors: it does not fit.
pub fn write_data_blocked(w: &mut Writer<'_>, limit: u64) -> Result<(), Full> {
    varints(w, types::DATA_BLOCKED, [limit])
}

/// Writes STREAM_DATA_BLOCKED. Errors: it does not fit.
pub fn write_stream_data_blocked(w: &mut Writer<'_>, id: StreamId, limit: u64) -> Result<(), Full> {
    varints(w, types::STREAM_DATA_BLOCKED, [id.to_u64(), limit])
}

/// Writes STREAMS_BLOCKED. Errors: it does not fit.
pub fn write_streams_blocked(
    w: &mut Writer<'_>,
    direction: Direction,
    limit: u64,
) -> Result<(), Full> {
    let frame_type = match direction {
        Direction::Bidirectional => types::STREAMS_BLOCKED_BIDI,
        Direction::Unidirectional => types::STREAMS_BLOCKED_UNI,
    };
    varints(w, frame_type, [limit])
}

/// Writes NEW_CONNECTION_ID. Errors: it does not fit, or the id is empty.
pub fn write_new_connection_id(
    w: &mut Writer<'_>,
    sequence: u64,
    retire_prior_to: u64,
    id: &ConnectionId,
    reset_token: &[u8; 16],
) -> Result<(), Full> {
    if id.is_empty() {
        return Err(Full);
    }
    w.whole(|w| {
        varints(w, types::NEW_CONNECTION_ID, [sequence, retire_prior_to])?;
        // A varint of at most 20 is the byte that the frame wants.
        w.varint_bytes(id)?;
        w.bytes(reset_token)
    })
}

/// Writes RETIRE_CONNECTION_ID. Errors: it does not fit.
pub fn write_retire_connection_id(w: &mut Writer<'_>, sequence: u64) -> Result<(), Full> {
    varints(w, types::RETIRE_CONNECTION_ID, [sequence])
}

/// Writes PATH_CHALLENGE. Errors: it does not fit.
pub fn write_path_challenge(w: &mut Writer<'_>, data: [u8; 8]) -> Result<(), Full> {
    w.whole(|w| {
        w.u8(types::PATH_CHALLENGE)?;
        w.bytes(&data)
    })
}

/// Writes PATH_RESPONSE. Errors: it does not fit.
pub fn write_path_response(w: &mut Writer<'_>, data: [u8; 8]) -> Result<(), Full> {
    w.whole(|w| {
        w.u8(types::PATH_RESPONSE)?;
        w.bytes(&data)
    })
}

/// Writes CONNECTION_CLOSE of type 0x1c, with as much of the reason as fits. Errors: not even an empty reason fits.
pub fn write_connection_close(
    w: &mut Writer<'_>,
    code: Code,
    frame_type: u64,
    reason: &[u8],
) -> Result<(), Full> {
    w.whole(|w| {
        varints(w, types::CONNECTION_CLOSE, [code.to_u64(), frame_type])?;
        write_reason(w, reason)
    })
}

/// Writes CONNECTION_CLOSE of type 0x1d, with as much of the reason as fits. Errors: not even an empty reason fits.
pub fn write_application_close(w: &mut Writer<'_>, code: u64, reason: &[u8]) -> Result<(), Full> {
    w.whole(|w| {
        varints(w, types::APPLICATION_CLOSE, [code])?;
        write_reason(w, reason)
    })
}

/// Writes HANDSHAKE_DONE. Errors: it does not fit.
pub fn write_handshake_done(w: &mut Writer<'_>) -> Result<(), Full> {
    w.u8(types::HANDSHAKE_DONE)
}

/// Writes ACK_FREQUENCY. Errors: it does not fit.
pub fn write_ack_frequency(w: &mut Writer<'_>, frequency: &AckFrequency) -> Result<(), Full> {
    let AckFrequency {
        sequence,
        threshold,
        max_ack_delay_us,
        reordering,
    } = *frequency;
    w.whole(|w| {
        w.varint(u64::from(types::ACK_FREQUENCY))?;
        w.varint(sequence)?;
        w.varint(threshold)?;
        w.varint(max_ack_delay_us)?;
        w.varint(reordering)
    })
}

/// Writes IMMEDIATE_ACK. Errors: it does not fit.
pub fn write_immediate_ack(w: &mut Writer<'_>) -> Result<(), Full> {
    w.u8(types::IMMEDIATE_ACK)
}

/// Writes a DATAGRAM frame up to its `len` bytes of data, which the caller puts after it. A `last` frame has no length:
/// nothing may follow its data in the packet. Errors: the header does not fit.
pub fn write_datagram_header(w: &mut Writer<'_>, len: usize, last: bool) -> Result<(), Full> {
    if last {
        return w.u8(types::DATAGRAM);
    }
    w.whole(|w| {
        w.u8(types::DATAGRAM_LEN)?;
        w.varint(len as u64)
    })
}

/// A frame that is a type and a few numbers.
#[inline]
fn varints<const N: usize>(
    w: &mut Writer<'_>,
    frame_type: u8,
    values: [u64; N],
) -> Result<(), Full> {
    w.whole(|w| {
        w.u8(frame_type)?;
        values.into_iter().try_for_each(|value| w.varint(value))
    })
}

fn write_reason(w: &mut Writer<'_>, reason: &[u8]) -> Result<(), Full> {
    let room = w.remaining();
    let longest = reason.len().min(room.checked_sub(1).ok_or(Full)?);
    let longest = longest.min(room.saturating_sub(varint_len(longest as u64)));
    let cut = if longest == reason.len() {
        longest
    } else {
        char_boundary(reason, longest)
    };
    w.varint_bytes(reason.get(..cut).unwrap_or_default())
}

/// The last place at or before `at` that does not split a character of UTF-8 text; `at` itself in any other bytes.
fn char_boundary(text: &[u8], at: usize) -> usize {
    // A character has at most three bytes after its first.
    (at.saturating_sub(3)..=at)
        .rev()
        .find(|&place| text.get(place).is_none_or(|byte| byte & 0xc0 != 0x80))
        .unwrap_or(at)
}
