//! The library's own system calls, which pass by the C library's functions: those are replaced here.
#![expect(
    unsafe_code,
    reason = "system calls take addresses, and errno is a place in memory"
)]

use core::ffi::{c_int, c_long, c_void};
use core::ptr;
use core::sync::atomic::AtomicU32;

use inquic_calls::FILLER_BYTES;

/// What a system call returned, or its errno.
pub(crate) type Result<T> = core::result::Result<T, c_int>;

/// The calling thread's errno.
pub(crate) fn errno() -> c_int {
    // SAFETY: it has no conditions.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the place is the calling thread's own and lives as long as the thread.
    unsafe { *place }
}

/// Sets the calling thread's errno.
pub(crate) fn set_errno(errno: c_int) {
    // SAFETY: it has no conditions.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the place is the calling thread's own and lives as long as the thread.
    unsafe { *place = errno }
}

/// The result of a system call that was just made.
pub(crate) fn checked(result: c_long) -> Result<c_long> {
    if result < 0 { Err(errno()) } else { Ok(result) }
}

/// The number by which the kernel knows a socket, or why there is none: ENOTSOCK, EBADF.
pub(crate) fn cookie(descriptor: c_int) -> Result<u64> {
    option(descriptor, libc::SO_COOKIE)
}

/// Whether a socket is of the Unix family, as the home's are.
pub(crate) fn is_unix(descriptor: c_int) -> bool {
    option::<c_int>(descriptor, libc::SO_DOMAIN) == Ok(libc::AF_UNIX)
}

fn option<T: Default>(descriptor: c_int, number: c_int) -> Result<T> {
    let mut value = T::default();
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: both places live until the call returns, and `len` says how large the first one is.
    let result = unsafe {
        libc::syscall(
            libc::SYS_getsockopt,
            descriptor,
            libc::SOL_SOCKET,
            number,
            &raw mut value,
            &raw mut len,
        )
    };
    checked(result).map(|_| value)
}

/// The process that has made a pair of sockets, whose end the descriptor is.
pub(crate) fn maker(descriptor: c_int) -> Result<c_int> {
    // A `struct ucred`: the process comes first.
    let [process, _, _]: [c_int; 3] = option(descriptor, libc::SO_PEERCRED)?;
    Ok(process)
}

/// getsockopt() as the kernel answers it, by addresses of the program's.
pub(crate) fn kernels_option(descriptor: c_int, values: [u64; 4]) -> Result<()> {
    let [level, name, value, len] = values;
    // SAFETY: the kernel looks whether these are addresses of the program's; the program wants them written.
    let result =
        unsafe { libc::syscall(libc::SYS_getsockopt, descriptor, level, name, value, len) };
    checked(result).map(drop)
}

/// Whether the descriptor has `O_NONBLOCK`.
pub(crate) fn must_not_wait(descriptor: c_int) -> bool {
    // SAFETY: no address is given.
    let flags = unsafe { libc::syscall(libc::SYS_fcntl, descriptor, libc::F_GETFL, 0) };
    flags > 0 && flags & c_long::from(libc::O_NONBLOCK) != 0
}

/// Gives the descriptor `O_NONBLOCK`.
pub(crate) fn set_must_not_wait(descriptor: c_int) {
    // SAFETY: no address is given.
    let flags = unsafe { libc::syscall(libc::SYS_fcntl, descriptor, libc::F_GETFL, 0) };
    let flags = flags | c_long::from(libc::O_NONBLOCK);
    // SAFETY: no address is given.
    unsafe { libc::syscall(libc::SYS_fcntl, descriptor, libc::F_SETFL, flags) };
}

/// A copy of the descriptor with the lowest free number, in its place.
pub(crate) fn lowest(descriptor: c_int, close_on_exec: bool) -> c_int {
    let command = if close_on_exec {
        libc::F_DUPFD_CLOEXEC
    } else {
        libc::F_DUPFD
    };
    // SAFETY: no address is given.
    let copy = unsafe { libc::syscall(libc::SYS_fcntl, descriptor, command, 0) };
    match c_int::try_from(copy) {
        Ok(copy) if copy >= 0 => {
            close(descriptor);
            copy
        }
        _ => descriptor,
    }
}

/// Sleeps while `word` is `value`, until it is woken or a signal was handled (EINTR).
pub(crate) fn sleep(word: &AtomicU32, value: u32) -> Result<()> {
    // SAFETY: the word lives as long as it is borrowed, and no time is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            value,
            ptr::null::<c_void>(),
        )
    };
    checked(result).map(drop)
}

/// Lets other threads run, if there are any.
pub(crate) fn let_others_run() {
    // SAFETY: no address is given.
    unsafe { libc::syscall(libc::SYS_sched_yield) };
}

/// The time in nanoseconds, of a clock that only goes forward.
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the time lives until the call returns.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    let seconds = time.tv_sec.unsigned_abs();
    seconds * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Wakes who sleeps on `word`.
pub(crate) fn wake(word: &AtomicU32) {
    // SAFETY: the word lives as long as it is borrowed.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}

/// Takes one byte out of a descriptor of the home's.
pub(crate) fn drain(descriptor: c_int) {
    let mut byte = 0_u8;
    // SAFETY: the byte lives until the call returns.
    unsafe {
        libc::syscall(
            libc::SYS_recvfrom,
            descriptor,
            &raw mut byte,
            1,
            libc::MSG_DONTWAIT,
            ptr::null_mut::<c_void>(),
            ptr::null_mut::<c_void>(),
        )
    };
}

/// Makes a descriptor of the home's not writable.
pub(crate) fn fill(descriptor: c_int) {
    // The home takes out all but one byte, whose memory it is that stays in use.
    for filler in [&FILLER[..], &FILLER[..1]] {
        // SAFETY: the filler lives as long as the program.
        unsafe {
            libc::syscall(
                libc::SYS_sendto,
                descriptor,
                filler.as_ptr(),
                filler.len(),
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                ptr::null::<c_void>(),
                0,
            )
        };
    }
}

/// Closes a descriptor of the library's own.
pub(crate) fn close(descriptor: c_int) {
    // SAFETY: no address is given.
    unsafe { libc::syscall(libc::SYS_close, descriptor) };
}

/// Raises SIGPIPE in the calling thread.
pub(crate) fn raise_pipe() {
    // SAFETY: it has no conditions.
    unsafe { libc::raise(libc::SIGPIPE) };
}

/// A number that nobody guesses; 0 when the kernel has none.
pub(crate) fn random() -> u64 {
    let mut number = 0_u64;
    // SAFETY: the number lives until the call returns.
    unsafe { libc::syscall(libc::SYS_getrandom, &raw mut number, size_of::<u64>(), 0) };
    number
}

/// Opens the memory of the program itself.
pub(crate) fn open_memory() -> Result<c_int> {
    // SAFETY: the path is a C string.
    let result = unsafe {
        libc::syscall(
            libc::SYS_openat,
            libc::AT_FDCWD,
            c"/proc/self/mem".as_ptr(),
            libc::O_RDWR | libc::O_CLOEXEC,
            0,
        )
    };
    checked(result).map(|descriptor| descriptor as c_int)
}

static FILLER: [u8; FILLER_BYTES] = [0; FILLER_BYTES];
