//! poll and ioctl: what would not block, and how many bytes wait; nothing that a program sees is changed.

use inquic_uapi::flags::{
    MSG_ERRQUEUE, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM,
};
use inquic_uapi::socket::{SIOCINQ, SIOCOUTQ, SIOCOUTQNSD};
use inquic_wire::StreamId;

use super::answer::{Stop, Wait};
use super::link::Link;
use super::receive::Next;
use super::{Sock, State};
use crate::errno::Errno;
use crate::port::Port;

impl Sock {
    /// The mask of poll(2). `port` is needed of a listener only.
    pub fn poll(&mut self, port: Option<&Port>) -> u32 {
        let listener = self.listener;
        let is_acceptable =
            |port: &Port| listener.is_some_and(|listener| port.is_acceptable(listener));
        match &mut self.state {
            // As with TCP: there is nothing to wait for.
            State::Idle(_) => POLLOUT | POLLWRNORM | POLLHUP,
            State::Listening { .. } if port.is_some_and(is_acceptable) => POLLIN | POLLRDNORM,
            State::Listening { .. } => 0,
            State::Connection(link) => link.poll(),
        }
    }

    /// ioctl(): SIOCINQ, SIOCOUTQ, SIOCOUTQNSD.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] on a listener, [`Errno::ENOTTY`] for another request.
    pub fn ioctl(&self, request: u32) -> Result<i32, Errno> {
        if ![SIOCINQ, SIOCOUTQ, SIOCOUTQNSD].contains(&request) {
            return Err(Errno::ENOTTY);
        }
        let link = match &self.state {
            State::Listening { .. } => return Err(Errno::EINVAL),
            State::Idle(_) => return Ok(0),
            State::Connection(link) => link,
        };
        let bytes = match request {
            SIOCINQ => link.socket.bytes_to_read(),
            SIOCOUTQ => link.socket.bytes_to_arrive(),
            _ => link.socket.bytes_to_send(),
        };
        Ok(i32::try_from(bytes).unwrap_or(i32::MAX))
    }
}

/// What a call would give, for a caller that has to make room for it first: it may be much less than the caller would take.
impl Sock {
    /// Bytes that [`Sock::recvmsg`] gives at most now; 0 as well where it would say something else at once.
    ///
    /// # Errors
    ///
    /// [`Stop::Blocked`] while nothing waits.
    pub fn bytes_to_receive(&mut self, flags: u32) -> Result<usize, Stop> {
        let State::Connection(link) = &mut self.state else {
            return Ok(0);
        };
        if link.has_message() {
            return Ok(link.next_bytes());
        }
        if link.socket.is_closed() || flags & MSG_ERRQUEUE != 0 {
            return Ok(0);
        }
        Err(Stop::Blocked {
            on: Wait::Receive,
            errno: Errno::EAGAIN,
        })
    }

    /// Bytes of the event or the datagram that [`Sock::recvmsg`] gives next, which it gives in pieces where there is less room; 0
    /// where it gives something else.
    pub fn message_to_receive(&mut self) -> usize {
        match &mut self.state {
            State::Connection(link) => match link.next() {
                Some(Next::Message(bytes)) => bytes,
                Some(Next::Stream(_)) | None => 0,
            },
            _ => 0,
        }
    }

    /// Bytes that [`Sock::stream_read`] gives at most now; 0 as well where it would say something else, or block.
    #[must_use]
    pub fn bytes_to_stream_read(&self, id: StreamId) -> usize {
        match &self.state {
            State::Connection(link) => bytes(link.socket.unread(id)),
            _ => 0,
        }
    }
}

impl Sock {
    /// Bytes of memory for received data and for written data, as a home may charge whoever has the socket. It costs no look at
    /// single streams.
    #[must_use]
    pub fn charged(&self) -> [usize; 2] {
        self.link().map_or([0; 2], |link| link.socket.charged())
    }
}

impl Link {
    pub(super) fn poll(&mut self) -> u32 {
        if self.socket.is_closed() {
            return POLLHUP | POLLERR | POLLRDHUP | POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
        }
        let mut mask = 0;
        if self.has_message() {
            mask |= POLLIN | POLLRDNORM;
        }
        if self.has_room() {
            mask |= POLLOUT | POLLWRNORM;
        }
        mask
    }

    /// Whether recvmsg would give something.
    fn has_message(&self) -> bool {
        if self.is_connecting() {
            return self.hello_waits() || self.inbox.has_hello() || self.inbox.has_event();
        }
        self.hello_waits() || !self.inbox.is_empty()
    }

    /// Bytes of what recvmsg gives next, at most.
    fn next_bytes(&mut self) -> usize {
        match self.next() {
            Some(Next::Message(bytes)) => bytes,
            Some(Next::Stream(id)) => bytes(self.socket.unread(id)),
            None => usize::MAX,
        }
    }

    /// Whether sendmsg would take something.
    pub(super) fn has_room(&mut self) -> bool {
        if !self.socket.is_established() && !self.socket.is_early() {
            return false;
        }
        match self.book.active() {
            Some(id) if self.is_sending(id) => self.socket.writable(id) > 0,
            _ => self.socket.send_room() > 0,
        }
    }
}

fn bytes(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
