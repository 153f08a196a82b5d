//! sendmsg and recvmsg: messages with control data in and out, one queue for the whole connection (socket-abi 1.5, 1.6).
//!
//! Neither waits: where a blocking socket would, they return EAGAIN or ENOSPC, and a home tries again after the next news.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use inquic_engine::stream::SendState;
use inquic_platform::Instant;
use inquic_uapi::flags::{
    MSG_EOR, MSG_QUIC_DATAGRAM, MSG_QUIC_NOTIFICATION, MSG_QUIC_STREAM_FIN, MSG_QUIC_STREAM_NEW,
    MSG_QUIC_STREAM_UNI, SEND_FLAGS, STREAM_FLAGS,
};
use inquic_uapi::structs::{HandshakeInfo, StreamInfo};
use inquic_uapi::{QUIC_CRYPTO_APP, QUIC_CRYPTO_HANDSHAKE, QUIC_CRYPTO_INITIAL};
use inquic_wire::{Direction, Level, StreamId};

use super::{DatagramError, OpenError, ReadError, Socket, WriteError};
use crate::errno::Errno;
use crate::options::{Options, copy};

/// What only the message calls need.
#[derive(Default)]
pub(super) struct Messages {
    /// What the connection was made with, and what has been set since.
    pub(super) options: Options,
    /// Streams with something to read and datagrams, in the order in which they came, each stream once.
    readable: VecDeque<Readable>,
    listed: BTreeSet<StreamId>,
    /// Whether datagrams are among them.
    datagrams_listed: bool,
    /// What is left of a datagram that was larger than the program's buffer.
    datagram_rest: Vec<u8>,
    /// Events that wait, each with its type byte first.
    pub(super) events: VecDeque<Vec<u8>>,
    /// Events that found no room.
    pub(super) events_dropped: u64,
    /// The stream that -1 names.
    active: Option<StreamId>,
    /// Whether the program has said the end of the active stream.
    active_finished: bool,
    /// Streams opened so far, bidirectional and unidirectional: ours, then the peer's.
    opened: [u64; 2],
    accepted: [u64; 2],
}

/// What recvmsg can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readable {
    Stream(StreamId),
    Datagrams,
}

/// Control data of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Control {
    /// None was given: the flags of the message count.
    #[default]
    None,
    /// `QUIC_STREAM_INFO`.
    Stream(StreamInfo),
    /// `QUIC_HANDSHAKE_INFO`.
    Handshake(HandshakeInfo),
}

/// What recvmsg gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// Bytes of the buffer that were filled.
    pub bytes: usize,
    /// `MSG_*` of the message.
    pub flags: u32,
    /// Its control data; [`Control::None`] for an event.
    pub control: Control,
}

impl Messages {
    const fn set_active(&mut self, id: StreamId) {
        self.active = Some(id);
        self.active_finished = false;
    }
}

impl Socket {
    /// Queues data and events for [`Socket::recvmsg`] from now on. A home calls it before anything is received, on sockets
    /// whose program uses messages.
    /// `options` are those of the socket that connected or accepted: events and words for close() are inherited.
    pub fn use_messages(&mut self, options: &Options) {
        self.messages().options = options.clone();
    }

    pub(super) fn messages(&mut self) -> &mut Messages {
        self.messages.get_or_insert_default()
    }

    /// sendmsg(): returns how many bytes were taken.
    ///
    /// # Errors
    ///
    /// As in socket-abi 1.6; [`Errno::EAGAIN`] or, for a stream that was named, [`Errno::ENOSPC`] when there is no room, and
    /// [`Errno::EAGAIN`] on the limit of streams.
    pub fn sendmsg(&mut self, control: Control, flags: u32, data: &[u8]) -> Result<usize, Errno> {
        if flags & !SEND_FLAGS != 0 {
            return Err(Errno::EINVAL);
        }
        if self.is_closed() {
            return Err(Errno::EPIPE);
        }
        match control {
            Control::Handshake(info) => {
                let level = level(info.crypto_level).ok_or(Errno::EINVAL)?;
                self.handshake_send(level, data)?;
                Ok(data.len())
            }
            _ if flags & MSG_QUIC_DATAGRAM != 0 => self.send_message_datagram(data),
            Control::Stream(info) => {
                if info.stream_flags & !STREAM_FLAGS != 0 {
                    return Err(Errno::EINVAL);
                }
                let sent = self.send_on(info.stream_id, info.stream_flags, data);
                // Programs know by the number that a stream they named has no room.
                sent.map_err(|error| match error {
                    Sending::NoRoom => Errno::ENOSPC,
                    Sending::Failed(errno) => errno,
                })
            }
            Control::None => self
                .send_on(-1, flags & STREAM_FLAGS, data)
                .map_err(|error| match error {
                    Sending::NoRoom => Errno::EAGAIN,
                    Sending::Failed(errno) => errno,
                }),
        }
    }

