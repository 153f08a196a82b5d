//! Clients whose hello is not whole yet, and whose it will be: datagrams of strangers in; a client with all that came of it out, or a
//! refusal. Every bound is met by dropping, and what is dropped is sent again (attacks: floods of hellos that never end).

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use inquic_platform::{Instant, Platform, memory};
use inquic_wire::{Code, ConnectionId, PeerError};

use super::hello::{Brought, HeldDatagram, Hello};
use super::owners::Owner;
use super::{Endpoint, Incoming, Route};
use crate::counters::Drop;
use crate::limits;
use crate::path::Path;

/// The clients whose hello is awaited, the oldest first.
#[derive(Default)]
pub(super) struct Gatherings {
    list: Vec<Gathering>,
    /// Where packets are opened; kept for the next.
    scratch: Vec<u8>,
}

struct Gathering {
    client: Client,
    since: Instant,
    /// What was read; none before the first Initial packet, when 0-RTT came first.
    hello: Option<Hello>,
    datagrams: Vec<HeldDatagram>,
    /// Bytes of those.
    bytes: usize,
    /// How many of them came before the first Initial packet.
    early: usize,
}

/// How a client is known before it has a connection: its address, and what it chose for our id.
pub(super) type Client = (SocketAddr, ConnectionId);

/// A datagram of a stranger.
#[derive(Clone, Copy)]
pub(super) struct Stranger<'a> {
    pub(super) at: Instant,
    pub(super) path: &'a Path,
    pub(super) ecn: u8,
    pub(super) datagram: &'a [u8],
}

