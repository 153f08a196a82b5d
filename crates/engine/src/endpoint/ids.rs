//! Connection ids of our own: randomness in, ids that were never given before out; with a routing configuration, ids from which
//! a load balancer reads the server (draft-ietf-quic-load-balancers-21). Never lets the server be read without the key, if there
//! is one.

use alloc::boxed::Box;

use inquic_platform::crypto::{MASK_LEN, SAMPLE_LEN};
use inquic_platform::{CipherSuite, HeaderKey, Platform};

use crate::limits;

/// How a load balancer finds this server: what its configuration says of it (QUIC-LB §3, §4).
///
/// Every server of a fleet has the same rotation, length of server id and key, and a server id of its own. Packets then reach
/// the server that the connection is with, whatever address the client has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Routing {
    rotation: u8,
    /// The server id is the first [`Routing::len`] of these.
    server: [u8; SERVER_MAX],
    len: usize,
    key: Option<[u8; 16]>,
    /// Whether it is for a port that several processes have together.
    of_member: bool,
}

/// Where new ids come from.
pub(super) struct Ids {
    random: Random,
    routed: Option<Routed>,
}

/// Random bytes, drawn many at a time: a home's source costs as much for one id as for all of these.
#[derive(Default)]
struct Random {
    ids: [Id; FRESH_IDS],
    left: usize,
}

struct Routed {
    routing: Routing,
    /// The block cipher of the configuration.
    cipher: Cipher,
    /// The next nonce, of which the low bytes are used.
    nonce: u64,
}

/// What hides the server id.
enum Cipher {
    /// Nothing: the configuration has no key.
    Plain,
    /// AES-128-ECB, as header protection offers it: the first five bytes of a block.
    Aes(Box<dyn HeaderKey>),
    /// The home could not make the key: ids are marked as ones that cannot be routed.
    Missing,
}

impl Routing {
    /// The configuration of a server.
    ///
    /// `rotation` is the number of the configuration, 0 to 6. `server` is the server's id, one to three bytes: our ids have eight
    /// in all, of which the nonce takes at least four. With a `key` the server can be read by the load balancer alone; without
    /// one by anybody, and whoever sees two ids of a client knows that they belong to the same server. `None` when a bound is
    /// not kept.
    #[must_use]
    pub fn new(rotation: u8, server: &[u8], key: Option<[u8; 16]>) -> Option<Self> {
        let mut kept = [0; SERVER_MAX];
        kept.get_mut(..server.len())?.copy_from_slice(server);
        (rotation <= ROTATION_MAX && !server.is_empty()).then_some(Self {
            rotation,
            server: kept,
            len: server.len(),
            key,
            of_member: false,
        })
    }

    /// For a process that has its port together with others: ids in which whoever receives for all of them finds the process.
    ///
    /// `member` is its number; `tag` and `key` are the same for all of them, and known to nobody else.
    #[must_use]
    pub const fn of_member(member: u8, tag: [u8; 2], key: [u8; 16]) -> Self {
        let [high, low] = tag;
        Self {
            rotation: 0,
            server: [member, high, low],
            len: SERVER_MAX,
            key: Some(key),
            of_member: true,
        }
    }
}

/// The key stays out of logs.
impl core::fmt::Debug for Routing {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.debug_struct("Routing")
            .field("rotation", &self.rotation)
            .field("server", &self.server.get(..self.len))
            .finish_non_exhaustive()
    }
}

impl Ids {
    pub(super) fn new(platform: &dyn Platform, routing: Option<&Routing>) -> Self {
        Self {
            random: Random::default(),
            routed: routing.map(|routing| Routed::new(platform, routing)),
        }
    }

    /// Eight bytes that nobody can predict.
    pub(super) fn random(&mut self, platform: &dyn Platform) -> Id {
        self.random.take(platform)
    }

    /// An id for packets to us.
    pub(super) fn local(&mut self, platform: &dyn Platform) -> Id {
        let random = self.random.take(platform);
        match &mut self.routed {
            Some(routed) => routed.id(random),
            None => random,
        }
    }

    /// The id for packets to us that follows from `seed`, whose bytes look random.
    pub(super) fn seeded(&self, seed: Id) -> Id {
        match &self.routed {
            Some(routed) => routed.id_of(seed, seed),
            None => seed,
        }
    }

    /// The member of our port in an id that one of them gave, if the port has members.
    pub(super) fn member(&self, id: Id) -> Option<u8> {
        self.routed.as_ref()?.member(id)
    }
}

impl Routed {
    fn new(platform: &dyn Platform, routing: &Routing) -> Self {
        let cipher = match routing.key {
            None => Cipher::Plain,
            Some(key) => match platform.header_key(CipherSuite::Aes128GcmSha256, &key) {
                Ok(key) => Cipher::Aes(key),
                Err(_) => Cipher::Missing,
            },
        };
        // A nonce that counts is never used twice; that it begins anywhere keeps it apart from those before a restart.
        let mut nonce = [0; size_of::<u64>()];
        platform.random(&mut nonce);
        Self {
            routing: *routing,
            cipher,
            nonce: u64::from_be_bytes(nonce),
        }
    }

    fn id(&mut self, random: Id) -> Id {
        let nonce = match &self.cipher {
            // Counted nonces would show how many connections there are; they have to look random.
            Cipher::Plain | Cipher::Missing => random,
            Cipher::Aes(_) => {
                self.nonce = self.nonce.wrapping_add(1);
                self.nonce.to_be_bytes()
            }
        };
        self.id_of(random, nonce)
    }

