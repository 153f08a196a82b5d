//! In: paths that a peer named. Out: the bytes of files below one directory. Never leaves that directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A directory that is served, or that files are fetched into.
#[derive(Clone, Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// Names the directory; it is looked at when a file is.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Reads the file that a request names.
    ///
    /// # Errors
    ///
    /// A path with anything but plain names in it, and what the file system says.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(plain(path)?))
    }

    /// Writes what was fetched for `path`, under its last name.
    ///
    /// # Errors
    ///
    /// A path without a plain last name, and what the file system says.
    pub fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        fs::write(self.0.join(plain(name_of(path))?), bytes)
    }
}

/// The last name in a path.
#[must_use]
pub fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn plain(path: &str) -> io::Result<&str> {
    let path = path.trim_start_matches('/');
    let odd = |name: &str| name.is_empty() || name == "." || name == ".." || name.contains('\\');
    if path.split('/').any(odd) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("refused path {path:?}"),
        ));
    }
    Ok(path)
}
