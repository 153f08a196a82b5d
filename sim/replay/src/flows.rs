//! What the programs at both ends do once they are connected: data on streams, datagrams, offences against streams; all at times that
//! follow from how much has arrived. Every byte that arrives is looked at.

use alloc::vec::Vec;

use inquic_platform::Instant;
use inquic_socket::sock::Stop;
use inquic_socket::{Errno, Sock};
use inquic_uapi::flags::{
    MSG_MORE, MSG_QUIC_DATAGRAM, MSG_QUIC_STREAM_FIN, MSG_QUIC_STREAM_NEW, MSG_QUIC_STREAM_UNI,
};
use inquic_uapi::option::{QUIC_SOCKOPT_STREAM_RESET, QUIC_SOCKOPT_STREAM_STOP_SENDING};
use inquic_uapi::structs::ErrInfo;

use crate::Wrong;
use crate::calls::{self, Arrived};
use crate::record::Recorder;
use crate::rng::Rng;

/// An end of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Client,
    Server,
}

/// Bytes of one stream in one direction.
struct Flow {
    from: End,
    id: i64,
    bytes: usize,
    /// How it ends.
    how: How,
    written: usize,
    is_written: bool,
    read: usize,
    is_read: bool,
}

/// How the bytes of a stream end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// With the last of them.
    Fin,
    /// Its sender takes it back.
    Reset,
    /// Its receiver wants no more.
    Stop,
}

/// All streams.
pub(crate) struct Flows {
    rng: Rng,
    flows: Vec<Flow>,
    /// Messages of their own that each end has still to send.
    datagrams: [usize; 2],
    pub(crate) datagrams_read: usize,
}

impl Flows {
    pub(crate) fn new(rng: Rng) -> Self {
        let flow = |(from, id, bytes, how)| Flow {
            from,
            id,
            bytes,
            how,
            written: 0,
            is_written: false,
            read: 0,
            is_read: false,
        };
        Self {
            rng,
            flows: FLOWS.into_iter().map(flow).collect(),
            datagrams: [DATAGRAMS; 2],
            datagrams_read: 0,
        }
    }

    /// Whether everything that ends with its last byte was read.
    pub(crate) fn is_done(&self) -> bool {
        let mut whole = self.flows.iter().filter(|flow| flow.how == How::Fin);
        whole.all(|flow| flow.is_read)
    }

    /// How much of a thousand parts of all data was read.
    pub(crate) fn per_mille(&self) -> usize {
        let whole = || self.flows.iter().filter(|flow| flow.how == How::Fin);
        let read: usize = whole().map(|flow| flow.read).sum();
        let bytes: usize = whole().map(|flow| flow.bytes).sum();
        read * 1_000 / bytes
    }

    /// One end writes, a part of what it has: the rest when the other has taken something.
    pub(crate) fn write(&mut self, end: End, sock: &mut Sock, now: Instant) -> Result<(), Wrong> {
        for at in 0..self.flows.len() {
            if self.flows[at].from == end && self.may_begin(at) && !self.flows[at].is_written {
                write(&mut self.flows[at], &mut self.rng, sock, now)?;
            }
        }
        let left = &mut self.datagrams[end as usize];
        if *left > 0 && self.rng.chance(100) {
            let message = alloc::vec![*left as u8; 200 + self.rng.below(800) as usize];
            if sock.sendmsg(now, &[], MSG_QUIC_DATAGRAM, &message).is_ok() {
                *left -= 1;
            }
        }
        Ok(())
    }

    /// A server answers on a client's stream when something has come there.
    fn may_begin(&self, at: usize) -> bool {
        let Flow { from, id, .. } = self.flows[at];
        let other = |flow: &&Flow| flow.id == id && flow.from != from;
        let asked = self.flows.iter().find(other);
        from == End::Client || asked.is_none_or(|asked| asked.read > 0)
    }

    /// One end reads all that has come.
    pub(crate) fn read(
        &mut self,
        end: End,
        sock: &mut Sock,
        now: Instant,
        recorder: &mut Recorder<'_>,
    ) -> Result<(), Wrong> {
        loop {
            let room = 1 + self.rng.below(8_000) as usize;
            match calls::receive(sock, now, room) {
                Ok(arrived) => self.take(end, &arrived, sock, now, recorder)?,
                Err(Errno::EAGAIN) => return Ok(()),
                Err(_) => return Err("something to receive"),
            }
        }
    }

