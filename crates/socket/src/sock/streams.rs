//! Streams by their identifiers (socket-abi 1.5): which are open, which one -1 names, and those that have descriptors of their
//! own. It never keeps anything of a stream that is over.

use inquic_engine::stream::{ReceiveState, SendState};
use inquic_platform::{Instant, NoMemory, Table};
use inquic_uapi::Layout;
use inquic_uapi::flags::{
    MSG_QUIC_STREAM_DONTWAIT, MSG_QUIC_STREAM_NEW, MSG_QUIC_STREAM_UNI, POLLERR, POLLHUP, POLLIN,
    POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM, STREAM_FLAGS,
};
use inquic_uapi::socket::{SHUT_RD, SHUT_RDWR, SHUT_WR};
use inquic_uapi::structs::{ErrInfo, StreamDescriptor, StreamInfo};
use inquic_wire::{Direction, StreamId};

use super::answer::{Stop, Wait};
use super::link::Link;
use super::{Sock, State};
use crate::errno::Errno;
use crate::socket::{OpenError, Read, ReadError, WriteError};

/// What the calls know of a connection's streams.
#[derive(Default)]
pub(super) struct Book {
    /// The stream that -1 names.
    active: Option<StreamId>,
    /// Whether the program has said the end of the active stream.
    active_finished: bool,
    /// A stream opened by a send of which nothing was taken.
    pub(super) fresh: Option<StreamId>,
    /// How many streams were opened so far, bidirectional and unidirectional: ours, then the peer's.
    opened: [u64; 2],
    accepted: [u64; 2],
    /// Streams whose senders were told that there is no room.
    blocked: Table<StreamId, ()>,
    /// Streams that have descriptors, and whether the end of what comes was read.
    described: Table<StreamId, bool>,
    /// How many of the peer's streams were given as descriptors; once one was asked for, all are.
    given: Option<[u64; 2]>,
}

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nobody has opened it.
    Ahead,
    /// It is open, as far as this table knows.
    Open,
    /// It is over and forgotten.
    Over,
}

impl Book {
    /// The stream that -1 names.
    pub(super) const fn active(&self) -> Option<StreamId> {
        self.active
    }

    const fn set_active(&mut self, id: StreamId) {
        self.active = Some(id);
        self.active_finished = false;
    }

    /// The program has said the end of a stream.
    pub(super) fn on_finished(&mut self, id: StreamId) {
        self.active_finished |= self.active == Some(id);
    }

    /// A sender that named the stream is told that there is no room.
    pub(super) fn note_blocked(&mut self, id: StreamId) -> Result<(), NoMemory> {
        self.blocked.insert(id, ()).map(|_| ())
    }

    /// Whether that was so until now.
    pub(super) fn take_blocked(&mut self, id: StreamId) -> bool {
        self.blocked.remove(&id).is_some()
    }

    /// The end of a stream was read.
    fn on_read(&mut self, id: StreamId) {
        if let Some(is_read) = self.described.get_mut(&id) {
            *is_read = true;
        }
    }

    /// Whether the end of a stream with a descriptor was read: nothing of it is missing, whatever becomes of the connection.
    fn is_read(&self, id: StreamId) -> bool {
        self.described.get(&id).is_some_and(|is_read| *is_read)
    }

    /// Whether the stream's data goes to a descriptor of its own.
    pub(super) fn is_described(&self, id: StreamId, ours: bool) -> bool {
        self.described.contains(&id) || (self.given.is_some() && !ours)
    }
}

impl Link {
    /// The peer opened streams: they are ours to use, and the newest bidirectional one becomes the active one.
    pub(super) fn take_incoming(&mut self, direction: Direction) {
        while let Some(id) = self.socket.accept_stream(direction) {
            if let Some(accepted) = self.book.accepted.get_mut(place(direction)) {
                *accepted = id.index().saturating_add(1);
            }
            if direction == Direction::Bidirectional {
                self.book.set_active(id);
            }
        }
        let streams = self.socket.connection().streams_seen();
        self.refused |= streams.is_some_and(|streams| streams.has_incoming(direction));
    }

    /// Opens the next stream of ours.
    pub(super) fn open_next(&mut self, direction: Direction, wait: bool) -> Result<StreamId, Stop> {
        let id = self.socket.open(direction).map_err(|error| match error {
            OpenError::Limit if wait => Stop::Blocked {
                on: Wait::Open(direction),
                errno: Errno::EAGAIN,
            },
            OpenError::Limit => Stop::Failed(Errno::EAGAIN),
            OpenError::Memory => Stop::Failed(Errno::ENOMEM),
        })?;
        self.book.set_active(id);
        if let Some(opened) = self.book.opened.get_mut(place(direction)) {
            *opened = id.index().saturating_add(1);
        }
        Ok(id)
    }

