//! An open descriptor of a program: what it stands for, and the home's end of it.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inquic_uapi::flags::{POLLIN, POLLOUT};
use inquic_wire::StreamId;

use super::end::End;
use super::receive::{Receiving, Taken, Undelivered};
use super::registry::Registry;
use super::served::Served;

/// A descriptor. Copies that dup, fork and passing make are one and the same.
pub(super) struct Opened {
    pub(super) cookie: u64,
    pub(super) served: Arc<Served>,
    /// The stream, if it is the descriptor of one and not the socket's.
    pub(super) stream: Option<StreamId>,
    end: Mutex<End>,
    /// What receiving calls have taken and found no place for.
    undelivered: Mutex<VecDeque<Undelivered>>,
    registry: Arc<Registry>,
}

impl Opened {
    /// A new descriptor: what the home has of it, and what the program is to get.
    pub(super) fn new(
        registry: &Arc<Registry>,
        served: &Arc<Served>,
        stream: Option<StreamId>,
    ) -> std::io::Result<(Arc<Self>, OwnedFd)> {
        let (end, theirs, cookie) = End::new()?;
        let opened = Arc::new(Self {
            cookie,
            served: served.clone(),
            stream,
            end: Mutex::new(end),
            undelivered: Mutex::default(),
            registry: registry.clone(),
        });
        // Watched at once: a connection that is over changes what is watched when it is shown.
        registry.insert(opened.clone());
        if let Err(error) = registry.watch(cookie, opened.end().watched()) {
            registry.close(cookie);
            return Err(error);
        }
        served.act(|held, _| {
            let mask = held.mask(served.port().map(|port| &**port), stream);
            if mask & POLLOUT == 0 {
                opened.end().fill(&theirs);
            }
            held.opened.push(opened.clone());
        });
        Ok((opened, theirs))
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn undelivered(&self) -> MutexGuard<'_, VecDeque<Undelivered>> {
        self.undelivered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what a call has taken from the socket and could not deliver, for the next one.
    pub(super) fn keep_undelivered(&self, taken: Taken, receiving: &Receiving, buffer: &[u8]) {
        let undelivered = Undelivered::new(taken, receiving, buffer);
        self.undelivered().push_front(undelivered);
        self.served.retry_waiting();
    }

    /// What a call gets of that, with its data in the buffer.
    pub(super) fn take_undelivered(
        &self,
        receiving: &Receiving,
        buffer: &mut Vec<u8>,
    ) -> Option<Taken> {
        let mut all = self.undelivered();
        let (taken, rest) = all.pop_front()?.take(receiving, buffer);
        if let Some(rest) = rest {
            all.push_front(rest);
        }
        Some(taken)
    }

    /// How many bytes of that there are.
    pub(super) fn undelivered_bytes(&self) -> i32 {
        let bytes: usize = self.undelivered().iter().map(Undelivered::len).sum();
        i32::try_from(bytes).unwrap_or(i32::MAX)
    }

    /// The mask, with what waits here.
    fn with_undelivered(&self, mask: u32) -> u32 {
        if self.undelivered().is_empty() {
            mask
        } else {
            mask | POLLIN
        }
    }

    /// Shows `mask`.
    pub(super) fn show(&self, mask: u32) {
        let mask = self.with_undelivered(mask);
        let mut end = self.end();
        if end.show(mask) {
            // If the kernel has no room to watch it, it is never found closed, and stays until the home ends.
            let _ = self.registry.watch(self.cookie, end.watched());
        }
    }

    /// Whether it has shown the end.
    pub(super) fn has_hung_up(&self) -> bool {
        self.end().has_hung_up()
    }

    /// What the program's library has to do after a call, so that the descriptor shows no more than `mask`.
    pub(super) fn orders(&self, mask: u32, may_fill: bool) -> u32 {
        let mask = self.with_undelivered(mask);
        self.end().orders(mask, may_fill)
    }

    /// Something was written to the home's end.
    pub(super) fn on_written(&self) {
        self.end().on_written();
    }

    /// Nobody has the descriptor any more.
    pub(super) fn close(self: &Arc<Self>) {
        self.served.act(|held, _| {
            held.opened.retain(|opened| !Arc::ptr_eq(opened, self));
            if let Some(stream) = self.stream {
                held.sock.stream_close(stream);
            }
        });
        if self.stream.is_none() {
            self.served.close();
        }
    }
}
