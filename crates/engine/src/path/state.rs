//! One path: whether the peer is known to receive there (RFC 9000 §8), what may be sent before it is, the challenges under way and
//! the response that is owed. Bytes, challenges, responses and time come in, decisions go out. It must never grant an address that
//! is not validated more than three times what came from it, nor take a response that no challenge of its own asked for.

use inquic_platform::{Duration, Instant};

use super::Path;
use crate::limits;

/// Names a path of a connection. Never used for another one again, so that news of a path that is gone finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PathId(pub(super) u32);

/// What is known of one path.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact about the path"
)]
pub(crate) struct PathState {
    pub(crate) path: Path,
    pub(super) id: PathId,
    /// The peer receives at its address.
    validated: bool,
    /// What was sent is limited until the address is validated: not for the paths that we open ourselves.
    limited: bool,
    /// A validation failed after the address had once been validated.
    pub(crate) dead: bool,
    /// Opened by us, to move to it once it is validated.
    pub(crate) wanted: bool,
    /// There is a connection id of the peer to send to.
    pub(crate) has_id: bool,
    /// Something was sent here.
    used: bool,
    received: u64,
    sent: u64,
    heard_at: Instant,
    /// The connection id of ours that the last short header was sent to.
    pub(crate) heard_by: [u8; limits::LOCAL_CID_LEN],
    response: Option<[u8; 8]>,
    check: Option<Check>,
}

/// A validation under way.
struct Check {
    challenges: [Option<Challenge>; limits::CHALLENGES],
    sent: u8,
    /// When the next challenge is due.
    due: Instant,
    pto: Duration,
    /// When the path counts as failed.
    until: Instant,
}

/// A challenge that was sent.
#[derive(Clone, Copy)]
struct Challenge {
    data: [u8; 8],
    at: Instant,
    /// Its datagram had the size that every path has to carry.
    full: bool,
}

/// What a response showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// From challenge to response.
    pub(crate) took: Duration,
    /// The path carries datagrams of 1,200 bytes.
    pub(crate) full: bool,
    /// The address was not validated before.
    pub(crate) newly: bool,
}

impl PathState {
    /// The path of the handshake.
    pub(crate) const fn new(path: Path, validated: bool) -> Self {
        Self::with_id(PathId(0), path, validated, true)
    }

    pub(super) const fn with_id(id: PathId, path: Path, validated: bool, limited: bool) -> Self {
        Self {
            path,
            id,
            validated,
            limited,
            dead: false,
            wanted: false,
            has_id: true,
            used: false,
            received: 0,
            sent: 0,
            heard_at: Instant::ZERO,
            heard_by: [0; limits::LOCAL_CID_LEN],
            response: None,
            check: None,
        }
    }

    pub(crate) const fn id(&self) -> PathId {
        self.id
    }

    /// Datagrams came from the peer's address, whatever was in them.
    pub(crate) const fn on_datagrams(
        &mut self,
        now: Instant,
        bytes: usize,
        by: Option<[u8; limits::LOCAL_CID_LEN]>,
    ) {
        // Padding counts: an attacker pays for the bytes on the wire, not for the frames in them.
        self.received = self.received.saturating_add(bytes as u64);
        self.heard_at = now;
        if let Some(id) = by {
            self.heard_by = id;
        }
    }

    /// Bytes of ours left.
    pub(crate) const fn on_sent(&mut self, bytes: usize) {
        self.used = true;
        self.sent = self.sent.saturating_add(bytes as u64);
    }

    /// The peer has shown that it receives at its address.
    pub(crate) const fn validate(&mut self) {
        self.validated = true;
        self.dead = false;
    }

    pub(crate) const fn is_validated(&self) -> bool {
        self.validated
    }

