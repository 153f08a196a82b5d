//! The NAT before the client: addresses inside come in, those that it shows come out, and the other way about. What it showed
//! before it changed its mind leads nowhere any more.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// A NAT.
#[derive(Debug)]
pub(super) struct Nat {
    /// From inside to outside.
    shown: BTreeMap<SocketAddr, SocketAddr>,
    /// The address inside that something left from last.
    latest: SocketAddr,
    /// The address that it shows in place of the client's, if it has ever changed.
    ip: Option<IpAddr>,
}

impl Nat {
    pub(super) fn new(inside: SocketAddr) -> Self {
        Self {
            shown: BTreeMap::from([(inside, inside)]),
            latest: inside,
            ip: None,
        }
    }

    /// What is shown for `inside`.
    pub(super) fn out(&mut self, inside: SocketAddr) -> SocketAddr {
        self.latest = inside;
        if let Some(&outside) = self.shown.get(&inside) {
            return outside;
        }
        let ip = self.ip.unwrap_or(inside.ip());
        self.show(inside, SocketAddr::new(ip, inside.port()))
    }

    /// Who is behind `outside`.
    pub(super) fn back(&self, outside: SocketAddr) -> Option<SocketAddr> {
        let mut all = self.shown.iter();
        all.find(|&(_, &shown)| shown == outside)
            .map(|(&inside, _)| inside)
    }

    /// Shows another port for whoever sent last.
    pub(super) fn rebind_port(&mut self, port: u16) {
        let ip = self.ip.unwrap_or(self.latest.ip());
        self.show(self.latest, SocketAddr::new(ip, port));
    }

    /// Shows another address for everybody.
    pub(super) fn rebind_address(&mut self, ip: IpAddr) {
        self.ip = Some(ip);
        for outside in self.shown.values_mut() {
            outside.set_ip(ip);
        }
    }

    /// Shows `outside` for `inside`, or the next port that is free.
    fn show(&mut self, inside: SocketAddr, mut outside: SocketAddr) -> SocketAddr {
        while self.back(outside).is_some_and(|other| other != inside) {
            outside.set_port(outside.port().wrapping_add(1).max(1_024));
        }
        self.shown.insert(inside, outside);
        outside
    }
}
