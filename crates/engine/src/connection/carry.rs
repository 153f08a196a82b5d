//! What a connection carries to its peer, and what becomes of it: the parts whose frames are told their fate. Apart from the
//! recovery, so that the recovery can report while these change.

use alloc::vec::Vec;

use inquic_platform::memory::Own;
use inquic_wire::{Space, TransportParameters};

use super::frequency::Frequency;
use crate::datagram::Datagrams;
use crate::handshake::CryptoSend;
use crate::path::{LocalIds, Mtu, Paths, PeerIds};
use crate::recovery::{Fate, SentFrame};
use crate::space::Received;
use crate::stream::Streams;

/// Everything that writes frames.
pub(super) struct Carried {
    pub(super) received: [Received; 3],
    pub(super) crypto_send: [CryptoSend; 3],
    /// A server's only from its first 1-RTT or 0-RTT secret on: until then a stranger may be all there is.
    pub(super) data: Option<Own<Data>>,
    pub(super) local_ids: LocalIds,
    pub(super) peer_ids: PeerIds,
    pub(super) paths: Paths,
    /// How large datagrams on the active path may be.
    pub(super) mtu: Mtu,
    /// Whether HANDSHAKE_DONE is to be sent, first or again.
    pub(super) owes_handshake_done: bool,
    pub(super) new_token: NewToken,
    /// How often the peer is asked to acknowledge.
    pub(super) frequency: Frequency,
}

/// What applications send and receive.
pub(super) struct Data {
    pub(super) streams: Streams,
    pub(super) datagrams: Datagrams,
}

/// The token for the client's next connection: made by the endpoint, sent until acknowledged.
#[derive(Default)]
pub(super) struct NewToken {
    pub(super) token: Vec<u8>,
    pub(super) wanted: bool,
}

impl Carried {
    /// Written where it stays.
    #[inline(always)]
    pub(super) fn new(
        data: Option<Own<Data>>,
        local_ids: LocalIds,
        peer_ids: PeerIds,
        paths: Paths,
        mtu: Mtu,
    ) -> Self {
        Self {
            received: Default::default(),
            crypto_send: Default::default(),
            data,
            local_ids,
            peer_ids,
            paths,
            mtu,
            owes_handshake_done: false,
            new_token: NewToken::default(),
            frequency: Frequency::default(),
        }
    }

    pub(super) fn streams(&self) -> Option<&Streams> {
        self.data.as_ref().map(|data| &data.streams)
    }

    pub(super) fn streams_mut(&mut self) -> Option<&mut Streams> {
        self.data.as_mut().map(|data| &mut data.streams)
    }

    pub(super) fn datagrams(&self) -> Option<&Datagrams> {
        self.data.as_ref().map(|data| &data.datagrams)
    }

    pub(super) fn datagrams_mut(&mut self) -> Option<&mut Datagrams> {
        self.data.as_mut().map(|data| &mut data.datagrams)
    }

    /// How much the peer takes, or took when it was last met.
    pub(super) fn set_peer_limits(&mut self, peer: &TransportParameters) {
        if let Some(data) = &mut self.data {
            data.streams.set_peer_parameters(peer);
            data.datagrams.set_peer_limit(peer.max_datagram_frame_size);
        }
    }

