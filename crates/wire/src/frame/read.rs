//! Reads the payload of a packet: in come decrypted bytes, out come frames or the first offence. It never allocates,
//! and every frame takes at least one byte, so the loop ends.

use super::{Ack, AckFrequency, Frame, MAX_STREAMS_LIMIT, permitted, types};
use crate::{
    error::{Code, PeerError, Truncated},
    id::{ConnectionId, StreamId},
    level::{Direction, Level, Role},
    reader::Reader,
    varint::{VARINT_MAX, varint_len},
};

/// The frames of one packet, in order. After an offence there are no more.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    reader: Reader<'a>,
    level: Level,
    receiver: Role,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing has been read.
    Fresh,
    /// Something has been read.
    Reading,
}

impl<'a> Frames<'a> {
    /// Reads the payload of a packet of `level` that `receiver` received.
    #[inline]
    #[must_use]
    pub const fn new(payload: &'a [u8], level: Level, receiver: Role) -> Self {
        Self {
            reader: Reader::new(payload),
            level,
            receiver,
            state: State::Fresh,
        }
    }
}

/// The parts of a STREAM frame (RFC 9000 §19.8). In registers they cost less than a [`Frame`], which is moved through memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamFrame<'a> {
    /// The stream.
    pub id: StreamId,
    /// Where in the stream the data begins.
    pub offset: u64,
    /// The data, possibly none.
    pub data: &'a [u8],
    /// Whether the stream ends behind the data.
    pub fin: bool,
}

impl<'a> Frames<'a> {
    /// The next frame if it is a STREAM frame without offence, as in nearly every packet of a transfer. Otherwise nothing is
    /// taken, and the iterator says what comes next.
    #[inline]
    pub fn next_stream(&mut self) -> Option<StreamFrame<'a>> {
        let mut reader = Reader::new(self.reader.peek());
        let frame_type = reader.u8().ok()?;
        if !matches!(frame_type, types::STREAM..=types::STREAM_LAST) {
            return None;
        }
        permitted::check(frame_type, self.level, self.receiver).ok()?;
        let frame = read_stream(&mut reader, frame_type).ok()?;
        self.reader.bytes(reader.position()).ok()?;
        self.state = State::Reading;
        Some(frame)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, PeerError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return match core::mem::replace(&mut self.state, State::Reading) {
                //= RFC 9000 §12.4: An endpoint MUST treat receipt of a packet containing no frames as a connection
                //= error of type PROTOCOL_VIOLATION.
                State::Fresh => Some(Err(PeerError::new(
                    Code::ProtocolViolation,
                    "packet without frames",
                ))),
                State::Reading => None,
            };
        }
        self.state = State::Reading;
        let frame = read(&mut self.reader, self.level, self.receiver);
        if frame.is_err() {
            self.reader.rest();
        }
        Some(frame)
    }
}

impl core::iter::FusedIterator for Frames<'_> {}

impl<'a> From<StreamFrame<'a>> for Frame<'a> {
    #[inline]
    fn from(frame: StreamFrame<'a>) -> Self {
        let StreamFrame {
            id,
            offset,
            data,
            fin,
        } = frame;
        Self::Stream {
            id,
            offset,
            data,
            fin,
        }
    }
}

#[inline]
fn read<'a>(r: &mut Reader<'a>, level: Level, receiver: Role) -> Result<Frame<'a>, PeerError> {
    let frame_type = r.u8()?;
    if frame_type > 0x3f {
        return read_long_type(r, frame_type, level, receiver);
    }
    permitted::check(frame_type, level, receiver)
        .and_then(|()| read_body(r, frame_type))
        .map_err(|error| error.in_frame(u64::from(frame_type)))
}

#[inline]
fn read_body<'a>(r: &mut Reader<'a>, frame_type: u8) -> Result<Frame<'a>, PeerError> {
    Ok(match frame_type {
        types::STREAM..=types::STREAM_LAST => read_stream(r, frame_type)?.into(),
        types::ACK => Frame::Ack(Ack::read(r, false)?),
        types::ACK_ECN => Frame::Ack(Ack::read(r, true)?),
        types::PADDING => read_padding(r),
        types::PING => Frame::Ping,
        types::MAX_DATA => Frame::MaxData(r.varint()?),
        types::MAX_STREAM_DATA => Frame::MaxStreamData {
            id: read_stream_id(r)?,
            max: r.varint()?,
        },
        types::CRYPTO => return read_crypto(r),
        _ => return read_rare(r, frame_type),
    })
}

