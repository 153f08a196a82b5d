//! A port with several listeners, of this endpoint and of other processes: who listens and who is there in; nothing out. What
//! follows from it for datagrams is in `admit`, `gather` and `forward`.

use inquic_platform::Instant;
use inquic_wire::ConnectionId;

use super::owners::{Listener, Owner, OwnerError};
use super::{Endpoint, Members, as_ours};
use crate::endpoint::{Claim, Listen};
use crate::path::Path;

/// What a connection id of the port says.
pub(super) enum Whose {
    /// Its connection is this process's.
    Member(u8),
    /// Its connection may be a process's that has not come back.
    Awaited,
}

impl Endpoint {
    /// Begins to listen, changes how, or stops: the one listener of a port, that takes whatever comes.
    pub fn set_listening(&mut self, listen: Option<Listen>) {
        self.remove_owner(Owner::SOLE);
        if let Some(listen) = listen {
            let sole = Listener {
                owner: Owner::SOLE,
                listen,
                claim: Claim::default(),
                spreads: false,
            };
            let added = self.add_owner(sole);
            debug_assert!(added.is_ok(), "it is alone");
        }
    }

    /// Adds a listener, or changes how one listens that is there.
    ///
    /// # Errors
    ///
    /// [`OwnerError`]; nothing has changed then.
    pub fn add_owner(&mut self, listener: Listener) -> Result<(), OwnerError> {
        self.owners.add(listener)?;
        self.on_owners_changed();
        Ok(())
    }

    /// How somebody listens, if they do.
    #[must_use]
    pub fn owner(&self, owner: Owner) -> Option<&Listener> {
        self.owners.find(owner)
    }

    /// A listener is gone. Its connections stay.
    pub fn remove_owner(&mut self, owner: Owner) {
        self.owners.remove(owner);
        self.on_owners_changed();
    }

    /// Whether strangers are let in. Not by an endpoint to which another process hands over who is for it.
    pub fn set_admitting(&mut self, admits: bool) {
        self.admits = admits;
        self.on_owners_changed();
    }

    /// A process that has the port, too, is there or gone.
    pub fn set_member(&mut self, member: u8, is_there: bool) {
        self.members.set(member, is_there);
        if !is_there {
            self.remove_owner(Owner::Remote(member));
            self.forwards.forget(member);
        }
    }

    /// The processes that have the port, too.
    #[must_use]
    pub const fn members(&self) -> &Members {
        &self.members
    }

    /// Clients whose hello is not whole yet.
    #[must_use]
    pub const fn gathering(&self) -> usize {
        self.gatherings.len()
    }

    /// Other processes that have the port are not known yet: their connections hear nothing of this endpoint until `until`.
    pub const fn await_members(&mut self, until: Instant) {
        self.awaits_members = Some(until);
    }

    /// The other process whose connection has this id.
    pub(super) fn member_of(&mut self, now: Instant, dcid: &[u8]) -> Option<Whose> {
        self.awaits_members = self.awaits_members.filter(|until| *until > now);
        if self.members.is_empty() && self.awaits_members.is_none() {
            return None;
        }
        let id = as_ours(dcid)?.to_be_bytes();
        let member = self.fresh.member(id)?;
        if self.members.contains(member) {
            return Some(Whose::Member(member));
        }
        self.awaits_members.map(|_| Whose::Awaited)
    }

    /// The other process that was given the client which chose this id.
    pub(super) fn forward_of(&self, now: Instant, path: &Path, dcid: &[u8]) -> Option<u8> {
        if self.members.is_empty() {
            return None;
        }
        let dcid = ConnectionId::new(dcid)?;
        self.forwards.of(now, &(path.remote, dcid))
    }

    fn on_owners_changed(&mut self) {
        self.listen = self.owners.together().filter(|_| self.admits);
        self.must_read = self.owners.must_read();
        self.first_owner = self.owners.first().unwrap_or(Owner::SOLE);
        if !self.must_read || !self.admits {
            self.gatherings.clear();
        }
    }
}
