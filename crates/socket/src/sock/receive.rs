//! recvmsg: a buffer and room for control messages in; handshake messages first, then events, then data as it came, out
//! (socket-abi 1.6).

use inquic_engine::stream::Streams;
use inquic_platform::{Instant, NoMemory};
use inquic_uapi::flags::{
    MSG_CTRUNC, MSG_EOR, MSG_ERRQUEUE, MSG_PEEK, MSG_QUIC_DATAGRAM, MSG_QUIC_NOTIFICATION,
    MSG_QUIC_STREAM_FIN, MSG_TRUNC,
};
use inquic_uapi::structs::{HandshakeInfo, StreamInfo};
use inquic_uapi::{ControlMessage, Layout, QUIC_HANDSHAKE_INFO, QUIC_STREAM_INFO, SOL_QUIC};
use inquic_wire::{Level, StreamId};

use super::Sock;
use super::answer::{Message, Stop, Wait};
use super::inbox::{Piece, Readable, Reading};
use super::link::Link;
use super::streams::number_of;
use super::tls::number_of_level;
use crate::errno::Errno;
use crate::options::Options;

/// A message and its control data.
struct Given {
    bytes: usize,
    flags: u32,
    control: Control,
}

/// What is received next, where it is no message of the handshake.
pub(super) enum Next {
    /// An event or a datagram, or what is left of it: its bytes.
    Message(usize),
    Stream(StreamId),
}

enum Control {
    None,
    Stream(StreamId),
    Handshake(Level),
}

impl Sock {
    /// recvmsg(). What does not fit of a message that is no stream's goes on in the next call, whose last part has `MSG_EOR`;
    /// with `MSG_TRUNC` it is thrown away.
    ///
    /// # Errors
    ///
    /// [`Errno::ENOTCONN`] without a connection, and at the end of one; [`Stop::Blocked`] while nothing waits; [`Errno::ENOMEM`]
    /// when there is no memory to keep what is looked at or does not fit: it stays for the next call.
    pub fn recvmsg(
        &mut self,
        now: Instant,
        flags: u32,
        out: &mut [u8],
        control: &mut [u8],
    ) -> Result<Message, Stop> {
        let Self { state, options, .. } = self;
        let super::State::Connection(link) = state else {
            return Err(Stop::Failed(Errno::ENOTCONN));
        };
        let reading = Reading {
            peek: flags & MSG_PEEK != 0,
            cut: flags & MSG_TRUNC != 0,
        };
        let blocked = Stop::Blocked {
            on: Wait::Receive,
            errno: Errno::EAGAIN,
        };
        if flags & MSG_ERRQUEUE != 0 {
            // There is no queue of errors, so nothing is ever in it.
            return Err(Stop::Failed(Errno::EAGAIN));
        }
        let given = link.next_message(now, reading, out);
        if let Some(given) = given.map_err(|NoMemory| Stop::Failed(Errno::ENOMEM))? {
            return Ok(given.deliver(control));
        }
        if !link.socket.is_closed() {
            return Err(blocked);
        }
        link.end(options)
    }
}

impl Link {
    /// Whether the program gets no more messages of the handshake. A client's tickets are none, nor is what a client may not send: both
    /// are taken when the socket hears of what has come, which may be later than a call.
    fn hello_is_over(&self) -> bool {
        self.socket.is_established()
    }

    /// Whether a message of the handshake waits for the program.
    pub(super) fn hello_waits(&self) -> bool {
        !self.hello_is_over() && self.socket.handshake_waits()
    }

    fn next_message(
        &mut self,
        now: Instant,
        reading: Reading,
        out: &mut [u8],
    ) -> Result<Option<Given>, NoMemory> {
        let is_over = self.hello_is_over();
        let socket = &mut self.socket;
        let mut more = |out: &mut [u8]| {
            if is_over {
                None
            } else {
                socket.handshake_receive(out)
            }
        };
        if let Some((level, piece)) = self.inbox.hello(out, reading, &mut more)? {
            if let Some(verdict) = &mut self.verdict
                && level == Level::Handshake
                && !reading.peek
            {
                verdict.read(out.get(..piece.bytes).unwrap_or(out));
            }
            return Ok(Some(Given::of(&piece, 0, Control::Handshake(level))));
        }
        if let Some(piece) = self.inbox.event(out, reading) {
            let given = Given::of(&piece, MSG_QUIC_NOTIFICATION, Control::None);
            return Ok(Some(given));
        }
        if self.is_connecting() {
            // Whoever makes the handshake expects nothing but its messages.
            return Ok(None);
        }
        while let Some(front) = self.front() {
            let given = match front {
                Readable::Stream(id) => self.read_message(now, id, reading, out),
                Readable::Datagrams => self.datagram_message(reading, out)?,
            };
            if given.is_some() {
                return Ok(given);
            }
        }
        Ok(None)
    }

