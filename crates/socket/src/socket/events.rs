//! Events for a program that asked for them: what the engine tells in, messages of socket-abi 1.7 out.

use alloc::vec::Vec;

use inquic_engine::datagram::DatagramEvent;
use inquic_engine::stream::StreamEvent;
use inquic_engine::{CloseReason, Event};
use inquic_uapi::event::{
    QUIC_STREAM_RECV_STATE_RESET_RECVD, QUIC_STREAM_SEND_STATE_RECVD,
    QUIC_STREAM_SEND_STATE_RESET_SENT,
};
use inquic_uapi::flags::{POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM};
use inquic_uapi::structs::{ConnectionClose, StreamUpdate};
use inquic_uapi::{EventType, Layout};
use inquic_wire::{Role, StreamId};

use super::Socket;
use crate::limits;

impl Socket {
    /// Keeps what the message calls will give to the program.
    pub(super) fn note_event(&mut self, event: &Event) {
        match event {
            Event::Stream(StreamEvent::Incoming(direction)) => self.take_incoming(*direction),
            Event::Stream(StreamEvent::Readable(id)) => self.queue_stream(*id),
            Event::Datagram(DatagramEvent::Received) => self.queue_datagrams(),
            Event::Stream(StreamEvent::Stopped { id, code }) => {
                self.queue_update(*id, QUIC_STREAM_SEND_STATE_RESET_SENT, *code);
                // The message calls have no other word for it, and their programs need not come back to the stream.
                if let Ok(streams) = self.streams() {
                    let _ = streams.reset(*id, *code);
                }
            }
            Event::Stream(StreamEvent::Finished(id)) => {
                self.queue_update(*id, QUIC_STREAM_SEND_STATE_RECVD, 0);
            }
            Event::Token => {
                let token = self.token().to_vec();
                self.queue_event(EventType::NewToken, &token);
            }
            Event::Migrated => {
                let by_us = self.role() == Role::Client;
                self.queue_event(EventType::ConnectionMigration, &[u8::from(by_us)]);
            }
            Event::Closed => {
                if let Some(close) = self.peer_close() {
                    let mut bytes = [0; ConnectionClose::SIZE];
                    close.write(&mut bytes);
                    // The phrase is trimmed to what there is of it.
                    let phrase = close
                        .phrase
                        .iter()
                        .rposition(|&byte| byte != 0)
                        .map_or(0, |last| last.saturating_add(1));
                    let len = ConnectionClose::SIZE
                        .saturating_sub(limits::PHRASE)
                        .saturating_add(phrase);
                    self.queue_event(
                        EventType::ConnectionClose,
                        bytes.get(..len).unwrap_or(&bytes),
                    );
                }
            }
            Event::Stream(StreamEvent::Writable(_) | StreamEvent::MaxStreams(_))
            | Event::Datagram(DatagramEvent::Room | DatagramEvent::Fates)
            | Event::Handshake
            | Event::Early
            | Event::Connected
            | Event::Confirmed
            | Event::MigrationFailed
            | Event::Gone => {}
        }
    }

    /// The program has read that the peer reset a stream.
    pub(super) fn on_reset_read(&mut self, id: StreamId, code: u64) {
        self.queue_update(id, QUIC_STREAM_RECV_STATE_RESET_RECVD, code);
    }

    /// The mask of poll(2).
    pub fn poll(&mut self) -> u32 {
        if self.is_closed() {
            return POLLHUP | POLLERR | POLLRDHUP | POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
        }
        let mut mask = 0;
        if self.has_message() {
            mask |= POLLIN | POLLRDNORM;
        }
        let open = self.is_established() || self.is_early();
        let room = open && self.active().is_none_or(|id| self.writable(id) > 0);
        if room {
            mask |= POLLOUT | POLLWRNORM;
        }
        mask
    }

    /// How the peer closed the connection, if it was the peer.
    pub(super) fn peer_close(&self) -> Option<ConnectionClose> {
        let (code, frame, reason) = match self.close_reason()? {
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

    fn queue_update(&mut self, id: StreamId, state: u8, code: u64) {
        let update = StreamUpdate {
            id: i64::try_from(id.to_u64()).unwrap_or(i64::MAX),
            state,
            errcode: u32::try_from(code).unwrap_or(u32::MAX),
            ..StreamUpdate::default()
        };
        let mut bytes = [0; StreamUpdate::SIZE];
        update.write(&mut bytes);
        self.queue_event(EventType::StreamUpdate, &bytes);
    }

    fn queue_event(&mut self, event: EventType, payload: &[u8]) {
        let messages = self.messages();
        if messages.options.events & event.bit() == 0 {
            return;
        }
        if messages.events.len() >= limits::EVENTS {
            messages.events_dropped = messages.events_dropped.saturating_add(1);
            return;
        }
        let mut bytes = Vec::with_capacity(payload.len().saturating_add(1));
        bytes.push(event as u8);
        bytes.extend_from_slice(payload);
        messages.events.push_back(bytes);
    }
}