    /// recvmsg(): handshake messages first, then events, then stream data and datagrams as they came. A datagram that does
    /// not fit goes on in the next call; its last part has `MSG_EOR`.
    ///
    /// # Errors
    ///
    /// [`Errno::EAGAIN`] when nothing waits, [`Errno::ENOTCONN`] when nothing will come any more.
    pub fn recvmsg(&mut self, now: Instant, out: &mut [u8]) -> Result<ReceivedMessage, Errno> {
        if let Some((level, bytes)) = self.handshake_receive(out) {
            return Ok(ReceivedMessage {
                bytes,
                flags: MSG_EOR,
                control: Control::Handshake(HandshakeInfo {
                    crypto_level: level_number(level),
                }),
            });
        }
        if let Some(event) = self.take_event(out) {
            return Ok(event);
        }
        while let Some(front) = self.front() {
            let Readable::Stream(id) = front else {
                if let Some(datagram) = self.receive_message_datagram(out) {
                    return Ok(datagram);
                }
                continue;
            };
            match self.read(now, id, out) {
                Ok(read) if read.bytes > 0 || read.fin || out.is_empty() => {
                    if read.fin || !self.is_readable(id) {
                        self.drop_front();
                    }
                    let fin = if read.fin { MSG_QUIC_STREAM_FIN } else { 0 };
                    return Ok(ReceivedMessage {
                        bytes: read.bytes,
                        flags: fin,
                        control: Control::Stream(StreamInfo {
                            stream_id: i64::try_from(id.to_u64()).unwrap_or(i64::MAX),
                            stream_flags: fin,
                        }),
                    });
                }
                Ok(_) | Err(ReadError::Blocked | ReadError::Stopped | ReadError::Unknown) => {
                    self.drop_front();
                }
                Err(ReadError::Reset(code)) => {
                    self.drop_front();
                    self.on_reset_read(id, code);
                    if let Some(event) = self.take_event(out) {
                        return Ok(event);
                    }
                }
            }
        }
        // There is no end of file: an empty queue of a closed socket is not connected.
        Err(if self.is_closed() {
            Errno::ENOTCONN
        } else {
            Errno::EAGAIN
        })
    }

    /// Whether recvmsg would give something.
    pub(super) fn has_message(&self) -> bool {
        let queued =
            |messages: &Messages| !messages.events.is_empty() || !messages.readable.is_empty();
        self.handshake_waits || self.messages.as_deref().is_some_and(queued)
    }

    /// A stream has something to read.
    pub(super) fn queue_stream(&mut self, id: StreamId) {
        if let Some(messages) = &mut self.messages
            && messages.listed.insert(id)
        {
            messages.readable.push_back(Readable::Stream(id));
        }
    }

    /// Datagrams wait.
    pub(super) fn queue_datagrams(&mut self) {
        if let Some(messages) = &mut self.messages
            && !core::mem::replace(&mut messages.datagrams_listed, true)
        {
            messages.readable.push_back(Readable::Datagrams);
        }
    }

    /// The peer opened streams: they are ours to use, and the newest bidirectional one becomes the active one.
    pub(super) fn take_incoming(&mut self, direction: Direction) {
        if self.messages.is_none() {
            return;
        }
        while let Some(id) = self.accept_stream(direction) {
            let Some(messages) = &mut self.messages else {
                return;
            };
            if let Some(accepted) = messages.accepted.get_mut(place(direction)) {
                *accepted = id.index().saturating_add(1);
            }
            if direction == Direction::Bidirectional {
                messages.set_active(id);
            }
        }
    }

