//! What each frame of the peer does. Frames in, one call each to the part that it concerns.

use inquic_platform::{Duration, Instant};
use inquic_wire::frame::{Ack, Frame, StreamFrame};
use inquic_wire::{AckFrequency, Code, Level, PeerError, Role, Space};

use super::Connection;
use super::close::CloseReason;
use crate::stream::OnStream;

/// Where a frame stood.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) now: Instant,
    pub(super) level: Level,
    /// The destination id that the packet was sent to.
    pub(super) dcid: &'a [u8],
}

impl Connection {
    /// Acts on one frame and says whether its packet may be acknowledged; the error closes the connection.
    pub(super) fn on_frame(
        &mut self,
        context: Context<'_>,
        frame: &Frame<'_>,
    ) -> Result<OnStream, PeerError> {
        let now = context.now;
        match *frame {
            Frame::Stream { .. }
            | Frame::ResetStream { .. }
            | Frame::StopSending { .. }
            | Frame::MaxData(_)
            | Frame::MaxStreamData { .. }
            | Frame::MaxStreams { .. }
            | Frame::DataBlocked(_)
            | Frame::StreamDataBlocked { .. }
            | Frame::StreamsBlocked { .. } => return self.on_frame_of_streams(frame),
            Frame::Ack(ref ack) => self.on_ack(context, ack)?,
            Frame::Padding { .. } | Frame::Ping => {}
            Frame::Crypto { offset, data } => {
                return self.on_crypto(context.level.space(), offset, data);
            }
            Frame::NewToken { token } => self.pending.token |= self.hello.tokens.keep(token),
            Frame::NewConnectionId {
                sequence,
                retire_prior_to,
                id,
                reset_token,
            } => {
                let ids = &mut self.carried.peer_ids;
                if !ids.on_new(sequence, retire_prior_to, id, reset_token)? {
                    return Ok(OnStream::Refused);
                }
                self.give_ids();
            }
            Frame::RetireConnectionId { sequence } => {
                self.carried.local_ids.on_retire(sequence, context.dcid)?;
            }
            Frame::PathChallenge(data) => self.on_path_challenge(data),
            Frame::PathResponse(data) => self.on_path_response(now, data)?,
            Frame::ConnectionClose {
                code,
                frame_type,
                reason,
            } => {
                let reason = CloseReason::transport_by_peer(code, frame_type, reason);
                self.on_close(now, reason);
            }
            Frame::ApplicationClose { code, reason } => {
                self.on_close(now, CloseReason::application_by_peer(code, reason));
            }
            Frame::HandshakeDone => self.on_handshake_done(now),
            Frame::AckFrequency(ref frequency) => return self.on_ack_frequency(frequency),
            Frame::ImmediateAck => self.on_immediate_ack(now)?,
            Frame::Datagram { data, has_len } => self.on_datagram(data, has_len)?,
        }
        Ok(OnStream::Taken)
    }

    fn on_frame_of_streams(&mut self, frame: &Frame<'_>) -> Result<OnStream, PeerError> {
        let Some(streams) = self.carried.streams_mut() else {
            debug_assert!(
                false,
                "where there are keys for such frames there are streams"
            );
            return Ok(OnStream::Refused);
        };
        match *frame {
            Frame::Stream {
                id,
                offset,
                data,
                fin,
            } => return streams.on_stream(id, offset, data, fin),
            Frame::ResetStream {
                id,
                code,
                final_size,
            } => return streams.on_reset_stream(id, code, final_size),
            Frame::StopSending { id, code } => return streams.on_stop_sending(id, code),
            Frame::MaxData(max) => streams.on_max_data(max),
            Frame::MaxStreamData { id, max } => return streams.on_max_stream_data(id, max),
            Frame::MaxStreams { direction, max } => streams.on_max_streams(direction, max)?,
            Frame::DataBlocked(limit) => streams.on_data_blocked(limit),
            Frame::StreamDataBlocked { id, limit } => streams.on_stream_data_blocked(id, limit)?,
            Frame::StreamsBlocked { direction, limit } => {
                streams.on_streams_blocked(direction, limit)?;
            }
            _ => {}
        }
        Ok(OnStream::Taken)
    }

