//! A port that several processes have together: ids in, the process whose connection it is out. It trusts no id that it cannot
//! decrypt to what this port's members have in common.

use alloc::vec::Vec;

use inquic_platform::{Instant, Table, memory};

use super::gather::Client;
use crate::limits;

/// The first ids of clients whose connection is another process's.
#[derive(Default)]
pub(super) struct Forwards {
    list: Table<Client, Forward>,
}

struct Forward {
    member: u8,
    until: Instant,
}

/// The members of a port, each by its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Members([u64; 4]);

impl Members {
    /// Adds a member, or takes it out.
    pub fn set(&mut self, member: u8, is_there: bool) {
        let (word, bit) = (usize::from(member >> 6), 1 << (member & 63));
        if let Some(word) = self.0.get_mut(word) {
            *word = if is_there { *word | bit } else { *word & !bit };
        }
    }

    /// Whether the member is there.
    #[must_use]
    pub fn contains(&self, member: u8) -> bool {
        let word = self.0.get(usize::from(member >> 6));
        word.is_some_and(|word| word & 1 << (member & 63) != 0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }
}

impl Forwards {
    /// Whose client it is, if it came of late.
    pub(super) fn of(&self, now: Instant, client: &Client) -> Option<u8> {
        let found = self.list.get(client)?;
        (found.until >= now).then_some(found.member)
    }

    /// Remembers whose client it is while a handshake may last. `false` when there are too many.
    pub(super) fn note(&mut self, now: Instant, client: Client, member: u8) -> bool {
        if self.list.len() >= limits::FORWARDS {
            self.forget_if(|one| one.until < now);
        }
        let until = now + limits::HANDSHAKE_TIMEOUT;
        let has_room = self.list.len() < limits::FORWARDS || self.list.contains(&client);
        has_room && self.list.insert(client, Forward { member, until }).is_ok()
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.list.len()
    }

    /// Forgets the clients of a member that is gone.
    pub(super) fn forget(&mut self, member: u8) {
        self.forget_if(|one| one.member == member);
    }

    fn forget_if(&mut self, is_over: impl Fn(&Forward) -> bool) {
        let mut over = Vec::new();
        for (client, one) in self.list.iter() {
            // Without memory the others are forgotten later.
            if is_over(one) && !memory::pushed(&mut over, *client) {
                break;
            }
        }
        for client in over {
            self.list.remove(&client);
        }
    }
}

#[cfg(test)]
mod tests;
