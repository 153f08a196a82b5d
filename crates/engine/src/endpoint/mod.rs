//! One UDP port: datagrams in, the connection that each belongs to out, or an answer that needs no state, or the reason to drop it.
//!
//! It keeps the table of connection ids and nothing of what the connections do, so a home can hold it under a lock of its own for
//! the length of one look-up. State for a stranger is made only after admission said yes (attacks: Initial floods).

mod admit;
mod claim;
mod forward;
mod gather;
mod hello;
mod ids;
mod keys;
mod owners;
mod reply;
mod resets;
mod runs;
mod shared;
#[cfg(test)]
mod testing;
mod token;

pub use admit::{Incoming, Introduction, Listen, RetryPolicy};
pub use claim::{Claim, ClaimError};
pub use forward::Members;
pub use hello::HeldDatagram;
pub use ids::Routing;
pub use keys::EndpointKeys;
pub use owners::{Listener, Owner, OwnerError};
pub use runs::first_run;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_platform::memory::{self, Own};
use inquic_platform::{CryptoError, Instant, NoMemory, Platform, Table};
use inquic_wire::{ConnectionId, Role, dcid_of};

use crate::config::Settings;
use crate::connection::{Connection, Start};
use crate::counters::{Drop, Drops};
use crate::limits;
use crate::path::Path;
use forward::Forwards;
use gather::{Gatherings, Stranger};
use ids::Ids;
use owners::Owners;
use reply::StatelessBudget;
use resets::{Mark, Resets};
use shared::Whose;
use token::Tokens;

/// Names a connection of an endpoint. Never used for another connection again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(u64);

/// Why there is no connection. Nothing is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// The home cannot make keys.
    Crypto(CryptoError),
    /// There is no memory for it.
    Memory,
}

/// Where a datagram goes.
#[derive(Debug)]
pub enum Route {
    /// To this connection.
    Connection(Handle),
    /// Somebody wants to connect: give it to [`Endpoint::accept`], then the same datagram to the new connection.
    Incoming(Incoming),
    /// So many bytes of the reply buffer go back to where the datagram came from.
    Reply(usize),
    /// Nowhere yet: it was kept until it is known whose client it is of.
    Held,
    /// To this process of those that have the port together.
    Forward(u8),
    /// Nowhere.
    Drop(Drop),
}

/// The port's table of connections.
pub struct Endpoint {
    platform: Arc<dyn Platform>,
    keys: EndpointKeys,
    tokens: Tokens,
    /// Our own ids, eight bytes each: an ordered table has no collisions to be flooded with.
    ids: Table<u64, Handle>,
    /// What clients chose for their first packets, while the connection is known: a copy that comes late begins no other.
    first_ids: Table<(SocketAddr, ConnectionId), Handle>,
    /// Stateless reset tokens that peers gave us.
    resets: Resets,
    entries: Table<Handle, Entry>,
    next_handle: u64,
    owners: Owners,
    /// Whether strangers are let in by this endpoint itself.
    admits: bool,
    /// What holds for all owners together; none when strangers are not let in.
    listen: Option<Listen>,
    /// Whether hellos have to be read to know whose they are, and whose they are if not.
    must_read: bool,
    first_owner: Owner,
    gatherings: Gatherings,
    members: Members,
    /// Until when members that are not there may come back.
    awaits_members: Option<Instant>,
    forwards: Forwards,
    half_open: usize,
    stateless: StatelessBudget,
    fresh: Ids,
    drops: Drops,
}

/// What the tables know of one connection.
struct Entry {
    ids: Vec<u64>,
    first: Option<(SocketAddr, ConnectionId)>,
    resets: Vec<Mark>,
    half_open: bool,
}

impl From<CryptoError> for ConnectError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<NoMemory> for ConnectError {
    fn from(NoMemory: NoMemory) -> Self {
        Self::Memory
    }
}

