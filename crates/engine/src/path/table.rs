//! The paths of one connection. One is active: what is not a probe leaves on it.

use super::PathState;

/// The paths of one connection.
pub(crate) struct Paths {
    active: PathState,
}

impl Paths {
    /// The path of the handshake.
    pub(crate) const fn new(path: PathState) -> Self {
        Self { active: path }
    }

    /// The path that everything but probes leaves on.
    pub(crate) const fn active(&self) -> &PathState {
        &self.active
    }

    /// The path that everything but probes leaves on.
    pub(crate) const fn active_mut(&mut self) -> &mut PathState {
        &mut self.active
    }
}