    /// Acts on a STREAM frame, as [`Connection::on_frame`] does; the error names the frame.
    #[inline]
    pub(super) fn on_stream(&mut self, frame: StreamFrame<'_>) -> Result<OnStream, PeerError> {
        let StreamFrame {
            id,
            offset,
            data,
            fin,
        } = frame;
        let Some(streams) = self.carried.streams_mut() else {
            debug_assert!(
                false,
                "where there are keys for such frames there are streams"
            );
            return Ok(OnStream::Refused);
        };
        streams
            .on_stream(id, offset, data, fin)
            .map_err(|error| error.or_in_frame(Frame::from(frame).frame_type()))
    }

    fn on_ack(&mut self, context: Context<'_>, ack: &Ack<'_>) -> Result<(), PeerError> {
        let space = context.level.space();
        let confirmed = self.is_confirmed();
        //= RFC 9002 §5.3: MAY ignore the acknowledgment delay for Initial packets, since these
        //= acknowledgments are not delayed by the peer
        let delay = match space {
            Space::Application => scaled(ack.delay, self.peer.ack_delay_exponent),
            Space::Initial | Space::Handshake => Duration::ZERO,
        };
        //= RFC 9002 §5.3: In such cases, an endpoint SHOULD subtract such local delays from its RTT sample until the handshake is
        //= confirmed.
        let came = self.held_since.unwrap_or(context.now);
        let before = self.recovery.largest_acked(space);
        let carried = &mut self.carried;
        let acked =
            self.recovery
                .on_ack(came, space, ack, delay, confirmed, &mut |fate, frame| {
                    carried.on_fate(space, fate, frame);
                })?;
        if acked.newly {
            self.on_acked(context.now, space, ack, &acked, before);
        }
        if space == Space::Application
            && let Some(keys) = self.keys.one_rtt()
        {
            keys.on_acknowledged(ack.largest);
        }
        if acked.newly && self.carried.frequency.is_allowed() {
            self.review_ack_frequency();
        }
        if space == Space::Handshake && self.role == Role::Client {
            // The server can read our Handshake packets, so it knows our address (RFC 9002 §6.2.2.1).
            self.timer.peer_validated = true;
        }
        Ok(())
    }

    /// The peer says how often it wants acknowledgements.
    fn on_ack_frequency(&mut self, frequency: &AckFrequency) -> Result<OnStream, PeerError> {
        let shortest = self.config.min_ack_delay_us().ok_or(UNKNOWN_FRAME)?;
        // draft-ietf-quic-ack-frequency §4: what max_ack_delay cannot be, and less than we declared, is invalid.
        if !(shortest..MAX_ACK_DELAY_END_US).contains(&frequency.max_ack_delay_us) {
            return Err(PeerError::new(
                Code::ProtocolViolation,
                "requested acknowledgement delay out of range",
            ));
        }
        let [_, _, received] = &mut self.carried.received;
        if received.on_ack_frequency(frequency) {
            Ok(OnStream::Taken)
        } else {
            Ok(OnStream::Refused)
        }
    }

    fn on_immediate_ack(&mut self, now: Instant) -> Result<(), PeerError> {
        self.config.min_ack_delay_us().ok_or(UNKNOWN_FRAME)?;
        let [_, _, received] = &mut self.carried.received;
        received.on_immediate_ack(now);
        Ok(())
    }

    /// Asks for acknowledgements as the window has them.
    fn review_ack_frequency(&mut self) {
        let packets = self
            .recovery
            .congestion_window()
            .checked_div(self.max_datagram as u64)
            .unwrap_or(0);
        let smoothed = self.recovery.rtt().smoothed;
        self.carried.frequency.review(packets, smoothed);
    }

    fn on_handshake_done(&mut self, now: Instant) {
        if self.is_connected() {
            self.on_confirmed(now);
        }
    }
}

/// An ACK's delay field in real time; absurd values saturate (RFC 9000 §19.3).
fn scaled(delay: u64, exponent: u8) -> Duration {
    let micros =
        u64::try_from(u128::from(delay) << u32::from(exponent).min(20)).unwrap_or(u64::MAX);
    Duration::from_micros(micros)
}

/// A frame of an extension that we have not declared.
const UNKNOWN_FRAME: PeerError = PeerError::new(Code::FrameEncoding, "unknown frame type");
/// The first value that max_ack_delay cannot have (RFC 9000 §18.2), in microseconds.
const MAX_ACK_DELAY_END_US: u64 = (1 << 14) * 1_000;
