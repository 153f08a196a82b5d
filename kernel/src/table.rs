//! Which ports there are, in all namespaces: an address in, the port that has it out. It holds none of them.
#![expect(unsafe_code, reason = "what is shared has a lock of the shim's")]

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::net::SocketAddr;
use core::ptr;

use inquic_platform::memory;
use inquic_socket::Errno;

use crate::cell::{Shared, Weak};
use crate::connection::Net;
use crate::ffi;
use crate::port::Ports;
use crate::udp::Udp;

/// Where a port is.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) net: Net,
    /// The device that it is bound to; 0 for all.
    pub(crate) device: i32,
    pub(crate) local: SocketAddr,
}

/// A port that others may join.
struct Entry {
    place: Place,
    /// The user that made it.
    owner: u32,
    udp: *const Udp,
    port: Weak<Ports>,
}

/// The table, and the lock around it.
struct Table(UnsafeCell<Vec<Entry>>);

// SAFETY: the lock lets one thread at a time have it.
unsafe impl Sync for Table {}

static TABLE: Table = Table(UnsafeCell::new(Vec::new()));

/// Does something with the table while nobody else does.
fn with<T>(call: impl FnOnce(&mut Vec<Entry>) -> T) -> T {
    // SAFETY: it waits for a lock.
    unsafe { ffi::inquic_ports_lock() };
    // SAFETY: the lock is ours, and `call` does not come here again.
    let answer = call(unsafe { &mut *TABLE.0.get() });
    // SAFETY: the lock is ours.
    unsafe { ffi::inquic_ports_unlock() };
    answer
}

/// Enters a port that was bound.
///
/// # Errors
///
/// [`Errno::ENOMEM`].
pub(crate) fn enter(place: Place, udp: &Arc<Udp>, port: &Shared<Ports>) -> Result<(), Errno> {
    let entry = Entry {
        place,
        owner: caller(),
        udp: Arc::as_ptr(udp),
        port: port.downgrade(),
    };
    with(|entries| {
        let entered = memory::pushed(entries, entry);
        entered.then_some(()).ok_or(Errno::ENOMEM)
    })
}

/// The port at an address, which has to be the same to the letter, for whoever may have it: its user, or root.
///
/// # Errors
///
/// [`Errno::EADDRINUSE`] when it is somebody else's.
pub(crate) fn find(place: &Place) -> Result<Option<Shared<Ports>>, Errno> {
    let caller = caller();
    with(|entries| {
        let found = entries.iter().find(|entry| entry.place.is(place));
        let Some(entry) = found else {
            return Ok(None);
        };
        if caller != ROOT && caller != entry.owner {
            return Err(Errno::EADDRINUSE);
        }
        // SAFETY: a port leaves the table before it is gone.
        Ok(unsafe { entry.port.upgrade() })
    })
}

/// A port is going: nobody finds it any more.
pub(crate) fn forget(udp: &Arc<Udp>) {
    let gone = Arc::as_ptr(udp);
    with(|entries| {
        entries.retain(|entry| !ptr::eq(entry.udp, gone));
        if entries.is_empty() {
            *entries = Vec::new();
        }
    });
}

impl Place {
    fn is(&self, other: &Self) -> bool {
        ptr::eq(self.net.0, other.net.0) && self.device == other.device && self.local == other.local
    }
}

fn caller() -> u32 {
    // SAFETY: it reads who calls.
    unsafe { ffi::inquic_caller() }
}

/// The user who may have every port.
const ROOT: u32 = 0;
