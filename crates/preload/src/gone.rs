//! What calls say when the home has ended: a call with its values in, an errno out. It must never wait, nor say what would have a program
//! try again at once, or take data for whole that is not.
//!
//! The kernel has closed the home's ends of all descriptors: poll says that each has hung up with an error, as it does where the
//! connection alone has ended.

use core::ffi::c_int;

use inquic_calls::{ARGUMENTS, Call};

use crate::home::Failure;
use crate::own;

/// The errno of a call that has failed.
pub(crate) fn errno(failure: Failure, call: Call, values: &[u64; ARGUMENTS]) -> c_int {
    match failure {
        Failure::Errno(errno) => errno,
        Failure::Gone => ended(call, values),
    }
}

/// The errno of socket(): as where there never was a home.
pub(crate) const fn of_socket(failure: Failure) -> c_int {
    match failure {
        Failure::Errno(errno) => errno,
        Failure::Gone => libc::EPROTONOSUPPORT,
    }
}

fn ended(call: Call, values: &[u64; ARGUMENTS]) -> c_int {
    let [_, second, third, ..] = *values;
    match call {
        Call::Receive | Call::ReceiveMessage | Call::Read => libc::ECONNRESET,
        Call::Send => broken(third),
        Call::SendMessage => broken(second),
        Call::Write => broken(0),
        // It does not listen any more.
        Call::Accept => libc::EINVAL,
        Call::Bind | Call::Listen | Call::Connect => libc::ENETDOWN,
        Call::Who
        | Call::GetOption
        | Call::SetOption
        | Call::OwnName
        | Call::PeerName
        | Call::Ioctl
        | Call::Shutdown
        | Call::Put => libc::ENOTCONN,
    }
}

/// EPIPE, with its signal where `flags` do not forbid it.
fn broken(flags: u64) -> c_int {
    if flags & WITHOUT_SIGNAL == 0 {
        own::raise_pipe();
    }
    libc::EPIPE
}

/// `MSG_NOSIGNAL`, and `MSG_QUIC_DATAGRAM`.
const WITHOUT_SIGNAL: u64 = 0x4000 | 0x1000;
