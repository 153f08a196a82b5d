//! What a port's driver is to do for one connection: what happened in; once each, a place on its lists and among its timers out.

use inquic_platform::Instant;

use super::port::Port;

/// Kept under the connection's lock.
pub(super) struct Agenda {
    /// The deadline that the port's timers have.
    armed: Option<Instant>,
    /// Whether it is on the list of those that the driver looks at.
    listed: bool,
    /// Whether a driver settles it at the end of its turn.
    touched: bool,
}

impl Agenda {
    /// Nothing to do.
    pub(super) const fn new() -> Self {
        Self {
            armed: None,
            listed: false,
            touched: false,
        }
    }

    /// Something was told in this turn. Whether it is to be settled in it and was not before.
    pub(super) const fn touch(&mut self) -> bool {
        !std::mem::replace(&mut self.touched, true)
    }

    /// The driver settles it.
    pub(super) const fn on_settled(&mut self) {
        self.touched = false;
    }

    /// The port's timers have none of it.
    pub(super) const fn disarm(&mut self) {
        self.armed = None;
    }

    /// The driver has taken it from its list.
    pub(super) const fn on_unlisted(&mut self) {
        self.listed = false;
    }

    /// Puts the connection at `slot` on the list of those that the driver looks at.
    pub(super) fn list(&mut self, port: &Port, slot: u32) {
        if !std::mem::replace(&mut self.listed, true) {
            port.list(slot);
        }
    }

    /// Gives the port's timers the connection's deadline, when it has come nearer. A later one is found out when the earlier
    /// comes, so that a deadline which moves with every packet costs nothing.
    pub(super) fn arm(&mut self, port: &Port, slot: u32, deadline: Option<Instant>) {
        if let Some(deadline) = deadline
            && self.armed.is_none_or(|armed| deadline < armed)
        {
            self.armed = Some(deadline);
            port.arm(slot, deadline);
        }
    }
}