    /// Opens a stream of ours and every lower one of its kind.
    pub(super) fn open_through(&mut self, id: StreamId, wait: bool) -> Result<StreamId, Stop> {
        if id.initiator() != self.socket.role() {
            return Err(Stop::Failed(Errno::EINVAL));
        }
        match self.place_of(id) {
            Place::Ahead => loop {
                let opened = self.open_next(id.direction(), wait)?;
                if opened == id {
                    return Ok(id);
                }
            },
            Place::Open => Err(Stop::Failed(Errno::EINVAL)),
            Place::Over => Err(Stop::Failed(Errno::ENOSTR)),
        }
    }

    /// A stream that is open, by the number that a program gave.
    pub(super) fn stream_in_use(&mut self, id: i64) -> Result<StreamId, Stop> {
        let id = named(id)?;
        match self.place_of(id) {
            Place::Open => Ok(id),
            Place::Over => Err(Stop::Failed(Errno::ENOSTR)),
            Place::Ahead => Err(Stop::Failed(Errno::EINVAL)),
        }
    }

    /// Where a stream is in its life.
    pub(super) fn place_of(&mut self, id: StreamId) -> Place {
        let ours = id.initiator() == self.socket.role();
        let known = if ours {
            self.book.opened
        } else {
            self.book.accepted
        };
        let opened = known.get(place(id.direction())).copied().unwrap_or(0);
        if id.index() >= opened {
            return Place::Ahead;
        }
        match self.socket.stream_states(id) {
            (None, None) => Place::Over,
            _ => Place::Open,
        }
    }

    /// Whether the program may still add to what it sends on a stream.
    pub(super) fn is_sending(&mut self, id: StreamId) -> bool {
        if self.book.active_finished && self.book.active == Some(id) {
            return false;
        }
        let (state, _) = self.socket.stream_states(id);
        state.is_some_and(SendState::is_open)
    }

    /// STREAM_OPEN and what it opens.
    pub(super) fn open_stream(&mut self, info: StreamInfo) -> Result<StreamId, Stop> {
        if info.stream_flags & !STREAM_FLAGS != 0 {
            return Err(Stop::Failed(Errno::EINVAL));
        }
        let wait = info.stream_flags & MSG_QUIC_STREAM_DONTWAIT == 0;
        match info.stream_id {
            -1 => self.open_next(direction(info.stream_flags), wait),
            id => self.open_through(named(id)?, wait),
        }
    }

    /// STREAM_RESET.
    pub(super) fn reset_stream(&mut self, info: ErrInfo) -> Result<(), Stop> {
        self.established()?;
        let id = self.stream_in_use(info.stream_id)?;
        match self.socket.reset(id, info.errcode.into()) {
            Ok(()) => {
                self.book.on_finished(id);
                self.ended = true;
                Ok(())
            }
            Err(_) => Err(Stop::Failed(Errno::EINVAL)),
        }
    }

    /// STREAM_STOP_SENDING.
    pub(super) fn stop_stream(&mut self, info: ErrInfo) -> Result<(), Stop> {
        self.established()?;
        let id = self.stream_in_use(info.stream_id)?;
        match self.socket.stop(id, info.errcode.into()) {
            Ok(()) => {
                self.inbox.forget(id);
                self.ended = true;
                Ok(())
            }
            Err(ReadError::Stopped) => Err(Stop::Failed(Errno::EAGAIN)),
            Err(ReadError::Blocked | ReadError::Reset(_) | ReadError::Unknown) => {
                Err(Stop::Failed(Errno::EINVAL))
            }
        }
    }

