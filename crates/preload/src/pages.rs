//! The pages by which the threads of this process call their home: taken for one call, given back after it.
//!
//! None belongs to a thread: a signal's handler that makes a call takes another one, and a thread's end leaves nothing behind.
//! After fork the kernel has emptied the list in the child (`MADV_WIPEONFORK`), so that no page is used by two processes.
#![expect(unsafe_code, reason = "memory is mapped here")]

use core::ffi::c_int;
use core::mem::ManuallyDrop;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use inquic_calls::{NOBODY, PAGE_BYTES, Page};

use crate::own;

/// The list of one process. All zero is an empty one.
struct List {
    /// See [`inquic_calls::Hello::instance`]; 0 when it has not been made.
    instance: AtomicU64,
    /// Addresses of pages; the lowest bit says that one is taken. No list has a gap.
    pages: [AtomicUsize; PAGES],
}

static LIST: AtomicPtr<List> = AtomicPtr::new(ptr::null_mut());

/// A page, for one call.
pub(crate) struct Taken {
    page: &'static Page,
    place: &'static AtomicUsize,
}

impl Taken {
    pub(crate) const fn page(&self) -> &Page {
        self.page
    }

    /// Whether the home answers on it.
    pub(crate) fn is_served(&self) -> bool {
        self.page.keeper.load(Ordering::SeqCst) & NOBODY == 0
    }

    /// Leaves the page taken for good: the home may still answer on it.
    pub(crate) fn abandon(self) {
        let _taken = ManuallyDrop::new(self);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let address: *const Page = self.page;
        self.place
            .store(address.expose_provenance(), Ordering::Release);
    }
}

/// Makes the list, when the program starts. Without it there are no QUIC sockets.
pub(crate) fn start() {
    let len = size_of::<List>().next_multiple_of(PAGE_BYTES);
    // SAFETY: a new private mapping, of memory that is all zero.
    let list = unsafe {
        libc::mmap(
            ptr::null_mut(),
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if list == libc::MAP_FAILED {
        return;
    }
    // SAFETY: the mapping was just made, with this length, and holds nothing yet.
    if unsafe { libc::madvise(list, len, libc::MADV_WIPEONFORK) } == 0 {
        LIST.store(list.cast(), Ordering::Release);
    }
}

/// The number of this process's memory.
pub(crate) fn instance() -> u64 {
    let Some(list) = list() else { return 0 };
    let known = list.instance.load(Ordering::Acquire);
    if known != 0 {
        return known;
    }
    let fresh = own::random().max(1);
    let raced = list
        .instance
        .compare_exchange(0, fresh, Ordering::AcqRel, Ordering::Acquire);
    raced.err().unwrap_or(fresh)
}

/// A page that nobody uses now. `open` gives the descriptor of a new one when all are in use.
pub(crate) fn take<E: From<c_int>>(open: impl Fn() -> Result<c_int, E>) -> Result<Taken, E> {
    loop {
        let taken = take_any(&open)?;
        if taken.is_served() {
            return Ok(taken);
        }
        // Whoever served it has ended: the home, or a child of vfork that had asked for it, whose memory is ours.
        taken.abandon();
    }
}

fn take_any<E: From<c_int>>(open: impl FnOnce() -> Result<c_int, E>) -> Result<Taken, E> {
    let list = list().ok_or(libc::ENOSYS)?;
    for place in &list.pages {
        let address = place.load(Ordering::Relaxed);
        if address == 0 {
            break;
        }
        if address & TAKEN == 0
            && place
                .compare_exchange(
                    address,
                    address | TAKEN,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                )
                .is_ok()
        {
            return Ok(taken(address, place));
        }
    }
    let address = map(open()?)?;
    for place in &list.pages {
        if place
            .compare_exchange(0, address | TAKEN, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        {
            return Ok(taken(address, place));
        }
    }
    // As many threads as that wait in calls already.
    let unused: *mut Page = ptr::with_exposed_provenance_mut(address);
    // SAFETY: `map` has made this mapping, and nobody else knows it.
    unsafe { libc::munmap(unused.cast(), PAGE_BYTES) };
    Err(libc::ENOBUFS.into())
}

fn list() -> Option<&'static List> {
    let list = LIST.load(Ordering::Acquire);
    // SAFETY: it is null, or the mapping that `start` has made, large enough and never unmapped; all zero is a list.
    unsafe { list.as_ref() }
}

fn taken(address: usize, place: &'static AtomicUsize) -> Taken {
    let page: *const Page = ptr::with_exposed_provenance(address);
    // SAFETY: `map` has made this mapping, which is never unmapped once it is in the list, and holds atomics only.
    let page = unsafe { &*page };
    Taken { page, place }
}

/// Maps a page, and closes its descriptor.
fn map(descriptor: c_int) -> own::Result<usize> {
    // SAFETY: a new mapping.
    let page = unsafe {
        libc::mmap(
            ptr::null_mut(),
            PAGE_BYTES,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            descriptor,
            0,
        )
    };
    own::close(descriptor);
    if page == libc::MAP_FAILED {
        return Err(own::errno());
    }
    // A child has pages of its own. If the kernel refuses, the child has this one as well and does not use it.
    // SAFETY: the mapping was just made, with this length.
    unsafe { libc::madvise(page, PAGE_BYTES, libc::MADV_DONTFORK) };
    Ok(page.expose_provenance())
}

/// Threads of one process that can be in calls at once, with those of signal handlers.
const PAGES: usize = 1023;

/// The bit of an address that says that its page is in use.
const TAKEN: usize = 1;
