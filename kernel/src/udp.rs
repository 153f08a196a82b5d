//! A UDP socket of the kernel: addresses and trains of datagrams, as the shim has them and as the engine has them.
#![expect(unsafe_code, reason = "the shim is C")]

use core::ffi::c_int;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicBool;

use inquic_engine::{Path, Transmit};
use inquic_socket::Errno;
use inquic_socket::sock::{Family, address};
use inquic_uapi::socket::{AF_INET, AF_INET6};

use crate::buffer::Buffer;
use crate::errno;
use crate::ffi::{self, Address, Datagrams};
use crate::table;

/// A UDP socket.
pub(crate) struct Udp {
    raw: NonNull<ffi::Udp>,
    family: Family,
    /// Whether the table of ports has it.
    pub(crate) entered: AtomicBool,
}

// SAFETY: the kernel's sockets have locks of their own.
unsafe impl Send for Udp {}
// SAFETY: as above.
unsafe impl Sync for Udp {}

/// What was received.
pub(crate) struct Train {
    pub(crate) path: Path,
    pub(crate) bytes: usize,
    pub(crate) segment: usize,
    pub(crate) ecn: u8,
}

impl Udp {
    /// A socket that is not bound, with what was set on the socket in `cell`.
    ///
    /// # Errors
    ///
    /// As socket(2).
    pub(crate) fn new(
        net: *mut ffi::Net,
        family: Family,
        cell: *mut ffi::Cell,
    ) -> Result<Self, Errno> {
        let number = match family {
            Family::V4 => AF_INET,
            Family::V6 => AF_INET6,
        };
        let mut udp = ptr::null_mut();
        // SAFETY: the namespace and the cell are those of a socket which is alive.
        let error = unsafe { ffi::inquic_udp_new(net, number.into(), cell, &raw mut udp) };
        errno::check(error)?;
        Ok(Self {
            raw: NonNull::new(udp).ok_or(Errno::ENOMEM)?,
            family,
            entered: AtomicBool::new(false),
        })
    }

    /// Binds it to `local`.
    ///
    /// # Errors
    ///
    /// As bind(2).
    pub(crate) fn bind(&self, local: SocketAddr) -> Result<(), Errno> {
        let address = match (self.family, local.ip()) {
            (Family::V6, IpAddr::V4(ip)) => {
                SocketAddr::new(IpAddr::V6(ip.to_ipv6_mapped()), local.port())
            }
            _ => local,
        };
        let address = Address::from(address);
        // SAFETY: the address is one.
        errno::check(unsafe { ffi::inquic_udp_bind(self.raw.as_ptr(), &raw const address) })
    }

    /// Whether a way leads to `peer`. The socket is of no use afterwards.
    ///
    /// # Errors
    ///
    /// As connect(2) of UDP.
    pub(crate) fn reach(self, peer: SocketAddr) -> Result<(), Errno> {
        let address = Address::from(peer);
        // SAFETY: the address is one.
        errno::check(unsafe { ffi::inquic_udp_reach(self.raw.as_ptr(), &raw const address) })
    }

    /// Takes over what was set on the socket in `cell`.
    pub(crate) fn follow(&self, cell: *mut ffi::Cell) {
        // SAFETY: the cell is alive.
        unsafe { ffi::inquic_udp_follow(self.raw.as_ptr(), cell) }
    }

    /// setsockopt() of another level than ours, which may change something for the one who made the port: 0, or the errno, negated.
    pub(crate) fn set_option(&self, maker: bool, level: c_int, name: c_int, value: &[u8]) -> c_int {
        let (value, len) = (value.as_ptr(), value.len());
        // SAFETY: the value may be read from end to end.
        unsafe { ffi::inquic_udp_setsockopt(self.raw.as_ptr(), maker, level, name, value, len) }
    }

    /// What is below it, held for the shim.
    pub(crate) fn hold(&self) -> *mut ffi::Sock {
        // SAFETY: the socket is alive.
        unsafe { ffi::inquic_udp_hold(self.raw.as_ptr()) }
    }

    /// Datagrams do not make a cell run any more.
    pub(crate) fn detach(&self) {
        // SAFETY: the socket is alive.
        unsafe { ffi::inquic_udp_detach(self.raw.as_ptr()) }
    }

    /// Whether packets that leave from `local` leave by it.
    pub(crate) fn serves(&self, local: SocketAddr) -> bool {
        self.local().is_some_and(|ours| {
            ours.port() == local.port() && (ours.ip() == local.ip() || ours.ip().is_unspecified())
        })
    }

    /// Datagrams make the cell run from now on.
    pub(crate) fn attach(&self, cell: *mut ffi::Cell) {
        // SAFETY: the cell detaches its sockets before it goes.
        unsafe { ffi::inquic_udp_attach(self.raw.as_ptr(), cell) }
    }

