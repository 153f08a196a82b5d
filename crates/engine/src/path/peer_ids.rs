//! The connection ids that the peer gave to us (RFC 9000 §5.1.2): which path uses which, which are spare, which are to be retired.
//! Two paths must never use the same one, so that nobody on the way can tell that they are the same connection's.

use alloc::vec::Vec;

use inquic_platform::memory;
use inquic_wire::{Code, ConnectionId, PeerError};

use super::state::PathId;
use crate::limits;

/// One id of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PeerId {
    sequence: u64,
    id: ConnectionId,
    reset_token: Option<[u8; 16]>,
    /// The path that uses it, if it is not the active one.
    path: Option<PathId>,
}

/// The ids of the peer that we keep.
pub(crate) struct PeerIds {
    /// What the active path uses.
    active: PeerId,
    /// Those of other paths, and those that no path uses.
    others: Vec<PeerId>,
    retire_prior_to: u64,
    /// How many are kept at most, the active one included.
    limit: usize,
    /// Retired by us, the frame not yet acknowledged: whether it waits to be sent, and its number.
    retiring: Vec<(bool, u64)>,
    /// Whether the reset tokens are others than the endpoint knows.
    tokens_changed: bool,
}

impl PeerIds {
    pub(crate) const fn new(id: ConnectionId) -> Self {
        Self {
            active: PeerId {
                sequence: 0,
                id,
                reset_token: None,
                path: None,
            },
            others: Vec::new(),
            retire_prior_to: 0,
            limit: limits::CIDS,
            retiring: Vec::new(),
            tokens_changed: false,
        }
    }

    /// The id that packets are sent to.
    pub(crate) const fn active(&self) -> &ConnectionId {
        &self.active.id
    }

    /// The peer chose its first id, or Retry gave another one.
    pub(crate) const fn replace_first(&mut self, id: ConnectionId) {
        self.active.id = id;
    }

    /// Keeps so many ids at most, as the peer is told.
    pub(crate) const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The sequence numbers of the id in use, of the lowest and of the highest that are kept.
    pub(crate) fn sequences(&self) -> [u64; 3] {
        let active = self.active.sequence;
        let others = self.others.iter().map(|id| id.sequence);
        let (first, last) = others.fold((active, active), |(first, last), sequence| {
            (first.min(sequence), last.max(sequence))
        });
        [active, first, last]
    }

    /// The application retires every id below `prior_to`, of which some are kept and some not. `false` when the peer owes
    /// acknowledgements for too many already, or no other could take the active one's place.
    pub(crate) fn retire_below(&mut self, prior_to: u64) -> bool {
        let stays = |id: &PeerId| id.sequence >= prior_to;
        let spare = self.others.iter().any(|id| stays(id) && id.path.is_none());
        if !self.has_room_to_retire() || !(stays(&self.active) || spare) {
            return false;
        }
        self.retire_prior_to = self.retire_prior_to.max(prior_to);
        self.tokens_changed = true;
        self.retire_old().is_ok()
    }

    /// The active path uses the id `sequence` from now on, and its last one is retired, so that no other path uses it.
    /// `false` when there is no such id that no path uses, or no room to retire.
    pub(crate) fn use_id(&mut self, sequence: u64) -> bool {
        let mut others = self.others.iter();
        let at = others.position(|id| id.sequence == sequence && id.path.is_none());
        if !self.has_room_to_retire() {
            return false;
        }
        let Some(next) = at.and_then(|at| memory::taken(&mut self.others, at)) else {
            return false;
        };
        let old = core::mem::replace(&mut self.active, next);
        self.tokens_changed = true;
        self.retire(old.sequence).is_ok()
    }

    /// The reset token that came with the server's transport parameters.
    pub(crate) const fn set_first_token(&mut self, token: Option<[u8; 16]>) {
        self.active.reset_token = token;
        self.tokens_changed |= token.is_some();
    }

