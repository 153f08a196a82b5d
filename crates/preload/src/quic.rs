//! The calls of a QUIC socket: the values that the program gave in, what the C function returns out.

use core::ffi::c_int;

use inquic_calls::{ARGUMENTS, Call, DRAIN, FETCH, FILL, MUST_NOT_WAIT, PIPE, Wish};

use crate::descriptors::{self, Quic};
use crate::home::{self, Answered};
use crate::own;

impl Quic {
    /// A call that never waits.
    pub(crate) fn call<const N: usize>(self, call: Call, values: [u64; N]) -> isize {
        self.made(call, MUST_NOT_WAIT, values)
    }

    /// A call that waits, unless `flags` have `MSG_DONTWAIT` or the descriptor has `O_NONBLOCK`.
    pub(crate) fn waiting_call<const N: usize>(
        self,
        call: Call,
        flags: c_int,
        values: [u64; N],
    ) -> isize {
        self.made(call, self.how(flags), values)
    }

    /// accept(): the descriptor of the connection.
    pub(crate) fn accept(self, address: u64, len: u64, flags: c_int) -> c_int {
        if flags & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) != 0 {
            return failed(libc::EINVAL);
        }
        let before = own::errno();
        let answered = match self.asked(Call::Accept, self.how(0), [address, len]) {
            Ok(answered) => answered,
            Err(errno) => return failed(errno),
        };
        let opened = opened(Wish::Fetch(answered.ticket), flags);
        if opened >= 0 {
            own::set_errno(before);
        }
        opened
    }

    /// getsockopt(): a stream's descriptor is fetched, and its number written where the program wants it.
    pub(crate) fn get_option(self, values: [u64; 4]) -> c_int {
        let before = own::errno();
        // Opening a stream waits for the peer's word.
        let answered = match self.asked(Call::GetOption, self.how(0), values) {
            Ok(answered) => answered,
            Err(errno) => return failed(errno),
        };
        if answered.orders & FETCH != 0 {
            let descriptor = opened(Wish::Fetch(answered.ticket), 0);
            if descriptor < 0 {
                return descriptor;
            }
            let place = values[2].wrapping_add(DESCRIPTOR_AT);
            let put = [place, u64::from(descriptor.cast_unsigned())];
            if let Err(errno) = self.asked(Call::Put, MUST_NOT_WAIT, put) {
                own::close(descriptor);
                return failed(errno);
            }
        }
        own::set_errno(before);
        0
    }

    fn made<const N: usize>(self, call: Call, how: u32, values: [u64; N]) -> isize {
        let before = own::errno();
        match self.asked(call, how, values) {
            Ok(answered) => {
                own::set_errno(before);
                isize::try_from(answered.result).unwrap_or(isize::MAX)
            }
            Err(errno) => failed(errno),
        }
    }

    /// Whether a call with these flags may wait.
    fn how(self, flags: c_int) -> u32 {
        if flags & libc::MSG_DONTWAIT != 0 || own::must_not_wait(self.descriptor) {
            MUST_NOT_WAIT
        } else {
            0
        }
    }

    /// Asks the home, and does what it orders. Its answer if the call went well, an errno otherwise.
    fn asked<const N: usize>(
        self,
        call: Call,
        how: u32,
        values: [u64; N],
    ) -> own::Result<Answered> {
        let mut arguments = [0; ARGUMENTS];
        for (to, from) in arguments.iter_mut().zip(values) {
            *to = from;
        }
        let answered = home::call(call, self.cookie, how, arguments)?;
        if answered.orders & DRAIN != 0 {
            own::drain(self.descriptor);
        }
        if answered.orders & FILL != 0 {
            own::fill(self.descriptor);
        }
        if answered.orders & PIPE != 0 {
            own::raise_pipe();
        }
        if answered.result < 0 {
            return Err(c_int::try_from(answered.result.saturating_neg()).unwrap_or(libc::EIO));
        }
        Ok(answered)
    }
}

/// A descriptor of the home's, with the flags of socket() and accept4().
pub(crate) fn opened(wish: Wish, flags: c_int) -> c_int {
    match home::fetch(wish, flags & libc::SOCK_CLOEXEC != 0) {
        Ok((descriptor, cookie)) => {
            if flags & libc::SOCK_NONBLOCK != 0 {
                own::set_must_not_wait(descriptor);
            }
            descriptors::keep(descriptor, cookie);
            descriptor
        }
        Err(errno) => failed(errno),
    }
}

/// What a C function returns: -1 when it has failed.
pub(crate) trait Returned {
    /// The same number, in the function's type.
    fn of(value: isize) -> Self;
}

impl Returned for c_int {
    fn of(value: isize) -> Self {
        Self::try_from(value).unwrap_or(Self::MAX)
    }
}

impl Returned for isize {
    fn of(value: isize) -> Self {
        value
    }
}

/// Fails with an errno.
pub(crate) fn failed<T: Returned>(errno: c_int) -> T {
    own::set_errno(errno);
    T::of(-1)
}

/// Where `struct quic_stream_descriptor` has the descriptor.
const DESCRIPTOR_AT: u64 = 12;
