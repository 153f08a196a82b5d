//! Datagrams in: packets taken apart, opened and given to the frames. Nothing is acted on before it was found authentic, and
//! what is dropped is counted.

use inquic_platform::crypto::MASK_LEN;
use inquic_platform::{Instant, OpenJob};
use inquic_wire::frame::Frames;
use inquic_wire::{
    Code, ConnectionId, Header, HeaderError, Level, LongKind, PeerError, Role, Space, Version,
    decode_packet_number,
};

use super::Connection;
use super::close::CloseReason;
use super::frames::Context;
use super::state::State;
use crate::counters::Drop;
use crate::limits;
use crate::path::Path;
use crate::protect;
use crate::space::Received as ReceivedNumbers;
use crate::stream::OnStream;
use crate::trace::What;

/// Datagrams of one path, as a home received them. They are opened in place.
#[derive(Debug)]
pub struct Received<'a> {
    /// From where to where.
    pub path: Path,
    /// One or more datagrams back to back.
    pub bytes: &'a mut [u8],
    /// Bytes of each datagram; the last may be shorter.
    pub segment: usize,
    /// The two ECN bits of the IP header.
    pub ecn: u8,
}

/// A long-header packet alone, still protected.
struct Long<'a> {
    packet: &'a mut [u8],
    version: Version,
    level: Level,
    dcid: ConnectionId,
    scid: ConnectionId,
    number_at: usize,
    ecn: u8,
}

/// A long-header packet that was authentic.
struct OpenedLong {
    /// Its first byte, in clear.
    first: u8,
    job: OpenJob,
}

impl Connection {
    /// Takes datagrams from the peer. Call [`Connection::transmit`] afterwards until it has nothing more.
    pub fn receive(&mut self, now: Instant, received: Received<'_>) {
        let Received {
            path,
            bytes,
            segment,
            ecn,
        } = received;
        self.counts.bytes_received = self
            .counts
            .bytes_received
            .saturating_add(bytes.len() as u64);
        self.recovery.trace.at(now);
        let segment = segment.max(1);
        let datagrams = bytes.len().div_ceil(segment);
        match &mut self.state {
            State::Closing(closing) => {
                // Its bytes give credit for the answer, and nothing more is looked at.
                let active = self.carried.paths.active_mut();
                if active.path.covers(&path) {
                    active.on_datagrams(now, bytes.len(), None);
                    closing.on_packet();
                }
                return self.drop_datagrams(Drop::Closed, datagrams);
            }
            State::Draining { .. } | State::Gone => {
                return self.drop_datagrams(Drop::Closed, datagrams);
            }
            State::Handshaking { .. } | State::Connected { .. } => {}
        }
        if self.idle_deadline().is_some_and(|at| at <= now) {
            // The timer is late, or the host slept. An acknowledgement from before would make the path look so slow that
            // nothing ended for hours.
            self.abandon(CloseReason::IdleTimeout);
            return self.drop_datagrams(Drop::Closed, datagrams);
        }
        match self.arrive(now, &path, bytes) {
            Ok(arrival) => self.arrival = arrival,
            Err(reason) => return self.drop_datagrams(reason, datagrams),
        }
        for batch in bytes.chunks_mut(segment.saturating_mul(BATCH)) {
            if self.keys.can_open(Level::OneRtt)
                && batch.first().is_some_and(|first| first & LONG == 0)
            {
                self.receive_short(now, batch, segment, ecn);
            } else {
                for datagram in batch.chunks_mut(segment) {
                    self.receive_datagram(now, datagram, ecn);
                }
            }
        }
        if self.role == Role::Server && !self.hello.heard {
            // Whoever sent this could not even make Initial keys: nothing of it is kept.
            self.abandon(CloseReason::HandshakeTimeout);
        }
        self.refresh_timer();
    }

    /// Takes packets again that came before their keys.
    pub(super) fn receive_held(&mut self, now: Instant, level: Level) {
        for _ in 0..self.held.packets.len() {
            let Some(mut held) = self.held.take(level) else {
                break;
            };
            self.held_since = Some(held.at);
            self.receive_datagram(now, &mut held.bytes, held.ecn);
        }
        self.held_since = None;
    }

