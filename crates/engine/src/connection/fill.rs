//! The frames of one packet, in the order of their worth: what is to be said in, frames in the packet and a note of each out. It never
//! writes a frame that there is no memory to note.

use alloc::vec::Vec;

use inquic_platform::{Instant, Tail, memory};
use inquic_wire::frame::{
    write_ack, write_handshake_done, write_immediate_ack, write_new_connection_id, write_new_token,
    write_ping, write_retire_connection_id,
};
use inquic_wire::{Space, Writer};

use super::carry::{Carried, Data};
use super::packet::Permit;
use crate::datagram::Turn;
use crate::recovery::SentFrame;
use crate::stream::FRAMES_AFTER_FULL;

/// What a packet is to carry.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) now: Instant,
    pub(super) space: Space,
    /// A 0-RTT packet, in which some frames may not be.
    pub(super) early: bool,
    pub(super) permit: Permit,
    pub(super) needs_ping: bool,
    pub(super) ping: bool,
    /// Bytes of the longest datagram that fits into a full packet; 0 when none waits.
    pub(super) datagram_room: usize,
    pub(super) ack_delay_exponent: u8,
}

impl Carried {
    /// Writes frames until the packet is full or nothing is left to say. Says whether the peer must acknowledge it.
    pub(super) fn write(
        &mut self,
        wanted: Wanted,
        writer: &mut Writer<'_>,
        tail: &mut Tail,
        frames: &mut Vec<SentFrame>,
    ) -> bool {
        if !has_room(frames) {
            return false;
        }
        //= RFC 9000 §12.5: Note that it is not possible to send the following frames in 0-RTT packets for various reasons:
        //= ACK, CRYPTO, HANDSHAKE_DONE, NEW_TOKEN, PATH_RESPONSE, and RETIRE_CONNECTION_ID.
        let has_ack = !wanted.early && self.write_ack(wanted, writer, frames);
        let mut eliciting = false;
        if wanted.permit != Permit::AckOnly {
            let before = frames.len();
            if !wanted.early {
                self.write_crypto(wanted.space, writer, frames);
            }
            if wanted.space == Space::Application {
                if !wanted.early {
                    if wanted.permit == Permit::Probe && self.frequency.is_lowered() {
                        // Without it a probe could wait for the delay that we have asked for. It may be lost.
                        eliciting = write_immediate_ack(writer).is_ok();
                    }
                    self.write_control(writer, frames);
                }
                if wanted.datagram_room > 0 {
                    self.write_both(wanted, writer, tail, frames);
                } else if let Some(streams) = self.streams_mut() {
                    streams.write_frames(wanted.now, writer, Some(tail), &mut |sent| {
                        note(frames, sent)
                    });
                }
            }
            eliciting |= frames.len() > before;
        }
        let owes_ping =
            wanted.ping || wanted.permit == Permit::Probe || wanted.needs_ping && has_ack;
        if !eliciting && owes_ping && write_ping(writer).is_ok() {
            memory::put(frames, SentFrame::Ping);
            eliciting = true;
        }
        eliciting
    }

    /// Datagrams and stream data, which take turns at the front.
    #[inline(never)]
    fn write_both(
        &mut self,
        wanted: Wanted,
        writer: &mut Writer<'_>,
        tail: &mut Tail,
        frames: &mut Vec<SentFrame>,
    ) {
        let room = wanted.datagram_room;
        let Some(data) = &mut self.data else {
            return;
        };
        let Data { streams, datagrams } = &mut **data;
        let first = datagrams.is_first()
            && datagrams.write_frames(room, writer, &mut |sent| note(frames, sent));
        streams.write_frames(wanted.now, writer, Some(tail), &mut |sent| {
            note(frames, sent)
        });
        if first {
            datagrams.end_turn(Turn::Datagrams);
        } else {
            datagrams.write_frames(room, writer, &mut |sent| note(frames, sent));
            datagrams.end_turn(Turn::Streams);
        }
    }

