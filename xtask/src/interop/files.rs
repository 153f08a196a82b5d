//! In: a directory. Out: files to serve, and whether those fetched are equal. Their bytes are the same in every run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::case::STREAMS;

/// What is served, and where it is fetched to.
pub(crate) struct Files {
    home: PathBuf,
}

impl Files {
    /// Makes what is served.
    pub(crate) fn make(home: &Path) -> Result<Self> {
        let files = Self {
            home: home.to_owned(),
        };
        fs::create_dir_all(files.served())?;
        files.add("small", 1024)?;
        files.add("medium", 1 << 20)?;
        files.add("large", 10 << 20)?;
        files.add("empty", 0)?;
        for number in 1..=STREAMS {
            // From a few bytes to some packets.
            files.add(&format!("f{number}"), number * 37)?;
        }
        Ok(files)
    }

    pub(crate) fn served(&self) -> PathBuf {
        self.home.join("www")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.home.clone()
    }

    /// A directory to fetch into, with nothing in it.
    pub(crate) fn empty_directory(&self) -> Result<PathBuf> {
        let get = self.home.join("get");
        if get.exists() {
            fs::remove_dir_all(&get)?;
        }
        fs::create_dir_all(&get)?;
        Ok(get)
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
        Ok(fs::write(path, noise(length))?)
    }
}

/// Removes files that may not be there.
pub(crate) fn forget(paths: &[&Path]) -> Result<()> {
    for path in paths.iter().filter(|path| path.exists()) {
        fs::remove_file(path)?;
    }
    Ok(())
}

fn digest(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("no {}", path.display()))?;
    Ok(Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Bytes without a pattern (xorshift), so that a piece in the wrong place shows.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ length as u64;
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
