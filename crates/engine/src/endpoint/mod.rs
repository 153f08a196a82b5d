//! One UDP port: datagrams in, the connection that each belongs to out, or an answer that needs no state, or the reason to drop it.
//!
//! It keeps the table of connection ids and nothing of what the connections do, so a home can hold it under a lock of its own for
//! the length of one look-up. State for a stranger is made only after admission said yes (attacks: Initial floods).

mod admit;
mod ids;
mod reply;
mod token;

pub use admit::{Incoming, Listen, RetryPolicy};
pub use ids::Routing;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_platform::{CipherSuite, CryptoError, Instant, NoMemory, Platform, Table, memory};
use inquic_wire::{ConnectionId, Role, dcid_of};

use crate::config::Config;
use crate::connection::{Connection, Start};
use crate::counters::{Drop, Drops};
use crate::limits;
use crate::path::Path;
use ids::Ids;
use reply::StatelessBudget;
use token::Tokens;

/// The secrets of a port. With the same master secret, tokens and stateless resets stay valid across restarts and machines.
pub struct EndpointKeys {
    master: [u8; 32],
    routing: Option<Routing>,
}

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
    resets: Table<[u8; 16], Handle>,
    entries: Table<Handle, Entry>,
    next_handle: u64,
    listen: Option<Listen>,
    half_open: usize,
    stateless: StatelessBudget,
    fresh: Ids,
    drops: Drops,
}

/// What the tables know of one connection.
struct Entry {
    ids: Vec<u64>,
    first: Option<(SocketAddr, ConnectionId)>,
    resets: Vec<[u8; 16]>,
    half_open: bool,
}

impl EndpointKeys {
    /// Secrets derived from a master secret that others may share.
    #[must_use]
    pub const fn from_master(master: [u8; 32]) -> Self {
        Self {
            master,
            routing: None,
        }
    }

    /// Secrets of this endpoint alone.
    #[must_use]
    pub fn random(platform: &dyn Platform) -> Self {
        let mut master = [0; 32];
        platform.random(&mut master);
        Self::from_master(master)
    }

    /// The same secrets, and connection ids by which a load balancer finds this server.
    #[must_use]
    pub const fn with_routing(mut self, routing: Routing) -> Self {
        self.routing = Some(routing);
        self
    }

    fn derive(&self, platform: &dyn Platform, label: &[u8], data: &[u8]) -> [u8; 32] {
        let mut hash = [0; 48];
        platform.hmac(
            CipherSuite::Aes128GcmSha256,
            &self.master,
            &[label, data],
            &mut hash,
        );
        hash.first_chunk().copied().unwrap_or_default()
    }

    /// The stateless reset token of one of our ids (RFC 9000 §10.3.2).
    fn reset_token(&self, platform: &dyn Platform, id: &[u8]) -> [u8; 16] {
        self.derive(platform, b"stateless reset", id)
            .first_chunk()
            .copied()
            .unwrap_or_default()
    }
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
        Self {
            platform,
            keys,
            tokens,
            ids: Table::new(),
            first_ids: Table::new(),
            resets: Table::new(),
            entries: Table::new(),
            next_handle: 0,
            listen: None,
            half_open: 0,
            stateless: StatelessBudget::default(),
            fresh,
            drops: Drops::default(),
        }
    }

    /// Begins to listen, changes how, or stops.
    pub const fn set_listening(&mut self, listen: Option<Listen>) {
        self.listen = listen;
    }

    /// Where `datagram` goes. An answer is written to `reply`, which has room for 1,200 bytes or more.
    pub fn route(&mut self, now: Instant, path: &Path, datagram: &[u8], reply: &mut [u8]) -> Route {
        let route = self.find(now, path, datagram, reply);
        if let Route::Drop(reason) = route {
            self.drops.count(reason);
        }
        route
    }

    fn find(&mut self, now: Instant, path: &Path, datagram: &[u8], reply: &mut [u8]) -> Route {
        let Some(dcid) = dcid_of(datagram, limits::LOCAL_CID_LEN) else {
            return Route::Drop(Drop::Header);
        };
        if let Some(handle) = as_ours(dcid).and_then(|id| self.ids.get(&id)) {
            return Route::Connection(*handle);
        }
        //= RFC 9000 §10.3: However, endpoints MUST treat any packet ending in a valid stateless reset token as a Stateless
        //= Reset, as other QUIC versions might allow the use of a long header.
        let token = datagram
            .last_chunk()
            .filter(|_| datagram.len() >= limits::RESET_MIN);
        if let Some(handle) = token.and_then(|token| self.resets.get(token)) {
            return Route::Connection(*handle);
        }
        if datagram.first().is_some_and(|first| first & LONG == 0) {
            return self.reset(now, dcid, datagram.len(), reply);
        }
        let first =
            ConnectionId::new(dcid).and_then(|dcid| self.first_ids.get(&(path.remote, dcid)));
        match first {
            Some(handle) => Route::Connection(*handle),
            None => self.admit(now, path, datagram, reply),
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
        config: &Arc<Config>,
    ) -> Result<(Handle, Connection), ConnectError> {
        let local_id = self.new_id();
        let is_preferring = config.preferred_v4.is_some() || config.preferred_v6.is_some();
        let preferred_id = is_preferring.then(|| {
            let id = self.new_id();
            (id, self.keys.reset_token(&*self.platform, id.as_slice()))
        });
        let start = Start {
            role: Role::Server,
            version: incoming.version,
            path: incoming.path,
            local_id,
            reset_token: Some(self.keys.reset_token(&*self.platform, local_id.as_slice())),
            preferred_id,
            peer_id: incoming.scid,
            initial_id: incoming.dcid,
            original_id: incoming.original_id,
            retry_id: incoming.retry_id,
            validated: incoming.validated,
            token: Vec::new(),
        };
        let connection =
            Connection::new(now, Arc::clone(&self.platform), Arc::clone(config), start)?;
        let first = (incoming.path.remote, incoming.dcid);
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
        config: &Arc<Config>,
        path: Path,
        token: &[u8],
    ) -> Result<(Handle, Connection), ConnectError> {
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
        let connection =
            Connection::new(now, Arc::clone(&self.platform), Arc::clone(config), start)?;
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
        while let Some(token) = entry.resets.pop() {
            self.resets.remove(&token);
        }
        for token in connection.peer_ids().tokens() {
            if !memory::pushed(&mut entry.resets, token) {
                return Err(NoMemory);
            }
            self.resets.insert(token, handle)?;
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
        for token in &entry.resets {
            self.resets.remove(token);
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

    /// Handshakes of strangers under way.
    #[must_use]
    pub const fn half_open(&self) -> usize {
        self.half_open
    }

    /// A secret of this port for whoever protects TLS session tickets: the same for endpoints with the same keys.
    #[must_use]
    pub fn ticket_key(&self) -> [u8; 64] {
        let mut key = [0; 64];
        let halves = [b"session ticket 0", b"session ticket 1"];
        for (half, label) in key.chunks_mut(32).zip(halves) {
            let derived = self.keys.derive(&*self.platform, label, &[]);
            for (to, from) in half.iter_mut().zip(derived) {
                *to = from;
            }
        }
        key
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