    fn write_ack(
        &mut self,
        wanted: Wanted,
        writer: &mut Writer<'_>,
        frames: &mut Vec<SentFrame>,
    ) -> bool {
        let data = wanted.permit != Permit::AckOnly
            && (wanted.space != Space::Application || self.wants_data());
        let Some(received) = self.received.get_mut(wanted.space.index()) else {
            return false;
        };
        let due = received.ack_is_due(wanted.now);
        let Some(largest) = received
            .largest()
            .filter(|_| due || data && received.ack_is_useful())
        else {
            return false;
        };
        let delay = received.delay(wanted.now).as_micros() >> wanted.ack_delay_exponent.min(20);
        if write_ack(
            writer,
            received.numbers().descending(),
            delay,
            received.ecn(),
        )
        .is_err()
        {
            return false;
        }
        received.on_ack_sent(wanted.now);
        memory::put(frames, SentFrame::Ack { largest });
        true
    }

    fn write_crypto(&mut self, space: Space, writer: &mut Writer<'_>, frames: &mut Vec<SentFrame>) {
        let Some(send) = self.crypto_send.get_mut(space.index()) else {
            return;
        };
        while let Some(sent) = send.write_frame(writer) {
            let more = note(
                frames,
                SentFrame::Crypto {
                    offset: sent.offset,
                    len: sent.len,
                },
            );
            if !more {
                break;
            }
        }
    }

    /// Frames about the connection itself.
    fn write_control(&mut self, writer: &mut Writer<'_>, frames: &mut Vec<SentFrame>) {
        if self.owes_handshake_done && write_handshake_done(writer).is_ok() {
            self.owes_handshake_done = false;
            memory::put(frames, SentFrame::HandshakeDone);
        }
        let prior_to = self.local_ids.retire_prior_to();
        while let Some(issued) = self.local_ids.next_pending() {
            let (id, token) = (&issued.id, &issued.reset_token);
            if write_new_connection_id(writer, issued.sequence, prior_to, id, token).is_err() {
                break;
            }
            let sequence = issued.sequence;
            self.local_ids.on_sent(sequence);
            if !note(frames, SentFrame::NewConnectionId { sequence }) {
                break;
            }
        }
        while let Some(sequence) = self.peer_ids.next_retirement() {
            if write_retire_connection_id(writer, sequence).is_err() {
                self.peer_ids.on_lost(sequence);
                break;
            }
            if !note(frames, SentFrame::RetireConnectionId { sequence }) {
                break;
            }
        }
        if let Some(sequence) = self.frequency.write(writer, PACKET_THRESHOLD) {
            memory::put(frames, SentFrame::AckFrequency { sequence });
        }
        if self.new_token.wanted && write_new_token(writer, &self.new_token.token).is_ok() {
            self.new_token.wanted = false;
            memory::put(frames, SentFrame::NewToken);
        }
    }
}

/// Notes a frame that is written. Whether there is memory for [`FRAMES_NOTED`] more, so that another may be.
#[inline]
fn note(frames: &mut Vec<SentFrame>, frame: SentFrame) -> bool {
    memory::put(frames, frame);
    has_room(frames)
}

/// Whether there is memory to note [`FRAMES_NOTED`] frames.
#[inline]
pub(super) fn has_room(frames: &mut Vec<SentFrame>) -> bool {
    let room = frames.capacity().saturating_sub(frames.len());
    room >= FRAMES_NOTED || frames.try_reserve(FRAMES_NOTED).is_ok()
}

/// Frames of a packet for which there is always room: an ACK, one of CRYPTO, HANDSHAKE_DONE, one of each kind about connection
/// ids, ACK_FREQUENCY, NEW_TOKEN, the streams', one with a datagram, a PING.
const FRAMES_NOTED: usize = 9 + FRAMES_AFTER_FULL;
/// Packets out of order before one counts as lost (RFC 9002 §6.1.1): to be told of fewer would say nothing.
const PACKET_THRESHOLD: u64 = 3;
