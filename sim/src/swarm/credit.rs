//! What a host has had from each address and sent there: bytes in and out, held against the rule for addresses that are not
//! validated (RFC 9000 §8). It counts on the wire and asks nobody.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::ledger::Turn;
use super::scene::Scene;
use super::{Canary, Invariant};

/// The accounts of all addresses that a host has heard from.
#[derive(Debug, Default)]
pub(super) struct Credits {
    accounts: BTreeMap<SocketAddr, Credit>,
    /// Where challenges went.
    challenged: BTreeMap<[u8; 8], SocketAddr>,
}

#[derive(Debug, Default)]
struct Credit {
    received: u64,
    sent: u64,
    validated: bool,
}

impl Credits {
    pub(super) fn on_received(&mut self, from: SocketAddr, bytes: usize) {
        self.accounts.entry(from).or_default().received += bytes as u64;
    }

    /// Somebody there has shown that it receives there.
    pub(super) fn validate(&mut self, address: SocketAddr) {
        self.accounts.entry(address).or_default().validated = true;
    }

    /// These challenges went there.
    pub(super) fn on_challenges(&mut self, to: SocketAddr, challenges: Vec<[u8; 8]>) {
        let sent = challenges.into_iter().map(|data| (data, to));
        self.challenged.extend(sent);
    }

    /// What a datagram `from` there showed.
    pub(super) fn on_turn(&mut self, from: SocketAddr, turn: Turn) {
        if turn.validated {
            self.validate(from);
        }
        for answer in turn.answers {
            if let Some(address) = self.challenged.remove(&answer) {
                self.validate(address);
            }
        }
    }

    pub(super) fn on_sent(&mut self, scene: &mut Scene, to: SocketAddr, bytes: usize) {
        let credit = self.accounts.entry(to).or_default();
        let times = if scene.strikes(Canary::Amplification) {
            4
        } else {
            1
        };
        credit.sent += times * bytes as u64;
        if !credit.validated && credit.sent > 3 * credit.received {
            let (sent, received) = (credit.sent, credit.received);
            scene.fail(Invariant::Amplification, || {
                format!("{sent} bytes to {to}, which is not validated and sent {received}")
            });
        }
    }
}
