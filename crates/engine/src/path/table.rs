//! The paths of one connection: packets by where they came from and validations by their outcome come in, the path to send on goes
//! out. One path is active; what is not a probe leaves on it. The last validated one is kept until the active one is decided, and
//! there are never more than [`limits::PATHS`], however many addresses somebody sends from (RFC 9000 §9.3).

use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_platform::{Duration, Instant, memory};

use super::state::{Answered, PathId, PathState};
use super::{Path, may_follow};
use crate::limits;

/// The paths of one connection.
pub(crate) struct Paths {
    active: PathState,
    /// The others, the one that was left last at the end.
    others: Vec<PathState>,
    next_id: u32,
    /// A new address is taken note of from then on.
    admit_at: Instant,
    /// Until then an address has to be validated before anything but a probe is sent there.
    wary_until: Instant,
    /// Where the peer's newest packet came from, if we are to move there once it is validated.
    candidate: Option<PathId>,
    /// A challenge was sent at some time.
    challenged: bool,
    /// The server's address in the handshake.
    first_remote: SocketAddr,
    /// The path that congestion control and the round-trip time are of.
    measured: Path,
}

/// What becomes of a path whose validation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFailed {
    /// It is kept, as the last that was good.
    Keep,
    /// It goes.
    Remove,
    /// It was active; this one takes its place.
    Revert(PathId),
    /// It was active, and there is no other.
    NoneLeft,
}

impl Paths {
    /// The path of the handshake.
    pub(crate) const fn new(path: PathState) -> Self {
        Self {
            first_remote: path.path.remote,
            measured: path.path,
            active: path,
            others: Vec::new(),
            next_id: 1,
            admit_at: Instant::ZERO,
            wary_until: Instant::ZERO,
            candidate: None,
            challenged: false,
        }
    }

    /// The path that everything but probes leaves on.
    pub(crate) const fn active(&self) -> &PathState {
        &self.active
    }

    /// The path that everything but probes leaves on.
    pub(crate) const fn active_mut(&mut self) -> &mut PathState {
        &mut self.active
    }

    /// The peer's address in the handshake.
    pub(crate) const fn first_remote(&self) -> SocketAddr {
        self.first_remote
    }

    /// Congestion control and the round-trip time are those of `path` from now on; whose they were.
    pub(crate) const fn set_measured(&mut self, path: Path) -> Path {
        core::mem::replace(&mut self.measured, path)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.others.len().saturating_add(1)
    }

    /// All that are not active.
    pub(crate) fn others_mut(&mut self) -> impl Iterator<Item = &mut PathState> {
        self.others.iter_mut()
    }

    /// The path that `id` names, if it is still there.
    pub(crate) fn get(&self, id: PathId) -> Option<&PathState> {
        if self.active.id == id {
            return Some(&self.active);
        }
        self.others.iter().find(|other| other.id == id)
    }

    /// The path that `id` names, if it is still there.
    pub(crate) fn get_mut(&mut self, id: PathId) -> Option<&mut PathState> {
        if self.active.id == id {
            return Some(&mut self.active);
        }
        self.others.iter_mut().find(|other| other.id == id)
    }

    /// Datagrams came: the path that they came by, if it is known.
    pub(crate) fn on_datagrams(
        &mut self,
        now: Instant,
        path: &Path,
        bytes: usize,
        by: Option<[u8; limits::LOCAL_CID_LEN]>,
    ) -> Option<PathId> {
        if self.active.path.covers(path) {
            self.active.on_datagrams(now, bytes, by);
            return Some(self.active.id);
        }
        let decided = self.active.is_validated();
        let other = self
            .others
            .iter_mut()
            .find(|other| other.path.covers(path))?;
        if decided && other.is_stale(now) {
            other.forget_validation();
        }
        other.on_datagrams(now, bytes, by);
        Some(other.id)
    }

    /// Whether packets of the peer may move the connection to `path`.
    pub(crate) fn may_move_to(&self, path: &Path) -> bool {
        may_follow(self.active.path.remote, path.remote)
    }

    /// Whether a new address is taken note of: not when another has just been.
    pub(crate) fn may_admit(&self, now: Instant) -> bool {
        now >= self.admit_at
    }

    /// Takes note of an address that an authentic packet came from.
    pub(crate) fn admit(&mut self, now: Instant, path: Path, rtt: Duration) -> Option<PathId> {
        let id = self.push(
            now,
            PathState::with_id(PathId(self.next_id), path, false, true),
        )?;
        self.admit_at = now + rtt.max(limits::PATH_INTERVAL);
        Some(id)
    }

    /// Takes note of a path that we open, to move to it once it is validated.
    pub(crate) fn open(&mut self, now: Instant, path: Path, pto: Duration) -> Option<PathId> {
        let mut state = PathState::with_id(PathId(self.next_id), path, false, false);
        state.wanted = true;
        state.begin_check(now, pto);
        self.push(now, state)
    }

    fn push(&mut self, now: Instant, mut state: PathState) -> Option<PathId> {
        // As new as if something had just come.
        state.on_datagrams(now, 0, None);
        debug_assert!(self.len() < limits::PATHS, "the caller made room");
        let id = state.id;
        if self.len() >= limits::PATHS || self.others.try_reserve_exact(1).is_err() {
            return None;
        }
        let kept = memory::inserted(&mut self.others, 0, state);
        self.next_id = self.next_id.wrapping_add(1);
        kept.then_some(id)
    }

