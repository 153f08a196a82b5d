//! Logs of connections in the qlog format: the engine's records in, a file for each connection out.
//!
//! Whoever has a connection's lock only copies records and hands them to one thread of the process, which makes text of them and
//! writes it. When that thread cannot keep up, records are left out and the file says how many. A log never fails or delays a
//! connection, and what a peer can make it cost is in `limits` (attacks: own diagnostics overflow).

mod events;
mod file;
mod frames;
pub(crate) mod limits;
#[cfg(test)]
mod tests;
mod thread;
mod words;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender, SyncSender};
use std::time::Duration;

use inquic_engine::trace::{Record, What};
use inquic_platform::Instant;
use inquic_socket::Socket;
use inquic_wire::{ConnectionId, Role, TransportParameters, Version};
use qlog::events::EventData;

/// The log of one connection.
pub(crate) struct Log {
    number: u64,
    to: Sender<Message>,
    /// Notes that found no room.
    missed: u64,
    /// Counts among [`limits::LOGS`] for as long as it is there.
    _place: Place,
}

/// What the thread is told.
enum Message {
    Begin(u64, Box<Opening>),
    Notes(u64, Vec<Note>),
    End(u64),
    /// Everything before is to be written; then it is answered.
    Flush(SyncSender<()>),
}

/// What a log begins with.
struct Opening {
    directory: Arc<Path>,
    at: Instant,
    role: Role,
    id: ConnectionId,
    version: Version,
    path: inquic_engine::Path,
}

/// A record, and what a record only names.
enum Note {
    Record(Record),
    Parameters(Instant, Box<TransportParameters>),
    Migrated(Instant, Box<inquic_engine::Path>),
    Over(Instant, Box<EventData>),
    Missed(Instant, u64),
}

/// A place among the connections that are logged.
struct Place;

impl Log {
    /// Begins the log of a connection that was just made, at `now`. `None` when there are too many, or no memory.
    pub(crate) fn begin(directory: &Arc<Path>, socket: &mut Socket, now: Instant) -> Option<Self> {
        let place = Place::take()?;
        let to = thread::sender()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let opening = Opening {
            directory: directory.clone(),
            at: now,
            role: socket.role(),
            id: socket.original_id(),
            version: socket.version(),
            path: socket.path(),
        };
        to.send(Message::Begin(number, Box::new(opening))).ok()?;
        socket.start_trace(now).then_some(Self {
            number,
            to,
            missed: 0,
            _place: place,
        })
    }

    /// Takes what was noted since the last time.
    pub(crate) fn drain(&mut self, socket: &mut Socket) {
        let mut notes = Vec::new();
        let mut last = None;
        while let Some(record) = socket.take_record() {
            last = Some(record.at);
            notes.push(Note::of(record, socket));
        }
        let missed = u64::from(socket.take_missed()) + self.missed;
        let Some(at) = last else {
            return;
        };
        if missed > 0 {
            notes.push(Note::Missed(at, missed));
        }
        let count = notes.len();
        let room = QUEUED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |queued| {
            (queued + count <= limits::NOTES).then_some(queued + count)
        });
        let taken = room.is_ok() && self.to.send(Message::Notes(self.number, notes)).is_ok();
        self.missed = if taken { 0 } else { missed + count as u64 };
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // A thread that is gone has closed the file.
        let _ = self.to.send(Message::End(self.number));
    }
}

impl Note {
    fn of(record: Record, socket: &Socket) -> Self {
        let at = record.at;
        match record.what {
            What::Parameters => match socket.peer_parameters() {
                Some(parameters) => Self::Parameters(at, Box::new(parameters)),
                None => Self::Record(record),
            },
            What::Migrated => Self::Migrated(at, Box::new(socket.path())),
            What::Over => match socket.close_reason() {
                Some(reason) => Self::Over(at, Box::new(words::closed(reason))),
                None => Self::Record(record),
            },
            _ => Self::Record(record),
        }
    }
}

impl Place {
    fn take() -> Option<Self> {
        let took = TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            (taken < limits::LOGS).then_some(taken + 1)
        });
        took.ok().map(|_| Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits until everything that was logged so far is in its file, for `timeout` at most; says whether it is. A process that ends
/// calls it, since the logs are written by a thread.
#[must_use]
pub fn flush(timeout: Duration) -> bool {
    let Some(to) = thread::started() else {
        return true;
    };
    let (done, written) = mpsc::sync_channel(1);
    to.send(Message::Flush(done)).is_ok() && written.recv_timeout(timeout).is_ok()
}

static NEXT: AtomicU64 = AtomicU64::new(0);
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// Notes on their way to the thread.
static QUEUED: AtomicUsize = AtomicUsize::new(0);