fn read_rare<'a>(r: &mut Reader<'a>, frame_type: u8) -> Result<Frame<'a>, PeerError> {
    Ok(match frame_type {
        types::RESET_STREAM => Frame::ResetStream {
            id: read_stream_id(r)?,
            code: r.varint()?,
            final_size: r.varint()?,
        },
        types::STOP_SENDING => Frame::StopSending {
            id: read_stream_id(r)?,
            code: r.varint()?,
        },
        types::NEW_TOKEN => return read_new_token(r),
        types::MAX_STREAMS_BIDI => Frame::MaxStreams {
            direction: Direction::Bidirectional,
            max: read_max_streams(r)?,
        },
        types::MAX_STREAMS_UNI => Frame::MaxStreams {
            direction: Direction::Unidirectional,
            max: read_max_streams(r)?,
        },
        types::DATA_BLOCKED => Frame::DataBlocked(r.varint()?),
        types::STREAM_DATA_BLOCKED => Frame::StreamDataBlocked {
            id: read_stream_id(r)?,
            limit: r.varint()?,
        },
        types::STREAMS_BLOCKED_BIDI => Frame::StreamsBlocked {
            direction: Direction::Bidirectional,
            limit: read_streams_blocked(r)?,
        },
        types::STREAMS_BLOCKED_UNI => Frame::StreamsBlocked {
            direction: Direction::Unidirectional,
            limit: read_streams_blocked(r)?,
        },
        types::NEW_CONNECTION_ID => return read_new_connection_id(r),
        types::RETIRE_CONNECTION_ID => Frame::RetireConnectionId {
            sequence: r.varint()?,
        },
        types::PATH_CHALLENGE => Frame::PathChallenge(r.array()?),
        types::PATH_RESPONSE => Frame::PathResponse(r.array()?),
        types::CONNECTION_CLOSE => Frame::ConnectionClose {
            code: Code::from_u64(r.varint()?),
            frame_type: r.varint()?,
            reason: r.varint_bytes()?,
        },
        types::APPLICATION_CLOSE => Frame::ApplicationClose {
            code: r.varint()?,
            reason: r.varint_bytes()?,
        },
        types::HANDSHAKE_DONE => Frame::HandshakeDone,
        types::IMMEDIATE_ACK => Frame::ImmediateAck,
        types::DATAGRAM => Frame::Datagram {
            data: r.rest(),
            has_len: false,
        },
        types::DATAGRAM_LEN => Frame::Datagram {
            data: r.varint_bytes()?,
            has_len: true,
        },
        // `permitted::check` let no other type pass; the answer here is the same.
        _ => return Err(PeerError::new(Code::FrameEncoding, "unknown frame type")),
    })
}

/// A frame whose type takes more than one byte: ACK_FREQUENCY, or an offence.
#[cold]
fn read_long_type<'a>(
    r: &mut Reader<'a>,
    first: u8,
    level: Level,
    receiver: Role,
) -> Result<Frame<'a>, PeerError> {
    let mut ahead = Reader::new(r.peek());
    if first != 0x40 || ahead.u8() != Ok(types::ACK_FREQUENCY) {
        return Err(long_type(r, first));
    }
    permitted::check(types::ACK_FREQUENCY, level, receiver)
        .and_then(|()| Ok(r.u8().and_then(|_| read_ack_frequency(r))?))
        .map(Frame::AckFrequency)
        .map_err(|error| error.in_frame(u64::from(types::ACK_FREQUENCY)))
}

fn read_ack_frequency(r: &mut Reader<'_>) -> Result<AckFrequency, Truncated> {
    Ok(AckFrequency {
        sequence: r.varint()?,
        threshold: r.varint()?,
        max_ack_delay_us: r.varint()?,
        reordering: r.varint()?,
    })
}

/// The offence in a frame type of more than one byte.
fn long_type(r: &mut Reader<'_>, first: u8) -> PeerError {
    let len: usize = 1 << (first >> 6);
    let mut frame_type = u64::from(first & 0x3f);
    for _ in 1..len {
        match r.u8() {
            Ok(byte) => frame_type = frame_type << 8 | u64::from(byte),
            Err(truncated) => return truncated.into(),
        }
    }
    if varint_len(frame_type) < len {
        //= RFC 9000 §12.4: An endpoint MAY treat the receipt of a frame type that uses a longer encoding than necessary
        //= as a connection error of type PROTOCOL_VIOLATION.
        return PeerError::new(
            Code::ProtocolViolation,
            "frame type not in its shortest encoding",
        )
        .in_frame(frame_type);
    }
    PeerError::new(Code::FrameEncoding, "unknown frame type").in_frame(frame_type)
}

/// Takes the zeros that follow too, so that a padded packet is one item and not a thousand.
#[inline]
fn read_padding<'a>(r: &mut Reader<'a>) -> Frame<'a> {
    let unread = r.peek();
    let (chunks, _) = unread.as_chunks::<16>();
    let zero_chunks = chunks
        .iter()
        .take_while(|&&chunk| u128::from_ne_bytes(chunk) == 0)
        .count();
    let skipped = zero_chunks.saturating_mul(16);
    let more = unread
        .iter()
        .skip(skipped)
        .take_while(|&&byte| byte == 0)
        .count();
    let zeros = skipped.saturating_add(more);
    let taken = r.bytes(zeros).unwrap_or_default();
    Frame::Padding {
        count: taken.len().saturating_add(1),
    }
}

