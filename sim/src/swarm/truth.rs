//! What was written on every stream and sent in every datagram, by whom, and what became of it: what an application reads is held
//! against this. Both applications write here, and no engine does.

use std::collections::{BTreeMap, BTreeSet};

use inquic_wire::{Role, StreamId, Version};

/// What is true of all connections of a run, by their names.
#[derive(Debug, Default)]
pub(super) struct Truth {
    streams: BTreeMap<(u8, bool, StreamId), Written>,
    datagrams: BTreeMap<(u8, bool), Datagrams>,
    /// Which of the server's connections a name is.
    owners: BTreeMap<u8, Owner>,
    versions: BTreeMap<u8, Version>,
}

/// What an application wrote on a stream.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// What it will write.
    pub(super) size: u64,
    /// What it has written.
    pub(super) bytes: u64,
    pub(super) finished: bool,
    /// What its peer has read.
    pub(super) read: u64,
    /// Given up by the writer.
    pub(super) abandoned: bool,
    /// Read to the end or stopped by its reader.
    pub(super) done: bool,
}

/// A connection of the server. A client's first packets may have made several, from other addresses or by copies of them.
#[derive(Clone, Copy, Debug)]
struct Owner {
    number: u64,
    is_established: bool,
}

/// What an application sent in datagrams.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    /// How many bytes each has.
    pub(super) lengths: Vec<usize>,
    /// Those that were delivered.
    pub(super) delivered: BTreeSet<usize>,
}

impl Truth {
    /// What `writer` wrote on a stream of the connection `name`.
    pub(super) fn of(&mut self, name: u8, writer: Role, id: StreamId) -> &mut Written {
        let key = (name, writer == Role::Client, id);
        self.streams.entry(key).or_default()
    }

    /// What `sender` sent in datagrams.
    pub(super) fn datagrams(&mut self, name: u8, sender: Role) -> &mut Datagrams {
        let key = (name, sender == Role::Client);
        self.datagrams.entry(key).or_default()
    }

    /// A connection of the server is established or takes 0-RTT. Whether its application is the client's peer, until another
    /// claims the name; none when another is established already.
    ///
    /// What was read in 0-RTT may be read again on the connection that the client goes on with (RFC 8446 §8), and nothing
    /// that was written on the other reaches the client.
    pub(super) fn claim(&mut self, name: u8, number: u64, is_established: bool) -> Option<bool> {
        let new = Owner {
            number,
            is_established,
        };
        let owner = self.owners.entry(name).or_insert(new);
        if owner.number == number {
            owner.is_established |= is_established;
            return Some(true);
        }
        if !is_established {
            return Some(false);
        }
        if owner.is_established {
            return None;
        }
        *owner = new;
        self.datagrams.remove(&(name, false));
        self.datagrams(name, Role::Client).delivered.clear();
        self.streams.retain(|&(other, is_client, id), _| {
            other != name || is_client && id.initiator() == Role::Client
        });
        for ((other, ..), written) in &mut self.streams {
            if *other == name {
                (written.read, written.done) = (0, false);
            }
        }
        Some(true)
    }

    /// Whether this connection of the server is the one that a name is.
    pub(super) fn owns(&self, name: u8, number: u64) -> bool {
        self.owners
            .get(&name)
            .is_some_and(|owner| owner.number == number)
    }

    /// An end is established in this version. Whether it is the other's as well.
    pub(super) fn agrees(&mut self, name: u8, version: Version) -> bool {
        *self.versions.entry(name).or_insert(version) == version
    }

    /// Whether everything written on the connection has reached its reader, or never will.
    pub(super) fn is_complete(&self, name: u8) -> bool {
        self.streams
            .range((name, false, MIN_ID)..)
            .take_while(|((other, _, _), _)| *other == name)
            .all(|(_, written)| written.is_over())
    }

    /// Some of what has not reached its reader on a connection, for people.
    pub(super) fn describe(&self, name: u8) -> String {
        let of_name = self.streams.range((name, false, MIN_ID)..);
        let open = of_name
            .take_while(|((other, _, _), _)| *other == name)
            .filter(|(_, written)| !written.is_over());
        format!("{:?}", open.take(3).collect::<Vec<_>>())
    }

    /// For each connection the bytes that were read, and those that are still to be when each stream gets `rest` more at most.
    pub(super) fn transfers(&self, rest: u64) -> BTreeMap<u8, (u64, u64)> {
        let mut transfers = BTreeMap::<_, (u64, u64)>::new();
        for ((name, ..), written) in &self.streams {
            let (read, unread) = transfers.entry(*name).or_default();
            *read += written.read;
            if !written.is_over() {
                let size = written.size.min(written.bytes + rest);
                *unread += size.saturating_sub(written.read);
            }
        }
        transfers
    }
}

impl Written {
    pub(super) const fn is_over(&self) -> bool {
        self.abandoned || self.done
    }
}

/// The smallest stream id.
const MIN_ID: StreamId = match StreamId::from_u64(0) {
    Some(id) => id,
    None => panic!("zero is an id"),
};
