//! An allocator that counts what a thread holds, and refuses one allocation that the engine makes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with the counters of each thread.
struct Refusing;

thread_local! {
    /// Whether what is allocated now is the engine's.
    static ARMED: Cell<bool> = const { Cell::new(false) };
    /// Allocations of the engine so far.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Which of them is refused; 0 for none.
    static REFUSED: Cell<u64> = const { Cell::new(0) };
    /// Whether the place of the refused one is to be printed.
    static TRACED: Cell<bool> = const { Cell::new(false) };
    /// Bytes that this thread holds, more or less than at its beginning.
    static HELD: Cell<isize> = const { Cell::new(0) };
    /// The most that it held.
    static PEAK: Cell<isize> = const { Cell::new(0) };
    /// Bytes that nothing which is given back may hold.
    static SOUGHT: Cell<[[u8; 32]; 2]> = const { Cell::new([[0; 32]; 2]) };
    /// Whether they are looked for.
    static SEEKS: Cell<bool> = const { Cell::new(false) };
    /// How often they were found.
    static FOUND: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;

// SAFETY: every call goes to the system's allocator unchanged, or gives null, which a caller has to expect. The counters are plain
// cells of a thread without a destructor, so touching them allocates nothing and works while a thread ends.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refuses() {
            return std::ptr::null_mut();
        }
        note(layout.size() as isize);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(-(layout.size() as isize));
        if SEEKS.get() {
            let block = std::hint::black_box(pointer);
            // SAFETY: the block is the caller's until it is given back, and as long as its layout says. It came out of a call that
            // the compiler cannot look into, so that what nobody has written to is some bytes or others, which are only compared.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            seek(bytes);
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn seek(bytes: &[u8]) {
    let sought = SOUGHT.get();
    let hits = bytes
        .windows(32)
        .filter(|window| sought.iter().any(|secret| secret == window));
    FOUND.set(FOUND.get() + hits.count() as u64);
}

/// How often a block that was given back during `call` held any of these.
pub(crate) fn found_in_freed(sought: [[u8; 32]; 2], call: impl FnOnce()) -> u64 {
    FOUND.set(0);
    SOUGHT.set(sought);
    SEEKS.set(true);
    call();
    SEEKS.set(false);
    FOUND.get()
}

fn note(bytes: isize) {
    HELD.set(HELD.get() + bytes);
    PEAK.set(PEAK.get().max(HELD.get()));
}

/// Counts an allocation of the engine; `true` for the one that is refused.
fn refuses() -> bool {
    if !ARMED.get() {
        return false;
    }
    COUNT.set(COUNT.get() + 1);
    let refused = COUNT.get() == REFUSED.get();
    if refused && TRACED.get() {
        outside(|| println!("refused\n{}", std::backtrace::Backtrace::force_capture()));
    }
    refused
}

/// Whether an allocation that a home makes for the engine is refused: its keys count like memory.
pub(crate) fn refuses_key() -> bool {
    ARMED.set(true);
    let refused = refuses();
    ARMED.set(false);
    refused
}

/// Runs something of the engine's.
pub(crate) fn engine<T>(call: impl FnOnce() -> T) -> T {
    ARMED.set(true);
    let result = call();
    ARMED.set(false);
    result
}

/// Runs something that is not the engine's, though the engine called it.
pub(crate) fn outside<T>(call: impl FnOnce() -> T) -> T {
    let armed = ARMED.replace(false);
    let result = call();
    ARMED.set(armed);
    result
}

/// Begins to count; the allocation of this number is refused.
pub(crate) fn begin(refused: u64, traced: bool) {
    COUNT.set(0);
    REFUSED.set(refused);
    TRACED.set(traced);
}

/// Whether one of them is refused.
pub(crate) fn is_refusing() -> bool {
    REFUSED.get() != 0
}

/// Whether that was so already.
pub(crate) fn has_refused() -> bool {
    is_refusing() && COUNT.get() >= REFUSED.get()
}

/// Allocations of the engine since the beginning.
pub(crate) fn count() -> u64 {
    COUNT.get()
}

/// Bytes that this thread holds.
pub(crate) fn held() -> isize {
    HELD.get()
}

/// Bytes that this thread held at most since the last call.
pub(crate) fn take_peak() -> isize {
    let peak = PEAK.get();
    PEAK.set(HELD.get());
    peak
}
