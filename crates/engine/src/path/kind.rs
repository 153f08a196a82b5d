//! Which addresses a peer may send us to (RFC 9000 §21.5). An address and the one before it come in, yes or no comes out. A peer
//! must never turn us on a service that trusts whoever is near it.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Whether a path to `from` may be left for one to `to`, on the word of a packet's source or of a peer's parameter.
pub(crate) fn may_follow(from: SocketAddr, to: SocketAddr) -> bool {
    if to.port() == 0 {
        return false;
    }
    match Kind::of(to.ip()) {
        Kind::Global => true,
        //= RFC 9000 §21.5.6: Endpoints SHOULD NOT allow connections or migration to a loopback address if the same service was
        //= previously available at a different interface or if the address was provided by a service at a non-loopback address.
        kind @ (Kind::Loopback | Kind::LinkLocal) => Kind::of(from.ip()) == kind,
        Kind::Nobody => false,
    }
}

/// Who can be reached at an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Anybody, as far as can be told.
    Global,
    /// This machine.
    Loopback,
    /// Machines on the same wire.
    LinkLocal,
    /// Nobody or everybody: unspecified, multicast, broadcast.
    Nobody,
}

impl Kind {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => Self::of_v6(v6),
        }
    }

    const fn of_v4(ip: Ipv4Addr) -> Self {
        if ip.octets()[0] == 0 || ip.is_multicast() || ip.is_broadcast() {
            Self::Nobody
        } else if ip.is_loopback() {
            Self::Loopback
        } else if ip.is_link_local() {
            Self::LinkLocal
        } else {
            Self::Global
        }
    }

    const fn of_v6(ip: Ipv6Addr) -> Self {
        if ip.is_unspecified() || ip.is_multicast() {
            Self::Nobody
        } else if ip.is_loopback() {
            Self::Loopback
        } else if ip.is_unicast_link_local() {
            Self::LinkLocal
        } else {
            Self::Global
        }
    }
}

#[cfg(test)]
mod tests;
