//! Files of pre-shared keys: text comes in, keys go out. Whatever was read is wiped, and no error repeats it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::{KeyHash, SharedKey};
use crate::error::ConfigError;
use crate::limits::SHARED_FILE_BYTES;

/// The keys of a file, in its order.
pub(super) fn read(path: &Path) -> Result<Vec<SharedKey>, ConfigError> {
    let mut text = Zeroizing::new(Vec::with_capacity(SHARED_FILE_BYTES));
    let read = File::open(path).and_then(|file| {
        let most = SHARED_FILE_BYTES as u64;
        file.take(most).read_to_end(&mut text)
    });
    read.map_err(|error| ConfigError::File(path.to_owned(), error))?;
    keys(&text).map_err(|error| error.in_file(path))
}

/// The keys of a text.
pub(super) fn keys(text: &[u8]) -> Result<Vec<SharedKey>, ConfigError> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let keys: Result<Vec<_>, _> = lines.filter(|line| !line.is_empty()).map(key).collect();
    match keys {
        Ok(keys) if keys.is_empty() => Err(ConfigError::SharedKey("a line identity:key is needed")),
        keys => keys,
    }
}

/// The key of a line. An identity may have colons; a key has none.
fn key(line: &[u8]) -> Result<SharedKey, ConfigError> {
    let colon = line.iter().rposition(|byte| *byte == b':');
    let (identity, rest) = colon
        .and_then(|at| line.split_at_checked(at))
        .ok_or(ConfigError::SharedKey("a line is identity:key"))?;
    let key = rest.strip_prefix(b":").and_then(bytes);
    let key = key.ok_or(ConfigError::SharedKey("a key is in hexadecimal"))?;
    let identity = match identity.strip_prefix(b"#") {
        None => identity.to_vec(),
        Some(digits) => bytes(digits)
            .ok_or(ConfigError::SharedKey(
                "an identity after # is in hexadecimal",
            ))?
            .to_vec(),
    };
    SharedKey::new(&identity, &key, KeyHash::Sha256)
}

/// The bytes that digits stand for.
fn bytes(digits: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let mut out = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    for pair in digits.chunks_exact(2) {
        let mut digits = pair.iter().map(|digit| char::from(*digit).to_digit(16));
        let (high, low) = (digits.next()??, digits.next()??);
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(out)
}

#[cfg(test)]
mod tests;
