//! Lists of versions and what two ends tell each other about them (RFC 9368): in come versions, out come lists without
//! duplicates and of bounded length, or the offence.

use crate::{
    error::{Code, Full, PeerError},
    id::Version,
    level::Role,
    reader::Reader,
    writer::Writer,
};

/// Versions without duplicates, the preferred one first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// Those after `len` are [`Version::NEGOTIATION`], so that equal lists are equal values.
    list: [Version; Self::MAX],
    len: u8,
}

/// What an endpoint says about versions in its transport parameters (RFC 9368 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionInformation {
    /// The version that it has chosen for the connection.
    pub chosen: Version,
    /// A client's: the versions that its first flight can be taken for, the preferred one first. A server's: those that it
    /// speaks.
    pub available: Versions,
}

impl Versions {
    /// The longest list: the known versions, and as many more.
    pub const MAX: usize = 4;
    /// The known versions, version 1 first.
    pub const KNOWN: Self = Self {
        list: [
            Version::V1,
            Version::V2,
            Version::NEGOTIATION,
            Version::NEGOTIATION,
        ],
        len: 2,
    };

    /// The list of no versions.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            list: [Version::NEGOTIATION; Self::MAX],
            len: 0,
        }
    }

    /// These versions without the second and later of a kind; what passes [`Versions::MAX`] is left out.
    #[must_use]
    pub fn of(versions: &[Version]) -> Self {
        let mut list = Self::empty();
        for version in versions {
            list.push(*version);
        }
        list
    }

    /// Adds a version at the end; `false` when there is no room for it. One that is there already stays where it is.
    pub fn push(&mut self, version: Version) -> bool {
        if self.contains(version) {
            return true;
        }
        let Some(place) = self.list.get_mut(usize::from(self.len)) else {
            return false;
        };
        *place = version;
        self.len = self.len.saturating_add(1);
        true
    }

    /// The versions.
    #[must_use]
    pub fn as_slice(&self) -> &[Version] {
        self.list.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether the version is in the list.
    #[must_use]
    pub fn contains(&self, version: Version) -> bool {
        self.as_slice().contains(&version)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The same versions with this one before the others, if it is among them.
    #[must_use]
    pub fn preferring(&self, version: Version) -> Self {
        let mut list = Self::empty();
        if self.contains(version) {
            list.push(version);
        }
        for other in self.as_slice() {
            list.push(*other);
        }
        list
    }

    /// The first of these that `accepts` takes.
    #[must_use]
    pub fn first(&self, accepts: impl Fn(Version) -> bool) -> Option<Version> {
        let mut versions = self.as_slice().iter().copied();
        versions.find(|&version| accepts(version))
    }
}

impl core::fmt::Debug for Versions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

impl VersionInformation {
    /// Reads what `sender` said. Versions that we do not know count in the checks, and two of them at most are kept.
    pub(crate) fn parse(value: &[u8], sender: Role) -> Result<Self, PeerError> {
        let mut r = Reader::new(value);
        let chosen = read(&mut r)?;
        let mut available = Versions::empty();
        // One place is for the chosen version, wherever it stands in the list.
        let spare = Versions::MAX
            .saturating_sub(KNOWN)
            .saturating_sub(usize::from(!chosen.is_known()));
        let mut unknown = 0_usize;
        let mut has_chosen = false;
        while !r.is_empty() {
            let version = read(&mut r)?;
            has_chosen |= version == chosen;
            let kept = version.is_known() || version == chosen;
            if !kept {
                unknown = unknown.saturating_add(1);
            }
            if kept || unknown <= spare {
                available.push(version);
            }
        }
        // RFC 9368 §4: what a client has chosen is among what it offers.
        if !has_chosen && matches!(sender, Role::Client) {
            return Err(offence("chosen version not among those available"));
        }
        Ok(Self { chosen, available })
    }

    /// The bytes of its value.
    pub(crate) fn encoded_len(&self) -> usize {
        self.available
            .as_slice()
            .len()
            .saturating_add(1)
            .saturating_mul(4)
    }

    pub(crate) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        w.u32(self.chosen.0)?;
        let mut available = self.available.as_slice().iter();
        available.try_for_each(|version| w.u32(version.0))
    }
}

/// RFC 9368 §4: a list that is cut, and a version of zero, are errors of parsing, and end the connection.
fn read(r: &mut Reader<'_>) -> Result<Version, PeerError> {
    match r.u32() {
        Ok(0) => Err(offence("version_information with a version of zero")),
        Ok(version) => Ok(Version(version)),
        Err(_) => Err(offence("version_information truncated")),
    }
}

const fn offence(reason: &'static str) -> PeerError {
    PeerError::new(Code::TransportParameter, reason)
}

/// How many versions are known.
const KNOWN: usize = 2;

#[cfg(test)]
mod tests;
