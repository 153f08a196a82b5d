//! Events for a program that asked for them: what the engine tells in, messages of socket-abi 1.7 out.

use inquic_engine::datagram::DatagramEvent;
use inquic_engine::stream::{Change, StreamEvent};
use inquic_engine::{CloseReason, Event};
use inquic_uapi::event::{
    EVENT_LEN, QUIC_STREAM_RECV_STATE_RECV, QUIC_STREAM_RECV_STATE_RECVD,
    QUIC_STREAM_RECV_STATE_RESET_RECVD, QUIC_STREAM_RECV_STATE_SIZE_KNOWN,
    QUIC_STREAM_SEND_STATE_RECVD, QUIC_STREAM_SEND_STATE_RESET_RECVD,
    QUIC_STREAM_SEND_STATE_RESET_SENT,
};
use inquic_uapi::structs::{ConnectionClose, StreamMaxData, StreamUpdate};
use inquic_uapi::{EventType, Layout};
use inquic_wire::{Role, StreamId};

use super::link::{Gone, Link, Numbers, Offence, Request};
use super::streams::number_of;
use super::tls::After;
use crate::errno::{self, Errno};
use crate::limits;
use crate::options::Options;

impl Link {
    /// Keeps what the calls will give to the program.
    pub(super) fn note_event(&mut self, event: &Event, options: &mut Options) {
        match event {
            Event::Handshake => {
                if self.request == Request::New {
                    self.request = Request::Ready;
                }
                if self.socket.is_established() {
                    self.take_messages(options);
                }
            }
            Event::Stream(event) => self.note_stream_event(*event, options),
            Event::Datagram(DatagramEvent::Received) => self.inbox.push_datagrams(),
            Event::Token => {
                if options.wants(EventType::NewToken) {
                    let token = self.socket.token();
                    self.inbox.push_event(EventType::NewToken, token);
                }
            }
            Event::Migrated => {
                let path = self.socket.path();
                let before = core::mem::replace(&mut self.path, path);
                // 1 when it was our address that changed, 0 when it was the peer's.
                let ours = u8::from(before.remote == path.remote);
                self.queue_event(EventType::ConnectionMigration, &[ours], options);
            }
            Event::Closed => {
                if let Some(close) = self.peer_close() {
                    self.queue_close(&close, options);
                }
            }
            Event::Gone => {
                if self.gone == Gone::No {
                    self.gone = Gone::Now;
                }
            }
            Event::Datagram(DatagramEvent::Room | DatagramEvent::Fates)
            | Event::Early
            | Event::Connected
            | Event::Confirmed
            | Event::MigrationFailed => {}
        }
    }

    fn note_stream_event(&mut self, event: StreamEvent, options: &Options) {
        match event {
            StreamEvent::Incoming(direction) => self.take_incoming(direction),
            StreamEvent::Readable(id) => {
                let ours = id.initiator() == self.socket.role();
                if !self.book.is_described(id, ours) {
                    self.inbox.push_stream(id);
                }
            }
            StreamEvent::Stopped { id, code } => {
                self.book.take_blocked(id);
                let streams = self.socket.connection().streams_seen();
                let size = streams.and_then(|streams| streams.sent_of(id));
                let state = QUIC_STREAM_SEND_STATE_RESET_SENT;
                self.queue_update(id, state, code, size.unwrap_or(0), options);
                // The message calls have no other word for it, and their programs need not come back to the stream.
                let _ = self.socket.reset(id, code);
            }
            StreamEvent::Finished(id) => {
                self.book.take_blocked(id);
                self.queue_update(id, QUIC_STREAM_SEND_STATE_RECVD, 0, 0, options);
            }
            StreamEvent::Changed { id, change } => self.note_change(id, change, options),
            StreamEvent::Writable(id) => {
                let streams = self.socket.connection().streams_seen();
                let limit = streams.and_then(|streams| streams.limit_of(id));
                if self.book.take_blocked(id)
                    && let Some(max_data) = limit
                {
                    let id = number_of(id);
                    let payload = StreamMaxData { id, max_data };
                    self.queue_layout(EventType::StreamMaxData, &payload, options);
                }
            }
            StreamEvent::MaxStreams(direction) => {
                let streams = self.socket.connection().streams_seen();
                let count = streams.map_or(0, |streams| streams.limit_of_streams(direction));
                let kind = StreamId::new(self.socket.role(), direction, 0);
                let kind = kind.map_or(0, StreamId::to_u64);
                let id = count.saturating_mul(4) | kind;
                self.queue_event(EventType::StreamMaxStream, &id.to_ne_bytes(), options);
            }
        }
    }