impl Endpoint {
    /// An endpoint that does not listen. For tokens to be valid across restarts with the same keys, the home's clock has to
    /// count from the same moment each time: use the nanoseconds since 1970.
    #[must_use]
    pub fn new(platform: Arc<dyn Platform>, keys: EndpointKeys) -> Self {
        let tokens = Tokens::new(keys.derive(&*platform, b"address tokens", &[]));
        let fresh = Ids::new(&*platform, keys.routing.as_ref());
        let resets = Resets::new(keys.derive(&*platform, b"resets of peers", &[]));
        Self {
            platform,
            keys,
            tokens,
            ids: Table::new(),
            first_ids: Table::new(),
            resets,
            entries: Table::new(),
            next_handle: 0,
            owners: Owners::default(),
            admits: true,
            listen: None,
            must_read: false,
            first_owner: Owner::SOLE,
            gatherings: Gatherings::default(),
            members: Members::default(),
            awaits_members: None,
            forwards: Forwards::default(),
            half_open: 0,
            stateless: StatelessBudget::default(),
            fresh,
            drops: Drops::default(),
        }
    }

    /// Where `datagram` goes. An answer is written to `reply`, which has room for 1,200 bytes or more.
    pub fn route(&mut self, now: Instant, path: &Path, datagram: &[u8], reply: &mut [u8]) -> Route {
        self.route_marked(now, path, 0, datagram, reply)
    }

    /// As [`Endpoint::route`], for a datagram that came with these ECN bits, which matter if it has to be kept.
    pub fn route_marked(
        &mut self,
        now: Instant,
        path: &Path,
        ecn: u8,
        datagram: &[u8],
        reply: &mut [u8],
    ) -> Route {
        let stranger = Stranger {
            at: now,
            path,
            ecn,
            datagram,
        };
        let route = self.find(stranger, reply);
        if let Route::Drop(reason) = route {
            self.drops.count(reason);
        }
        route
    }

    fn find(&mut self, stranger: Stranger<'_>, reply: &mut [u8]) -> Route {
        let Stranger {
            at: now,
            path,
            datagram,
            ..
        } = stranger;
        let Some(dcid) = dcid_of(datagram, limits::LOCAL_CID_LEN) else {
            return Route::Drop(Drop::Header);
        };
        if let Some(handle) = as_ours(dcid).and_then(|id| self.ids.get(&id)) {
            return Route::Connection(*handle);
        }
        if let Some(handle) = self.resets.find(&*self.platform, datagram) {
            return Route::Connection(handle);
        }
        match self.member_of(now, dcid) {
            Some(Whose::Member(member)) => return Route::Forward(member),
            // Its connection is not over: it is to hear nothing that says so.
            Some(Whose::Awaited) => return Route::Drop(Drop::UnknownId),
            None => {}
        }
        if datagram.first().is_some_and(|first| first & LONG == 0) {
            return self.reset(now, dcid, datagram.len(), reply);
        }
        let first =
            ConnectionId::new(dcid).and_then(|dcid| self.first_ids.get(&(path.remote, dcid)));
        match first {
            Some(handle) => Route::Connection(*handle),
            None => match self.forward_of(now, path, dcid) {
                Some(member) => Route::Forward(member),
                None => self.admit(stranger, reply),
            },
        }
    }

