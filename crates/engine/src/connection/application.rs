//! What the application does: streams, key updates, pings. Each call changes state only; what follows from it leaves with the
//! next [`Connection::transmit`].

use inquic_platform::{Instant, NoMemory};
use inquic_wire::{ConnectionId, Direction, StreamId};

use super::Connection;
use super::state::State;
use crate::limits;
use crate::path::PeerIds;
use crate::stream::{OpenError, Read, ReadError, Streams, WriteError};
use crate::trace::What;

/// The call needs a connection whose handshake is complete and that is not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotConnected;

/// Why keys are not updated. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUpdateError {
    /// The handshake is not confirmed, the last update is not yet over, or packets are not protected.
    NotNow,
    /// There is no memory for other keys.
    Memory,
}

impl Connection {
    /// The streams, while the connection is open; before the handshake is complete nothing can be opened for want of credit.
    ///
    /// # Errors
    ///
    /// [`NotConnected`] when it is closed or closing, or there is no memory for them.
    pub fn streams(&mut self) -> Result<&mut Streams, NotConnected> {
        if !self.is_open() {
            return Err(NotConnected);
        }
        if self.carried.data.is_none() {
            self.make_data().map_err(|NoMemory| NotConnected)?;
        }
        self.carried.streams_mut().ok_or(NotConnected)
    }

    /// Makes a server's streams, and what is with them, unless they are there: it has keys to speak of them now, or its
    /// application does.
    #[cold]
    #[inline(never)]
    pub(super) fn make_data(&mut self) -> Result<(), NoMemory> {
        if self.carried.data.is_none() {
            let data = super::data(&self.config, self.role).ok_or(NoMemory)?;
            self.carried.data = Some(data);
            self.settle_crypto();
            if self.hello.parameters_known {
                self.follow_limits();
            }
        }
        Ok(())
    }

    /// Opens a stream of our own.
    ///
    /// # Errors
    ///
    /// As [`Streams::open`]; [`OpenError::Limit`] as well when the connection is closed.
    pub fn open(&mut self, direction: Direction) -> Result<StreamId, OpenError> {
        self.streams()
            .map_err(|NotConnected| OpenError::Limit)?
            .open(direction)
    }

    /// Takes the next stream that the peer opened. What had come before the peer closed the connection can still be taken.
    pub fn accept(&mut self, direction: Direction) -> Option<StreamId> {
        match self.state {
            State::Handshaking { .. } | State::Connected { .. } | State::Draining { .. } => {
                self.carried.streams_mut()?.accept(direction)
            }
            State::Closing(_) | State::Gone => None,
        }
    }

    /// Writes to a stream; returns how many bytes were taken.
    ///
    /// # Errors
    ///
    /// As [`Streams::write`]; [`WriteError::Unknown`] when the connection is closed.
    pub fn write(&mut self, id: StreamId, data: &[u8]) -> Result<usize, WriteError> {
        self.streams()
            .map_err(|NotConnected| WriteError::Unknown)?
            .write(id, data)
    }

    /// Reads from a stream. What had come before the connection ended can still be read.
    ///
    /// # Errors
    ///
    /// As [`Streams::read`].
    pub fn read(&mut self, now: Instant, id: StreamId, out: &mut [u8]) -> Result<Read, ReadError> {
        let rtt = self.recovery.rtt().smoothed;
        // What is read leaves pages that nobody needs, and no packet may follow that would have them given back.
        self.rest_at.get_or_insert(now + limits::REST);
        let streams = self.carried.streams_mut().ok_or(ReadError::Unknown)?;
        streams.read(now, rtt, id, out)
    }

    /// As [`Connection::read`], and leaves the bytes where they are.
    ///
    /// # Errors
    ///
    /// As [`Streams::read`].
    pub fn peek(&self, id: StreamId, out: &mut [u8]) -> Result<Read, ReadError> {
        let streams = self.carried.streams().ok_or(ReadError::Unknown)?;
        streams.peek(id, out)
    }

    /// The streams, whatever the connection's state, to look at. A server has none before there are keys for them.
    #[must_use]
    pub fn streams_seen(&self) -> Option<&Streams> {
        self.carried.streams()
    }

    /// Whether packets of a level can be sent.
    #[must_use]
    pub fn can_send(&self, level: inquic_wire::Level) -> bool {
        self.keys.can_seal(level)
    }

    /// Begins a key update (RFC 9001 §6.1).
    ///
    /// # Errors
    ///
    /// [`KeyUpdateError`]; the keys stay as they are.
    pub fn initiate_key_update(&mut self, now: Instant) -> Result<(), KeyUpdateError> {
        //= RFC 9001 §6.1: An endpoint MUST NOT initiate a key update prior to having confirmed the handshake
        // Keys that are not used are not changed.
        if !self.is_confirmed() || self.keys.in_clear {
            return Err(KeyUpdateError::NotNow);
        }
        let keys = self.keys.one_rtt().filter(|keys| keys.may_update());
        let keys = keys.ok_or(KeyUpdateError::NotNow)?;
        keys.update().map_err(|_| KeyUpdateError::Memory)?;
        let updates = keys.updates();
        self.recovery.trace.at(now);
        self.recovery.trace.note(|| What::KeyUpdate {
            by_peer: false,
            updates,
        });
        Ok(())
    }

    /// Sends a PING with the next packets.
    pub const fn send_ping(&mut self) {
        self.ping = self.is_connected();
    }

    /// Whether everything written was acknowledged, so that closing loses nothing.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        let streams = self.carried.streams();
        streams.is_none_or(Streams::is_flushed) && !self.carried.wants_data()
    }

    /// Whether [`crate::Endpoint::service`] is to be called.
    #[must_use]
    pub fn needs_endpoint(&self) -> bool {
        self.is_open()
            && (self.wanted_ids() > 0
                || self.wants_preferred_id()
                || self.carried.local_ids.has_retired()
                || self.carried.peer_ids.tokens_changed()
                || self.wants_token())
    }

    /// Whether a server should give its client a token for the next connection.
    pub(crate) fn wants_token(&self) -> bool {
        self.pending.new_token_wanted
    }

    /// The endpoint's side of [`Connection::needs_endpoint`]: an id to forget, each once.
    pub(crate) fn take_retired_id(&mut self) -> Option<ConnectionId> {
        self.carried.local_ids.take_retired()
    }

    /// How many more ids the endpoint should make.
    pub(crate) fn wanted_ids(&self) -> usize {
        if self.is_connected() {
            self.carried.local_ids.wanted()
        } else {
            0
        }
    }

    /// The reset tokens of the peer's ids.
    pub(crate) const fn peer_ids(&mut self) -> &mut PeerIds {
        &mut self.carried.peer_ids
    }

    /// The endpoint made an id.
    pub(crate) fn issue_id(
        &mut self,
        id: ConnectionId,
        reset_token: [u8; 16],
    ) -> Result<(), NoMemory> {
        self.carried.local_ids.issue(id, reset_token)
    }

    /// The endpoint made a token for the client's next connection.
    pub(crate) fn give_token(&mut self, token: alloc::vec::Vec<u8>) {
        self.pending.new_token_wanted = false;
        if token.len() <= limits::TOKEN_BYTES {
            self.carried.new_token.wanted = !token.is_empty();
            self.carried.new_token.token = token;
        }
    }
}
