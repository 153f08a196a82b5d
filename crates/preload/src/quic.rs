//! The calls of a QUIC socket: the values that the program gave in, what the C function returns out.

use core::ffi::c_int;

use inquic_calls::{ARGUMENTS, Call, DRAIN, FETCH, FILL, MUST_NOT_WAIT, PIPE, Wish};

use crate::descriptors::{self, Quic};
use crate::home::{self, Answered, Failure};
use crate::{gone, own};

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
        let wish = Wish::Fetch(answered.ticket);
        match opened(wish, flags) {
            Ok(descriptor) => {
                own::set_errno(before);
                descriptor
            }
            Err(failure) => failed(gone::errno(failure, Call::Accept, &[0; ARGUMENTS])),
        }
    }

    /// getsockopt(): a stream's descriptor is fetched, and its number written where the program wants it.
    pub(crate) fn get_option(self, values: [u64; 4]) -> c_int {
        let before = own::errno();
        // Opening a stream waits for the peer's word.
        let got = match self.answered(Call::GetOption, self.how(0), with(values)) {
            Ok(answered) if answered.orders & FETCH != 0 => self.fetch(answered.ticket, values[2]),
            Ok(_) => Ok(()),
            // Why it has ended is known to the kernel.
            Err(Failure::Gone) if values[..2] == ERROR => {
                own::kernels_option(self.descriptor, values).map_err(Failure::from)
            }
            Err(failure) => Err(failure),
        };
        match got {
            Ok(()) => {
                own::set_errno(before);
                0
            }
            Err(failure) => failed(gone::errno(failure, Call::GetOption, &with(values))),
        }
    }

    /// Fetches a stream's descriptor for the value of an option, which is at `value`.
    fn fetch(self, ticket: u64, value: u64) -> Result<(), Failure> {
        let descriptor = opened(Wish::Fetch(ticket), 0)?;
        let place = value.wrapping_add(DESCRIPTOR_AT);
        let put = [place, u64::from(descriptor.cast_unsigned())];
        let put = self.answered(Call::Put, MUST_NOT_WAIT, with(put));
        put.map(drop).inspect_err(|_| own::close(descriptor))
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
        let values = with(values);
        self.answered(call, how, values)
            .map_err(|failure| gone::errno(failure, call, &values))
    }

    /// As [`Quic::asked`], but for what the call says where the home has ended.
    fn answered(self, call: Call, how: u32, values: [u64; ARGUMENTS]) -> Result<Answered, Failure> {
        let answered = home::call(call, self.cookie, how, values)?;
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
            let errno = c_int::try_from(answered.result.saturating_neg());
            return Err(Failure::Errno(errno.unwrap_or(libc::EIO)));
        }
        Ok(answered)
    }
}

/// The values of a call, those that it has not as 0.
fn with<const N: usize>(values: [u64; N]) -> [u64; ARGUMENTS] {
    let mut all = [0; ARGUMENTS];
    for (to, from) in all.iter_mut().zip(values) {
        *to = from;
    }
    all
}

/// A descriptor of the home's, with the flags of socket() and accept4().
pub(crate) fn opened(wish: Wish, flags: c_int) -> Result<c_int, Failure> {
    let (descriptor, cookie) = home::fetch(wish, flags & libc::SOCK_CLOEXEC != 0)?;
    if flags & libc::SOCK_NONBLOCK != 0 {
        own::set_must_not_wait(descriptor);
    }
    descriptors::keep(descriptor, cookie);
    Ok(descriptor)
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

/// `SOL_SOCKET` and `SO_ERROR`.
const ERROR: [u64; 2] = [libc::SOL_SOCKET as u64, libc::SO_ERROR as u64];
/// Where `struct quic_stream_descriptor` has the descriptor.
const DESCRIPTOR_AT: u64 = 12;
