//! Comes in: a file to be sent. Goes out: its bytes, and at the end its digest.
//! Must never give a digest for a file that changed while it was read.

use std::fs::File;
use std::io::{ErrorKind, Read as _};

use super::channel::HEAD;
use super::digest::{Digest, Hasher};
use super::limits::{DATA_MAX, FILE_MAX};
use super::message::{Facts, Prefix};
use super::name::Name;
use super::root::{Root, facts_of};
use crate::failure::{Exit, Failure};

/// An open file that is read once, front to back. Its calls block.
#[derive(Debug)]
pub(crate) struct Source {
    file: File,
    facts: Facts,
    label: String,
    position: u64,
    hasher: Hasher,
}

impl Source {
    /// Opens the file of this name.
    pub(crate) fn open(root: &Root, name: &Name) -> Result<Self, Failure> {
        let label = root.label(name);
        let (file, facts) = root.read(name)?;
        if facts.size > FILE_MAX {
            let cause = format!("{label} is larger than 16 TiB");
            return Err(Failure::new(Exit::Local, cause, "split it"));
        }
        Ok(Self {
            file,
            facts,
            label,
            position: 0,
            hasher: Hasher::default(),
        })
    }

    /// The whole file of this name, if there is one of the same size and time, and it is not empty.
    pub(crate) fn whole(root: &Root, name: &Name, facts: &Facts) -> Option<Prefix> {
        let mut source = Self::open(root, name).ok()?;
        if source.facts.size != facts.size
            || source.facts.modified != facts.modified
            || facts.size == 0
        {
            return None;
        }
        let mut buffer = Vec::new();
        while source.next_frame(&mut buffer).ok()? > 0 {}
        Some(Prefix {
            length: source.position,
            digest: source.finish().ok()?,
        })
    }

    /// Size, time and mode when it was opened.
    pub(crate) const fn facts(&self) -> Facts {
        self.facts
    }

    /// Reads past what the peer has, if that is how this file begins. Else the peer must begin anew, and so does this.
    pub(crate) fn skip(&mut self, have: &Prefix, buffer: &mut Vec<u8>) -> Result<u64, Failure> {
        if have.length == 0 || have.length > self.facts.size {
            return Ok(0);
        }
        while self.position < have.length {
            let most = have.length.saturating_sub(self.position);
            if self.read(most, buffer)? == 0 {
                return Err(self.changed());
            }
        }
        if self.hasher.digest() == have.digest {
            return Ok(self.position);
        }
        std::io::Seek::rewind(&mut self.file).map_err(|e| Failure::reading(&self.label, &e))?;
        self.position = 0;
        self.hasher = Hasher::default();
        Ok(0)
    }

    /// Reads the next bytes into `frame`, behind room for the head of a message. No bytes means the end.
    pub(crate) fn next_frame(&mut self, frame: &mut Vec<u8>) -> Result<usize, Failure> {
        let left = self.facts.size.saturating_sub(self.position);
        if left == 0 {
            frame.truncate(HEAD);
            return Ok(0);
        }
        match self.read(left, frame)? {
            0 => Err(self.changed()),
            bytes => Ok(bytes),
        }
    }

    /// The digest of the whole file, if it is still the file that was opened.
    pub(crate) fn finish(&self) -> Result<Digest, Failure> {
        let metadata = self
            .file
            .metadata()
            .map_err(|e| Failure::reading(&self.label, &e))?;
        let now = facts_of(&cap_std::fs::Metadata::from_just_metadata(metadata));
        let same = now
            .is_some_and(|now| now.size == self.facts.size && now.modified == self.facts.modified);
        if same {
            Ok(self.hasher.digest())
        } else {
            Err(self.changed())
        }
    }

    fn read(&mut self, most: u64, frame: &mut Vec<u8>) -> Result<usize, Failure> {
        let want = usize::try_from(most).map_or(DATA_MAX, |most| most.min(DATA_MAX));
        frame.resize(HEAD + want, 0);
        let room = frame.get_mut(HEAD..).unwrap_or_default();
        let bytes = loop {
            match self.file.read(room) {
                Ok(bytes) => break bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::reading(&self.label, &error)),
            }
        };
        self.hasher.update(room.get(..bytes).unwrap_or_default());
        self.position = self.position.saturating_add(bytes as u64);
        frame.truncate(HEAD + bytes);
        Ok(bytes)
    }

    fn changed(&self) -> Failure {
        let cause = format!("{} changed while it was read", self.label);
        Failure::new(
            Exit::Changed,
            cause,
            "transfer it again when nobody writes to it",
        )
    }
}

#[cfg(test)]
mod tests;