    /// The reset tokens of all ids that are kept.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = [u8; 16]> {
        let ids = self.others.iter().chain(core::iter::once(&self.active));
        ids.filter_map(|id| id.reset_token)
    }

    /// Whether the reset tokens have changed since the endpoint took them.
    pub(crate) const fn tokens_changed(&self) -> bool {
        self.tokens_changed
    }

    /// The endpoint knows the reset tokens.
    pub(crate) const fn on_tokens_taken(&mut self) {
        self.tokens_changed = false;
    }

    /// Whether `token` ends this connection (RFC 9000 §10.3.1). Takes the same time for every token.
    pub(crate) fn is_reset_token(&self, token: &[u8; 16]) -> bool {
        //= RFC 9000 §10.3.1: When comparing a datagram to stateless reset token values, endpoints MUST perform the comparison
        //= without leaking information about the value of the token.
        let equal = |known: &PeerId| {
            known
                .reset_token
                .is_some_and(|known| constant_time_equal(&known, token))
        };
        equal(&self.active)
            | self
                .others
                .iter()
                .fold(false, |found, id| found | equal(id))
    }

    /// NEW_CONNECTION_ID came. `false`, and nothing has changed, when there is no memory for it.
    pub(crate) fn on_new(
        &mut self,
        sequence: u64,
        retire_prior_to: u64,
        id: ConnectionId,
        reset_token: [u8; 16],
    ) -> Result<bool, PeerError> {
        //= RFC 9000 §19.15: An endpoint that is sending packets with a zero-length Destination Connection ID MUST treat receipt
        //= of a NEW_CONNECTION_ID frame as a connection error of type PROTOCOL_VIOLATION.
        if self.active.id.is_empty() {
            return Err(violation("a peer without connection ids issued one"));
        }
        let new = PeerId {
            sequence,
            id,
            reset_token: Some(reset_token),
            path: None,
        };
        if self.is_known(&new)? {
            return Ok(true);
        }
        let retires = sequence < self.retire_prior_to || retire_prior_to > self.retire_prior_to;
        if retires && !self.has_room_to_retire() {
            return Ok(false);
        }
        if sequence < self.retire_prior_to {
            //= RFC 9000 §19.15: An endpoint that receives a NEW_CONNECTION_ID frame with a sequence number smaller than the
            //= Retire Prior To field of a previously received NEW_CONNECTION_ID frame MUST send a corresponding
            //= RETIRE_CONNECTION_ID frame
            return self.retire(sequence).map(|()| true);
        }
        if !memory::pushed(&mut self.others, new) {
            return Ok(false);
        }
        self.tokens_changed = true;
        if retire_prior_to > self.retire_prior_to {
            self.retire_prior_to = retire_prior_to;
            self.retire_old()?;
        }
        //= RFC 9000 §5.1.1: After processing a NEW_CONNECTION_ID frame and adding and retiring
        //= active connection IDs, if the number of active connection IDs exceeds the value
        //= advertised in its active_connection_id_limit transport parameter, an endpoint MUST
        //= close the connection with an error of type CONNECTION_ID_LIMIT_ERROR.
        if self.others.len() >= self.limit {
            return Err(PeerError::new(
                Code::ConnectionIdLimit,
                "more connection ids than we keep",
            )
            .in_frame(0x18));
        }
        Ok(true)
    }

    /// Whether this very id is known; one that contradicts what is known is an offence.
    fn is_known(&self, new: &PeerId) -> Result<bool, PeerError> {
        for known in self.others.iter().chain(core::iter::once(&self.active)) {
            if known.sequence == new.sequence {
                // The first id comes without a token in a client's handshake.
                let same = known.id == new.id
                    && known
                        .reset_token
                        .is_none_or(|token| Some(token) == new.reset_token);
                return if same {
                    Ok(true)
                } else {
                    Err(violation("one sequence number for two connection ids"))
                };
            }
            if known.id == new.id {
                return Err(violation("one connection id under two sequence numbers"));
            }
        }
        Ok(self
            .retiring
            .iter()
            .any(|&(_, sequence)| sequence == new.sequence))
    }

    fn retire_old(&mut self) -> Result<(), PeerError> {
        let prior_to = self.retire_prior_to;
        let mut index = 0;
        while let Some(id) = self.others.get(index) {
            if id.sequence < prior_to {
                let old = memory::taken(&mut self.others, index);
                let Some(old) = old else { break };
                self.retire(old.sequence)?;
                if let Some(path) = old.path {
                    self.assign(path);
                }
            } else {
                index = index.saturating_add(1);
            }
        }
        if self.active.sequence >= prior_to {
            return Ok(());
        }
        let Some(next) = self.take_spare() else {
            return Err(violation("every connection id was retired"));
        };
        let old = core::mem::replace(&mut self.active, next);
        self.retire(old.sequence)
    }

    /// Takes out an id that no path uses; in need, one of a path that is not active.
    fn take_spare(&mut self) -> Option<PeerId> {
        let spare = self.others.iter().position(|id| id.path.is_none());
        let at = spare.or(self.others.len().checked_sub(1))?;
        let mut id = memory::taken(&mut self.others, at)?;
        id.path = None;
        Some(id)
    }

    /// Gives `path` an id of its own, that no other path has used. `false` when there is none.
    pub(crate) fn assign(&mut self, path: PathId) -> bool {
        if self.active.id.is_empty() {
            return true;
        }
        let spare = self.others.iter_mut().find(|id| id.path.is_none());
        spare.is_some_and(|id| {
            id.path = Some(path);
            true
        })
    }

    /// The id that probes of `path` are sent to. An id without bytes is every path's.
    pub(crate) fn of(&self, path: PathId) -> Option<&ConnectionId> {
        if self.active.id.is_empty() {
            return Some(&self.active.id);
        }
        let own = self.others.iter().find(|id| id.path == Some(path));
        own.map(|id| &id.id)
    }

    /// `path` becomes the active one, `last` was it: each takes its id along.
    pub(crate) fn activate(&mut self, path: PathId, last: PathId) {
        if let Some(id) = self.others.iter_mut().find(|id| id.path == Some(path)) {
            core::mem::swap(id, &mut self.active);
            self.active.path = None;
            id.path = Some(last);
        }
    }

    /// `path` is gone, and so is its id if anything was sent to it.
    pub(crate) fn release(&mut self, path: PathId, used: bool) {
        let Some(at) = self.others.iter().position(|id| id.path == Some(path)) else {
            return;
        };
        if !used {
            if let Some(id) = self.others.get_mut(at) {
                id.path = None;
            }
            return;
        }
        // Seen on one path, it would tell on another that both are the same connection's (RFC 9000 §9.5).
        let Some(old) = memory::taken(&mut self.others, at) else {
            return;
        };
        self.tokens_changed = true;
        // Room was there when the path was opened.
        let _ = self.retire(old.sequence);
    }

    /// Whether another path may be opened: not while the peer owes acknowledgements for the ids of those before it, nor without
    /// memory to give its id up later.
    pub(crate) fn may_open_path(&mut self) -> bool {
        self.retiring.len() < limits::PATHS && self.has_room_to_retire()
    }

    /// Whether there is memory for as many retirements as there can be.
    fn has_room_to_retire(&mut self) -> bool {
        let missing = limits::CIDS_RETIRING.saturating_sub(self.retiring.len());
        self.retiring.capacity() >= limits::CIDS_RETIRING
            || self.retiring.try_reserve_exact(missing).is_ok()
    }

    fn retire(&mut self, sequence: u64) -> Result<(), PeerError> {
        //= RFC 9000 §5.1.2: An endpoint SHOULD limit the number of connection IDs it has retired locally for which
        //= RETIRE_CONNECTION_ID frames have not yet been acknowledged.
        if self.retiring.len() >= limits::CIDS_RETIRING {
            return Err(PeerError::new(
                Code::ConnectionIdLimit,
                "too many connection ids to retire",
            )
            .in_frame(0x18));
        }
        if !memory::pushed(&mut self.retiring, (true, sequence)) {
            return Err(PeerError::new(Code::Internal, "no memory to retire an id"));
        }
        Ok(())
    }

    /// The next retirement to tell the peer; it counts as told.
    pub(crate) fn next_retirement(&mut self) -> Option<u64> {
        let (pending, sequence) = self.retiring.iter_mut().find(|(pending, _)| *pending)?;
        *pending = false;
        Some(*sequence)
    }

    pub(crate) fn has_retirement(&self) -> bool {
        self.retiring.iter().any(|&(pending, _)| pending)
    }

    /// The frame that retired `sequence` was lost, or did not fit after all.
    pub(crate) fn on_lost(&mut self, sequence: u64) {
        for (pending, _) in self
            .retiring
            .iter_mut()
            .filter(|(_, known)| *known == sequence)
        {
            *pending = true;
        }
    }

    /// The peer knows that `sequence` is retired.
    pub(crate) fn on_acknowledged(&mut self, sequence: u64) {
        self.retiring.retain(|&(_, known)| known != sequence);
    }
}

fn constant_time_equal(left: &[u8; 16], right: &[u8; 16]) -> bool {
    left.iter()
        .zip(right)
        .fold(0, |difference, (left, right)| difference | (left ^ right))
        == 0
}

const fn violation(reason: &'static str) -> PeerError {
    PeerError::new(Code::ProtocolViolation, reason).in_frame(0x18)
}

#[cfg(test)]
mod tests;
