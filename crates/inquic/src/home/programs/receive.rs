//! Receiving calls: what the socket gives in; data, control messages and flags in the program's memory out.

use inquic_calls::{ARGUMENTS, Call};
use inquic_platform::Instant;
use inquic_uapi::flags::{
    MSG_CTRUNC, MSG_EOR, MSG_PEEK, MSG_QUIC_DATAGRAM, MSG_QUIC_NOTIFICATION, MSG_QUIC_STREAM_FIN,
    MSG_TRUNC,
};
use inquic_uapi::structs::StreamInfo;
use inquic_uapi::{ControlMessage, ControlMessages, Layout, QUIC_STREAM_INFO, SOL_QUIC};
use inquic_wire::StreamId;

use super::calls::{Failure, Outcome, number};
use super::memory::{Memory, Piece};
use super::message::{Message, pieces};
use super::served::Held;
use crate::home::limits;

/// A receiving call.
pub(super) struct Receiving {
    pieces: Vec<Piece>,
    room: usize,
    flags: u32,
    /// Where recvmsg() tells more.
    message: Option<Message>,
    /// Where the length of the sender's address goes, of which a connection has none; 0 for nowhere.
    name_len_at: u64,
    /// Where the number of bytes goes; 0 for nowhere.
    count_at: u64,
}

/// What was taken from the socket; the data is in the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// What the call says: more than the buffer has where a message was cut.
    bytes: usize,
    flags: u32,
    /// All of it, whatever room the program has.
    control: Vec<u8>,
}

/// What was taken and found no place in the program's memory: the next call gets it.
#[derive(Debug)]
pub(super) struct Undelivered {
    taken: Taken,
    data: Vec<u8>,
}

impl Receiving {
    /// Reads where the program wants what it receives.
    pub(super) fn read(memory: &Memory, call: Call, values: [u64; ARGUMENTS]) -> Outcome<Self> {
        let [first, second, third, name, name_len, ..] = values;
        let plain = |pieces, flags, name_len_at| Self {
            pieces,
            room: 0,
            flags,
            message: None,
            name_len_at,
            count_at: 0,
        };
        let mut receiving = match call {
            Call::Receive => {
                let len = usize::try_from(second).map_err(|_| Failure::Errno(libc::EINVAL))?;
                let address = first;
                let name_len_at = if name == 0 { 0 } else { name_len };
                let flags = number(third).cast_unsigned();
                plain(vec![Piece { address, len }], flags, name_len_at)
            }
            Call::Read => plain(pieces(memory, first, number(second))?, 0, 0),
            _ => {
                let mut message = Message::read(memory, first)?;
                Self {
                    count_at: third,
                    ..plain(
                        std::mem::take(&mut message.pieces),
                        number(second).cast_unsigned(),
                        0,
                    )
                }
                .with(message)
            }
        };
        let room = receiving.pieces.iter().map(|piece| piece.len);
        receiving.room = room.fold(0, usize::saturating_add).min(limits::CALL_BYTES);
        Ok(receiving)
    }

    fn with(self, message: Message) -> Self {
        Self {
            message: Some(message),
            ..self
        }
    }

    /// Takes what there is.
    pub(super) fn take(
        &self,
        held: &mut Held,
        now: Instant,
        stream: Option<StreamId>,
        buffer: &mut Vec<u8>,
    ) -> Outcome<Taken> {
        if buffer.len() < self.room {
            buffer.resize(self.room, 0);
        }
        let out = &mut buffer[..self.room];
        if let Some(stream) = stream {
            let bytes = if self.is_peeking() {
                held.sock.stream_peek(stream, out)?
            } else {
                held.sock.stream_read(now, stream, out)?
            };
            return Ok(Taken {
                bytes,
                flags: 0,
                control: Vec::new(),
            });
        }
        let mut control = [0; CONTROL_BYTES];
        let message = held.sock.recvmsg(now, self.flags, out, &mut control)?;
        Ok(Taken {
            bytes: message.bytes,
            flags: message.flags,
            control: control[..message.control].to_vec(),
        })
    }

    /// Whether what is given stays.
    pub(super) const fn is_peeking(&self) -> bool {
        self.flags & MSG_PEEK != 0
    }