    /// The address and port that it is bound to.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        let mut address = Address([0; 28]);
        // SAFETY: there is room for an address.
        let error = unsafe { ffi::inquic_udp_name(self.raw.as_ptr(), &raw mut address) };
        errno::check(error).ok()?;
        address.to_std()
    }

    /// Whether a train of datagrams waits. It costs less than to fetch none.
    pub(crate) fn waits(&self) -> bool {
        // SAFETY: the socket is alive.
        unsafe { ffi::inquic_udp_waits(self.raw.as_ptr()) }
    }

    /// Fetches a train of datagrams into `buffer`, if there is one.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Option<Train> {
        let mut datagrams = Datagrams::NONE;
        // SAFETY: `buffer` may be written to from end to end.
        let got = unsafe {
            ffi::inquic_udp_receive(
                self.raw.as_ptr(),
                buffer.as_mut_ptr(),
                buffer.len(),
                &raw mut datagrams,
            )
        };
        Some(Train {
            bytes: usize::try_from(got).ok()?,
            path: Path {
                local: datagrams.local.to_std(),
                remote: datagrams.remote.to_std()?,
            },
            segment: datagrams.segment as usize,
            ecn: datagrams.ecn as u8,
        })
    }

    /// Sends the train of datagrams at the start of `buffer`, which the network may have for longer: see [`Buffer::renew`].
    ///
    /// # Errors
    ///
    /// As sendmsg(2).
    pub(crate) fn send(&self, buffer: &Buffer, transmit: &Transmit) -> Result<(), Errno> {
        let bytes = buffer.get(..transmit.bytes).ok_or(Errno::EINVAL)?;
        let unspecified = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let datagrams = Datagrams {
            local: transmit.path.local.unwrap_or(unspecified).into(),
            remote: transmit.path.remote.into(),
            segment: transmit.segment as u32,
            ecn: transmit.ecn.into(),
        };
        let sent = self.give(bytes, &datagrams);
        if transmit.segment >= bytes.len() || ![-EIO, -EINVAL].contains(&sent) {
            return errno::check(sent);
        }
        // Not every way out cuts trains: one through IPsec does not.
        for datagram in bytes.chunks(transmit.segment.max(1)) {
            errno::check(self.give(datagram, &datagrams))?;
        }
        Ok(())
    }

    /// Gives a train to the network: 0, or the errno, negated.
    fn give(&self, bytes: &[u8], datagrams: &Datagrams) -> c_int {
        // SAFETY: `bytes` may be read from end to end, and the pages of their buffer are given up one by one.
        unsafe { ffi::inquic_udp_send(self.raw.as_ptr(), bytes.as_ptr(), bytes.len(), datagrams) }
    }
}

impl Drop for Udp {
    fn drop(&mut self) {
        // SAFETY: nobody else has it.
        unsafe { ffi::inquic_udp_free(self.raw.as_ptr()) }
        if *self.entered.get_mut() {
            table::forget(self);
        }
    }
}

impl Datagrams {
    const NONE: Self = Self {
        local: Address([0; 28]),
        remote: Address([0; 28]),
        segment: 0,
        ecn: 0,
    };
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let mut bytes = [0; 28];
        let mut put = |at: usize, field: &[u8]| {
            for (to, from) in bytes.iter_mut().skip(at).zip(field) {
                *to = *from;
            }
        };
        put(2, &address.port().to_be_bytes());
        match address {
            SocketAddr::V4(v4) => {
                put(0, &AF_INET.to_ne_bytes());
                put(4, &v4.ip().octets());
            }
            SocketAddr::V6(v6) => {
                put(0, &AF_INET6.to_ne_bytes());
                put(8, &v6.ip().octets());
                put(24, &v6.scope_id().to_ne_bytes());
            }
        }
        Self(bytes)
    }
}

impl Address {
    fn to_std(self) -> Option<SocketAddr> {
        let [f0, f1, p0, p1, rest @ ..] = self.0;
        let port = u16::from_be_bytes([p0, p1]);
        match u16::from_ne_bytes([f0, f1]) {
            AF_INET => {
                let ip = Ipv4Addr::from(*rest.first_chunk::<4>()?);
                Some(SocketAddr::new(IpAddr::V4(ip), port))
            }
            AF_INET6 => {
                let ip = Ipv6Addr::from(*rest.get(4..20)?.first_chunk::<16>()?);
                let scope = u32::from_ne_bytes(*rest.get(20..24)?.first_chunk::<4>()?);
                // IPv4 has one form, whatever socket it comes to.
                let found = SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope));
                Some(address::plain(found))
            }
            _ => None,
        }
    }
}

/// What the network says where it cannot cut a train.
const EIO: c_int = 5;
const EINVAL: c_int = 22;