    /// STREAM_DESCRIPTOR: the stream that gets one.
    pub(super) fn describe_stream(&mut self, wanted: StreamDescriptor) -> Result<StreamId, Stop> {
        if wanted.stream_flags & !STREAM_FLAGS != 0 {
            return Err(Stop::Failed(Errno::EINVAL));
        }
        let new = wanted.stream_flags & MSG_QUIC_STREAM_NEW != 0;
        let given = self.book.given;
        let id = match wanted.stream_id {
            -1 if new => self.next_opened(direction(wanted.stream_flags))?,
            -1 => self.next_given(wanted.stream_flags)?,
            id if new => named(id)?,
            id => self.stream_in_use(id)?,
        };
        let opened = StreamInfo {
            stream_id: wanted.stream_id,
            stream_flags: wanted.stream_flags,
        };
        match self.book.described.insert(id, false) {
            Ok(None) => {}
            // Opening it again says what is wrong with that.
            Ok(Some(_)) if new => return self.open_stream(opened),
            Ok(Some(_)) => return Err(Stop::Failed(Errno::EINVAL)),
            Err(NoMemory) => {
                self.book.given = given;
                self.inbox.unlisted |= given.is_none();
                return Err(Stop::Failed(Errno::ENOMEM));
            }
        }
        // Only now, so that no stream is open of which the program does not hear.
        if new && let Err(stop) = self.open_stream(opened) {
            self.book.described.remove(&id);
            return Err(stop);
        }
        self.inbox.forget(id);
        Ok(id)
    }

    /// The stream of ours that is opened next.
    fn next_opened(&self, direction: Direction) -> Result<StreamId, Stop> {
        let opened = self.book.opened.get(place(direction)).copied().unwrap_or(0);
        let id = StreamId::new(self.socket.role(), direction, opened);
        id.ok_or(Stop::Failed(Errno::EAGAIN))
    }

    /// The next stream of the peer that was not given as a descriptor.
    fn next_given(&mut self, flags: u32) -> Result<StreamId, Stop> {
        let kinds = match flags & MSG_QUIC_STREAM_UNI {
            0 => [Direction::Bidirectional, Direction::Unidirectional],
            _ => [Direction::Unidirectional; 2],
        };
        let peer = self.socket.role().peer();
        if self.book.given.is_none() {
            self.inbox.forget_all_of(peer);
        }
        for direction in kinds {
            let at = place(direction);
            let accepted = self.book.accepted.get(at).copied().unwrap_or(0);
            while let Some(next) = self.book.given.get_or_insert_default().get_mut(at)
                && *next < accepted
            {
                let id = StreamId::new(peer, direction, *next);
                *next = next.saturating_add(1);
                if let Some(id) = id
                    && self.place_of(id) == Place::Open
                    && !self.book.described.contains(&id)
                {
                    return Ok(id);
                }
            }
        }
        if self.socket.is_closed() {
            return Err(Stop::Failed(Errno::ENOTCONN));
        }
        let on = Wait::Incoming;
        let errno = Errno::EAGAIN;
        match flags & MSG_QUIC_STREAM_DONTWAIT {
            0 => Err(Stop::Blocked { on, errno }),
            _ => Err(Stop::Failed(errno)),
        }
    }

    /// What read() on a stream's descriptor says of what came of it.
    fn stream_answer(&self, id: StreamId, read: Result<Read, ReadError>) -> Result<usize, Stop> {
        let is_closed = self.socket.is_closed();
        match read {
            Ok(read) => Ok(read.bytes),
            // What is over was read to its end, or reading it was stopped.
            Err(ReadError::Stopped) => Ok(0),
            Err(ReadError::Unknown) if !is_closed || self.book.is_read(id) => Ok(0),
            Err(ReadError::Blocked) if !is_closed => Err(Stop::Blocked {
                on: Wait::StreamRead(id),
                errno: Errno::EAGAIN,
            }),
            Err(ReadError::Reset(_) | ReadError::Blocked | ReadError::Unknown) => {
                Err(Stop::Failed(Errno::ECONNRESET))
            }
        }
    }
}

/// The calls on a stream that has a descriptor; the home keeps the stream's identifier with it.
impl Sock {
    /// read(): 0 at the stream's end, or after SHUT_RD.
    ///
    /// # Errors
    ///
    /// [`Errno::ECONNRESET`] when the peer abandoned the stream, or the connection ended before it;
    /// [`Stop::Blocked`] while nothing is there.
    pub fn stream_read(
        &mut self,
        now: Instant,
        id: StreamId,
        out: &mut [u8],
    ) -> Result<usize, Stop> {
        let link = self.link_mut().ok_or(Stop::Failed(Errno::ENOTCONN))?;
        let read = link.socket.read(now, id, out);
        if let Ok(Read { fin: true, .. }) = read {
            link.book.on_read(id);
        }
        link.stream_answer(id, read)
    }

    /// As [`Sock::stream_read`], with `MSG_PEEK`: what is given stays.
    ///
    /// # Errors
    ///
    /// As [`Sock::stream_read`].
    pub fn stream_peek(&self, id: StreamId, out: &mut [u8]) -> Result<usize, Stop> {
        let link = self.link().ok_or(Stop::Failed(Errno::ENOTCONN))?;
        link.stream_answer(id, link.socket.peek(id, out))
    }

