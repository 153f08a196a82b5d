//! The blocking face's wait: a poll function in, its answer out; the thread sleeps in between.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// Wakes the thread that made it.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    /// One waker a thread: taking it and putting it back costs nothing, making one allocates.
    static WAKER: Cell<Option<Waker>> = const { Cell::new(None) };
}

/// Calls `poll` until it is ready, sleeping as long as it asks to.
pub(crate) fn block_on<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    with_waker(|context| {
        loop {
            if let Poll::Ready(value) = poll(context) {
                return value;
            }
            thread::park();
        }
    })
}

/// As [`block_on`], for `limit` at most.
pub(crate) fn block_on_for<T>(
    limit: Duration,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    let end = super::clock::now()
        + inquic_platform::Duration::from_nanos(
            u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX),
        );
    with_waker(|context| {
        loop {
            if let Poll::Ready(value) = poll(context) {
                return Some(value);
            }
            let now = super::clock::now();
            if now >= end {
                return None;
            }
            thread::park_timeout(super::clock::until(now, end));
        }
    })
}

fn with_waker<T>(wait: impl FnOnce(&mut Context<'_>) -> T) -> T {
    let waker = WAKER
        .take()
        .unwrap_or_else(|| Waker::from(Arc::new(Unpark(thread::current()))));
    let value = wait(&mut Context::from_waker(&waker));
    WAKER.set(Some(waker));
    value
}
