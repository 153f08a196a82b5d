//! Strangers: who may begin a handshake, who has to show first that it receives at its address, who is turned away
//! (RFC 9000 §5.2.2, §8.1.2). Nothing is kept for anybody who is not let in.

use alloc::vec::Vec;

use inquic_platform::Instant;
use inquic_wire::{ConnectionId, Header, LongKind, Version, Versions};

use super::gather::Stranger;
use super::hello::HeldDatagram;
use super::owners::Owner;
use super::token::{Client, Mark, Opened};
use super::{Endpoint, Route};
use crate::counters::Drop;
use crate::limits;
use crate::path::Path;

/// How an endpoint listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Handshakes under way at most; above that Initials are dropped.
    pub max_half_open: usize,
    /// When clients have to validate their address before any state is made.
    pub retry: RetryPolicy,
    /// The versions that are spoken: those of the connections' [`Config`](crate::Config).
    pub versions: Versions,
}

/// When a Retry packet is sent (RFC 9000 §8.1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryPolicy {
    /// When more than a quarter of the allowed handshakes are under way.
    #[default]
    WhenBusy,
    /// To every client that brings no valid token.
    Always,
    /// Never.
    Never,
}

/// A client that is let in.
#[derive(Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Whose client it is.
    pub(super) owner: Owner,
    /// What came of it before the datagram that told whose it is.
    pub(super) datagrams: Vec<HeldDatagram>,
    /// Who it is.
    pub(super) client: Introduction,
    /// What is remembered of the token that validated its address.
    pub(super) used: Option<Mark>,
}

/// Who a client is: what its connection is made from, also by another process that has the same port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// Where it comes from, and where to.
    pub path: Path,
    /// The version of its first packet.
    pub version: Version,
    /// The destination id of its packets, from which their keys come.
    pub dcid: ConnectionId,
    /// Its own id.
    pub scid: ConnectionId,
    /// The destination id of its very first packet, before any Retry.
    pub original_id: ConnectionId,
    /// The id that a Retry packet gave it.
    pub retry_id: Option<ConnectionId>,
    /// Whether it has shown that it receives at its address.
    pub validated: bool,
}

impl Introduction {
    /// Of a client that has shown nothing yet.
    const fn unknown(path: Path, version: Version, dcid: ConnectionId, scid: ConnectionId) -> Self {
        Self {
            path,
            version,
            dcid,
            scid,
            original_id: dcid,
            retry_id: None,
            validated: false,
        }
    }
}

impl Listen {
    /// Whether no state is made for a client that has not validated its address.
    pub(super) fn always_validates(&self) -> bool {
        self.retry == RetryPolicy::Always
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            max_half_open: limits::HALF_OPEN,
            retry: RetryPolicy::default(),
            versions: Versions::KNOWN,
        }
    }
}

impl Incoming {
    /// The same client, and nothing of what came of it.
    pub(super) const fn without_datagrams(&self) -> Self {
        Self {
            owner: self.owner,
            datagrams: Vec::new(),
            client: self.client,
            used: self.used,
        }
    }

    /// Where it comes from.
    #[must_use]
    pub const fn path(&self) -> &Path {
        &self.client.path
    }

    /// Whether the client has shown that it receives at its address.
    #[must_use]
    pub const fn is_validated(&self) -> bool {
        self.client.validated
    }

    /// Which of those who listen gets it.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        self.owner
    }

    /// What came of the client before, oldest first: its connection gets these first, each with its time.
    #[must_use]
    pub fn take_datagrams(&mut self) -> Vec<HeldDatagram> {
        core::mem::take(&mut self.datagrams)
    }

    /// What another process needs to know of the client.
    #[must_use]
    pub const fn introduction(&self) -> Introduction {
        self.client
    }

    /// A client that another process has let in for `owner`, with all that came of it.
    #[must_use]
    pub const fn introduced(
        client: Introduction,
        owner: Owner,
        datagrams: Vec<HeldDatagram>,
    ) -> Self {
        Self {
            owner,
            datagrams,
            client,
            used: None,
        }
    }
}

impl Endpoint {
    /// Handshakes of strangers under way.
    #[must_use]
    pub const fn half_open(&self) -> usize {
        self.half_open
    }

