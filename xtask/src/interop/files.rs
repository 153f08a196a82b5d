//! In: a directory. Out: files to serve, and whether those fetched are equal. Their bytes are the same in every run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::case::{CONNECTIONS, SMALL_FILES, TINY_FILES};

/// What is served, and where it is fetched to.
pub(crate) struct Files {
    home: PathBuf,
}

/// The directory of one cell; it goes when this is dropped.
pub(crate) struct Cell {
    /// For what programs keep between two runs.
    pub(crate) home: PathBuf,
    /// For what they fetch.
    pub(crate) get: PathBuf,
}

impl Drop for Cell {
    fn drop(&mut self) {
        // What stays is removed by the next run.
        let _ = fs::remove_dir_all(&self.home);
    }
}

impl Files {
    /// Makes what is served.
    pub(crate) fn make(home: &Path) -> Result<Self> {
        let files = Self {
            home: home.to_owned(),
        };
        fs::create_dir_all(files.served())?;
        for (name, length) in [
            ("empty", 0),
            ("1k", 1 << 10),
            ("5k", 5 << 10),
            ("10k", 10 << 10),
            ("100k", 100 << 10),
            ("512k", 512 << 10),
            ("1m", 1 << 20),
            ("2m", 2 << 20),
            ("3m", 3 << 20),
            ("5m", 5 << 20),
            ("10m", 10 << 20),
        ] {
            files.add(name, length)?;
        }
        for number in 1..=SMALL_FILES {
            // From a few bytes to some packets.
            files.add(&format!("f{number}"), number * 37)?;
        }
        for number in 1..=TINY_FILES {
            files.add(&format!("t{number}"), 32)?;
        }
        for number in 1..=CONNECTIONS {
            files.add(&format!("c{number}"), 1 << 10)?;
        }
        Ok(files)
    }

    pub(crate) fn served(&self) -> PathBuf {
        self.home.join("www")
    }

    /// A directory of this name for one cell, with nothing in it but one to fetch into.
    pub(crate) fn cell(&self, name: &str) -> Result<Cell> {
        let home = self.home.join("cells").join(name);
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        let get = home.join("get");
        fs::create_dir_all(&get)?;
        Ok(Cell { home, get })
    }

    /// Keeps what a link saw of a cell that failed.
    pub(crate) fn keep(&self, name: &str, record: &str) -> Result<PathBuf> {
        let home = self.home.join("failed");
        fs::create_dir_all(&home)?;
        let path = home.join(name);
        fs::write(&path, record)?;
        Ok(path)
    }

    /// Checks that each of the paths was fetched, whole.
    pub(crate) fn compare(&self, get: &Path, paths: &[String]) -> Result<()> {
        for path in paths {
            let name = path.trim_start_matches('/');
            let (sent, got) = (digest(&self.served().join(name))?, digest(&get.join(name))?);
            ensure!(
                sent == got,
                "{path} differs: SHA-256 {got} instead of {sent}"
            );
        }
        Ok(())
    }

    fn add(&self, name: &str, length: usize) -> Result<()> {
        let path = self.served().join(name);
        if fs::metadata(&path).is_ok_and(|file| file.len() == length as u64) {
            return Ok(());
        }
        Ok(fs::write(path, noise(name, length))?)
    }
}

fn digest(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("no {}", path.display()))?;
    Ok(Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Bytes without a pattern (xorshift), so that a piece in the wrong place, or of another file, shows.
fn noise(name: &str, length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ length as u64;
    for byte in name.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