    /// Takes one datagram with a long header, or one from before there were 1-RTT keys.
    pub(super) fn receive_datagram(&mut self, now: Instant, datagram: &mut [u8], ecn: u8) {
        let ends_in_token = self.is_stateless_reset(datagram);
        let before = self.counts.packets_received;
        self.receive_coalesced(now, datagram, ecn);
        //= RFC 9000 §10.3.1: However, the comparison MUST be performed when the first packet in an incoming datagram either
        //= cannot be associated with a connection or cannot be decrypted.
        if ends_in_token && self.counts.packets_received == before && self.is_open() {
            self.on_close(now, CloseReason::StatelessReset);
        }
    }

    /// Takes one datagram apart into its coalesced packets.
    fn receive_coalesced(&mut self, now: Instant, datagram: &mut [u8], ecn: u8) {
        if !self.is_open() {
            // A packet before it in the batch ended the connection.
            return self.drop_packet(Drop::Closed);
        }
        let whole = datagram.len();
        let mut rest = datagram;
        let mut first_id = None;
        while !rest.is_empty() && self.is_open() {
            let header = match self.parse(rest) {
                Ok(header) => header,
                Err(error) => return self.drop_packet(error.into()),
            };
            match header {
                Header::Long {
                    kind,
                    version,
                    dcid,
                    scid,
                    token,
                    number_at,
                    end,
                } => {
                    let Some((packet, others)) = rest.split_at_mut_checked(end) else {
                        return self.drop_packet(Drop::Header);
                    };
                    rest = others;
                    //= RFC 9000 §12.2: Senders MUST NOT coalesce QUIC packets with different connection IDs into a single UDP
                    //= datagram.
                    if *first_id.get_or_insert(dcid) != dcid {
                        self.drop_packet(Drop::MixedIds);
                        continue;
                    }
                    if !self.accepts_initial(kind, whole, token.len()) {
                        self.drop_packet(Drop::ShortInitial);
                        continue;
                    }
                    self.receive_long(
                        now,
                        Long {
                            packet,
                            version,
                            level: kind.level(),
                            dcid,
                            scid,
                            number_at,
                            ecn,
                        },
                    );
                }
                Header::Short { dcid, .. } => {
                    //= RFC 9000 §12.2: Receivers SHOULD ignore any subsequent packets with a different Destination Connection ID
                    //= than the first packet in the datagram.
                    if *first_id.get_or_insert(dcid) != dcid {
                        return self.drop_packet(Drop::MixedIds);
                    }
                    let len = rest.len();
                    return self.receive_short(now, rest, len, ecn);
                }
                Header::Retry { .. } => return self.on_retry(rest),
                Header::VersionNegotiation { .. } => return self.on_version_negotiation(rest),
                Header::UnknownVersion { .. } => return self.drop_packet(Drop::UnknownVersion),
            }
        }
    }

    /// RFC 9287 §3: who has declared that the fixed bit may be cleared takes packets in which it is.
    fn parse(&self, packet: &[u8]) -> Result<Header, HeaderError> {
        if self.config.grease_quic_bit {
            Header::parse_greased(packet, limits::LOCAL_CID_LEN)
        } else {
            Header::parse(packet, limits::LOCAL_CID_LEN)
        }
    }

    fn accepts_initial(&self, kind: LongKind, datagram: usize, token: usize) -> bool {
        match (kind, self.role) {
            //= RFC 9000 §14.1: A server MUST discard an Initial packet that is carried in a UDP datagram with a payload that is
            //= smaller than the smallest allowed maximum datagram size of 1200 bytes.
            (LongKind::Initial, Role::Server) => datagram >= limits::DATAGRAM_MIN,
            //= RFC 9000 §17.2.2: Initial packets sent by the server MUST set the Token Length field to 0
            (LongKind::Initial, Role::Client) => token == 0,
            (LongKind::Handshake | LongKind::ZeroRtt, _) => true,
        }
    }

    fn is_ours(&self, dcid: &ConnectionId) -> bool {
        self.carried.local_ids.contains(dcid.as_slice())
            || self.role == Role::Server
                && (*dcid == self.hello.original_id || Some(*dcid) == self.hello.retry_id)
    }

