//! Address validation tokens: made for a client's address and version, believed only from there, only for a while, and only once (RFC 9000
//! §8.1). They carry all they need, so the server keeps nothing for a client that it sent away.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use inquic_platform::crypto::{IV_LEN, TAG_LEN};
use inquic_platform::{
    CipherSuite, Instant, KeySide, NoTails, OpenJob, PacketKey, Platform, SealJob, Tail, memory,
};
use inquic_wire::{ConnectionId, Full, Reader, Version, Writer};

use crate::limits;

/// Makes tokens and knows them again.
pub(super) struct Tokens {
    secret: [u8; 32],
    /// Marks of used tokens, oldest first. So few that all are looked through at each token, in less time than its key takes.
    used: VecDeque<Mark>,
}

/// What a token is remembered by: half of its random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(u64);

/// A client as its packet shows it.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    /// Where the packet came from.
    pub(super) remote: SocketAddr,
    /// The version of its packet. RFC 9369 §5: a token is not taken in another version than the one it was given in.
    pub(super) version: Version,
    /// The destination id that it chose, or that our Retry gave it.
    pub(super) dcid: &'a [u8],
}

/// What a client's token shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// It answers our Retry to the packet that went to `original_id`.
    Retry { original_id: ConnectionId },
    /// It is from an earlier connection of the same address.
    NewToken,
    /// There is none, or not one of ours, or it is too old.
    Nothing,
    /// It is of our Retry, but stale or used.
    Refused,
}

/// What a token is for; its first byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Retry,
    NewToken,
}

impl Tokens {
    pub(super) const fn new(secret: [u8; 32]) -> Self {
        Self {
            secret,
            used: VecDeque::new(),
        }
    }

    /// The token of a Retry packet: bound to address and port, and to the source id of that packet. The same for the same packet at
    /// the same time, so that a client's first flight of several datagrams gets one answer.
    pub(super) fn for_retry(
        &self,
        platform: &dyn Platform,
        now: Instant,
        client: Client<'_>,
        original_id: &ConnectionId,
    ) -> Vec<u8> {
        let (bound, bound_len) = bound_client(Kind::Retry, client);
        let bound = bound.get(..bound_len).unwrap_or_default();
        let mut hash = [0; 48];
        let made = now.as_nanos().to_be_bytes();
        let parts = [RETRY_SALT, &made, bound, original_id.as_slice()];
        platform.hmac(SUITE, &self.secret, &parts, &mut hash);
        let salt = hash.first_chunk().copied().unwrap_or_default();
        let id = original_id.as_slice();
        self.make(platform, Kind::Retry, salt, now, client, id)
    }

    /// The token of a NEW_TOKEN frame: bound to the address; the port is another one next time.
    pub(super) fn for_next_connection(
        &self,
        platform: &dyn Platform,
        now: Instant,
        remote: SocketAddr,
        version: Version,
    ) -> Vec<u8> {
        let client = Client {
            remote,
            version,
            dcid: &[],
        };
        let mut salt = [0; SALT_LEN];
        platform.random(&mut salt);
        self.make(platform, Kind::NewToken, salt, now, client, &[])
    }

    /// An empty token when the home cannot make keys, or there is no memory, which asks for nothing and promises nothing.
    fn make(
        &self,
        platform: &dyn Platform,
        kind: Kind,
        salt: [u8; SALT_LEN],
        now: Instant,
        client: Client<'_>,
        id: &[u8],
    ) -> Vec<u8> {
        let Some(key) = self.key(platform, KeySide::Seal, &salt) else {
            return Vec::new();
        };
        let (bound, bound_len) = bound_client(kind, client);
        let mut buffer = [0; BUFFER_LEN];
        let mut writer = Writer::new(&mut buffer);
        let written = writer
            .bytes(bound.get(..bound_len).unwrap_or_default())
            .and_then(|()| writer.u64(now.as_nanos()))
            .and_then(|()| writer.bytes(id));
        let end = writer.position().saturating_add(TAG_LEN);
        let job = SealJob {
            start: 0,
            number_at: bound_len,
            payload_at: bound_len,
            end,
            packet_number: 0,
            tail: Tail::NONE,
        };
        if written.is_err() || key.seal(&mut buffer, &[job], &NoTails).is_err() {
            return Vec::new();
        }
        let sealed = buffer.get(bound_len..end).unwrap_or_default();
        let mut token = Vec::new();
        let len = sealed.len().saturating_add(HEAD_LEN);
        if token.try_reserve_exact(len).is_ok() {
            memory::put(&mut token, kind.to_byte());
            memory::append(&mut token, &salt);
            memory::append(&mut token, sealed);
        }
        token
    }

    /// What `token`, brought by `client`, shows. Counts as used from then on.
    pub(super) fn open(
        &mut self,
        platform: &dyn Platform,
        now: Instant,
        client: Client<'_>,
        token: &[u8],
    ) -> Opened {
        let Some((kind, salt, sealed)) = parts(token) else {
            return Opened::Nothing;
        };
        let refused = match kind {
            Kind::Retry => Opened::Refused,
            Kind::NewToken => Opened::Nothing,
        };
        // It may be of another server that was at this address, whose tokens begin as ours do.
        let Some((made, original_id)) = self.unseal(platform, kind, salt, sealed, client) else {
            return Opened::Nothing;
        };
        let age_limit = match kind {
            Kind::Retry => limits::RETRY_TOKEN_AGE,
            Kind::NewToken => limits::NEW_TOKEN_AGE,
        };
        if made > now || now.since(made) > age_limit || !self.use_up(salt) {
            return refused;
        }
        match kind {
            Kind::Retry => Opened::Retry { original_id },
            Kind::NewToken => Opened::NewToken,
        }
    }

