//! Which ports there are, in all namespaces: an address in, the port that has it out. It holds none of them. Whoever looks for one and
//! makes it where there is none keeps others from doing so meanwhile: two of them would be two ports.
#![expect(unsafe_code, reason = "what is shared has a lock of the shim's")]

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::net::SocketAddr;
use core::ptr;
use core::sync::atomic::Ordering;

use inquic_platform::memory;
use inquic_socket::Errno;

use crate::cell::{Shared, Weak};
use crate::ffi;
use crate::net::Net;
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
    /// None once it is going and the address not free yet.
    port: Option<Weak<Ports>>,
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

/// Nobody else looks for a port or makes one.
pub(crate) struct Binding(());

impl Binding {
    /// Waits for the others.
    pub(crate) fn begin() -> Self {
        // SAFETY: it waits for a lock.
        unsafe { ffi::inquic_binding_lock() };
        Self(())
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        // SAFETY: the lock is ours.
        unsafe { ffi::inquic_binding_unlock() }
    }
}

/// Enters a port that was bound.
///
/// # Errors
///
/// [`Errno::ENOMEM`].
pub(crate) fn enter(
    _: &Binding,
    place: Place,
    udp: &Arc<Udp>,
    port: &Shared<Ports>,
) -> Result<(), Errno> {
    let entry = Entry {
        place,
        owner: caller(),
        udp: Arc::as_ptr(udp),
        port: Some(port.downgrade()),
    };
    with(|entries| {
        let entered = memory::pushed(entries, entry);
        udp.entered.store(entered, Ordering::Relaxed);
        entered.then_some(()).ok_or(Errno::ENOMEM)
    })
}

/// The port at an address, which has to be the same to the letter, for whoever may have it: its user, or root. Waits for one that is going.
///
/// # Errors
///
/// [`Errno::EADDRINUSE`] when it is somebody else's.
pub(crate) fn find(_: &Binding, place: &Place) -> Result<Option<Shared<Ports>>, Errno> {
    let caller = caller();
    for _ in 0..WAITS {
        let found = with(|entries| {
            let found = entries.iter().find(|entry| entry.place.is(place));
            let Some(entry) = found else {
                return Ok(Some(None));
            };
            if caller != ROOT && caller != entry.owner {
                return Err(Errno::EADDRINUSE);
            }
            // SAFETY: a port leaves its entry before it is gone.
            let port = entry
                .port
                .as_ref()
                .and_then(|port| unsafe { port.upgrade() });
            Ok(port.map(Some))
        })?;
        if let Some(found) = found {
            return Ok(found);
        }
        // SAFETY: it sleeps.
        unsafe { ffi::inquic_going_wait() };
    }
    Err(Errno::EADDRINUSE)
}

/// A port is going: nobody joins it any more. Its address is free when its UDP socket is.
pub(crate) fn leave(udp: &Arc<Udp>) {
    let going = Arc::as_ptr(udp);
    with(|entries| {
        let found = entries.iter_mut().find(|entry| ptr::eq(entry.udp, going));
        if let Some(entry) = found {
            entry.port = None;
        }
    });
}

/// The UDP socket of a port is gone.
pub(crate) fn forget(gone: *const Udp) {
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
/// How often who binds looks again whether a port is gone whose last holder is: at most a millisecond each.
const WAITS: usize = 100;