    /// Makes the connection of a client that was let in. The datagram that brought it is then to be given to
    /// [`Connection::receive`].
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; nothing is kept then.
    pub fn accept(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        config: impl Into<Settings>,
    ) -> Result<(Handle, Own<Connection>), ConnectError> {
        let config: Settings = config.into();
        let local_id = self.new_id();
        let is_preferring = config.preferred_v4.is_some() || config.preferred_v6.is_some();
        let preferred_id = is_preferring.then(|| {
            let id = self.new_id();
            (id, self.keys.reset_token(&*self.platform, id.as_slice()))
        });
        let start = Start {
            role: Role::Server,
            version: incoming.client.version,
            path: incoming.client.path,
            local_id,
            reset_token: Some(self.keys.reset_token(&*self.platform, local_id.as_slice())),
            preferred_id,
            peer_id: incoming.client.scid,
            initial_id: incoming.client.dcid,
            original_id: incoming.client.original_id,
            retry_id: incoming.client.retry_id,
            validated: incoming.client.validated,
            token: Vec::new(),
        };
        let connection = Connection::new(now, Arc::clone(&self.platform), config, start)?;
        let first = (incoming.client.path.remote, incoming.client.dcid);
        let handle = self.enter(local_id, Some(first))?;
        if let Some((id, _)) = preferred_id
            && let Err(error) = self.add_id(handle, &id)
        {
            self.remove(handle);
            return Err(error.into());
        }
        Ok((handle, connection))
    }

    /// Makes a client's connection to `path.remote`. A token that the server gave earlier saves a round trip if it is still
    /// good; otherwise it is empty.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; nothing is kept then.
    pub fn connect(
        &mut self,
        now: Instant,
        config: impl Into<Settings>,
        path: Path,
        token: &[u8],
    ) -> Result<(Handle, Own<Connection>), ConnectError> {
        let config: Settings = config.into();
        let local_id = self.new_id();
        //= RFC 9000 §7.2: the client populates the Destination Connection ID field with an
        //= unpredictable value.
        let peer_id = self.fresh.random(&*self.platform);
        let peer_id = ConnectionId::new(&peer_id).unwrap_or(ConnectionId::EMPTY);
        let start = Start {
            role: Role::Client,
            version: config.version,
            path,
            local_id,
            reset_token: None,
            preferred_id: None,
            peer_id,
            initial_id: peer_id,
            original_id: peer_id,
            retry_id: None,
            validated: true,
            token: memory::copied(token.get(..limits::TOKEN_BYTES).unwrap_or(token))
                .ok_or(NoMemory)?,
        };
        let connection = Connection::new(now, Arc::clone(&self.platform), config, start)?;
        Ok((self.enter(local_id, None)?, connection))
    }

    /// Takes a new connection into the tables, or nothing of it.
    fn enter(
        &mut self,
        id: ConnectionId,
        first: Option<(SocketAddr, ConnectionId)>,
    ) -> Result<Handle, NoMemory> {
        let handle = Handle(self.next_handle);
        let entry = Entry {
            ids: Vec::new(),
            half_open: first.is_some(),
            first: None,
            resets: Vec::new(),
        };
        self.entries.insert(handle, entry)?;
        self.next_handle = self.next_handle.wrapping_add(1);
        self.half_open = self.half_open.saturating_add(usize::from(first.is_some()));
        let kept = self
            .add_id(handle, &id)
            .and_then(|()| self.add_first_id(handle, first));
        if kept.is_err() {
            self.remove(handle);
        }
        kept.map(|()| handle)
    }

    /// Copies of a client's first packets are this connection's.
    fn add_first_id(
        &mut self,
        handle: Handle,
        first: Option<(SocketAddr, ConnectionId)>,
    ) -> Result<(), NoMemory> {
        if let (Some(id), Some(entry)) = (first, self.entries.get_mut(&handle)) {
            self.first_ids.insert(id, handle)?;
            entry.first = first;
        }
        Ok(())
    }

    /// Datagrams to `id` are this connection's.
    fn add_id(&mut self, handle: Handle, id: &ConnectionId) -> Result<(), NoMemory> {
        let id = as_ours(id.as_slice());
        let (Some(id), Some(entry)) = (id, self.entries.get_mut(&handle)) else {
            return Ok(());
        };
        if !memory::pushed(&mut entry.ids, id) {
            return Err(NoMemory);
        }
        if let Err(error) = self.ids.insert(id, handle) {
            entry.ids.pop();
            return Err(error);
        }
        Ok(())
    }

