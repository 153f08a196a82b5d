//! Which errnos the ABI has for which call (docs/abi.md).

use std::sync::atomic::{AtomicBool, Ordering};

use libc::{
    EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, ECONNREFUSED, ECONNRESET, EDOM,
    EFAULT, EINVAL, EISCONN, EMSGSIZE, ENETUNREACH, ENFILE, ENOBUFS, ENOMEM, ENOPROTOOPT, ENOSPC,
    ENOSTR, ENOTCONN, ENOTTY, EOPNOTSUPP, EPIPE, EPROTO, EPROTONOSUPPORT, ESOCKTNOSUPPORT,
    ETIMEDOUT,
};

use super::super::raw::Tried;

#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Socket,
    Bind,
    Listen,
    Accept,
    Connect,
    Set,
    Get,
    Send,
    Receive,
    Shutdown,
    Ioctl,
    Names,
}

impl Call {
    const fn errnos(self) -> &'static [i32] {
        match self {
            Self::Socket => &[EINVAL, EPROTONOSUPPORT, ESOCKTNOSUPPORT],
            Self::Bind => &[
                EACCES,
                EADDRINUSE,
                EADDRNOTAVAIL,
                EAFNOSUPPORT,
                EFAULT,
                EINVAL,
                EOPNOTSUPP,
            ],
            Self::Listen => &[EADDRINUSE, EINVAL, EOPNOTSUPP],
            Self::Accept => &[EAGAIN, EFAULT, EINVAL, EOPNOTSUPP],
            Self::Connect => &[
                EACCES,
                EAFNOSUPPORT,
                EFAULT,
                EINVAL,
                EISCONN,
                ENETUNREACH,
                EOPNOTSUPP,
            ],
            Self::Set => &[
                EACCES,
                EADDRINUSE,
                EADDRNOTAVAIL,
                EAGAIN,
                EDOM,
                EFAULT,
                EINVAL,
                ENOPROTOOPT,
                ENOSTR,
                EOPNOTSUPP,
                EPIPE,
            ],
            Self::Get => &[
                EAGAIN,
                EFAULT,
                EINVAL,
                ENOPROTOOPT,
                ENOSTR,
                ENOTCONN,
                EOPNOTSUPP,
                EPIPE,
            ],
            Self::Send => &[
                EAGAIN, EFAULT, EINVAL, EMSGSIZE, ENOBUFS, ENOSPC, ENOSTR, EPIPE,
            ],
            // The last five are said instead of an end of file.
            Self::Receive => &[
                EAGAIN,
                EFAULT,
                EINVAL,
                EMSGSIZE,
                ENOTCONN,
                ECONNRESET,
                ECONNREFUSED,
                EPROTO,
                EPROTONOSUPPORT,
                ETIMEDOUT,
            ],
            Self::Shutdown => &[EINVAL, ENOTCONN],
            Self::Ioctl => &[EFAULT, EINVAL, ENOTTY, EOPNOTSUPP],
            Self::Names => &[EFAULT, EINVAL, ENOTCONN],
        }
    }
}

/// Whether the home is refused memory now and then, so that any call may be.
pub(super) static STARVED: AtomicBool = AtomicBool::new(false);

fn is_for_want_of_memory(errno: i32) -> bool {
    STARVED.load(Ordering::Relaxed) && [ENOMEM, ENOBUFS, ENFILE].contains(&errno)
}

/// What a call gave, unless it failed as it may.
#[track_caller]
pub(super) fn value<T>(call: Call, tried: Tried<T>) -> Option<T> {
    match tried {
        Ok(value) => Some(value),
        Err(errno) => {
            let allowed = call.errnos().contains(&errno) || is_for_want_of_memory(errno);
            assert!(allowed, "{call:?} says {errno}");
            None
        }
    }
}

/// As [`value`], for calls that give nothing to keep.
#[track_caller]
pub(super) fn check<T>(call: Call, tried: Tried<T>) {
    drop(value(call, tried));
}