    /// A frame that was sent in `space` has been acknowledged or lost.
    pub(super) fn on_fate(&mut self, space: Space, fate: Fate, frame: SentFrame) {
        match (frame, fate) {
            (
                SentFrame::Stream { .. }
                | SentFrame::ResetStream { .. }
                | SentFrame::StopSending { .. }
                | SentFrame::MaxData
                | SentFrame::MaxStreamData { .. }
                | SentFrame::MaxStreams(_)
                | SentFrame::DataBlocked
                | SentFrame::StreamDataBlocked { .. }
                | SentFrame::StreamsBlocked(_),
                _,
            ) => {
                if let Some(streams) = self.streams_mut() {
                    streams.on_frame_fate(fate, frame);
                }
            }
            (SentFrame::Ack { largest }, Fate::Acknowledged) => {
                if let Some(received) = self.received.get_mut(space.index()) {
                    received.on_ack_acknowledged(largest);
                }
            }
            (SentFrame::Crypto { offset, len }, fate) => {
                if let Some(send) = self.crypto_send.get_mut(space.index()) {
                    match fate {
                        Fate::Acknowledged => send.on_acknowledged(offset, len),
                        Fate::Lost => send.on_lost(offset, len),
                    }
                }
            }
            (SentFrame::NewConnectionId { sequence }, Fate::Lost) => {
                self.local_ids.on_lost(sequence);
            }
            (SentFrame::RetireConnectionId { sequence }, Fate::Lost) => {
                self.peer_ids.on_lost(sequence);
            }
            (SentFrame::RetireConnectionId { sequence }, Fate::Acknowledged) => {
                self.peer_ids.on_acknowledged(sequence);
            }
            (SentFrame::NewToken, Fate::Lost) => {
                self.new_token.wanted = !self.new_token.token.is_empty();
            }
            (SentFrame::NewToken, Fate::Acknowledged) => self.new_token = NewToken::default(),
            //= RFC 9000 §13.3: The HANDSHAKE_DONE frame MUST be retransmitted until it is acknowledged.
            (SentFrame::HandshakeDone, fate) => self.owes_handshake_done = fate == Fate::Lost,
            (SentFrame::Datagram { number }, fate) => {
                if let Some(datagrams) = self.datagrams_mut() {
                    datagrams.on_fate(number, fate);
                }
            }
            (SentFrame::MtuProbe { number }, Fate::Acknowledged) => {
                self.mtu.on_probe_acknowledged(number);
            }
            (SentFrame::MtuProbe { number }, Fate::Lost) => self.mtu.on_probe_lost(number),
            (SentFrame::AckFrequency { sequence }, Fate::Lost) => self.frequency.on_lost(sequence),
            // An ACK is made anew, a PING has served its purpose, the rest needs no more than to have arrived.
            (SentFrame::Ack { .. }, Fate::Lost)
            | (
                SentFrame::NewConnectionId { .. } | SentFrame::AckFrequency { .. },
                Fate::Acknowledged,
            )
            | (SentFrame::Ping, _) => {}
        }
    }

    /// The keys of a handshake space are gone, and with them what was to be sent in it.
    pub(super) fn discard(&mut self, space: Space) {
        if let Some(received) = self.received.get_mut(space.index()) {
            received.discard();
        }
        if let Some(send) = self.crypto_send.get_mut(space.index()) {
            *send = CryptoSend::default();
        }
    }

    /// A probe of the handshake is to leave. With nothing else to say it repeats what the peer has not acknowledged: whoever has
    /// not got our first packet can do nothing with a PING, and some servers (aioquic) take a first packet without CRYPTO for an
    /// offence.
    pub(super) fn repeat_crypto(&mut self, space: Space) {
        if space != Space::Application
            && let Some(send) = self.crypto_send.get_mut(space.index())
            && !send.wants_to_send()
        {
            send.repeat(crate::limits::DATAGRAM_MIN);
        }
    }

    /// Whether there is something besides acknowledgements to send in packets of a space.
    pub(super) fn wants_to_send(&self, space: Space) -> bool {
        let crypto = self.crypto_send.get(space.index());
        crypto.is_some_and(CryptoSend::wants_to_send)
            || space == Space::Application
                && (self.data.as_ref().is_some_and(|data| {
                    data.streams.wants_to_send() || data.datagrams.wants_to_send()
                }) || self.owes_handshake_done
                    || self.new_token.wanted
                    || self.frequency.wants_to_send()
                    || self.paths.active().owes_response()
                    || self.local_ids.has_pending()
                    || self.peer_ids.has_retirement())
    }

    /// Whether there is something besides acknowledgements to send in 1-RTT packets.
    pub(super) fn wants_data(&self) -> bool {
        self.wants_to_send(Space::Application)
    }
}
