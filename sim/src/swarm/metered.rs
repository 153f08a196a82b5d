//! A socket whose every call is watched: what it seals and opens is written to its page of the ledger, and what memory it takes is
//! charged to it.

use std::sync::Arc;

use inquic_socket::Socket;

use super::ledger::{Turn, Who};
use super::witness::Watch;

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

    /// Calls it.
    pub(super) fn with<T>(&mut self, call: impl FnOnce(&mut Socket) -> T) -> T {
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
        last(&socket);
        drop(socket);
        drop(others);
        let left = bytes + watch.held() - before;
        watch.look(|ledger| ledger.forget(who));
        left
    }
}
