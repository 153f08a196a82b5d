//! An ordered table. In: keys with their values; out: values by key, or word that there was no memory for another. No choice of
//! keys makes it slow, and nothing in it moves more than a page of entries, or a list of pages, at once.

use alloc::vec::Vec;

use crate::memory::{self, NoMemory};

/// Values by key, in the order of the keys: a list of blocks that each hold a page of them.
///
/// Unlike the tree of the standard library it survives when memory is refused, and asks for little at a time: nothing ever
/// doubles but a block below its full size. Looking up compares a logarithm of keys. Putting in and taking out moves half a
/// block on average, and at a split or a merge half of the list of blocks.
#[derive(Debug)]
pub struct Table<K, V> {
    /// In ascending order, none of them empty.
    blocks: Vec<Block<K, V>>,
    len: usize,
}

#[derive(Debug)]
struct Block<K, V> {
    /// Not above any key of this block, and above all of the block before.
    first: K,
    entries: Vec<(K, V)>,
}

impl<K: Ord + Copy, V> Table<K, V> {
    /// Entries of a full block.
    const FULL: usize = {
        let entries = BLOCK_BYTES / size_of::<(K, V)>();
        if entries < BLOCK_MIN {
            BLOCK_MIN
        } else {
            entries
        }
    };

    /// An empty table, which has no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            blocks: Vec::new(),
            len: 0,
        }
    }

    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of `key`.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        let entries = &self.blocks.get(self.block_of(key)?)?.entries;
        let at = place(entries, key).ok()?;
        entries.get(at).map(|(_, value)| value)
    }

    /// The value of `key`, to be changed.
    #[inline]
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let block = self.block_of(key)?;
        let entries = &mut self.blocks.get_mut(block)?.entries;
        let at = place(entries, key).ok()?;
        entries.get_mut(at).map(|(_, value)| value)
    }

    /// Whether there is a value of `key`.
    #[inline]
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Gives `key` this value and returns the one that it had.
    ///
    /// # Errors
    ///
    /// There is no memory for another entry.
    pub fn insert(&mut self, key: K, value: V) -> Result<Option<V>, NoMemory> {
        let Some(block) = self.block_of(&key) else {
            // Below every block, or there is none.
            self.insert_first(key, value)?;
            self.len = self.len.saturating_add(1);
            return Ok(None);
        };
        let Some(found) = self.blocks.get_mut(block) else {
            return Err(NoMemory);
        };
        let at = match place(&found.entries, &key) {
            Ok(at) => {
                let known = found.entries.get_mut(at);
                return Ok(known.map(|(_, known)| core::mem::replace(known, value)));
            }
            Err(at) => at,
        };
        if found.entries.len() < Self::FULL {
            found.insert(at, key, value, Self::FULL)?;
        } else if at == Self::FULL {
            // Keys that only grow fill their blocks: a split would leave each of them half empty.
            self.insert_block(block.saturating_add(1), key, value)?;
        } else {
            self.split(block)?;
            let after = self.blocks.get(block.saturating_add(1));
            let is_after = after.is_some_and(|after| after.first <= key);
            let block = block.saturating_add(usize::from(is_after));
            let found = self.blocks.get_mut(block).ok_or(NoMemory)?;
            let at = place(&found.entries, &key).unwrap_or_else(|at| at);
            found.insert(at, key, value, Self::FULL)?;
        }
        self.len = self.len.saturating_add(1);
        Ok(None)
    }

    /// Takes out the value of `key`.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let block = self.block_of(key)?;
        let entries = &mut self.blocks.get_mut(block)?.entries;
        let at = place(entries, key).ok()?;
        let (_, value) = memory::taken(entries, at)?;
        self.len = self.len.saturating_sub(1);
        if entries.is_empty() {
            memory::taken(&mut self.blocks, block);
            if self.blocks.is_empty() {
                self.blocks = Vec::new();
            }
        } else if entries.len() <= Self::FULL / 4 {
            self.merge(block);
        }
        Some(value)
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let entries = self.blocks.iter().flat_map(|block| &block.entries);
        entries.map(|(key, value)| (key, value))
    }

    /// Bytes of memory that the table holds, without what the values hold.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        let blocks = self.blocks.iter().map(|block| block.entries.capacity());
        let places = blocks.fold(0, usize::saturating_add);
        places.saturating_mul(size_of::<(K, V)>()).saturating_add(
            self.blocks
                .capacity()
                .saturating_mul(size_of::<Block<K, V>>()),
        )
    }

    /// The block that `key` is in, if it is in any.
    #[inline]
    fn block_of(&self, key: &K) -> Option<usize> {
        match &*self.blocks {
            [] => None,
            // So small are most tables.
            [only] => (only.first <= *key).then_some(0),
            all => all
                .partition_point(|block| block.first <= *key)
                .checked_sub(1),
        }
    }

    /// Puts in a key that is below all others.
    fn insert_first(&mut self, key: K, value: V) -> Result<(), NoMemory> {
        match self.blocks.first_mut() {
            Some(block) if block.entries.len() < Self::FULL => {
                block.insert(0, key, value, Self::FULL)?;
                block.first = key;
                Ok(())
            }
            _ => self.insert_block(0, key, value),
        }
    }

    /// Puts in a block with one entry.
    fn insert_block(&mut self, at: usize, key: K, value: V) -> Result<(), NoMemory> {
        let mut entries = Vec::new();
        if !memory::pushed(&mut entries, (key, value)) {
            return Err(NoMemory);
        }
        let block = Block {
            first: key,
            entries,
        };
        if !memory::inserted(&mut self.blocks, at, block) {
            return Err(NoMemory);
        }
        Ok(())
    }

    /// Moves the upper half of a block to a new one behind it.
    fn split(&mut self, block: usize) -> Result<(), NoMemory> {
        let mut upper = Vec::new();
        let room = self.blocks.len() < self.blocks.capacity() || self.blocks.try_reserve(1).is_ok();
        if !room || upper.try_reserve_exact(Self::FULL).is_err() {
            return Err(NoMemory);
        }
        let found = self.blocks.get_mut(block).ok_or(NoMemory)?;
        while found.entries.len() > Self::FULL / 2
            && let Some(entry) = found.entries.pop()
        {
            memory::put(&mut upper, entry);
        }
        upper.reverse();
        let first = upper.first().map(|(key, _)| *key);
        let block_behind = Block {
            first: first.ok_or(NoMemory)?,
            entries: upper,
        };
        let kept = memory::inserted(&mut self.blocks, block.saturating_add(1), block_behind);
        debug_assert!(kept, "room was made");
        Ok(())
    }

    /// Joins a block that has become small with a neighbour, if both together are half a block at most. Without memory they stay.
    fn merge(&mut self, block: usize) {
        let lower = if self.may_join(block) {
            block
        } else if let Some(before) = block.checked_sub(1).filter(|&before| self.may_join(before)) {
            before
        } else {
            return;
        };
        let upper = lower.saturating_add(1);
        let more = self.blocks.get(upper).map_or(0, |it| it.entries.len());
        let Some(into) = self.blocks.get_mut(lower) else {
            return;
        };
        if into.entries.try_reserve(more).is_err() {
            return;
        }
        let Some(from) = memory::taken(&mut self.blocks, upper) else {
            return;
        };
        if let Some(into) = self.blocks.get_mut(lower) {
            for entry in from.entries {
                memory::put(&mut into.entries, entry);
            }
        }
    }

    /// Whether a block and the one behind it are half a block at most.
    fn may_join(&self, lower: usize) -> bool {
        let len = |at: usize| Some(self.blocks.get(at)?.entries.len());
        let both = (len(lower), len(lower.saturating_add(1)));
        matches!(both, (Some(one), Some(other)) if one.saturating_add(other) <= Self::FULL / 2)
    }
}

impl<K, V> Block<K, V> {
    /// Puts an entry in at its place, in a block that is not full.
    fn insert(&mut self, at: usize, key: K, value: V, full: usize) -> Result<(), NoMemory> {
        let len = self.entries.len();
        if len == self.entries.capacity() && len >= full / 2 {
            // Not beyond a page; what this does not get, the next line asks for.
            let _ = self.entries.try_reserve_exact(full.saturating_sub(len));
        }
        if memory::inserted(&mut self.entries, at, (key, value)) {
            Ok(())
        } else {
            Err(NoMemory)
        }
    }
}

impl<K: Ord + Copy, V> Default for Table<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

/// Where `key` is among entries, or would be.
#[inline]
fn place<K: Ord, V>(entries: &[(K, V)], key: &K) -> Result<usize, usize> {
    entries.binary_search_by(|(known, _)| known.cmp(key))
}

/// A page of memory.
const BLOCK_BYTES: usize = 4_096;
/// Large entries are not alone in their blocks either.
const BLOCK_MIN: usize = 16;

#[cfg(test)]
mod tests;
