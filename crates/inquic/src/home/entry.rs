//! One connection of a port: calls of the application and turns of the driver in, under one lock; packets and wake-ups out.
//!
//! Wakers are woken only after the lock is released, and the lock is never held across a wait.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use inquic_handshake::{HandshakeInfo, Session};
use inquic_platform::Instant;
use inquic_socket::Socket;
use inquic_socket::socket::{OpenError, ReadError, WriteError};
use inquic_wire::{Direction, Role, StreamId, Version};

use super::agenda::Agenda;
use super::clock;
use super::end;
use super::levels::Levels;
use super::moves::Moves;
use super::port::Port;
use super::tokens::Tokens;
use super::trace::{LogTo, Trace};
use super::waiters::{Waiters, Wakes};
use crate::error::Error;
use crate::stats::Stats;
use crate::stream::Readiness;
use crate::transport::{Interest, Transport};

/// One connection, shared by the port's table and the application's handles.
pub(crate) struct Entry {
    pub(crate) port: Arc<Port>,
    /// Its place in the port's table.
    pub(super) slot: u32,
    /// Where a client keeps the tokens that its server gives, and where it found that server: the next connection begins there,
    /// wherever this one moves to.
    pub(super) tokens: Option<(Arc<Tokens>, SocketAddr)>,
    pub(super) lock: Mutex<Held>,
}

/// What the lock guards.
pub(crate) struct Held {
    pub(super) socket: Socket,
    /// TLS, which keeps little when its work is done.
    pub(super) session: Session,
    pub(super) waiters: Waiters,
    /// Descriptors that somebody waits on; most connections have none.
    pub(super) levels: Option<Box<Levels>>,
    /// Why it failed, where the engine does not know.
    pub(super) failure: Option<Error>,
    pub(super) agenda: Agenda,
    /// Bytes that tasks wrote and left to the driver.
    pub(super) left: usize,
    pub(super) established: bool,
    /// Whether it could be used before the handshake was complete.
    pub(super) early: bool,
    /// Sockets of its own, once it has moved.
    pub(super) moves: Option<Box<Moves>>,
    /// What happens on it is told here.
    pub(super) trace: Trace,
}

impl Entry {
    pub(super) fn new(port: Arc<Port>, slot: u32, socket: Socket, session: Session) -> Self {
        Self {
            port,
            slot,
            tokens: None,
            lock: Mutex::new(Held {
                socket,
                session,
                waiters: Waiters::default(),
                levels: None,
                failure: None,
                agenda: Agenda::new(),
                left: 0,
                established: false,
                early: false,
                moves: None,
                trace: Trace::default(),
            }),
        }
    }

    /// Logs what happens from the beginning on.
    pub(super) fn with_trace(mut self, to: &LogTo, now: Instant) -> Self {
        let held = self.lock.get_mut().unwrap_or_else(PoisonError::into_inner);
        held.trace = Trace::begin(to, &mut held.socket, now);
        self
    }

