//! Comes in: directories. Goes out: whether they have the same files in them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::Content;
use crate::failure::{Exit, Failure};
use crate::files::{Digest, Hasher, Name, Root};

/// Every file of a tree, with its digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digests(BTreeMap<String, Digest>);

impl Digests {
    /// Reads every file below a directory.
    pub(crate) fn of(directory: &Path) -> Result<Self, Failure> {
        let root = Root::open(directory)?;
        let mut walk = root.walk(&Name::ROOT)?;
        let mut digests = Self::default();
        while let Some(entry) = walk.next_entry()? {
            if entry.is_file() {
                let (file, _) = root.read(&entry.name)?;
                let digest =
                    digest(file).map_err(|e| Failure::reading(&root.label(&entry.name), &e))?;
                digests.add(entry.name.as_str().to_owned(), digest);
            }
        }
        Ok(digests)
    }

    /// Adds one file.
    pub(crate) fn add(&mut self, name: String, digest: Digest) {
        self.0.insert(name, digest);
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `other`, found at `place`, is the same: else the first file that tells them apart.
    pub(crate) fn compare(&self, place: &str, other: &Self) -> Result<(), Failure> {
        let differs = |(name, digest): &Content, what: &str| {
            let cause = format!("{name} {what} in {place} (SHA-256 {digest})");
            Err(Failure::new(
                Exit::Changed,
                cause,
                "this is a defect of inquic: report it",
            ))
        };
        let only_in = |a: &Self, b: &Self| {
            let first =
                a.0.iter()
                    .find(|(name, digest)| b.0.get(*name) != Some(*digest));
            first.map(|(name, digest)| (name.clone(), *digest))
        };
        match (only_in(self, other), only_in(other, self)) {
            (Some(content), _) if other.0.contains_key(&content.0) => {
                differs(&content, "has other content")
            }
            (Some(content), _) => differs(&content, "is missing"),
            (None, Some(content)) => differs(&content, "should not be"),
            (None, None) => Ok(()),
        }
    }
}

fn digest(mut file: File) -> std::io::Result<Digest> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.digest()),
            bytes => hasher.update(buffer.get(..bytes).unwrap_or_default()),
        }
    }
}
