//! One path: whether the peer's address is validated (RFC 9000 §8), what may be sent before it is, and the PATH_RESPONSE that is
//! owed. Bytes in and out are counted; it must never grant an unvalidated address more than three times what came from it.

use super::Path;
use crate::limits;

/// What is known of one path.
pub(crate) struct PathState {
    pub(crate) path: Path,
    validated: bool,
    received: u64,
    sent: u64,
    response: Option<[u8; 8]>,
}

impl PathState {
    pub(crate) const fn new(path: Path, validated: bool) -> Self {
        Self {
            path,
            validated,
            received: 0,
            sent: 0,
            response: None,
        }
    }

    /// A datagram came from the peer's address, whatever was in it.
    pub(crate) const fn on_datagram(&mut self, bytes: usize) {
        // Padding counts: an attacker pays for the bytes on the wire, not for the frames in them.
        self.received = self.received.saturating_add(bytes as u64);
    }

    /// A datagram of ours left.
    pub(crate) const fn on_sent(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes as u64);
    }

    /// The peer has shown that it receives at its address.
    pub(crate) const fn validate(&mut self) {
        self.validated = true;
    }

    pub(crate) const fn is_validated(&self) -> bool {
        self.validated
    }

    /// Bytes that may be sent to the peer's address now.
    pub(crate) fn budget(&self) -> u64 {
        if self.validated {
            return u64::MAX;
        }
        //= RFC 9000 §8.1: Prior to validating the client address, servers MUST NOT send more than three times as many bytes as
        //= the number of bytes they have received.
        self.received
            .saturating_mul(limits::AMPLIFICATION)
            .saturating_sub(self.sent)
    }

    /// A PATH_CHALLENGE came: the newest is answered, and only that one (RFC 9000 §8.2.2).
    pub(crate) const fn on_challenge(&mut self, data: [u8; 8]) {
        self.response = Some(data);
    }

    /// The answer that is owed.
    pub(crate) const fn take_response(&mut self) -> Option<[u8; 8]> {
        self.response.take()
    }

    pub(crate) const fn owes_response(&self) -> bool {
        self.response.is_some()
    }
}