    fn id_of(&self, random: Id, nonce: Id) -> Id {
        let Routing {
            rotation,
            server,
            len,
            ..
        } = self.routing;
        if matches!(self.cipher, Cipher::Missing) {
            let [_, body @ ..] = random;
            return with_first(UNROUTABLE << 5 | SELF_LEN, body);
        }
        let [_, mut body @ ..] = nonce;
        for (byte, of_server) in body.iter_mut().zip(server).take(len) {
            *byte = of_server;
        }
        if let Cipher::Aes(key) = &self.cipher {
            body = encrypt(&**key, body);
        }
        with_first(rotation << 5 | SELF_LEN, body)
    }

    /// The member in an id that was made with the same key and tag. An id that somebody else made shows one with a chance of
    /// 2^-24 for each first byte that is right.
    fn member(&self, id: Id) -> Option<u8> {
        let Routing {
            rotation,
            server,
            of_member,
            ..
        } = self.routing;
        let [first, body @ ..] = id;
        let Cipher::Aes(key) = &self.cipher else {
            return None;
        };
        if !of_member || first != rotation << 5 | SELF_LEN {
            return None;
        }
        let [member, high, low, ..] = decrypt(&**key, body);
        let [_, tag @ ..] = server;
        (tag == [high, low]).then_some(member)
    }
}

impl Random {
    /// Eight bytes that were never given before.
    fn take(&mut self, platform: &dyn Platform) -> Id {
        if self.left == 0 {
            platform.random(self.ids.as_flattened_mut());
            self.left = FRESH_IDS;
        }
        self.left = self.left.saturating_sub(1);
        self.ids
            .get_mut(self.left)
            .map(core::mem::take)
            .unwrap_or_default()
    }
}

/// The four passes of QUIC-LB §5.4.1. Server id and nonce have seven bytes, so that each half ends in the middle of the fourth.
fn encrypt(key: &dyn HeaderKey, body: Body) -> Body {
    let [a, b, c, middle, d, e, f] = body;
    let mut left = [a, b, c, middle & HIGH];
    let mut right = [middle & LOW, d, e, f];
    right = pass(key, 1, left, right, |[first, ..]| *first &= LOW);
    left = pass(key, 2, right, left, |[.., last]| *last &= HIGH);
    right = pass(key, 3, left, right, |[first, ..]| *first &= LOW);
    left = pass(key, 4, right, left, |[.., last]| *last &= HIGH);
    join(left, right)
}

/// The passes backwards (QUIC-LB §5.4.2).
fn decrypt(key: &dyn HeaderKey, body: Body) -> Body {
    let [a, b, c, middle, d, e, f] = body;
    let mut left = [a, b, c, middle & HIGH];
    let mut right = [middle & LOW, d, e, f];
    left = pass(key, 4, right, left, |[.., last]| *last &= HIGH);
    right = pass(key, 3, left, right, |[first, ..]| *first &= LOW);
    left = pass(key, 2, right, left, |[.., last]| *last &= HIGH);
    right = pass(key, 1, left, right, |[first, ..]| *first &= LOW);
    join(left, right)
}

/// One pass: what the cipher makes of `from` changes `onto`, of which `keep` clears what is the other half's.
fn pass(key: &dyn HeaderKey, number: u8, from: Half, onto: Half, keep: fn(&mut Half)) -> Half {
    let [a, b, c, d] = from;
    let sample: [u8; SAMPLE_LEN] = [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, BODY_LEN, number];
    let mut masks = [[0; MASK_LEN]];
    key.masks(&[sample], &mut masks);
    let [[a, b, c, d, _]] = masks;
    let mut changed = onto;
    for (byte, mask) in changed.iter_mut().zip([a, b, c, d]) {
        *byte ^= mask;
    }
    keep(&mut changed);
    changed
}

const fn join(left: Half, right: Half) -> Body {
    let ([a, b, c, high], [low, d, e, f]) = (left, right);
    [a, b, c, high | low, d, e, f]
}

const fn with_first(first: u8, body: Body) -> Id {
    let [a, b, c, d, e, f, g] = body;
    [first, a, b, c, d, e, f, g]
}

type Id = [u8; limits::LOCAL_CID_LEN];
/// An id without its first byte.
type Body = [u8; limits::LOCAL_CID_LEN - 1];
type Half = [u8; 4];

const BODY_LEN: u8 = 7;
/// What is left beside the first byte and the shortest nonce.
const SERVER_MAX: usize = limits::LOCAL_CID_LEN - 1 - NONCE_MIN;
/// QUIC-LB §3.3: the nonce has at least four bytes.
const NONCE_MIN: usize = 4;
/// QUIC-LB §3.1: three bits, of which 0b111 is not a configuration.
const ROTATION_MAX: u8 = 6;
const UNROUTABLE: u8 = 7;
/// QUIC-LB §3.2: the length of the id less one, in five bits.
const SELF_LEN: u8 = 7;
const HIGH: u8 = 0xf0;
const LOW: u8 = 0x0f;
const FRESH_IDS: usize = 32;
const _: () = assert!(BODY_LEN as usize + 1 == limits::LOCAL_CID_LEN);

#[cfg(test)]
mod tests;
