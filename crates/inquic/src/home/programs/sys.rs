//! What programs need of the kernel and nothing safe gives: the memory of another process, memory shared with it, and options of
//! UDP sockets whose meaning is not known here. Lengths and addresses in, bytes out; never an address of this process.
#![expect(
    unsafe_code,
    reason = "the kernel takes the addresses of buffers, and mapped memory is an address"
)]

use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use inquic_calls::{NOBODY, PAGE_BYTES, PROGRAM_SLEEPS, Page};
use rustix::mm::{MapFlags, ProtFlags};
use rustix::process::Signal;
use rustix::thread::{futex, gettid};

/// The effective user of a process.
pub(super) fn user_of(process: i32) -> io::Result<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    // The real one comes first.
    let effective = users.and_then(|users| users.split_ascii_whitespace().nth(1)?.parse().ok());
    effective.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Whether the kernel lets only privileged processes have a port.
pub(super) fn is_privileged(port: u16) -> bool {
    let start = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let start = start.ok().and_then(|start| start.trim().parse().ok());
    port != 0 && port < start.unwrap_or(1024)
}

/// A piece of another process's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) address: u64,
    pub(super) len: usize,
}

impl Piece {
    const fn remote(self) -> libc::iovec {
        libc::iovec {
            // It is an address in another process, and nothing to follow here.
            iov_base: ptr::without_provenance_mut(self.address as usize),
            iov_len: self.len,
        }
    }
}

/// Pieces that one call takes.
const PIECES: usize = 16;

/// Reads `pieces` of a process's memory into `out`, one after the other; how many bytes could be read.
pub(super) fn read_memory(process: i32, pieces: &[Piece], out: &mut [u8]) -> io::Result<usize> {
    let mut remote = [Piece::default().remote(); PIECES];
    let mut read = 0;
    for pieces in pieces.chunks(PIECES) {
        let wanted = fill(&mut remote, pieces, out.len() - read);
        let local = libc::iovec {
            iov_base: out[read..].as_mut_ptr().cast(),
            iov_len: wanted,
        };
        // SAFETY: `local` is the rest of `out`, which is borrowed until the call returns; the kernel checks the other addresses.
        let bytes = unsafe {
            libc::process_vm_readv(
                process,
                &raw const local,
                1,
                remote.as_ptr(),
                pieces.len() as u64,
                0,
            )
        };
        let bytes = usize::try_from(bytes).map_err(|_| io::Error::last_os_error())?;
        read += bytes;
        if bytes < wanted {
            break;
        }
    }
    Ok(read)
}

/// Writes `bytes` into `pieces` of a process's memory, one after the other; how many bytes could be written.
pub(super) fn write_memory(process: i32, pieces: &[Piece], bytes: &[u8]) -> io::Result<usize> {
    let mut remote = [Piece::default().remote(); PIECES];
    let mut written = 0;
    for pieces in pieces.chunks(PIECES) {
        let wanted = fill(&mut remote, pieces, bytes.len() - written);
        if wanted == 0 {
            break;
        }
        let local = libc::iovec {
            iov_base: bytes[written..].as_ptr().cast_mut().cast(),
            iov_len: wanted,
        };
        // SAFETY: `local` is the rest of `bytes`, borrowed until the call returns, which reads it only; the kernel checks the
        // other addresses.
        let done = unsafe {
            libc::process_vm_writev(
                process,
                &raw const local,
                1,
                remote.as_ptr(),
                pieces.len() as u64,
                0,
            )
        };
        let done = usize::try_from(done).map_err(|_| io::Error::last_os_error())?;
        written += done;
        if done < wanted {
            break;
        }
    }
    Ok(written)
}

/// Puts `pieces` into `remote`, no more than `room` bytes; how many bytes they are.
fn fill(remote: &mut [libc::iovec; PIECES], pieces: &[Piece], room: usize) -> usize {
    let mut bytes = 0;
    for (to, piece) in remote.iter_mut().zip(pieces) {
        let len = piece.len.min(room - bytes);
        *to = Piece { len, ..*piece }.remote();
        bytes += len;
    }
    bytes
}

