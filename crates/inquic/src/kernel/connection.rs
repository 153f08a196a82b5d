//! One connection: a socket with its handshake, and who waits for what. The thread's calls and the application's come in, under one lock; socket
//! calls and wake-ups go out. Wakers are woken only after the lock is released, and the lock is never held across a wait.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Waker};

use inquic_descriptor::{Calls as _, Descriptor, Link};
use inquic_handshake::Session;
use inquic_platform::Instant;
use inquic_uapi::flags::{MSG_QUIC_STREAM_DONTWAIT, MSG_QUIC_STREAM_UNI};
use inquic_uapi::structs::ConnectionClose;
use inquic_uapi::{Layout, option};
use inquic_wire::{Direction, StreamId, Version};
use socket2::{Domain, SockAddr, Socket};

use super::datagrams::Datagrams;
use super::end;
use super::events::Codes;
use super::limits;
use super::listener::Shared;
use super::reactor::{Reactor, Ready, Registration};
use super::settings::{self, Settings};
use super::stream::{Stream, push};
use super::sys;
use crate::error::Error;
use crate::home::clock;
use crate::home::readiness::Level;
use crate::home::tokens::Tokens;
use crate::transport::{Interest, Owner};

/// A connection by a socket of the system.
pub(super) struct Connection {
    pub(super) socket: Socket,
    /// Where the peer was at first.
    pub(super) remote: SocketAddr,
    reactor: &'static Reactor,
    registration: OnceLock<Registration>,
    /// A server's, until it was accepted.
    listener: Weak<Shared>,
    /// Where a client keeps the tokens that its server gives.
    tokens: Option<Arc<Tokens>>,
    held: Mutex<Held>,
}

/// What the lock guards.
pub(super) struct Held {
    pub(super) link: Link,
    pub(super) session: Session,
    pub(super) outgoing: Option<inquic_descriptor::Outgoing>,
    pub(super) established: bool,
    pub(super) is_client: bool,
    /// The ticket that TLS was last given.
    pub(super) ticket: Vec<u8>,
    /// Streams with somebody to use them, and how many halves of each are in use.
    streams: HashMap<StreamId, (Arc<Stream>, u8)>,
    /// Why streams ended that were reset or stopped.
    pub(super) codes: Codes,
    /// The peer's streams that were taken from the socket and are not accepted yet.
    incoming: [VecDeque<StreamId>; 2],
    pub(super) datagrams: Datagrams,
    pub(super) fates: Fates,
    levels: HashMap<Interest, Arc<Level>>,
    waiting: Vec<Waker>,
    /// We have closed it: with these words, and until when what was written may still arrive.
    closing: Option<(Error, Instant)>,
    /// Why it is over.
    pub(super) end: Option<Error>,
    /// How a move to another address went, and until when it may take.
    pub(super) moving: Option<(Option<bool>, Instant)>,
}

/// What the socket knows of datagrams whose fate is asked for.
#[derive(Default)]
pub(super) struct Fates {
    /// Whether the fate of what is sent now is kept.
    pub(super) kept: bool,
    /// The number that the socket gives to the next of those.
    next: u64,
}

/// Begins a client's connection.
pub(crate) fn connect(
    settings: &Settings,
    remote: SocketAddr,
    session: Session,
    tokens: &Arc<Tokens>,
) -> Result<Owner, Error> {
    let failed = |error: io::Error| match error.raw_os_error() {
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH) => Error::NoRoute(remote),
        _ => Error::io("cannot open a connection", &error),
    };
    let socket = sys::socket(Domain::for_address(remote)).map_err(failed)?;
    let calls = Descriptor(socket.as_raw_fd());
    settings.set(&calls).map_err(failed)?;
    let token = tokens.take((remote, Version::V1));
    if (1..=option::TOKEN_LEN_MAX).contains(&token.len()) {
        calls
            .setsockopt(option::QUIC_SOCKOPT_TOKEN, &token)
            .map_err(failed)?;
    }
    socket.connect(&SockAddr::from(remote)).map_err(failed)?;
    let tokens = Some(tokens.clone());
    let entry = Connection::begin(socket, remote, session, Weak::new(), tokens)?;
    Ok(Owner { entry })
}

