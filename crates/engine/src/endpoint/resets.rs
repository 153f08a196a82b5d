//! Stateless reset tokens that peers gave us: tokens and whose they are in, the connection that a datagram may end out. It never
//! compares a token with anything, so that the time which a look-up takes tells nobody how much of one was right.

use inquic_platform::{CipherSuite, NoMemory, Platform, Table};

use super::Handle;
use crate::limits;

/// What stands for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark([u8; 16]);

/// Those of all connections.
pub(super) struct Resets {
    key: [u8; 32],
    marks: Table<Mark, Handle>,
}

impl Resets {
    /// None yet; nobody else may know the key.
    pub(super) const fn new(key: [u8; 32]) -> Self {
        Self {
            key,
            marks: Table::new(),
        }
    }

    /// The connection whose peer may have sent `datagram` as a stateless reset. Whether it is one is for the connection to say.
    pub(super) fn find(&self, platform: &dyn Platform, datagram: &[u8]) -> Option<Handle> {
        if self.marks.is_empty() || datagram.len() < limits::RESET_MIN {
            return None;
        }
        //= RFC 9000 §10.3: However, endpoints MUST treat any packet ending in a valid stateless reset token as a Stateless
        //= Reset, as other QUIC versions might allow the use of a long header.
        let token = datagram.last_chunk()?;
        self.marks.get(&self.mark(platform, token)).copied()
    }

    /// A reset with `token` is a connection's; under what it is taken out again.
    pub(super) fn insert(
        &mut self,
        platform: &dyn Platform,
        token: &[u8; 16],
        handle: Handle,
    ) -> Result<Mark, NoMemory> {
        let mark = self.mark(platform, token);
        self.marks.insert(mark, handle)?;
        Ok(mark)
    }

    /// It is nobody's any more.
    pub(super) fn remove(&mut self, mark: &Mark) {
        self.marks.remove(mark);
    }

    //= RFC 9000 §10.3.1: Another approach would be to store and compare the transformed values of stateless reset tokens instead of
    //= the raw token values
    fn mark(&self, platform: &dyn Platform, token: &[u8; 16]) -> Mark {
        let mut hash = [0; 48];
        let suite = CipherSuite::Aes128GcmSha256;
        platform.hmac(suite, &self.key, &[token], &mut hash);
        Mark(hash.first_chunk().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
