//! Network namespaces: that of a socket, and who keeps it.
#![expect(unsafe_code, reason = "a namespace is the kernel's")]

use crate::ffi;

/// The network namespace of a socket.
#[derive(Clone, Copy)]
pub(crate) struct Net(pub(crate) *mut ffi::Net);

// SAFETY: a namespace may be used by any thread.
unsafe impl Send for Net {}

/// Keeps a namespace while it is there.
pub(crate) struct Stay(Net);

impl Stay {
    /// None where the namespace is ending already.
    pub(crate) fn begin(net: Net) -> Option<Self> {
        // SAFETY: the namespace's end waits for whoever is in it.
        let kept = unsafe { ffi::inquic_net_get(net.0) };
        kept.then(|| Self(net))
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        // SAFETY: it was kept, once.
        unsafe { ffi::inquic_net_put(self.0.0) }
    }
}
