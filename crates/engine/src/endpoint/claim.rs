//! What a listener of a shared port claims: names and application protocols in, whether a client's hello is meant for it out.
//! Names are compared without regard to case, protocols byte by byte. It never says yes to what it cannot read.

use alloc::vec::Vec;

use inquic_platform::memory;
use inquic_wire::{Offer, ServerName};

use crate::limits;

/// The server names and application protocols of one listener. None of a kind is any of that kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// In lower case. One that begins with `*.` stands for every name with one label in its place.
    names: Vec<Vec<u8>>,
    protocols: Vec<Vec<u8>>,
}

/// Why a claim cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// A server name is no host name: 1 to 255 bytes of letters, digits, `-`, `_` and `.`, without a dot at either end or two in
    /// a row; the first label may be `*`.
    Name,
    /// A protocol's name has no byte, or more than 255.
    Protocol,
    /// More than [`limits::CLAIM_NAMES`] names or [`limits::CLAIM_PROTOCOLS`] protocols.
    TooMany,
    /// There is no memory for it.
    Memory,
}

/// How well a claim fits a hello: the less the better. The written precedence of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// The name and a protocol are claimed, the protocol at this place of the client's list.
    NameAndProtocol(usize),
    /// The name is claimed, with any protocol.
    Name,
    /// A wildcard for the name and a protocol are claimed.
    WildcardAndProtocol(usize),
    /// A wildcard for the name is claimed, with any protocol.
    Wildcard,
    /// A protocol is claimed, for any name.
    Protocol(usize),
    /// Everything that nobody else claims.
    Default,
}

impl Claim {
    /// A claim to these names and protocols.
    ///
    /// # Errors
    ///
    /// [`ClaimError`], and nothing is claimed.
    pub fn new(
        names: impl IntoIterator<Item: AsRef<[u8]>>,
        protocols: impl IntoIterator<Item: AsRef<[u8]>>,
    ) -> Result<Self, ClaimError> {
        let mut claim = Self::default();
        for name in names {
            let mut name = memory::copied(name.as_ref()).ok_or(ClaimError::Memory)?;
            name.make_ascii_lowercase();
            if !is_claimable(&name) {
                return Err(ClaimError::Name);
            }
            add(&mut claim.names, name, limits::CLAIM_NAMES)?;
        }
        for protocol in protocols {
            let protocol = memory::copied(protocol.as_ref()).ok_or(ClaimError::Memory)?;
            if !(1..=PROTOCOL_MAX).contains(&protocol.len()) {
                return Err(ClaimError::Protocol);
            }
            add(&mut claim.protocols, protocol, limits::CLAIM_PROTOCOLS)?;
        }
        Ok(claim)
    }

    /// A claim to whatever nobody else claims.
    #[must_use]
    pub const fn any() -> Self {
        Self {
            names: Vec::new(),
            protocols: Vec::new(),
        }
    }

    /// The same claim again; `None` when there is no memory for it.
    #[must_use]
    pub fn copied(&self) -> Option<Self> {
        Self::new(self.names(), self.protocols()).ok()
    }

    /// The names claimed, in lower case.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(Vec::as_slice)
    }

    /// The protocols claimed.
    pub fn protocols(&self) -> impl Iterator<Item = &[u8]> {
        self.protocols.iter().map(Vec::as_slice)
    }

    /// Whether it is for any name.
    #[must_use]
    pub const fn has_any_name(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether some hello would fit both equally well, so that nothing tells whose it is.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        have_common(&self.names, &other.names) && have_common(&self.protocols, &other.protocols)
    }

    /// Whether the name that a client asks for is among those claimed, whatever the protocol.
    pub(super) fn covers_name(&self, name: ServerName<'_>) -> bool {
        self.has_any_name()
            || matches!(name, ServerName::Host(host) if self.match_of(host).is_some())
    }

    /// How well a hello fits, if it does.
    pub(super) fn fit(&self, offer: &Offer<'_>) -> Option<Fit> {
        let protocol = if self.protocols.is_empty() {
            None
        } else {
            let mut wanted = offer.protocols.clone();
            let place = wanted.position(|wanted| self.protocols().any(|ours| ours == wanted))?;
            Some(place)
        };
        let named = match offer.server_name {
            ServerName::Host(host) => self.match_of(host),
            ServerName::Absent | ServerName::Unreadable => None,
        };
        match (named, protocol) {
            (Some(Match::Exact), Some(place)) => Some(Fit::NameAndProtocol(place)),
            (Some(Match::Exact), None) => Some(Fit::Name),
            (Some(Match::Wildcard), Some(place)) => Some(Fit::WildcardAndProtocol(place)),
            (Some(Match::Wildcard), None) => Some(Fit::Wildcard),
            (None, _) if !self.has_any_name() => None,
            (None, Some(place)) => Some(Fit::Protocol(place)),
            (None, None) => Some(Fit::Default),
        }
    }

    /// How `host` is claimed, if it is.
    fn match_of(&self, host: &[u8]) -> Option<Match> {
        if self.names().any(|name| name.eq_ignore_ascii_case(host)) {
            return Some(Match::Exact);
        }
        // One label in the place of the star, as certificates have it (RFC 9525 §6.3).
        let dot = host.iter().position(|&byte| byte == b'.')?;
        let (label, parent) = host.split_at_checked(dot)?;
        let covered = |name: &[u8]| {
            name.strip_prefix(b"*")
                .is_some_and(|claimed| claimed.eq_ignore_ascii_case(parent))
        };
        (!label.is_empty() && self.names().any(covered)).then_some(Match::Wildcard)
    }
}

enum Match {
    Exact,
    Wildcard,
}

impl core::fmt::Display for ClaimError {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str(match self {
            Self::Name => "a server name is no host name",
            Self::Protocol => "a protocol's name has no byte, or more than 255",
            Self::TooMany => "too many server names or protocols",
            Self::Memory => "out of memory",
        })
    }
}

impl core::error::Error for ClaimError {}

/// Adds what is not there yet.
fn add(list: &mut Vec<Vec<u8>>, value: Vec<u8>, most: usize) -> Result<(), ClaimError> {
    if list.contains(&value) {
        return Ok(());
    }
    if list.len() >= most {
        return Err(ClaimError::TooMany);
    }
    if memory::pushed(list, value) {
        Ok(())
    } else {
        Err(ClaimError::Memory)
    }
}

/// Whether two lists name the same thing, or both anything.
fn have_common(ours: &[Vec<u8>], theirs: &[Vec<u8>]) -> bool {
    ours.is_empty() && theirs.is_empty() || ours.iter().any(|one| theirs.contains(one))
}

fn is_claimable(name: &[u8]) -> bool {
    let host = name.strip_prefix(b"*.").unwrap_or(name);
    let is_label = |label: &[u8]| {
        !label.is_empty()
            && label
                .iter()
                .all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= NAME_MAX && host.split(|&byte| byte == b'.').all(is_label)
}

/// The longest name that DNS has.
const NAME_MAX: usize = 255;
/// What the length of a protocol's name can say.
const PROTOCOL_MAX: usize = 255;

#[cfg(test)]
mod tests;
