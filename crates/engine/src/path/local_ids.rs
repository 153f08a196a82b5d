//! The connection ids that we gave to the peer (RFC 9000 §5.1.1). The endpoint makes and routes them; this says which are in
//! force, which are still to be told, and never lets the peer make us issue without end.

use alloc::vec::Vec;

use inquic_platform::{NoMemory, memory};
use inquic_wire::{Code, ConnectionId, PeerError};

use crate::limits;

/// An id that we issued, with the token of its stateless reset.
#[derive(Clone, Debug)]
pub(crate) struct IssuedId {
    pub(crate) sequence: u64,
    pub(crate) id: ConnectionId,
    pub(crate) reset_token: [u8; 16],
    state: IssuedState,
}

/// How far an id of ours has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IssuedState {
    /// A NEW_CONNECTION_ID frame with it waits to be sent.
    Pending,
    Told,
    /// Retired by the peer, not yet forgotten by the endpoint.
    Retired,
}

/// All ids of ours that are in force, oldest first, and those that the endpoint still has to forget.
pub(crate) struct LocalIds {
    ids: Vec<IssuedId>,
    next_sequence: u64,
    /// One above the largest sequence number that the peer was told.
    told_below: u64,
    /// How many the peer is willing to keep.
    peer_limit: usize,
    /// Those below are to be retired by the peer.
    retire_prior_to: u64,
}

impl LocalIds {
    /// The id of the handshake has sequence number 0.
    pub(crate) fn new(id: ConnectionId) -> Result<Self, NoMemory> {
        let first = IssuedId {
            sequence: 0,
            id,
            reset_token: [0; 16],
            state: IssuedState::Told,
        };
        let mut ids = Vec::new();
        ids.try_reserve_exact(1).map_err(|_| NoMemory)?;
        memory::put(&mut ids, first);
        Ok(Self {
            ids,
            next_sequence: 1,
            told_below: 1,
            peer_limit: 1,
            retire_prior_to: 0,
        })
    }

    /// The ids that the peer may use.
    fn in_force(&self) -> impl Iterator<Item = &IssuedId> {
        let all = self.ids.iter();
        all.filter(|issued| issued.state != IssuedState::Retired)
    }

    /// Whether `id` is one that the peer may use.
    pub(crate) fn contains(&self, id: &[u8]) -> bool {
        self.in_force().any(|issued| issued.id.as_slice() == id)
    }

    /// The peer's active_connection_id_limit.
    pub(crate) fn set_peer_limit(&mut self, limit: u64) {
        self.peer_limit = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .min(limits::CIDS);
    }

    /// How many more the endpoint should make for us.
    pub(crate) fn wanted(&self) -> usize {
        //= RFC 9000 §5.1.1: An endpoint MAY send connection IDs that temporarily exceed a peer's limit if the
        //= NEW_CONNECTION_ID frame also requires the retirement of any excess, by including a sufficiently large value in the
        //= Retire Prior To field.
        let kept = self.in_force();
        let kept = kept.filter(|issued| issued.sequence >= self.retire_prior_to);
        self.peer_limit.saturating_sub(kept.count())
    }

    /// The sequence numbers of the id `used`, of the lowest and of the highest that are in force.
    pub(crate) fn sequences(&self, used: &[u8]) -> [u64; 3] {
        let mut all = self.in_force();
        let used = all.find(|issued| issued.id.as_slice() == used);
        let of = |issued: Option<&IssuedId>| issued.map(|issued| issued.sequence);
        let first = of(self.in_force().next()).unwrap_or(self.next_sequence);
        let last = self.in_force().map(|issued| issued.sequence).max();
        [
            of(used).unwrap_or(first).max(self.retire_prior_to),
            first,
            last.unwrap_or(first),
        ]
    }

    /// The application asks the peer to retire every id below `prior_to`. `false` while the peer has not done so for the last
    /// time that it was asked.
    pub(crate) fn retire_below(&mut self, prior_to: u64) -> bool {
        let before = self.retire_prior_to;
        if self.in_force().any(|issued| issued.sequence < before) {
            return false;
        }
        self.retire_prior_to = prior_to;
        // Of those the peer need not hear any more.
        for issued in &mut self.ids {
            if issued.sequence < prior_to && issued.state == IssuedState::Pending {
                issued.state = IssuedState::Told;
            }
        }
        true
    }

