//! The end of a socket: close() in, CONNECTION_CLOSE out once everything written has arrived, or [`limits::LINGER`] is over.
//!
//! It must never lose data that was written before close(), as long as the peer takes it, nor keep a dead peer's connection, nor
//! let the peer go on with data that nobody reads.

use alloc::vec::Vec;

use inquic_platform::{Duration, Instant, memory};

use super::Socket;
use crate::limits;

/// How far the socket is from its end.
pub(super) enum Ending {
    /// Nobody has closed it.
    Open,
    /// close() was called; what was written is still on its way.
    Lingering {
        code: u64,
        reason: Vec<u8>,
        until: Instant,
    },
    /// The connection is closed.
    Closed,
}

impl Ending {
    pub(super) const fn until(&self) -> Option<Instant> {
        match self {
            Self::Lingering { until, .. } => Some(*until),
            Self::Open | Self::Closed => None,
        }
    }
}

impl Socket {
    /// close(): takes no more from the application, delivers in the background what it has written, then closes with `code`.
    /// What the peer still sends is read by nobody, and the peer is asked to stop, with `code` as well.
    ///
    /// A handshake that is under way is given up at once. The reason is left out when there is no memory to keep it.
    pub fn close(&mut self, now: Instant, code: u64, reason: &[u8]) {
        self.close_within(now, limits::LINGER, code, reason);
    }

    /// As [`Socket::close`], but goes on to deliver for no longer than `linger`.
    pub fn close_within(&mut self, now: Instant, linger: Duration, code: u64, reason: &[u8]) {
        if !matches!(self.ending, Ending::Open) {
            return;
        }
        self.ending = Ending::Lingering {
            code,
            reason: memory::copied(reason).unwrap_or_default(),
            until: now + linger,
        };
        self.settle_ending(now);
        if matches!(self.ending, Ending::Lingering { .. })
            && let Ok(streams) = self.connection.streams()
        {
            // The peer may be lingering as well: both would wait until the other reads.
            streams.stop_all(code);
        }
    }

    /// Closes with `code` now, whatever was written and has not arrived.
    pub fn abort(&mut self, now: Instant, code: u64, reason: &[u8]) {
        if !matches!(self.ending, Ending::Closed) {
            self.ending = Ending::Closed;
            self.connection.close(now, code, reason);
        }
    }

    /// Whether close() or abort() was called, or the connection has ended.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        !matches!(self.ending, Ending::Open)
    }

    /// Sends CONNECTION_CLOSE once lingering is over.
    pub(super) fn settle_ending(&mut self, now: Instant) {
        let Ending::Lingering { until, code, .. } = &self.ending else {
            return;
        };
        let may = self.connection.is_connected() || self.connection.awaits_early();
        if may && !self.connection.is_flushed() && now < *until {
            if let Ok(streams) = self.connection.streams() {
                // Those that the peer opened since.
                streams.refuse_incoming(*code);
            }
            return;
        }
        if let Ending::Lingering { code, reason, .. } =
            core::mem::replace(&mut self.ending, Ending::Closed)
        {
            self.connection.close(now, code, &reason);
        }
    }
}