    fn take(
        &mut self,
        end: End,
        arrived: &Arrived,
        sock: &mut Sock,
        now: Instant,
        recorder: &mut Recorder<'_>,
    ) -> Result<(), Wrong> {
        let Arrived {
            data,
            flags,
            stream,
        } = arrived;
        let what = [stream.unwrap_or(-1), i64::from(*flags), data.len() as i64];
        recorder.answer(
            &what
                .each_ref()
                .map(|number| number.to_be_bytes())
                .each_ref()
                .map(|bytes| &bytes[..]),
        );
        let Some(id) = stream else {
            self.datagrams_read += usize::from(flags & MSG_QUIC_DATAGRAM != 0);
            return Ok(());
        };
        let mut flows = self.flows.iter_mut();
        let flow = flows.find(|flow| flow.id == *id && flow.from != end);
        let flow = flow.ok_or("a stream that somebody opened")?;
        let expected = (flow.read..).map(|at| byte(flow.id, at));
        if !data.iter().copied().eq(expected.take(data.len())) {
            return Err("the bytes that were sent");
        }
        flow.read += data.len();
        recorder.received(data.len());
        flow.is_read |= flags & MSG_QUIC_STREAM_FIN != 0;
        if flow.is_read && flow.how == How::Fin && flow.read != flow.bytes {
            return Err("all bytes that were sent");
        }
        if flow.how == How::Stop && flow.read >= OFFENCE && !flow.is_read {
            flow.is_read = true;
            let stop = calls::bytes(&error(flow.id));
            let stopped = calls::set(sock, now, QUIC_SOCKOPT_STREAM_STOP_SENDING, &stop);
            recorder.answer(&[&[u8::from(stopped.is_ok())]]);
        }
        Ok(())
    }
}

fn write(flow: &mut Flow, rng: &mut Rng, sock: &mut Sock, now: Instant) -> Result<(), Wrong> {
    // Not all at once, so that the ends take turns.
    for _ in 0..WRITES {
        if flow.how == How::Reset && flow.written >= OFFENCE {
            let reset = calls::bytes(&error(flow.id));
            let done = calls::set(sock, now, QUIC_SOCKOPT_STREAM_RESET, &reset);
            flow.is_written = true;
            return done.map(drop).map_err(|_| "a stream that is taken back");
        }
        let len = (1 + rng.below(6_000) as usize).min(flow.bytes - flow.written);
        let data: Vec<u8> = (flow.written..)
            .map(|at| byte(flow.id, at))
            .take(len)
            .collect();
        let last = flow.written + len == flow.bytes;
        let mut flags = if last { MSG_QUIC_STREAM_FIN } else { 0 };
        let opens = (flow.id & 1 == 1) == (flow.from == End::Server);
        if opens && flow.written == 0 {
            flags |= MSG_QUIC_STREAM_NEW;
            flags |= if flow.id & 2 == 2 {
                MSG_QUIC_STREAM_UNI
            } else {
                0
            };
        }
        let more = if rng.chance(100) { MSG_MORE } else { 0 };
        let control = calls::stream(flow.id, flags);
        match sock.sendmsg(now, &control, more, &data) {
            Ok(sent) => {
                flow.written += sent.bytes;
                flow.is_written = last && sent.bytes == len;
            }
            Err(Stop::Blocked { .. }) => return Ok(()),
            // The peer has told that it wants no more.
            Err(_) if flow.how == How::Stop => flow.is_written = true,
            Err(_) => return Err("a stream to write to"),
        }
        if flow.is_written {
            return Ok(());
        }
    }
    Ok(())
}

const fn error(stream_id: i64) -> ErrInfo {
    ErrInfo {
        stream_id,
        errcode: 9,
    }
}

/// The byte at an offset of a stream.
const fn byte(id: i64, at: usize) -> u8 {
    (at ^ at >> 8 ^ at >> 16) as u8 ^ id as u8
}

/// Who sends, on which stream, how much, and how it ends.
const FLOWS: [(End, i64, usize, How); 6] = [
    (End::Client, 0, 150_000, How::Fin),
    (End::Server, 0, 100_000, How::Fin),
    (End::Client, 2, 40_000, How::Fin),
    (End::Server, 3, 120_000, How::Fin),
    (End::Client, 6, 60_000, How::Reset),
    (End::Server, 7, 60_000, How::Stop),
];
/// Bytes after which a stream is taken back, or no more of it is wanted.
const OFFENCE: usize = 20_000;
/// Calls that write to a stream before others have their turn.
const WRITES: usize = 4;
/// Messages of their own of each end.
const DATAGRAMS: usize = 20;
