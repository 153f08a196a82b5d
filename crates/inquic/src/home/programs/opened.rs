//! An open descriptor of a program: what it stands for, and the home's end of it.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inquic_uapi::flags::POLLOUT;
use inquic_wire::StreamId;

use super::end::End;
use super::registry::Registry;
use super::served::Served;

/// A descriptor. Copies that dup, fork and passing make are one and the same.
pub(super) struct Opened {
    pub(super) cookie: u64,
    pub(super) served: Arc<Served>,
    /// The stream, if it is the descriptor of one and not the socket's.
    pub(super) stream: Option<StreamId>,
    end: Mutex<End>,
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
            registry: registry.clone(),
        });
        served.act(|held, _| {
            let mask = held.mask(served.port().map(|port| &**port), stream);
            if mask & POLLOUT == 0 {
                opened.end().fill(&theirs);
            }
            held.opened.push(opened.clone());
        });
        registry.watch(cookie, opened.end().watched())?;
        registry.insert(opened.clone());
        Ok((opened, theirs))
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows `mask`.
    pub(super) fn show(&self, mask: u32) {
        let mut end = self.end();
        if end.show(mask) {
            // If the kernel has no room to watch it, it is never found closed, and stays until the home ends.
            let _ = self.registry.watch(self.cookie, end.watched());
        }
    }

    /// What the program's library has to do after a call, so that the descriptor shows no more than `mask`.
    pub(super) fn orders(&self, mask: u32, may_fill: bool) -> u32 {
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
