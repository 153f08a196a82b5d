//! Addresses of socket calls: the bytes of `struct sockaddr_in` and `sockaddr_in6` in, addresses out, and back.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use inquic_uapi::socket::{AF_INET, AF_INET6, AF_UNSPEC};

use super::Family;
use crate::errno::Errno;

/// Bytes of `struct sockaddr_in6`, the longest address.
pub const ADDRESS_LEN: usize = 28;

/// The address in `bytes`.
///
/// # Errors
///
/// [`Errno::EINVAL`] when it is too short, [`Errno::EAFNOSUPPORT`] for another family than IPv4 and IPv6.
pub fn read(bytes: &[u8]) -> Result<SocketAddr, Errno> {
    let family = u16::from_ne_bytes(field(bytes, 0)?);
    match family {
        AF_INET if bytes.len() >= V4_LEN => {
            let port = u16::from_be_bytes(field(bytes, 2)?);
            let ip = Ipv4Addr::from(field::<4>(bytes, 4)?);
            Ok(SocketAddr::V4(SocketAddrV4::new(ip, port)))
        }
        AF_INET6 if bytes.len() >= V6_LEN_MIN => {
            let port = u16::from_be_bytes(field(bytes, 2)?);
            let flow = u32::from_be_bytes(field(bytes, 4)?);
            let ip = Ipv6Addr::from(field::<16>(bytes, 8)?);
            // Older programs do not know the scope.
            let scope = field(bytes, 24).map_or(0, u32::from_ne_bytes);
            Ok(SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope)))
        }
        AF_INET | AF_INET6 => Err(Errno::EINVAL),
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

/// Whether the address has no family, with which connect() would dissolve a connection.
#[must_use]
pub fn is_unspecified(bytes: &[u8]) -> bool {
    field(bytes, 0).is_ok_and(|family| u16::from_ne_bytes(family) == AF_UNSPEC)
}

/// Writes as much of `address` as fits into `out`; how long it is as a whole. An IPv4 address that is mapped into IPv6 is
/// written as IPv4.
pub fn write(address: SocketAddr, out: &mut [u8]) -> usize {
    let mut bytes = [0; ADDRESS_LEN];
    let mut put = |at: usize, field: &[u8]| {
        for (to, from) in bytes.iter_mut().skip(at).zip(field) {
            *to = *from;
        }
    };
    let len = match plain(address) {
        SocketAddr::V4(address) => {
            put(0, &AF_INET.to_ne_bytes());
            put(2, &address.port().to_be_bytes());
            put(4, &address.ip().octets());
            V4_LEN
        }
        SocketAddr::V6(address) => {
            put(0, &AF_INET6.to_ne_bytes());
            put(2, &address.port().to_be_bytes());
            put(4, &address.flowinfo().to_be_bytes());
            put(8, &address.ip().octets());
            put(24, &address.scope_id().to_ne_bytes());
            ADDRESS_LEN
        }
    };
    for (to, from) in out.iter_mut().zip(bytes.iter().take(len)) {
        *to = *from;
    }
    len
}

/// The address with IPv4 in place of IPv4 mapped into IPv6.
#[must_use]
pub fn plain(address: SocketAddr) -> SocketAddr {
    match (address.ip().to_canonical(), address) {
        (IpAddr::V4(ip), _) => SocketAddr::V4(SocketAddrV4::new(ip, address.port())),
        (IpAddr::V6(_), address) => address,
    }
}

/// No address of a family, and no port.
#[must_use]
pub const fn any(family: Family) -> SocketAddr {
    let ip = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(ip, 0)
}

/// Checks that a socket of `family` can have or reach `address`.
pub(super) fn check_family(family: Family, address: SocketAddr) -> Result<(), Errno> {
    match (family, address) {
        (Family::V4, SocketAddr::V6(_)) => Err(Errno::EAFNOSUPPORT),
        (Family::V4 | Family::V6, _) => Ok(()),
    }
}

/// Whether a connection may go to `address`.
pub(super) fn is_reachable(address: SocketAddr) -> bool {
    let ip = plain(address).ip();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !ip.is_unspecified() && !ip.is_multicast() && !broadcast && address.port() != 0
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Errno> {
    let rest = bytes.get(at..).ok_or(Errno::EINVAL)?;
    rest.first_chunk().copied().ok_or(Errno::EINVAL)
}

/// `struct sockaddr_in`.
const V4_LEN: usize = 16;
/// `struct sockaddr_in6` without its scope.
const V6_LEN_MIN: usize = 24;
