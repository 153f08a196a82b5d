//! In: a case. Out: the addresses of its server, and those that a client is told. Pure, but for asking the system for a port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Result;

use super::case::{Case, Pairing};
use super::lab::free_port;
use super::link::Link;

/// Where a server is.
pub(crate) struct Place {
    /// What it binds.
    pub(crate) listen: SocketAddr,
    /// Its addresses on the far side of the link; the first is the one that clients begin with.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Where it asks clients to go, and where what they send there arrives.
    pub(crate) preferred: Vec<(SocketAddr, SocketAddr)>,
}

impl Place {
    pub(crate) fn new(pairing: &Pairing) -> Result<Self> {
        let port = free_port()?;
        let at = |ip: IpAddr| SocketAddr::new(ip, port);
        let (listen, others) = match pairing.case {
            Case::ConnectionMigration if pairing.server().prefers_its_own() => {
                let other = SocketAddr::new(OTHER.into(), free_port()?);
                return Ok(Self {
                    listen: at(FIRST.into()),
                    addresses: vec![at(FIRST.into())],
                    preferred: vec![(other, other)],
                });
            }
            Case::ConnectionMigration => (
                at(Ipv6Addr::UNSPECIFIED.into()),
                vec![OTHER.into(), Ipv6Addr::LOCALHOST.into()],
            ),
            Case::Ipv6 => (at(Ipv6Addr::LOCALHOST.into()), Vec::new()),
            _ => (at(FIRST.into()), Vec::new()),
        };
        let first = match pairing.case {
            Case::Ipv6 => Ipv6Addr::LOCALHOST.into(),
            _ => FIRST.into(),
        };
        let addresses = [first].into_iter().chain(others).map(at).collect();
        Ok(Self {
            listen,
            addresses,
            preferred: Vec::new(),
        })
    }

    /// Puts a link before it: clients are to go where the link carries them to one of the other addresses.
    pub(crate) fn behind(&mut self, link: &Link) -> Result<()> {
        for (number, local) in self.addresses.iter().enumerate().skip(1) {
            self.preferred.push((link.front(number)?, *local));
        }
        Ok(())
    }
}

const FIRST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 250);
