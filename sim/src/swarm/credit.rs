//! What a host has had from each address and sent there: bytes in and out, held against the rule for addresses that are not
//! validated (RFC 9000 §8). It counts on the wire and asks nobody.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::scene::Scene;
use super::{Canary, Invariant};

/// The accounts of all addresses that a host has heard from.
#[derive(Debug, Default)]
pub(super) struct Credits(BTreeMap<SocketAddr, Credit>);

#[derive(Debug, Default)]
struct Credit {
    received: u64,
    sent: u64,
    validated: bool,
}

impl Credits {
    pub(super) fn on_received(&mut self, from: SocketAddr, bytes: usize) {
        self.0.entry(from).or_default().received += bytes as u64;
    }

    /// Somebody there has shown that it receives there.
    pub(super) fn validate(&mut self, address: SocketAddr) {
        self.0.entry(address).or_default().validated = true;
    }

    pub(super) fn on_sent(&mut self, scene: &mut Scene, to: SocketAddr, bytes: usize) {
        let credit = self.0.entry(to).or_default();
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
