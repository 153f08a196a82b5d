//! What the application is told. Events are derived from state and never queue up (attacks: undelivered events).

use super::Connection;
use super::state::State;
use crate::datagram::DatagramEvent;
use crate::stream::StreamEvent;

/// News of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Handshake messages wait for TLS, or a client's TLS has to begin again; see [`Connection::original_version`].
    Handshake,
    /// Streams can be used before the handshake is complete, in 0-RTT; see [`Connection::is_early`].
    Early,
    /// The handshake is complete: streams can be used.
    Connected,
    /// The handshake is confirmed (RFC 9001 §4.1.2).
    Confirmed,
    /// The server gave a token for a later connection; see [`Connection::take_token`].
    Token,
    /// The connection uses another path now; see [`Connection::path`].
    Migrated,
    /// The path that [`Connection::migrate`] asked for, or the server's preferred address, does not work.
    MigrationFailed,
    /// News of a stream.
    Stream(StreamEvent),
    /// News of datagrams.
    Datagram(DatagramEvent),
    /// The connection has ended; see [`Connection::close_reason`]. Nothing can be written or read any more.
    Closed,
    /// Nothing is left to do; the endpoint can forget the connection.
    Gone,
}

/// Which events wait to be told.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each stands for an event that waits, and they are independent"
)]
#[derive(Default)]
pub(super) struct Pending {
    pub(super) early: bool,
    pub(super) connected: bool,
    pub(super) confirmed: bool,
    pub(super) token: bool,
    pub(super) migrated: bool,
    pub(super) migration_failed: bool,
    pub(super) closed: bool,
    pub(super) gone: bool,
    /// The endpoint should make a token for the client.
    pub(super) new_token_wanted: bool,
    /// TLS has to begin again.
    pub(super) restarted: bool,
    /// Handshake bytes that TLS was already told of.
    pub(super) handshake_told: usize,
}

impl Pending {
    /// What is told before news of streams. One after the other: this is asked for with every packet and every call.
    fn next(&mut self) -> Option<Event> {
        use core::mem::take;
        if take(&mut self.early) {
            Some(Event::Early)
        } else if take(&mut self.connected) {
            Some(Event::Connected)
        } else if take(&mut self.confirmed) {
            Some(Event::Confirmed)
        } else if take(&mut self.token) {
            Some(Event::Token)
        } else if take(&mut self.migrated) {
            Some(Event::Migrated)
        } else if take(&mut self.migration_failed) {
            Some(Event::MigrationFailed)
        } else {
            None
        }
    }
}

impl Connection {
    /// The next piece of news, until there is none.
    pub fn next_event(&mut self) -> Option<Event> {
        if core::mem::take(&mut self.pending.restarted) && self.is_open() {
            return Some(Event::Handshake);
        }
        let waiting = self.hello.ready();
        if waiting > 0 && waiting != self.pending.handshake_told && self.is_open() {
            self.pending.handshake_told = waiting;
            return Some(Event::Handshake);
        }
        if let Some(event) = self.pending.next() {
            return Some(event);
        }
        if (matches!(self.state, State::Connected { .. }) || self.is_early())
            && let Some(streams) = self.carried.streams_mut()
            && let Some(event) = streams.next_event()
        {
            return Some(Event::Stream(event));
        }
        if let Some(datagrams) = self.carried.datagrams_mut()
            && let Some(event) = datagrams.next_event()
        {
            return Some(Event::Datagram(event));
        }
        if core::mem::take(&mut self.pending.closed) {
            return Some(Event::Closed);
        }
        core::mem::take(&mut self.pending.gone).then_some(Event::Gone)
    }
}
