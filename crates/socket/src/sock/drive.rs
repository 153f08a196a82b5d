//! The home's side of a connection: datagrams and time in, datagrams, deadlines and changes out. A socket that is none takes
//! all of it for nothing.

use core::net::SocketAddr;

use inquic_engine::{Handle, Received, Transmit};
use inquic_platform::Instant;
use inquic_uapi::EventType;

use super::link::{Gone, Link, Offence, Request};
use super::{Sock, State};
use crate::limits;
use crate::options::Options;
use crate::port::Port;

/// What [`Port::settle`] has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// The connection can be accepted: whoever waits for the port's listener is woken.
    pub acceptable: bool,
    /// The connection is over: the home's table and timers forget it. Descriptors may still have the socket.
    pub gone: Option<Handle>,
}

impl Sock {
    /// Takes datagrams of this connection.
    pub fn receive(&mut self, now: Instant, datagrams: Received<'_>) {
        if let Some(link) = self.link_mut() {
            link.socket.receive(now, datagrams);
        }
    }

    /// Takes note of the time.
    pub fn expire(&mut self, now: Instant) {
        let Some(link) = self.link_mut() else {
            return;
        };
        if link.corked.is_some_and(|until| until <= now) {
            link.corked = None;
        }
        if link.retry.is_some_and(|at| at <= now) {
            link.retry = None;
        }
        link.socket.expire(now);
    }

    /// Builds a batch of datagrams into `out`; call it until there is none.
    pub fn transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        let link = self.link_mut()?;
        match link.offence.take() {
            None => {}
            //= RFC 9001 §6: Endpoints MUST treat the receipt of a TLS KeyUpdate message as a connection error of type 0x010a
            Some(Offence::Unexpected) => link.socket.fail_handshake(now, UNEXPECTED_MESSAGE),
            Some(Offence::CertificateRequest) => link.socket.refuse_handshake(now),
        }
        if link.refused && link.retry.is_none() {
            link.retry = Some(now + limits::RETRY);
        }
        link.socket.transmit(now, out)
    }

    /// Whether a program that has just sent with MSG_MORE is going to send more, so that packets can wait. They do not wait
    /// for longer than [`crate::limits::CORK`], nor where datagrams or time are the cause.
    #[must_use]
    pub fn is_corked(&self) -> bool {
        self.link().is_some_and(|link| link.corked.is_some())
    }

    /// The system refused to send datagrams of `bytes` bytes because of their size: EMSGSIZE.
    pub fn on_refused(&mut self, now: Instant, bytes: usize) {
        if let Some(link) = self.link_mut() {
            link.socket.on_refused(now, bytes);
        }
    }

    /// An ICMP message says that datagrams to `remote` may have no more than `bytes` bytes. It is checked, not believed.
    pub fn on_too_big(&mut self, remote: SocketAddr, bytes: usize) {
        if let Some(link) = self.link_mut() {
            link.socket.on_too_big(remote, bytes);
        }
    }

    /// When [`Sock::expire`] must be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let link = self.link()?;
        let deadlines = [link.socket.next_deadline(), link.corked, link.retry];
        deadlines.into_iter().flatten().min()
    }

    /// Takes note of what has changed. Whether somebody who waits for this socket or one of its streams may go on.
    pub fn take_changes(&mut self) -> bool {
        let Self { state, options, .. } = self;
        let State::Connection(link) = state else {
            return false;
        };
        let told = link.drain(options);
        let mask = link.poll();
        let ended = core::mem::take(&mut link.ended);
        core::mem::replace(&mut link.mask, mask) != mask || told || ended
    }

    /// Whether the port is to be told something; see [`Port::settle`].
    #[must_use]
    pub fn needs_port(&self) -> bool {
        match &self.state {
            State::Idle(_) => false,
            State::Listening { changed, .. } => *changed,
            State::Connection(link) => {
                link.socket.needs_port() || link.request == Request::Ready || link.gone == Gone::Now
            }
        }
    }
}

impl Link {
    /// Takes the engine's events; whether there was one.
    fn drain(&mut self, options: &mut Options) -> bool {
        let mut told = false;
        self.refused = false;
        // What was refused is told again at once, and would be for ever: what is left waits for the retry.
        while !self.refused
            && let Some(event) = self.socket.next_event()
        {
            self.note_event(&event, options);
            told = true;
        }
        if options.wants(EventType::KeyUpdate) || options.wants(EventType::ConnectionId) {
            self.note_numbers(options);
        }
        told
    }
}

impl Port {
    /// Does for a socket what it cannot do alone. Call it when [`Sock::needs_port`] says so.
    pub fn settle(&mut self, now: Instant, sock: &mut Sock) -> Settled {
        let mut settled = Settled::default();
        sock.retell(self);
        let Some(link) = sock.link_mut() else {
            return settled;
        };
        if link.socket.needs_port() {
            self.service(now, &mut link.socket);
        }
        if link.request == Request::Ready {
            link.request = Request::Queued;
            settled.acceptable = self.on_established(link.socket.listener(), link.socket.handle());
            if !settled.acceptable {
                link.socket.abort(now, 0, b"");
            }
        }
        if link.gone == Gone::Now {
            settled.gone = self.forget(sock);
        }
        settled
    }

    /// Forgets a connection, whether it is over or not; none where it is forgotten already. Call it when nobody can wait until
    /// [`Port::settle`] says that it is gone.
    pub fn forget(&mut self, sock: &mut Sock) -> Option<Handle> {
        let link = sock
            .link_mut()
            .filter(|link| link.gone != Gone::Forgotten)?;
        link.gone = Gone::Forgotten;
        self.remove(&link.socket);
        Some(link.socket.handle())
    }
}

/// TLS alert unexpected_message (RFC 8446 §6).
const UNEXPECTED_MESSAGE: u8 = 10;