#[inline]
fn read_stream<'a>(r: &mut Reader<'a>, frame_type: u8) -> Result<StreamFrame<'a>, PeerError> {
    let id = read_stream_id(r)?;
    let offset = if frame_type & types::STREAM_OFF == 0 {
        0
    } else {
        r.varint()?
    };
    let data = if frame_type & types::STREAM_LEN == 0 {
        r.rest()
    } else {
        r.varint_bytes()?
    };
    if !ends_in_range(offset, data) {
        //= RFC 9000 §19.8: Receipt of a frame that exceeds this limit MUST be treated as a connection error of type
        //= FRAME_ENCODING_ERROR or FLOW_CONTROL_ERROR.
        return Err(PeerError::new(
            Code::FrameEncoding,
            "stream data beyond 2^62 - 1",
        ));
    }
    Ok(StreamFrame {
        id,
        offset,
        data,
        fin: frame_type & types::STREAM_FIN != 0,
    })
}

#[inline]
fn read_crypto<'a>(r: &mut Reader<'a>) -> Result<Frame<'a>, PeerError> {
    let offset = r.varint()?;
    let data = r.varint_bytes()?;
    if !ends_in_range(offset, data) {
        //= RFC 9000 §19.6: Receipt of a frame that exceeds this limit MUST be treated as a connection error of type
        //= FRAME_ENCODING_ERROR or CRYPTO_BUFFER_EXCEEDED.
        return Err(PeerError::new(
            Code::FrameEncoding,
            "crypto data beyond 2^62 - 1",
        ));
    }
    Ok(Frame::Crypto { offset, data })
}

#[inline]
const fn ends_in_range(offset: u64, data: &[u8]) -> bool {
    offset.saturating_add(data.len() as u64) <= VARINT_MAX
}

#[inline]
fn read_stream_id(r: &mut Reader<'_>) -> Result<StreamId, Truncated> {
    r.varint().map(StreamId::from_varint)
}

fn read_new_token<'a>(r: &mut Reader<'a>) -> Result<Frame<'a>, PeerError> {
    let token = r.varint_bytes()?;
    if token.is_empty() {
        //= RFC 9000 §19.7: A client MUST treat receipt of a NEW_TOKEN frame with an empty Token field as a connection
        //= error of type FRAME_ENCODING_ERROR.
        return Err(PeerError::new(Code::FrameEncoding, "empty token"));
    }
    Ok(Frame::NewToken { token })
}

fn read_max_streams(r: &mut Reader<'_>) -> Result<u64, PeerError> {
    let max = r.varint()?;
    if max > MAX_STREAMS_LIMIT {
        //= RFC 9000 §19.11: Receipt of a frame that permits opening of a stream larger than this limit MUST be treated
        //= as a connection error of type FRAME_ENCODING_ERROR.
        return Err(PeerError::new(
            Code::FrameEncoding,
            "maximum streams above 2^60",
        ));
    }
    Ok(max)
}

fn read_streams_blocked(r: &mut Reader<'_>) -> Result<u64, PeerError> {
    let limit = r.varint()?;
    if limit > MAX_STREAMS_LIMIT {
        //= RFC 9000 §19.14: Receipt of a frame that encodes a larger stream ID MUST be treated as a connection error of
        //= type STREAM_LIMIT_ERROR or FRAME_ENCODING_ERROR.
        return Err(PeerError::new(
            Code::FrameEncoding,
            "blocked streams above 2^60",
        ));
    }
    Ok(limit)
}

fn read_new_connection_id<'a>(r: &mut Reader<'a>) -> Result<Frame<'a>, PeerError> {
    let sequence = r.varint()?;
    let retire_prior_to = r.varint()?;
    let len = r.u8()?;
    if !(1..=20).contains(&len) {
        //= RFC 9000 §19.15: Values less than 1 and greater than 20 are invalid and MUST be treated as a connection error
        //= of type FRAME_ENCODING_ERROR.
        return Err(PeerError::new(
            Code::FrameEncoding,
            "connection id not of 1 to 20 bytes",
        ));
    }
    let id = ConnectionId::new(r.bytes(usize::from(len))?).ok_or(Truncated)?;
    let reset_token = r.array()?;
    if retire_prior_to > sequence {
        //= RFC 9000 §19.15: Receiving a value in the Retire Prior To field that is greater than that in the Sequence
        //= Number field MUST be treated as a connection error of type FRAME_ENCODING_ERROR.
        return Err(PeerError::new(
            Code::FrameEncoding,
            "retire prior to above the sequence number",
        ));
    }
    Ok(Frame::NewConnectionId {
        sequence,
        retire_prior_to,
        id,
        reset_token,
    })
}
