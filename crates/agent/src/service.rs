//! The kernel's handshake service as calls: requests come out of it, what became of them goes in. One question at a time is under
//! way, and its answer is waited for by whoever asked, so that a socket is open in this process before anybody looks for it.

use std::io;
use std::os::fd::OwnedFd;

use crate::limits;
use crate::message::{self, Answer, Family, Request, Wanted};
use crate::sys;

/// Where questions go and answers come from.
pub(crate) trait Channel: Send {
    /// Sends one message.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn send(&self, message: &[u8]) -> io::Result<()>;

    /// Receives one message; how long it is.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn receive(&self, out: &mut [u8]) -> io::Result<usize>;
}

/// The service.
pub(crate) struct Service {
    channel: Box<dyn Channel>,
    family: Family,
    sequence: u32,
}

/// A handshake to make.
pub(crate) struct Job {
    pub(crate) socket: OwnedFd,
    pub(crate) wanted: Result<Wanted, &'static str>,
}

impl Service {
    /// Finds the service.
    ///
    /// # Errors
    ///
    /// `NotFound` where the kernel has none.
    pub(crate) fn find(channel: Box<dyn Channel>) -> io::Result<Self> {
        let mut service = Self {
            channel,
            family: Family { id: 0, group: 0 },
            sequence: 0,
        };
        let question = message::find_family(service.next());
        service.family = match service.ask(None, &question)? {
            Answer::Family(family) => family,
            other => return Err(unexpected(&other)),
        };
        Ok(service)
    }

    /// The group that hears of new requests.
    pub(crate) const fn group(&self) -> u32 {
        self.family.group
    }

    /// The oldest request that waits, or none.
    ///
    /// # Errors
    ///
    /// What the kernel says: `PermissionDenied` to whom it hands no sockets.
    pub(crate) fn accept(&mut self) -> io::Result<Option<Job>> {
        let question = message::accept(self.family, self.next());
        let Request { socket, wanted } = match self.ask(Some(self.family), &question) {
            Ok(Answer::Request(request)) => request,
            Ok(other) => return Err(unexpected(&other)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        #[expect(unsafe_code, reason = "the kernel says that it has made it")]
        // SAFETY: the kernel has made the descriptor for us, and has told nobody else.
        let socket = unsafe { sys::take(socket) };
        let socket = socket.ok_or_else(|| io::Error::other("a socket without a number"))?;
        Ok(Some(Job { socket, wanted }))
    }

    /// Says what became of a handshake: 0 or an errno, and which key of the kernel's it was made by.
    ///
    /// # Errors
    ///
    /// What the kernel says; `ResourceBusy` where nobody waits for it any more.
    pub(crate) fn done(&mut self, socket: i32, status: u32, key: Option<i32>) -> io::Result<()> {
        let news = message::done(self.family, self.next(), socket, status, key);
        match self.ask(Some(self.family), &news)? {
            Answer::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks, and waits for the answer to this question: one to an earlier question may still be there.
    fn ask(&self, family: Option<Family>, question: &[u8]) -> io::Result<Answer> {
        self.channel.send(question)?;
        let mut buffer = vec![0; limits::MESSAGE_BYTES];
        loop {
            let len = match self.channel.receive(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                len => len?,
            };
            let bytes = buffer.get(..len).unwrap_or_default();
            let (sequence, answer) = message::read(family, bytes).map_err(io::Error::other)?;
            if sequence != self.sequence {
                continue;
            }
            return match answer {
                Answer::Failed(errno) => Err(io::Error::from_raw_os_error(errno)),
                answer => Ok(answer),
            };
        }
    }

    const fn next(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }
}

fn unexpected(answer: &Answer) -> io::Error {
    io::Error::other(format!("the kernel answers something else: {answer:?}"))
}

#[cfg(test)]
pub(crate) mod tests;
