//! What leaves a port: batches of packets in, the kernel's UDP out; what the kernel has no room for is kept for a moment.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use inquic_engine::{Path, Transmit};

use super::{Port, lock};
use crate::home::limits;
use crate::home::moves::Extra;
use crate::home::udp::{Sent, Udp};

/// A batch that the kernel had no room for.
pub(super) struct Unsent {
    path: Path,
    segment: usize,
    ecn: u8,
    bytes: Box<[u8]>,
}

impl Port {
    /// Whether the kernel takes no more for now.
    pub(in crate::home) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Acquire)
    }

    /// Keeps a batch until the kernel takes it. Beyond the bound it is lost, as packets are.
    pub(in crate::home) fn keep_unsent(&self, batch: &Transmit, bytes: &[u8]) {
        let mut unsent = lock(&self.unsent);
        if unsent.len() < limits::UNSENT_BATCHES {
            unsent.push_back(Unsent {
                path: batch.path,
                segment: batch.segment,
                ecn: batch.ecn,
                bytes: bytes.into(),
            });
        }
        self.blocked.store(true, Ordering::Release);
        drop(unsent);
        self.bell.ring();
    }

    /// Tries to send what was kept; returns whether the kernel takes more.
    pub(in crate::home) fn send_unsent(&self) -> bool {
        let mut unsent = lock(&self.unsent);
        while let Some(batch) = unsent.front() {
            let own = self.udp.iter().find(|udp| udp.serves(batch.path.local));
            let udp = own.unwrap_or(&self.udp[0]);
            if udp.send(&batch.path, &batch.bytes, batch.segment, batch.ecn) == Sent::Blocked {
                return false;
            }
            unsent.pop_front();
        }
        self.blocked.store(false, Ordering::Release);
        true
    }

    /// Sends by the socket that has the path's local address: nearly always the one at hand, `udp`, or one that `extra` finds.
    pub(in crate::home) fn send(
        &self,
        udp: &Udp,
        batch: &Transmit,
        bytes: &[u8],
        extra: impl FnOnce(Option<SocketAddr>) -> Option<Arc<Extra>>,
    ) -> Sent {
        let Transmit {
            path, segment, ecn, ..
        } = batch;
        if udp.serves(path.local) {
            return udp.send(path, bytes, *segment, *ecn);
        }
        if let Some(extra) = extra(path.local) {
            return match extra.udp.send(path, bytes, *segment, *ecn) {
                // Nobody keeps it for a socket that one connection has alone: it is lost, as packets are.
                Sent::Blocked => Sent::Done,
                sent => sent,
            };
        }
        let own = self.udp.iter().find(|udp| udp.serves(path.local));
        own.map_or(Sent::Done, |udp| udp.send(path, bytes, *segment, *ecn))
    }

    pub(in crate::home) fn take_outbox(&self) -> Box<[u8]> {
        lock(&self.outboxes).pop().unwrap_or_else(new_outbox)
    }

    pub(in crate::home) fn give_outbox(&self, outbox: Box<[u8]>) {
        lock(&self.outboxes).push(outbox);
    }
}

/// A transmit buffer.
pub(in crate::home) fn new_outbox() -> Box<[u8]> {
    vec![0; limits::TRANSMIT_BYTES].into_boxed_slice()
}
