//! Address validation tokens of the server, for a client's later connections: NEW_TOKEN frames in, each token once out. It must
//! never hold more than [`limits::TOKENS`] of them, whatever the server sends.

use alloc::vec::Vec;

use inquic_platform::memory;

use crate::limits;

/// What a client keeps of its server's NEW_TOKEN frames.
#[derive(Default)]
pub(super) struct Tokens {
    /// Those that nobody has taken, newest last.
    kept: Vec<Vec<u8>>,
    /// What the last ones sum up to, taken or not.
    seen: [u64; limits::TOKENS],
}

impl Tokens {
    /// Keeps a token, if it is of a size to keep and was not here before; whether it is kept.
    pub(super) fn keep(&mut self, token: &[u8]) -> bool {
        let sum = sum(token);
        //= RFC 9000 §19.7: Clients are responsible for discarding duplicate values, which might be used to link connection
        //= attempts; see Section 8.1.3.
        if token.len() > limits::TOKEN_BYTES || self.seen.contains(&sum) {
            return false;
        }
        if self.kept.len() >= limits::TOKENS {
            memory::taken(&mut self.kept, 0);
        }
        let copy = memory::copied(token);
        let kept = copy.is_some_and(|token| memory::pushed(&mut self.kept, token));
        if kept {
            let [newest, _] = self.seen;
            self.seen = [sum, newest];
        }
        kept
    }

    /// Gives the newest away.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        self.kept.pop()
    }
}

/// A token in one word (FNV-1a). A server that makes two tokens of one sum loses the second, which it wanted to be used.
fn sum(token: &[u8]) -> u64 {
    token.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