    /// The stream that a message without an identifier goes to.
    pub(super) fn active(&self) -> Option<StreamId> {
        self.messages.as_deref()?.active
    }

    fn send_on(&mut self, id: i64, flags: u32, data: &[u8]) -> Result<usize, Sending> {
        if !self.is_established() && !self.is_early() {
            return Err(Sending::Failed(Errno::EINVAL));
        }
        let fin = flags & MSG_QUIC_STREAM_FIN != 0;
        if data.is_empty() && !fin {
            return Err(Sending::Failed(Errno::EMSGSIZE));
        }
        let id = self.stream_to_send_on(id, flags).map_err(Sending::Failed)?;
        let sent = match self.write(id, data) {
            Ok(bytes) => bytes,
            Err(WriteError::Blocked) if data.is_empty() => 0,
            Err(WriteError::Blocked) => return Err(Sending::NoRoom),
            Err(WriteError::Finished | WriteError::Stopped(_)) => {
                return Err(Sending::Failed(Errno::EINVAL));
            }
            Err(WriteError::Unknown) => return Err(Sending::Failed(Errno::ENOSTR)),
        };
        // FIN goes with the last byte: a program whose data was taken in part says it again with the rest.
        if fin && sent == data.len() {
            self.finish(id)
                .map_err(|_| Sending::Failed(Errno::EINVAL))?;
            if let Some(messages) = &mut self.messages {
                messages.active_finished |= messages.active == Some(id);
            }
        }
        Ok(sent)
    }

    fn stream_to_send_on(&mut self, id: i64, flags: u32) -> Result<StreamId, Errno> {
        let new = flags & MSG_QUIC_STREAM_NEW != 0;
        if id == -1 && !new {
            return self.active().ok_or(Errno::EINVAL);
        }
        if id == -1 {
            if self.active().is_some_and(|active| self.is_sending(active)) {
                return Err(Errno::EINVAL);
            }
            let direction = match flags & MSG_QUIC_STREAM_UNI {
                0 => Direction::Bidirectional,
                _ => Direction::Unidirectional,
            };
            return self.open_message_stream(direction);
        }
        let id = u64::try_from(id)
            .ok()
            .and_then(StreamId::from_u64)
            .ok_or(Errno::EINVAL)?;
        match self.place_of(id) {
            Place::Open if !new => Ok(id),
            Place::Over if !new => Err(Errno::ENOSTR),
            // Opening a stream opens every lower one of its kind.
            Place::Ahead if new && id.initiator() == self.role() => loop {
                let opened = self.open_message_stream(id.direction())?;
                if opened == id {
                    return Ok(id);
                }
            },
            Place::Ahead | Place::Open | Place::Over => Err(Errno::EINVAL),
        }
    }

    fn open_message_stream(&mut self, direction: Direction) -> Result<StreamId, Errno> {
        let id = self
            .open(direction)
            .map_err(|OpenError::Limit| Errno::EAGAIN)?;
        if let Some(messages) = &mut self.messages {
            messages.set_active(id);
            if let Some(opened) = messages.opened.get_mut(place(direction)) {
                *opened = id.index().saturating_add(1);
            }
        }
        Ok(id)
    }

    /// Where a stream's sending part is in its life.
    fn place_of(&mut self, id: StreamId) -> Place {
        let ours = id.initiator() == self.role();
        let known = self.messages.as_deref().map_or([0; 2], |messages| {
            if ours {
                messages.opened
            } else {
                messages.accepted
            }
        });
        let opened = known.get(place(id.direction())).copied().unwrap_or(0);
        if id.index() >= opened {
            return Place::Ahead;
        }
        match self
            .streams()
            .ok()
            .and_then(|streams| streams.send_state(id))
        {
            Some(_) => Place::Open,
            None => Place::Over,
        }
    }

    fn is_sending(&mut self, id: StreamId) -> bool {
        if self.messages().active_finished {
            return false;
        }
        let state = self
            .streams()
            .ok()
            .and_then(|streams| streams.send_state(id));
        state.is_some_and(SendState::is_open)
    }

