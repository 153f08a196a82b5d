//! Events for a program that asked for them: what the engine tells in, messages of socket-abi 1.7 out.

use inquic_engine::datagram::DatagramEvent;
use inquic_engine::stream::StreamEvent;
use inquic_engine::{CloseReason, Event, Path};
use inquic_uapi::event::{
    QUIC_STREAM_RECV_STATE_RESET_RECVD, QUIC_STREAM_SEND_STATE_RECVD,
    QUIC_STREAM_SEND_STATE_RESET_SENT,
};
use inquic_uapi::structs::{ConnectionClose, StreamUpdate};
use inquic_uapi::{EventType, Layout};
use inquic_wire::StreamId;

use super::link::{Gone, Link, Request};
use crate::errno::{self, Errno};
use crate::limits;
use crate::options::Options;

impl Link {
    /// Keeps what the calls will give to the program. `before` is the path until now.
    pub(super) fn note_event(&mut self, event: &Event, before: Path, options: &Options) {
        match event {
            Event::Handshake => {
                if self.request == Request::New {
                    self.request = Request::Ready;
                }
            }
            Event::Stream(event) => self.note_stream_event(*event, options),
            Event::Datagram(DatagramEvent::Received) => self.inbox.push_datagrams(),
            Event::Token => {
                let token = self.socket.token().to_vec();
                self.queue_event(EventType::NewToken, &token, options);
            }
            Event::Migrated => {
                // 1 when it was our address that changed, 0 when it was the peer's.
                let ours = before.remote == self.socket.path().remote;
                self.queue_event(EventType::ConnectionMigration, &[u8::from(ours)], options);
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
                self.queue_update(id, QUIC_STREAM_SEND_STATE_RESET_SENT, code, options);
                // The message calls have no other word for it, and their programs need not come back to the stream.
                let _ = self.socket.reset(id, code);
            }
            StreamEvent::Finished(id) => {
                self.book.take_blocked(id);
                self.queue_update(id, QUIC_STREAM_SEND_STATE_RECVD, 0, options);
            }
            StreamEvent::Writable(_) | StreamEvent::MaxStreams(_) => {}
        }
    }

    /// The program comes to what the peer has reset.
    pub(super) fn on_reset_read(&mut self, id: StreamId, code: u64, options: &Options) {
        self.queue_update(id, QUIC_STREAM_RECV_STATE_RESET_RECVD, code, options);
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

    fn queue_update(&mut self, id: StreamId, state: u8, code: u64, options: &Options) {
        let update = StreamUpdate {
            id: i64::try_from(id.to_u64()).unwrap_or(i64::MAX),
            state,
            errcode: u32::try_from(code).unwrap_or(u32::MAX),
            ..StreamUpdate::default()
        };
        let mut bytes = [0; StreamUpdate::SIZE];
        update.write(&mut bytes);
        self.queue_event(EventType::StreamUpdate, &bytes, options);
    }

    fn queue_event(&mut self, event: EventType, payload: &[u8], options: &Options) {
        if options.wants(event) {
            self.inbox.push_event(event, payload);
        }
    }
}