    /// write(): takes what there is room for.
    ///
    /// # Errors
    ///
    /// [`Stop::Pipe`] after SHUT_WR, after the peer has stopped the stream, and after the end of the connection;
    /// [`Stop::Blocked`] while there is no room.
    pub fn stream_write(&mut self, id: StreamId, data: &[u8]) -> Result<usize, Stop> {
        let link = self.link_mut().ok_or(Stop::Pipe)?;
        match link.socket.write(id, data) {
            Ok(bytes) => Ok(bytes),
            Err(WriteError::Blocked) if data.is_empty() => Ok(0),
            Err(WriteError::Blocked) => Err(Stop::Blocked {
                on: Wait::StreamWrite(id),
                errno: Errno::EAGAIN,
            }),
            Err(WriteError::Stopped(_) | WriteError::Finished | WriteError::Unknown) => {
                Err(Stop::Pipe)
            }
            Err(WriteError::Memory) => Err(Stop::Failed(Errno::ENOMEM)),
        }
    }

    /// The mask of poll(2).
    pub fn stream_poll(&mut self, id: StreamId) -> u32 {
        let all = POLLHUP | POLLERR | POLLRDHUP | POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
        let Some(link) = self.link_mut().filter(|link| !link.socket.is_closed()) else {
            return all;
        };
        let socket = &mut link.socket;
        let (sending, receiving) = socket.stream_states(id);
        let mut mask = 0;
        let stopped = matches!(socket.peek(id, &mut []), Err(ReadError::Stopped));
        if stopped || receiving.is_none_or(ReceiveState::is_terminal) {
            mask |= POLLRDHUP | POLLIN | POLLRDNORM;
        } else if socket.is_readable(id) {
            mask |= POLLIN | POLLRDNORM;
        }
        if !sending.is_some_and(SendState::is_open) || socket.writable(id) > 0 {
            mask |= POLLOUT | POLLWRNORM;
        }
        if sending.is_none() && receiving.is_none() {
            mask |= POLLHUP;
        }
        mask
    }

    /// shutdown(): SHUT_WR is the stream's FIN, SHUT_RD asks the peer to stop with code 0.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] for another `how`, [`Errno::ENOTCONN`] when that part of the stream is over.
    pub fn stream_shutdown(&mut self, id: StreamId, how: i32) -> Result<(), Errno> {
        let link = self.link_mut().ok_or(Errno::ENOTCONN)?;
        if !(SHUT_RD..=SHUT_RDWR).contains(&how) {
            return Err(Errno::EINVAL);
        }
        let finished = how != SHUT_RD && link.socket.finish(id).is_ok();
        if finished {
            link.book.on_finished(id);
        }
        let stopped = how != SHUT_WR && link.socket.stop(id, 0).is_ok();
        if !finished && !stopped {
            return Err(Errno::ENOTCONN);
        }
        link.ended = true;
        Ok(())
    }

    /// close() of the stream's descriptor: what was written is delivered, then FIN; nothing more is read.
    pub fn stream_close(&mut self, id: StreamId) {
        let State::Connection(link) = &mut self.state else {
            return;
        };
        // Either part may be over.
        let _ = link.socket.finish(id);
        let _ = link.socket.stop(id, 0);
        link.book.on_finished(id);
        link.book.described.remove(&id);
    }

    /// The value of getsockopt(STREAM_DESCRIPTOR), with the descriptor that the home made; how many bytes of `out` it has.
    pub fn write_descriptor(id: StreamId, descriptor: i32, out: &mut [u8]) -> usize {
        StreamDescriptor {
            stream_id: number_of(id),
            stream_flags: 0,
            descriptor,
        }
        .write(out)
    }
}

/// The stream of a number that a program gave.
pub(super) fn named(id: i64) -> Result<StreamId, Errno> {
    let id = u64::try_from(id).ok().and_then(StreamId::from_u64);
    id.ok_or(Errno::EINVAL)
}

/// The number by which a program knows a stream.
pub(super) fn number_of(id: StreamId) -> i64 {
    i64::try_from(id.to_u64()).unwrap_or(i64::MAX)
}

/// The kind of stream that flags ask for.
pub(super) const fn direction(flags: u32) -> Direction {
    match flags & MSG_QUIC_STREAM_UNI {
        0 => Direction::Bidirectional,
        _ => Direction::Unidirectional,
    }
}

const fn place(direction: Direction) -> usize {
    match direction {
        Direction::Bidirectional => 0,
        Direction::Unidirectional => 1,
    }
}
