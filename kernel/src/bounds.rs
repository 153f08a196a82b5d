//! How far programs may go with what is the kernel's: sysctls in; bounds of the socket layer out.
#![expect(unsafe_code, reason = "the shim is C")]

use inquic_platform::Duration;
use inquic_socket::options::Bounds;

use crate::ffi;

/// How far a program may go with a socket: net.quic.quic_wmem and quic_rmem, and [`LINGER`].
pub(crate) fn of_program() -> Bounds {
    let (mut send, mut receive) = (0, 0);
    // SAFETY: there is room for both numbers.
    unsafe { ffi::inquic_buffers_most(&raw mut send, &raw mut receive) };
    Bounds {
        send: usize::try_from(send).unwrap_or_default(),
        receive: usize::try_from(receive).unwrap_or_default(),
        linger: LINGER,
    }
}

/// The same for a socket that nobody has any more. Where sockets have taken much, what it holds is for those that somebody has.
pub(crate) fn at_close() -> Bounds {
    let bounds = of_program();
    // SAFETY: it reads a counter.
    if unsafe { ffi::inquic_memory_short() } {
        return Bounds {
            linger: Duration::ZERO,
            ..bounds
        };
    }
    bounds
}

/// How long a socket may go on to deliver when its process may be gone: as TCP bounds what a program lets it wait for the peer.
const LINGER: Duration = Duration::from_secs(120);
/// Bytes of a page of stream data: `INQUIC_PAGE` of the shim.
const PAGE: usize = 8 * 1024;

const _: () = assert!(
    PAGE == inquic_engine::stream::limits::PAGE,
    "the shim knows a page of data by its size"
);
