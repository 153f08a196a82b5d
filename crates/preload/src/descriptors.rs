//! Which descriptors of this process are QUIC sockets: a number in, a socket of the home's out, or nothing.
//!
//! What was found out about a number is kept, since every read and write of the program asks. A number that is no QUIC socket
//! can only become one by a call that is replaced here, which then forgets it. One that is a QUIC socket is looked at each
//! time: close() is the kernel's business, and what has the number since may be anything.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU64, Ordering};

use inquic_calls::{ARGUMENTS, Call, MUST_NOT_WAIT};

use crate::home::{self, Failure};
use crate::own;

/// A descriptor that is a QUIC socket.
#[derive(Clone, Copy)]
pub(crate) struct Quic {
    pub(crate) descriptor: c_int,
    pub(crate) cookie: u64,
}

/// What is known: nothing, [`OTHER`], or the cookie of a QUIC socket.
static KNOWN: [AtomicU64; NUMBERS] = [const { AtomicU64::new(UNKNOWN) }; NUMBERS];

/// The QUIC socket behind a number.
#[inline]
pub(crate) fn quic(descriptor: c_int) -> Option<Quic> {
    if !home::is_present() {
        return None;
    }
    let known = usize::try_from(descriptor)
        .ok()
        .and_then(|at| KNOWN.get(at));
    match known.map_or(UNKNOWN, |known| known.load(Ordering::Relaxed)) {
        OTHER => None,
        cookie => look(descriptor, cookie),
    }
}

/// A number whose meaning may have changed.
pub(crate) fn forget(descriptor: c_int) {
    keep(descriptor, UNKNOWN);
}

/// A number that was made for a socket of the home's.
pub(crate) fn keep(descriptor: c_int, cookie: u64) {
    if let Some(known) = usize::try_from(descriptor)
        .ok()
        .and_then(|at| KNOWN.get(at))
    {
        known.store(cookie, Ordering::Relaxed);
    }
}

/// Whether a Unix socket is one of the home's; nothing if that is not known now.
#[cold]
fn ask_home(descriptor: c_int, cookie: u64) -> Option<bool> {
    match home::call(Call::Who, cookie, MUST_NOT_WAIT, [0; ARGUMENTS]) {
        Ok(answered) => Some(answered.result == 0),
        // Whoever asks the kernel what is in it gets the home's marks for data.
        Err(_) if home::has_made(descriptor) => Some(true),
        Err(Failure::Gone) => Some(false),
        Err(Failure::Errno(_)) => None,
    }
}

fn look(descriptor: c_int, known: u64) -> Option<Quic> {
    let before = own::errno();
    let found = own::cookie(descriptor);
    let cookie = match found {
        Ok(cookie) if cookie == known => Some(cookie),
        Ok(cookie) => {
            let ours = if own::is_unix(descriptor) {
                ask_home(descriptor, cookie)
            } else {
                Some(false)
            };
            match ours {
                Some(true) => keep(descriptor, cookie),
                Some(false) => keep(descriptor, OTHER),
                None => {}
            }
            ours.unwrap_or(false).then_some(cookie)
        }
        Err(libc::EBADF) => None,
        Err(_) => {
            keep(descriptor, OTHER);
            None
        }
    };
    own::set_errno(before);
    cookie.map(|cookie| Quic { descriptor, cookie })
}

/// Numbers that are kept; higher ones are looked at each time.
const NUMBERS: usize = 65_536;
/// No socket has the cookie 0.
const UNKNOWN: u64 = 0;
/// No socket of the home's: the highest cookie is never reached.
const OTHER: u64 = u64::MAX;
