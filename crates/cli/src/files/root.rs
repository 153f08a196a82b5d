//! Comes in: a directory. Goes out: its files and its tree, by name.
//! Must never open anything outside the directory, whatever links lead there.

use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;

use super::limits::{DEPTH_MAX, ENTRIES_MAX};
use super::message::{Entry, Facts, Kind, LeftOut, Modified};
use super::name::{Name, is_partial};
use crate::failure::{Exit, Failure, shown};

/// A directory and what is in it. `Dir` refuses `..` and links that lead out, without a race.
#[derive(Debug)]
pub(crate) struct Root {
    dir: Dir,
    label: String,
}

impl Root {
    /// Opens a directory that is there.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let label = shown(path);
        let dir = Dir::open_ambient_dir(path, ambient_authority())
            .map_err(|e| Failure::reading(&label, &e))?;
        Ok(Self { dir, label })
    }

    /// Opens a directory, making it first where it is missing.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(path).map_err(|e| Failure::writing(&shown(path), &e))?;
        Self::open(path)
    }

    /// The same, for a peer: what it is told names nothing above the directory.
    pub(crate) fn unnamed(self) -> Self {
        Self {
            label: String::new(),
            ..self
        }
    }

    /// The directory itself.
    pub(crate) const fn dir(&self) -> &Dir {
        &self.dir
    }

    /// A name as people here would write it.
    pub(crate) fn label(&self, name: &Name) -> String {
        match (self.label.as_str(), name.is_root()) {
            ("" | ".", _) => name.to_string(),
            (label, true) => label.to_owned(),
            (label, false) => format!("{}/{name}", label.trim_end_matches('/')),
        }
    }

    /// Opens a regular file for reading.
    pub(crate) fn read(&self, name: &Name) -> Result<(std::fs::File, Facts), Failure> {
        let failed = |e: std::io::Error| Failure::reading(&self.label(name), &e);
        // A pipe would make open() wait for its writer; NONBLOCK means nothing to a file.
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let file = self
            .dir
            .open_with(name.as_path(), &options)
            .map_err(failed)?;
        let facts = facts_of(&file.metadata().map_err(failed)?);
        let facts = facts.ok_or_else(|| {
            let cause = format!("{} is not a regular file", self.label(name));
            Failure::new(
                Exit::Local,
                cause,
                "name a file, or a directory for all that is in it",
            )
        })?;
        Ok((file.into_std(), facts))
    }

    /// Makes a directory and those it is in.
    pub(crate) fn make_directory(&self, name: &Name) -> Result<(), Failure> {
        if name.is_root() {
            return Ok(());
        }
        self.dir
            .create_dir_all(name.as_path())
            .map_err(|e| Failure::writing(&self.label(name), &e))
    }

    /// What is at `name`: the file itself, or everything below the directory.
    pub(crate) fn walk(&self, name: &Name) -> Result<Walk, Failure> {
        let dir = self
            .dir
            .try_clone()
            .map_err(|e| Failure::reading(&self.label, &e))?;
        let mut walk = Walk {
            root: Self {
                dir,
                label: self.label.clone(),
            },
            top: name.clone(),
            levels: Vec::new(),
            first: None,
            entries: 0,
            left_out: LeftOut::default(),
        };
        let metadata = self
            .dir
            .metadata(name.as_path())
            .map_err(|e| Failure::reading(&self.label(name), &e))?;
        if metadata.is_dir() {
            let level = walk
                .level(Name::ROOT)
                .map_err(|e| Failure::reading(&self.label(name), &e))?;
            walk.levels.push(level);
        } else {
            let (_, facts) = self.read(name)?;
            walk.first = Some(Entry {
                name: Name::ROOT,
                kind: Kind::File(facts),
            });
        }
        Ok(walk)
    }
}

/// What is below a directory, a directory before what is in it, names in order.
#[derive(Debug)]
pub(crate) struct Walk {
    root: Root,
    top: Name,
    levels: Vec<Level>,
    first: Option<Entry>,
    entries: usize,
    left_out: LeftOut,
}

/// A directory that is being gone through.
#[derive(Debug)]
struct Level {
    name: Name,
    rest: std::vec::IntoIter<String>,
}

impl Walk {
    /// The next thing in the tree.
    pub(crate) fn next_entry(&mut self) -> Result<Option<Entry>, Failure> {
        if let Some(file) = self.first.take() {
            return Ok(Some(file));
        }
        while let Some(level) = self.levels.last_mut() {
            let Some(last) = level.rest.next() else {
                self.levels.pop();
                continue;
            };
            let joined = Name::parse(&last).and_then(|last| level.name.join(&last));
            let Ok(name) = joined else {
                // A backslash, say: lawful here, but the other side would refuse it.
                self.left_out.unreadable += 1;
                continue;
            };
            if let Some(entry) = self.look_at(name) {
                self.entries += 1;
                if self.entries > ENTRIES_MAX {
                    let cause = format!(
                        "{} has more than {ENTRIES_MAX} files in it",
                        self.root.label(&self.top)
                    );
                    return Err(Failure::new(
                        Exit::Local,
                        cause,
                        "transfer its directories one by one",
                    ));
                }
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// What there was that no entry was made for.
    pub(crate) const fn left_out(&self) -> LeftOut {
        self.left_out
    }

    fn look_at(&mut self, name: Name) -> Option<Entry> {
        let full = self.top.join(&name).ok()?;
        let Ok(own) = self.root.dir.symlink_metadata(full.as_path()) else {
            // Gone since the directory was read.
            return None;
        };
        if own.is_dir() {
            match self.level(name.clone()) {
                Ok(level) if self.levels.len() < DEPTH_MAX => self.levels.push(level),
                _ => self.left_out.unreadable += 1,
            }
            return Some(Entry {
                name,
                kind: Kind::Directory,
            });
        }
        // A link to a file inside is sent as that file. Links to directories could turn in circles.
        let metadata = self.root.dir.metadata(full.as_path()).ok();
        let facts = metadata.as_ref().and_then(facts_of);
        if facts.is_none() {
            self.left_out.odd += 1;
        }
        facts.map(|facts| Entry {
            name,
            kind: Kind::File(facts),
        })
    }

    fn level(&mut self, name: Name) -> std::io::Result<Level> {
        let full = self
            .top
            .join(&name)
            .map_err(|_| std::io::ErrorKind::InvalidFilename)?;
        let mut names = Vec::new();
        for entry in self.root.dir.read_dir(full.as_path())? {
            match entry?.file_name().into_string() {
                Ok(name) if is_partial(&name) => self.left_out.odd += 1,
                Ok(name) => names.push(name),
                Err(_) => self.left_out.unreadable += 1,
            }
            if names.len() > ENTRIES_MAX {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
        }
        names.sort_unstable();
        Ok(Level {
            name,
            rest: names.into_iter(),
        })
    }
}

/// The facts of a regular file; nothing for everything else.
pub(crate) fn facts_of(metadata: &Metadata) -> Option<Facts> {
    metadata.is_file().then(|| Facts {
        size: metadata.len(),
        modified: Modified {
            seconds: metadata.mtime(),
            nanos: u32::try_from(metadata.mtime_nsec()).unwrap_or(0),
        },
        executable: metadata.mode() & 0o100 != 0,
    })
}
