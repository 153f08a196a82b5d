//! Comes in: the bytes of a file, in order. Goes out: the file, under its name only when it is whole, right and on the disk.
//! Must never leave anything but a whole file under the final name, nor let two transfers write one partial file.

use std::fs::{File, FileTimes, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;

use super::digest::{Digest, Hasher};
use super::limits::{DATA_MAX, LOCK_TRIES, LOCK_WAIT};
use super::message::{Facts, Modified, Prefix};
use super::name::{Name, partial_of};
use super::root::Root;
use crate::failure::{Exit, Failure};

/// A file on its way in. Dropped before `commit`, it stays for `--resume` where it has anything worth it. Its calls block.
#[derive(Debug)]
pub(crate) struct Partial {
    directory: Dir,
    temporary: String,
    last: String,
    label: String,
    file: File,
    written: u64,
    hasher: Hasher,
    end: End,
}

/// What becomes of the partial file when it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It stays, unless it is empty.
    Keep,
    /// It goes: nothing can be made of it.
    Discard,
    /// It is no longer there: it has its final name.
    Committed,
}

impl Partial {
    /// Opens the partial file of `name`, making it and the directories it is in where they are missing.
    /// What an earlier transfer left in it is still there.
    pub(crate) fn open(root: &Root, name: &Name, executable: bool) -> Result<Self, Failure> {
        let label = root.label(name);
        let Some((parent, last)) = name.split() else {
            return Err(Failure::new(
                Exit::Usage,
                "a file needs a name",
                "add one to the path",
            ));
        };
        root.make_directory(&parent)?;
        let open = root.dir().open_dir(parent.as_path());
        let directory = open.map_err(|e| Failure::writing(&root.label(&parent), &e))?;
        let temporary = partial_of(last);
        let file = lock(&directory, &temporary, executable, &label)?;
        let last = last.to_owned();
        Ok(Self {
            directory,
            temporary,
            last,
            label,
            file,
            written: 0,
            hasher: Hasher::default(),
            end: End::Keep,
        })
    }

    /// Empties it.
    pub(crate) fn restart(&mut self) -> Result<(), Failure> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(|e| Failure::writing(&self.label, &e))?;
        self.written = 0;
        self.hasher = Hasher::default();
        Ok(())
    }

    /// What is in it already, but no more than `most`.
    pub(crate) fn resume(&mut self, most: u64) -> Result<Prefix, Failure> {
        let failed = |e: std::io::Error| Failure::reading(&self.label, &e);
        let mut buffer = vec![0; DATA_MAX];
        self.file.rewind().map_err(failed)?;
        loop {
            let bytes = self.file.read(&mut buffer).map_err(failed)?;
            if bytes == 0 {
                break;
            }
            self.hasher.update(buffer.get(..bytes).unwrap_or_default());
            self.written = self.written.saturating_add(bytes as u64);
        }
        if self.written > most {
            self.restart()?;
        }
        self.file
            .seek(SeekFrom::Start(self.written))
            .map_err(|e| Failure::reading(&self.label, &e))?;
        Ok(Prefix {
            length: self.written,
            digest: self.hasher.digest(),
        })
    }

    /// Bytes in it.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    /// Takes the next bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file
            .write_all(bytes)
            .map_err(|e| Failure::writing(&self.label, &e))?;
        self.hasher.update(bytes);
        self.written = self.written.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Gives it its final name, if it is what was sent. The data is on the disk before the name is.
    pub(crate) fn commit(mut self, facts: &Facts, digest: &Digest) -> Result<(), Failure> {
        if self.written != facts.size || self.hasher.digest() != *digest {
            self.end = End::Discard;
            let cause = format!(
                "{} arrived with another SHA-256 than it was sent with",
                self.label
            );
            return Err(Failure::new(
                Exit::Changed,
                cause,
                "transfer it again; nothing was kept of it",
            ));
        }
        // A time that this file system cannot hold is no reason to lose the file.
        drop(
            time_of(facts.modified)
                .map(|at| self.file.set_times(FileTimes::new().set_modified(at))),
        );
        let synced = self.file.sync_all();
        let renamed = synced.and_then(|()| {
            self.directory
                .rename(&self.temporary, &self.directory, &self.last)
        });
        renamed.map_err(|e| Failure::writing(&self.label, &e))?;
        self.end = End::Committed;
        Ok(())
    }

    /// Nothing can be made of it: the sender said that the file changed.
    pub(crate) const fn discard(&mut self) {
        self.end = End::Discard;
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let useless = match self.end {
            End::Keep => self
                .file
                .metadata()
                .is_ok_and(|metadata| metadata.len() == 0),
            End::Discard => true,
            End::Committed => false,
        };
        if useless {
            // Still locked, so it is nobody else's. One that cannot be removed is overwritten by the next transfer.
            drop(self.directory.remove_file(&self.temporary));
        }
    }
}

/// Opens and locks the partial file. The one before may rename or remove it between our open and our lock:
/// then what was locked is no longer what the name means, and writing to it would change a finished file.
fn lock(directory: &Dir, temporary: &str, executable: bool, label: &str) -> Result<File, Failure> {
    let failed = |e: std::io::Error| Failure::writing(label, &e);
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .custom_flags(flags.bits().cast_signed());
    options.mode(if executable { 0o777 } else { 0o666 });
    for _ in 0..LOCK_TRIES {
        let file = directory.open_with(temporary, &options).map_err(failed)?;
        let opened = file.metadata().map_err(failed)?;
        let file = file.into_std();
        match file.try_lock() {
            Ok(()) => {}
            // The one before may have been told to stop and not have noticed yet.
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(LOCK_WAIT);
                continue;
            }
            // Some network file systems know no locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let named = directory.symlink_metadata(temporary);
        if named.is_ok_and(|named| (named.dev(), named.ino()) == (opened.dev(), opened.ino())) {
            return Ok(file);
        }
    }
    let cause = format!("another transfer is writing {label}");
    Err(Failure::new(Exit::Local, cause, "wait until it is done"))
}

fn time_of(modified: Modified) -> Option<SystemTime> {
    let whole = Duration::from_secs(modified.seconds.unsigned_abs());
    let nanos = Duration::from_nanos(u64::from(modified.nanos));
    let second = if modified.seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    second?.checked_add(nanos)
}

#[cfg(test)]
mod tests;
