//! The connection ids that we gave to the peer (RFC 9000 §5.1.1). The endpoint makes and routes them; this says which are in
//! force, which are still to be told, and never lets the peer make us issue without end.

use alloc::vec::Vec;

use inquic_wire::{Code, ConnectionId, PeerError};

use crate::limits;

/// An id that we issued, with the token of its stateless reset.
#[derive(Clone, Debug)]
pub(crate) struct IssuedId {
    pub(crate) sequence: u64,
    pub(crate) id: ConnectionId,
    pub(crate) reset_token: [u8; 16],
    /// Whether a NEW_CONNECTION_ID frame with it waits to be sent.
    pending: bool,
}

/// All ids of ours that are in force, oldest first.
pub(crate) struct LocalIds {
    ids: Vec<IssuedId>,
    next_sequence: u64,
    /// One above the largest sequence number that the peer was told.
    told_below: u64,
    /// How many the peer is willing to keep.
    peer_limit: usize,
    /// Retired by the peer, not yet forgotten by the endpoint.
    retired: Vec<ConnectionId>,
}

impl LocalIds {
    /// The id of the handshake has sequence number 0.
    pub(crate) fn new(id: ConnectionId) -> Self {
        let ids = alloc::vec![IssuedId {
            sequence: 0,
            id,
            reset_token: [0; 16],
            pending: false,
        }];
        Self {
            ids,
            next_sequence: 1,
            told_below: 1,
            peer_limit: 1,
            retired: Vec::new(),
        }
    }

    /// Whether `id` is one that the peer may use.
    pub(crate) fn contains(&self, id: &[u8]) -> bool {
        self.ids.iter().any(|issued| issued.id.as_slice() == id)
    }

    /// The peer's active_connection_id_limit.
    pub(crate) fn set_peer_limit(&mut self, limit: u64) {
        self.peer_limit = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .min(limits::CIDS);
    }

    /// How many more the endpoint should make for us.
    pub(crate) fn wanted(&self) -> usize {
        self.peer_limit.saturating_sub(self.ids.len())
    }

    /// The endpoint made one that the peer is told of in the transport parameters, for the server's preferred address.
    pub(crate) fn issue_told(&mut self, id: ConnectionId, reset_token: [u8; 16]) {
        let sequence = self.next_sequence;
        self.issue(id, reset_token);
        self.on_sent(sequence);
    }

    /// The id with this sequence number and its token, while it is in force.
    pub(crate) fn get(&self, sequence: u64) -> Option<(ConnectionId, [u8; 16])> {
        let found = self.ids.iter().find(|issued| issued.sequence == sequence)?;
        Some((found.id, found.reset_token))
    }

    /// The endpoint made one.
    pub(crate) fn issue(&mut self, id: ConnectionId, reset_token: [u8; 16]) {
        let sequence = self.next_sequence;
        self.next_sequence = self.next_sequence.saturating_add(1);
        self.ids.push(IssuedId {
            sequence,
            id,
            reset_token,
            pending: true,
        });
    }

    /// The next id to tell the peer.
    pub(crate) fn next_pending(&self) -> Option<&IssuedId> {
        self.ids.iter().find(|issued| issued.pending)
    }

    /// The peer is being told of `sequence`.
    pub(crate) fn on_sent(&mut self, sequence: u64) {
        self.told_below = self.told_below.max(sequence.saturating_add(1));
        self.set_pending(sequence, false);
    }

    pub(crate) fn has_pending(&self) -> bool {
        self.ids.iter().any(|issued| issued.pending)
    }

    /// The frame that told of `sequence` was lost.
    pub(crate) fn on_lost(&mut self, sequence: u64) {
        self.set_pending(sequence, true);
    }

    fn set_pending(&mut self, sequence: u64, pending: bool) {
        let found = |issued: &&mut IssuedId| issued.sequence == sequence;
        if let Some(issued) = self.ids.iter_mut().find(found) {
            issued.pending = pending;
        }
    }

    /// RETIRE_CONNECTION_ID came, in a packet that was sent to `used`.
    pub(crate) fn on_retire(&mut self, sequence: u64, used: &[u8]) -> Result<(), PeerError> {
        //= RFC 9000 §19.16: Receipt of a RETIRE_CONNECTION_ID frame containing a sequence number greater than any previously
        //= sent to the peer MUST be treated as a connection error of type PROTOCOL_VIOLATION.
        // What was made and not sent yet counts as well, or retiring by guess would make us issue one id after the other.
        if sequence >= self.told_below {
            return Err(offence("a connection id was retired that was never issued"));
        }
        let Some(at) = self
            .ids
            .iter()
            .position(|issued| issued.sequence == sequence)
        else {
            return Ok(());
        };
        if self
            .ids
            .get(at)
            .is_some_and(|issued| issued.id.as_slice() == used)
        {
            return Err(offence(
                "the connection id of the packet itself was retired",
            ));
        }
        self.retired.push(self.ids.remove(at).id);
        Ok(())
    }

    /// Whether the endpoint has ids to forget.
    pub(crate) const fn has_retired(&self) -> bool {
        !self.retired.is_empty()
    }

    /// The ids that the endpoint can forget.
    pub(crate) fn take_retired(&mut self) -> Vec<ConnectionId> {
        core::mem::take(&mut self.retired)
    }
}

const fn offence(reason: &'static str) -> PeerError {
    PeerError::new(Code::ProtocolViolation, reason).in_frame(0x19)
}

#[cfg(test)]
mod tests;
