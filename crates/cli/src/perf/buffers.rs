//! Comes in: requests that need a buffer for a while. Goes out: buffers that were used before.

use std::sync::Mutex;

/// Buffers that wait for their next use.
#[derive(Debug, Default)]
pub(crate) struct Buffers(Mutex<Vec<Box<[u8]>>>);

impl Buffers {
    /// A buffer of `LENGTH` bytes, of any content.
    pub(crate) fn take(&self) -> Box<[u8]> {
        let spare = self.0.lock().map_or(None, |mut spare| spare.pop());
        spare.unwrap_or_else(|| vec![0; LENGTH].into_boxed_slice())
    }

    /// Keeps a buffer for the next one, if there are not too many.
    pub(crate) fn put(&self, buffer: Box<[u8]>) {
        if let Ok(mut spare) = self.0.lock()
            && spare.len() < KEPT_MAX
        {
            spare.push(buffer);
        }
    }
}

/// One read or write; as large as the largest batch of packets.
const LENGTH: usize = 64 * 1024;
/// As many as there are streams at once on a connection, a few times over: 512 × 64 KiB = 32 MiB.
const KEPT_MAX: usize = 512;
