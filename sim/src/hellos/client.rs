//! A client of the corpus: what it wants in, its datagrams out, in the order in which the network lets them through. Each piece of
//! its hello arrives at last: what is lost is sent again.

use std::net::SocketAddr;

use inquic_platform::Platform;
use inquic_wire::{ConnectionId, Header, LongKind, Version};

use super::claims::Wanted;
use super::flight::{Cut, Sealer, cut};
use super::hello::{Shape, hello};
use crate::Rng;

/// A client and what of it is still under way.
pub struct Client {
    /// Where it is.
    pub address: SocketAddr,
    /// What it asks for.
    pub wanted: Wanted,
    /// Its first message.
    pub hello: Vec<u8>,
    /// What seals its packets.
    pub sealer: Sealer,
    rng: Rng,
    /// Datagrams to come, the next one last, each with the piece of the flight that it carries.
    coming: Vec<(Option<usize>, Vec<u8>)>,
    /// Pieces that have not arrived.
    missing: Vec<bool>,
    /// The Retry packet that it follows.
    pub retry: Option<Vec<u8>>,
}

impl Client {
    /// The client number `number` of a round.
    ///
    /// # Panics
    ///
    /// Never: its ids are short enough.
    #[must_use]
    pub fn new(platform: &dyn Platform, mut rng: Rng, number: u16) -> Self {
        let wanted = Wanted::any(&mut rng);
        let shape = Shape::ALL[rng.below(4) as usize];
        let hello = hello(&mut rng, shape, wanted.name, &wanted.protocols);
        let version = [Version::V1, Version::V2][rng.below(2) as usize];
        let id = |rng: &mut Rng, len: u64| {
            let bytes = [rng.next_u64().to_le_bytes(), rng.next_u64().to_le_bytes()].concat();
            ConnectionId::new(&bytes[..len as usize]).expect("at most 16 bytes")
        };
        let dcid_len = 8 + rng.below(9);
        let dcid = id(&mut rng, dcid_len);
        let scid_len = rng.below(9);
        let scid = id(&mut rng, scid_len);
        let [high, low] = number.to_be_bytes();
        let mut client = Self {
            address: SocketAddr::from(([10, 1, high, low], 1_024 + number)),
            wanted,
            hello,
            sealer: Sealer::new(platform, version, dcid, scid),
            rng,
            coming: Vec::new(),
            missing: Vec::new(),
            retry: None,
        };
        client.send();
        client
    }

    /// The next datagram to arrive.
    pub fn arriving(&mut self) -> Option<Vec<u8>> {
        let (piece, datagram) = self.coming.pop()?;
        if let Some(piece) = piece {
            self.missing[piece] = false;
        }
        Some(datagram)
    }

    /// Whether every piece of the hello has arrived.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        !self.missing.contains(&true)
    }

    /// Takes a Retry packet; `false` for what is none, or another than before.
    pub fn on_retry(&mut self, platform: &dyn Platform, datagram: &[u8]) -> bool {
        if let Some(known) = &self.retry {
            return known == datagram;
        }
        let Ok(Header::Retry { scid, token, .. }) = Header::parse(datagram, 8) else {
            return false;
        };
        self.retry = Some(datagram.to_vec());
        self.sealer.follow_retry(platform, scid, &datagram[token]);
        // A part of the old flight is still on its way and arrives among the new one.
        let old: Vec<_> = std::mem::take(&mut self.coming);
        self.send();
        for (_, datagram) in old.into_iter().take(2) {
            let at = self.rng.below(self.coming.len() as u64 + 1) as usize;
            self.coming.insert(at, (None, datagram));
        }
        true
    }

    /// Sends the hello.
    fn send(&mut self) {
        let rng = &mut self.rng;
        let how = Cut::ALL[rng.below(4) as usize];
        let ids = self.sealer.dcid.len() + self.sealer.scid.len();
        let overhead = 1 + 4 + 2 + ids + 2 + self.sealer.token.len() + 4 + 16;
        let room = 1_202 + rng.below(50) as usize - overhead;
        let payloads = cut(rng, how, &self.hello, room);
        self.missing = vec![true; payloads.len()];
        let mut sent = Vec::new();
        for (piece, payload) in payloads.iter().enumerate() {
            let mut datagram = self.sealer.packet(LongKind::Initial, payload);
            if rng.below(16) == 0 {
                datagram.append(&mut early(rng, &mut self.sealer, 100));
            }
            sent.push((Some(piece), datagram));
        }
        if rng.below(4) == 0 {
            let at = rng.below(sent.len() as u64 + 1) as usize;
            sent.insert(at, (None, early(rng, &mut self.sealer, 1_000)));
        }
        if rng.below(2) == 0 {
            rng.shuffle(&mut sent);
        }
        if rng.below(4) == 0 {
            let again = sent[rng.below(sent.len() as u64) as usize].clone();
            sent.insert(rng.below(sent.len() as u64) as usize, again);
        }
        if rng.below(4) == 0 {
            // It is lost, and sent again in another packet, or as it was.
            let (piece, datagram) = sent.remove(0);
            let again = match piece {
                Some(piece) if rng.below(2) == 0 => {
                    self.sealer.packet(LongKind::Initial, &payloads[piece])
                }
                _ => datagram,
            };
            sent.push((piece, again));
        }
        sent.reverse();
        self.coming = sent;
    }
}

/// A 0-RTT packet, which nobody but TLS could open.
fn early(rng: &mut Rng, sealer: &mut Sealer, len: usize) -> Vec<u8> {
    let byte = rng.below(256) as u8;
    sealer.packet(LongKind::ZeroRtt, &vec![byte; len])
}