    fn receive_long(&mut self, now: Instant, mut long: Long<'_>) {
        let opened = match self.open_long(now, &mut long) {
            Ok(opened) => opened,
            Err(dropped) => return dropped.map_or((), |reason| self.drop_packet(reason)),
        };
        if long.level == Level::Initial && !self.can_answer() {
            return self.drop_packet(Drop::Memory);
        }
        if !self.on_long_authentic(long.level, long.scid) {
            return self.drop_packet(Drop::Unexpected);
        }
        if long.version != self.version {
            self.on_version_seen(long.level, long.version);
        }
        let payload = long.packet.get(opened.job.payload()).unwrap_or_default();
        let context = Context {
            now,
            level: long.level,
            dcid: long.dcid.as_slice(),
        };
        let reserved_clear = opened.first & RESERVED_LONG == 0;
        let number = opened.job.packet_number;
        self.on_packet(context, number, reserved_clear, long.ecn, payload);
        if long.level == Level::Initial {
            self.answer_with_hello(now);
        }
    }

    /// Opens a long-header packet in place. The error is why it is dropped; none when it is held until its keys come.
    fn open_long(&mut self, now: Instant, long: &mut Long<'_>) -> Result<OpenedLong, Option<Drop>> {
        if !self.is_ours(&long.dcid) {
            return Err(Some(Drop::UnknownId));
        }
        let keys = match (long.level, self.role) {
            (Level::Initial, _) => {
                self.initial_keys_for(long.version)?;
                match &self.keys.other_initial {
                    Some(other) if other.0 == long.version => other.1.open.as_ref(),
                    _ => self.keys.initial.open.as_ref(),
                }
            }
            (Level::Handshake, _) => {
                if self.keys.handshake_discarded {
                    return Err(Some(Drop::KeysDiscarded));
                }
                // RFC 9369 §4.1: packets of this level are of the version that the two ends agreed on.
                if self.keys.handshake.open.is_some() && long.version != self.version {
                    return Err(Some(Drop::UnknownVersion));
                }
                self.keys.handshake.open.as_ref()
            }
            (Level::ZeroRtt, Role::Server) => self.keys_of_early(long.version)?,
            // Only clients send 0-RTT packets.
            (Level::ZeroRtt, Role::Client) => return Err(Some(Drop::Unexpected)),
            (Level::OneRtt, _) => return Err(Some(Drop::NoKeys)),
        };
        let Some(keys) = keys else {
            self.hold(now, long.level, long.ecn, long.packet);
            return Err(None);
        };
        let mut masks = [[0; MASK_LEN]];
        let sample = protect::sample_at(long.packet, long.number_at).ok_or(Drop::Header)?;
        keys.header.masks(&[sample], &mut masks);
        let [mask] = masks;
        let unmasked =
            protect::unmask(long.packet, 0, long.number_at, &mask).ok_or(Drop::Header)?;
        let received = self.carried.received.get(long.level.space().index());
        let received = received.ok_or(Drop::Header)?;
        let number =
            decode_packet_number(received.largest(), unmasked.truncated, unmasked.number_len);
        let duplicate = received.is_duplicate(number);
        let mut job = OpenJob {
            start: 0,
            payload_at: long.number_at.saturating_add(unmasked.number_len),
            end: long.packet.len(),
            packet_number: number,
            opened: false,
        };
        if !protect::open_one(&*keys.packet, long.packet, &mut job) {
            return Err(Some(Drop::Authentication));
        }
        //= RFC 9001 §9.5: For authentication to be free from side channels, the entire process of header protection removal,
        //= packet number recovery, and packet protection removal MUST be applied together without timing and other side channels.
        if duplicate {
            return Err(Some(Drop::Duplicate));
        }
        Ok(OpenedLong {
            first: unmasked.first,
            job,
        })
    }

    /// What the first authentic packets of a level tell; `false` drops the packet.
    fn on_long_authentic(&mut self, level: Level, scid: ConnectionId) -> bool {
        match self.hello.peer_id {
            None => {
                //= RFC 9000 §7.2: A client MUST change the Destination Connection ID it uses for sending packets in response to
                //= only the first received Initial or Retry packet.
                self.hello.peer_id = Some(scid);
                self.carried.peer_ids.replace_first(scid);
            }
            //= RFC 9000 §7.2: if subsequent Initial packets include a different Source Connection
            //= ID, they MUST be discarded.
            Some(known) if known != scid => return false,
            Some(_) => {}
        }
        self.hello.heard = true;
        if level == Level::Handshake && self.role == Role::Server {
            //= RFC 9001 §4.9.1: a server MUST discard Initial keys when it first successfully processes a Handshake packet.
            self.discard(Space::Initial);
            //= RFC 9000 §8.1: Once an endpoint has successfully processed a Handshake packet from the peer, it can consider the
            //= peer address to have been validated.
            self.carried.paths.active_mut().validate();
            self.refresh_timer();
        }
        true
    }