    /// A long-header packet for no connection that we know.
    pub(super) fn admit(&mut self, stranger: Stranger<'_>, reply: &mut [u8]) -> Route {
        let Stranger {
            at: now,
            path,
            datagram,
            ..
        } = stranger;
        let Some(listen) = self.listen else {
            return Route::Drop(Drop::NotListening);
        };
        // A client with a token of ours may clear the fixed bit in its very first packet.
        match Header::parse_greased(datagram, limits::LOCAL_CID_LEN) {
            Ok(Header::Long {
                version,
                dcid,
                scid,
                ..
            }) if !listen.versions.contains(version) => {
                self.refuse_version(now, version, (&dcid, &scid), datagram.len(), reply)
            }
            Ok(Header::Long {
                kind: LongKind::ZeroRtt,
                dcid,
                ..
            }) if self.must_read && dcid.len() >= limits::LOCAL_CID_LEN => {
                self.gatherings.expire(now);
                self.hold_early(stranger, dcid)
            }
            Ok(Header::Long {
                kind: LongKind::Initial,
                version,
                dcid,
                scid,
                token,
                ..
            }) => {
                //= RFC 9000 §14.1: A server MUST discard an Initial packet that is carried in a UDP datagram with a payload
                //= that is smaller than the smallest allowed maximum datagram size of 1200 bytes.
                if datagram.len() < limits::DATAGRAM_MIN {
                    return Route::Drop(Drop::ShortInitial);
                }
                let token = datagram.get(token).unwrap_or_default();
                let incoming = Incoming {
                    owner: self.first_owner,
                    datagrams: Vec::new(),
                    client: Introduction::unknown(*path, version, dcid, scid),
                    used: None,
                };
                self.admit_hello(stranger, listen, incoming, token, reply)
            }
            Ok(Header::UnknownVersion {
                version,
                dcid,
                scid,
            }) => {
                let field = |range| datagram.get(range).unwrap_or_default();
                let ids = (field(dcid), field(scid));
                self.refuse_version(now, version, ids, datagram.len(), reply)
            }
            Ok(_) => Route::Drop(Drop::UnknownId),
            Err(error) => Route::Drop(error.into()),
        }
    }

    /// A client's first packet, read at once or put together with others first.
    fn admit_hello(
        &mut self,
        stranger: Stranger<'_>,
        listen: Listen,
        incoming: Incoming,
        token: &[u8],
        reply: &mut [u8],
    ) -> Route {
        let Stranger {
            at: now,
            path,
            datagram,
            ..
        } = stranger;
        let greased = datagram.first().is_some_and(|first| first & FIXED == 0);
        if !self.must_read {
            return self.admit_initial(now, listen, greased, incoming, token, reply);
        }
        self.gatherings.expire(now);
        let client = (path.remote, incoming.client.dcid);
        if let Some(known) = self.gathered(&client) {
            return self.gather(stranger, known, reply);
        }
        match self.admit_initial(now, listen, greased, incoming, token, reply) {
            Route::Incoming(incoming) => self.gather(stranger, incoming, reply),
            route => route,
        }
    }

    /// A packet of a version that is not spoken here.
    fn refuse_version(
        &mut self,
        now: Instant,
        version: Version,
        ids: (&[u8], &[u8]),
        datagram: usize,
        reply: &mut [u8],
    ) -> Route {
        //= RFC 9000 §5.2.2: If a server receives a packet that indicates an unsupported version and if the packet is
        //= large enough to initiate a new connection for any supported version, the server SHOULD send a Version
        //= Negotiation packet
        if datagram < limits::DATAGRAM_MIN {
            return Route::Drop(Drop::UnknownVersion);
        }
        let spoken = self
            .listen
            .map_or_else(Versions::empty, |listen| listen.versions);
        self.negotiate_version(now, version, ids, &spoken, reply)
    }

    /// A client that was let in is not served after all: the token that it brought is as good as before.
    pub fn turn_away(&mut self, incoming: &Incoming) {
        if let Some(used) = incoming.used {
            self.tokens.give_back(used);
        }
    }

    fn admit_initial(
        &mut self,
        now: Instant,
        listen: Listen,
        greased: bool,
        mut incoming: Incoming,
        token: &[u8],
        reply: &mut [u8],
    ) -> Route {
        //= RFC 9000 §7.2: This Destination Connection ID MUST be at least 8 bytes in length.
        if incoming.client.dcid.len() < limits::LOCAL_CID_LEN {
            return Route::Drop(Drop::Header);
        }
        let under_way = self.half_open.saturating_add(self.gatherings.len());
        if under_way >= listen.max_half_open {
            return Route::Drop(Drop::HalfOpenLimit);
        }
        let client = Client {
            remote: incoming.client.path.remote,
            version: incoming.client.version,
            dcid: incoming.client.dcid.as_slice(),
        };
        let opened = self.tokens.open(&*self.platform, now, client, token);
        // RFC 9287 §3.1: whoever has no token of a NEW_TOKEN frame cannot know that the bit may be cleared.
        if greased && opened != Opened::NewToken {
            return Route::Drop(Drop::Header);
        }
        match opened {
            Opened::Retry { original_id } => {
                incoming.client.original_id = original_id;
                incoming.client.retry_id = Some(incoming.client.dcid);
                incoming.client.validated = true;
            }
            Opened::NewToken => incoming.client.validated = true,
            //= RFC 9000 §8.1.3: If the token is invalid, then the server SHOULD proceed as if the client did not have a
            //= validated address
            Opened::Nothing => {}
            // Its sender takes no other Retry, and would wait for nothing.
            Opened::Refused => return self.refuse_token(now, &incoming.client, reply),
        }
        incoming.used = Mark::of(token).filter(|_| incoming.client.validated);
        let busy = under_way >= listen.max_half_open / 4
            || self.gatherings.len() >= limits::HELLOS / 4
            || self.forwards.len() >= limits::FORWARDS / 4;
        let validate = match listen.retry {
            RetryPolicy::Always => true,
            RetryPolicy::WhenBusy => busy,
            RetryPolicy::Never => false,
        };
        if validate && !incoming.client.validated {
            return self.retry(now, &incoming.client, reply);
        }
        Route::Incoming(incoming)
    }
}

/// The fixed bit, in the first byte.
const FIXED: u8 = 0x40;
