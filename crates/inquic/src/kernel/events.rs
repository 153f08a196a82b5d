//! What a connection's socket tells beside the data of streams: events and datagrams of recvmsg in, what they change out.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::AsRawFd as _;

use inquic_descriptor::sys::recvmsg;
use inquic_uapi::event::{QUIC_STREAM_RECV_STATE_RESET_RECVD, QUIC_STREAM_SEND_STATE_RESET_SENT};
use inquic_uapi::flags::{MSG_QUIC_DATAGRAM, MSG_QUIC_NOTIFICATION};
use inquic_uapi::structs::StreamUpdate;
use inquic_uapi::{EventType, Layout, QUIC_CRYPTO_APP};
use inquic_wire::StreamId;

use super::connection::{Connection, Held};
use super::limits;

/// The codes with which the peer reset or stopped streams.
#[derive(Default)]
pub(super) struct Codes {
    reset: HashMap<StreamId, u64>,
    stopped: HashMap<StreamId, u64>,
    /// In the order in which they came; the oldest go first.
    order: VecDeque<StreamId>,
}

impl Codes {
    fn note(&mut self, id: StreamId, code: u64, is_reset: bool) {
        if self.order.len() >= limits::CODES
            && let Some(oldest) = self.order.pop_front()
        {
            self.reset.remove(&oldest);
            self.stopped.remove(&oldest);
        }
        self.order.push_back(id);
        let codes = if is_reset {
            &mut self.reset
        } else {
            &mut self.stopped
        };
        codes.entry(id).or_insert(code);
    }

    /// The code with which the peer abandoned what it sent.
    pub(super) fn reset(&self, id: StreamId) -> Option<u64> {
        self.reset.get(&id).copied()
    }

    /// The code with which the peer stopped what we send.
    pub(super) fn stopped(&self, id: StreamId) -> Option<u64> {
        self.stopped.get(&id).copied()
    }

    /// The stream is not used any more.
    pub(super) fn forget(&mut self, id: StreamId) {
        let known = [self.reset.remove(&id), self.stopped.remove(&id)];
        if known.iter().any(Option::is_some) {
            self.order.retain(|other| *other != id);
        }
    }
}

impl Connection {
    /// Takes all that waits.
    pub(super) fn take_events(&self, held: &mut Held) {
        let taken = with_buffer(|buffer| {
            loop {
                let descriptor = self.socket.as_raw_fd();
                let (len, _, flags) = recvmsg(descriptor, buffer, &mut [], libc::MSG_DONTWAIT)?;
                let flags = flags.cast_unsigned();
                let message = buffer.get(..len).unwrap_or_default();
                if flags & (MSG_QUIC_NOTIFICATION | MSG_QUIC_DATAGRAM) == 0 && len == 0 {
                    return Ok(());
                }
                if flags & MSG_QUIC_NOTIFICATION != 0 {
                    self.take_event(held, message);
                } else if flags & MSG_QUIC_DATAGRAM != 0 {
                    held.datagrams.push(message);
                }
            }
        });
        let taken: io::Result<()> = taken;
        match taken {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => self.end(held, Some(&error)),
            Ok(()) => self.end(held, None),
        }
    }

    fn take_event(&self, held: &mut Held, message: &[u8]) {
        let Some((&kind, payload)) = message.split_first() else {
            return;
        };
        match EventType::from_u8(kind) {
            Some(EventType::StreamUpdate) => {
                let update = StreamUpdate::read(payload);
                let id = u64::try_from(update.id).ok().and_then(StreamId::from_u64);
                let Some(id) = id else { return };
                match update.state {
                    QUIC_STREAM_RECV_STATE_RESET_RECVD => {
                        held.codes.note(id, update.errcode.into(), true);
                    }
                    QUIC_STREAM_SEND_STATE_RESET_SENT => {
                        held.codes.note(id, update.errcode.into(), false);
                    }
                    _ => {}
                }
            }
            Some(EventType::ConnectionMigration) => {
                if let Some((outcome @ None, _)) = &mut held.moving
                    && payload.first() == Some(&1)
                {
                    *outcome = Some(true);
                }
            }
            Some(EventType::NewSessionTicket) => held.take_ticket(payload),
            // A limit that was raised wakes who waits for it.
            _ => {}
        }
    }
}

impl Held {
    /// TLS keeps what a later connection resumes with. One that cannot be read is none.
    pub(super) fn take_ticket(&mut self, message: &[u8]) {
        if self.ticket != message && self.link.arrive(message, Some(QUIC_CRYPTO_APP)).is_ok() {
            self.ticket = message.to_vec();
            let _ = self.session.step(&mut self.link);
        }
    }
}

/// A buffer of the thread's own, for the length of a call.
pub(super) fn with_buffer<T>(call: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    let mut buffer = BUFFER.take();
    buffer.resize(limits::RECEIVE_BYTES, 0);
    let value = call(&mut buffer);
    BUFFER.set(buffer);
    value
}
