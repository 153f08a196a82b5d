use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use super::*;

/// A waker that looks at once, as some executors do.
struct Looks {
    stream: Arc<Stream>,
    found: AtomicBool,
}

impl Wake for Looks {
    fn wake(self: Arc<Self>) {
        let free = self.stream.waiting.try_lock().is_ok();
        self.found.store(free, Ordering::Relaxed);
    }
}

#[test]
fn who_is_woken_may_look_at_once() {
    let (socket, _peer) = Socket::pair(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    let stream = Arc::new(Stream {
        socket,
        waiting: Mutex::default(),
        registration: OnceLock::new(),
    });
    let looks = Arc::new(Looks {
        stream: stream.clone(),
        found: AtomicBool::new(false),
    });
    let waker = Waker::from(looks.clone());
    push(&mut stream.lock(), &Context::from_waker(&waker));
    stream.wake();
    assert!(looks.found.load(Ordering::Relaxed));
}