    /// Those below are to be retired by the peer, which every frame about a newer one says.
    pub(crate) const fn retire_prior_to(&self) -> u64 {
        self.retire_prior_to
    }

    /// The endpoint made one that the peer is told of in the transport parameters, for the server's preferred address.
    pub(crate) fn issue_told(
        &mut self,
        id: ConnectionId,
        reset_token: [u8; 16],
    ) -> Result<(), NoMemory> {
        let sequence = self.next_sequence;
        self.issue(id, reset_token)?;
        self.on_sent(sequence);
        Ok(())
    }

    /// The id with this sequence number and its token, while it is in force.
    pub(crate) fn get(&self, sequence: u64) -> Option<(ConnectionId, [u8; 16])> {
        let found = self.in_force().find(|issued| issued.sequence == sequence)?;
        Some((found.id, found.reset_token))
    }

    /// The endpoint made one.
    pub(crate) fn issue(
        &mut self,
        id: ConnectionId,
        reset_token: [u8; 16],
    ) -> Result<(), NoMemory> {
        let issued = IssuedId {
            sequence: self.next_sequence,
            id,
            reset_token,
            state: IssuedState::Pending,
        };
        if !memory::pushed(&mut self.ids, issued) {
            return Err(NoMemory);
        }
        self.next_sequence = self.next_sequence.saturating_add(1);
        Ok(())
    }

    /// The next id to tell the peer.
    pub(crate) fn next_pending(&self) -> Option<&IssuedId> {
        let mut all = self.ids.iter();
        all.find(|issued| issued.state == IssuedState::Pending)
    }

    /// The peer is being told of `sequence`.
    pub(crate) fn on_sent(&mut self, sequence: u64) {
        self.told_below = self.told_below.max(sequence.saturating_add(1));
        self.set_state(sequence, IssuedState::Told);
    }

    pub(crate) fn has_pending(&self) -> bool {
        self.next_pending().is_some()
    }

    /// The frame that told of `sequence` was lost.
    pub(crate) fn on_lost(&mut self, sequence: u64) {
        if sequence >= self.retire_prior_to {
            self.set_state(sequence, IssuedState::Pending);
        }
    }

    fn set_state(&mut self, sequence: u64, state: IssuedState) {
        if let Some(issued) = self.find_in_force(sequence) {
            issued.state = state;
        }
    }

    fn find_in_force(&mut self, sequence: u64) -> Option<&mut IssuedId> {
        let mut all = self.ids.iter_mut();
        all.find(|issued| issued.sequence == sequence && issued.state != IssuedState::Retired)
    }

    /// RETIRE_CONNECTION_ID came, in a packet that was sent to `used`.
    pub(crate) fn on_retire(&mut self, sequence: u64, used: &[u8]) -> Result<(), PeerError> {
        //= RFC 9000 §19.16: Receipt of a RETIRE_CONNECTION_ID frame containing a sequence number greater than any previously
        //= sent to the peer MUST be treated as a connection error of type PROTOCOL_VIOLATION.
        // What was made and not sent yet counts as well, or retiring by guess would make us issue one id after the other.
        if sequence >= self.told_below {
            return Err(offence("a connection id was retired that was never issued"));
        }
        let Some(issued) = self.find_in_force(sequence) else {
            return Ok(());
        };
        if issued.id.as_slice() == used {
            return Err(offence(
                "the connection id of the packet itself was retired",
            ));
        }
        issued.state = IssuedState::Retired;
        Ok(())
    }

    /// Whether the endpoint has ids to forget.
    pub(crate) fn has_retired(&self) -> bool {
        self.first_retired().is_some()
    }

    /// An id that the endpoint can forget, each once.
    pub(crate) fn take_retired(&mut self) -> Option<ConnectionId> {
        let at = self.first_retired()?;
        memory::taken(&mut self.ids, at).map(|issued| issued.id)
    }

    fn first_retired(&self) -> Option<usize> {
        let mut all = self.ids.iter();
        all.position(|issued| issued.state == IssuedState::Retired)
    }
}

const fn offence(reason: &'static str) -> PeerError {
    PeerError::new(Code::ProtocolViolation, reason).in_frame(0x19)
}

#[cfg(test)]
mod tests;