    /// A stream's state has changed.
    fn note_change(&mut self, id: StreamId, change: Change, options: &Options) {
        let (state, code, size) = match change {
            Change::Heard => (QUIC_STREAM_RECV_STATE_RECV, 0, 0),
            Change::Sized(size) => (QUIC_STREAM_RECV_STATE_SIZE_KNOWN, 0, size),
            Change::Arrived(size) => (QUIC_STREAM_RECV_STATE_RECVD, 0, size),
            Change::Reset { code, size } => (QUIC_STREAM_RECV_STATE_RESET_RECVD, code, size),
            Change::ResetArrived { code, size } => (QUIC_STREAM_SEND_STATE_RESET_RECVD, code, size),
        };
        self.queue_update(id, state, code, size, options);
        let ours = id.initiator() == self.socket.role();
        if matches!(change, Change::Reset { .. }) && !self.book.is_described(id, ours) {
            // The event is all that a program hears of it: what was not read is not given any more.
            self.inbox.forget(id);
            let _ = self.socket.stop(id, 0);
        }
    }

    /// What changes without an event of the engine.
    pub(super) fn note_numbers(&mut self, options: &Options) {
        let before = core::mem::replace(&mut self.told, Numbers::of(&self.socket));
        if self.told.key_updates != before.key_updates {
            let (phase, _) = self.socket.connection().key_phase();
            self.queue_event(EventType::KeyUpdate, &[u8::from(phase)], options);
        }
        for (dest, first, before) in [
            (0, self.told.first_local, before.first_local),
            (1, self.told.first_peer, before.first_peer),
        ] {
            if first != before {
                let payload = self.connection_ids(dest);
                self.queue_layout(EventType::ConnectionId, &payload, options);
            }
        }
    }

    /// Handshake messages that came after the handshake. A client has none to send.
    fn take_messages(&mut self, options: &mut Options) {
        let mut bytes = [0; 1024];
        while let Some((_, len)) = self.socket.handshake_receive(&mut bytes) {
            if self.socket.role() == Role::Server {
                self.offence = Some(Offence::Unexpected);
                continue;
            }
            let mut rest = bytes.get(..len).unwrap_or(&bytes);
            while let Some(message) = self.tickets.take(&mut rest) {
                match message {
                    After::Ticket(ticket) => {
                        self.queue_event(EventType::NewSessionTicket, &ticket, options);
                        options.ticket = ticket;
                    }
                    After::LostTicket => self.inbox.drop_event(),
                    After::KeyUpdate => self.offence = Some(Offence::Unexpected),
                    After::CertificateRequest => {
                        self.offence = Some(Offence::CertificateRequest);
                    }
                }
            }
        }
    }

    /// How the peer closed the connection, if it was the peer.
    pub(super) fn peer_close(&self) -> Option<ConnectionClose> {
        let (code, frame, reason) = match self.socket.close_reason()? {
            CloseReason::PeerApplication { code, reason } => (*code, 0, reason),
            CloseReason::PeerTransport {
                code,
                frame_type,
                reason,
            } => (code.to_u64(), *frame_type, reason),
            CloseReason::Application { .. }
            | CloseReason::Transport(_)
            | CloseReason::IdleTimeout
            | CloseReason::HandshakeTimeout
            | CloseReason::StatelessReset
            | CloseReason::VersionNegotiation => return None,
        };
        let mut close = ConnectionClose {
            errcode: u32::try_from(code).unwrap_or(u32::MAX),
            frame: u8::try_from(frame).unwrap_or(u8::MAX),
            ..ConnectionClose::default()
        };
        // The last byte stays zero: it ends the text.
        let room = limits::PHRASE.saturating_sub(1);
        for (to, from) in close.phrase.iter_mut().take(room).zip(reason) {
            *to = *from;
        }
        Some(close)
    }

    /// What went wrong with a connection that has ended; none where it was closed in order.
    pub(super) fn failure(&self) -> Option<Errno> {
        self.socket.close_reason().and_then(errno::of_close)
    }

    /// The phrase of the event is trimmed to what there is of it.
    fn queue_close(&mut self, close: &ConnectionClose, options: &Options) {
        let mut bytes = [0; ConnectionClose::SIZE];
        close.write(&mut bytes);
        let said = |byte: &u8| *byte != 0;
        let phrase = close.phrase.iter().rposition(said);
        let len = ConnectionClose::SIZE
            .saturating_sub(limits::PHRASE)
            .saturating_add(phrase.map_or(0, |last| last.saturating_add(1)));
        let payload = bytes.get(..len).unwrap_or(&bytes);
        self.queue_event(EventType::ConnectionClose, payload, options);
    }

    fn queue_update(&mut self, id: StreamId, state: u8, code: u64, size: u64, options: &Options) {
        let update = StreamUpdate {
            id: number_of(id),
            state,
            errcode: u32::try_from(code).unwrap_or(u32::MAX),
            finalsz: size,
            ..StreamUpdate::default()
        };
        self.queue_layout(EventType::StreamUpdate, &update, options);
    }

    fn queue_layout<T: Layout>(&mut self, event: EventType, payload: &T, options: &Options) {
        if options.wants(event) {
            let mut bytes = [0; EVENT_LEN];
            let len = payload.write(&mut bytes);
            self.queue_event(event, bytes.get(..len).unwrap_or(&bytes), options);
        }
    }

    fn queue_event(&mut self, event: EventType, payload: &[u8], options: &Options) {
        if options.wants(event) {
            self.inbox.push_event(event, payload);
        }
    }
}
