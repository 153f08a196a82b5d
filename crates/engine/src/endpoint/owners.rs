//! Who listens on a port: listeners with their claims in, the one that a hello is for out, or why nobody takes it. A hello that
//! fits two equally well goes to one of them, and only if both have asked to share.

use alloc::vec::Vec;

use inquic_platform::memory;
use inquic_wire::{Code, Offer, PeerError, ServerName, Version, Versions};

use super::admit::{Listen, RetryPolicy};
use super::claim::Claim;
use crate::limits;

/// One of those who listen on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A listener of this endpoint.
    Local(u32),
    /// A process that has the port together with this one; see [`super::Routing::of_member`].
    Remote(u8),
}

impl Owner {
    /// The listener of a port that has but one.
    pub const SOLE: Self = Self::Local(0);
}

/// A listener of a port.
#[derive(Debug)]
pub struct Listener {
    /// Who it is.
    pub owner: Owner,
    /// How it listens.
    pub listen: Listen,
    /// What it wants.
    pub claim: Claim,
    /// Whether it shares what it claims with others that want the same and share, too (SO_REUSEPORT): each client goes to one of
    /// them.
    pub spreads: bool,
}

/// Why somebody cannot listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerError {
    /// Another listener claims a part of the same and one of the two does not share.
    Overlap,
    /// There are [`limits::OWNERS`] already, or there is no memory for one more.
    Full,
}

/// All who listen on a port.
#[derive(Default)]
pub(super) struct Owners {
    list: Vec<Listener>,
}

impl Owners {
    /// Adds a listener, or changes how one listens that is there.
    pub(super) fn add(&mut self, new: Listener) -> Result<(), OwnerError> {
        let others = self.list.iter().filter(|other| other.owner != new.owner);
        let mut refused = others
            .filter(|other| !(other.spreads && new.spreads) && other.claim.overlaps(&new.claim));
        if refused.next().is_some() {
            return Err(OwnerError::Overlap);
        }
        if let Some(place) = self.list.iter_mut().find(|other| other.owner == new.owner) {
            *place = new;
            return Ok(());
        }
        if self.list.len() >= limits::OWNERS || !memory::pushed(&mut self.list, new) {
            return Err(OwnerError::Full);
        }
        Ok(())
    }

    pub(super) fn find(&self, owner: Owner) -> Option<&Listener> {
        self.list.iter().find(|listener| listener.owner == owner)
    }

    pub(super) fn remove(&mut self, owner: Owner) {
        self.list.retain(|listener| listener.owner != owner);
    }

    /// Whether a hello has to be read to know whose it is: not if there is but one listener, which takes any name.
    pub(super) fn must_read(&self) -> bool {
        match self.list.as_slice() {
            [] => false,
            [one] => matches!(one.owner, Owner::Remote(_)) || !one.claim.has_any_name(),
            _ => true,
        }
    }

    /// The first of them.
    pub(super) fn first(&self) -> Option<Owner> {
        self.list.first().map(|listener| listener.owner)
    }

    /// What holds before it is known whose a client is: the most that any of them allows.
    pub(super) fn together(&self) -> Option<Listen> {
        let (first, others) = self.list.split_first()?;
        let mut all = first.listen;
        for Listener { listen, .. } in others {
            all.max_half_open = all.max_half_open.max(listen.max_half_open);
            for version in listen.versions.as_slice() {
                all.versions.push(*version);
            }
            if all.retry != listen.retry {
                all.retry = RetryPolicy::WhenBusy;
            }
        }
        Some(all)
    }

    /// Whom a hello is for. `spread` decides between those whom it fits equally well.
    pub(super) fn choose(&self, offer: &Offer<'_>, spread: u64) -> Result<&Listener, PeerError> {
        if offer.server_name == ServerName::Unreadable {
            return Err(UNREADABLE);
        }
        let fits = || {
            self.list
                .iter()
                .filter_map(|one| Some((one.claim.fit(offer)?, one)))
        };
        let Some(best) = fits().map(|(fit, _)| fit).min() else {
            return Err(self.refusal(offer));
        };
        let equals = || fits().filter(|(fit, _)| *fit == best);
        let count = equals().count() as u64;
        let at = spread.checked_rem(count).unwrap_or_default();
        let at = usize::try_from(at).unwrap_or_default();
        let chosen = equals().nth(at).map(|(_, listener)| listener);
        chosen.ok_or_else(|| self.refusal(offer))
    }

    /// What nobody's client is told: its protocols if the name is known here, else the name.
    fn refusal(&self, offer: &Offer<'_>) -> PeerError {
        let known = |listener: &Listener| listener.claim.covers_name(offer.server_name);
        if self.list.iter().any(known) {
            NO_PROTOCOL
        } else {
            UNKNOWN_NAME
        }
    }
}

impl Listener {
    /// Whether connections of `version` can be made.
    pub(super) fn speaks(&self, version: Version) -> bool {
        self.listen.versions.contains(version)
    }

    /// The versions that a client is told of.
    pub(super) const fn versions(&self) -> Versions {
        self.listen.versions
    }
}

/// A hello that TLS could not read either, or a name that is none.
pub(super) const UNREADABLE: PeerError =
    PeerError::new(Code::Crypto(DECODE_ERROR), "the ClientHello cannot be read");
const NO_PROTOCOL: PeerError = PeerError::new(
    Code::Crypto(NO_APPLICATION_PROTOCOL),
    "nobody here speaks these protocols",
);
const UNKNOWN_NAME: PeerError =
    PeerError::new(Code::Crypto(UNRECOGNIZED_NAME), "nobody here has this name");
// Alerts of RFC 8446 §6 and RFC 7301 §3.2.
const DECODE_ERROR: u8 = 50;
const UNRECOGNIZED_NAME: u8 = 112;
const NO_APPLICATION_PROTOCOL: u8 = 120;

#[cfg(test)]
mod tests;
