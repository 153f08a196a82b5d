//! A socket whose every call is watched: what it seals and opens is written to its page of the ledger, and what memory it takes is
//! charged to it.

use std::sync::Arc;

use inquic_platform::{CipherSuite, Instant, KeySide};
use inquic_socket::{Errno, Socket};
use inquic_wire::{Level, Version};

use super::Heap;
use super::ledger::{Turn, Who};
use super::witness::Watch;
use crate::Shaking;

/// A socket and what it holds.
pub(super) struct Metered {
    socket: Socket,
    who: Who,
    watch: Arc<Watch>,
    /// Bytes on the heap that its calls have left behind.
    bytes: i64,
    /// What was shown about addresses since the last look.
    turn: Turn,
}

/// A socket for which a handshake is made: each of its calls may be refused memory, what stands for TLS may not.
pub(super) struct Refusable<'a> {
    socket: &'a mut Socket,
    heap: Heap,
}

impl Metered {
    /// Takes a socket that was made with so many bytes.
    pub(super) fn new(socket: Socket, who: Who, watch: Arc<Watch>, bytes: i64) -> Self {
        Self {
            socket,
            who,
            watch,
            bytes,
            turn: Turn::default(),
        }
    }

    /// Calls it. What is allocated then may be refused.
    pub(super) fn with<T>(&mut self, call: impl FnOnce(&mut Socket) -> T) -> T {
        let heap = self.watch.heap;
        self.within(|socket| heap.armed(|| call(socket)))
    }

    /// Does something around calls of it, of which it says itself when they may be refused memory.
    pub(super) fn shake<T>(&mut self, step: impl FnOnce(&mut Refusable<'_>) -> T) -> T {
        let heap = self.watch.heap;
        self.within(|socket| step(&mut Refusable { socket, heap }))
    }

    fn within<T>(&mut self, call: impl FnOnce(&mut Socket) -> T) -> T {
        self.watch.look(|ledger| ledger.begin(self.who));
        let before = self.watch.held();
        let answer = call(&mut self.socket);
        self.bytes += self.watch.held() - before;
        let turn = self.watch.look(super::ledger::Ledger::end);
        self.turn.validated |= turn.validated;
        self.turn.challenges.extend(turn.challenges);
        self.turn.answers.extend(turn.answers);
        self.turn.sealed += turn.sealed;
        self.turn.tried += turn.tried;
        answer
    }

    /// It, for questions that change nothing.
    pub(super) const fn ask(&self) -> &Socket {
        &self.socket
    }

    pub(super) const fn who(&self) -> Who {
        self.who
    }

    /// The server took what was sent in 0-RTT.
    pub(super) fn accept_early(&self) {
        self.watch.look(|ledger| ledger.accept_early(self.who));
    }

    pub(super) const fn bytes(&self) -> i64 {
        self.bytes
    }

    /// What its calls since the last look showed about addresses.
    pub(super) fn take_turn(&mut self) -> Turn {
        std::mem::take(&mut self.turn)
    }

    /// Ends it, together with `others`, which were made in its calls. What then is left of its memory.
    pub(super) fn end<T>(self, others: T, last: impl FnOnce(&Socket)) -> i64 {
        let Self {
            socket,
            who,
            watch,
            bytes,
            ..
        } = self;
        let before = watch.held();
        watch.heap.armed(|| last(&socket));
        drop(socket);
        drop(others);
        let left = bytes + watch.held() - before;
        watch.look(|ledger| ledger.forget(who));
        left
    }
}

impl Refusable<'_> {
    /// The handshake cannot go on: closes with the TLS alert internal_error, unless that was done.
    pub(super) fn give_up(&mut self, now: Instant) {
        if self.socket.close_reason().is_none() {
            let socket = &mut *self.socket;
            self.heap
                .armed(|| socket.fail_handshake(now, INTERNAL_ERROR));
        }
    }
}

impl Shaking for Refusable<'_> {
    type Error = Errno;

    fn original_version(&self) -> Version {
        self.socket.original_version()
    }

    fn transport_parameters(&mut self, out: &mut [u8]) -> usize {
        let socket = &mut *self.socket;
        self.heap
            .armed(|| Shaking::transport_parameters(socket, out))
    }

    fn set_peer_transport_parameters(&mut self, now: Instant, bytes: &[u8]) -> Result<(), Errno> {
        let socket = &mut *self.socket;
        self.heap
            .armed(|| socket.set_peer_transport_parameters(now, bytes))
    }

    fn begin_early_data(&mut self, remembered: &[u8]) -> Result<(), Errno> {
        let socket = &mut *self.socket;
        self.heap.armed(|| socket.begin_early_data(remembered))
    }

    fn set_early_data_accepted(&mut self, accepted: bool) {
        let socket = &mut *self.socket;
        self.heap.armed(|| socket.set_early_data_accepted(accepted));
    }

    fn install_secret(
        &mut self,
        now: Instant,
        level: Level,
        side: KeySide,
        suite: CipherSuite,
        secret: &[u8],
    ) -> Result<(), Errno> {
        let socket = &mut *self.socket;
        self.heap
            .armed(|| socket.install_secret(now, level, side, suite, secret))
    }

    fn handshake_send(&mut self, level: Level, bytes: &[u8]) -> Result<(), Errno> {
        let socket = &mut *self.socket;
        self.heap.armed(|| socket.handshake_send(level, bytes))
    }

    fn handshake_receive(&mut self, out: &mut [u8]) -> Option<(Level, usize)> {
        let socket = &mut *self.socket;
        self.heap.armed(|| socket.handshake_receive(out))
    }
}

/// TLS alert internal_error (RFC 8446 §6).
const INTERNAL_ERROR: u8 = 80;