    /// The peer was silent here for so long that somebody else may have the address by now.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        now.since(self.heard_at) >= limits::PATH_MEMORY
    }

    /// The path is left: what it carried says nothing of what may be answered on it from now on.
    pub(super) const fn forget_traffic(&mut self) {
        if self.validated {
            self.received = 0;
            self.sent = 0;
        }
    }

    /// Nothing is known of the address any more.
    pub(super) const fn forget_validation(&mut self) {
        self.validated = false;
        self.received = 0;
        self.sent = 0;
        self.check = None;
    }

    /// Whether anything was ever sent here.
    pub(crate) const fn is_used(&self) -> bool {
        self.used
    }

    /// Bytes that may be sent to the peer's address now.
    pub(crate) const fn budget(&self) -> u64 {
        if self.validated || !self.limited {
            return u64::MAX;
        }
        self.credit()
    }

    /// Bytes that probes may take: where nothing else is sent, a challenge of the peer is answered in proportion even when the
    /// address is known to be its own.
    pub(crate) const fn probe_budget(&self, is_active: bool) -> u64 {
        let answers_only = self.response.is_some() && self.check.is_none();
        if is_active || !answers_only {
            return self.budget();
        }
        self.credit()
    }

    const fn credit(&self) -> u64 {
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

    /// Begins to validate the path, unless that is under way. `pto` is the larger of the present probe timeout and that of a
    /// path of which nothing is known.
    pub(crate) fn begin_check(&mut self, now: Instant, pto: Duration) {
        if self.check.is_none() {
            self.check = Some(Check {
                challenges: [None; limits::CHALLENGES],
                sent: 0,
                due: now,
                pto,
                //= RFC 9000 §8.2.4: A value of three times the larger of the current PTO or the PTO for the new path
                //= (using kInitialRtt, as defined in [QUIC-RECOVERY]) is RECOMMENDED.
                until: now + pto.saturating_mul(3),
            });
        }
    }

    /// Gives up a validation.
    pub(crate) fn end_check(&mut self) {
        self.check = None;
    }

    /// Whether a PATH_CHALLENGE is due.
    pub(crate) fn owes_challenge(&self, now: Instant) -> bool {
        self.check
            .as_ref()
            .is_some_and(|check| check.has_more() && check.due <= now)
    }

    /// A challenge left in a datagram of `bytes`.
    pub(crate) fn on_challenge_sent(&mut self, now: Instant, data: [u8; 8], bytes: usize) {
        let Some(check) = &mut self.check else {
            return;
        };
        if let Some(place) = check.challenges.get_mut(usize::from(check.sent)) {
            *place = Some(Challenge {
                data,
                at: now,
                full: bytes >= limits::DATAGRAM_MIN,
            });
        }
        //= RFC 9000 §8.2.1: an endpoint SHOULD NOT probe a new path with packets containing a
        //= PATH_CHALLENGE frame more frequently than it would send an Initial packet.
        let wait = check
            .pto
            .saturating_mul(1_u64.wrapping_shl(check.sent.into()));
        check.sent = check.sent.saturating_add(1);
        check.due = now + wait;
    }

    /// A PATH_RESPONSE came, on whatever path; what it shows if it answers a challenge of this one.
    pub(super) fn on_response(&mut self, now: Instant, data: [u8; 8]) -> Option<Answered> {
        let check = self.check.as_ref()?;
        let mut sent = check.challenges.iter().flatten();
        let challenge = *sent.find(|challenge| challenge.data == data)?;
        self.check = None;
        let newly = !self.validated;
        self.validate();
        Some(Answered {
            took: now.since(challenge.at),
            full: challenge.full,
            newly,
        })
    }

    /// When the path wants to be looked at.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let check = self.check.as_ref()?;
        let can_send = self.has_id && self.budget() >= limits::PROBE_BYTES;
        Some(if check.has_more() && can_send {
            check.due.min(check.until)
        } else {
            check.until
        })
    }

    /// Whether the time for an answer is over.
    pub(super) fn has_failed(&self, now: Instant) -> bool {
        self.check.as_ref().is_some_and(|check| check.until <= now)
    }
}

impl Check {
    fn has_more(&self) -> bool {
        usize::from(self.sent) < limits::CHALLENGES
    }
}

#[cfg(test)]
mod tests;
