//! An attacker on the path, who sees every datagram and has no key but those that everybody can make: it sends what it made itself,
//! altered copies, and copies from elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;

use inquic_platform::CipherSuite;
use inquic_platform::aws_lc::AwsLc;
use inquic_wire::frame::{write_ack, write_connection_close, write_crypto, write_ping};
use inquic_wire::{Code, ConnectionId, Header, Level, LongKind, Role};

use super::plan::Meddling;
use crate::attacker::{Bits, frames};
use crate::{Attacker, Datagram, Fault, Rng, Tally};

/// The attacker.
pub(super) struct Meddler {
    rng: Rng,
    platform: Arc<AwsLc>,
    /// The destination id of the newest connection's first packet, and its client's own id.
    first: Option<(ConnectionId, ConnectionId)>,
    /// Ids that packets were seen to go to: the server's and the client's.
    ids: [Option<ConnectionId>; 2],
}

impl Meddler {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            platform: Arc::new(AwsLc::seeded(seed)),
            first: None,
            ids: [None; 2],
        }
    }

    /// A datagram of `sender` passes. What is sent after it.
    pub(super) fn see(
        &mut self,
        sender: Role,
        datagram: &Datagram,
        rates: &Meddling,
        tally: &mut Tally,
    ) -> Vec<Datagram> {
        let mut sent = Vec::new();
        if rates.forgery == 0 && rates.mutation == 0 && rates.spoof == 0 {
            return sent;
        }
        self.learn(sender, &datagram.bytes);
        if self.rng.chance(rates.forgery)
            && let Some(bytes) = self.forge(sender)
        {
            tally.note(Fault::Forgery);
            sent.push(with_bytes(datagram, bytes));
        }
        if self.rng.chance(rates.mutation) && !datagram.bytes.is_empty() {
            tally.note(Fault::Mutation);
            sent.push(with_bytes(datagram, self.mutate(&datagram.bytes)));
        }
        if self.rng.chance(rates.spoof) && sender == Role::Client {
            tally.note(Fault::Spoof);
            let port = 1_024 + self.rng.below(8) as u16;
            sent.push(Datagram {
                from: SocketAddr::from(([203, 0, 113, 9], port)),
                ..datagram.clone()
            });
        }
        sent
    }

    fn learn(&mut self, sender: Role, bytes: &[u8]) {
        let to = usize::from(sender == Role::Server);
        match Header::parse(bytes, 8) {
            Ok(Header::Long {
                kind, dcid, scid, ..
            }) => {
                self.ids[to] = Some(dcid);
                let new = self.first.is_none_or(|(_, client)| client != scid);
                if kind == LongKind::Initial && sender == Role::Client && new {
                    self.first = Some((dcid, scid));
                }
            }
            Ok(Header::Short { dcid, .. }) => self.ids[to] = Some(dcid),
            _ => {}
        }
    }

    /// Something that looks as if `sender` had sent it.
    fn forge(&mut self, sender: Role) -> Option<Vec<u8>> {
        let to = self.ids[usize::from(sender == Role::Server)]?;
        let mut bytes = match self.rng.below(5) {
            0 => Vec::new(),
            1 => vec![0x40 | self.rng.below(64) as u8],
            2 => {
                // Version Negotiation or Retry, as far as anybody can make them.
                let version = u8::from(self.rng.chance(500));
                let first = 0xf0 | self.rng.below(16) as u8;
                vec![first, 0, 0, 0, version, to.len() as u8]
            }
            _ => return self.forge_initial(sender),
        };
        if !bytes.is_empty() {
            bytes.extend_from_slice(to.as_slice());
        }
        let len = self.rng.below(1_300);
        bytes.extend((0..len).map(|_| self.rng.next_u64() as u8));
        Some(bytes)
    }

    /// An authentic Initial packet: its keys are no secret.
    fn forge_initial(&mut self, sender: Role) -> Option<Vec<u8>> {
        let (first, client) = self.first?;
        let server = self.ids[0]?;
        let (to, from) = match sender {
            Role::Client => (server, client),
            Role::Server => (client, server),
        };
        let suite = CipherSuite::Aes128GcmSha256;
        let mut attacker = Attacker::new(self.platform.clone(), suite, sender, first, from);
        attacker.dcid = to;
        let (what, number) = (self.rng.below(4), self.rng.below(40));
        let mut payload = frames(|writer| match what {
            0 => write_ping(writer),
            1 => write_ack(writer, [number..=number].into_iter(), 0, None).map(|_| ()),
            2 => write_connection_close(writer, Code::Internal, 0, b"forged"),
            _ => {
                write_crypto(writer, number * 7, 20)?.fill(0x42);
                Ok(())
            }
        });
        payload.resize(1_150, 0);
        Some(attacker.packet_with(Level::Initial, number, Bits::default(), &payload))
    }

    /// A copy with a few bytes changed, most of them in the header.
    fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut copy = bytes.to_vec();
        for _ in 0..=self.rng.below(4) {
            let most = if self.rng.chance(700) {
                copy.len().min(30)
            } else {
                copy.len()
            };
            let at = self.rng.below(most as u64) as usize;
            copy[at] = self.rng.next_u64() as u8;
        }
        copy
    }
}

fn with_bytes(datagram: &Datagram, bytes: Vec<u8>) -> Datagram {
    Datagram {
        from: datagram.from,
        to: datagram.to,
        ecn: datagram.ecn,
        bytes,
    }
}