impl Gatherings {
    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.list.len()
    }

    fn take(&mut self, client: &Client) -> Option<Gathering> {
        let at = self.list.iter().position(|one| one.client == *client)?;
        memory::taken(&mut self.list, at)
    }

    /// Forgets those that have had their time.
    pub(super) fn expire(&mut self, now: Instant) {
        let late = |one: &Gathering| now.since(one.since) > limits::HELLO_TIME;
        // The oldest come first.
        while self.list.first().is_some_and(late) {
            memory::taken(&mut self.list, 0);
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Keeps a client, at the place of its age. `false` when the bounds, of all or of its source, leave no room.
    fn put(&mut self, gathering: Gathering) -> bool {
        let source = source(gathering.client.0);
        let siblings = self.list.iter();
        let siblings = siblings.filter(|one| self::source(one.client.0) == source);
        if siblings.count() >= limits::HELLOS_PER_SOURCE {
            return false;
        }
        if self.list.len() >= limits::HELLOS {
            // Who has not shown that it is at its address, and has had the most time, goes.
            let idle = self.list.iter().position(|one| !one.is_validated());
            let Some(idle) = idle else {
                return false;
            };
            memory::taken(&mut self.list, idle);
        }
        let place = self
            .list
            .partition_point(|one| one.since <= gathering.since);
        memory::inserted(&mut self.list, place, gathering)
    }
}

impl Gathering {
    const fn new(client: Client, since: Instant) -> Self {
        Self {
            client,
            since,
            hello: None,
            datagrams: Vec::new(),
            bytes: 0,
            early: 0,
        }
    }

    fn is_validated(&self) -> bool {
        let hello = self.hello.as_ref();
        hello.is_some_and(|hello| hello.incoming.client.validated)
    }

    /// Keeps a datagram for the connection to come. `false` beyond the bounds.
    fn hold(&mut self, stranger: Stranger<'_>) -> bool {
        let bytes = self.bytes.saturating_add(stranger.datagram.len());
        if self.datagrams.len() >= limits::HELLO_DATAGRAMS || bytes > limits::HELLO_HELD_BYTES {
            return false;
        }
        let held = HeldDatagram::new(stranger.at, stranger.ecn, stranger.datagram);
        let is_kept = held.is_some_and(|held| memory::pushed(&mut self.datagrams, held));
        if is_kept {
            self.bytes = bytes;
        }
        is_kept
    }
}

impl Endpoint {
    /// An Initial packet of a client whose owner has to be found out. `incoming` is who it is; it was let in now or before.
    pub(super) fn gather(
        &mut self,
        stranger: Stranger<'_>,
        incoming: Incoming,
        reply: &mut [u8],
    ) -> Route {
        let client = (incoming.client.path.remote, incoming.client.dcid);
        let known = self.gatherings.take(&client);
        let mut gathering = known.unwrap_or_else(|| Gathering::new(client, stranger.at));
        let mut scratch = core::mem::take(&mut self.gatherings.scratch);
        let brought = gathering.read(&*self.platform, incoming, stranger.datagram, &mut scratch);
        self.gatherings.scratch = scratch;
        match brought {
            Some(Brought::Part) => {
                let is_held = gathering.hold(stranger);
                match gathering.hello {
                    // A hello in ever smaller pieces.
                    Some(hello) if !is_held => {
                        self.refuse(stranger.at, &hello.incoming.client, SCATTERED, reply)
                    }
                    _ if self.gatherings.put(gathering) => Route::Held,
                    _ => Route::Drop(Drop::HelloLimit),
                }
            }
            Some(Brought::Whole) => self.settle(stranger, gathering, reply),
            Some(Brought::Offence(offence)) => match gathering.hello {
                Some(hello) => self.refuse(stranger.at, &hello.incoming.client, offence, reply),
                None => Route::Drop(Drop::Memory),
            },
            Some(Brought::Closed) => Route::Drop(Drop::Closed),
            Some(Brought::Nothing) => {
                // It changes nothing for who was there before.
                let is_kept = gathering.datagrams.is_empty() || self.gatherings.put(gathering);
                Route::Drop(if is_kept {
                    Drop::Authentication
                } else {
                    Drop::HelloLimit
                })
            }
            None => Route::Drop(Drop::Memory),
        }
    }

    /// 0-RTT of a client that has no connection yet: kept for its owner.
    pub(super) fn hold_early(&mut self, stranger: Stranger<'_>, dcid: ConnectionId) -> Route {
        let client = (stranger.path.remote, dcid);
        let known = self.gatherings.take(&client);
        let busy = self.gatherings.len() >= limits::HELLOS / 4;
        // Before its Initial packet a client is nobody, and gets no room that others may need.
        if known.is_none() && busy {
            return Route::Drop(Drop::HelloLimit);
        }
        let mut gathering = known.unwrap_or_else(|| Gathering::new(client, stranger.at));
        let early = gathering.hello.is_none();
        let has_room = !early || gathering.early < limits::HELLO_EARLY_DATAGRAMS;
        let is_held = has_room && gathering.hold(stranger);
        if early && is_held {
            gathering.early = gathering.early.saturating_add(1);
        }
        if self.gatherings.put(gathering) && is_held {
            Route::Held
        } else {
            Route::Drop(Drop::HelloLimit)
        }
    }

    /// The client that was let in before with this first id, if its hello is not whole yet.
    pub(super) fn gathered(&self, client: &Client) -> Option<Incoming> {
        let mut known = self.gatherings.list.iter();
        let found = known.find(|one| one.client == *client)?;
        let hello = found.hello.as_ref()?;
        Some(hello.incoming.without_datagrams())
    }

    /// The hello is whole: finds its owner.
    fn settle(&mut self, stranger: Stranger<'_>, gathering: Gathering, reply: &mut [u8]) -> Route {
        let now = stranger.at;
        let Gathering {
            hello,
            mut datagrams,
            early,
            ..
        } = gathering;
        if early > 0 && !put_first(&mut datagrams, early, stranger) {
            return Route::Drop(Drop::Memory);
        }
        let Some(hello) = hello else {
            return Route::Drop(Drop::Memory);
        };
        let Some(offer) = hello.offer() else {
            return Route::Drop(Drop::Memory);
        };
        let chosen = self.owners.choose(&offer, self.spread(&hello.incoming));
        let (listener, mut incoming) = match chosen {
            Ok(listener) => (listener, hello.incoming),
            Err(offence) => return self.refuse(now, &hello.incoming.client, offence, reply),
        };
        let client = &incoming.client;
        if !listener.speaks(client.version) {
            let (versions, version) = (listener.versions(), client.version);
            let ids = (client.dcid.as_slice(), client.scid.as_slice());
            return self.negotiate_version(now, version, ids, &versions, reply);
        }
        if listener.listen.always_validates() && !client.validated {
            return self.retry(now, client, reply);
        }
        incoming.owner = listener.owner;
        incoming.datagrams = datagrams;
        if let Owner::Remote(member) = incoming.owner {
            let client = (incoming.client.path.remote, incoming.client.dcid);
            if !self.forwards.note(now, client, member) {
                return Route::Drop(Drop::HelloLimit);
            }
        }
        Route::Incoming(incoming)
    }

    /// What decides between owners whom a client fits equally well: nothing that it can choose.
    fn spread(&self, incoming: &Incoming) -> u64 {
        let id = incoming.client.dcid.as_slice();
        let hash = self.keys.derive(&*self.platform, b"spread", id);
        hash.first_chunk()
            .map_or(0, |first| u64::from_be_bytes(*first))
    }
}

impl Gathering {
    fn read(
        &mut self,
        platform: &dyn Platform,
        incoming: Incoming,
        datagram: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Option<Brought> {
        if self.hello.is_none() {
            self.hello = Hello::new(platform, incoming);
        }
        let hello = self.hello.as_mut()?;
        Some(hello.read(datagram, scratch))
    }
}

/// Puts the first datagram with an Initial packet before the `early` ones that came before it: a connection that gets what it cannot
/// open takes its client for one who cannot make keys. If it is the last of all, it is there a second time.
fn put_first(datagrams: &mut Vec<HeldDatagram>, early: usize, last: Stranger<'_>) -> bool {
    let first = memory::taken(datagrams, early);
    let first = first.or_else(|| HeldDatagram::new(last.at, last.ecn, last.datagram));
    let Some(first) = first else {
        return false;
    };
    for datagram in datagrams.iter_mut().take(early) {
        datagram.at = datagram.at.max(first.at);
    }
    memory::inserted(datagrams, 0, first)
}

const SCATTERED: PeerError = PeerError::new(
    Code::CryptoBufferExceeded,
    "the ClientHello is in more datagrams than are kept",
);

/// What counts as one source: an address, or what one household has of IPv6.
fn source(address: SocketAddr) -> IpAddr {
    match address.ip() {
        ip @ IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}