    fn unseal(
        &self,
        platform: &dyn Platform,
        kind: Kind,
        salt: &[u8; SALT_LEN],
        sealed: &[u8],
        client: Client<'_>,
    ) -> Option<(Instant, ConnectionId)> {
        let key = self.key(platform, KeySide::Open, salt)?;
        let (bound, bound_len) = bound_client(kind, client);
        let mut buffer = [0; BUFFER_LEN];
        let end = bound_len.checked_add(sealed.len())?;
        buffer
            .get_mut(..bound_len)?
            .copy_from_slice(bound.get(..bound_len)?);
        buffer.get_mut(bound_len..end)?.copy_from_slice(sealed);
        let mut job = OpenJob {
            start: 0,
            payload_at: bound_len,
            end,
            packet_number: 0,
            opened: false,
        };
        key.open(&mut buffer, core::slice::from_mut(&mut job));
        if !job.opened {
            return None;
        }
        let mut reader = Reader::new(buffer.get(job.payload())?);
        let made = Instant::from_nanos(reader.u64().ok()?);
        Some((made, ConnectionId::new(reader.rest())?))
    }

    /// Each token has a key of its own, so that no nonce is ever used for two texts.
    fn key(
        &self,
        platform: &dyn Platform,
        side: KeySide,
        salt: &[u8; SALT_LEN],
    ) -> Option<alloc::boxed::Box<dyn PacketKey>> {
        let mut hash = [0; 48];
        platform.hmac(SUITE, &self.secret, &[salt], &mut hash);
        let (key, rest) = hash.split_at_checked(SUITE.key_len())?;
        let iv: &[u8; IV_LEN] = rest.first_chunk()?;
        platform.packet_key(SUITE, side, key, iv).ok()
    }

    /// Whoever brought it was not served, and may come with it again.
    pub(super) fn give_back(&mut self, mark: Mark) {
        memory::keep(&mut self.used, |used| *used != mark);
    }

    /// `false` when it was used before.
    fn use_up(&mut self, salt: &[u8; SALT_LEN]) -> bool {
        let mark = Mark::new(salt);
        if self.used.contains(&mark) {
            return false;
        }
        if self.used.len() >= limits::TOKEN_REPLAYS {
            self.used.pop_front();
        }
        // A token that cannot be remembered could be used again, so it is not good.
        memory::queued(&mut self.used, mark)
    }
}

impl Client<'_> {
    /// The client as bytes, [`CLIENT_LEN`] at most.
    pub(super) fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        let ip = match self.remote.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        writer.u32(self.version.0)?;
        writer.bytes(&ip.octets())?;
        writer.u16(self.remote.port())?;
        writer.bytes(self.dcid)
    }
}

impl Mark {
    const fn new(salt: &[u8; SALT_LEN]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *salt;
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    /// That of a token; none when it is not one.
    pub(super) fn of(token: &[u8]) -> Option<Self> {
        parts(token).map(|(_, salt, _)| Self::new(salt))
    }
}

impl Kind {
    const fn to_byte(self) -> u8 {
        match self {
            Self::Retry => b'r',
            Self::NewToken => b'n',
        }
    }
}

fn parts(token: &[u8]) -> Option<(Kind, &[u8; SALT_LEN], &[u8])> {
    let (kind, rest) = token.split_first()?;
    let kind = match kind {
        b'r' => Kind::Retry,
        b'n' => Kind::NewToken,
        _ => return None,
    };
    let (salt, sealed) = rest.split_first_chunk()?;
    Some((kind, salt, sealed))
}

/// The client as associated data: whoever comes from elsewhere cannot open the token, nor can anybody use the one of a Retry
/// packet whose source id was exchanged under way.
fn bound_client(kind: Kind, mut client: Client<'_>) -> ([u8; BOUND_LEN], usize) {
    if kind == Kind::NewToken {
        client.remote.set_port(0);
        client.dcid = &[];
    }
    let mut bound = [0; BOUND_LEN];
    let mut writer = Writer::new(&mut bound);
    let written = writer
        .u8(kind.to_byte())
        .and_then(|()| client.write(&mut writer));
    debug_assert!(written.is_ok(), "an id has 20 bytes at most");
    let len = writer.position();
    (bound, len)
}

const SUITE: CipherSuite = CipherSuite::Aes128GcmSha256;
const SALT_LEN: usize = 16;
/// What tells the salt of a Retry token from a token's key, which have the same secret: it is longer than a salt.
const RETRY_SALT: &[u8] = b"the salt of a Retry token";
const HEAD_LEN: usize = 1 + SALT_LEN;
/// Version, address, port, the longest id.
pub(super) const CLIENT_LEN: usize = 4 + 16 + 2 + 20;
/// Kind and client.
const BOUND_LEN: usize = 1 + CLIENT_LEN;
/// The bound address, time, the longest id, a tag.
const BUFFER_LEN: usize = BOUND_LEN + 8 + 20 + TAG_LEN;

#[cfg(test)]
mod tests;