/// A page that is shared with a program.
pub(super) struct Mapped(&'static Page);

impl Mapped {
    /// Maps the first page of `memory`, which is as large.
    pub(super) fn new(memory: BorrowedFd<'_>) -> io::Result<Self> {
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let page = unsafe {
            rustix::mm::mmap(
                ptr::null_mut(),
                PAGE_BYTES,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                memory,
                0,
            )
        }?;
        // SAFETY: the mapping is as large as a page, aligned, zero at first, and stays until `Drop`; it has atomics only, so
        // that what the program writes there is no data race.
        Ok(Self(unsafe { &*page.cast::<Page>() }))
    }
}

impl Deref for Mapped {
    type Target = Page;

    fn deref(&self) -> &Page {
        self.0
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        let page = ptr::from_ref(self.0).cast_mut().cast();
        // SAFETY: `new` has made the mapping with this length, and nobody has a reference into it that outlives `self`.
        let unmapped = unsafe { rustix::mm::munmap(page, PAGE_BYTES) };
        debug_assert!(unmapped.is_ok(), "it was mapped");
    }
}

/// The calling thread serves a page: [`Page::keeper`] says so, and that it does no more when this is dropped, or when the thread ends
/// in any other way. Then the kernel writes it there and wakes the program, as it does for the owner of a robust lock (set_robust_list(2)).
pub(super) struct Keeper<'a> {
    page: &'a Page,
    list: *mut LocksHeld,
    /// It concerns the thread that made it.
    _thread: PhantomData<*mut ()>,
}

/// `struct robust_list_head`: no locks in the list, and one that is about to be taken.
#[repr(C)]
struct LocksHeld {
    first: *const Self,
    offset: libc::c_long,
    pending: *const AtomicU32,
}

impl<'a> Keeper<'a> {
    /// The calling thread serves `page` from now on.
    pub(super) fn new(page: &'a Page) -> io::Result<Self> {
        let list = Box::into_raw(Box::new(LocksHeld {
            first: ptr::null(),
            offset: 0,
            pending: &raw const page.keeper,
        }));
        // A list that is empty leads back to itself.
        // SAFETY: it was just made, and nobody else knows it.
        unsafe { (*list).first = list };
        let keeper = Self {
            page,
            list,
            _thread: PhantomData,
        };
        keep_locks(list)?;
        let thread = gettid().as_raw_nonzero().get().cast_unsigned();
        page.keeper.fetch_or(thread, Ordering::SeqCst);
        Ok(keeper)
    }
}

impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        // The kernel takes any address, null for none.
        let forgotten = keep_locks(ptr::null());
        debug_assert!(forgotten.is_ok(), "it was told before");
        // SAFETY: `new` has it from a box, and the kernel does not know it any more.
        drop(unsafe { Box::from_raw(self.list) });
        let before = self.page.keeper.swap(NOBODY, Ordering::SeqCst);
        if before & PROGRAM_SLEEPS != 0 {
            // If the program has woken by itself, nobody is there to wake.
            let _ = futex::wake(&self.page.keeper, futex::Flags::empty(), 1);
        }
    }
}

/// The locks that the kernel looks at when the calling thread ends, in place of what the C library told it of: no lock of that kind is
/// taken in such a thread.
fn keep_locks(list: *const LocksHeld) -> io::Result<()> {
    // SAFETY: the kernel only notes the address, and reads there when the thread ends; `Keeper` has the memory as long.
    let result = unsafe { libc::syscall(libc::SYS_set_robust_list, list, size_of::<LocksHeld>()) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// setsockopt() on a socket of this process, for a program.
pub(super) fn set_option(socket: impl AsFd, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    let len = value.len() as libc::socklen_t;
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the socket is open, and the value borrowed until the call returns.
    let result = unsafe { libc::setsockopt(socket, level, name, value.as_ptr().cast(), len) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// getsockopt() on a socket of this process, for a program: how many bytes of `value` it gave.
pub(super) fn get_option(
    socket: impl AsFd,
    level: i32,
    name: i32,
    value: &mut [u8],
) -> io::Result<usize> {
    let mut len = value.len() as libc::socklen_t;
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the socket is open, `value` and its length are borrowed until the call returns.
    let result =
        unsafe { libc::getsockopt(socket, level, name, value.as_mut_ptr().cast(), &raw mut len) };
    if result == 0 {
        Ok(len as usize)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Has a program killed when the thread that starts it ends: nobody would serve its calls.
pub(super) fn end_with_parent(command: &mut Command) {
    let end = || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        Ok(())
    };
    // SAFETY: between fork and exec it makes one system call and nothing else.
    unsafe { command.pre_exec(end) };
}

#[cfg(test)]
mod tests;
