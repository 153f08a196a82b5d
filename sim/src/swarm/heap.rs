//! Memory that may be refused. In: what a program can do with its allocator; out: who counts, and whose allocations fail. Only what
//! is shipped runs armed: watching, applications and what stands for TLS get all the memory they want.

use std::fmt;

/// What a program lets a run do with its allocator, for the thread that calls.
#[derive(Clone, Copy)]
pub struct Heap {
    /// Bytes on the heap. Where it is always 0, memory is not checked.
    pub held: fn() -> i64,
    /// From here on so many in 65,536 of the allocations that are armed are refused, by dice from the seed, some of them in a row.
    /// None for 0.
    pub refuse: fn(seed: u64, chance: u32),
    /// Arms allocations, or not; whether they were armed before.
    pub arm: fn(bool) -> bool,
    /// Whether something that is no allocation of the program's is refused as one would be: a key.
    pub refuses: fn() -> bool,
    /// How many were refused since the last call of `refuse`.
    pub refused: fn() -> u64,
}

impl Heap {
    /// Of a program that neither counts nor refuses.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            held: || 0,
            refuse: |_, _| (),
            arm: |_| false,
            refuses: || false,
            refused: || 0,
        }
    }

    /// Runs something that is shipped.
    pub(super) fn armed<T>(&self, call: impl FnOnce() -> T) -> T {
        let before = (self.arm)(true);
        let answer = call();
        (self.arm)(before);
        answer
    }

    /// Runs something that is not, though what is shipped may have called it.
    pub(super) fn aside<T>(&self, call: impl FnOnce() -> T) -> T {
        let before = (self.arm)(false);
        let answer = call();
        (self.arm)(before);
        answer
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Heap")
    }
}
