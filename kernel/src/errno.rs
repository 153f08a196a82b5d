//! Errno values as the kernel's functions return them: negated.

use core::ffi::c_int;

use inquic_socket::Errno;
use inquic_socket::sock::Stop;

/// What the shim takes for a call that would block.
pub(crate) const BLOCKED: c_int = -4000;

/// What the shim takes for a message that wants more room than it has made.
pub(crate) const LONGER: c_int = -4001;

/// A call's result as the kernel has it.
pub(crate) fn code(result: Result<usize, Errno>) -> c_int {
    match result {
        Ok(value) => c_int::try_from(value).unwrap_or(c_int::MAX),
        Err(errno) => -(errno as c_int),
    }
}

/// A result that may be to wait.
pub(crate) fn code_or_wait(result: Result<usize, Stop>) -> c_int {
    match result {
        Ok(value) => code(Ok(value)),
        Err(Stop::Blocked { .. }) => BLOCKED,
        Err(stop) => code(Err(stop.errno())),
    }
}

/// An error of a kernel's function by its name; one that has none here is an invalid argument.
///
/// # Errors
///
/// That error.
pub(crate) fn check(code: c_int) -> Result<(), Errno> {
    if code >= 0 {
        return Ok(());
    }
    match -code {
        EPERM => return Err(Errno::EACCES),
        ENETDOWN | EHOSTUNREACH => return Err(Errno::ENETUNREACH),
        ENFILE | ENOBUFS => return Err(Errno::ENOMEM),
        _ => {}
    }
    Err(KNOWN
        .into_iter()
        .find(|&errno| errno as c_int == -code)
        .unwrap_or(Errno::EINVAL))
}

/// What filters and security modules say, which is no errno of the ABI.
const EPERM: c_int = 1;
/// What has the meaning of another errno of the ABI.
const ENFILE: c_int = 23;
const ENETDOWN: c_int = 100;
const ENOBUFS: c_int = 105;
const EHOSTUNREACH: c_int = 113;

const KNOWN: [Errno; 11] = [
    Errno::EAGAIN,
    Errno::ENOMEM,
    Errno::EACCES,
    Errno::EINVAL,
    Errno::EMSGSIZE,
    Errno::EOPNOTSUPP,
    Errno::EAFNOSUPPORT,
    Errno::EADDRINUSE,
    Errno::EADDRNOTAVAIL,
    Errno::ENETUNREACH,
    Errno::ECONNREFUSED,
];
