//! A port that other processes have, too: what the dispatcher of a port knows of them in, clients that are handed over out.

use std::sync::Arc;

use inquic_engine::{HeldDatagram, Incoming, Listener, Owner as PortOwner, OwnerError};
use inquic_platform::Instant;
use inquic_socket::Errno;
use inquic_socket::port::ListenerId;

use super::{Destination, Port};
use crate::home::share::Wish;

impl Port {
    /// A client that another process has let in for a listener of ours.
    pub(in crate::home) fn admit_introduced(
        self: &Arc<Self>,
        now: Instant,
        incoming: Incoming,
    ) -> Destination {
        self.admit(self.table(), now, incoming)
    }

    /// The listener of a port that has but one, as one has that has joined others.
    pub(in crate::home) fn sole_owner(&self) -> Option<PortOwner> {
        let table = self.table();
        let first = table.listening.first();
        first.map(|one| PortOwner::Local(one.id.number()))
    }

    /// How a listener listens, if it does.
    pub(in crate::home) fn listener(&self, id: ListenerId) -> Option<Listener> {
        let owner = PortOwner::Local(id.number());
        let table = self.table();
        let there = table.port.endpoint().owner(owner)?;
        Some(Listener {
            owner,
            listen: there.listen,
            claim: there.claim.copied()?,
            spreads: there.spreads,
        })
    }

    /// Asks the process that receives for all whether a listener of ours may listen as it does, and waits for the answer. If not, it
    /// listens as `before`; the caller stops it if it did not.
    ///
    /// # Errors
    ///
    /// [`Errno::EADDRINUSE`] when another has some of the same, or nobody answers; [`Errno::ENOMEM`] when there are too many.
    pub(in crate::home) fn claim(
        &self,
        id: ListenerId,
        before: Option<Listener>,
    ) -> Result<(), Errno> {
        let Some(share) = self.share.as_ref().filter(|share| !share.reads()) else {
            return Ok(());
        };
        let Some(wanted) = self.listener(id) else {
            return Ok(());
        };
        match share.claim(&Wish::of(wanted)) {
            Ok(()) => {
                // It may have been closed meanwhile.
                if self.listener(id).is_none() {
                    share.unlisten();
                }
                Ok(())
            }
            Err(refusal) => {
                if let Some(before) = before {
                    let restored = self.table().port.endpoint_mut().add_owner(before);
                    debug_assert!(restored.is_ok(), "it was there");
                }
                Err(refusal.errno())
            }
        }
    }

    /// A listener of ours has other options, which no other listener minds.
    pub(super) fn amend(&self, id: ListenerId) {
        if let Some(share) = self.share.as_ref().filter(|share| !share.reads())
            && let Some(listener) = self.listener(id)
        {
            share.amend(Wish::of(listener));
        }
    }

    /// Hands a client to the process whose it is.
    pub(super) fn introduce(
        &self,
        member: u8,
        now: Instant,
        ecn: u8,
        datagram: &[u8],
        mut incoming: Incoming,
    ) {
        let Some(share) = &self.share else {
            return;
        };
        let mut datagrams = incoming.take_datagrams();
        datagrams.push(HeldDatagram {
            at: now,
            ecn,
            bytes: datagram.to_vec(),
        });
        share.introduce(member, now, &incoming.introduction(), &datagrams);
    }

    /// Whether the port has ended.
    pub(in crate::home) fn has_ended(&self) -> bool {
        self.table().over.is_some()
    }

    /// Whether this process receives what comes to the port.
    pub(in crate::home) fn reads(&self) -> bool {
        self.share.as_ref().is_none_or(|share| share.reads())
    }

    /// From now on this process receives for all that have the port.
    /// `until` is when the others will have come back who will.
    pub(in crate::home) fn begin_to_read(&self, until: Instant) {
        let mut table = self.table();
        let endpoint = table.port.endpoint_mut();
        endpoint.await_members(until);
        endpoint.set_admitting(true);
        drop(table);
        self.bell.ring();
    }

    /// A listener of another process.
    pub(in crate::home) fn add_owner(&self, listener: Listener) -> Result<(), OwnerError> {
        self.table().port.endpoint_mut().add_owner(listener)
    }

    /// It listens no more.
    pub(in crate::home) fn forget_owner(&self, owner: PortOwner) {
        self.table().port.endpoint_mut().remove_owner(owner);
    }

    /// Another process that has the port, too, is there or gone.
    pub(in crate::home) fn set_member(&self, member: u8, is_there: bool) {
        let mut table = self.table();
        table.port.endpoint_mut().set_member(member, is_there);
    }
}