    /// The path to give up for a new one, if there has to be one: never the active path, nor the one to go back to.
    pub(crate) fn surplus(&self) -> Option<PathId> {
        if self.len() < limits::PATHS {
            return None;
        }
        let kept = self.fallback();
        let mut spare = self
            .others
            .iter()
            .filter(|other| Some(other.id) != kept && !other.wanted);
        let oldest = |paths: &mut dyn Iterator<Item = &PathState>| {
            paths.map(|other| other.id).min_by_key(|id| id.0)
        };
        oldest(&mut spare.clone().filter(|other| !other.is_validated()))
            .or_else(|| oldest(&mut spare))
    }

    /// The last path that was good, for the case that the active one is not.
    pub(crate) fn fallback(&self) -> Option<PathId> {
        let validated = self.others.iter().rev().filter(|path| path.is_validated());
        let good = validated.clone().find(|path| !path.dead);
        let path = good.or_else(|| validated.into_iter().next())?;
        Some(path.id)
    }

    /// Everything but probes leaves on `id` from now on. The path that was active stays.
    pub(crate) fn activate(&mut self, id: PathId) -> bool {
        let Some(at) = self.others.iter().position(|other| other.id == id) else {
            return false;
        };
        let Some(next) = memory::taken(&mut self.others, at) else {
            return false;
        };
        let mut last = core::mem::replace(&mut self.active, next);
        last.forget_traffic();
        memory::put(&mut self.others, last);
        self.active.wanted = false;
        self.candidate = None;
        true
    }

    /// Forgets a path that is not active.
    pub(crate) fn remove(&mut self, id: PathId) -> Option<PathState> {
        let at = self.others.iter().position(|other| other.id == id)?;
        if self.candidate == Some(id) {
            self.candidate = None;
        }
        memory::taken(&mut self.others, at)
    }

    /// Somebody seems to have moved us to where the peer is not: new addresses are not believed for a while.
    pub(crate) fn grow_wary(&mut self, now: Instant) {
        self.wary_until = now + limits::WARY;
    }

    pub(crate) fn is_wary(&self, now: Instant) -> bool {
        now < self.wary_until
    }

    /// The peer's newest packet came from `id`, where we move once it is validated; `None` when it came by the active path.
    pub(crate) const fn set_candidate(&mut self, id: Option<PathId>) {
        self.candidate = id;
    }

    pub(crate) const fn candidate(&self) -> Option<PathId> {
        self.candidate
    }

    /// Whether packets that came by `id` may change which path is active.
    pub(crate) fn is_watched(&self, id: Option<PathId>) -> bool {
        id != Some(self.active.id) || self.candidate.is_some()
    }

    /// The next path that owes a probe for which there is credit.
    pub(crate) fn next_probe(&self, now: Instant) -> Option<PathId> {
        let owes = |path: &&PathState| {
            let is_active = path.id == self.active.id;
            (path.owes_response() || path.owes_challenge(now))
                && path.has_id
                && path.probe_budget(is_active) >= limits::PROBE_BYTES
        };
        // The active path's may have to wait for its congestion window, which is no matter of the others.
        let mut all = self.others.iter().chain(core::iter::once(&self.active));
        all.find(owes).map(|path| path.id)
    }

    /// A PATH_CHALLENGE left.
    pub(crate) const fn on_challenge_sent(&mut self) {
        self.challenged = true;
    }

    /// A PATH_RESPONSE came. The error: to no challenge at all, as none was ever sent.
    pub(crate) fn on_response(
        &mut self,
        now: Instant,
        data: [u8; 8],
    ) -> Result<Option<(PathId, Answered)>, ()> {
        if !self.challenged {
            return Err(());
        }
        //= RFC 9000 §8.2.3: A PATH_RESPONSE frame received on any network path validates the path on which the
        //= PATH_CHALLENGE was sent.
        let mut all = core::iter::once(&mut self.active).chain(&mut self.others);
        Ok(all.find_map(|path| Some((path.id, path.on_response(now, data)?))))
    }

    /// The earliest time at which a validation wants to be looked at.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let all = core::iter::once(&self.active).chain(&self.others);
        all.filter_map(PathState::deadline).min()
    }

    /// A path whose validation has failed, and what becomes of it.
    pub(crate) fn next_failed(&mut self, now: Instant) -> Option<(PathId, OnFailed)> {
        let fallback = self.fallback();
        let all = core::iter::once(&self.active).chain(&self.others);
        let id = all.into_iter().find(|path| path.has_failed(now))?.id;
        let undecided = !self.active.is_validated();
        let path = self.get_mut(id)?;
        path.end_check();
        path.dead = true;
        let outcome = if self.active.id == id {
            fallback.map_or(OnFailed::NoneLeft, OnFailed::Revert)
        } else if undecided && fallback == Some(id) {
            OnFailed::Keep
        } else {
            OnFailed::Remove
        };
        Some((id, outcome))
    }
}

#[cfg(test)]
mod tests;
