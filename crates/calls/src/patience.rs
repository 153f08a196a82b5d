//! How long either side lets others run before it sleeps. In: whether what is waited for is there, a clock; out: whether it came. It must
//! never keep a busy machine waiting, nor be kept waiting by one.

use core::sync::atomic::{AtomicU32, Ordering};

/// How often either side lets others run before it sleeps. That is 40 µs on an idle core, about what a request to another process
/// of the same machine takes; a core that others want, they get. With it a program makes 1.4 times as many requests a second.
pub const LINGERS: u32 = 150;

/// Nanoseconds after which others have run for longer than going to sleep and being woken would have taken, five times what lingering
/// takes on an idle core: they want the core for themselves, and who lets them run waits until they had their slice of 3 ms.
pub const LINGER_LONG: u64 = 200_000;

/// Waits that go to sleep at once after such a one: on a busy machine, a slice is lost in one of so many.
pub const HASTY: u32 = 256;

/// What one who waits again and again has learnt of the machine.
#[derive(Debug, Default)]
pub struct Patience {
    /// Waits that are still to go to sleep at once.
    hasty: AtomicU32,
}

impl Patience {
    /// The machine is taken to be idle.
    pub const fn new() -> Self {
        Self {
            hasty: AtomicU32::new(0),
        }
    }

    /// Lets others run by `give_way` until what is waited for `is_there`, for a moment; whether it is. `clock` is in nanoseconds.
    ///
    /// A signal that is handled meanwhile interrupts nothing, as one that came before the call. So the moment must be short also where
    /// others keep the core for long: a program that waits for that signal would wait for ever.
    pub fn linger(
        &self,
        mut is_there: impl FnMut() -> bool,
        give_way: impl Fn(),
        clock: impl Fn() -> u64,
    ) -> bool {
        if is_there() {
            return true;
        }
        let hasty = self.hasty.load(Ordering::Relaxed);
        if hasty > 0 {
            // Of two who do this at once one may count for both: it is a guess in any case.
            self.hasty.store(hasty - 1, Ordering::Relaxed);
            return false;
        }
        let end = clock().saturating_add(LINGER_LONG);
        for _ in 0..LINGERS {
            give_way();
            if is_there() {
                return true;
            }
            if clock() > end {
                self.hasty.store(HASTY, Ordering::Relaxed);
                break;
            }
        }
        false
    }
}
