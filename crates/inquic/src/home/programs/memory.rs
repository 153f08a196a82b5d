//! The memory of a program: its addresses in, bytes out and in. A bad address is EFAULT, and nothing else happens.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use inquic_calls::Wish;
use inquic_socket::Errno;

pub(super) use super::sys::Piece;
use super::sys::{read_memory, write_memory};

/// How a program's memory is reached.
pub(super) enum Memory {
    /// The kernel lets us, since the process is a descendant of ours.
    Process(i32),
    /// The program gave us a descriptor of it: where the kernel does not let us.
    File(File),
}

impl Memory {
    /// Reaches the memory of `process`. Fails with what the library is answered: EPERM where it cannot be reached without `given`.
    pub(super) fn open(process: i32, sample: &Wish, given: Option<OwnedFd>) -> Result<Self, i32> {
        let Wish::Page { address, sample } = *sample else {
            return Err(libc::EINVAL);
        };
        let memory = match given {
            Some(given) => Self::File(given.into()),
            None => Self::Process(process),
        };
        match memory.read_value::<8>(address) {
            Ok(value) if u64::from_ne_bytes(value) == sample => Ok(memory),
            _ => Err(libc::EPERM),
        }
    }

    /// Reads from `pieces`, as much as `out` holds.
    pub(super) fn read(&self, pieces: &[Piece], out: &mut [u8]) -> Result<(), Errno> {
        if out.is_empty() {
            return Ok(());
        }
        let read = match self {
            Self::Process(process) => read_memory(*process, pieces, out),
            Self::File(file) => each(pieces, out.len(), |piece, from| {
                file.read_exact_at(&mut out[from..from + piece.len], piece.address)
            }),
        };
        if read.ok() == Some(out.len()) {
            Ok(())
        } else {
            Err(Errno::EFAULT)
        }
    }

    /// Writes `bytes` to `pieces`.
    pub(super) fn write(&self, pieces: &[Piece], bytes: &[u8]) -> Result<(), Errno> {
        if bytes.is_empty() {
            return Ok(());
        }
        let written = match self {
            Self::Process(process) => write_memory(*process, pieces, bytes),
            Self::File(file) => each(pieces, bytes.len(), |piece, from| {
                file.write_all_at(&bytes[from..from + piece.len], piece.address)
            }),
        };
        if written.ok() == Some(bytes.len()) {
            Ok(())
        } else {
            Err(Errno::EFAULT)
        }
    }

    /// Reads `len` bytes, which the caller has bounded.
    pub(super) fn read_bytes(&self, address: u64, len: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; len];
        self.read(&[Piece { address, len }], &mut bytes)?;
        Ok(bytes)
    }

    /// Reads a value of `N` bytes.
    pub(super) fn read_value<const N: usize>(&self, address: u64) -> Result<[u8; N], Errno> {
        let mut value = [0; N];
        self.read(&[Piece { address, len: N }], &mut value)?;
        Ok(value)
    }

    /// Writes bytes in one place.
    pub(super) fn write_bytes(&self, address: u64, bytes: &[u8]) -> Result<(), Errno> {
        let len = bytes.len();
        self.write(&[Piece { address, len }], bytes)
    }
}

/// Goes through as much of `pieces` as `len` bytes are, with each piece's place in them; how many bytes went well.
fn each(
    pieces: &[Piece],
    len: usize,
    mut one: impl FnMut(Piece, usize) -> io::Result<()>,
) -> io::Result<usize> {
    let mut done = 0;
    for piece in pieces {
        let piece = Piece {
            len: piece.len.min(len - done),
            ..*piece
        };
        one(piece, done)?;
        done += piece.len;
    }
    Ok(done)
}

#[cfg(test)]
mod tests;