    /// Acts on the frames of an authentic packet.
    pub(super) fn on_packet(
        &mut self,
        context: Context<'_>,
        number: u64,
        reserved_clear: bool,
        ecn: u8,
        payload: &[u8],
    ) {
        let Context { now, level, .. } = context;
        self.counts.packets_received = self.counts.packets_received.saturating_add(1);
        self.recovery.trace.packet(
            What::Received,
            (level, number),
            self.role,
            self.peer.ack_delay_exponent,
            payload,
        );
        self.active_at = now;
        self.sent_since_heard = false;
        self.rest_at.get_or_insert(now + limits::REST);
        if !reserved_clear {
            //= RFC 9000 §17.2: An endpoint MUST treat receipt of a packet that has a non-zero value for these bits after
            //= removing both packet and header protection as a connection error of type PROTOCOL_VIOLATION.
            return self.close_with(
                now,
                PeerError::new(Code::ProtocolViolation, "reserved bits are not zero"),
            );
        }
        let watched = self.arrival.watched && level == Level::OneRtt;
        if watched {
            self.admit_path(now);
        }
        let space = level.space();
        let received = self.carried.received.get_mut(space.index());
        if !received.is_some_and(ReceivedNumbers::has_room) {
            return self.drop_packet(Drop::Memory);
        }
        let Some((eliciting, taken)) = self.on_frames(context, payload) else {
            return;
        };
        if !taken {
            // There was no memory for a part of it: without an acknowledgement the peer sends it again.
            self.withdraw_datagrams();
            return self.drop_packet(Drop::Memory);
        }
        self.note_received(now, space, number, eliciting, ecn);
        if watched {
            self.on_packet_elsewhere(now, number, payload);
        }
    }

    /// Acts on each frame: whether the packet is to be acknowledged, and whether all of it was taken. `None` when one of them has
    /// closed the connection.
    #[inline]
    fn on_frames(&mut self, context: Context<'_>, payload: &[u8]) -> Option<(bool, bool)> {
        let Context { now, level, .. } = context;
        let mut eliciting = false;
        let mut taken = true;
        let mut frames = Frames::new(payload, level, self.role);
        loop {
            while let Some(frame) = frames.next_stream() {
                eliciting = true;
                match self.on_stream(frame) {
                    Ok(OnStream::Taken) => {}
                    Ok(OnStream::Refused) => taken = false,
                    Err(error) => {
                        self.close_with(now, error);
                        return None;
                    }
                }
            }
            let Some(frame) = frames.next() else {
                break;
            };
            // By reference: moving a frame costs as much as acting on it.
            let frame = match &frame {
                Ok(frame) => frame,
                Err(error) => {
                    self.close_with(now, *error);
                    return None;
                }
            };
            eliciting |= frame.is_ack_eliciting();
            match self.on_frame(context, frame) {
                Ok(OnStream::Taken) => {}
                Ok(OnStream::Refused) => taken = false,
                Err(error) => {
                    self.close_with(now, error.or_in_frame(frame.frame_type()));
                    return None;
                }
            }
        }
        Some((eliciting, taken))
    }

    /// What the next ACK of a space will say.
    #[inline]
    fn note_received(&mut self, now: Instant, space: Space, number: u64, eliciting: bool, ecn: u8) {
        let max_ack_delay = self.ack_delay.max;
        if let Some(received) = self.carried.received.get_mut(space.index()) {
            received.on_packet(now, number, ecn);
            if eliciting {
                received.on_ack_eliciting(now, space, number, max_ack_delay, ecn);
            }
        }
    }
}

/// Packets opened in one go. Half of what a batch may be, for the stack of a kernel thread.
pub(super) const BATCH: usize = limits::RECEIVE_BATCH / 2;
pub(super) const LONG: u8 = 0x80;
const RESERVED_LONG: u8 = 0x0c;