    /// sendmsg() of a datagram: all of it or nothing.
    fn send_message_datagram(&mut self, data: &[u8]) -> Result<usize, Errno> {
        match self.send_datagram(data, false) {
            Ok(_) => Ok(data.len()),
            Err(DatagramError::NotConnected | DatagramError::Unsupported) => Err(Errno::EINVAL),
            Err(DatagramError::TooLarge(_)) => Err(Errno::EMSGSIZE),
            Err(DatagramError::Blocked) => Err(Errno::EAGAIN),
        }
    }

    /// The first datagram, or what is left of it; the others go behind the streams that wait.
    fn receive_message_datagram(&mut self, out: &mut [u8]) -> Option<ReceivedMessage> {
        let mut rest = core::mem::take(&mut self.messages().datagram_rest);
        let waits = self.connection().datagram_len();
        let bytes = if !rest.is_empty() {
            let bytes = copy(&rest, out);
            rest.drain(..bytes);
            Some(bytes)
        } else if waits.is_some_and(|len| len > out.len()) {
            rest.resize(waits.unwrap_or_default(), 0);
            self.connection_mut().take_datagram(&mut rest);
            let bytes = copy(&rest, out);
            rest.drain(..bytes);
            Some(bytes)
        } else {
            self.connection_mut().take_datagram(out)
        };
        let whole = rest.is_empty();
        self.messages().datagram_rest = rest;
        if whole {
            self.drop_front();
            if self.connection().datagram_len().is_some() {
                self.queue_datagrams();
            }
        }
        Some(ReceivedMessage {
            bytes: bytes?,
            flags: MSG_QUIC_DATAGRAM | if whole { MSG_EOR } else { 0 },
            control: Control::None,
        })
    }

    fn front(&self) -> Option<Readable> {
        self.messages.as_deref()?.readable.front().copied()
    }

    fn drop_front(&mut self) {
        if let Some(messages) = &mut self.messages
            && let Some(front) = messages.readable.pop_front()
        {
            match front {
                Readable::Stream(id) => {
                    messages.listed.remove(&id);
                }
                Readable::Datagrams => messages.datagrams_listed = false,
            }
        }
    }

    /// The event that has waited longest; what does not fit stays for the next call.
    fn take_event(&mut self, out: &mut [u8]) -> Option<ReceivedMessage> {
        let messages = self.messages.as_deref_mut()?;
        let event = messages.events.front_mut()?;
        let bytes = copy(event, out);
        event.drain(..bytes);
        let whole = event.is_empty();
        if whole {
            messages.events.pop_front();
        }
        Some(ReceivedMessage {
            bytes,
            flags: MSG_QUIC_NOTIFICATION | if whole { MSG_EOR } else { 0 },
            control: Control::None,
        })
    }
}

/// Why nothing was sent.
enum Sending {
    /// Buffers or windows are full.
    NoRoom,
    Failed(Errno),
}

/// Where a stream stands.
enum Place {
    /// Nobody has opened it.
    Ahead,
    /// It may be sent on, as far as this table knows.
    Open,
    /// It is over and forgotten.
    Over,
}

/// The level of a `QUIC_CRYPTO_*` number that carries messages.
const fn level(number: u8) -> Option<Level> {
    match number {
        QUIC_CRYPTO_APP => Some(Level::OneRtt),
        QUIC_CRYPTO_INITIAL => Some(Level::Initial),
        QUIC_CRYPTO_HANDSHAKE => Some(Level::Handshake),
        _ => None,
    }
}

/// The `QUIC_CRYPTO_*` number of a level.
const fn level_number(level: Level) -> u8 {
    match level {
        Level::Initial => QUIC_CRYPTO_INITIAL,
        Level::Handshake => QUIC_CRYPTO_HANDSHAKE,
        Level::ZeroRtt => inquic_uapi::QUIC_CRYPTO_EARLY,
        Level::OneRtt => QUIC_CRYPTO_APP,
    }
}

const fn place(direction: Direction) -> usize {
    match direction {
        Direction::Bidirectional => 0,
        Direction::Unidirectional => 1,
    }
}

const _: () = assert!(
    matches!(level(QUIC_CRYPTO_APP), Some(Level::OneRtt))
        && level_number(Level::OneRtt) == QUIC_CRYPTO_APP,
    "a level and its number are each other's"
);