    /// Datagrams to `id` are nobody's any more.
    fn remove_id(&mut self, handle: Handle, id: &ConnectionId) {
        let id = as_ours(id.as_slice());
        if let (Some(id), Some(entry)) = (id, self.entries.get_mut(&handle)) {
            self.ids.remove(&id);
            entry.ids.retain(|&known| known != id);
        }
    }

    /// Does for a connection what it cannot do alone: new ids, forgetting old ones, a token for the client's next connection.
    /// Call it whenever [`Connection::needs_endpoint`] says so, then transmit. What there is no memory for is left for the next
    /// call.
    pub fn service(&mut self, now: Instant, handle: Handle, connection: &mut Connection) {
        while let Some(id) = connection.take_retired_id() {
            self.remove_id(handle, &id);
        }
        if connection.wants_preferred_id() {
            let id = self.new_id();
            let token = self.keys.reset_token(&*self.platform, id.as_slice());
            if self.add_id(handle, &id).is_ok() && connection.issue_preferred_id(id, token).is_err()
            {
                self.remove_id(handle, &id);
            }
        }
        for _ in 0..connection.wanted_ids() {
            let id = self.new_id();
            let token = self.keys.reset_token(&*self.platform, id.as_slice());
            if self.add_id(handle, &id).is_err() {
                break;
            }
            if connection.issue_id(id, token).is_err() {
                self.remove_id(handle, &id);
                break;
            }
        }
        if connection.wants_token() {
            connection.give_token(self.tokens.for_next_connection(
                &*self.platform,
                now,
                connection.path().remote,
                connection.version(),
            ));
        }
        if connection.peer_ids().tokens_changed() && self.replace_resets(handle, connection).is_ok()
        {
            connection.peer_ids().on_tokens_taken();
        }
        let Some(entry) = self.entries.get_mut(&handle) else {
            return;
        };
        if entry.half_open && !connection.is_handshaking() {
            entry.half_open = false;
            self.half_open = self.half_open.saturating_sub(1);
        }
    }

    /// Stateless resets with the tokens of the peer's ids are this connection's.
    fn replace_resets(
        &mut self,
        handle: Handle,
        connection: &mut Connection,
    ) -> Result<(), NoMemory> {
        let Some(entry) = self.entries.get_mut(&handle) else {
            return Ok(());
        };
        while let Some(mark) = entry.resets.pop() {
            self.resets.remove(&mark);
        }
        for token in connection.peer_ids().tokens() {
            let mark = self.resets.insert(&*self.platform, &token, handle)?;
            if !memory::pushed(&mut entry.resets, mark) {
                self.resets.remove(&mark);
                return Err(NoMemory);
            }
        }
        Ok(())
    }

    /// Forgets a connection that is over.
    pub fn remove(&mut self, handle: Handle) {
        let Some(entry) = self.entries.remove(&handle) else {
            return;
        };
        for id in &entry.ids {
            self.ids.remove(id);
        }
        for mark in &entry.resets {
            self.resets.remove(mark);
        }
        if let Some(first) = entry.first {
            self.first_ids.remove(&first);
        }
        if entry.half_open {
            self.half_open = self.half_open.saturating_sub(1);
        }
    }

    /// How many connections there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no connection.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Datagrams that went nowhere, by reason.
    #[must_use]
    pub const fn drops(&self) -> &Drops {
        &self.drops
    }

    /// Eight bytes that are not in use.
    fn new_id(&mut self) -> ConnectionId {
        loop {
            let bytes = self.fresh.local(&*self.platform);
            if !self.ids.contains(&u64::from_be_bytes(bytes)) {
                return ConnectionId::new(&bytes).unwrap_or(ConnectionId::EMPTY);
            }
        }
    }
}

/// An id as the key of our table, if it has the length of ours.
fn as_ours(id: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(id.try_into().ok()?))
}

const LONG: u8 = 0x80;
