//! Comes in: a path as a peer or a user wrote it. Goes out: a path that stays below its root when joined to it.
//! Must never let through what could name anything outside: absolute paths, `..`, prefixes, NUL, backslashes.

use std::fmt;

use super::limits::{COMPONENT_MAX, DEPTH_MAX, NAME_MAX};
use crate::failure::one_line;

/// A path below some root; empty for the root itself. Components are parted by `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(String);

/// Why a path is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadName {
    /// It begins with `/`.
    Absolute,
    /// A component is `..`.
    Parent,
    /// A component is `.` or empty.
    NotPlain,
    /// It begins with a drive letter, or has a backslash in it.
    Windows,
    /// It has a NUL in it.
    Nul,
    /// It, or a component of it, is longer than any file system takes.
    TooLong,
    /// It is deeper than a tree may be.
    TooDeep,
    /// It is the name of an unfinished transfer.
    Partial,
    /// It is not UTF-8.
    NotUtf8,
}

impl Name {
    /// The root itself.
    pub(crate) const ROOT: Self = Self(String::new());

    /// Takes a path that came over the wire: nothing is made good, everything odd is refused.
    pub(crate) fn parse(raw: &str) -> Result<Self, BadName> {
        if raw.is_empty() {
            return Ok(Self::ROOT);
        }
        if raw.len() > NAME_MAX {
            return Err(BadName::TooLong);
        }
        if raw.starts_with('/') {
            return Err(BadName::Absolute);
        }
        if has_drive(raw) {
            return Err(BadName::Windows);
        }
        let mut depth = 0;
        for component in raw.split('/') {
            check_component(component)?;
            depth += 1;
            if depth > DEPTH_MAX {
                return Err(BadName::TooDeep);
            }
        }
        Ok(Self(raw.to_owned()))
    }

    /// Takes a path that a user typed: slashes too many and `.` are overlooked, what leads outside is not.
    pub(crate) fn from_user(raw: &str) -> Result<Self, BadName> {
        let plain: Vec<&str> = raw
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        Self::parse(&plain.join("/"))
    }

    /// The path of `child`, seen from here.
    pub(crate) fn join(&self, child: &Self) -> Result<Self, BadName> {
        match (self.is_root(), child.is_root()) {
            (true, _) => Ok(child.clone()),
            (_, true) => Ok(self.clone()),
            (false, false) => Self::parse(&format!("{}/{}", self.0, child.0)),
        }
    }

    /// Whether this is the root itself.
    pub(crate) const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The path as it goes over the wire; empty for the root.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The path for the file system; `.` for the root.
    pub(crate) fn as_path(&self) -> &str {
        if self.is_root() { "." } else { &self.0 }
    }

    /// The directory it is in, and its last component. Nothing for the root.
    pub(crate) fn split(&self) -> Option<(Self, &str)> {
        match self.0.rsplit_once('/') {
            Some((parent, last)) => Some((Self(parent.to_owned()), last)),
            None if self.is_root() => None,
            None => Some((Self::ROOT, &self.0)),
        }
    }
}

/// The name under which an unfinished transfer of `last` is kept, in the same directory.
pub(crate) fn partial_of(last: &str) -> String {
    let whole = format!(".{last}{PARTIAL_SUFFIX}");
    if whole.len() <= COMPONENT_MAX {
        return whole;
    }
    // The name leaves no room for the suffix; its hash stands for it.
    let digest = super::digest::Digest::of(last.as_bytes());
    format!(".{digest}{PARTIAL_SUFFIX}")
}

/// Whether `component` is such a name.
pub(crate) fn is_partial(component: &str) -> bool {
    component.starts_with('.') && component.ends_with(PARTIAL_SUFFIX)
}

fn check_component(component: &str) -> Result<(), BadName> {
    match component {
        "" | "." => Err(BadName::NotPlain),
        ".." => Err(BadName::Parent),
        _ if component.contains('\0') => Err(BadName::Nul),
        _ if component.contains('\\') => Err(BadName::Windows),
        _ if component.len() > COMPONENT_MAX => Err(BadName::TooLong),
        _ if is_partial(component) => Err(BadName::Partial),
        _ => Ok(()),
    }
}

/// `C:` and the like, which on Windows leads out of any directory it is joined to.
fn has_drive(raw: &str) -> bool {
    let mut bytes = raw.bytes();
    matches!((bytes.next(), bytes.next()), (Some(letter), Some(b':')) if letter.is_ascii_alphabetic())
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            f.write_str("/")
        } else {
            f.write_str(&one_line(&self.0))
        }
    }
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absolute => "an absolute path",
            Self::Parent => "'..' in the path",
            Self::NotPlain => "an empty or '.' component in the path",
            Self::Windows => "a drive letter or backslash in the path",
            Self::Nul => "a NUL in the path",
            Self::TooLong => "a path longer than 4096, or a component longer than 255 bytes",
            Self::TooDeep => "a path deeper than 64 directories",
            Self::Partial => "the name of an unfinished transfer",
            Self::NotUtf8 => "a path that is not UTF-8",
        })
    }
}

const PARTIAL_SUFFIX: &str = ".inquic-part";

#[cfg(test)]
mod tests;
