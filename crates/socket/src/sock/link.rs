//! What a socket has beside its engine's connection once it is one. It holds state for the calls beside it and decides nothing.

use core::net::SocketAddr;

use inquic_engine::Path;
use inquic_platform::Instant;

use super::inbox::Inbox;
use super::streams::Book;
use super::tls::{Tickets, Verdict};
use crate::errno::Errno;
use crate::socket::Socket;

/// A socket's connection, from connect() or the listener's queue to its end.
pub(super) struct Link {
    pub(super) socket: Socket,
    /// What the socket was bound to.
    bound: SocketAddr,
    /// The path that the program was told of last.
    pub(super) path: Path,
    pub(super) request: Request,
    pub(super) inbox: Inbox,
    pub(super) book: Book,
    /// Server: the port's key for session tickets.
    pub(super) ticket_key: Option<[u8; 64]>,
    /// More is to be written before a packet is to leave, or this moment comes.
    pub(super) corked: Option<Instant>,
    /// What poll said when changes were last told.
    pub(super) mask: u32,
    /// Whether a call has ended what others may wait for, though poll says the same.
    pub(super) ended: bool,
    /// Whether SO_ERROR was asked for since the end.
    pub(super) error_taken: bool,
    pub(super) gone: Gone,
    /// Whether there was no memory for a stream that the peer opened, and when to ask for it again.
    pub(super) refused: bool,
    pub(super) retry: Option<Instant>,
    /// What was last told of in events.
    pub(super) told: Numbers,
    pub(super) tickets: Tickets,
    /// Client: 0-RTT was tried, and this is what the server says to it.
    pub(super) verdict: Option<Verdict>,
    /// What the peer has done that it may not, to be answered when time is told.
    pub(super) offence: Option<Offence>,
}

/// Numbers whose changes are events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) key_updates: u64,
    /// The lowest ids in force that we gave and that the peer gave.
    pub(super) first_local: u64,
    pub(super) first_peer: u64,
}

/// What the peer's TLS may not do after the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offence {
    /// RFC 9001 §6: TLS KeyUpdate messages; from a client any message.
    Unexpected,
    /// RFC 9001 §4.4: authentication after the handshake.
    CertificateRequest,
}

/// How far a listener's connection is on the way to accept().
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// It never was: the connection is a client's.
    None,
    /// Nothing of its handshake has come.
    New,
    /// Its handshake has begun, and the port is to queue it.
    Ready,
    /// It is in the queue, or was taken from there.
    Queued,
}

/// How far a connection is from being forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    No,
    /// Nothing is left to do, and the port is to forget it.
    Now,
    Forgotten,
}

impl Link {
    pub(super) fn new(socket: Socket, bound: SocketAddr, request: Request) -> Self {
        let told = Numbers::of(&socket);
        let path = socket.path();
        Self {
            socket,
            bound,
            path,
            request,
            inbox: Inbox::default(),
            book: Book::default(),
            ticket_key: None,
            corked: None,
            mask: 0,
            ended: false,
            error_taken: false,
            gone: Gone::No,
            refused: false,
            retry: None,
            told,
            tickets: Tickets::default(),
            verdict: None,
            offence: None,
        }
    }

    /// Our address, as far as it is known.
    pub(super) fn local(&self) -> SocketAddr {
        self.socket.local_address().unwrap_or(self.bound)
    }

    /// Fails with EINVAL where the connection is not established.
    pub(super) fn established(&mut self) -> Result<&mut Socket, Errno> {
        if self.is_established() {
            Ok(&mut self.socket)
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// Whether data can be exchanged.
    pub(super) fn is_established(&self) -> bool {
        self.socket.is_established() && !self.socket.is_closed()
    }

    /// Whether the handshake is under way.
    pub(super) fn is_connecting(&self) -> bool {
        self.socket.is_handshaking() && !self.socket.is_closed()
    }
}

impl Numbers {
    /// What they are now.
    pub(super) fn of(socket: &Socket) -> Self {
        let connection = socket.connection();
        Self {
            key_updates: connection.key_phase().1,
            first_local: connection.local_id_numbers().first,
            first_peer: connection.peer_id_numbers().first,
        }
    }
}