    /// What the program is told: without room for it, control data is not given, and the flags say so.
    fn told<'a>(&self, taken: &'a Taken) -> (u32, &'a [u8]) {
        let room = self
            .message
            .as_ref()
            .map_or(0, |message| message.control.len);
        if taken.control.len() <= room {
            (taken.flags, &taken.control)
        } else {
            (taken.flags | MSG_CTRUNC, &[])
        }
    }

    /// Writes it to the program's memory; how many bytes the call says.
    pub(super) fn deliver(&self, memory: &Memory, taken: &Taken, buffer: &[u8]) -> Outcome<i64> {
        let data = &buffer[..taken.bytes.min(self.room)];
        let (flags, control) = self.told(taken);
        match &self.message {
            // What is small goes with the rest, in one call.
            Some(message) if data.len() <= TOGETHER_BYTES => {
                let (places, told) = message.tell(flags, control);
                let mut left = data.len();
                let mut all: Vec<Piece> = Vec::with_capacity(self.pieces.len() + places.len());
                for piece in &self.pieces {
                    let len = piece.len.min(left);
                    left -= len;
                    all.push(Piece { len, ..*piece });
                }
                all.extend_from_slice(&places);
                memory.write(&all, &[data, &told].concat())?;
            }
            message => {
                memory.write(&self.pieces, data)?;
                if let Some(message) = message {
                    let (places, told) = message.tell(flags, control);
                    memory.write(&places, &told)?;
                }
            }
        }
        if self.name_len_at != 0 {
            memory.write_bytes(self.name_len_at, &[0; 4])?;
        }
        let bytes = i64::try_from(taken.bytes).unwrap_or(i64::MAX);
        if self.count_at != 0 {
            let count = u32::try_from(bytes).unwrap_or(u32::MAX);
            memory.write_bytes(self.count_at, &count.to_ne_bytes())?;
        }
        Ok(bytes)
    }
}

impl Undelivered {
    /// What a call has taken, with its data in the buffer: no more than it had room for, where the message was cut.
    pub(super) fn new(taken: Taken, receiving: &Receiving, buffer: &[u8]) -> Self {
        let data = buffer[..taken.bytes.min(receiving.room)].to_vec();
        Self { taken, data }
    }

    /// Bytes of it.
    pub(super) const fn len(&self) -> usize {
        self.data.len()
    }

    /// As much as a call has room for; with the rest, if there is some, it goes on in the next one.
    pub(super) fn take(
        mut self,
        receiving: &Receiving,
        buffer: &mut Vec<u8>,
    ) -> (Taken, Option<Self>) {
        let fits = self.data.len().min(receiving.room);
        if buffer.len() < fits {
            buffer.resize(fits, 0);
        }
        buffer[..fits].copy_from_slice(&self.data[..fits]);
        let mut taken = self.taken.clone();
        taken.bytes = fits;
        let cut = receiving.flags & MSG_TRUNC != 0 && taken.is_message();
        if fits < self.data.len() && cut {
            taken.bytes = self.data.len();
            taken.flags |= MSG_TRUNC;
        } else if fits < self.data.len() {
            taken.goes_on();
        }
        if receiving.is_peeking() {
            return (taken, Some(self));
        }
        let rest = fits < self.data.len() && !cut;
        self.data.drain(..fits);
        (taken, rest.then_some(self))
    }
}

impl Taken {
    /// Whether it is a message, and no part of a stream.
    fn is_message(&self) -> bool {
        self.flags & (MSG_EOR | MSG_QUIC_DATAGRAM | MSG_QUIC_NOTIFICATION) != 0
    }

    /// It is not the end of what it belongs to.
    fn goes_on(&mut self) {
        self.flags &= !(MSG_EOR | MSG_QUIC_STREAM_FIN);
        let stream = ControlMessages::new(&self.control)
            .flatten()
            .find(|message| message.kind == QUIC_STREAM_INFO)
            .map(|message| StreamInfo::read(message.data));
        if let Some(mut info) = stream {
            info.stream_flags &= !MSG_QUIC_STREAM_FIN;
            let mut bytes = [0; StreamInfo::SIZE];
            info.write(&mut bytes);
            let message = ControlMessage {
                level: SOL_QUIC,
                kind: QUIC_STREAM_INFO,
                data: &bytes,
            };
            // The same message fits where it was.
            message.write(&mut self.control);
        }
    }
}

/// Data up to which it is copied once more to save a call: that takes a tenth of a microsecond.
const TOGETHER_BYTES: usize = 4096;
/// Room for the control messages of one message: there is one at most.
const CONTROL_BYTES: usize = 64;

#[cfg(test)]
mod tests;