impl Connection {
    /// Begins the handshake of a socket that is connected or was accepted.
    pub(super) fn begin(
        socket: Socket,
        remote: SocketAddr,
        session: Session,
        listener: Weak<Shared>,
        tokens: Option<Arc<Tokens>>,
    ) -> Result<Arc<Self>, Error> {
        let failed = |error: io::Error| Error::io("cannot use a QUIC socket", &error);
        let reactor = Reactor::get()?;
        let calls = Descriptor(socket.as_raw_fd());
        settings::set_manners(&calls).map_err(failed)?;
        let connection = Arc::new(Self {
            remote,
            reactor,
            registration: OnceLock::new(),
            listener,
            held: Mutex::new(Held {
                link: Link::new(Box::new(calls)),
                session,
                outgoing: None,
                established: false,
                is_client: tokens.is_some(),
                ticket: Vec::new(),
                streams: HashMap::new(),
                codes: Codes::default(),
                incoming: [VecDeque::new(), VecDeque::new()],
                datagrams: Datagrams::default(),
                fates: Fates::default(),
                levels: HashMap::new(),
                waiting: Vec::new(),
                closing: None,
                end: None,
                moving: None,
            }),
            socket,
            tokens,
        });
        let who: Weak<dyn Ready> = Arc::downgrade(&connection) as Weak<dyn Ready>;
        let registration = reactor.register(&connection.socket, who).map_err(failed)?;
        let _ = connection.registration.set(registration);
        connection.step();
        Ok(connection)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn descriptor(&self) -> Descriptor {
        // Not before the socket goes is it closed.
        Descriptor(self.socket.as_raw_fd())
    }

    /// Has the waker woken when anything happens.
    pub(super) fn wait(held: &mut Held, context: &Context<'_>) {
        push(&mut held.waiting, context);
    }

    /// Has the waker woken after a moment as well: no descriptor tells what it waits for.
    pub(super) fn wait_a_moment(&self, held: &mut Held, context: &Context<'_>) {
        push(&mut held.waiting, context);
        if let Some(registration) = self.registration.get() {
            registration.tick();
        }
    }

    /// A stream with a descriptor is in use.
    pub(super) fn keep(&self, held: &mut Held, id: StreamId, socket: Socket) -> io::Result<()> {
        let halves = if id.direction() == Direction::Bidirectional {
            2
        } else {
            1
        };
        let stream = Stream::new(self.reactor, socket)?;
        held.streams.insert(id, (stream, halves));
        Ok(())
    }

    pub(super) fn stream(&self, id: StreamId) -> Result<Arc<Stream>, Error> {
        let held = self.lock();
        let found = held.streams.get(&id).map(|(stream, _)| stream.clone());
        found.ok_or(Error::StreamFinished)
    }

    /// Nobody uses a half of a stream any more.
    pub(super) fn leave(&self, interest: Interest) {
        let mut held = self.lock();
        held.levels.remove(&interest);
        let (Interest::Readable(id) | Interest::Writable(id)) = interest else {
            return;
        };
        if let Some((_, halves)) = held.streams.get_mut(&id) {
            *halves = halves.saturating_sub(1);
            if *halves == 0 {
                held.streams.remove(&id);
                held.codes.forget(id);
            }
        }
    }

    /// The next stream of the peer, if there is one.
    pub(super) fn take_incoming(
        &self,
        held: &mut Held,
        direction: Direction,
    ) -> io::Result<Option<StreamId>> {
        let (kind, flags) = match direction {
            Direction::Bidirectional => (0, 0),
            Direction::Unidirectional => (1, MSG_QUIC_STREAM_UNI),
        };
        loop {
            if let Some(id) = held.incoming.get_mut(kind).and_then(VecDeque::pop_front) {
                return Ok(Some(id));
            }
            match sys::stream(&self.socket, flags | MSG_QUIC_STREAM_DONTWAIT) {
                Ok((id, socket)) => {
                    self.keep(held, id, socket)?;
                    let kind = usize::from(id.direction() == Direction::Unidirectional);
                    if let Some(incoming) = held.incoming.get_mut(kind) {
                        incoming.push_back(id);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Why nothing more can be done, once that is so.
    pub(super) fn ended(held: &Held) -> Option<Error> {
        let closed = held.closing.as_ref().map(|(error, _)| error);
        held.end.as_ref().or(closed).cloned()
    }

    /// Why a call on a stream failed that says no more than that.
    pub(super) fn ended_or(&self, otherwise: Error) -> Error {
        self.step();
        Self::ended(&self.lock()).unwrap_or(otherwise)
    }

    /// The connection is over, for this reason of recvmsg's, or in order.
    pub(super) fn end(&self, held: &mut Held, failure: Option<&io::Error>) {
        if held.end.is_none() {
            let closed = held.closing.take().map(|(error, _)| error);
            let error = closed.unwrap_or_else(|| {
                end::of(&self.descriptor(), failure, self.remote, held.established)
            });
            held.end = Some(error);
        }
    }

    /// Ends it before its handshake was complete; the peer is told what TLS has said.
    pub(super) fn fail(&self, held: &mut Held, error: Error) {
        held.end.get_or_insert(error);
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Closes it once what was written has arrived; does not wait for that.
    pub(super) fn close_with(&self, code: u64, reason: &str) {
        let mut held = self.lock();
        if held.end.is_some() || held.closing.is_some() {
            return;
        }
        // What came before is not lost.
        if held.established {
            self.take_events(&mut held);
        }
        if held.end.is_some() {
            return self.tell(held);
        }
        self.keep_token();
        let mut close = ConnectionClose {
            errcode: u32::try_from(code).unwrap_or(u32::MAX),
            ..ConnectionClose::default()
        };
        // The last byte stays zero: it ends the text.
        let room = close.phrase.len() - 1;
        for (to, from) in close.phrase.iter_mut().take(room).zip(reason.as_bytes()) {
            *to = *from;
        }
        let mut value = [0; ConnectionClose::SIZE];
        close.write(&mut value);
        // One that is over needs no words.
        let _ = self
            .descriptor()
            .setsockopt(option::QUIC_SOCKOPT_CONNECTION_CLOSE, &value);
        let _ = self.socket.shutdown(Shutdown::Both);
        let reason = reason.to_owned();
        let until = clock::now() + limits::LINGER;
        held.closing = Some((Error::Closed { code, reason }, until));
        self.tell(held);
    }

    /// Why it is over, with what was written delivered if it ever will be.
    pub(super) fn over(&self, held: &Held) -> Option<Error> {
        if let Some(end) = &held.end {
            return Some(end.clone());
        }
        let (error, until) = held.closing.as_ref()?;
        let delivered = self
            .descriptor()
            .outstanding()
            .is_ok_and(|bytes| bytes == 0);
        (delivered || clock::now() >= *until).then(|| error.clone())
    }

    /// Keeps the token that the server has given, if it has.
    fn keep_token(&self) {
        if let Some(tokens) = &self.tokens {
            let mut token = [0; 512];
            let got = self
                .descriptor()
                .getsockopt(option::QUIC_SOCKOPT_TOKEN, &mut token);
            let token = got.ok().and_then(|len| token.get(..len));
            if let Some(token) = token.filter(|token| !token.is_empty()) {
                tokens.keep((self.remote, Version::V1), token);
            }
        }
    }

    /// Whether its handshake is complete, and whether it is over.
    pub(super) fn standing(&self) -> (bool, bool) {
        let held = self.lock();
        (held.established, held.end.is_some())
    }

    /// Looks at what the socket has to say.
    pub(super) fn step(&self) {
        let mut held = self.lock();
        let was = held.established;
        if held.end.is_none() && !held.established {
            self.shake(&mut held);
        }
        if held.end.is_none() && held.established {
            self.take_events(&mut held);
        }
        let settled = !was && (held.established || held.end.is_some());
        self.raise(&mut held);
        self.tell(held);
        if settled && let Some(listener) = self.listener.upgrade() {
            listener.settled(self);
        }
    }

    /// The descriptor that is up while something can be taken.
    pub(super) fn level(&self, interest: Interest) -> io::Result<Arc<Level>> {
        let mut held = self.lock();
        if let Some(level) = held.levels.get(&interest) {
            return Ok(level.clone());
        }
        let level = Arc::new(Level::new()?);
        held.levels.insert(interest, level.clone());
        self.raise(&mut held);
        Ok(level)
    }

    /// Sets the descriptors that somebody asked for.
    pub(super) fn raise(&self, held: &mut Held) {
        if held.levels.is_empty() {
            return;
        }
        for direction in [Direction::Bidirectional, Direction::Unidirectional] {
            if held.levels.contains_key(&Interest::Incoming(direction))
                && let Ok(Some(id)) = self.take_incoming(held, direction)
            {
                held.give_back(id);
            }
        }
        let over = Self::ended(held).is_some();
        for (interest, level) in &held.levels {
            level.set(
                over || match interest {
                    Interest::Datagrams => !held.datagrams.is_empty(),
                    Interest::Incoming(Direction::Bidirectional) => !held.incoming[0].is_empty(),
                    Interest::Incoming(Direction::Unidirectional) => !held.incoming[1].is_empty(),
                    Interest::Readable(_) | Interest::Writable(_) => false,
                },
            );
        }
    }

    /// Wakes everybody who waits.
    fn tell(&self, mut held: MutexGuard<'_, Held>) {
        let waiting = std::mem::take(&mut held.waiting);
        drop(held);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Fates {
    /// The number of a datagram that was just sent.
    pub(super) fn count(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }
}

impl Held {
    /// A stream that was taken and is not accepted yet waits as the first of its kind.
    pub(super) fn give_back(&mut self, id: StreamId) {
        let kind = usize::from(id.direction() == Direction::Unidirectional);
        if let Some(incoming) = self.incoming.get_mut(kind) {
            incoming.push_front(id);
        }
    }
}

impl Ready for Connection {
    fn ready(self: Arc<Self>) {
        self.step();
    }
}
