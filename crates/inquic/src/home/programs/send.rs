//! Sending calls: a program's data and control messages in, as much at a time as is held here; bytes taken out.

use inquic_calls::{ARGUMENTS, Call};
use inquic_platform::Instant;
use inquic_socket::sock::{Part, Stop};
use inquic_wire::StreamId;

use super::calls::{Failure, Outcome, number};
use super::memory::{Memory, Piece};
use super::message::{Message, pieces};
use super::served::Held;
use crate::home::limits;

/// How far a sending call has come.
pub(super) struct Sending {
    /// What of the program's data was not read yet.
    pieces: Vec<Piece>,
    left: usize,
    control: Vec<u8>,
    flags: u32,
    /// The stream that the first part went to.
    stream: Option<StreamId>,
    /// Whether anything was tried: a message of no bytes is one, too.
    begun: bool,
    /// Of what was read, the part that was not taken.
    held: std::ops::Range<usize>,
    done: usize,
    /// Where the number of bytes goes; 0 for nowhere.
    count_at: u64,
}

impl Sending {
    /// Reads what the program wants to send, but for the data.
    pub(super) fn read(memory: &Memory, call: Call, values: [u64; ARGUMENTS]) -> Outcome<Self> {
        let [first, second, third, ..] = values;
        let (pieces, control, flags, count_at) = match call {
            Call::Send => {
                let len = usize::try_from(second).map_err(|_| Failure::Errno(libc::EINVAL))?;
                let piece = Piece {
                    address: first,
                    len: len.min(isize::MAX as usize),
                };
                (vec![piece], Vec::new(), number(third).cast_unsigned(), 0)
            }
            Call::Write => (pieces(memory, first, number(second))?, Vec::new(), 0, 0),
            _ => {
                let message = Message::read(memory, first)?;
                let control = message.read_control(memory)?;
                (
                    message.pieces,
                    control,
                    number(second).cast_unsigned(),
                    third,
                )
            }
        };
        Ok(Self {
            left: pieces.iter().map(|piece| piece.len).sum(),
            pieces,
            control,
            flags,
            stream: None,
            begun: false,
            held: 0..0,
            done: 0,
            count_at,
        })
    }

    /// Sends as much as there is room for: all of it where the call may wait, or it says so.
    pub(super) fn go_on(
        &mut self,
        memory: &Memory,
        held: &mut Held,
        now: Instant,
        stream: Option<StreamId>,
        may_wait: bool,
        buffer: &mut Vec<u8>,
    ) -> Outcome<i64> {
        loop {
            if self.held.is_empty() {
                if self.left == 0 && self.begun {
                    return Ok(self.done());
                }
                if let Err(errno) = self.fetch(memory, buffer) {
                    return self.or_done(errno);
                }
            }
            self.begun = true;
            let data = &buffer[self.held.clone()];
            let sent = match stream {
                Some(stream) => held.sock.stream_write(stream, data),
                None => self.send(held, now, data),
            };
            match sent {
                Ok(bytes) => {
                    self.held.start += bytes;
                    self.done += bytes;
                    if !self.held.is_empty() && !may_wait {
                        return Ok(self.done());
                    }
                }
                Err(stop) => {
                    let failure = Failure::from(stop);
                    if matches!(failure, Failure::Wait { .. }) && may_wait {
                        return Err(failure);
                    }
                    return self.or_done(failure);
                }
            }
        }
    }

    /// Bytes that were taken.
    pub(super) fn done(&self) -> i64 {
        i64::try_from(self.done).unwrap_or(i64::MAX)
    }

    /// Writes the number of bytes where sendmmsg() wants it.
    pub(super) fn tell(&self, memory: &Memory, bytes: i64) -> Outcome<i64> {
        if self.count_at != 0 {
            let count = u32::try_from(bytes).unwrap_or(u32::MAX);
            memory.write_bytes(self.count_at, &count.to_ne_bytes())?;
        }
        Ok(bytes)
    }

    /// What was taken before counts more than why no more was.
    fn or_done(&self, failure: impl Into<Failure>) -> Outcome<i64> {
        if self.done > 0 {
            Ok(self.done())
        } else {
            Err(failure.into())
        }
    }

    fn send(&mut self, held: &mut Held, now: Instant, data: &[u8]) -> Result<usize, Stop> {
        let part = Part {
            stream: self.stream,
            more: self.left > 0,
        };
        let sent = held
            .sock
            .send_part(now, &self.control, self.flags, part, data)?;
        self.stream = self.stream.or(sent.stream);
        Ok(sent.bytes)
    }

    /// Reads the next part of the program's data.
    fn fetch(&mut self, memory: &Memory, buffer: &mut Vec<u8>) -> Outcome<()> {
        let bytes = self.left.min(limits::CALL_BYTES);
        if buffer.len() < bytes {
            buffer.resize(bytes, 0);
        }
        memory.read(&self.pieces, &mut buffer[..bytes])?;
        self.left -= bytes;
        self.held = 0..bytes;
        let mut read = bytes;
        self.pieces.retain_mut(|piece| {
            let part = piece.len.min(read);
            piece.len -= part;
            piece.address = piece.address.wrapping_add(part as u64);
            read -= part;
            piece.len > 0
        });
        Ok(())
    }
}