    /// What the next call of recvmsg gives; none for messages of the handshake, and for nothing.
    pub(super) fn next(&mut self) -> Option<Next> {
        if self.hello_waits() || self.inbox.has_hello() {
            return None;
        }
        if let Some(bytes) = self.inbox.event_len() {
            return Some(Next::Message(bytes));
        }
        if self.is_connecting() {
            return None;
        }
        while let Some(front) = self.front() {
            match front {
                Readable::Stream(id) if self.gives(id) => return Some(Next::Stream(id)),
                // It has nothing any more, as where it is read.
                Readable::Stream(_) => self.inbox.pop(),
                Readable::Datagrams => {
                    let rest = self.inbox.datagram_len();
                    return rest.or(self.socket.datagram_len()).map(Next::Message);
                }
            }
        }
        None
    }

    /// Whether a stream at the front has something for recvmsg.
    fn gives(&self, id: StreamId) -> bool {
        let read = self.socket.peek(id, &mut [0]);
        read.is_ok_and(|read| read.bytes > 0 || read.fin)
    }

    /// What is read next: what is listed, or else what there was no memory to list.
    fn front(&mut self) -> Option<Readable> {
        let listed = self.inbox.front();
        if listed.is_some() || !self.inbox.unlisted {
            return listed;
        }
        let Self { socket, book, .. } = self;
        let role = socket.role();
        let streams = socket.connection().streams_seen();
        let mut readable = streams.into_iter().flat_map(Streams::readable_streams);
        let stream = readable.find(|id| !book.is_described(*id, id.initiator() == role));
        let datagrams = self.inbox.has_datagram() || socket.datagram_len().is_some();
        let datagrams = datagrams.then_some(Readable::Datagrams);
        let found = stream.map(Readable::Stream).or(datagrams);
        self.inbox.unlisted = found.is_some();
        found
    }

    /// Data of the stream at the front; none when it has nothing any more.
    fn read_message(
        &mut self,
        now: Instant,
        id: StreamId,
        reading: Reading,
        out: &mut [u8],
    ) -> Option<Given> {
        let read = if reading.peek {
            self.socket.peek(id, out)
        } else {
            self.socket.read(now, id, out)
        };
        match read {
            Ok(read) if read.bytes > 0 || read.fin || out.is_empty() => {
                if !reading.peek && (read.fin || !self.socket.is_readable(id)) {
                    self.inbox.pop();
                }
                Some(Given {
                    bytes: read.bytes,
                    flags: if read.fin { MSG_QUIC_STREAM_FIN } else { 0 },
                    control: Control::Stream(id),
                })
            }
            // What the peer has reset is told of by an event alone.
            Ok(_) | Err(_) => {
                self.inbox.pop();
                None
            }
        }
    }

    /// The first datagram, or what is left of it; the others go behind the streams that wait.
    fn datagram_message(
        &mut self,
        reading: Reading,
        out: &mut [u8],
    ) -> Result<Option<Given>, NoMemory> {
        let socket = &mut self.socket;
        let len = socket.datagram_len();
        let mut next = |out: &mut [u8]| socket.take_datagram(out);
        let piece = self.inbox.datagram(out, reading, len, &mut next)?;
        let over = piece.as_ref().is_none_or(|piece| piece.whole);
        if over && !reading.peek {
            self.inbox.pop();
            if self.socket.datagram_len().is_some() {
                self.inbox.push_datagrams();
            }
        }
        Ok(piece.map(|piece| Given::of(&piece, MSG_QUIC_DATAGRAM, Control::None)))
    }

    /// Nothing more will come.
    fn end(&self, options: &Options) -> Result<Message, Stop> {
        if !options.eof {
            // There is no end of file: the queue of a closed socket that is empty is not connected.
            return Err(Stop::Failed(Errno::ENOTCONN));
        }
        match self.failure() {
            None => Ok(Message {
                bytes: 0,
                flags: 0,
                control: 0,
            }),
            Some(errno) => Err(Stop::Failed(errno)),
        }
    }
}

impl Given {
    fn of(piece: &Piece, kind: u32, control: Control) -> Self {
        let end = if piece.whole { MSG_EOR } else { 0 };
        let cut = if piece.cut { MSG_TRUNC } else { 0 };
        Self {
            bytes: piece.bytes,
            flags: kind | end | cut,
            control,
        }
    }

    /// Writes the control data, or says that there is no room for it.
    fn deliver(self, control: &mut [u8]) -> Message {
        let mut bytes = [0; StreamInfo::SIZE];
        let (kind, len) = match self.control {
            Control::None => {
                return Message {
                    bytes: self.bytes,
                    flags: self.flags,
                    control: 0,
                };
            }
            Control::Stream(id) => {
                let info = StreamInfo {
                    stream_id: number_of(id),
                    stream_flags: self.flags & MSG_QUIC_STREAM_FIN,
                };
                (QUIC_STREAM_INFO, info.write(&mut bytes))
            }
            Control::Handshake(level) => {
                let info = HandshakeInfo {
                    crypto_level: number_of_level(level),
                };
                (QUIC_HANDSHAKE_INFO, info.write(&mut bytes))
            }
        };
        let message = ControlMessage {
            level: SOL_QUIC,
            kind,
            data: bytes.get(..len).unwrap_or(&bytes),
        };
        let written = message.write(control);
        let cut = if written.is_none() { MSG_CTRUNC } else { 0 };
        Message {
            bytes: self.bytes,
            flags: self.flags | cut,
            control: written.unwrap_or(0),
        }
    }
}
