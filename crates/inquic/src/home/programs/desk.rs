//! Work that waits on a desk: whoever has news of it comes, works on it if nobody does, and goes at once if somebody does. No news is
//! lost by that, and nobody waits for the work of another.
//!
//! Who goes leaves its word in `again`, and everybody who leaves the desk, whatever for, looks at that after it: either a newcomer
//! finds the desk free, or whoever was at it finds the newcomer's word.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// A desk with `T` on it.
#[derive(Default)]
pub(super) struct Desk<T> {
    on: Mutex<T>,
    /// Whether somebody came with news since the work was begun last.
    again: AtomicBool,
}

impl<T> Desk<T> {
    /// There is news: `work` is done once more, here or by whoever is at the desk. What it gives is done after the desk is left.
    pub(super) fn tell<F: FnOnce()>(&self, work: impl FnMut(&mut T) -> Option<F>) {
        self.again.store(true, Ordering::SeqCst);
        self.go_on(work);
    }

    /// Looks at what lies there, after whoever works now and what there is news of. `work` is done for those who come meanwhile.
    pub(super) fn look<R, F: FnOnce()>(
        &self,
        look: impl FnOnce(&mut T) -> R,
        mut work: impl FnMut(&mut T) -> Option<F>,
    ) -> R {
        let mut on = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = self.keep_up(&mut on, &mut work);
        let seen = look(&mut on);
        drop(on);
        if let Some(behind) = behind {
            behind();
        }
        self.go_on(work);
        seen
    }

    /// Works as long as there is news, unless somebody else does.
    fn go_on<F: FnOnce()>(&self, mut work: impl FnMut(&mut T) -> Option<F>) {
        while self.again.load(Ordering::SeqCst) {
            let Some(mut on) = self.free() else { return };
            let behind = self.keep_up(&mut on, &mut work);
            drop(on);
            if let Some(behind) = behind {
                behind();
            }
        }
    }

    /// Works at the desk as long as there is news; what is to be done behind it.
    fn keep_up<F>(&self, on: &mut T, work: &mut impl FnMut(&mut T) -> Option<F>) -> Option<F> {
        let mut behind = None;
        while self.again.swap(false, Ordering::SeqCst) {
            behind = work(on).or(behind);
        }
        behind
    }

    /// The desk, if nobody is at it.
    fn free(&self) -> Option<MutexGuard<'_, T>> {
        match self.on.try_lock() {
            Ok(on) => Some(on),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

#[cfg(test)]
mod tests;