    /// Keeps the tokens that the server, found at `remote`, gives.
    pub(super) fn with_tokens(self, tokens: Arc<Tokens>, remote: SocketAddr) -> Self {
        Self {
            tokens: Some((tokens, remote)),
            ..self
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Held> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a client's handshake.
    pub(super) fn begin(&self, now: Instant) {
        let mut wakes = Wakes::default();
        let mut held = self.lock();
        held.step(now, &mut wakes);
        self.transmit_here(&mut held, now, &mut wakes);
        drop(held);
        wakes.wake();
    }

    /// Ends the connection without a word to the peer's engine: nobody drives it any more.
    pub(super) fn fail(&self, error: Error, wakes: &mut Wakes) {
        self.lock().fail(clock::now(), error, wakes);
    }
}

impl Transport for Entry {
    fn home(&self) -> &'static str {
        "embedded"
    }

    fn poll_established(&self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut held = self.lock();
        if held.established {
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = held.ended() {
            return Poll::Ready(Err(error));
        }
        held.waiters.wait_for_established(context);
        Poll::Pending
    }

    fn poll_usable(&self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        if self.lock().socket.is_early() {
            return Poll::Ready(Ok(()));
        }
        self.poll_established(context)
    }

    fn poll_early_accepted(&self, context: &Context<'_>) -> Poll<Result<bool, Error>> {
        let established = self.poll_established(context);
        established.map_ok(|()| self.lock().socket.early_data_accepted() == Some(true))
    }

    fn is_early(&self) -> bool {
        self.lock().socket.is_early()
    }

    fn poll_open(
        &self,
        context: &Context<'_>,
        direction: Direction,
    ) -> Poll<Result<StreamId, Error>> {
        let mut held = self.lock();
        match held.socket.open(direction) {
            Ok(id) => Poll::Ready(Ok(id)),
            Err(OpenError::Memory) => Poll::Ready(Err(Error::NoMemory)),
            Err(OpenError::Limit) => {
                if let Some(error) = held.ended() {
                    return Poll::Ready(Err(error));
                }
                held.waiters.wait_to_open(direction, context);
                Poll::Pending
            }
        }
    }

    fn poll_accept(
        &self,
        context: &Context<'_>,
        direction: Direction,
    ) -> Poll<Result<Option<StreamId>, Error>> {
        let mut held = self.lock();
        if let Some(id) = held.socket.accept_stream(direction) {
            return Poll::Ready(Ok(Some(id)));
        }
        match held.ended() {
            Some(Error::ClosedByPeer { code: 0, .. }) => Poll::Ready(Ok(None)),
            Some(error) => Poll::Ready(Err(error)),
            None => {
                held.waiters.wait_for_incoming(direction, context);
                held.lower_incoming(direction);
                Poll::Pending
            }
        }
    }

    fn poll_read(
        &self,
        context: &Context<'_>,
        id: StreamId,
        out: &mut [u8],
    ) -> Poll<Result<(usize, bool), Error>> {
        if out.is_empty() {
            return Poll::Ready(Ok((0, false)));
        }
        let now = self.port.recent();
        let mut held = self.lock();
        let answer = match held.socket.read(now, id, out) {
            Ok(read) => Ok((read.bytes, read.fin)),
            Err(ReadError::Blocked) => {
                if let Some(error) = held.ended() {
                    return Poll::Ready(Err(error));
                }
                held.waiters.wait_to_read(id, context);
                held.level_readable(id);
                return Poll::Pending;
            }
            Err(ReadError::Reset(code)) => Err(Error::Reset(code)),
            Err(ReadError::Stopped) => Err(Error::StreamFinished),
            Err(ReadError::Unknown) => Err(held.ended().unwrap_or(Error::StreamFinished)),
        };
        held.level_readable(id);
        // Reading may have opened a window that the peer waits for.
        if held.socket.wants_to_send() {
            self.flush(held, 0);
        }
        Poll::Ready(answer)
    }

    fn poll_write(
        &self,
        context: &Context<'_>,
        id: StreamId,
        data: &[u8],
    ) -> Poll<Result<usize, Error>> {
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut held = self.lock();
        let answer = match held.socket.write(id, data) {
            Ok(0) | Err(WriteError::Blocked) => {
                if let Some(error) = held.ended() {
                    return Poll::Ready(Err(error));
                }
                held.waiters.wait_to_write(id, context);
                held.level_writable(id);
                return Poll::Pending;
            }
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(held.write_error(error)),
        };
        held.level_writable(id);
        if let Ok(bytes) = answer {
            self.flush(held, bytes);
        }
        Poll::Ready(answer)
    }

    fn finish(&self, id: StreamId) -> Result<(), Error> {
        self.act(|held| match held.socket.finish(id) {
            Ok(()) | Err(WriteError::Finished) => Ok(()),
            Err(error) => Err(held.write_error(error)),
        })
    }

    fn reset(&self, id: StreamId, code: u64) -> Result<(), Error> {
        self.act(|held| {
            let done = held.socket.reset(id, code);
            done.map_err(|error| held.write_error(error))
        })
    }

    fn stop(&self, id: StreamId, code: u64) -> Result<(), Error> {
        self.act(|held| {
            let done = held.socket.stop(id, code);
            done.map_err(|_| held.ended().unwrap_or(Error::StreamFinished))
        })
    }

    fn set_priority(&self, id: StreamId, priority: i32) {
        // It is a wish: without memory for it the priority stays as it was.
        let _ = self.lock().socket.set_priority(id, priority);
    }

    fn key_update(&self) -> Result<(), Error> {
        self.act(|held| {
            let begun = held.socket.key_update(clock::now());
            begun.map_err(|_| {
                held.ended().unwrap_or_else(|| {
                    Error::Config("a key update is under way already: try again later".into())
                })
            })
        })
    }

    fn close(&self, code: u64, reason: &str) {
        let now = clock::now();
        let mut held = self.lock();
        held.socket.close(now, code, reason.as_bytes());
        // At once, whoever drives: the process may end after this.
        let mut wakes = Wakes::default();
        self.transmit_here(&mut held, now, &mut wakes);
        drop(held);
        wakes.wake();
    }

    fn poll_closed(&self, context: &Context<'_>) -> Poll<Error> {
        let mut held = self.lock();
        if let Some(error) = held.over() {
            return Poll::Ready(error);
        }
        held.waiters.wait_for_close(context);
        Poll::Pending
    }

    fn readiness(&self, interest: Interest) -> Result<Readiness, Error> {
        match self.lock().level(interest) {
            Ok(level) => Ok(Readiness(level)),
            Err(error) => Err(Error::io("cannot make a descriptor", &error)),
        }
    }

    fn forget(&self, interest: Interest) {
        self.lock().forget_level(interest);
    }

    fn peer_addr(&self) -> SocketAddr {
        self.lock().socket.path().remote
    }

    fn local_addr(&self) -> SocketAddr {
        let known = self.lock().socket.local_address();
        known.unwrap_or_else(|| self.port.local_addr())
    }

    fn stats(&self) -> Stats {
        self.lock().socket.stats().into()
    }

    fn version(&self) -> Version {
        self.lock().socket.version()
    }

    fn info(&self) -> Option<HandshakeInfo> {
        self.lock().session.info().cloned()
    }

    fn poll_send_datagram(
        &self,
        context: &Context<'_>,
        data: &[u8],
        told: bool,
    ) -> Poll<Result<Option<u64>, Error>> {
        Self::poll_send_datagram(self, context, data, told)
    }

    fn poll_receive_datagram(&self, context: &Context<'_>) -> Poll<Result<Option<Vec<u8>>, Error>> {
        Self::poll_receive_datagram(self, context)
    }

    fn poll_datagram_fate(&self, context: &Context<'_>) -> Poll<Result<(u64, bool), Error>> {
        Self::poll_datagram_fate(self, context)
    }

    fn max_datagram_size(&self) -> Option<usize> {
        Self::max_datagram_size(self)
    }

    fn begin_move(&self, address: SocketAddr) -> Result<(), Error> {
        Self::begin_move(self, address)
    }

    fn poll_moved(&self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        Self::poll_moved(self, context)
    }
}

impl Entry {
    /// A call that changes something and may make the connection send.
    fn act<T>(&self, call: impl FnOnce(&mut Held) -> Result<T, Error>) -> Result<T, Error> {
        let mut held = self.lock();
        let answer = call(&mut held);
        if answer.is_ok() {
            self.flush(held, 0);
        }
        answer
    }

    /// After a call: what it made the connection want to send leaves from here or with the driver's next turn.
    ///
    /// A thread sends itself, which saves a switch to the driver. Tasks leave it to the driver, which runs after all of them
    /// and sends what they wrote together; but from [`BULK_BYTES`] on it does not wait.
    pub(super) fn flush(&self, mut held: MutexGuard<'_, Held>, written: usize) {
        held.left += written;
        if !self.port.driven_by_task() || held.left >= BULK_BYTES {
            let mut wakes = Wakes::default();
            self.transmit_here(&mut held, clock::now(), &mut wakes);
            drop(held);
            wakes.wake();
        } else {
            held.agenda.list(&self.port, self.slot);
        }
    }

    fn transmit_here(&self, held: &mut Held, now: Instant, wakes: &mut Wakes) {
        let mut outbox = self.port.take_outbox();
        self.settle(held, now, &self.port.udp[0], &mut outbox, wakes);
        self.port.give_outbox(outbox);
    }
}

impl Held {
    /// Why nothing more can be done with the connection, once that is so.
    pub(super) fn ended(&self) -> Option<Error> {
        if let Some(failure) = &self.failure {
            return Some(failure.clone());
        }
        if let Some(reason) = self.socket.close_reason() {
            return Some(end::error(reason, &self.socket));
        }
        self.socket.is_closed().then(|| Error::Closed {
            code: 0,
            reason: String::new(),
        })
    }

    /// Why the connection is over, lingering included.
    pub(super) fn over(&self) -> Option<Error> {
        if let Some(failure) = &self.failure {
            return Some(failure.clone());
        }
        let reason = self.socket.close_reason()?;
        Some(end::error(reason, &self.socket))
    }

    fn write_error(&self, error: WriteError) -> Error {
        match error {
            WriteError::Stopped(code) => Error::Stopped(code),
            WriteError::Finished => Error::StreamFinished,
            WriteError::Blocked => Error::WouldBlock,
            WriteError::Memory => Error::NoMemory,
            WriteError::Unknown => self.ended().unwrap_or(Error::StreamFinished),
        }
    }

    /// Whether this end accepted the connection.
    pub(super) fn is_server(&self) -> bool {
        self.socket.role() == Role::Server
    }
}

/// When tasks have written this much since packets last left, the one that did transmits: half a batch, so that the peer works
/// on it while the other half is made.
const BULK_BYTES: usize = 16 * 1024;
